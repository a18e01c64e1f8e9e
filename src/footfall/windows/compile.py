"""Windows -> one readable WITH statement.

Three kinds of step do the work. *Cells* roll facts up per entity and day, when every boundary is a local
midnight (else each fact is its own cell). *Windows* merge the cells that lie within each span beside each cutoff.
*Values* hold, per entity and cutoff, when each value of a column was last seen, so that counting distinct values
over any number of spans costs one pass (two-level distinct).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from footfall.engine import Query
from footfall.errors import UsageError
from footfall.spans import Span
from footfall.windows.declare import (
    DERIVED,
    READ,
    Aggregate,
    Condition,
    Fact,
    Future,
    Past,
    Ratio,
    Upcoming,
    check_key,
)
from footfall.windows.frame import Frame, Sample, cutoffs_sql, next_name, past_name, spine_steps

Window = Past | Future | Ratio | Upcoming
VALUED = ("nunique", "most_common", "distinct")
EMPTY = {"any": "false", "none": "true", "count": "0", "sum": "0", "nunique": "0"}
"""What an aggregate is where the entity has no facts at all; null for the others."""
READINGS = "review_readings"
"""What was read out of reviews (text, read_at, sentiment, topic), where a window asks for it."""


@dataclass(frozen=True)
class Spine:
    """Where the spine comes from: a table, or (None) the members known before each cutoff."""

    table: str | None = None
    sample: Sample = field(default_factory=Sample)


def compile_windows(frame: Frame, windows: Mapping[str, Window], spine: Spine | None = None) -> Query:
    """One row per row of the spine, one column per window.

    Args:
        frame: keys, cutoffs, time zone, and `as_of` for targets.
        windows: column name -> window. A window is taken per all keys of the frame, or per those its fact
            names with `by`.
        spine: a materialised spine, or how to make it.

    Returns:
        A query with the columns: keys, `cutoff`, then the windows in order.
    """
    spine = spine or Spine()
    flat = list(_leaves(windows.values()))
    spans = [w.span for w in flat if isinstance(w, Past) and w.span]
    ahead = [w.span for w in flat if isinstance(w, Future | Upcoming)]
    query = Query().then("cutoffs", cutoffs_sql(frame, spans, ahead))
    query = (
        query.then("spine", f"select * from {spine.table}") if spine.table else spine_steps(query, frame, spine.sample)
    )
    writer = _Writer(frame, frame.aligned([*spans, *ahead]))
    for leaf in flat:
        writer.add(leaf)
    query, joins = writer.steps(query)
    columns = ",\n  ".join(f"{writer.final_sql(w)} as {name}" for name, w in windows.items())
    keys = "".join(f"s.{k}, " for k in frame.keys)
    select = f"select\n  {keys}s.cutoff" + (f",\n  {columns}" if columns else "") + "\nfrom spine s"
    return query.then("beside", select + "".join(f"\n{j}" for j in joins))


def _leaves(windows: Iterable[Window]) -> Iterable[Past | Future | Upcoming]:
    for window in windows:
        if isinstance(window, Ratio):
            yield from (window.top, window.bottom)
        else:
            yield window


def window_keys(fact: Fact, keys: tuple[str, ...]) -> tuple[str, ...]:
    """The part of the spine's keys that a fact is grouped by: a condition may name it with `per`."""
    return fact.per if fact.per is not None else keys


@dataclass
class _Group:
    """Windows over one fact table, one direction, one set of keys: one scan."""

    table: str
    keys: tuple[str, ...]
    ahead: bool
    name: str
    measures: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    spans: list[Span | None] = field(default_factory=list)


class _Writer:
    """Collects windows by scan, then writes the steps."""

    def __init__(self, frame: Frame, rolled: bool):
        self.frame = frame
        self.rolled = rolled
        self.groups: dict[str, _Group] = {}
        self.valued: dict[str, _Group] = {}
        self.calendar: dict[str, Upcoming] = {}
        self.read = False

    # --- collecting ---------------------------------------------------------------------------------------

    def add(self, window: Past | Future | Upcoming) -> None:
        if isinstance(window, Upcoming):
            self.calendar[window.name] = window
            return
        aggregate = window.aggregate
        asked = {aggregate.column, *(c.column for c in (*aggregate.conditions, *aggregate.fact.conditions))}
        self.read = self.read or bool(asked & (READ.get(aggregate.fact.table, {}).keys() - {"length"}))
        if aggregate.function in VALUED:
            self._add_valued(window)
            return
        group = self._group(self.groups, window, "cells")
        inside = self._inside(window, "c.first_at", group)
        for column, sql in self._merged(aggregate, group, inside, window.name).items():
            self._named(group, column, sql)

    def _named(self, group: _Group, column: str, sql: str) -> None:
        if group.columns.setdefault(column, sql) != sql:
            raise UsageError(f"two different windows over {group.table} would both be called '{column}'")

    def _group(self, groups: dict[str, _Group], window: Past | Future, kind: str, tail: str = "") -> _Group:
        fact = window.aggregate.fact
        keys = window_keys(fact, self.frame.keys)
        self._check_keys(fact, keys)
        ahead = isinstance(window, Future)
        part = "" if fact.per is None else "_by_" + "_".join(k.removesuffix("_id") for k in keys)
        name = f"{fact.table}{tail}{part}{'_ahead' if ahead else ''}"
        group = groups.setdefault(name, _Group(fact.table, keys, ahead, name))
        if window.span not in group.spans:
            group.spans.append(window.span)
        return group

    def _check_keys(self, fact: Fact, keys: tuple[str, ...]) -> None:
        for key in keys:
            if key not in self.frame.keys:
                whom = ", ".join(self.frame.keys) or "the whole shop"
                raise UsageError(f"{fact.table}.by('{key}') cannot stand beside {whom}: it has no {key}")
            check_key(fact.table, key)

    def _inside(self, window: Past | Future, at: str, group: _Group) -> str:
        if isinstance(window, Future):
            return f"{at} < t.{next_name(window.span)}"
        return f"{at} >= t.{past_name(window.span)}" if window.span else ""

    def _measure(self, group: _Group, name: str, sql: str) -> str:
        if group.measures.setdefault(name, sql) != sql:
            raise UsageError(f"two different windows over {group.table} would both be called '{name}'")
        return f"c.{name}"

    def _merged(self, aggregate: Aggregate, group: _Group, inside: str, name: str) -> dict[str, str]:
        """Columns of the windows step for one aggregate: name -> SQL over the cells `c` and the cutoffs `t`."""
        fact, column = aggregate.fact, aggregate.column
        when = self._where(fact.conditions)
        base = fact.name
        filtered = _filter(inside)

        def count() -> str:
            return self._measure(group, f"{base}_n", f"count(*){_filter(when)}")

        def moment(function: str) -> str:
            return self._measure(group, f"{base}_{function}_at", f"{function}(f.occurred_at){_filter(when)}")

        value = self._column(fact.table, column) if column else ""
        match aggregate.function:
            case "any" | "none" | "count":
                return {name: f"cast(coalesce(sum({count()}){filtered}, 0) as bigint)"}
            case "sum":
                total = self._measure(
                    group, f"{base}_{column}_sum", f"sum(cast({value} as decimal(18, 4))){_filter(when)}"
                )
                return {name: f"sum({total}){filtered}"}
            case "mean":
                total = self._measure(
                    group, f"{base}_{column}_sum", f"sum(cast({value} as decimal(18, 4))){_filter(when)}"
                )
                n = self._measure(group, f"{base}_{column}_n", f"count({value}){_filter(when)}")
                return {name: f"cast(sum({total}){filtered} as double) / cast(nullif(sum({n}){filtered}, 0) as double)"}
            case "min" | "max":
                part = self._measure(
                    group,
                    f"{base}_{column}_{aggregate.function}",
                    f"{aggregate.function}({value}){_filter(when)}",
                )
                return {name: f"{aggregate.function}({part}){filtered}"}
            case "latest" | "earliest":
                pick = "max" if aggregate.function == "latest" else "min"
                known = " and ".join(x for x in [when, f"{value} is not null"] if x)
                part = self._measure(
                    group,
                    f"{base}_{column}_{aggregate.function}",
                    f"{pick}(struct_pack(at := f.occurred_at, item := {value})){_filter(known)}",
                )
                return {name: f"({pick}({part}){filtered}).item"}
            case "share":
                both = self._where((*fact.conditions, *aggregate.conditions))
                part = self._measure(group, f"{aggregate.name}_n", f"count(*){_filter(both)}")
                return {
                    name: f"cast(sum({part}){filtered} as double) / cast(nullif(sum({count()}){filtered}, 0) as double)"
                }
            case "recency":
                return {name: f"days_between(max({moment('max')}){filtered}, max(t.cutoff))"}
            case "tenure":
                return {name: f"days_between(min({moment('min')}){filtered}, max(t.cutoff))"}
            case "gap":
                first, last = moment("min"), moment("max")
                rows = f"nullif(sum({count()}){filtered} - 1, 0)"
                return {name: f"days_between(min({first}){filtered}, max({last}){filtered}) / cast({rows} as double)"}
        raise UsageError(f"{aggregate.function} cannot be compiled")

    def _add_valued(self, window: Past | Future) -> None:
        aggregate = window.aggregate
        fact = aggregate.fact
        conditions = "".join(f"_{c.name}" for c in fact.conditions)
        group = self._group(self.valued, window, "values", f"{conditions}_{aggregate.column}")
        group.measures["value"] = self._column(fact.table, str(aggregate.column))
        group.measures["where"] = self._where(fact.conditions)
        seen = _filter(self._inside(window, "v.seen_at", group))
        if aggregate.function == "nunique":
            group.columns[window.name] = f"count(*){seen}"
        elif aggregate.function == "distinct":
            group.columns[window.name] = f"list_sort(array_agg(v.value){seen})"
        else:
            tag = f"n_{window.span}" if window.span else "n"
            group.measures[tag] = f"count(*){_filter(self._inside(window, 'f.occurred_at', group))}"
            group.columns[window.name] = (
                f"(max(struct_pack(n := v.{tag}, item := v.value)) filter (where v.{tag} > 0)).item"
            )

    def _column(self, table: str, column: str) -> str:
        if column == "length":
            return "length(f.text)"
        if column not in DERIVED:
            return f"f.{column}"
        local = "f.occurred_at" if self.frame.tz == "UTC" else f"local_time(f.occurred_at, '{self.frame.tz}')"
        return {
            "hour": f"extract(hour from {local})",
            "day": f"cast({local} as date)",
            "weekday": f"weekday(cast({local} as date))",
        }[column]

    def _where(self, conditions: tuple[Condition, ...]) -> str:
        return " and ".join(c.sql(self._column("", c.column)) for c in conditions)

    # --- writing ------------------------------------------------------------------------------------------

    def steps(self, query: Query) -> tuple[Query, list[str]]:
        joins = []
        if self.read:
            query = query.then("reviews_read", _read_sql())
        for group in self.groups.values():
            query = query.then(f"{group.name}_cells", self._cells_sql(group))
            query = query.then(f"{group.name}_windows", self._windows_sql(group))
            joins.append(self._join(group, f"{group.name}_windows"))
        for group in self.valued.values():
            query = query.then(f"{group.name}_values", self._values_sql(group))
            query = query.then(f"{group.name}_windows", self._value_windows_sql(group))
            joins.append(self._join(group, f"{group.name}_windows"))
        if self.calendar:
            query = query.then("calendar_windows", self._calendar_sql())
            joins.append("left join calendar_windows on calendar_windows.cutoff = s.cutoff")
        return query, joins

    def _day(self, column: str) -> str:
        local = column if self.frame.tz == "UTC" else f"local_time({column}, '{self.frame.tz}')"
        return f"cast({local} as date)"

    def _source(self, group: _Group) -> str:
        if group.table == "reviews" and self.read:
            return "reviews_read"
        return "customer_history" if group.table == "customers" else group.table

    def _cells_sql(self, group: _Group) -> str:
        keys = [f"f.{k}" for k in group.keys]
        present = [f"{k} is not null" for k in keys]
        measures = "".join(f",\n  {sql} as {name}" for name, sql in group.measures.items())
        by = [*keys, *([self._day("f.occurred_at"), self._day("f.known_at")] if self.rolled else [])]
        if not self.rolled:
            by += ["f.occurred_at", "f.known_at"]
        columns = "".join(f"{k}, " for k in keys)
        where = f"\nwhere {' and '.join(present)}" if present else ""
        return (
            f"select\n  {columns}min(f.occurred_at) as first_at, max(f.known_at) as known_at{measures}\n"
            f"from {self._source(group)} f{where}\ngroup by {', '.join(by)}"
        )

    def _reach(self, group: _Group, of: str, at: str) -> list[str]:
        """Conditions that keep a cell (or fact) `of` within reach of the cutoff, in the group's direction."""
        if group.ahead:
            reach = [f"{of}.{at} >= s.cutoff", f"{of}.{at} < {self._farthest(group)}"]
            if self.frame.as_of:
                reach.append(f"{of}.known_at < timestamp '{self.frame.as_of.isoformat(sep=' ')}'")
            return reach
        reach = [f"{of}.{at} < s.cutoff", f"{of}.known_at < s.cutoff"]
        if None not in group.spans:
            reach.append(f"{of}.{at} >= {self._farthest(group)}")
        return reach

    def _farthest(self, group: _Group) -> str:
        """The boundary that no window of the group passes. Which of 30d and 1mo is longer depends on the cutoff."""
        spans = sorted({s for s in group.spans if s}, key=lambda s: (s.days, str(s)))
        pick = max if group.ahead else min
        bounds = {c: [self.frame.bound(c, s, group.ahead) for s in spans] for c in self.frame.cutoffs}
        best = sorted({b.index(pick(b)) for b in bounds.values()})
        names = [f"t.{(next_name if group.ahead else past_name)(spans[i])}" for i in best]
        return names[0] if len(names) == 1 else f"{'greatest' if group.ahead else 'least'}({', '.join(names)})"

    def _beside(self, group: _Group, step: str, of: str, at: str) -> str:
        tiled = self._tiled(group)
        same = [f"{of}.{k} = s.{k}" for k in group.keys if not tiled]
        on = "\n  and ".join([*same, *self._reach(group, of, at)])
        keys = "".join(f"{k}, " for k in group.keys)
        spine = "spine" if group.keys == self.frame.keys else f"(select distinct {keys}cutoff from spine)"
        spine = "cutoffs" if tiled else spine
        return f"from {spine} s\njoin cutoffs t on t.cutoff = s.cutoff\njoin {step} {of} on {on}"

    def _tiled(self, group: _Group) -> bool:
        """True when the rows of the spine are found by instant first and only then by key."""
        return self.frame.tiled and group.ahead

    def _windows_sql(self, group: _Group) -> str:
        keys = "".join(f"{'c' if self._tiled(group) else 's'}.{k}, " for k in group.keys)
        columns = "".join(f",\n  {sql} as {name}" for name, sql in group.columns.items())
        return (
            f"select\n  {keys}s.cutoff{columns}\n"
            f"{self._beside(group, f'{group.name}_cells', 'c', 'first_at')}\ngroup by {keys}s.cutoff"
        )

    def _values_sql(self, group: _Group) -> str:
        keys = "".join(f"{'f' if self._tiled(group) else 's'}.{k}, " for k in group.keys)
        value, where = group.measures["value"], group.measures["where"]
        counts = "".join(f",\n  {sql} as {n}" for n, sql in group.measures.items() if n not in ("value", "where"))
        seen = "min" if group.ahead else "max"
        return (
            f"select\n  {keys}s.cutoff, {value} as value, {seen}(f.occurred_at) as seen_at{counts}\n"
            f"{self._beside(group, self._source(group), 'f', 'occurred_at')}\n"
            f"where {value} is not null{f' and {where}' if where else ''}\ngroup by {keys}s.cutoff, {value}"
        )

    def _value_windows_sql(self, group: _Group) -> str:
        keys = "".join(f"v.{k}, " for k in group.keys)
        columns = "".join(f",\n  {sql} as {name}" for name, sql in group.columns.items())
        return (
            f"select\n  {keys}v.cutoff{columns}\nfrom {group.name}_values v\n"
            f"join cutoffs t on t.cutoff = v.cutoff\ngroup by {keys}v.cutoff"
        )

    def _calendar_sql(self) -> str:
        columns = "".join(
            f",\n  count(distinct c.date) filter (where c.{w.column} is not null"
            f" and c.date < {self._day(f't.{next_name(w.span)}')}) as {name}"
            for name, w in self.calendar.items()
        )
        return (
            f"select\n  t.cutoff{columns}\nfrom cutoffs t\nleft join calendar c on c.date >= {self._day('t.cutoff')}"
            "\n  and coalesce(c.known_at, timestamp '1900-01-01') < t.cutoff\ngroup by t.cutoff"
        )

    def _join(self, group: _Group, step: str) -> str:
        same = [f"{step}.{k} = s.{k}" for k in group.keys]
        return f"left join {step} on " + " and ".join([*same, f"{step}.cutoff = s.cutoff"])

    def final_sql(self, window: Window) -> str:
        """The column of the last select for one window."""
        if isinstance(window, Ratio):
            top, bottom = self.final_sql(window.top), self.final_sql(window.bottom)
            scale = f" * {window.scale!r}" if window.scale != 1 else ""
            return f"cast({top} as double) / nullif(cast({bottom} as double), 0){scale}"
        if isinstance(window, Upcoming):
            return f"coalesce(calendar_windows.{window.name}, 0)"
        function = window.aggregate.function
        column = f"{self._home(window)}.{window.name}"
        if function in ("any", "none"):
            return f"coalesce({column}, 0) {'>' if function == 'any' else '='} 0"
        column = f"coalesce({column}, {EMPTY[function]})" if function in EMPTY else column
        if isinstance(window, Past) and window.minimum is not None:
            return f"coalesce({column}, 0) >= {window.minimum}"
        return column

    def _home(self, window: Past | Future) -> str:
        groups = self.valued if window.aggregate.function in VALUED else self.groups
        return next(f"{g.name}_windows" for g in groups.values() if window.name in g.columns)


def _read_sql() -> str:
    return (
        f"select f.*, r.sentiment, r.topic\nfrom reviews f\nleft join {READINGS} r"
        " on r.text = f.text and r.read_at = greatest(f.occurred_at, f.known_at)"
    )


def _filter(condition: str) -> str:
    return f" filter (where {condition})" if condition else ""
