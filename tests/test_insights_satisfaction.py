"""Satisfaction by age and by spend against counting by hand; what is not known is said."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from content_shop import content_shop
from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError
from footfall.insights import Answer, ask, ground, insight
from insight_shop import day, empty, fill


def answer(engine: DuckDBEngine, name: str) -> Answer:
    return ask(engine, ground(engine), insight(name))


@pytest.fixture(scope="module")
def shop() -> DuckDBEngine:
    engine = DuckDBEngine(threads=1)
    content_shop(engine)
    return engine


def interval(answers: dict[str, list[float]]) -> tuple[float, float, float]:
    """Mean and 95% interval of a ratio over customers."""
    totals = np.array([sum(v) for v in answers.values()])
    counts = np.array([len(v) for v in answers.values()])
    mean = totals.sum() / counts.sum()
    k = len(totals)
    error = np.sqrt(((totals - mean * counts) ** 2).sum() * k / (k - 1)) / counts.sum()
    return mean, mean - 1.959964 * error, mean + 1.959964 * error


def test_each_age_has_the_mean_of_its_answers_and_an_interval_over_customers(shop: DuckDBEngine) -> None:
    found = answer(shop, "satisfaction-by-age")
    ages = dict(shop.rows("select customer_id, age from customers"))
    for measure, table, column in (("rating", "reviews", "rating"), ("score", "satisfaction", "score")):
        groups: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for who, value in shop.rows(f"select customer_id, {column} from {table}"):
            age = int(ages[who])
            edges = [18, 25, 35, 45, 55, 65]
            last = max(e for e in edges if e <= age)
            name = "65 and over" if last == 65 else f"{last} to {edges[edges.index(last) + 1] - 1}"
            groups[name][str(who)].append(float(value))
        rows = {r["value"]: r for r in found.rows if r["measure"] == measure}
        assert set(rows) == set(groups)
        for name, answers in groups.items():
            mean, lower, upper = interval(answers)
            row = rows[name]
            assert (row["customers"], row["answers"]) == (len(answers), sum(map(len, answers.values())))
            assert row["mean"] == pytest.approx(mean)
            assert (row["lower"], row["upper"]) == pytest.approx((lower, upper), abs=1e-4)


def test_the_highest_fourth_by_spend_holds_those_who_spent_most(shop: DuckDBEngine) -> None:
    found = answer(shop, "satisfaction-by-spend")
    spent = sorted(shop.rows("select customer_id, sum(amount) from orders group by 1"), key=lambda r: r[1])
    top = {str(w) for w, _ in spent[int(np.ceil(0.75 * (len(spent) - 1))) :]}
    wrote = {str(w) for (w,) in shop.rows("select distinct customer_id from reviews")}
    rows = {(r["measure"], r["dimension"], r["value"]): r for r in found.rows}
    assert rows["rating", "spend", "highest fourth"]["customers"] == len(top & wrote)
    assert {k[1] for k in rows} == {"spend", "income"}
    order = [r["value"] for r in found.rows if (r["measure"], r["dimension"]) == ("rating", "income")]
    assert order == ["lowest fourth", "second fourth", "third fourth", "highest fourth"]


def test_groups_alike_differ_by_chance_and_groups_that_differ_are_told() -> None:
    engine = empty()
    people = [(f"c{i}", 20 if i < 40 else 70) for i in range(80)]
    fill(engine, "customers", "who, at, age", [(w, day(0), age) for w, age in people])
    said = [
        (f"r{i}", w, day(5), float(2 + i % 2) if age == 20 else float(4 + i % 2)) for i, (w, age) in enumerate(people)
    ]
    fill(engine, "reviews", "review_id, who, at, rating", said)
    fill(engine, "satisfaction", "who, at, score", [(w, day(6), float(5 + i % 3)) for i, (w, _) in enumerate(people)])
    found = answer(engine, "satisfaction-by-age")
    assert found.words.startswith(
        "By age, the average rating is highest for ages 65 and over (4.50, 95%: 4.34 to 4.66)"
    )
    assert found.words.endswith("differ by more than chance would have it.")
    chance = {r["measure"]: r["chance"] for r in found.rows}
    assert chance["rating"] < 1e-6 < 0.2 < chance["score"]


def test_too_few_answers_are_not_spoken_of() -> None:
    engine = empty()
    fill(engine, "customers", "who, at, age", [("a", day(0), 20), ("b", day(0), 70)])
    fill(engine, "reviews", "review_id, who, at, rating", [("1", "a", day(5), 4.0), ("2", "b", day(6), 1.0)])
    found = answer(engine, "satisfaction-by-age")
    assert [r["lower"] for r in found.rows] == [None, None] and found.drawings() == []
    assert found.words.startswith("There are too few answers")


@pytest.mark.parametrize(
    ("columns", "rows", "why"),
    [
        ("who, at", [("a", day(0))], "needs customers' ages or birth dates"),
        ("who, at, age", [("a", day(0), 20), ("b", day(0), 30)], "needs ratings .* or scores"),
    ],
)
def test_what_the_shop_does_not_know_is_said(columns: str, rows: list[tuple[object, ...]], why: str) -> None:
    engine = empty()
    fill(engine, "customers", columns, rows)
    fill(engine, "orders", "order_id, who, at, amount", [("1", "a", day(1), 5.0)])
    with pytest.raises(FootfallError, match=why):
        answer(engine, "satisfaction-by-age")
