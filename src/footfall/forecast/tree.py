"""The tree of a path task: its series, and above them what they add up to, up to the whole shop.

The lowest level is the task's own. Above it stand the levels of its single keys where it has several, for products
their categories, and on top the total. Levels above hold everything, so that they are true totals: what is not among
the task's members (keys that have ended, or that the population leaves out) and facts without a key are rows of their
own on the lowest level, marked `rest`. The tree adds up in every period.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from footfall.engine import Engine, literal
from footfall.errors import FootfallError
from footfall.forecast.outside import Dates, days_of, known_columns
from footfall.forecast.series import (
    Known,
    cells,
    ended,
    facts_sql,
    floor_of,
    groups_of,
    seasons_of,
    task_series,
    whole_periods,
)
from footfall.forecast.stock import Flags, censored, out_of_stock
from footfall.models.panel import Floats, Panel
from footfall.spans import Span, shift
from footfall.tasks import Task

Codes = NDArray[np.int64]
Member = tuple[str, ...]
NAMES = {"product_id": "product", "store_id": "store", "customer_id": "customer"}
TOTAL = "total"
REST = "(rest)"
WAITED = 92
"""Days that a product may have been out of stock for before it counts as ended all the same."""


@dataclass(frozen=True)
class Level:
    """One level: a row per member.

    Args:
        name: 'total', 'category', 'product', 'store', ...; of several keys, joined by ' and '.
        keys: the columns that tell members apart; none for the total.
        members: their values as text, '' where facts have none.
        panel: what models are told: as `history`, NaN where censored.
        history: (n, T) what was, NaN before a series begins.
        censored: (n, T) periods out of stock, which tell little of the demand.
        rest: (n,) rows that are no members of the task, but hold what the levels above hold beyond them.
        flat: (n,) rows of which only the mean of late is forecast.
        within: further columns of the members, as a product's category.
    """

    name: str
    keys: tuple[str, ...]
    members: tuple[Member, ...]
    panel: Panel
    history: Floats
    censored: Flags
    rest: Flags
    flat: Flags
    within: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Tree:
    """`levels` top first, the task's own last. `above[i]` (leaves,): which row of level i each row of the last level
    adds to, -1 being the last one of it. `starts` of all periods, those ahead included; `end` of the last one;
    `ended`: members of no late sales; `adds`: False where the aggregate cannot be added up."""

    levels: tuple[Level, ...]
    above: tuple[Codes, ...]
    starts: tuple[datetime, ...]
    end: datetime
    ended: tuple[Member, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def adds(self) -> bool:
        return len(self.levels) > 1 or not self.levels[0].keys

    @property
    def periods(self) -> int:
        return self.levels[0].panel.periods


def level_name(keys: Sequence[str]) -> str:
    """`('category', 'store_id')` -> 'category and store'."""
    return " and ".join(NAMES.get(k, k) for k in keys) or TOTAL


def read_tree(engine: Engine, task: Task, cutoff: datetime, tz: str = "UTC") -> Tree:
    """The tree of a path task as known at `cutoff` (naive UTC).

    Raises:
        UsageError, FootfallError: as `task_series`.
    """
    if task.target.function not in ("count", "sum") or task.target.fact.per is not None:
        return _alone(engine, task, cutoff, tz)
    grid, starts = whole_periods(engine, task, cutoff, tz)
    edges, step = (*grid, cutoff), task.target.step
    assert step is not None
    found = cells(engine, task, task.keys, edges, Known(tz, cutoff, cutoff))
    out = out_of_stock(engine, task.keys, found.members, edges, cutoff)
    hidden = censored(found.values, out)
    begun = cast("Flags", np.isfinite(found.values).any(axis=1))
    gone: Flags = begun & ended(found.values, hidden, int(np.ceil(WAITED / step.days)))
    asked = np.ones(len(begun), dtype=bool)
    if found.asked is not None:
        asked = np.asarray([m in found.asked for m in found.members])
    if not (begun & ~gone & asked).any():
        raise FootfallError(f"{task.name}: nothing was sold of late before {cutoff} that could be forecast")
    leaves = _Leaves(task.keys, found.members, found.values, hidden, {})
    if task.keys == ("product_id",):
        leaves = _in_categories(engine, task, leaves, cutoff)
    leaves = leaves.pooled(begun & ~gone & asked)
    if task.keys:
        leaves = _with_unnamed(engine, task, leaves, edges, tz)
    end = shift(cutoff, step, len(starts) - len(grid), tz)
    calendar = _Calendar(engine, starts, end, cutoff, tz)
    levels, above = _levels(leaves, calendar, step)
    notes = [*calendar.notes, *_notes(task, leaves, gone & asked, hidden)]
    missing = tuple(found.members[i] for i in np.flatnonzero(gone & asked))
    return Tree(levels, above, starts, end, missing, tuple(notes))


def _alone(engine: Engine, task: Task, cutoff: datetime, tz: str) -> Tree:
    """The task's own level, where its values do not add up."""
    found = task_series(engine, task, cutoff, tz)
    n, no = len(found.members), np.zeros(found.panel.values.shape, dtype=bool)
    none = np.zeros(n, dtype=bool)
    level = Level(level_name(task.keys), task.keys, found.members, found.panel, found.panel.values, no, none, none)
    assert task.target.step is not None
    end = shift(cutoff, task.target.step, found.panel.horizon, tz)
    word = f"{task.target.function} does not add up over {level.name}s, so no level stands above them"
    notes = (*found.notes, word) if task.keys else found.notes
    return Tree((level,), (np.arange(n),), found.starts, end, found.ended, notes)


@dataclass(frozen=True)
class _Leaves:
    """Rows of the lowest level; `within`: column -> value of each row."""

    keys: tuple[str, ...]
    members: tuple[Member, ...]
    values: Floats
    hidden: Flags
    within: Mapping[str, tuple[str, ...]]
    rest: Flags | None = None
    flat: Flags | None = None

    def upper(self) -> list[tuple[tuple[str, ...], list[Member]]]:
        """Keys of each level above, and the member that each leaf belongs to."""
        out: list[tuple[tuple[str, ...], list[Member]]] = []
        if self.keys:
            out.append(((), [()] * len(self.members)))
        if len(self.keys) > 1:
            out += [((k,), [(m[i],) for m in self.members]) for i, k in enumerate(self.keys)]
        return out + [((column,), [(v,) for v in values]) for column, values in self.within.items()]

    def pooled(self, kept: Flags) -> _Leaves:
        """The rows that are `kept`, then one for all others of the same members above."""
        others = np.flatnonzero(~kept & np.isfinite(self.values).any(axis=1))
        upper = self.upper()
        spots: dict[tuple[Member, ...], list[int]] = {}
        for i in others:
            spots.setdefault(tuple(of[i] for _, of in upper), []).append(int(i))
        rows = np.flatnonzero(kept)
        members = [self.members[i] for i in rows]
        values, within = [self.values[rows]], {c: [v[i] for i in rows] for c, v in self.within.items()}
        for at in sorted(spots):
            mine = spots[at]
            if len(self.keys) > 1:
                members.append(self.members[mine[0]])
            else:
                members.append((f"(rest of {within_one})" if (within_one := _first(at)) else REST,))
            for column, told in self.within.items():
                within[column].append(told[mine[0]])
            values.append(_summed(self.values[mine], np.zeros(len(mine), dtype=np.int64), 1))
        extra = len(spots)
        rest = np.r_[np.zeros(len(rows), dtype=bool), np.ones(extra, dtype=bool)]
        hidden = np.concatenate([self.hidden[rows], np.zeros((extra, self.values.shape[1]), dtype=bool)])
        named = {c: tuple(v) for c, v in within.items()}
        return _Leaves(self.keys, tuple(members), np.concatenate(values), hidden, named, rest, rest)

    def plus(self, member: Member, values: Floats) -> _Leaves:
        """One row more, of facts without a key."""
        assert self.rest is not None and self.flat is not None
        return _Leaves(
            self.keys, (*self.members, member), np.concatenate([self.values, values]),
            np.concatenate([self.hidden, np.zeros(values.shape, dtype=bool)]),
            {c: (*v, "") for c, v in self.within.items()}, np.r_[self.rest, True], np.r_[self.flat, False],
        )  # fmt: skip


def _first(at: tuple[Member, ...]) -> str:
    return at[-1][0] if at and at[-1] else ""


def _in_categories(engine: Engine, task: Task, leaves: _Leaves, cutoff: datetime) -> _Leaves:
    """Each product's category, where any is known."""
    found = categories(engine, task, cutoff)
    told = tuple(found.get(m[0], "") for m in leaves.members)
    return replace(leaves, within={"category": told}) if any(told) else leaves


def categories(engine: Engine, task: Task, end: datetime, as_of: datetime | None = None) -> dict[str, str]:
    """product -> category: that of the catalogue, else the one it is most often sold under before `end`."""
    source = task.target.fact.table if "category" in engine.columns(task.target.fact.table) else "lines"
    known = literal(as_of or end)
    rows = engine.rows(
        f"select product_id, category from {source} where product_id is not null and category is not null "
        f"and occurred_at < {literal(end)} and known_at < {known} group by product_id, category "
        "qualify row_number() over (partition by product_id order by count(*) desc, category) = 1 "
        "union all select product_id, min(category) from products where category is not null group by product_id"
    )
    return {str(product): str(category) for product, category in rows}


def _with_unnamed(engine: Engine, task: Task, leaves: _Leaves, edges: Sequence[datetime], tz: str) -> _Leaves:
    """The facts without a key as one more row: what the whole holds beyond the rows there are."""
    source, where = task.target.fact.table, facts_sql(task, edges[-1], edges[-1])
    null = " or ".join(f"f.{k} is null" for k in task.keys)
    if not engine.value(f"select count(*) from (select 1 from {source} f where {where} and ({null}) limit 1)"):
        return leaves
    whole = cells(engine, task, (), edges, Known(tz, edges[-1])).values
    beyond = np.nan_to_num(whole) - np.nan_to_num(leaves.values).sum(axis=0, keepdims=True)
    beyond[np.abs(beyond) < 1e-6 * np.maximum(np.abs(np.nan_to_num(whole)), 1e-3)] = 0.0
    if not beyond.any():
        return leaves
    return leaves.plus(("",) * len(task.keys), beyond)


def _summed(values: Floats, codes: Codes, size: int) -> Floats:
    """(size, T) sums of the rows by code; NaN before the first of them begins."""
    by = sparse.csr_array((np.ones(len(codes)), (codes, np.arange(len(codes)))), (size, len(codes)))
    out = np.asarray(by @ np.nan_to_num(values))
    here = np.asarray(by @ np.maximum.accumulate(np.isfinite(values), axis=1).astype(np.float64))
    out[here == 0] = np.nan
    return out


class _Calendar:
    """The known columns, for all stores together or each of a level's members."""

    def __init__(self, engine: Engine, starts: Sequence[datetime], end: datetime, cutoff: datetime, tz: str) -> None:
        dates = Dates(tuple(starts), end, cutoff, tz)
        self.known, self.notes = known_columns(engine, dates)
        self.days = days_of(starts, tz)

        def of(keys: tuple[str, ...], members: Sequence[Member]) -> dict[str, Floats]:
            asked = [[m[keys.index(k)] for m in members] if k in keys else None for k in ("store_id", "product_id")]
            return self.known if asked == [None, None] else known_columns(engine, dates, *asked)[0]

        self.of = of


def _levels(leaves: _Leaves, calendar: _Calendar, step: Span) -> tuple[tuple[Level, ...], tuple[Codes, ...]]:
    assert leaves.rest is not None and leaves.flat is not None
    levels, above = [], []
    for keys, of in leaves.upper():
        members = sorted(set(of))
        at = {m: i for i, m in enumerate(members)}
        codes = np.asarray([at[m] for m in of], dtype=np.int64)
        values = _summed(leaves.values, codes, len(members))
        live = np.bincount(codes, ~leaves.flat, len(members)) > 0
        named = np.asarray([bool(m == () or m[0]) for m in members])
        own = np.bincount(codes, ~leaves.rest, len(members)) > 0
        level = _level(keys, tuple(members), values, np.zeros(values.shape, dtype=bool), calendar, step, {})
        levels.append(replace(level, rest=~(own & named), flat=~live))
        above.append(codes)
    level = _level(leaves.keys, leaves.members, leaves.values, leaves.hidden, calendar, step, leaves.within)
    levels.append(replace(level, rest=leaves.rest, flat=leaves.flat))
    above.append(np.arange(len(leaves.members)))
    return tuple(levels), tuple(above)


def _level(
    keys: tuple[str, ...],
    members: tuple[Member, ...],
    values: Floats,
    hidden: Flags,
    calendar: _Calendar,
    step: Span,
    within: Mapping[str, tuple[str, ...]],
) -> Level:
    known = calendar.of(keys, members)
    groups = groups_of(members, keys)
    for column, told in within.items():
        names, codes = np.unique(told, return_inverse=True)
        if 1 < len(names) < len(members):
            groups[column] = codes.astype(np.int64)
    panel = Panel(
        np.where(hidden, np.nan, values), calendar.days, len(calendar.days) - values.shape[1], seasons_of(step),
        known, groups, floor_of(values),
    )  # fmt: skip
    no = np.zeros(len(members), dtype=bool)
    return Level(level_name(keys), keys, members, panel, values, hidden, no, no, within)


def _notes(task: Task, leaves: _Leaves, gone: Flags, hidden: Flags) -> list[str]:
    assert leaves.rest is not None and leaves.flat is not None
    what, out = level_name(task.keys), []
    if gone.any():
        out.append(f"{int(gone.sum())} of {len(gone)} {what} series have ended and are not forecast")
    unnamed = leaves.rest & ~leaves.flat
    if unnamed.any():
        whole = np.nansum(np.abs(leaves.values))
        share = np.nansum(np.abs(leaves.values[unnamed])) / max(whole, 1e-12)
        out.append(f"{share:.1%} of the past has no {what}: it is forecast as a row of its own, in the levels above")
    if hidden.any():
        rows = int(hidden.any(axis=1).sum())
        out.append(
            f"{int(hidden.sum())} periods of {rows} {what} series were out of stock: their forecasts are told nothing "
            "of these; the levels above are told what was sold"
        )
    return out
