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

import numpy as np
from numpy.typing import NDArray

from footfall.engine import Engine, Query, literal, values_sql
from footfall.errors import FootfallError, UsageError
from footfall.models.panel import Days, Floats, Panel
from footfall.spans import Span, midnight, shift, zone
from footfall.tasks import Task
from footfall.windows import Frame, Future, Spine, compile_windows

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
    step = _step(task)
    ahead = _ahead(task, step, cutoff, tz)
    source = task.target.fact.table
    where = _where(task, cutoff)
    first = engine.value(f"select min(f.occurred_at) from {source} f where {where}")
    grid = _grid(first, step, cutoff, tz) if first is not None else []
    if not grid:
        raise FootfallError(f"{task.name}: no whole period of {step.words} of {source} lies before {cutoff}")
    keys = task.keys
    named = "".join(f"{k}, " for k in keys)
    edges = values_sql(["cutoff", "until"], list(zip(grid, [*grid[1:], cutoff], strict=True)), "grid")
    members = (
        f"select {named}min(f.occurred_at) as first_at, max(f.occurred_at) as last_at\nfrom {source} f\nwhere {where}"
        + "".join(f" and f.{k} is not null" for k in keys)
        + (f"\ngroup by {', '.join(keys)}" if keys else "")
    )
    spine = Query().then("grid", edges).then("members", members)
    kept = f"select {named}g.cutoff from members m join grid g on g.until > m.first_at where m.last_at >= {{0}}"
    engine.materialise(spine.then("spine", kept.format(literal(grid[0]))), SPINE)
    try:
        aggregate = replace(task.target, step=None, keys=())
        frame = Frame(keys, tuple(grid), tz, as_of=cutoff, tiled=True)
        query = compile_windows(frame, {"value": Future(aggregate, step)}, Spine(SPINE))
        by = ", ".join(keys) or "1"
        named_rows = f"select dense_rank() over (order by {by}) - 1 as row, cutoff, cast(value as double) as value"
        cells = query.then("path", f"{named_rows}\nfrom beside").sql(engine.dialect.name)
        found = engine.fetch(cells)
        index = _tuples(engine.fetch(f"select distinct {named or '1, '}0 as one from {SPINE} order by {by}"), keys)
        asked = _asked(engine, task, cutoff, tz)
    finally:
        engine.execute(f"drop table {SPINE}")
    values = np.full((len(index), len(grid)), np.nan)
    instants = np.asarray(grid, dtype="datetime64[us]")
    periods = np.searchsorted(instants, found.column("cutoff").to_numpy().astype("datetime64[us]"))
    values[found.column("row").to_numpy(), periods] = found.column("value").to_numpy()
    alive = np.isfinite(values).any(axis=1)
    if asked is not None:
        alive &= np.asarray([m in asked for m in index])
    silent = alive & ended(values)
    kept_rows = np.flatnonzero(alive & ~silent)
    if not len(kept_rows):
        raise FootfallError(f"{task.name}: nothing was sold of late before {cutoff} that could be forecast")
    starts = [*grid, *(shift(cutoff, step, k, tz) for k in range(ahead))]
    names = tuple(index[i] for i in kept_rows)
    known, notes = calendar_columns(engine, starts, shift(cutoff, step, ahead, tz), cutoff, tz)
    panel = Panel(
        values[kept_rows], days_of(starts, tz), ahead, seasons_of(step), known, groups_of(names),
        floor=0.0 if np.nanmin(values[kept_rows]) >= 0 else None,
    )  # fmt: skip
    return SeriesSet(keys, names, tuple(starts), panel, tuple(index[i] for i in np.flatnonzero(silent)), notes)


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
    known, notes = calendar_columns(engine, starts, end, cutoff, tz, stores)
    season = {1: (7, 364), 7: (52,), 28: (13,), 29: (12,), 30: (12,), 31: (12,)}.get(step, ())
    panel = Panel(
        values[keep], grid, horizon, season, known, groups_of(members, keys),
        floor=0.0 if np.nanmin(values[keep]) >= 0 else None,
    )  # fmt: skip
    return SeriesSet(keys, members, tuple(starts), panel, (), notes)


def ended(values: Floats) -> NDArray[np.bool_]:
    """(n,) which series have been silent (0) at the end far longer than ever within; see `SILENT`."""
    out = np.zeros(len(values), dtype=bool)
    for i, row in enumerate(values):
        sold = np.flatnonzero(np.nan_to_num(row) != 0)
        silence = len(row) - 1 - (sold[-1] if len(sold) else -1)
        longest = int(np.diff(sold).max()) - 1 if len(sold) > 1 else 0
        out[i] = len(sold) > 0 and silence >= LEAST_SILENT and silence > SILENT * longest
    return out


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


def days_of(starts: Sequence[datetime], tz: str) -> Days:
    """The local day of each instant."""
    local = [s.replace(tzinfo=UTC).astimezone(zone(tz)).date() for s in starts]
    return np.asarray(local, dtype="datetime64[D]")


def calendar_columns(
    engine: Engine,
    starts: Sequence[datetime],
    end: datetime,
    cutoff: datetime,
    tz: str,
    stores: Sequence[str] | None = None,
) -> tuple[dict[str, Floats], tuple[str, ...]]:
    """`holiday` and `promotion`: days so marked in each period, as known at the cutoff; shape (series or 1, periods).

    A column whose marks do not reach into the horizon is known of the past only: it is left out, and a note says so.
    """
    days = days_of([*starts, end], tz)
    known, notes = {}, []
    for name in ("holiday", "promotion"):
        found = engine.fetch(
            f"select store_id, date from calendar where {name} is not null and date < date '{days[-1]}' "
            f"and coalesce(known_at, timestamp '1900-01-01') < {literal(cutoff)} group by all order by all"
        )
        if not found.num_rows:
            continue
        reach = engine.value(
            f"select max(date) from calendar where coalesce(known_at, timestamp '1900-01-01') < {literal(cutoff)}"
        )
        marked = found.column("date").to_numpy().astype("datetime64[D]")
        ahead = days[len(days) - 1 - int(np.sum(np.asarray(starts) >= np.datetime64(cutoff)))]
        if np.datetime64(reach) < days[-2] or (name == "promotion" and marked.max() < ahead):
            notes.append(f"{name} is known of the past only, so no forecast uses it")
            continue
        where = np.asarray(["" if s is None else str(s) for s in found.column("store_id").to_pylist()])
        at = np.searchsorted(days, marked, side="right") - 1
        inside = (at >= 0) & (at < len(starts))
        wanted: list[str | None] = list(dict.fromkeys(stores)) if stores is not None else [None]
        table = np.zeros((len(wanted), len(starts)))
        for i, store in enumerate(wanted):
            mine = inside & ((where == store) | (where == "")) if store is not None else inside
            here = np.unique(marked[mine])
            np.add.at(table[i], np.searchsorted(days, here, side="right") - 1, 1.0)
        same = stores is None or (table == table[0]).all()
        known[name] = table[:1] if same else table[[wanted.index(s) for s in stores or ()]]
    return known, tuple(notes)


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


def _where(task: Task, cutoff: datetime) -> str:
    """Facts that count, as known at the cutoff."""
    told = [c.sql(f"f.{c.column}") for c in task.target.fact.conditions if c.column not in DERIVED]
    return " and ".join([f"f.occurred_at < {literal(cutoff)}", f"f.known_at < {literal(cutoff)}", *told])


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
