"""A window is an aggregate over facts, placed beside a cutoff.

`orders.any().past("365d")` looks back (a feature or a population), `orders.any().next("7d")` looks ahead (a
target). The two are different types, so a feature that looks ahead cannot be written by mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Literal

from footfall.engine import literal
from footfall.errors import UsageError, did_you_mean
from footfall.spans import Span, span
from footfall.tables import TABLES, table

Function = Literal[
    "any", "none", "count", "sum", "mean", "min", "max", "latest", "earliest", "distinct", "nunique",
    "share", "most_common", "recency", "tenure", "gap",
]  # fmt: skip
FUNCTIONS: dict[str, str] = {
    "any": "true when there is at least one row",
    "none": "true when there is no row",
    "count": "number of rows",
    "sum": "sum of a column; 0 when there is no row",
    "mean": "mean of a column; null when there is none",
    "min": "least value of a column",
    "max": "greatest value of a column",
    "latest": "value of a column in the last row that has one",
    "earliest": "value of a column in the first row that has one",
    "distinct": "the set of values of a column",
    "nunique": "number of different values of a column; null is no value",
    "share": "share of the rows for which a condition holds; null when there is no row",
    "most_common": "the most frequent value of a column; of equals the greatest",
    "recency": "days since the last row; null when there is none",
    "tenure": "days since the first row; null when there is none",
    "gap": "mean days between rows; null with fewer than two",
}
DERIVED = ("hour", "weekday", "day")
"""Columns every dated table has besides its own: the shop's local hour (0-23), weekday (1 is Monday) and day."""
READ: dict[str, dict[str, str]] = {
    "reviews": {
        "length": "characters of the text",
        "sentiment": "the rating that the text sounds like, by words learnt from ratings known before it",
        "topic": "what the text is about, by number: words that move the rating most and those beside them",
    }
}
"""Columns that are read out of a text, by table. `footfall.tabular.read_reviews` reads sentiment and topic."""
OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "in")


@dataclass(frozen=True)
class Condition:
    """`column operator value`; a null column never meets it."""

    column: str
    operator: str
    value: Any

    def sql(self, column: str) -> str:
        if self.operator == "in":
            return f"{column} in ({', '.join(literal(v) for v in self.value)})"
        return f"{column} {self.operator} {literal(self.value)}"

    @property
    def name(self) -> str:
        values = self.value if self.operator == "in" else (self.value,)
        said = "_or_".join(str(v) for v in values)
        word = re.sub(r"[^a-z0-9]+", "_", said.lower()).strip("_")
        # What loses part of the value ("-5", "Möbel") stays apart from its like by a hash of it.
        if word != said:
            word = f"{word}_{sha256(repr(values).encode()).hexdigest()[:4]}".strip("_")
        relation = {
            "=": "",
            "in": "",
            "!=": "not_",
            "<": "below_",
            "<=": "upto_",
            ">": "above_",
            ">=": "from_",
        }
        plain = self.operator in ("=", "in") and self.column in ("type", "kind")
        return f"{'' if plain else self.column + '_'}{relation[self.operator]}{word}"


def _conditions(of: str, triples: Iterable[Any], equal: dict[str, Any]) -> tuple[Condition, ...]:
    given = list(triples)
    if given and isinstance(given[0], str):
        given = [tuple(given)]
    found = []
    for triple in given:
        if not isinstance(triple, list | tuple) or len(triple) != 3 or triple[1] not in OPERATORS:
            raise UsageError(f"a condition is (column, operator, value) with an operator of {' '.join(OPERATORS)}")
        column, operator, value = triple
        if operator == "in" and not isinstance(value, list | tuple | set | frozenset | range):
            raise UsageError(f"{of}: '{column} in' wants a list of values, not {value!r}")
        found.append(Condition(column, operator, _values(value) if operator == "in" else value))
    for column, value in equal.items():
        many = isinstance(value, list | tuple | set | range)
        found.append(Condition(column, "in" if many else "=", _values(value) if many else value))
    for condition in found:
        check_column(of, condition.column)
        _check_values(of, condition)
    return tuple(found)


def _values(given: Iterable[Any]) -> tuple[Any, ...]:
    """The values of a list, those of a set in an order that is the same on every run."""
    return tuple(sorted(given, key=repr)) if isinstance(given, set | frozenset) else tuple(given)


def _check_values(of: str, condition: Condition) -> None:
    values = condition.value if condition.operator == "in" else (condition.value,)
    try:
        texts = [literal(v) for v in values]
    except TypeError as error:
        raise UsageError(f"{of}: '{condition.column}' cannot be compared with {condition.value!r}: {error}") from None
    if not texts or "null" in texts:
        raise UsageError(f"{of}: a condition on '{condition.column}' wants values; none and an empty list never hold")


def check_column(of: str, column: str) -> None:
    """Raise UsageError, with the nearest name, when the table has no such column."""
    if (column in DERIVED and table(of).time) or column in READ.get(of, ()):
        return
    if column != "customer_id":
        table(of).column(column)


def check_key(of: str, key: str) -> None:
    """Raise UsageError when rows of the table do not say which member of an entity they belong to."""
    there = table(of).customer if key == "customer_id" else any(c.name == key for c in table(of).columns)
    if not there:
        raise UsageError(f"{of} has no {key}; group it by what it has, as in {of}.by('customer_id')")


@dataclass(frozen=True)
class Fact:
    """Rows of one dated table, possibly only those that meet conditions."""

    table: str
    conditions: tuple[Condition, ...] = ()
    per: tuple[str, ...] | None = None

    def by(self, *keys: str) -> Fact:
        """Grouped by these key columns only, where the task's entity has more: `events.by("customer_id")`."""
        return replace(self, per=keys)

    def where(self, *triple: Any, **equal: Any) -> Fact:
        """Only the rows that meet the conditions: `where(type="view")`, `where("amount", ">=", 10)`."""
        return replace(self, conditions=(*self.conditions, *_conditions(self.table, triple, equal)))

    def any(self) -> Aggregate:
        return Aggregate(self, "any")

    def none(self) -> Aggregate:
        return Aggregate(self, "none")

    def count(self) -> Aggregate:
        return Aggregate(self, "count")

    def sum(self, column: str) -> Aggregate:
        return self._of("sum", column)

    def mean(self, column: str) -> Aggregate:
        return self._of("mean", column)

    def min(self, column: str) -> Aggregate:
        return self._of("min", column)

    def max(self, column: str) -> Aggregate:
        return self._of("max", column)

    def latest(self, column: str) -> Aggregate:
        return self._of("latest", column)

    def earliest(self, column: str) -> Aggregate:
        return self._of("earliest", column)

    def distinct(self, column: str) -> Aggregate:
        return self._of("distinct", column)

    def nunique(self, column: str) -> Aggregate:
        return self._of("nunique", column)

    def most_common(self, column: str) -> Aggregate:
        return self._of("most_common", column)

    def share(self, *triple: Any, **equal: Any) -> Aggregate:
        conditions = _conditions(self.table, triple, equal)
        if not conditions:
            raise UsageError(f"{self.table}.share() wants a condition, as in share(kind='return')")
        return Aggregate(self, "share", conditions=conditions)

    def recency(self) -> Aggregate:
        return Aggregate(self, "recency")

    def tenure(self) -> Aggregate:
        return Aggregate(self, "tenure")

    def gap(self) -> Aggregate:
        return Aggregate(self, "gap")

    def _of(self, function: Function, column: str) -> Aggregate:
        check_column(self.table, column)
        return Aggregate(self, function, column)

    @property
    def name(self) -> str:
        part = "_by_" + "_".join(k.removesuffix("_id") for k in self.per) if self.per is not None else ""
        return "_".join([self.table + part, *(c.name for c in self.conditions)])


@dataclass(frozen=True)
class Aggregate:
    """A function of facts, not yet placed beside a cutoff."""

    fact: Fact
    function: Function
    column: str | None = None
    conditions: tuple[Condition, ...] = ()
    step: Span | None = None
    keys: tuple[str, ...] = ()

    def past(self, of: str | Span | None = None) -> Past:
        """Over the span before the cutoff (all of history without one)."""
        if self.step:
            raise UsageError("a path (`.every(step)`) looks ahead; it cannot be placed before the cutoff")
        return Past(self, span(of) if of else None)

    def next(self, of: str | Span) -> Future:
        """Over the span from the cutoff on."""
        return Future(self, span(of))

    def every(self, step: str | Span) -> Aggregate:
        """One value per step of the horizon: the answer is a path."""
        return replace(self, step=span(step))

    def each(self, key: str) -> Aggregate:
        """One value per value of `key`: the key joins the task's entity."""
        return replace(self, keys=(*self.keys, key))

    def trend(self, short: str | Span, long: str | Span) -> Ratio:
        """The rate over the short span before the cutoff as a multiple of the rate over the long one."""
        a, b = span(short), span(long)
        if a.days >= b.days:
            raise UsageError(f"a trend compares a short span with a longer one, not {a} with {b}")
        return Ratio(self.past(a), self.past(b), b.days / a.days, f"{self.name}_trend_{a}_{b}")

    @property
    def name(self) -> str:
        parts = [self.fact.name, self.column, *(c.name for c in self.conditions), self.function]
        return "_".join(p for p in parts if p)


@dataclass(frozen=True)
class Past:
    """An aggregate before the cutoff: a feature, or as a filter a population."""

    aggregate: Aggregate
    span: Span | None = None
    minimum: int | None = None

    def at_least(self, count: int) -> Past:
        """As a population: those for whom the number reaches `count`. Raises UsageError for what is no number."""
        if self.aggregate.function not in ("count", "sum", "mean", "min", "max", "nunique"):
            raise UsageError(f"at_least() wants a number such as count(), not {self.aggregate.function}()")
        return replace(self, minimum=count)

    @property
    def name(self) -> str:
        tail = f"_{self.span}" if self.span else ""
        return self.aggregate.name + tail + (f"_from_{self.minimum}" if self.minimum is not None else "")


@dataclass(frozen=True)
class Future:
    """An aggregate from the cutoff on: a target."""

    aggregate: Aggregate
    span: Span

    @property
    def name(self) -> str:
        return f"{self.aggregate.name}_next_{self.span}"


@dataclass(frozen=True)
class Ratio:
    """One window of the past over another; null where the lower one is null or 0."""

    top: Past
    bottom: Past
    scale: float
    name: str


@dataclass(frozen=True)
class Upcoming:
    """Days marked in the calendar within a span from the cutoff, as known at the cutoff."""

    column: Literal["holiday", "promotion"]
    span: Span

    @property
    def name(self) -> str:
        return f"upcoming_{self.column}_{self.span}"


orders = Fact("orders")
lines = Fact("lines")
events = Fact("events")
reviews = Fact("reviews")
satisfaction = Fact("satisfaction")
customers = Fact("customers")
series = Fact("series")
FACTS: dict[str, Fact] = {n: Fact(n) for n, t in TABLES.items() if t.time}


def fact(name: str) -> Fact:
    """The fact called `name`. Raises UsageError for a table that is none."""
    if name not in FACTS:
        raise UsageError(f"there is no fact '{name}'{did_you_mean(name, FACTS)}")
    return FACTS[name]
