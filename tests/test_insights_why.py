"""Why: the funnel against counting by hand."""

from __future__ import annotations

import pytest

from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError
from footfall.insights import ask, ground, insight
from insight_shop import day, empty, fill

# customer, product, category, what, day. First looks count from day 7 to day 96: the facts end with day 110.
WAYS = [
    ("a", "p", "tea", "view", 20), ("a", "p", "tea", "view", 21), ("a", "p", "tea", "add_to_cart", 22),
    ("b", "p", "tea", "view", 20), ("b", "p", "tea", "add_to_cart", 20.5),  # leaves it in the cart
    ("c", "p", "tea", "view", 20),  # buys without a cart
    ("d", "p", "tea", "add_to_cart", 20), ("d", "p", "tea", "view", 21),  # the cart came before the look
    ("e", "q", "mugs", "view", 30), ("e", "q", "mugs", "add_to_cart", 43.9),  # the cart in time, the purchase too late
    ("f", "q", "mugs", "view", 97),  # too near the end to count
    ("g", "q", "mugs", "view", 40), ("g", "p", "tea", "add_to_cart", 41),  # another product
    (None, "q", "mugs", "view", 40),
]  # fmt: skip
SALES = [("a", "p", 24), ("c", "p", 20.25), ("e", "q", 44.5), ("g", "p", 42), ("z", "p", 110.5), ("a", "p", 3)]


def tea_shop() -> DuckDBEngine:
    engine = empty()
    rows = [(f"e{i}", who, day(at), kind, p, k) for i, (who, p, k, kind, at) in enumerate(WAYS)]
    fill(engine, "events", "event_id, who, at, type, product_id, category", rows)
    sales = [(f"o{i}", who, day(at), "sale", p, 5, 1) for i, (who, p, at) in enumerate(SALES)]
    fill(engine, "lines", "order_id, who, at, kind, product_id, amount, quantity", sales)
    fill(engine, "orders", "order_id, who, at, amount", [(o, who, at, 5) for o, who, at, *_ in sales])
    return engine


def test_the_steps_are_those_counted_by_hand() -> None:
    engine = tea_shop()
    found = ask(engine, ground(engine), insight("funnel"))
    rows = {(r["dimension"], r["segment"]): r for r in found.rows}
    whole = rows["all", "all"]
    # Looks that count: a, b, c, d, e, g. Carts after the look, within 14 days: a, b, e. Bought after the cart: a.
    assert (whole["looked"], whole["carted"], whole["bought"], whole["bought_without_cart"]) == (6, 3, 1, 1)
    assert whole["look_to_cart"] == 0.5
    assert whole["cart_to_purchase"] == pytest.approx(1 / 3)
    assert whole["look_to_purchase"] == pytest.approx(2 / 6)
    assert whole["hours_to_cart"] == pytest.approx(48)  # of 48, 12 and 333.6
    assert whole["hours_to_purchase"] == pytest.approx(48)
    assert {k[1]: r["looked"] for k, r in rows.items() if k[0] == "category"} == {"tea": 4, "mugs": 2}
    assert {k[1]: r["looked"] for k, r in rows.items() if k[0] == "customer"} == {
        "ordered before": 1,
        "no order before": 5,
    }
    assert "Of 6 first looks of a customer at a product, 50.0% led to the cart" in found.words
    assert "1 bought without a cart" in found.words


def test_segments_add_up_to_the_whole() -> None:
    engine = tea_shop()
    rows = ask(engine, ground(engine), insight("funnel")).rows
    for step in ("looked", "carted", "bought", "bought_without_cart"):
        sums = {d: sum(r[step] for r in rows if r["dimension"] == d) for d in {r["dimension"] for r in rows}}
        assert set(sums.values()) == {sums["all"]}


def test_a_shop_without_a_cart_is_told_so() -> None:
    engine = tea_shop()
    engine.execute("delete from facts.events where type = 'add_to_cart'")
    with pytest.raises(FootfallError, match="no step between a look and a purchase"):
        ask(engine, ground(engine), insight("funnel"))
