"""Features and their values read as a merchant would say them."""

from __future__ import annotations

from typing import Any

import pytest

from footfall.explain.wording import gap_beside, say
from footfall.windows import (
    Feature,
    Past,
    Ratio,
    Upcoming,
    customers,
    events,
    lines,
    orders,
    reviews,
    satisfaction,
)
from footfall.windows.words import words

SOLD = lines.where(kind="sale")
VIEWS = events.where(type="view")
HERE = {"within": "category"}
RHYTHM = Ratio(orders.recency().past(), orders.gap().past(), 1.0, "rhythm")


@pytest.mark.parametrize(
    "window, value, said",
    [
        (orders.count().past("30d"), 3, "3 orders in the last 30 days"),
        (orders.count().past("30d"), 1, "1 order in the last 30 days"),
        (orders.count().past(), 0, "no orders so far"),
        (VIEWS.count().past("1d"), 1, "1 product view in the last day"),
        (events.where(type="search").count().past("7d"), 1, "1 search in the last 7 days"),
        (events.where(type="add_to_cart").count().past("7d"), 1, "1 addition to the cart in the last 7 days"),
        (events.count().past(), 12, "12 actions on the site so far"),
        (orders.nunique("day").past(), 4, "4 days with an order so far"),
        (orders.nunique("day").past(), 1, "1 day with an order so far"),
        (events.nunique("day").past("30d"), 2, "2 days with a visit in the last 30 days"),
        (events.nunique("session_id").past("7d"), 5, "5 visits in the last 7 days"),
        (VIEWS.nunique("session_id").past("7d"), 5, "5 visits with a product view in the last 7 days"),
        (events.nunique("product_id").past("7d"), 0, "no products looked at in the last 7 days"),
        (SOLD.nunique("product_id").past(), 7, "7 different products bought so far"),
        (SOLD.nunique("category").past("365d"), 1, "1 category bought in the last 365 days"),
        (orders.sum("amount").past("90d"), 1234.5, "spend of 1,234 in the last 90 days"),
        (orders.sum("amount").past("90d"), 0, "no orders in the last 90 days"),
        (SOLD.sum("quantity").past(), 9, "9 units bought so far"),
        (orders.mean("amount").past(), 31.234, "average order value so far: 31.2"),
        (orders.max("amount").past(), 200, "largest order value so far: 200"),
        (orders.latest("amount").past(), None, "no order yet"),
        (orders.latest("amount").past(), 18.5, "value of the last order: 18.5"),
        (orders.share("discount", ">", 0).past(), 0.4, "40% of orders with a discount so far"),
        (orders.share(weekday=(6, 7)).past(), 0.25, "25% of orders at the weekend so far"),
        (lines.share(kind="return").past(), 0.1, "10% of items sent back so far"),
        (orders.share(channel="app").past(), 0.5, "50% of orders with channel app so far"),
        (orders.recency().past(), 64.9, "last order 64 days ago (usually 21 days between)"),
        (orders.recency().past(), 1.2, "last order 1 day ago (usually 21 days between)"),
        (orders.recency().past(), 0.4, "last order today (usually 21 days between)"),
        (RHYTHM, 2.94, "2.9 times the usual gap since the last order"),
        (RHYTHM, 2.94, "2.9 times the usual gap since the last order (usually 21 days between)"),
        (SOLD.recency().past(), 3.0, "last item bought 3 days ago (usually 21 days between)"),
        (orders.recency().past(), None, "no order yet"),
        (orders.gap().past(), 21.0, "usually 21 days between orders"),
        (orders.gap().past(), 1.0, "usually 1 day between orders"),
        (orders.gap().past(), 0.98, "usually 0.98 days between orders"),
        (orders.gap().past(), None, "fewer than two orders"),
        (RHYTHM, None, "fewer than two orders"),
        (orders.count().trend("30d", "90d"), 0.53,
         "orders in the last 30 days: 0.5 times the pace of the last 90 days"),
        (orders.count().trend("30d", "90d"), 0, "no orders in the last 30 days"),
        (orders.count().trend("30d", "90d"), None, "no orders in the last 90 days"),
        (reviews.mean("rating").past(), 4.25, "average rating per review so far: 4.2"),
        (satisfaction.latest("score").past(), 8, "last satisfaction score: 8"),
        (customers.latest("birth_date").past(), 59.9, "aged 59"),
        (customers.latest("loyalty_tier").past(), "gold", "loyalty tier: gold"),
        (customers.latest("income").past(), None, "income unknown"),
        (Upcoming("holiday", orders.count().past("7d").span), 1, "1 holiday in the next 7 days"),
        (Upcoming("promotion", orders.count().past("7d").span), 1, "1 promotion day in the next 7 days"),
    ],
    ids=lambda x: x if isinstance(x, str) else None,
)  # fmt: skip
def test_a_value_is_said_in_words(window: Any, value: Any, said: str) -> None:
    assert say(Feature(window), value, 21.0 if "usually" in said else None) == said


@pytest.mark.parametrize(
    ("usual", "said"),
    [
        (1.0, "usually 1 day between"),
        (1.02, "usually 1 day between"),
        (1.5, "usually 1.5 days between"),
        (0.5, "usually 0.50 days between"),
        (2.0, "usually 2 days between"),
    ],
)
def test_the_usual_gap_counts_its_days(usual: float, said: str) -> None:
    for window in (orders.recency().past(), RHYTHM):
        assert say(Feature(window), 4.0, usual).endswith(f" ({said})")


def test_the_usual_gap_is_said_only_beside_a_time_since() -> None:
    assert gap_beside(Feature(orders.recency().past())) == gap_beside(Feature(RHYTHM)) == orders.gap().past().name
    bought = SOLD.by("customer_id", "category")
    assert gap_beside(Feature(bought.recency().past())) == bought.gap().past().name
    assert say(Feature(orders.count().past()), 4, 21.0) == "4 orders so far"
    assert say(Feature(orders.recency().past()), None, 21.0) == "no order yet"
    assert say(Feature(orders.recency().past()), 3.0, float("nan")) == "last order 3 days ago"


@pytest.mark.parametrize(
    "window, label",
    [
        (SOLD.recency().past(), "days since the last item bought in this category"),
        (SOLD.sum("amount").past("365d"), "spend on items in this category in the last 365 days"),
        (SOLD.by("category").count().past("7d"), "items bought in the category by all customers in the last 7 days"),
        (SOLD.by("category").nunique("customer_id").past("90d"),
         "customers who bought in the category in the last 90 days"),
        (SOLD.by("category").count().trend("30d", "90d"),
         "pace of items bought in the category by all customers: 30 days against 90 days"),
    ],
    ids=lambda x: x if isinstance(x, str) else None,
)  # fmt: skip
def test_a_pair_says_what_it_is_about(window: Past | Ratio, label: str) -> None:
    assert words(window, **HERE).label == label
