"""What to order: the level is the quantile that was asked for, of the span an order must last, less what is there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import datetime, timedelta
from math import ceil, sqrt
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decide_shop import CUTOFF, TASK, WEEK, counted, empty_shop, forecast_units, put, sale
from footfall.decide import Restocking, restock, restocking
from footfall.decide.demand import demand
from footfall.decide.restock import stock_at
from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError, UsageError
from footfall.tables import RESULTS

Row = dict[str, Any]


@pytest.fixture
def engine() -> Iterator[DuckDBEngine]:
    with empty_shop() as one:
        yield one


def one(rows: list[Row], product: str) -> Row:
    (row,) = [r for r in rows if r["product_id"] == product]
    return row


def test_the_level_is_the_quantile_of_the_demand_until_the_next_arrival(engine: DuckDBEngine) -> None:
    forecast_units(engine, {"a": (70.0, 12.0)})
    put(engine, "facts.stock", [counted("a", 40)])
    row = one(restock(engine, Restocking("7d", "7d", 0.9)), "a")
    wanted = NormalDist(140, 12 * sqrt(2)).inv_cdf(0.9)
    assert row["order_up_to"] == ceil(wanted)
    assert row["order_now"] == ceil(wanted) - 40
    assert row["demand"] == pytest.approx(140)
    assert (row["lower_80"], row["upper_80"]) == pytest.approx(
        [NormalDist(140, 12 * sqrt(2)).inv_cdf(q) for q in (0.1, 0.9)]
    )
    assert row["days_of_cover"] == pytest.approx(4.0)
    assert row["action"] == "order"
    assert row["note"] == "lasts about 4 days and an order takes 7 days: sales are likely to be lost"
    assert set(row) <= {c.name for c in RESULTS["restock"].columns}


@pytest.mark.parametrize("days", [3, 10, 17, 24, 52])
def test_between_whole_weeks_variances_add_up(engine: DuckDBEngine, days: int) -> None:
    forecast_units(engine, {"a": (700.0, 60.0)})
    sums = demand(engine, TASK).over(days)
    normal = NormalDist(100 * days, 60 * sqrt(days / 7))
    assert sums.expected[0] == pytest.approx(100 * days)
    for level in (0.05, 0.5, 0.95, 0.99):
        assert sums.at(0, level) == pytest.approx(normal.inv_cdf(level), rel=1e-6)


def test_a_service_level_between_two_that_are_told(engine: DuckDBEngine) -> None:
    forecast_units(engine, {"a": (700.0, 60.0)})
    assert demand(engine, TASK).over(7.0).at(0, 0.93) == pytest.approx(NormalDist(700, 60).inv_cdf(0.93), rel=1e-9)


@settings(max_examples=12, deadline=None)
@given(
    st.floats(0, 300), st.floats(0.1, 80), st.lists(st.floats(0.5, 56), min_size=2, max_size=2), st.floats(0.02, 0.98)
)
def test_more_days_and_more_service_never_want_less(
    mean: float, spread: float, days: list[float], level: float
) -> None:
    with empty_shop() as engine:
        forecast_units(engine, {"a": (mean, spread)})
        told = demand(engine, TASK)
        short, long = (told.over(d) for d in sorted(days))
        assert 0 <= short.at(0, level) <= short.at(0, min(0.99, level + 0.01)) + 1e-9
        assert short.expected[0] <= long.expected[0] + 1e-9
        assert (np.diff(short.quantiles[0]) >= -1e-9).all()
        if level >= 0.5:
            assert short.at(0, level) <= long.at(0, level) + 1e-6


def test_costs_weigh_a_lost_sale_against_keeping_a_piece(engine: DuckDBEngine) -> None:
    own = Restocking("7d", "28d", holding_cost=12.0, lost_sale_cost=9.0)
    kept = 12.0 * 28 / 365.25
    assert own.level == pytest.approx(9.0 / (9.0 + kept))
    forecast_units(engine, {"a": (70.0, 12.0)})
    put(engine, "facts.stock", [counted("a", 0)])
    row = one(restock(engine, own), "a")
    assert row["order_up_to"] == ceil(NormalDist(350, 12 * sqrt(5)).inv_cdf(own.level))
    assert row["note"] == "nothing in stock: sales are likely to be lost until goods arrive"


def test_packs_what_is_on_its_way_and_single_products(engine: DuckDBEngine) -> None:
    forecast_units(engine, {"a": (70.0, 12.0), "b": (70.0, 12.0), "c": (70.0, 12.0)})
    put(engine, "facts.stock", [counted(p, 40) for p in "abc"])
    toml = """
        lead_time = "7d"
        pack = 12
        [products.b]
        on_order = 50
        pack = 1
        [products.c]
        lead_time = "21d"
        service_level = 0.5
        unit_cost = 2.5
    """
    rows = restock(engine, restocking(tomllib.loads(toml)))
    up_to = ceil(NormalDist(140, 12 * sqrt(2)).inv_cdf(0.95))
    a, b, c = (one(rows, p) for p in "abc")
    assert a["order_now"] == ceil((up_to - 40) / 12) * 12
    assert (b["order_now"], b["on_order"]) == (up_to - 90, 50)
    assert b["note"].endswith("; 50 are on their way")
    assert (c["order_up_to"], c["lead_days"], c["unit_cost"]) == (280, 21, 2.5)
    assert c["order_now"] == 240


@pytest.mark.parametrize(
    "stock, said",
    [
        (100, "lasts about 10 days; the next order arrives in 14 days"),
        (150, "lasts on average; the order is for the case that more is wanted"),
    ],
)
def test_why_something_is_ordered_that_is_there(engine: DuckDBEngine, stock: int, said: str) -> None:
    forecast_units(engine, {"a": (70.0, 12.0)})
    put(engine, "facts.stock", [counted("a", stock)])
    row = one(restock(engine), "a")
    assert (row["action"], row["note"]) == ("order", said)


def test_enough_is_enough(engine: DuckDBEngine) -> None:
    forecast_units(engine, {"a": (70.0, 12.0)})
    put(engine, "facts.stock", [counted("a", 200)])
    row = one(restock(engine), "a")
    assert (row["action"], row["order_now"]) == ("enough", 0)


def test_overstock_is_a_quantile_and_not_an_eye(engine: DuckDBEngine) -> None:
    """Two products with the same expected sale and stock: the one whose demand is surer has too much."""
    forecast_units(engine, {"sure": (10.0, 0.5), "wild": (10.0, 9.0)})
    put(engine, "facts.stock", [counted("sure", 90), counted("wild", 90)])
    rows = restock(engine)
    assert one(rows, "sure")["action"] == "promote"
    assert (
        "more than will sell in 56 days with a chance of 90% (82): about 10 pieces would be left"
        in (one(rows, "sure")["note"])
    )
    assert one(rows, "wild")["action"] == "enough"
    short = restock(engine, Restocking("7d", "7d", overstock="28d"))
    assert one(short, "wild")["action"] == "promote"


def test_what_stopped_selling_is_cleared(engine: DuckDBEngine) -> None:
    forecast_units(engine, {"a": (70.0, 12.0)})
    put(
        engine,
        "facts.stock",
        [counted("a", 200), counted("old", 30), counted("gone", 0), counted("new", 5), counted("never", 8, 200)],
    )
    put(engine, "facts.lines", [sale("old", 1, 150), sale("gone", 1, 150), sale("old", 1, -3)])
    rows = restock(engine)
    assert one(rows, "old")["action"] == "promote"
    assert one(rows, "old")["note"] == "not sold for 150 days, and 30 pieces are left: clear it"
    assert one(rows, "never")["action"] == "promote"
    assert "in stock for 200 days and never sold" in one(rows, "never")["note"]
    assert one(rows, "new")["action"] == "enough"
    assert "gone" not in [r["product_id"] for r in rows]


def test_without_stock_the_quantiles_are_given_and_what_is_missing(engine: DuckDBEngine) -> None:
    forecast_units(engine, {"a": (70.0, 12.0)})
    row = one(restock(engine), "a")
    assert row["action"] == "unknown stock"
    assert row["order_now"] is None and row["on_hand"] is None
    assert row["order_up_to"] == ceil(NormalDist(140, 12 * sqrt(2)).inv_cdf(0.95))
    assert row["upper_80"] > row["demand"] > row["lower_80"] > 0
    assert "no stock at all is known: load a file with the columns product_id, quantity and counted_at" in row["note"]
    put(engine, "facts.stock", [counted("b", 4)])
    assert "no stock of this product is known" in one(restock(engine), "a")["note"]


def test_stock_is_the_newest_count_known_at_the_cutoff(engine: DuckDBEngine) -> None:
    late = counted("a", 7, 1) | {"known_at": CUTOFF + timedelta(days=1)}
    future = counted("a", 999, -1)
    put(engine, "facts.stock", [counted("a", 50, 20), counted("a", 30, 6), late, future])
    put(engine, "facts.stock", [counted("b", 5, 3, "x"), counted("b", 6, 4, "y"), counted("b", 60, 9)])
    put(engine, "facts.stock", [counted("c", 5, 3, "x"), counted("c", 80, 1)])
    assert {p: s.on_hand for p, s in stock_at(engine, CUTOFF).items()} == {"a": 30, "b": 11, "c": 80}


def test_sales_since_the_count_are_taken_off(engine: DuckDBEngine) -> None:
    forecast_units(engine, dict.fromkeys("abc", (10.0, 2.0)))
    put(
        engine, "facts.stock", [counted("a", 30, 6), counted("b", 5, 6, "x"), counted("b", 5, 6, "y"), counted("c", -4)]
    )
    lines = [sale("a", 4, 2), sale("a", 100, 8), sale("a", 50, -1), sale("a", -2, 1, kind="return")]
    lines += [sale("b", 9, 2, store_id="x"), sale("b", 1, 2, store_id="y"), sale("b", 3, 2, store_id="z")]
    put(engine, "facts.lines", lines)
    rows = restock(engine)
    a, b, c = (one(rows, p) for p in "abc")
    assert a["on_hand"] == 26
    assert "counted on 2026-05-26; the 4 sold since are taken off" in a["note"]
    assert b["on_hand"] == 4
    assert c["on_hand"] == -4 and c["order_now"] == c["order_up_to"] + 4
    assert "below nought" in c["note"]


def test_an_old_count_is_called_old(engine: DuckDBEngine) -> None:
    forecast_units(engine, {"a": (10.0, 2.0)})
    put(engine, "facts.stock", [counted("a", 30, 40)])
    assert "the last count is 40 days old" in one(restock(engine), "a")["note"]


def test_days_of_cover_follow_the_path_and_go_on_behind_it(engine: DuckDBEngine) -> None:
    forecast_units(engine, {"a": (70.0, 12.0), "still": (0.0, 0.0)})
    told = demand(engine, TASK)
    assert told.lasting(0, 35) == pytest.approx(3.5)
    assert told.lasting(0, 1120) == pytest.approx(112)
    assert told.lasting(0, 0) == 0
    assert told.lasting(1, 5) is None
    put(engine, "facts.stock", [counted("a", 35), counted("still", 5)])
    row = one(restock(engine), "still")
    assert (row["days_of_cover"], row["order_up_to"], row["action"]) == (None, 0, "promote")


def test_it_answers_at_the_newest_forecast_by_the_model_that_answers(engine: DuckDBEngine) -> None:
    forecast_units(engine, {"a": (1.0, 0.1)}, cutoff=CUTOFF - 4 * WEEK)
    forecast_units(engine, {"a": (5.0, 0.1)}, model="seasonal_naive")
    forecast_units(engine, {"a": (70.0, 12.0)})
    assert demand(engine, TASK).of.model == "automatic"
    assert one(restock(engine), "a")["demand"] == pytest.approx(140)
    put(engine, "questions", [{"task": TASK, "cutoff": CUTOFF, "model": "seasonal_naive"}])
    assert one(restock(engine), "a")["demand"] == pytest.approx(10)


def test_names_and_categories_come_from_the_catalogue_then_from_lines(engine: DuckDBEngine) -> None:
    forecast_units(engine, {"a": (70.0, 12.0), "b": (7.0, 1.0)})
    put(engine, "facts.products", [{"product_id": "a", "name": "Mug", "category": "Kitchen", "source": "hand"}])
    put(engine, "facts.lines", [sale("b", 1, 1, category="Garden")])
    rows = restock(engine)
    assert [(r["name"], r["category"]) for r in rows] == [("Mug", "Kitchen"), (None, "Garden")]


def test_a_horizon_too_short_and_no_forecast_are_said(engine: DuckDBEngine) -> None:
    with pytest.raises(FootfallError, match="no forecast of units-product-8w yet; run: footfall fit"):
        restock(engine)
    forecast_units(engine, {"a": (70.0, 12.0)})
    with pytest.raises(FootfallError, match="looks 56 days ahead, and lead time and review of product a are 70 days"):
        restock(engine, Restocking("8w", "2w"))
    put(engine, "forecast_totals", [{"task": "t", "cutoff": CUTOFF, "model": "m", "level": "category", "steps": 1}])
    with pytest.raises(FootfallError, match="t is forecast per category, not per product"):
        restock(engine, task="t")


def test_a_service_level_beyond_what_is_told_is_clipped_and_said(engine: DuckDBEngine) -> None:
    forecast_units(engine, {"a": (70.0, 12.0)})
    row = one(restock(engine, Restocking("7d", "7d", 0.999)), "a")
    assert row["service_level"] == 0.99
    assert "a service level of 0.999 is beyond what the forecast tells; 0.99 is used" in row["note"]


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"lead_time": "soon"}, "'soon' is not a span"),
        ({"service_level": 95}, "service_level is a chance between 0 and 1, as 0.95, not 95"),
        ({"service_level": 0.9, "holding_cost": 1, "lost_sale_cost": 2}, "give either"),
        ({"holding_cost": 1}, "give both"),
        ({"holding_cost": -1, "lost_sale_cost": 2}, "holding_cost is a cost above 0, not -1"),
        ({"pack": 0}, "pack is a whole number of pieces from 1 up, not 0"),
        ({"on_order": -2}, "on_order is a number from 0 up, not -2"),
        ({"overstock": "7d"}, "overstock 7d is shorter than lead time and review together"),
        ({"leadtime": "7d"}, "restock has no setting 'leadtime'; did you mean 'lead_time'"),
        ({"products": {"a": {"packs": 3}}}, "product a: there is no setting 'packs'; did you mean 'pack'"),
        ({"products": {"a": {"pack": "x"}}}, "product a: pack is a whole number"),
        ({"products": {"a": 3}}, "product a: settings are names and values, not 3"),
        ({"products": 3}, "the products of restock are tables"),
    ],
)
def test_wrong_settings_are_said_in_one_line(wrong: Row, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        restocking(wrong)
    assert "\n" not in str(caught.value)


def test_settings_of_an_unknown_product_are_said(engine: DuckDBEngine) -> None:
    forecast_units(engine, {"a": (70.0, 12.0)})
    with pytest.raises(UsageError, match="restock has settings for product 'zz', which the shop does not know"):
        restock(engine, restocking({"products": {"zz": {"pack": 2}}}))


def test_a_products_own_level_goes_before_the_shops_costs() -> None:
    shop = Restocking(holding_cost=5, lost_sale_cost=5, products={"a": {"service_level": 0.8}})
    assert shop.of("a").level == 0.8
    assert shop.of("b").level == shop.level != 0.8


def test_the_rows_fit_their_table(engine: DuckDBEngine) -> None:
    forecast_units(engine, {"a": (70.0, 12.0)})
    put(engine, "facts.stock", [counted("a", 10), counted("old", 3, 100)])
    put(engine, "restock", restock(engine))
    assert engine.rows("select product_id, action, cutoff from restock order by 1") == [
        ("a", "order", datetime(2026, 6, 1)),
        ("old", "promote", datetime(2026, 6, 1)),
    ]


def test_the_settings_on_the_questions_page_are_settings() -> None:
    page = (Path(__file__).resolve().parents[1] / "docs" / "questions" / "what-to-restock.md").read_text()
    (block,) = re.findall(r"^```toml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    own = restocking(tomllib.loads(block)["restock"])
    assert own.level == pytest.approx(6.0 / (6.0 + 2.5 * 7 / 365.25))
    assert own.of("P100").lead_days == 21 and own.of("P100").pack == 12
