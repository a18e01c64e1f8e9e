"""The laws of declarations: what looks ahead is no feature, and errors name the thing, the place and the mend."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from footfall.engine import DuckDBEngine
from footfall.errors import UsageError
from footfall.spans import Span
from footfall.tables import create_tables, refresh_known
from footfall.windows import (
    FUNCTIONS,
    Aggregate,
    Fact,
    Feature,
    Frame,
    Future,
    Past,
    compile_windows,
    customers,
    events,
    fact,
    key_columns,
    lines,
    orders,
    reviews,
)

MARCH = datetime(2020, 3, 1)


def test_past_and_next_are_different_types() -> None:
    assert isinstance(orders.any().past("7d"), Past)
    assert isinstance(orders.any().next("7d"), Future)
    assert orders.any().past() == Past(Aggregate(Fact("orders"), "any"), None)


def test_a_feature_that_looks_ahead_is_refused() -> None:
    assert Feature(orders.any().past("7d")).name == "orders_any_7d"
    with pytest.raises(UsageError, match="a feature looks back; 'orders_any_next_7d' looks ahead"):
        Feature(orders.any().next("7d"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: orders.sum("amout"), "orders has no column 'amout'; did you mean 'amount'"),
        (lambda: lines.where(knd="sale"), "lines has no column 'knd'; did you mean 'kind'"),
        (lambda: events.where("typ", "=", "view"), "events has no column 'typ'; did you mean 'type'"),
        (lambda: orders.share(discont=0), "orders has no column 'discont'; did you mean 'discount'"),
        (lambda: reviews.latest("ratings"), "reviews has no column 'ratings'; did you mean 'rating'"),
        (lambda: fact("oders"), "there is no fact 'oders'; did you mean 'orders'"),
        (lambda: fact("products"), "there is no fact 'products'"),
        (lambda: key_columns("custmer"), "there is no entity 'custmer'; did you mean 'customer'"),
        (lambda: orders.where("amount", "~", 3), "operator of = != < <= > >= in"),
        (lambda: orders.where("amount", ">="), r"a condition is \(column, operator, value\)"),
        (lambda: orders.where(5), r"a condition is \(column, operator, value\)"),
        (lambda: orders.where("channel", "in", "web"), "'channel in' wants a list of values, not 'web'"),
        (lambda: orders.where(channel=[]), "wants values"),
        (lambda: orders.where(channel=None), "wants values"),
        (lambda: orders.where("amount", "=", object()), "'amount' cannot be compared with"),
        (lambda: orders.share(), "wants a condition, as in share"),
        (lambda: orders.count().trend("30d", "7d"), "a short span with a longer one, not 30d with 7d"),
        (lambda: orders.count().trend("7d", "1w"), "a short span with a longer one"),
        (lambda: orders.count().past("7"), "'7' is not a span"),
        (lambda: orders.count().next("0d"), "'0d' is not a span"),
        (lambda: lines.sum("quantity").every("7d").past("28d"), "a path .* cannot be placed before the cutoff"),
        (lambda: orders.any().past("7d").at_least(2), r"wants a number such as count\(\), not any"),
    ],
)
def test_errors_name_the_thing_and_the_mend(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "window", "message"),
    [
        (("customer_id", "category"), orders.any().past(), "orders has no category; group it by what it has"),
        (("product_id",), orders.any().past(), "orders has no product_id"),
        (("customer_id",), lines.by("category").any().past(), "it has no category"),
        (("customer_id",), fact("prices").count().past(), "prices has no customer_id"),
        ((), lines.by("customer_id").nunique("category").past(), "beside the whole shop: it has no customer_id"),
    ],
)
def test_a_fact_without_the_entitys_keys_is_refused(keys: tuple[str, ...], window: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        compile_windows(Frame(keys, (MARCH,)), {"w": window})


def test_every_function_is_described_and_can_be_written() -> None:
    for name in FUNCTIONS:
        method = getattr(orders, name)
        made = method(channel="web") if name == "share" else _with_or_without_column(method)
        assert made.function == name


def _with_or_without_column(method: Callable[..., Aggregate]) -> Aggregate:
    try:
        return method()
    except TypeError:
        return method("amount")


DIFFERENT = [
    orders.where(channel="web"),
    orders.where(channel="Web"),
    orders.where(channel="we-b"),
    orders.where(channel="we b"),
    orders.where(channel="мир"),
    orders.where(channel="мода"),
    orders.where(payment_method="web"),
    orders.where("channel", "!=", "web"),
    orders.where("channel", "in", ("web", "app")),
    orders.where(channel="web_app"),
    orders.where("amount", ">=", 5),
    orders.where("amount", ">=", -5),
    orders.where("amount", ">", 5),
    orders.where("amount", "<=", 0.5),
    orders.where("amount", "<=", 5),
    orders.where(hour=5),
    orders.where(weekday=5),
    orders.by("customer_id"),
    orders,
]


def test_facts_with_different_conditions_have_different_names_that_sql_takes() -> None:
    names = [f.name for f in DIFFERENT]
    assert len(set(names)) == len(names)
    assert all(n.isidentifier() and n.isascii() and n == n.lower() for n in names)
    assert lines.where(kind="sale").count().past("7d").name == "lines_sale_count_7d"
    assert events.where(type="add_to_cart").count().past().name == "events_add_to_cart_count"


def test_two_windows_of_one_name_are_never_mixed_up() -> None:
    one = orders.where(channel="a").where(channel="b_channel_c").count().past()
    two = orders.where(channel="a_channel_b").where(channel="c").count().past()
    assert one.name == two.name
    with pytest.raises(UsageError, match="two different windows over orders would both be called"):
        compile_windows(Frame(("customer_id",), (MARCH,)), {"one": one, "two": two})


def test_a_set_of_values_is_written_in_one_order() -> None:
    assert orders.where(channel={"b", "a", "c"}) == orders.where(channel=["a", "b", "c"])


@pytest.fixture(scope="module")
def shop() -> DuckDBEngine:
    engine = DuckDBEngine(threads=1)
    create_tables(engine)
    for at in ("01-01 12:00", "01-31 12:00", "02-01 00:00", "02-29 12:00", "03-01 12:00", "03-30 12:00", "03-31 12:00"):
        at = f"2020-{at}"
        engine.execute(
            "insert into facts.orders (order_id, source, source_customer_id, occurred_at, known_at, channel) "
            f"values ('{at}', 's', 'c', timestamp '{at}', timestamp '{at}', 'it''s')"
        )
    refresh_known(engine)
    return engine


def test_the_longest_span_depends_on_the_cutoff(shop: DuckDBEngine) -> None:
    # From 1 March 2020 a month reaches back 29 days, less than "30d"; from 1 April it reaches back 31.
    april, end_of_january = datetime(2020, 4, 1), datetime(2020, 1, 31)
    both = {"days": orders.count().past("30d"), "month": orders.count().past("1mo")}
    assert counts(shop, both, MARCH) == [("c", MARCH, 3, 2)]
    assert counts(shop, both, april) == [("c", april, 2, 3)]
    assert counts(shop, both, MARCH, april) == [("c", MARCH, 3, 2), ("c", april, 2, 3)]
    ahead = {"days": orders.count().next("30d"), "month": orders.count().next("1mo")}
    assert counts(shop, ahead, end_of_january) == [("c", end_of_january, 3, 2)]
    values = {k: orders.nunique("order_id").past(w.span) for k, w in both.items()}
    assert counts(shop, values, MARCH, april) == [("c", MARCH, 3, 2), ("c", april, 2, 3)]


def counts(shop: DuckDBEngine, windows: dict[str, Any], *cutoffs: datetime) -> list[tuple[Any, ...]]:
    return sorted(shop.rows(compile_windows(Frame(("customer_id",), cutoffs), windows).sql()))


def test_words_in_conditions_are_quoted(shop: DuckDBEngine) -> None:
    frame = Frame(("customer_id",), (MARCH,))
    query = compile_windows(frame, {"n": orders.where(channel="it's").count().past()})
    assert shop.rows(query.sql()) == [("c", MARCH, 4)]


def test_attributes_hold_as_they_were_known_at_the_cutoff(shop: DuckDBEngine) -> None:
    for at, tier in (("1900-01-01", "bronze"), ("2020-01-15", "silver"), ("2020-03-01", "gold")):
        shop.execute(
            "insert into facts.customers (source, source_customer_id, occurred_at, known_at, loyalty_tier) "
            f"values ('s', 'c', timestamp '{at}', timestamp '{at}', '{tier}')"
        )
    cutoffs = (datetime(2020, 1, 10), MARCH, datetime(2020, 3, 2))
    query = compile_windows(Frame(("customer_id",), cutoffs), {"tier": customers.latest("loyalty_tier").past()})
    assert [r[2] for r in sorted(shop.rows(query.sql()))] == ["bronze", "silver", "gold"]


def test_spans_are_read_once_at_the_edge() -> None:
    assert orders.any().past("7d").span == Span(7, "d")
    assert orders.any().past(Span(7, "d")) == orders.any().past("7d")
