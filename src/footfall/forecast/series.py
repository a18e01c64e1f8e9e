"""From facts to series: a period is the target's window beside the instant the period starts at.

A path task asks for `lines.sum("amount").every("7d")` over a horizon. Its past is the same aggregate over the same
steps, counted back from the cutoff, so the window compiler writes it: one spine row per key and period start, one
window of one step ahead, and of what the business knew before the cutoff. Period and cutoff share their edges, so that
the last period is whole; one that starts before the day of the first fact is left out. From a key's first period on, a
period without a fact is a true zero; a key that has been silent far longer than ever before has ended and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from footfall.engine import Engine, Query, literal, values_sql
from footfall.errors import FootfallError, UsageError
from footfall.forecast.outside import Dates, days_of, known_columns
from footfall.forecast.ready import is_ready
from footfall.models.panel import Days, Floats, Panel
from footfall.spans import Span, midnight, shift, zone
from footfall.tasks import Task
from footfall.windows import Frame, Future, Spine, Window, compile_windows

SPINE = "forecast_spine"
DERIVED = ("hour", "weekday", "day")
SILENT = 3.0
"""A key has ended when its silence before the cutoff is so many times the longest one it came back from."""
LEAST_SILENT = 8
"""... and at least so many periods."""


@dataclass(frozen=True)
class SeriesSet:
    """Series of one task at one cutoff.

    `members` are the keys' values in the order of the panel's rows, `starts` the instants (naive UTC) its periods start
    at, those ahead included; `ended` the members left out since they are no longer on sale; `notes` what else was left
    out, in words.
    """

    keys: tuple[str, ...]
    members: tuple[tuple[str, ...], ...]
    starts: tuple[datetime, ...]
    panel: Panel
    ended: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()


def task_series(engine: Engine, task: Task, cutoff: datetime, tz: str = "UTC") -> SeriesSet:
    """The series of a path task as known at `cutoff` (naive UTC).

    Raises:
        UsageError: the task asks for no path, its horizon is no whole number of steps, or its steps are calendar
            months and the cutoff is not the first of one.
        FootfallError: no whole period lies before the cutoff.
    """
    grid, starts = whole_periods(engine, task, cutoff, tz)
    found = cells(engine, task, task.keys, (*grid, cutoff), Known(tz, cutoff, cutoff))
    alive = np.isfinite(found.values).any(axis=1)
    if found.asked is not None:
        alive &= np.asarray([m in found.asked for m in found.members])
    silent = alive & ended(found.values)
    kept = np.flatnonzero(alive & ~silent)
    if not len(kept):
        raise FootfallError(f"{task.name}: nothing was sold of late before {cutoff} that could be forecast")
    step, ahead = _step(task), len(starts) - len(grid)
    names = tuple(found.members[i] for i in kept)
    known, notes = known_columns(engine, Dates(tuple(starts), shift(cutoff, step, ahead, tz), cutoff, tz))
    values = found.values[kept]
    panel = Panel(values, days_of(starts, tz), ahead, seasons_of(step), known, groups_of(names), floor_of(values))
    gone = tuple(found.members[i] for i in np.flatnonzero(silent))
    return SeriesSet(task.keys, names, starts, panel, gone, notes)


@dataclass(frozen=True)
class Known:
    """Whose knowledge: the shop's zone, facts that reached the business before `as_of` (None: all of today), and the
    cutoff at which the task's population is asked (None: everyone)."""

    tz: str = "UTC"
    as_of: datetime | None = None
    among: datetime | None = None


@dataclass(frozen=True)
class Cells:
    """`values` (n, T) of `members`; NaN before a member's first fact. `asked`: who is in the population; None: all."""

    members: tuple[tuple[str, ...], ...]
    values: Floats
    asked: set[tuple[str, ...]] | None


def whole_periods(
    engine: Engine, task: Task, cutoff: datetime, tz: str
) -> tuple[tuple[datetime, ...], tuple[datetime, ...]]:
    """The starts of the whole periods before `cutoff`, and the same with those of the horizon. Raises as above."""
    step = _step(task)
    ahead = _ahead(task, step, cutoff, tz)
    source = task.target.fact.table
    first = engine.value(f"select min(f.occurred_at) from {source} f where {facts_sql(task, cutoff, cutoff)}")
    grid = _grid(first, step, cutoff, tz) if first is not None else []
    if not grid:
        raise FootfallError(f"{task.name}: no whole period of {step.words} of {source} lies before {cutoff}")
    return tuple(grid), (*grid, *(shift(cutoff, step, k, tz) for k in range(ahead)))


def cells(engine: Engine, task: Task, keys: tuple[str, ...], edges: Sequence[datetime], known: Known) -> Cells:
    """The task's aggregate per value of `keys` over the periods between `edges` (T + 1 instants a step apart)."""
    grid, named = list(edges[:-1]), "".join(f"{k}, " for k in keys)
    engine.materialise(_spine(task, keys, edges, known), SPINE)
    try:
        query = _path(task, keys, grid, known, SPINE)
        by = ", ".join(keys) or "1"
        # A period that nobody gave a value is a gap in ready-made series, and no sale in all others.
        told = "case when rows > 0 then cast(value as double) end" if is_ready(task) else "cast(value as double)"
        named_rows = f"select dense_rank() over (order by {by}) - 1 as row, cutoff, {told} as value"
        found = engine.fetch(query.then("path", f"{named_rows}\nfrom beside").sql(engine.dialect.name))
        index = _tuples(engine.fetch(f"select distinct {named or '1, '}0 as one from {SPINE} order by {by}"), keys)
        asked = _asked(engine, task, known.among, known.tz) if known.among is not None else None
    finally:
        engine.execute(f"drop table {SPINE}")
    values = np.full((len(index), len(grid)), np.nan)
    instants = np.asarray(grid, dtype="datetime64[us]")
    periods = np.searchsorted(instants, found.column("cutoff").to_numpy().astype("datetime64[us]"))
    values[found.column("row").to_numpy(), periods] = found.column("value").to_numpy()
    return Cells(tuple(index), values, asked)


def series_query(task: Task, edges: Sequence[datetime], tz: str = "UTC") -> Query:
    """The SQL of a task's series, as known at the last of `edges` (as of `cells`): keys, period_start, value."""
    known = Known(tz, edges[-1], edges[-1])
    query = _spine(task, task.keys, edges, known)
    for step in _path(task, task.keys, list(edges[:-1]), known, "kept").steps:
        query = query.then(step.name, step.sql)
    named = "".join(f"{k}, " for k in task.keys)
    value = "case when rows > 0 then value end as value" if is_ready(task) else "value"
    return query.then("series", f"select {named}cutoff as period_start, {value}\nfrom beside")


def _spine(task: Task, keys: tuple[str, ...], edges: Sequence[datetime], known: Known) -> Query:
    """A row per key and period, from the key's first period on."""
    source, named = task.target.fact.table, "".join(f"{k}, " for k in keys)
    where = facts_sql(task, edges[-1], known.as_of)
    table = values_sql(["cutoff", "until"], list(pairwise(edges)), "grid")
    members = (
        f"select {named}min(f.occurred_at) as first_at, max(f.occurred_at) as last_at\nfrom {source} f\nwhere {where}"
        + f" and f.occurred_at >= {literal(edges[0])}" * (known.as_of is None)
        + "".join(f" and f.{k} is not null" for k in keys)
        + (f"\ngroup by {', '.join(keys)}" if keys else "")
    )
    kept = f"select {named}g.cutoff\nfrom members m\njoin grid g on g.until > m.first_at\nwhere m.last_at >= "
    return Query().then("grid", table).then("members", members).then("kept", kept + literal(edges[0]))


def _path(task: Task, keys: tuple[str, ...], grid: list[datetime], known: Known, spine: str) -> Query:
    """The target's window beside the start of each period."""
    aggregate = replace(task.target, step=None, keys=())
    frame = Frame(keys, tuple(grid), known.tz, as_of=known.as_of, tiled=True)
    windows: dict[str, Window] = {"value": Future(aggregate, _step(task))}
    if is_ready(task):
        windows["rows"] = Future(task.target.fact.count(), _step(task))
    return compile_windows(frame, windows, Spine(spine))


def floor_of(values: Floats) -> float | None:
    """0 where no value is below it."""
    return 0.0 if np.nanmin(values) >= 0 else None


def ready_series(engine: Engine, name: str, cutoff: datetime, horizon: int, tz: str = "UTC") -> SeriesSet:
    """The ready-made series of set `name` (table `series`) before `cutoff`, to be forecast `horizon` periods ahead.

    The step is the commonest distance of their dates; a date that is not there is a gap, not a zero.

    Raises:
        FootfallError: there is no such set, or a series has two values of one date.
    """
    found = engine.fetch(
        f"select keys, date, value from series where series = {literal(name)} "
        f"and date < cast({literal(cutoff)} as date) order by keys, date, value"
    )
    if not found.num_rows:
        raise FootfallError(f"there is no series '{name}' before {cutoff}; load it with --source series")
    texts = found.column("keys").to_pylist()
    dates = found.column("date").to_numpy().astype("datetime64[D]")
    index: dict[str, int] = {}
    rows = np.asarray([index.setdefault(t, len(index)) for t in texts])
    twice = (np.diff(rows) == 0) & (np.diff(dates) == np.timedelta64(0, "D"))
    if twice.any():
        i = int(np.argmax(twice))
        raise FootfallError(f"series '{name}', {texts[i]}: two values of {dates[i]}; keep one, or sum them on loading")
    grid, step = _dates(dates, horizon)
    values = np.full((len(index), len(grid) - horizon), np.nan)
    values[rows, np.searchsorted(grid, dates)] = found.column("value").to_numpy()
    keep = np.flatnonzero(np.isfinite(values).any(axis=1))
    body = engine.rows(
        "select t.keys, k.key, json_extract_string(t.keys, '$.\"' || k.key || '\"') "
        f"from (select distinct keys from series where series = {literal(name)}) t, "
        "(select unnest(json_keys(t.keys)) as key) k"
    )
    parts: dict[str, dict[str, str]] = {}
    for text, key, value in body:
        parts.setdefault(text, {})[key] = str(value)
    names = list(index)
    keys = tuple(parts[names[0]])
    members = tuple(tuple(parts[names[i]].get(k, "") for k in keys) for i in keep)
    starts = [datetime.fromisoformat(str(d)) for d in grid]
    end = starts[-1] + timedelta(days=float(step))
    stores = [m[keys.index("store")] for m in members] if "store" in keys else None
    known, notes = known_columns(engine, Dates(tuple(starts), end, cutoff, tz), stores)
    season = {1: (7, 364), 7: (52,), 28: (13,), 29: (12,), 30: (12,), 31: (12,)}.get(step, ())
    panel = Panel(
        values[keep], grid, horizon, season, known, groups_of(members, keys),
        floor=floor_of(values[keep]),
    )  # fmt: skip
    return SeriesSet(keys, members, tuple(starts), panel, (), notes)


def ended(values: Floats, waiting: NDArray[np.bool_] | None = None, most: int = 0) -> NDArray[np.bool_]:
    """(n,) which series have been silent (0) at the end far longer than ever within; see `SILENT`.

    Periods that are `waiting` (n, T; out of stock) are no silence, unless more than `most` of them end a series.
    """
    sold = np.nan_to_num(values) != 0
    plain = np.broadcast_to(np.arange(1, values.shape[1] + 1, dtype=np.int32), values.shape)
    out = _silent(sold, plain)[0]
    if waiting is not None and waiting.any():
        clock = np.cumsum(~waiting, axis=1, dtype=np.int32)
        out &= _silent(sold, clock)[0] | (_silent(sold, plain)[1] > most)
    return out


def _silent(sold: NDArray[np.bool_], clock: NDArray[np.int32]) -> tuple[NDArray[np.bool_], NDArray[np.int32]]:
    """Which series have ended by this clock, and how long each has been silent."""
    last = np.maximum.accumulate(np.where(sold, clock, 0), axis=1)
    gap = np.where(sold[:, 1:] & (last[:, :-1] > 0), clock[:, 1:] - last[:, :-1] - 1, 0)
    longest = gap.max(axis=1, initial=0)
    silence = clock[:, -1] - last[:, -1]
    return sold.any(axis=1) & (silence >= LEAST_SILENT) & (silence > SILENT * longest), silence


def seasons_of(step: Span) -> tuple[int, ...]:
    """The waves that shops have, in periods of one step; the one that shows most first."""
    hours = {"h": 1, "d": 24, "w": 168}.get(step.unit, 0) * step.count
    if step.unit == "mo":
        return (12 // step.count,) if step.count in (1, 2, 3, 4, 6) else ()
    return {1: (24, 168), 24: (7, 364), 168: (52,), 336: (26,), 672: (13,)}.get(hours, ())


def groups_of(members: Sequence[tuple[str, ...]], keys: tuple[str, ...] = ()) -> dict[str, NDArray[np.int64]]:
    """One group per key, where series have several keys and fewer values of it than series."""
    width = len(members[0])
    out = {}
    for i in range(width if width > 1 else 0):
        names, codes = np.unique([m[i] for m in members], return_inverse=True)
        if 1 < len(names) < len(members):
            out[keys[i] if keys else f"key{i}"] = codes.astype(np.int64)
    return out


def _step(task: Task) -> Span:
    if task.kind != "path" or task.target.step is None:
        raise UsageError(f"task '{task.name}' asks for no path; write its target with .every('7d')")
    return task.target.step


def _ahead(task: Task, step: Span, cutoff: datetime, tz: str) -> int:
    """Steps in the horizon."""
    if step.unit == "mo" and cutoff.replace(tzinfo=UTC).astimezone(zone(tz)).day != 1:
        raise UsageError(f"task '{task.name}' counts calendar months: ask for it at the first of a month, not {cutoff}")
    end, count = shift(cutoff, task.span, 1, tz), 0
    while (reached := shift(cutoff, step, count, tz)) < end:
        count += 1
    if reached != end:
        raise UsageError(f"task '{task.name}': its horizon {task.span} is no whole number of steps of {step}")
    return count


def facts_sql(task: Task, end: datetime, as_of: datetime | None) -> str:
    """Facts `f` that count: before `end`, and where `as_of` is given, known before it."""
    told = [c.sql(f"f.{c.column}") for c in task.target.fact.conditions if c.column not in DERIVED]
    known = [] if as_of is None else [f"f.known_at < {literal(as_of)}"]
    return " and ".join([f"f.occurred_at < {literal(end)}", *known, *told])


def _grid(first: datetime, step: Span, cutoff: datetime, tz: str) -> list[datetime]:
    """Starts of the whole periods between the day of the first fact and the cutoff, in order."""
    edge = first if step.unit == "h" else midnight(first, tz)
    out: list[datetime] = []
    k = 1
    while (start := shift(cutoff, step, -k, tz)) >= edge:
        out.append(start)
        k += 1
    return out[::-1]


def _asked(engine: Engine, task: Task, cutoff: datetime, tz: str) -> set[tuple[str, ...]] | None:
    """The members that the task's population holds at the cutoff; None: all of them."""
    if not task.population:
        return None
    named = ", ".join([*(f"{k}" for k in task.keys), f"{literal(cutoff)} as cutoff"])
    table = f"{SPINE}_asked"
    engine.materialise(f"select distinct {named} from {SPINE}", table)
    try:
        windows = {f"among{i}": past for i, past in enumerate(task.population)}
        query = compile_windows(Frame(task.keys, (cutoff,), tz), dict(windows), Spine(table))
        found = engine.fetch(f"select * from ({query.sql(engine.dialect.name)}) where {' and '.join(windows)}")
    finally:
        engine.execute(f"drop table {table}")
    return set(_tuples(found, task.keys))


def _tuples(table: object, keys: tuple[str, ...]) -> list[tuple[str, ...]]:
    columns = [table.column(k).to_pylist() for k in keys]  # type: ignore[attr-defined]
    if not columns:
        return [()] * table.num_rows  # type: ignore[attr-defined]
    return [tuple(str(v) for v in row) for row in zip(*columns, strict=True)]


def _dates(dates: Days, horizon: int) -> tuple[Days, int]:
    """The grid of periods from the first date to `horizon` periods after the last, and its step in days."""
    days = np.unique(dates)
    gaps = np.diff(days).astype(int)
    step = int(np.bincount(gaps).argmax()) if len(gaps) else 7
    if 28 <= step <= 31:
        months = np.arange(days[0].astype("datetime64[M]"), days[-1].astype("datetime64[M]") + 1 + horizon)
        grid = months.astype("datetime64[D]") + (days[0] - days[0].astype("datetime64[M]").astype("datetime64[D]"))
    else:
        grid = np.arange(days[0], days[-1] + step * horizon + 1, step)
    off = ~np.isin(days, grid)
    if off.any():
        raise FootfallError(f"a series has a value of {days[off][0]}, which is not on its grid of {step} days")
    return grid.astype("datetime64[D]"), step
