"""The features of one customer who is in no shop yet, by the statement that writes everybody's.

What is told of the customer lies in a shop of its own, in memory; what is of the whole shop (how a category sells, the
calendar ahead) is read there. A feature of a fact of which nothing was told is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from footfall.engine import Engine, literal
from footfall.tabular.store import Matrix
from footfall.tabular.store import _as_number as as_number
from footfall.tasks import Task, task_columns
from footfall.windows import Fact, Feature, Frame, Past, Ratio, Spine, Upcoming, Window, compile_windows


def facts_of(window: Window) -> tuple[Fact, ...]:
    """The facts a window looks at; none of one that looks into the calendar."""
    if isinstance(window, Upcoming):
        return ()
    if isinstance(window, Ratio):
        return (window.top.aggregate.fact, window.bottom.aggregate.fact)
    return (window.aggregate.fact,)


def own(window: Window) -> bool:
    """Whether a window tells of the customer, and not of the whole shop."""
    return any(f.per is None or "customer_id" in f.per for f in facts_of(window))


def single_row(
    engines: tuple[Engine, Engine],
    frame: Frame,
    member: Mapping[str, str],
    features: Sequence[Feature],
    told: Collection[str],
) -> dict[str, Any]:
    """Feature -> value (None where it is not known) of one entity at the frame's single cutoff.

    Args:
        engines: that of the customer's own facts, and the shop's.
        member: the entity's keys.
        told: tables of which everything is told; the others are not known.
    """
    asked: tuple[dict[str, Window], dict[str, Window]] = ({}, {})
    for f in features:
        mine = own(f.window)
        if not mine or all(fact.table in told for fact in facts_of(f.window)):
            asked[0 if mine else 1][f.name] = f.window
    row: dict[str, Any] = {f.name: None for f in features}
    for engine, windows in zip(engines, asked, strict=True):
        if windows:
            row |= windows_of(engine, frame, member, windows)
    return row


def windows_of(
    engine: Engine, frame: Frame, member: Mapping[str, str], windows: Mapping[str, Window]
) -> dict[str, Any]:
    """Window -> value of one entity at the frame's single cutoff; dates as years before it."""
    keys = "".join(f"{literal(member[k])} as {k}, " for k in frame.keys)
    spine = f"(select {keys}{literal(frame.cutoffs[0])} as cutoff)"
    query = compile_windows(frame, dict(windows), Spine(spine))
    found = engine.fetch(query.sql(engine.dialect.name)).to_pylist()[0]
    return {name: _plain(found[name], frame.cutoffs[0]) for name in windows}


def _plain(value: Any, cutoff: datetime) -> Any:
    if value is None or isinstance(value, str | bool):
        return value
    if hasattr(value, "year"):
        return (cutoff - datetime(value.year, value.month, value.day)).total_seconds() / 86400 / 365.25
    return float(value)


def donor_rows(
    engine: Engine, frame: Frame, member: Mapping[str, str], task: Task, features: Sequence[Feature], most: int
) -> pa.Table:
    """The features of at most `most` customers whom the task asks about at the frame's cutoff, drawn by hash.

    Of a task per category (product, ...) beside the same one as `member`.
    """
    cutoff = literal(frame.cutoffs[0])
    keys = "".join(f"{literal(member[k])} as {k}, " for k in frame.keys if k != "customer_id")
    drawn = (
        f"select customer_id from known_customers where known_from < {cutoff} order by md5(customer_id) limit {most}"
    )
    columns = task_columns(task)
    windows: dict[str, Window] = {f.name: f.window for f in features}
    windows |= {n: columns.windows[n] for n in columns.among}
    query = compile_windows(frame, windows, Spine(f"(select customer_id, {keys}{cutoff} as cutoff from ({drawn}))"))
    where = " and ".join(columns.among)
    types = engine.columns(f"({query.sql(engine.dialect.name)} limit 0)")
    named = ", ".join(as_number(f.name, types[f.name], f.text) for f in features)
    query = query.then("asked", f"select {named} from beside" + (f" where {where}" if where else ""))
    return engine.fetch(query.sql(engine.dialect.name))


def belongs(engine: Engine, frame: Frame, member: Mapping[str, str], task: Task, told: Collection[str]) -> bool | None:
    """Whether the task asks about this entity; None where what decides it is not known."""
    columns = task_columns(task)
    windows: dict[str, Window] = {n: columns.windows[n] for n in columns.among}
    if not all(f.table in told for w in windows.values() for f in facts_of(w)):
        return None
    return all(windows_of(engine, frame, member, windows).values()) if windows else True


def single_matrix(
    task: Task, at: datetime, member: Mapping[str, str], row: Mapping[str, Any], text: Collection[str]
) -> Matrix:
    """The matrix of one row."""
    columns: dict[str, pa.Array] = {k: pa.array([member[k]], pa.string()) for k in task.keys}
    columns["cutoff"] = pa.array([at], pa.timestamp("us"))
    for name, value in row.items():
        columns[name] = pa.array(
            [value], pa.string() if name in text else pa.float64() if not isinstance(value, bool) else pa.bool_()
        )
    zero = np.zeros(1, dtype=np.int64)
    return Matrix(pa.table(columns), (at,), zero, zero, np.ones(1))


def past_of_customers(feature: Feature) -> str | None:
    """The column of `customers` that the feature states; None for any other feature."""
    window = feature.window
    if (
        isinstance(window, Past)
        and window.aggregate.fact.table == "customers"
        and window.aggregate.function == "latest"
    ):
        return window.aggregate.column
    return None
