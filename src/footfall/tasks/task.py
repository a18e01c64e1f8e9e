"""A task: whom it asks about, what happens to them within a horizon, and who is asked about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from footfall.errors import UsageError
from footfall.spans import Span, span
from footfall.windows import Aggregate, Future, Past, check_key, key_columns
from footfall.windows.words import noun, words

Kind = Literal["chance", "amount", "path", "ranking"]
_PLURALS = {"product_id": "products", "category": "categories", "brand": "brands"}
_NUMBERS = ("count", "sum", "mean", "min", "max", "nunique")
_MONEY = ("amount", "price", "discount")
_LEVELS = ("mean", "min", "max")


@dataclass(frozen=True)
class Task:
    """One question.

    Args:
        name: how it is called, as in "buy-7d".
        entity: "customer", "product", "category", ... or a tuple of them.
        target: an aggregate; `any`/`none` ask for a chance, numbers for an amount, `.every(step)` for a path,
            `distinct` for a ranking. `.each(key)` on it adds a key to the entity.
        horizon: the span after the cutoff, as in "7d".
        among: windows of the past that all must hold; none: everyone known before the cutoff.

    Raises:
        UsageError: a population that looks ahead or is no condition, a target that is no aggregate, a bad span.
    """

    name: str
    entity: str | tuple[str, ...]
    target: Aggregate
    horizon: str | Span
    among: Past | tuple[Past, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.target, Aggregate):
            raise UsageError(
                f"task '{self.name}': the target is an aggregate such as orders.any(), without .past/.next"
            )
        object.__setattr__(self, "horizon", span(self.horizon))
        entity = (self.entity,) if isinstance(self.entity, str) else tuple(self.entity)
        if self.target.keys:
            entity = (*entity, *self.target.keys)
        entity = tuple(dict.fromkeys(entity))
        object.__setattr__(self, "entity", entity)
        key_columns(entity)
        self._check_keys(self.target)
        conditions = tuple(self.among) if isinstance(self.among, tuple | list) else (self.among,)
        for one in conditions:
            if not isinstance(one, Past):
                raise UsageError(f"task '{self.name}': a population looks back; write .past(...), not .next(...)")
            if one.aggregate.function not in ("any", "none") and one.minimum is None:
                raise UsageError(f"task '{self.name}': a population is any(), none() or count().past(...).at_least(n)")
            self._check_keys(one.aggregate)
        object.__setattr__(self, "among", conditions)
        _ = self.kind

    def _check_keys(self, aggregate: Aggregate) -> None:
        for key in self.keys if aggregate.fact.per is None else aggregate.fact.per:
            if key not in self.keys:
                raise UsageError(f"task '{self.name}': its entity has no {key}, which {aggregate.name} is taken by")
            try:
                check_key(aggregate.fact.table, key)
            except UsageError as error:
                raise UsageError(f"task '{self.name}': {error}") from None

    @property
    def keys(self) -> tuple[str, ...]:
        """The key columns of the entity."""
        return key_columns(self.entity)

    @property
    def span(self) -> Span:
        return span(self.horizon)

    @property
    def population(self) -> tuple[Past, ...]:
        return self.among if isinstance(self.among, tuple) else (self.among,)

    @property
    def kind(self) -> Kind:
        """What kind of answer the target decides on."""
        if self.target.step:
            return "path"
        if self.target.function in ("any", "none"):
            return "chance"
        if self.target.function == "distinct":
            return "ranking"
        if self.target.function in _NUMBERS:
            return "amount"
        raise UsageError(
            f"task '{self.name}': {self.target.function}() cannot be a target; "
            f"use any, none, {', '.join(_NUMBERS)} or distinct"
        )

    @property
    def level(self) -> bool:
        """Whether the target is a level (a mean rating) and no quantity (a sum): where there is no row there is none,
        so those are neither learnt from nor tested on, and an answer lies within the levels ever seen."""
        return self.target.function in _LEVELS

    @property
    def money(self) -> bool:
        """Whether the answer is an amount of money."""
        return self.kind in ("amount", "path") and self.target.column in _MONEY

    @property
    def window(self) -> Future:
        """The target beside the cutoff."""
        return Future(self.target, self.span)

    def over(self, horizon: str | Span, name: str | None = None) -> Task:
        """The same question over another horizon."""
        stem = self.name.rsplit("-", 1)[0] if self.name.endswith(f"-{self.horizon}") else self.name
        return replace(self, name=name or f"{stem}-{span(horizon)}", horizon=span(horizon))

    def each(self, key: str, name: str | None = None) -> Task:
        """The same question per value of `key`."""
        entity = (self.entity,) if isinstance(self.entity, str) else self.entity
        return replace(self, name=name or f"{self.name}-each-{key}", entity=(*entity, key))

    @property
    def sentence(self) -> str:
        """The task in words: "The chance of an order in the 7 days from the cutoff, for each customer ..."."""
        function, (one, many) = self.target.function, _rows(self.target)
        ask = {
            "any": f"The chance of {_an(one)}",
            "none": f"The chance of no {one}",
            "count": f"The expected number of {many}",
            "distinct": f"Which {_PLURALS.get(str(self.target.column), self.target.column)} among {many}",
        }.get(function, f"The expected {_measure(self.target)}")
        if self.target.step:
            if "customer_id" not in self.keys:
                ask = ask.replace("expected spend on items", "expected revenue").replace("units bought", "units sold")
                ask = ask.replace("expected spend", "expected revenue")
            ask += f", {_pace(self.target.step)},"
        among = " and ".join(_condition(p) for p in self.population)
        whom = f" with {among}" if among else " known before it"
        some = ", should there be any" if self.level and not self.target.step else ""
        if self.keys:
            entity = " and ".join(self.entity) if isinstance(self.entity, tuple) else self.entity
            return f"{ask} in the {self.span.words} from the cutoff{some}, for each {entity}{whom}."
        return f"{ask} in the {self.span.words} from the cutoff{some}, in all."


def _pace(step: Span) -> str:
    """`day by day`, `every 2 weeks`; seven days are a week."""
    weeks = {"d": step.count / 7, "w": float(step.count)}.get(step.unit, 0.0)
    if weeks == 1 or step.count == 1:
        unit = "week" if weeks == 1 else step.words.split()[1]
        return f"{unit} by {unit}"
    return f"every {step.words}"


def _rows(aggregate: Aggregate) -> tuple[str, str]:
    """What the aggregate's rows are, one and many: "order", "orders"; conditions that have no word stand behind."""
    one, many = noun(aggregate.fact)
    told = {("events", "type"), ("lines", "kind")}
    rest = [
        c.name.replace("_", " ")
        for c in aggregate.fact.conditions
        if c.operator != "=" or (aggregate.fact.table, c.column) not in told
    ]
    tail = f" ({', '.join(rest)})" if rest else ""
    return one + tail, many + tail


def _measure(aggregate: Aggregate) -> str:
    """`spend`, `average order value`; conditions that have no word stand behind."""
    return words(Past(aggregate)).label.removesuffix(" so far") + _rows(aggregate)[0].removeprefix(
        noun(aggregate.fact)[0]
    )


def _an(one: str) -> str:
    return f"{'an' if one[0] in 'aeiou' else 'a'} {one}"


def _condition(past: Past) -> str:
    function, (one, many) = past.aggregate.function, _rows(past.aggregate)
    when = f"in the {past.span.words} before it" if past.span else "before it"
    if past.minimum is None:
        return f"{_an(one) if function == 'any' else f'no {one}'} {when}"
    if function == "count":
        return f"at least {past.minimum} {many} {when}"
    return f"{_measure(past.aggregate)} of at least {past.minimum} {when}"
