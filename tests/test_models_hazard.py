"""The hazard model on waits whose law is known, censored ones among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from footfall.errors import FootfallError, UsageError
from footfall.models.hazard import Hazard, days_until
from footfall.tabular.waits import coverage, days

EDGES = np.array([7.0, 14.0, 28.0, 56.0, 91.0])


def waits(n: int, seed: int = 0, known: float = 400.0) -> tuple[Any, Any, Any]:
    """Exponential waits of mean 20 or 100 days, known for `known` days at most; `within` and the true chances."""
    dice = np.random.default_rng(seed)
    slow = dice.integers(0, 2, n)
    mean = np.where(slow, 100.0, 20.0)
    wait = dice.exponential(mean)
    seen = dice.uniform(0.0, known, n) if known < 400 else np.full(n, known)
    within = (wait[:, None] <= EDGES).astype(float)
    within[EDGES[None, :] > seen[:, None]] = np.nan
    X = np.column_stack([slow, dice.normal(size=n)]).astype(float)
    return X, within, 1 - np.exp(-EDGES / mean[:, None])


@pytest.mark.parametrize("known", [400.0, 100.0])
@pytest.mark.parametrize("model", ["boosted", "tree"])
def test_chances_by_each_edge_are_the_true_ones_though_many_are_censored(model: str, known: float):
    X, within, _ = waits(20_000, known=known)
    later, _, truth = waits(500, seed=1)
    told = Hazard(EDGES, model).fit(X, within, features=["slow", "noise"]).predict(later)
    assert np.abs(told - truth).mean() < 0.04 and (np.diff(told, axis=1) >= 0).all()


def test_days_are_read_off_the_chances():
    chance = 1 - np.exp(-EDGES / 20.0)
    both = np.stack([chance, chance / 10])
    assert np.allclose(days_until(EDGES, both, 0.5)[0], 20 * np.log(2))
    assert np.isnan(days_until(EDGES, both, 0.5)[1])
    low, middle, high = days(both)
    assert low[0] < middle[0] < high[0] and abs(low[0] - 20 * -np.log(0.9)) < 1e-9


def test_four_fifths_of_waits_lie_inside_for_one_who_knows_the_chances():
    _, within, truth = waits(40_000, seed=2)
    assert abs(coverage(truth, within, np.ones(40_000)) - 0.8) < 0.01
    wrong = np.clip(truth * 0.4, 0, 1)
    assert coverage(wrong, within, np.ones(40_000)) < 0.78


def test_it_is_kept_and_says_what_is_wrong(tmp_path: Path):
    X, within, _ = waits(600)
    model = Hazard(EDGES, "logistic").fit(X, within)
    model.save(tmp_path)
    assert (Hazard.load(tmp_path).predict(X) == model.predict(X)).all()
    with pytest.raises(UsageError, match="rise from above zero"):
        Hazard([7, 7])
    with pytest.raises(FootfallError, match="do not match"):
        model.fit(X, within[:, :2])
    with pytest.raises(FootfallError, match="no saved model"):
        Hazard.load(tmp_path / "nowhere")
