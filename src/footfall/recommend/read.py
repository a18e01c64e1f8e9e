"""The interactions of a shop as known at a cutoff: SQL on the facts once, then numbers.

What is asked about (the task's own fact, as in `lines.where(kind="sale").distinct("product_id")`) is of the kind
`sale` here; every event type of 1% or more is a kind of its own, and so are ratings and returns. Facts count when they
happened and were known before the cutoff. Products are those that any such fact, price or stock level names; names,
categories and brands come from the catalogue, which has no dates.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from footfall.engine import Engine, Query, literal
from footfall.errors import FootfallError
from footfall.models.ranking import SALE, Floats, Interactions, Ints, csr, single
from footfall.spans import Span, shift, zone
from footfall.tasks import Task
from footfall.windows import Fact, Frame, compile_windows, customers
from footfall.windows.declare import check_column

PEOPLE = ("gender", "age", "birth_date", "location", "profession", "income", "loyalty_tier", "household", "channel")
VALUES = 50
"""Values of a feature of customers that are told apart, the most frequent ones."""
BANDS = 10
_WORD = re.compile(r"[^\W_]{2,}")
NO_GOODS = "non-product"
"""Category of postage, fees and vouchers: nothing to recommend."""


@dataclass(frozen=True)
class History:
    """What was known at `at`: who there is, what there is, and what they did.

    `customers`, `products`: ids in the order of their numbers, `names` what to call the products, `category` their
    category as text ("" where unknown). `known` (n,): when each interaction was known, in days like `interactions.day`.
    `gone` (products,): sold out as of the last stock level.
    """

    at: datetime
    tz: str
    column: str
    customers: NDArray[Any]
    products: NDArray[Any]
    names: NDArray[Any]
    category: NDArray[Any]
    interactions: Interactions
    known: Floats
    gone: NDArray[np.bool_]
    values: dict[str, tuple[str, ...]]
    """Feature of customers or products -> what its codes mean."""

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Customer id -> number."""
        return {str(c): i for i, c in enumerate(self.customers)}

    @cached_property
    def product_numbers(self) -> dict[str, int]:
        return {str(p): i for i, p in enumerate(self.products)}

    def before(self, cutoff: datetime) -> Interactions:
        """What was known at an earlier cutoff; the numbering stays."""
        edge = clock_days(cutoff, self.tz)
        rows = self.interactions.take((self.interactions.day < edge) & (self.known < edge))
        return replace(rows, at=edge)

    def after(self, cutoff: datetime, horizon: Span) -> Interactions:
        """What was asked about in the horizon from an earlier cutoff on, as known at `at`."""
        start, end = clock_days(cutoff, self.tz), clock_days(shift(cutoff, horizon, 1, self.tz), self.tz)
        day = self.interactions.day
        return self.interactions.take((day >= start) & (day < end)).only(SALE)

    @property
    def first(self) -> float:
        """The first day with an interaction; the cutoff where there is none."""
        day = self.interactions.day
        return float(day.min()) if len(day) else self.interactions.at


def clock_days(at: datetime, tz: str) -> float:
    """Days since 1970 on the shop's local clock, the unit of `Interactions.day`."""
    local = at.replace(tzinfo=UTC).astimezone(zone(tz)).replace(tzinfo=None)
    return (local - datetime(1970, 1, 1)).total_seconds() / 86400


def read_history(engine: Engine, task: Task, at: datetime, tz: str = "UTC") -> History:
    """Read the shop as known at `at` (naive UTC) for a ranking task.

    Raises:
        FootfallError: the task is no ranking per customer, or the shop has nothing to rank before the cutoff.
    """
    column = str(task.target.column)
    if task.kind != "ranking" or task.keys != ("customer_id",):
        raise FootfallError(f"{task.name} is no ranking per customer; its target is distinct() of a column")
    check_column(task.target.fact.table, column)
    engine.materialise(interactions_query(engine, task.target.fact, column, at), "ranking_rows")
    engine.materialise(_products_query(column, at), "ranking_products")
    try:
        return _read(engine, column, at, tz)
    finally:
        for name in ("ranking_rows", "ranking_products"):
            engine.execute(f"drop table if exists {name}")
        engine.release_memory()


def _before(at: datetime, of: str = "f") -> str:
    return f"{of}.occurred_at < {literal(at)} and {of}.known_at < {literal(at)}"


def interactions_query(engine: Engine, fact: Fact, column: str, at: datetime) -> Query:
    """customer_id, item, kind, weight, occurred_at, known_at of every interaction."""
    own = [c.sql(f"f.{c.column}") for c in fact.conditions]
    if fact.table == "lines" and not any(c.column == "kind" for c in fact.conditions):
        own.append("f.kind = 'sale'")
    where = "".join(f" and {c}" for c in own)
    amount = {"lines": "f.quantity", "reviews": "f.rating"}.get(fact.table, "1.0")
    goods = f" and f.category is distinct from '{NO_GOODS}'" if fact.table in ("lines", "events") else ""
    select = "select f.customer_id, f.{0} as item, {1} as kind, {2} as weight, f.occurred_at, f.known_at from {3} f"
    keep = f"where {_before(at)} and f.customer_id is not null and f.{column} is not null"
    parts = [f"{select.format(column, repr(SALE), amount, fact.table)}\n{keep}{where}{goods}"]
    types = engine.rows(
        f"select type from events f where {_before(at)} and type is not null group by type "
        f"having count(*) * 100 >= (select count(*) from events f where {_before(at)}) order by type"
    )
    asked = {v for c in fact.conditions if c.column == "type" for v in _told(c.value)}
    has = {"lines": ("product_id", "category", "brand"), "events": ("product_id", "category", "brand"),
           "reviews": ("product_id", "category")}  # fmt: skip
    for (kind,) in types if column in has["events"] and (fact.table != "events" or asked) else ():
        bought_twice = fact.table == "lines" and kind == "purchase"  # the same sale as its line
        if kind not in asked and not bought_twice:
            parts.append(f"{select.format(column, 'f.type', '1.0', 'events')}\n{keep} and f.type = {literal(kind)}")
    if fact.table != "reviews" and column in has["reviews"]:
        parts.append(f"{select.format(column, repr('rating'), 'f.rating', 'reviews')}\n{keep} and f.rating is not null")
    if fact.table == "lines":
        parts.append(
            f"{select.format(column, repr('return'), 'abs(f.quantity)', 'lines')}\n{keep} and f.kind = 'return'{goods}"
        )
    if fact.table == "events":
        bought = f"{select.format(column, repr('bought'), 'f.quantity', 'lines')}\n{keep} and f.kind = 'sale'"
        parts.append(bought)
    return Query().then("rows_known", "\nunion all\n".join(parts))


def _told(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple | set | frozenset) else (value,)


def _products_query(column: str, at: datetime) -> Query:
    """item, number, name, words, category, brand, price, gone, since: what there is to show, in the order of its ids.

    `since`: when the shop first knew of it.
    """
    when = "min(greatest(f.occurred_at, f.known_at)) as since"
    if column != "product_id":
        seen = f"select item, {when} from ranking_rows f group by item"
        text = "select item, since, row_number() over (order by item) - 1 as number, item as name, '' as category, "
        return (
            Query()
            .then("seen", seen)
            .then(
                "numbered",
                text
                + "cast(null as varchar) as brand, cast(null as double) as price, false as gone, "
                + "cast(null as varchar) as words from seen",
            )
        )
    goods = f" and f.category is distinct from '{NO_GOODS}'"
    sources = [
        f"select product_id as item, {when} from {t} f where {_before(at)}{more} group by product_id"
        for t, more in (("prices", ""), ("stock", ""), ("lines", goods), ("events", goods))
    ]
    sources.append(f"select item, {when} from ranking_rows f group by item")
    all_of_it = "\nunion all\n".join(sources)
    query = Query().then("seen", f"select item, min(since) as since from (\n{all_of_it}\n) group by item")
    query = query.then(
        "told",
        "select product_id as item, max(name) as name, max(category) as category, max(brand) as brand, "
        "max(description) as description\n"
        f"from products f group by product_id having max(category) is distinct from '{NO_GOODS}'",
    )
    query = query.then(
        "paid",
        "select product_id as item, max(category) as category, max(brand) as brand, "
        "median(cast(price as double)) as price\n"
        f"from lines f where {_before(at)} and kind = 'sale' group by product_id",
    )
    query = query.then(
        "listed",
        "select product_id as item,\n"
        "  cast(max(struct_pack(at := occurred_at, value := price)).value as double) as price\n"
        f"from prices f where {_before(at)} group by product_id",
    )
    query = query.then(
        "levels",
        "select product_id as item, store_id, max(struct_pack(at := occurred_at, value := quantity)).value as level\n"
        f"from stock f where {_before(at)} group by product_id, store_id",
    )
    query = query.then("left_over", "select item, sum(greatest(level, 0)) as level from levels group by item")
    return query.then(
        "numbered",
        "select s.item, s.since, row_number() over (order by s.item) - 1 as number, coalesce(t.name, s.item) as name, "
        "concat_ws(' ', t.name, t.description) as words,\n"
        "  coalesce(t.category, p.category, '') as category, coalesce(t.brand, p.brand) as brand,\n"
        "  coalesce(p.price, l.price) as price, coalesce(o.level <= 0, false) as gone\n"
        "from seen s left join told t using (item) left join paid p using (item) left join listed l using (item)\n"
        "left join left_over o using (item)\n"
        "where s.item is not null and not exists (select 1 from products x where x.product_id = s.item "
        f"and x.category = '{NO_GOODS}')",
    )


def _read(engine: Engine, column: str, at: datetime, tz: str) -> History:
    who, people, values = _customers(engine, at, tz)
    what = engine.fetch("select * from ranking_products order by number")
    products = np.asarray(what.column("item").to_pylist(), dtype=object)
    if not len(products):
        raise FootfallError(f"nothing with a {column} happened before {at:%Y-%m-%d}: there is nothing to recommend")
    engine.execute("drop table if exists ranking_customers")
    numbered = pa.table({"customer_id": pa.array(who.tolist(), pa.string()), "number": np.arange(len(who))})
    engine.execute("create table ranking_customers (customer_id varchar, number bigint)")
    engine.append("ranking_customers", numbered)
    local = "local_time({0}, '" + tz + "')" if tz != "UTC" else "{0}"
    days = "epoch(" + local + ") / 86400.0"
    told = [str(k) for (k,) in engine.rows("select distinct kind from ranking_rows order by kind")]
    kinds = (SALE, *(k for k in told if k != SALE))
    place = f"list_position([{', '.join(literal(k) for k in kinds)}], r.kind) - 1"
    rows = engine.fetch(
        "select cast(c.number as integer) as row, cast(p.number as integer) as col, "
        f"cast({place} as utinyint) as kind, "
        f"coalesce(r.weight, 1.0) as weight, "
        f"{days.format('r.occurred_at')} as day, {days.format('r.known_at')} as known\n"
        "from ranking_rows r join ranking_customers c using (customer_id) join ranking_products p using (item)\n"
        "order by 1, 2, 5, r.kind, 4, 6"
    )
    engine.execute("drop table ranking_customers")
    edge = clock_days(at, tz)
    items, meanings = _items(what, column)
    since = engine.rows(f"select {days.format('since')} from ranking_products order by number")
    listed = np.asarray([-np.inf if d is None else float(d) for (d,) in since])
    interactions = Interactions(
        len(who), len(products), _ints(rows, "row"), _ints(rows, "col"), np.minimum(_floats(rows, "day"), edge - 1e-6),
        np.asarray(rows.column("kind").to_numpy(), dtype=np.int8), _floats(rows, "weight"), edge, kinds, items, people,
        listed, words_of(what.column("words").to_pylist()),
    )  # fmt: skip
    names, category = (np.asarray(what.column(c).to_pylist(), dtype=object) for c in ("name", "category"))
    gone = np.asarray(what.column("gone").to_pylist(), dtype=bool)
    known = np.minimum(_floats(rows, "known"), edge - 1e-6)
    return History(at, tz, column, who, products, names, category, interactions, known, gone, {**values, **meanings})


def _customers(
    engine: Engine, at: datetime, tz: str
) -> tuple[NDArray[Any], dict[str, Ints], dict[str, tuple[str, ...]]]:
    """Everyone known before the cutoff in the order of their ids, and what was known of them, as codes."""
    windows = {name: customers.latest(name).past() for name in PEOPLE}
    found = engine.fetch(compile_windows(Frame(("customer_id",), (at,), tz), dict(windows)).sql() + " order by 1")
    who = np.asarray(found.column("customer_id").to_pylist(), dtype=object)
    people: dict[str, Ints] = {}
    values: dict[str, tuple[str, ...]] = {}
    raw = {name: found.column(name).to_pylist() for name in PEOPLE}
    age = [a if a is not None else _age(b, at) for a, b in zip(raw.pop("age"), raw.pop("birth_date"), strict=True)]
    raw["age"] = [f"{int(a) // 10 * 10}-{int(a) // 10 * 10 + 9}" if a is not None else None for a in age]
    income = np.asarray([np.nan if v is None else float(v) for v in raw.pop("income")])
    raw["income"] = _bands(income, 5)
    for name, told in raw.items():
        names, codes = _frequent(told)
        if len(names) > 1:
            people[name], values[name] = codes, names
    return who, people, values


def _items(what: pa.Table, column: str) -> tuple[dict[str, Ints], dict[str, tuple[str, ...]]]:
    if column != "product_id":
        return {}, {}
    items: dict[str, Ints] = {}
    values: dict[str, tuple[str, ...]] = {}
    for name in ("category", "brand"):
        names, codes = _frequent([v or None for v in what.column(name).to_pylist()], most=5_000)
        if len(names) > 1:
            items[name], values[name] = codes, names
    price = np.asarray([np.nan if v is None else float(v) for v in what.column("price").to_pylist()])
    told = price[np.isfinite(price)]
    edges = np.unique(np.quantile(told, np.arange(1, BANDS) / BANDS)) if len(told) else np.zeros(0)
    if len(edges) > 1:
        items["price_band"] = np.where(np.isfinite(price), np.searchsorted(edges, price, side="right"), -1)
        values["price_band"] = tuple(f"band {i + 1} of {len(edges) + 1}" for i in range(len(edges) + 1))
    return items, values


def words_of(texts: list[str | None]) -> sparse.csr_matrix | None:
    """(products, words) of names and descriptions: how often a word stands there, times the log of how rare it is.

    Each row has length 1. Words of one product only tell no likeness, those of a fifth of all products little. None
    where no words are left.
    """
    rows, cols, numbers = [], [], dict[str, int]()
    for i, text in enumerate(texts):
        for word in _WORD.findall((text or "").casefold()):
            rows.append(i)
            cols.append(numbers.setdefault(word, len(numbers)))
    if not rows:
        return None
    found = csr(np.ones(len(rows)), rows, cols, (len(texts), len(numbers)))
    often = np.bincount(found.indices, minlength=len(numbers))
    kept = np.flatnonzero((often > 1) & (often <= max(2, len(texts) // 5)))
    found = sparse.csr_matrix(found[:, kept] @ sparse.diags(np.log(len(texts) / np.maximum(often[kept], 1.0))))
    length = np.sqrt(np.asarray(found.multiply(found).sum(axis=1)).ravel())
    return single(sparse.diags(1.0 / np.maximum(length, 1e-12)) @ found) if len(kept) else None


def _bands(values: Floats, count: int) -> list[str | None]:
    told = values[np.isfinite(values)]
    if not len(told):
        return [None] * len(values)
    edges = np.unique(np.quantile(told, np.arange(1, count) / count))
    return [None if not np.isfinite(v) else f"band {int(np.searchsorted(edges, v, side='right')) + 1}" for v in values]


def _age(born: Any, at: datetime) -> int | None:
    if not isinstance(born, date):
        return None
    return at.year - born.year - ((at.month, at.day) < (born.month, born.day))


def _frequent(told: list[Any], most: int = VALUES) -> tuple[tuple[str, ...], Ints]:
    """The most frequent values in the order of their names, and a code for each; -1 for none and for rare ones."""
    texts = np.asarray(["" if v is None else str(v) for v in told], dtype=object).astype(str)
    names, inverse, counts = np.unique(texts, return_inverse=True, return_counts=True)
    order = [int(i) for i in np.argsort(-counts, kind="stable") if names[i] != ""][:most]
    kept = sorted(order, key=lambda i: str(names[i]))
    code = np.full(len(names), -1, dtype=np.int64)
    code[kept] = np.arange(len(kept))
    return tuple(str(names[i]) for i in kept), code[inverse] if len(texts) else np.zeros(0, dtype=np.int64)


def _ints(table: pa.Table, name: str) -> Ints:
    return np.asarray(table.column(name).to_numpy(), dtype=np.int64)


def _floats(table: pa.Table, name: str) -> Floats:
    return np.asarray(table.column(name).cast(pa.float64()).to_numpy(), dtype=np.float64)
