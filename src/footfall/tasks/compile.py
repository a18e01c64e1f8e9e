"""A task's own columns beside the cutoff: who is asked about (`among`), and what then happened (`target`)."""

from __future__ import annotations

from dataclasses import dataclass

from footfall.engine import Query
from footfall.tasks.task import Task
from footfall.windows import Feature, Frame, Past, Spine, Window, compile_windows


@dataclass(frozen=True)
class TaskColumns:
    """Column names of one task in a shared matrix: conditions of its population, and its target."""

    among: tuple[str, ...]
    target: str
    windows: dict[str, Window]


def task_columns(task: Task) -> TaskColumns:
    """The windows a task needs besides its features. Tasks with equal windows share the columns."""
    windows: dict[str, Window] = {_condition(p): p for p in task.population}
    target = task.window.name
    windows[target] = task.window
    return TaskColumns(tuple(_condition(p) for p in task.population), target, windows)


def _condition(past: Past) -> str:
    return f"{past.name}_among"


def answer_query(task: Task, frame: Frame, features: list[Feature], spine: Spine | None = None) -> Query:
    """The whole SQL of a task: its population beside each cutoff, each row with its features and its target."""
    columns = task_columns(task)
    windows: dict[str, Window] = {**{f.name: f.window for f in features}, **columns.windows}
    query = compile_windows(frame, windows, spine)
    where = " and ".join(columns.among)
    named = "".join(f", {f.name}" for f in features)
    select = f"select {''.join(f'{k}, ' for k in task.keys)}cutoff{named}, {columns.target} as target\nfrom beside"
    return query.then("answers", select + (f"\nwhere {where}" if where else ""))
