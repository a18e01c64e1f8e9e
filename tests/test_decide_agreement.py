"""The forecast beside the customers: both sums exact, the gap split by what the past says, and words that say so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from decide_shop import CUTOFF, empty_shop, put
from footfall.decide import Sides, agreement
from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError, UsageError
from footfall.tables import RESULTS, refresh_known
from footfall.tasks import Task
from footfall.windows import lines, orders

FORECAST = "revenue-category-30d"
HORIZON = timedelta(days=30)
Row = dict[str, Any]


@pytest.fixture
def engine() -> Iterator[DuckDBEngine]:
    with empty_shop() as one:
        yield one


def forecast(engine: DuckDBEngine, amounts: dict[str, tuple[float, float, float]], **more: Any) -> None:
    same = {"task": FORECAST, "cutoff": CUTOFF, "model": "automatic", "level": "category", **more}
    rows, quantiles = [], []
    for category, (amount, lower, upper) in amounts.items():
        for steps in range(1, 31):
            part = steps / 30
            row = {**same, "category": category, "steps": steps, "period_end": CUTOFF + timedelta(days=steps)}
            rows.append({**row, "amount": amount * part, "lower_95": lower * part, "upper_95": upper * part})
        quantiles.append({**same, "category": category, "steps": 30, "quantile": 0.5, "amount": amount})
    rows.append({**rows[-1], "category": "(rest)", "amount": 1e6})
    put(engine, "forecast_totals", rows)
    put(engine, "forecast_quantiles", quantiles)


def scored(engine: DuckDBEngine, chances: dict[tuple[str, str], float], column: str = "chance", **more: Any) -> None:
    same = {"task": "buy-category-30d", "cutoff": CUTOFF, "model": "boosted", **more}
    rows = [{**same, "customer_id": who, "category": c, column: x} for (who, c), x in chances.items()]
    put(engine, "scores", rows)


def bought(who: str | None, category: str, amount: float, days: float, **more: Any) -> Row:
    at = CUTOFF - timedelta(days=days)
    same = {"source_customer_id": who, "category": category, "kind": "sale", "occurred_at": at, "known_at": at}
    return {**same, "amount": amount, "quantity": 1.0, "source": "hand", "order_id": f"{who}{days}", **more}


def facts(engine: DuckDBEngine, sold: list[Row]) -> None:
    put(engine, "facts.lines", sold)
    keep = ("order_id", "source_customer_id", "occurred_at", "known_at", "amount", "source")
    put(engine, "facts.orders", [{k: r[k] for k in keep} for r in sold])
    refresh_known(engine)


def test_chance_times_what_a_buyer_spends_over_the_horizons_of_a_year(engine: DuckDBEngine) -> None:
    forecast(engine, {"tea": (100.0, 80.0, 120.0), "mugs": (50.0, 30.0, 70.0)})
    facts(
        engine,
        [
            # Two buyers of tea in the last 30 days (one of them twice: 30 together), one 40 days ago.
            bought("a", "tea", 10, 3), bought("a", "tea", 20, 9), bought("b", "tea", 12, 4), bought("a", "tea", 18, 40),
            bought("a", "mugs", 8, 70), bought("b", "mugs", 999, 500), bought("b", "tea", 777, -1),
            bought("a", "tea", -5, 2, kind="return"),
        ],
    )  # fmt: skip
    scored(engine, {("a", "tea"): 0.9, ("b", "tea"): 0.6, ("a", "mugs"): 0.25, ("b", "mugs"): 0.25})
    tea, mugs = agreement(engine)
    assert tea["customers"] == pytest.approx(1.5 * (30 + 12 + 18 - 5) / 3), "what was returned is taken off"
    sales = Task(FORECAST, "category", lines.where(kind="sale").sum("amount").every("1d"), "30d")
    assert agreement(engine, Sides(sales))[0]["customers"] == pytest.approx(1.5 * (30 + 12 + 18) / 3)
    assert mugs["customers"] == pytest.approx(0.5 * 8)
    assert (tea["forecast"], tea["forecast_lower"], tea["forecast_upper"]) == (100, 80, 120)
    assert tea["gap"] == pytest.approx(100 - tea["customers"])
    assert tea["horizon"] == "30d"
    assert set(tea) <= {c.name for c in RESULTS["agreement"].columns}
    put(engine, "agreement", [tea, mugs])


def test_the_gap_is_split_by_who_brought_the_past_revenue(engine: DuckDBEngine) -> None:
    """Of 200 in the last 30 days: 100 by one known and active then, 50 new, 20 back after two years, 30 by guests."""
    forecast(engine, {"tea": (1000.0, 900.0, 1100.0)})
    facts(
        engine,
        [
            bought("known", "tea", 100, 5), bought("known", "tea", 10, 60),
            bought("new", "tea", 50, 6), bought("back", "tea", 20, 7), bought("back", "tea", 10, 700),
            bought(None, "tea", 30, 8), bought(None, "tea", 500, 45),
        ],
    )  # fmt: skip
    scored(engine, {("known", "tea"): 1.0})
    (row,) = agreement(engine)
    assert row["newcomers"] == pytest.approx(1000 * 70 / 200)
    assert row["guests"] == pytest.approx(1000 * 30 / 200)
    assert "New and returning customers usually bring 35% (350)" in row["words"]
    assert "guests without an account usually bring 15% (150)" in row["words"]


def test_the_words_say_whether_the_two_agree(engine: DuckDBEngine) -> None:
    forecast(engine, {"tea": (100.0, 80.0, 120.0), "mugs": (101.0, 90.0, 110.0), "pots": (60.0, 50.0, 70.0),
                      "cups": (10.0, 5.0, 15.0), "lids": (5.0, 4.0, 6.0)})  # fmt: skip
    facts(engine, [bought("a", c, 10, 40) for c in ("tea", "mugs", "pots", "cups")])
    amounts = {"tea": 90.0, "mugs": 100.0, "pots": 20.0, "cups": 30.0}
    scored(engine, {("a", c): x for c, x in amounts.items()}, "amount", task="spend-category-30d")
    spend = Task("spend-category-30d", ("customer", "category"), lines.where(kind="sale").sum("amount"), "30d")
    rows = {r["category"]: r for r in agreement(engine, Sides(customers=spend))}
    assert rows["tea"]["words"] == (
        "The forecast is 10 above what known customers are expected to spend. "
        "What is left (+10) is within the forecast's own range."
    )
    assert rows["mugs"]["words"].startswith("The two agree")
    assert rows["pots"]["words"].endswith("That leaves +40: the forecast says more than its customers do, beyond its "
                                          "own range.")  # fmt: skip
    assert "Known customers are expected to spend 20 more than is forecast." in rows["cups"]["words"]
    assert "less than its customers do" in rows["cups"]["words"]
    assert rows["lids"]["customers"] is None and rows["lids"]["gap"] is None
    assert "No customer is asked about lids" in rows["lids"]["words"]
    assert list(rows) == ["mugs", "tea", "pots", "cups", "lids"]


def test_no_condition_on_customers_asks_all_who_were_known(engine: DuckDBEngine) -> None:
    forecast(engine, {"tea": (100.0, 80.0, 120.0)})
    facts(engine, [bought("back", "tea", 20, 7), bought("back", "tea", 10, 700), bought("new", "tea", 60, 2)])
    anyone = Task("buy-category-30d", ("customer", "category"), lines.where(kind="sale").any(), "30d")
    scored(engine, {("back", "tea"): 0.5})
    (row,) = agreement(engine, Sides(customers=anyone))
    assert row["newcomers"] == pytest.approx(100 * 60 / 80)
    assert not engine.has("agreement_past") and not engine.has("agreement_asked")


def test_an_hour_of_summer_time_is_no_other_horizon(engine: DuckDBEngine) -> None:
    forecast(engine, {"tea": (100.0, 80.0, 120.0)})
    engine.execute("update forecast_totals set period_end = period_end + interval 1 hour")
    facts(engine, [bought("a", "tea", 20, 7)])
    scored(engine, {("a", "tea"): 0.5})
    assert [r["forecast"] for r in agreement(engine)] == [100]


def test_of_several_models_the_one_that_answers(engine: DuckDBEngine) -> None:
    forecast(engine, {"tea": (100.0, 80.0, 120.0)})
    facts(engine, [bought("a", "tea", 20, 7)])
    scored(engine, {("a", "tea"): 0.5})
    scored(engine, {("a", "tea"): 0.1}, model="baseline")
    put(engine, "questions", [{"task": "buy-category-30d", "cutoff": CUTOFF, "model": "boosted"}])
    assert agreement(engine)[0]["customers"] == pytest.approx(10)


def test_what_is_missing_is_said(engine: DuckDBEngine) -> None:
    with pytest.raises(FootfallError, match="no forecast of revenue-category-30d yet; run: footfall fit"):
        agreement(engine)
    forecast(engine, {"tea": (100.0, 80.0, 120.0)})
    with pytest.raises(FootfallError, match=r"not scored then \(it has no scores yet\); run: footfall predict buy-cat"):
        agreement(engine)
    scored(engine, {("a", "tea"): 0.5}, cutoff=CUTOFF - HORIZON)
    with pytest.raises(FootfallError, match=r"its scores are of 2026-05-02.*--at 2026-06-01"):
        agreement(engine)
    long = Task("buy-category-90d", ("customer", "category"), lines.where(kind="sale").any(), "90d")
    with pytest.raises(FootfallError, match="has no sum over the 90 days that buy-category-90d looks ahead"):
        agreement(engine, Sides(customers=long))
    with pytest.raises(FootfallError, match="churn does not ask per customer and category"):
        agreement(engine, Sides(customers=Task("churn", "customer", orders.none(), "30d")))
    units = Task("units", "category", lines.sum("quantity").every("1d"), "30d")
    with pytest.raises(FootfallError, match="units forecasts no revenue per category"):
        agreement(engine, Sides(units))
    with pytest.raises(UsageError, match="there is no task 'buy-categories-30d'; did you mean 'buy-category-30d'"):
        agreement(engine, Sides(customers="buy-categories-30d"))
