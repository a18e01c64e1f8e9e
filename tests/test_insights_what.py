"""What: sales, growth, baskets, prices and seasons against counting by hand."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from footfall.engine import DuckDBEngine
from footfall.insights import ask, ground, insight
from footfall.insights.insight import Answer
from insight_shop import START, day, empty, fill

Line = tuple[str, str | None, float, str, str, float, float]


def answer(engine: DuckDBEngine, name: str) -> Answer:
    return ask(engine, ground(engine), insight(name))


def shop(lines: list[Line], kind: str = "sale") -> DuckDBEngine:
    """Order, customer, day, product, category, units, price."""
    engine = empty()
    rows = [(o, c, day(at), kind, p, k, n, price, n * price) for o, c, at, p, k, n, price in lines]
    fill(engine, "lines", "order_id, who, at, kind, product_id, category, quantity, price, amount", rows)
    return engine


def random_lines(seed: int, days: float = 400) -> list[Line]:
    draw = np.random.default_rng(seed)
    found: list[Line] = []
    for i in range(300):
        at, who = float(draw.uniform(0, days)), f"c{draw.integers(30)}"
        for _ in range(draw.integers(1, 5)):
            product = int(draw.integers(12))
            found.append(
                (f"o{i}", who, at, f"p{product:02d}", f"k{product % 4}", int(draw.integers(1, 4)), 1.5 + product)
            )
    return found


def test_categories_are_summed_beside_the_quarter_and_the_year_before() -> None:
    lines = random_lines(1)
    engine = shop(lines)
    fill(
        engine,
        "lines",
        "order_id, who, at, kind, category, amount, quantity",
        [("r", "c1", day(9), "return", "k0", -99, -1)],
    )
    end = np.ceil(max(at for _, _, at, *_ in lines))
    found = answer(engine, "categories")
    sums: dict[str, float] = defaultdict(float)
    quarters: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for _, _, at, _, k, n, price in lines:
        sums[k] += n * price
        back = end - at
        for i, (low, high) in enumerate([(0, 90), (90, 180), (365, 455)]):
            quarters[k][i] += n * price * (low < back <= high)
    assert {r["name"]: r["amount"] for r in found.rows} == pytest.approx(dict(sums))
    assert [r["amount"] for r in found.rows] == sorted(sums.values(), reverse=True)
    assert sum(r["share"] for r in found.rows) == pytest.approx(1)
    for r in found.rows:
        now, before, _ = quarters[r["name"]]
        assert (r["now_amount"], r["before_amount"]) == pytest.approx((now, before))
        assert r["growth"] == pytest.approx(now / before - 1)
        assert r["year_before_amount"] is None and r["year_growth"] is None  # the history is 400 days, not 455
        assert r["orders"] == len({o for o, _, _, _, k, *_ in lines if k == r["name"]})
    assert found.words.startswith(f"'{max(sums, key=lambda k: sums[k])}' sells most")


def test_a_year_before_is_there_when_the_history_reaches() -> None:
    sold = [("a", 0, "k", 10), ("b", 60, "k", 40), ("c", 459, "k", 60), ("d", 101, "l", 1)]
    found = answer(shop([(o, "x", at, f"p{k}", k, 1, price) for o, at, k, price in sold]), "categories")
    (row,) = [r for r in found.rows if r["name"] == "k"]
    assert (row["now_amount"], row["before_amount"], row["year_before_amount"]) == (60, 0, 40)
    assert (row["growth"], row["year_growth"]) == (None, 0.5)


def test_growth_is_told_of_whole_months_only() -> None:
    lines: list[Line] = [
        ("a", "x", 3, "p", "k", 1, 100),
        ("b", "y", 35, "p", "k", 1, 150),
        ("c", "y", 60, "p", "k", 2, 1),
    ]
    found = answer(shop(lines), "growth")  # the last fact is on 2 March
    assert [(r["month"].month, r["amount"], r["growth"]) for r in found.rows] == [(1, 100, None), (2, 150, 0.5)]
    assert "In February 2026 the revenue was 150 from 1 orders, +50% on the month before." in found.words


def test_baskets_add_up_to_all_orders() -> None:
    lines = random_lines(3)
    held: dict[str, set[str]] = defaultdict(set)
    for o, _, _, p, *_ in lines:
        held[o].add(p)
    counts = Counter(len(ps) for ps in held.values())
    rows = {r["products"]: r for r in answer(shop(lines), "baskets").rows}
    assert {k: r["orders"] for k, r in rows.items()} == {
        "1": counts[1], "2": counts[2], "3": counts[3], "4 to 5": counts[4] + counts[5],
    }  # fmt: skip
    assert sum(r["amount_share"] for r in rows.values()) == pytest.approx(1)


def test_products_bought_together_are_beside_chance() -> None:
    lines = random_lines(4)
    lines += [(f"t{i}", "z", 50.0, p, "k9", 1, 2) for i in range(25) for p in ("tea", "pot")]
    held: dict[str, set[str]] = defaultdict(set)
    for o, _, _, p, *_ in lines:
        held[o].add(p)
    pairs = Counter(pair for ps in held.values() for pair in combinations(sorted(ps), 2))
    alone = Counter(p for ps in held.values() for p in ps)
    found = answer(shop(lines), "bought-together")
    best = found.rows[0]
    assert (best["one"], best["other"], best["orders"], best["of_the_rarer"]) == ("pot", "tea", 25, 1)
    for r in found.rows:
        assert r["orders"] == pairs[r["one"], r["other"]] >= 10
        assert r["by_chance"] == pytest.approx(alone[r["one"]] * alone[r["other"]] / len(held))
        assert r["lift"] > 1


def test_price_bands_hold_a_fifth_of_the_units_each() -> None:
    lines: list[Line] = [(f"o{i}", "x", float(i), f"p{i}", f"k{i % 2}", 2, 1 + i) for i in range(100)]
    rows = answer(shop(lines), "price-bands").rows
    assert [(r["low"], r["high"], r["units"]) for r in rows] == [(1 + 20 * i, 20 + 20 * i, 40) for i in range(5)]
    assert sum(r["amount_share"] for r in rows) == pytest.approx(1)


def test_seasons_are_beside_the_categorys_own_mean() -> None:
    # Tea sells 3 a day in February and 1 a day else; mugs 100 a day always. Days 0 to 119 are January to April.
    def units(at: int, category: str) -> float:
        return 100 if category == "mugs" else 3 if 31 <= at < 59 else 1

    lines: list[Line] = [
        (f"{c}{i}", "x", i + 0.5, c, c, units(i, c), 1) for i in range(-10, 135) for c in ("tea", "mugs")
    ]
    rows = {(r["category"], r["dimension"], r["name"]): r["index"] for r in answer(shop(lines), "seasonality").rows}
    mean = (1 + 3 + 1 + 1) / 4
    assert START.month == 1
    assert {k[2]: v for k, v in rows.items() if k[:2] == ("tea", "month")} == pytest.approx(
        {"Jan": 1 / mean, "Feb": 3 / mean, "Mar": 1 / mean, "Apr": 1 / mean}
    )
    assert {v for k, v in rows.items() if k[:2] == ("mugs", "month")} == {1.0}
    weekdays: list[Any] = [v for k, v in rows.items() if k[:2] == ("tea", "weekday")]
    assert len(weekdays) == 7 and np.mean(weekdays) == pytest.approx(1)
