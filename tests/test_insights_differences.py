"""What distinguishes buyers: the effect against its definition, the correction, and a shop where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError
from footfall.insights import ask, ground, insight
from footfall.insights.differences import corrected, superiority
from insight_shop import day, empty, fill


def test_the_effect_is_the_share_of_pairs() -> None:
    draw = np.random.default_rng(0)
    one, other = draw.integers(0, 6, 40).astype(float), draw.integers(1, 8, 70).astype(float)
    pairs = (one[:, None] > other[None, :]) + 0.5 * (one[:, None] == other[None, :])
    assert superiority(one, other)[0] == pytest.approx(pairs.mean())


@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_its_interval_holds_the_truth_at_its_stated_rate(shift: float) -> None:
    draw = np.random.default_rng(5)
    truth = np.mean(draw.normal(shift, 1, 400_000) > draw.normal(0, 1, 400_000))
    held = 0
    for _ in range(600):
        chance, error = superiority(draw.normal(shift, 1, 60), draw.normal(0, 1, 150))
        held += abs(chance - truth) <= 1.96 * error
    assert 0.92 <= held / 600 <= 0.975


def test_groups_that_do_not_overlap_are_not_certain() -> None:
    chance, error = superiority(np.arange(30.0) + 100, np.arange(50.0))
    assert chance == 1
    assert error > 0


def test_p_values_are_corrected_as_published() -> None:
    # By hand for three: ranks 1 to 3, times 3 (1 + 1/2 + 1/3) / rank, made monotone from the largest down.
    factor = 3 * (1 + 1 / 2 + 1 / 3)
    found = corrected(np.array([0.01, 0.04, 0.03]))
    assert found[0] == pytest.approx(0.01 * factor)
    assert found[1] == pytest.approx(0.04 * factor / 3)
    assert found[2] == pytest.approx(min(0.03 * factor / 2, 0.04 * factor / 3))
    assert corrected(np.array([])).shape == (0,)


def shop(real: bool, seed: int = 3) -> DuckDBEngine:
    """300 customers looked once or often; `real`: those who looked often, of profession nurse, bought more."""
    draw = np.random.default_rng(seed)
    engine = empty()
    events, orders, people = [], [], []
    for i in range(300):
        often = i % 2 == 0
        n = 8 if often else 2
        events += [(f"e{i}-{j}", f"c{i}", day(float(draw.uniform(60, 99))), "view", f"p{j % 3}") for j in range(n)]
        people.append((f"c{i}", day(0), "nurse" if i % 4 == 0 else "baker", int(draw.integers(18, 80))))
        if draw.random() < (0.6 if often and real else 0.2):
            orders.append((f"o{i}", f"c{i}", day(float(draw.uniform(101, 129))), 10))
    orders += [("early", "c0", day(0), 1), ("late", "c1", day(129.9), 1)]
    fill(engine, "events", "event_id, who, at, type, product_id", events)
    fill(engine, "orders", "order_id, who, at, amount", orders)
    fill(engine, "customers", "who, at, profession, age", people)
    engine.execute("create or replace table known_customers as select distinct source_customer_id as customer_id, "
                   "timestamp '2026-01-01' as known_from from facts.customers")  # fmt: skip
    return engine


def test_a_real_difference_is_found_and_what_is_none_is_not() -> None:
    engine = shop(real=True)
    found = ask(engine, ground(engine), insight("buyers-differ"))
    rows = {r["label"]: r for r in found.rows}
    views = found.rows[0]
    assert views["feature"].startswith("events_")
    assert views["sure"] and views["more_often"] > 0.6
    assert views["buyers"] + views["others"] == 300
    assert views["lower"] < views["more_often"] < views["upper"]
    assert not rows["age"]["sure"]
    assert not rows["profession 'nurse'"]["sure"] or rows["profession 'nurse'"]["more_often"] > 0.5
    assert [r["p_value"] for r in found.rows] == sorted(r["p_value"] for r in found.rows)
    assert "a difference is no proof of a cause" in found.words


def test_nothing_is_found_where_there_is_nothing() -> None:
    wrong = 0
    for seed in range(5):
        engine = shop(real=False, seed=seed)
        wrong += sum(r["sure"] for r in ask(engine, ground(engine), insight("buyers-differ")).rows)
    assert wrong == 0


def test_too_few_buyers_are_said() -> None:
    engine = shop(real=False)
    engine.execute("delete from facts.orders where order_id not in ('early', 'late')")
    with pytest.raises(FootfallError, match="at least 20 buyers"):
        ask(engine, ground(engine), insight("buyers-differ"))
