"""Who: segments, cohorts, returning customers and concentration against counting by hand."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime

import numpy as np
import pytest

from footfall.engine import DuckDBEngine
from footfall.insights import ask, ground, insight
from footfall.insights.insight import Answer
from footfall.insights.who import SEGMENTS
from insight_shop import day, empty, fill


def answer(engine: DuckDBEngine, name: str, tz: str = "UTC") -> Answer:
    return ask(engine, ground(engine, tz), insight(name))


def orders(engine: DuckDBEngine, rows: list[tuple[str | None, float, float]]) -> DuckDBEngine:
    """Customer, day, amount."""
    placed = [(f"o{i}", who, day(at), amount) for i, (who, at, amount) in enumerate(rows)]
    fill(engine, "orders", "order_id, who, at, amount", placed)
    return engine


def ten_buyers() -> list[tuple[str | None, float, float]]:
    """Buyer i of 10 ordered i + 1 times, last on day 10 i, for 10 (i + 1) in all; the last fact is a guest's."""
    rows: list[tuple[str | None, float, float]] = []
    for i in range(10):
        rows += [(f"c{i}", 10 * i - 0.01 * n, 10) for n in range(i + 1)]
    return [*rows, (None, 99.5, 1000)]


def test_every_buyer_is_in_one_segment_and_guests_are_in_none() -> None:
    found = answer(orders(empty(), ten_buyers()), "rfm")
    rows = {r["segment"]: r for r in found.rows}
    assert list(rows) == [s for s in SEGMENTS if s in rows]
    assert sum(r["customers"] for r in rows.values()) == 10
    assert sum(r["amount"] for r in rows.values()) == 10 * sum(range(1, 11))
    assert sum(r["share"] for r in rows.values()) == pytest.approx(1)
    assert sum(r["amount_share"] for r in rows.values()) == pytest.approx(1)
    # percent_rank of buyer i is i / 9; fifths: 1 + floor(5 i / 9). Champions: recency >= 4, the others >= 8 together.
    assert rows["champions"]["customers"] == len([i for i in range(10) if 1 + 5 * i // 9 >= 4])
    assert rows["champions"]["days_since"] == pytest.approx(np.median([100 - 10 * i for i in (6, 7, 8, 9)]))
    assert rows["lost"]["customers"] == len([i for i in range(10) if 1 + 5 * i // 9 <= 2])
    assert found.words.startswith("The segment 'champions'")


def test_equal_buyers_are_in_equal_fifths() -> None:
    rows = answer(orders(empty(), [(f"c{i}", 5, 10) for i in range(9)] + [(None, 9, 1)]), "rfm").rows
    assert [r["customers"] for r in rows] == [9]


def test_those_who_went_silent_are_told() -> None:
    old = [(f"old{i}", 1 + n, 100) for i in range(4) for n in range(9)]
    new = [(f"new{i}", 90 + i, 10) for i in range(16)]
    found = answer(orders(empty(), [*old, *new, (None, 120, 1)]), "rfm")
    rows = {r["segment"]: r["customers"] for r in found.rows}
    assert rows["cannot lose"] == 4
    assert "4 customers who used to buy regularly have gone silent" in found.words


def test_cohorts_are_counted_by_month_on_the_local_clock() -> None:
    engine = empty()
    midnight = datetime(2026, 2, 1, 2, 0)  # 2 o'clock UTC on 1 February is 31 January in New York
    placed = [
        ("a", datetime(2026, 1, 5)), ("a", datetime(2026, 2, 5)), ("a", datetime(2026, 4, 5)),
        ("b", midnight), ("b", datetime(2026, 4, 2)), (None, datetime(2026, 5, 20)),
    ]  # fmt: skip
    fill(engine, "orders", "order_id, who, at, amount", [(f"o{i}", c, at, 1) for i, (c, at) in enumerate(placed)])
    rows = {
        (r["cohort"].month, r["months_since"]): (r["customers"], r["active"]) for r in answer(engine, "cohorts").rows
    }
    assert rows == {
        (1, 0): (1, 1), (1, 1): (1, 1), (1, 2): (1, 0), (1, 3): (1, 1),
        (2, 0): (1, 1), (2, 1): (1, 0), (2, 2): (1, 1),
    }  # fmt: skip
    here = answer(engine, "cohorts", "America/New_York").rows
    assert {r["cohort"]: r["customers"] for r in here} == {date(2026, 1, 1): 2}


def test_new_and_returning_add_up_to_all_orders_of_customers() -> None:
    draw = np.random.default_rng(1)
    rows = [(f"c{draw.integers(40)}", float(draw.uniform(0, 200)), 1.0) for _ in range(400)]
    engine = orders(empty(), [*rows, (None, 215, 7)])
    first: dict[str, date] = {}
    months: dict[date, list[int]] = defaultdict(lambda: [0, 0])
    placed = sorted((day(at).date().replace(day=1), str(who)) for who, at, _ in rows)
    for month, who in placed:
        first.setdefault(who, month)
        months[month][month > first[who]] += 1
    found = answer(engine, "new-and-returning").rows
    assert {r["month"]: [r["new_orders"], r["returning_orders"]] for r in found} == dict(months)
    assert sum(r["new_customers"] for r in found) == len(first)
    for r in found:
        assert r["returning_share"] == pytest.approx(r["returning_amount"] / (r["new_amount"] + r["returning_amount"]))


def test_gini_and_pareto_are_those_of_the_textbook() -> None:
    draw = np.random.default_rng(2)
    amounts = np.round(draw.lognormal(3, 1.2, 150), 2)
    engine = orders(empty(), [(f"c{i}", 1.0, float(x)) for i, x in enumerate(amounts)] + [(None, 9, 1e6)])
    found = answer(engine, "concentration")
    gaps = np.abs(amounts[:, None] - amounts[None, :]).sum()
    assert found.rows[0]["gini"] == pytest.approx(gaps / (2 * 150**2 * amounts.mean()), abs=1e-9)
    top = np.sort(amounts)[::-1]
    shares = {round(100 * r["top"]): r["amount_share"] for r in found.rows}
    assert shares[20] == pytest.approx(top[:30].sum() / top.sum())
    assert shares[1] == pytest.approx(top[:2].sum() / top.sum())
    assert shares[100] == pytest.approx(1)


def test_customers_are_counted_by_what_they_state() -> None:
    engine = orders(empty(), [("a", 1, 10), ("a", 2, 20), ("b", 3, 5), ("ghost", 4, 50), (None, 99, 1)])
    people = [
        ("a", day(0), "female", date(1999, 4, 9), None), ("b", day(0), "male", date(1999, 4, 10), None),
        ("c", day(0), "female", None, 70), ("d", day(0), None, None, 17),
    ]  # fmt: skip
    fill(engine, "customers", "who, at, gender, birth_date, age", people)
    rows = {(r["dimension"], r["value"]): r for r in answer(engine, "customers").rows}
    # The facts end with 10 April 2026: on the 11th both had their birthdays.
    assert {k[1]: r["customers"] for k, r in rows.items() if k[0] == "age"} == {
        "under 18": 1, "25 to 34": 2, "65 and over": 1, "not stated": 1,
    }  # fmt: skip
    assert list(rows)[:4] == [("age", v) for v in ("under 18", "25 to 34", "65 and over", "not stated")]
    women = rows["gender", "female"]
    assert (women["customers"], women["buyers"], women["orders"], women["amount"]) == (2, 1, 2, 30)
    assert women["amount_per_buyer"] == 30
    assert rows["gender", "not stated"]["customers"] == 2
