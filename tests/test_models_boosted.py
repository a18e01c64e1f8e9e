"""What only the boosted model promises: bits that no thread changes, early stops, sense on tiny data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from footfall.models import boosted, find_model
from footfall.models.boosted import Boosted


def noisy(n: int, seed: int = 0) -> tuple[Any, Any, Any]:
    dice = np.random.default_rng(seed)
    X = dice.normal(size=(n, 8))
    truth = 1 / (1 + np.exp(2.0 - X[:, 0] - 0.5 * X[:, 1] * X[:, 2]))
    return X, (dice.random(n) < truth).astype(float), truth


@pytest.mark.parametrize("quantized", [False, True])
def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch, quantized: bool):
    monkeypatch.setattr(boosted, "THREADED_FROM", 1)
    if quantized:
        monkeypatch.setattr(boosted, "QUANTIZED_FROM", 1000)
    X, y, truth = noisy(3000)
    one, two, again = (
        Boosted("chance", threads=t, trees=12, bags=1, learning_rate=0.3).fit(X, y).predict(X) for t in (1, 2, 2)
    )
    assert (two == again).all() and (one == two).all()
    assert np.corrcoef(one, truth)[0, 1] > 0.8


def test_another_seed_gives_another_model():
    X, y, _ = noisy(2000)
    first, second = (Boosted("chance", seed=s, trees=20).fit(X, y).predict(X) for s in (0, 1))
    assert (first != second).any()


def test_later_rows_stop_it_in_time():
    X, y, truth = noisy(1500)
    y = np.where(np.random.default_rng(1).random(1500) < 0.5, y, 1 - y)  # half the answers are noise
    later = noisy(1500, seed=2)
    greedy = {"trees": 600, "learning_rate": 0.2, "leaves": 31, "bags": 1}
    free = Boosted("chance", **greedy).fit(X, y)
    stopped = Boosted("chance", **greedy).fit(X, y, valid=(later[0], later[1], None))
    assert stopped._boosters[0].num_trees() < 100 < free._boosters[0].num_trees()
    assert np.mean((stopped.predict(X) - truth) ** 2) < np.mean((free.predict(X) - truth) ** 2)


def test_trees_stay_smaller_when_cutoffs_show_the_same_customers():
    X, y, _ = noisy(12_000)
    sizes = []
    for groups in (None, np.arange(12_000) % 12):
        text = Boosted("chance", trees=3, bags=1, min_leaf=20).fit(X, y, groups=groups)._boosters[0].model_to_string()
        sizes.append(max(int(line.split("=")[1]) for line in text.splitlines() if line.startswith("num_leaves")))
    assert sizes[0] > 1.5 * sizes[1]


@pytest.mark.parametrize("positives", [1, 3, 9])
def test_few_ones_keep_it_near_the_base_rate(positives: int):
    X = noisy(3000)[0]
    y = np.zeros(3000)
    y[:positives] = 1.0
    p = Boosted("chance").fit(X, y).predict(X)
    assert abs(p.mean() * 3000 / positives - 1.0) < 0.5
    assert p.max() < 0.1


def test_skewed_money_keeps_its_total_and_beats_the_mean():
    dice = np.random.default_rng(4)

    def money(n: int) -> tuple[Any, Any]:
        X = dice.normal(size=(n, 6))
        return X, (dice.random(n) < 0.3) * np.exp(2.0 + 0.8 * X[:, 0] + dice.normal(0.0, 1.0, n))

    (X, y), (later, came) = money(6000), money(30_000)
    for name in ("boosted", "logistic"):
        p = find_model(name)("amount").fit(X, y).predict(later)
        assert abs(p.sum() / came.sum() - 1.0) < 0.10, name
        assert np.mean((p - came) ** 2) < 0.97 * np.var(came), name
