"""Forecasts of the past beside what came: each origin sees what was known then, the truth is what is known today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from footfall.engine import Engine
from footfall.errors import UsageError
from footfall.forecast.hierarchy import LevelForecast, TreeForecast, forecast_tree
from footfall.forecast.metrics import Origin, Told
from footfall.forecast.path import Work
from footfall.forecast.ready import is_ready
from footfall.forecast.series import Known, cells
from footfall.forecast.stock import out_of_stock
from footfall.forecast.tree import Level, categories
from footfall.models.panel import Floats
from footfall.tasks import Task

FAR = datetime(9999, 1, 1)


@dataclass(frozen=True)
class TestedLevel:
    """A level at several origins: `origins` as `measure` wants them, `cutoffs` their instants, `methods` how the levels
    were made to add up at each."""

    name: str
    keys: tuple[str, ...]
    origins: list[Origin]
    cutoffs: list[datetime]
    methods: list[str]


def backtest_tree(
    engine: Engine, task: Task, origins: Sequence[datetime], tz: str = "UTC", work: Work | None = None
) -> list[TestedLevel]:
    """Each level of a path task forecast at each of `origins` (naive UTC), and what then came.

    A forecast sees facts that had happened and were known before its origin. What came is what is known today of the
    periods from the origin on; periods of the lowest level that were out of stock count for nothing there, as they are
    no demand. Rows that are no members of the task (`Level.rest`) are left out, yet are part of the levels above.

    Raises:
        UsageError: there is no origin, or as `read_tree`.
    """
    if not origins:
        raise UsageError(f"a backtest of {task.name} wants at least one origin")
    out: dict[str, TestedLevel] = {}
    for at in sorted(origins):
        made = forecast_tree(engine, task, at, tz, work)
        came = _came(engine, task, made, tz)
        for one, actual in zip(made.levels, came, strict=True):
            level = one.level
            tested = out.setdefault(level.name, TestedLevel(level.name, level.keys, [], [], []))
            tested.origins.append(_origin(one, actual))
            tested.cutoffs.append(at)
            tested.methods.append(made.method)
    return list(out.values())


def _origin(one: LevelForecast, actual: Floats) -> Origin:
    rows = np.flatnonzero(~one.level.rest)
    told = {
        name: Told(t.point[rows], {k: (low[rows], high[rows]) for k, (low, high) in t.bands.items()})
        for name, t in one.told.items()
    }
    members = tuple(one.level.members[i] for i in rows)
    return Origin(one.level.panel.only(rows), actual[rows], told, members)


def _came(engine: Engine, task: Task, made: TreeForecast, tz: str) -> list[Floats]:
    """(n, h) what came at each level. A member that is new since the origin counts in the levels above it."""
    edges = (*made.own.starts, made.own.ends[-1])
    found = cells(engine, task, task.keys, edges, Known(tz))
    leaf = made.own.level
    if len(made.levels) == 1 and leaf.keys:
        return [_placed(leaf, list(found.members), found.values, np.nan)]
    values = np.nan_to_num(found.values)
    out = []
    for one in made.levels[:-1]:
        of = _above(engine, task, one.level, leaf, list(found.members))
        out.append(_placed(one.level, of, values))
        if not one.level.keys:
            out[-1] = np.nan_to_num(cells(engine, task, (), edges, Known(tz)).values.reshape(-1, leaf.panel.horizon))
            out[-1] = out[-1] if len(out[-1]) else np.zeros((1, leaf.panel.horizon))
    ready = is_ready(task)  # a period without a value is a gap there
    own = _placed(leaf, list(found.members), found.values if ready else values, np.nan if ready else 0.0)
    hidden = out_of_stock(engine, leaf.keys, leaf.members, edges, FAR)
    if hidden is not None:
        here = np.isfinite(leaf.panel.values)
        usual = np.where(here, np.nan_to_num(leaf.panel.values), 0.0).sum(axis=1) / here.sum(axis=1)
        own = np.where(hidden & (own < usual[:, None]), np.nan, own)
    return [*out, own]


def _above(
    engine: Engine, task: Task, level: Level, leaf: Level, members: list[tuple[str, ...]]
) -> list[tuple[str, ...]]:
    """The member of `level` that each member of the lowest level belongs to; new products, by what is known today."""
    if not level.keys:
        return [()] * len(members)
    if level.keys[0] in leaf.keys:
        spot = leaf.keys.index(level.keys[0])
        return [(m[spot],) for m in members]
    known = dict(zip(leaf.members, leaf.within[level.keys[0]], strict=True))
    today = categories(engine, task, FAR)
    return [(known.get(m, today.get(m[0], "")),) for m in members]


def _placed(level: Level, of: list[tuple[str, ...]], values: Floats, empty: float = 0.0) -> Floats:
    """(n, h) sums by the members of `level`; others are left out."""
    at = {m: i for i, m in enumerate(level.members)}
    out = np.full((len(level.members), level.panel.horizon), empty)
    rows = [(at[m], i) for i, m in enumerate(of) if m in at]
    if rows:
        into, source = np.asarray(rows).T
        out[into] = np.where(np.isfinite(out[into]), out[into], 0.0) if empty == 0 else out[into]
        if empty == 0:
            np.add.at(out, into, values[source])
        else:
            out[into] = values[source]
    return out
