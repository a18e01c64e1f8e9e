"""Ready-made series asked for as any other path: by which keys they are told apart, and where their periods lie.

A value of the table `series` stands for the period that begins at its date. So a cutoff lies where a period begins, and
a period without a value is a gap and no zero.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np

from footfall.engine import Engine
from footfall.errors import FootfallError
from footfall.forecast.outside import days_of
from footfall.models.panel import Days
from footfall.spans import Span, shift
from footfall.tasks import Task

READY = "series"
ENTITIES = {
    "store": "store_id", "category": "category", "product": "product_id", "brand": "brand", "channel": "channel",
}  # fmt: skip


def is_ready(task: Task) -> bool:
    """Whether the task asks about ready-made series."""
    return task.target.fact.table == READY


def resolved(engine: Engine, task: Task) -> Task:
    """The task per what tells its series apart, where it asks for each `series`; else as it is.

    Raises FootfallError: several sets of series, or series told apart by something that has no column.
    """
    if not is_ready(task) or task.entity != (READY,):
        return task
    where = _where(task)
    sets = [str(name) for (name,) in engine.rows(f"select distinct series from series f where {where} order by 1")]
    if len(sets) > 1:
        raise FootfallError(
            f"{task.name}: the shop holds {len(sets)} sets of series ({', '.join(sets)}); write a task on one of "
            f"them, with series.where(series={sets[0]!r}).sum('value')"
        )
    counts = ", ".join(f"count(distinct {column})" for column in ENTITIES.values())
    found = engine.rows(f"select {counts} from series f where {where}")[0]
    kept = {entity: column for (entity, column), n in zip(ENTITIES.items(), found, strict=True) if n > 1}
    known = ", ".join(f"coalesce({column}, '')" for column in kept.values()) or "1"
    apart, told = engine.rows(
        f"select count(distinct keys), count(distinct struct_pack(k := [{known}])) from series f where {where}"
    )[0]
    if apart != told:
        text = engine.value(f"select min(keys) from series f where {where}")
        raise FootfallError(
            f"{task.name}: {apart} series, as {text}, are not told apart by {', '.join(ENTITIES)}; map what tells them "
            "apart to one of these columns (store_id, category, product_id, brand, channel)"
        )
    return replace(task, entity=tuple(kept) or ("all",))


def ready_span(engine: Engine, task: Task, tz: str = "UTC") -> tuple[datetime, datetime]:
    """First instant of the task's series, and the end of their last period.

    Raises FootfallError: no values, or a step that is no whole number of theirs.
    """
    days, gap = _days(engine, task)
    first, last = engine.rows(f"select min(occurred_at), max(occurred_at) from series f where {_where(task)}")[0]
    monthly = 28 <= gap <= 31
    step = task.target.step
    assert step is not None
    if step.unit == "h" or (monthly != (step.unit == "mo") and gap > 1) or (not monthly and step.days % gap):
        told = "month" if monthly else "day" if gap == 1 else f"{gap} days"
        raise FootfallError(
            f"{task.name}: the series have a value every {told}, from {days[0]} on; ask for that, with "
            f".every('{'1mo' if monthly else f'{gap}d'}')"
        )
    return first, shift(last, Span(1, "mo") if monthly else Span(gap, "d"), 1, tz)


def ready_cutoff(engine: Engine, task: Task, at: datetime | None, tz: str = "UTC") -> datetime:
    """Where to ask: `at`, else the end of the last period.

    Raises FootfallError where `at` lies within a period, whose value stands for all of it.
    """
    _, end = ready_span(engine, task, tz)
    if at is None:
        return end
    days, gap = _days(engine, task)
    here = days_of([at], tz)[0]
    off = int((here - days[-1]).astype(int)) % gap
    if gap < 28 and off:
        raise FootfallError(
            f"{task.name}: {here} lies within a period of the series; ask at the start of one, as {here - off}"
        )
    return at


def _days(engine: Engine, task: Task) -> tuple[Days, int]:
    """The dates that have a value, and their commonest distance in days."""
    found = engine.fetch(f"select distinct date from series f where {_where(task)} and date is not null order by 1")
    days = found.column("date").to_numpy().astype("datetime64[D]")
    if len(days) < 2:
        raise FootfallError(f"{task.name}: there are no series of two periods or more; load some with --source series")
    return days, int(np.bincount(np.diff(days).astype(int)).argmax())


def _where(task: Task) -> str:
    told = [c.sql(f"f.{c.column}") for c in task.target.fact.conditions]
    return " and ".join(told) or "true"
