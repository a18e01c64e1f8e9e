"""The compiled SQL against the plain-Python oracle, on random small shops full of edges."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import oracle_windows as oracle
from footfall.engine import DuckDBEngine, literal
from footfall.spans import midnight, shift, span
from footfall.tables import create_tables, refresh_known
from footfall.windows import (
    Aggregate,
    Fact,
    Frame,
    Past,
    Upcoming,
    Window,
    compile_windows,
    lines,
    orders,
)

ZONES = ("UTC", "Europe/London", "Asia/Shanghai")
SPANS = ("1d", "2d", "7d", "1w", "28d", "30d", "31d", "60d", "1mo", "2mo", "12mo")
HOURS = ("1h", "12h", "24h")
# Around a leap day, around both changes of the clocks in London, and around two ends of a year.
DAYS = [datetime(2020, 2, 27) + timedelta(days=d) for d in range(5)]
DAYS += [datetime(2020, 3, 28) + timedelta(days=d) for d in range(4)]
DAYS += [datetime(2020, 10, 24) + timedelta(days=d) for d in range(3)]
DAYS += [
    datetime(2019, 12, 31),
    datetime(2020, 1, 1),
    datetime(2020, 2, 1),
    datetime(2020, 3, 31),
    datetime(2020, 8, 31),
]
NUDGES = [timedelta(0)] * 3 + [
    timedelta(microseconds=-1),
    timedelta(microseconds=1),
    timedelta(hours=-1),
    timedelta(hours=1),
    timedelta(hours=13),
    timedelta(days=-1),
    timedelta(days=-3),
]
LATE = [timedelta(0)] * 5 + [
    timedelta(microseconds=1),
    timedelta(hours=2),
    timedelta(days=1),
    timedelta(days=40),
    timedelta(hours=-5),
]

COLUMNS = {
    "orders": {
        "number": ("amount", "discount", "hour"),
        "ordered": ("amount", "channel", "day", "hour", "occurred_at"),
        "named": ("channel", "day", "weekday", "amount", "customer_id"),
    },
    "lines": {
        "number": ("amount", "quantity", "weekday"),
        "ordered": ("amount", "quantity", "product_id", "day"),
        "named": ("product_id", "category", "kind", "hour", "customer_id"),
    },
}
CONDITIONS: dict[str, list[tuple[str, str, Any]]] = {
    "orders": [
        ("channel", "=", "web"),
        ("channel", "!=", "web"),
        ("channel", "in", ("web", "it's")),
        ("amount", ">=", 10),
        ("amount", "<", 10),
        ("amount", ">", -2.5),
        ("discount", "<=", 2.5),
        ("hour", ">=", 12),
        ("hour", "=", 0),
        ("weekday", "in", (6, 7)),
        ("weekday", "=", 1),
        ("day", ">=", date(2020, 3, 1)),
        ("day", "=", date(2020, 2, 29)),
    ],
    "lines": [
        ("kind", "=", "sale"),
        ("kind", "=", "return"),
        ("category", "=", "a"),
        ("product_id", "=", "a"),
        ("product_id", "in", ("a", "p2")),
        ("category", "!=", "a"),
        ("quantity", ">", 1),
        ("amount", "<=", 0),
        ("hour", "<", 1),
        ("weekday", ">", 5),
    ],
}


@st.composite
def facts(draw: st.DrawFn, keys: tuple[str, ...]) -> Fact:
    """A fact that can be grouped by `keys`, or that says by which of them."""
    fact = draw(st.sampled_from([lines, lines, orders] if "customer_id" in keys or not keys else [lines]))
    if fact is orders and len(keys) > 1:
        fact = fact.by("customer_id")
    elif keys and draw(st.integers(0, 4)) == 0:
        fact = fact.by(*draw(st.sampled_from([(), keys[:1], keys, keys[-1:] if fact.table == "lines" else ()])))
    return fact.where(*draw(st.lists(st.sampled_from(CONDITIONS[fact.table]), max_size=2, unique=True)))


@st.composite
def aggregates(draw: st.DrawFn, keys: tuple[str, ...]) -> Aggregate:
    fact = draw(facts(keys))
    columns = COLUMNS[fact.table]
    function = draw(st.sampled_from(FUNCTIONS_DRAWN))
    if function in ("any", "none", "count", "recency", "tenure", "gap"):
        return getattr(fact, function)()
    if function == "share":
        return fact.share(*draw(st.lists(st.sampled_from(CONDITIONS[fact.table]), min_size=1, max_size=2, unique=True)))
    kind = {"sum": "number", "mean": "number"}.get(function, "named" if function in SETS else "ordered")
    return getattr(fact, function)(draw(st.sampled_from(columns[kind])))


SETS = ("distinct", "nunique", "most_common")
FUNCTIONS_DRAWN = (
    "any", "none", "count", "sum", "mean", "min", "max", "latest", "earliest", "distinct", "nunique", "share",
    "most_common", "recency", "tenure", "gap",
)  # fmt: skip


@st.composite
def windows(draw: st.DrawFn, keys: tuple[str, ...], spans: tuple[str, ...]) -> Window:
    one = draw(aggregates(keys))
    way = draw(st.sampled_from(["past", "past", "past", "ever", "next", "trend", "least"]))
    of = draw(st.sampled_from(spans))
    if way == "next" and one.function not in ("recency", "tenure"):
        return one.next(of)
    if way == "ever":
        return one.past()
    if way == "trend" and one.function in ("count", "sum", "mean", "nunique"):
        pair = sorted([span(of), span(draw(st.sampled_from(spans)))], key=lambda s: s.days)
        if pair[0].days < pair[1].days:
            return one.trend(*pair)
    if way == "least" and one.function in ("count", "sum", "nunique"):
        return one.past(of).at_least(draw(st.integers(0, 3)))
    return one.past(of)


@st.composite
def frames(draw: st.DrawFn, keys: tuple[str, ...], aligned: bool) -> Frame:
    tz = draw(st.sampled_from(ZONES))
    at = [midnight(d + timedelta(hours=12), tz) for d in draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=2))]
    if not aligned:
        off = draw(
            st.sampled_from([timedelta(0), timedelta(hours=1), timedelta(minutes=90), timedelta(microseconds=1)])
        )
        at = [c + off for c in at]
    as_of = None
    if draw(st.booleans()):
        as_of = at[-1] + timedelta(days=draw(st.sampled_from([0, 2, 40])))
        as_of = midnight(as_of, tz) if aligned else as_of
    return Frame(keys, tuple(sorted(set(at))), tz, as_of)


@st.composite
def instants(draw: st.DrawFn, frame: Frame, spans: tuple[str, ...]) -> datetime:
    """Often exactly at a cutoff or at a window's edge, or next to one."""
    cutoff = draw(st.sampled_from(frame.cutoffs))
    way = draw(st.sampled_from([0, 0, -1, -1, 1]))
    at = shift(cutoff, span(draw(st.sampled_from(spans))), way, frame.tz) if way else cutoff
    return at + draw(st.sampled_from(NUDGES))


def _maybe(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([None, *values])


@st.composite
def shops(draw: st.DrawFn, frame: Frame, spans: tuple[str, ...]) -> oracle.Shop:
    cents = [Decimal(c) / 4 for c in (-12, 0, 1, 10, 40, 41)]

    def times() -> dict[str, datetime]:
        at = draw(instants(frame, spans))
        return {"occurred_at": at, "known_at": at + draw(st.sampled_from(LATE))}

    def customer() -> Any:
        return draw(st.sampled_from(["c1", "c1", "c2", None]))

    order_rows = [
        {
            "customer_id": customer(),
            **times(),
            "amount": draw(_maybe(*cents)),
            "discount": draw(_maybe(Decimal(0), Decimal("2.5"), Decimal(3))),
            "channel": draw(_maybe("web", "web", "it's", "ph_one")),
        }
        for _ in range(draw(st.integers(0, 7)))
    ]
    line_rows = [
        {
            "customer_id": customer(),
            **times(),
            "product_id": draw(_maybe("a", "p2", "p3")),
            "category": draw(_maybe("a", "a", "b")),
            "kind": draw(st.sampled_from(["sale", "sale", "return"])),
            "quantity": draw(_maybe(-1.0, 0.5, 1.0, 2.25)),
            "amount": draw(_maybe(*cents)),
        }
        for _ in range(draw(st.integers(0, 8)))
    ]
    days = [
        {
            "date": draw(st.sampled_from(DAYS)).date(),
            "holiday": draw(_maybe("rest")),
            "promotion": draw(_maybe("sale")),
            "known_at": draw(_maybe(*frame.cutoffs, datetime(2019, 1, 1))),
        }
        for _ in range(draw(st.integers(0, 3)))
    ]
    return {"orders": order_rows, "lines": line_rows, "calendar": days}


@st.composite
def cases(draw: st.DrawFn, keys: tuple[str, ...], aligned: bool) -> tuple[Frame, list[Window], oracle.Shop]:
    spans = SPANS if aligned else (*SPANS, *HOURS)
    few = tuple(draw(st.lists(st.sampled_from(spans), min_size=1, max_size=3, unique=True)))
    frame = draw(frames(keys, aligned))
    many = draw(st.lists(windows(keys, few), min_size=8, max_size=16))
    many += [Upcoming(c, span(few[0])) for c in ("holiday", "promotion")]  # type: ignore[arg-type]
    return frame, many, draw(shops(frame, few))


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDBEngine]:
    made = DuckDBEngine(threads=1)
    create_tables(made)
    yield made
    made.close()


def fill(engine: DuckDBEngine, shop: oracle.Shop) -> None:
    for name, rows in shop.items():
        engine.execute(f"delete from facts.{name}")
        if rows:
            stored = {"customer_id": "source_customer_id"}
            columns = ", ".join(stored.get(c, c) for c in rows[0])
            values = ", ".join("(" + ", ".join(literal(v) for v in r.values()) + ")" for r in rows)
            engine.execute(f"insert into facts.{name} ({columns}) values {values}")
    engine.execute("update facts.orders set source = 's'; update facts.lines set source = 's'")
    refresh_known(engine)


def answers(engine: DuckDBEngine, frame: Frame, named: dict[str, Window]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    wide = len(frame.keys) + 1
    return {r[:wide]: r[wide:] for r in engine.rows(compile_windows(frame, named).sql())}


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, list):
        return isinstance(found, list) and found == expected
    if expected is None or isinstance(expected, bool | str | date):
        return found == expected and type(found) is type(expected)
    return found is not None and float(found) == pytest.approx(float(expected), rel=1e-9, abs=1e-9)


def check(engine: DuckDBEngine, frame: Frame, many: list[Window], shop: oracle.Shop) -> None:
    fill(engine, shop)
    named = {f"w{i}": w for i, w in enumerate(many)}
    found = answers(engine, frame, named)
    expected = oracle.spine(shop, frame)
    assert sorted(found) == sorted((*e.values(), cutoff) for e, cutoff in expected)
    for entity, cutoff in expected:
        row = found[(*entity.values(), cutoff)]
        for got, window in zip(row, many, strict=True):
            want = oracle.value(window, shop, frame, entity, cutoff)
            assert same(got, want), f"{window.name} of {entity} beside {cutoff}: SQL {got!r}, oracle {want!r}"


_QUICK = settings(
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
CUSTOMER = ("customer_id",)


@settings(_QUICK, max_examples=80)
@given(case=cases(CUSTOMER, aligned=True))
def test_rolled_up_by_day_equals_the_oracle(engine: DuckDBEngine, case: Any) -> None:
    frame, many, shop = case
    assert frame.aligned([span(s) for s in SPANS])
    check(engine, frame, many, shop)


@settings(_QUICK, max_examples=80)
@given(case=cases(CUSTOMER, aligned=False))
def test_fact_by_fact_equals_the_oracle(engine: DuckDBEngine, case: Any) -> None:
    check(engine, *case)


@settings(_QUICK, max_examples=40)
@given(case=st.one_of(cases((*CUSTOMER, "category"), True), cases((*CUSTOMER, "category"), False)))
def test_customer_and_category_equal_the_oracle(engine: DuckDBEngine, case: Any) -> None:
    check(engine, *case)


@settings(_QUICK, max_examples=40)
@given(case=st.one_of(cases(("product_id",), True), cases(("category",), False), cases((), True)))
def test_groups_and_the_whole_shop_equal_the_oracle(engine: DuckDBEngine, case: Any) -> None:
    check(engine, *case)


@settings(_QUICK, max_examples=40)
@given(case=cases(CUSTOMER, aligned=True))
def test_rolled_up_and_fact_by_fact_agree(engine: DuckDBEngine, case: Any) -> None:
    frame, many, shop = case
    fill(engine, shop)
    named = {f"w{i}": w for i, w in enumerate(many)}
    rolled = compile_windows(frame, named).sql()
    # One window in hours is enough for facts not to be rolled up by day.
    raw = compile_windows(frame, {**named, "hours": orders.count().past("1h")}).sql()
    by_day = "local_time(f.known_at" if frame.tz != "UTC" else "cast(f.known_at as date)"
    if any(w.aggregate.function not in SETS for w in many if isinstance(w, Past)):
        assert by_day in rolled
    assert by_day not in raw
    assert sorted(engine.rows(rolled)) == sorted(r[:-1] for r in engine.rows(raw))
