"""Calibrators: they mend what is wrong, leave what is right, and their intervals hold the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from footfall.errors import FootfallError
from footfall.models import Calibrator, ScaleCalibrator
from footfall.models.calibration import student
from footfall.models.contract import logit, sigmoid


def logistic(z: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-z))


def log_odds(p: Any) -> Any:
    return np.log(p / (1.0 - p))


def test_a_distorted_score_is_put_right():
    dice = np.random.default_rng(0)
    z = dice.normal(-2.0, 1.2, 20_000)
    y = (dice.random(20_000) < logistic(z)).astype(float)
    distorted = logistic(1.8 * z + 1.0)
    found = Calibrator().fit(distorted, y).apply(distorted)
    assert np.abs(found - logistic(z)).max() < 0.03
    assert abs(found.mean() / y.mean() - 1.0) < 0.005


def test_a_bent_score_uses_the_third_term_and_a_straight_one_does_not():
    dice = np.random.default_rng(1)
    p = dice.beta(1.0, 2.0, 30_000)
    z = log_odds(np.clip(p, 1e-4, 1 - 1e-4))
    bent = logistic(z - 0.9 * np.logaddexp(0.0, z) + 0.9 * np.log(2.0))
    y = (dice.random(len(p)) < bent).astype(float)
    curve = Calibrator().fit(p, y)
    assert len(curve.line.beta) == 3
    assert np.abs(curve.apply(p) - bent)[(p > 0.02) & (p < 0.9)].max() < 0.04
    assert len(Calibrator().fit(p, (dice.random(len(p)) < p).astype(float)).line.beta) == 2


def test_order_is_kept_even_when_the_score_points_the_wrong_way():
    dice = np.random.default_rng(2)
    p = dice.random(2000)
    y = (dice.random(2000) < 1.0 - p).astype(float)
    found = Calibrator().fit(p, y).apply(np.linspace(0.01, 0.99, 50))
    assert (np.diff(found) > 0).all() and np.ptp(found) < 0.2


@pytest.mark.parametrize("n", [0, 1, 2, 3, 8, 30])
@pytest.mark.parametrize("answer", [0.0, 1.0, None])
def test_little_data_changes_little_and_says_so(n: int, answer: float | None):
    dice = np.random.default_rng(3)
    p = dice.uniform(0.1, 0.6, n)
    y = np.full(n, answer) if answer is not None else (dice.random(n) < p).astype(float)
    small = Calibrator().fit(p, y)
    lower, upper = small.interval(np.array([0.3]))
    middle = small.apply(np.array([0.3]))
    assert 0 < lower[0] < middle[0] < upper[0] < 1
    assert upper[0] - lower[0] > 0.15
    if n <= 3:
        assert abs(middle[0] - 0.3) < 0.2
    big = Calibrator().fit(
        np.full(20_000, 0.3), (dice.random(20_000) < 0.3).astype(float), groups=np.arange(20_000) % 6
    )
    wide, narrow = upper - lower, np.subtract(*big.interval(np.array([0.3]))[::-1])
    assert narrow[0] < 0.7 * wide[0]


def test_unit_of_the_weights_does_not_matter_and_sampled_negatives_are_undone():
    dice = np.random.default_rng(4)
    p = logistic(dice.normal(-3.0, 1.0, 40_000))
    y = (dice.random(len(p)) < p).astype(float)
    kept = (y == 1) | (dice.random(len(p)) < 0.2)
    w = np.where(y == 1, 1.0, 5.0)[kept]
    sampled = Calibrator().fit(p[kept], y[kept], weight=w)
    assert np.allclose(sampled.apply(p), p, rtol=0.15)
    again = Calibrator().fit(p[kept], y[kept], weight=w * 7.0)
    assert np.allclose(sampled.apply(p), again.apply(p), rtol=1e-9)


def test_one_customer_in_many_rows_widens_the_interval():
    dice = np.random.default_rng(5)
    own = np.repeat(dice.normal(0.0, 2.0, 300), 6)
    y = (dice.random(1800) < logistic(own - 1.0)).astype(float)
    p = np.full(1800, y.mean())
    rows = Calibrator().fit(p, y)
    people = Calibrator().fit(p, y, clusters=np.repeat(np.arange(300), 6))
    assert people.line.covariance[0][0] > 2.0 * rows.line.covariance[0][0]


def shop(seed: int, customers: int = 600, periods: int = 5, shock: float = 0.25) -> dict[str, Any]:
    """Customers with hidden likings, a score that knows half of them, periods with shocks; one more period apart."""
    dice = np.random.default_rng(seed)
    seen, hidden = dice.normal(0.0, 1.0, customers), dice.normal(0.0, 0.8, customers)
    shocks = dice.normal(0.0, shock, periods + 1)
    score = logistic(-1.0 + 0.7 * seen)
    truth = logistic(-1.5 + seen[None, :] + hidden[None, :] + shocks[:, None])
    y = (dice.random(truth.shape) < truth).astype(float)
    return {"score": score, "truth": truth, "y": y, "customers": customers, "periods": periods}


def test_the_interval_holds_the_true_chance_of_a_later_period():
    held, widths, bands_held = [], [], []
    for seed in range(160):
        s = shop(seed)
        k = s["periods"]
        made = Calibrator().fit(
            np.tile(s["score"], k),
            s["y"][:k].ravel(),
            groups=np.repeat(np.arange(k), s["customers"]),
            clusters=np.tile(np.arange(s["customers"]), k),
        )
        lower, upper = made.interval(s["score"])
        later = s["truth"][k]
        held.append(lower.mean() <= later.mean() <= upper.mean())
        widths.append(np.mean(upper - lower))
        for third in np.array_split(np.argsort(s["score"]), 3):
            bands_held.append(lower[third].mean() <= later[third].mean() <= upper[third].mean())
    assert np.mean(held) >= 0.92, np.mean(held)
    assert np.mean(bands_held) >= 0.92, np.mean(bands_held)
    assert 0.05 < np.mean(widths) < 0.30, np.mean(widths)


def test_calm_periods_give_a_narrow_interval_and_shaken_ones_a_wide_one():
    widths = {}
    for shock in (0.0, 0.5):
        found = []
        for seed in range(20):
            s = shop(seed, customers=2000, periods=6, shock=shock)
            made = Calibrator().fit(
                np.tile(s["score"], 6),
                s["y"][:6].ravel(),
                groups=np.repeat(np.arange(6), 2000),
                clusters=np.tile(np.arange(2000), 6),
            )
            found.append(np.mean(np.subtract(*made.interval(s["score"])[::-1])))
        widths[shock] = np.mean(found)
    assert widths[0.0] < 0.08
    assert widths[0.5] > 2.5 * widths[0.0]


def test_amounts_get_the_right_total_and_an_interval_that_holds_it():
    held, totals, widths = [], [], []
    for seed in range(120):
        dice = np.random.default_rng(seed)
        n, k = 800, 5
        liking = np.exp(dice.normal(3.0, 0.7, n))
        shocks = np.exp(dice.normal(0.0, 0.15, k + 1))
        truth = 0.4 * liking[None, :] * shocks[:, None]
        y = (dice.random((k + 1, n)) < 0.4) * dice.gamma(1.5, 1.0, (k + 1, n)) * (truth / 0.4) / 1.5
        said = 1.7 * 0.4 * np.exp(np.log(liking) + dice.normal(0.0, 0.2, n))
        made = ScaleCalibrator().fit(
            np.tile(said, k), y[:k].ravel(), groups=np.repeat(np.arange(k), n), clusters=np.tile(np.arange(n), k)
        )
        lower, upper = made.interval(said)
        held.append(lower.sum() <= truth[k].sum() <= upper.sum())
        totals.append(made.apply(said).sum() * k / y[:k].sum())
        widths.append(np.mean((upper - lower) / made.apply(said)))
    assert np.abs(np.array(totals) - 1.0).max() < 0.03
    assert np.mean(held) >= 0.90, np.mean(held)
    assert 0.1 < np.mean(widths) < 1.2, np.mean(widths)


@pytest.mark.parametrize("n", [0, 1, 2, 10])
def test_amounts_of_few_rows_and_zeros_stay_finite(n: int):
    said = np.linspace(0.0, 10.0, n)
    for y in (np.zeros(n), said * 3.0):
        made = ScaleCalibrator().fit(said, y)
        lower, upper = made.interval([0.0, 1.0, 50.0])
        middle = made.apply([0.0, 1.0, 50.0])
        assert np.isfinite([lower, middle, upper]).all()
        assert (lower <= middle).all() and (middle <= upper).all()


@pytest.mark.parametrize("made", [Calibrator, ScaleCalibrator])
def test_saved_and_loaded_gives_the_same_bits(made: Any, tmp_path: Path):
    dice = np.random.default_rng(6)
    p, groups = dice.uniform(0.01, 0.9, 500), np.arange(500) % 4
    one = made().fit(p, (dice.random(500) < p).astype(float), groups=groups, clusters=np.arange(500) // 2)
    one.save(tmp_path / "c.json")
    two = made.load(tmp_path / "c.json")
    assert (one.apply(p) == two.apply(p)).all()
    assert (np.array(one.interval(p)) == np.array(two.interval(p))).all()
    other = ScaleCalibrator if made is Calibrator else Calibrator
    with pytest.raises(FootfallError, match="of kind"):
        other.load(tmp_path / "c.json")
    with pytest.raises(FootfallError, match="no calibration"):
        made.load(tmp_path / "nowhere.json")


def test_lengths_that_differ_are_named():
    with pytest.raises(FootfallError, match="3 predictions, 2 answers"):
        Calibrator().fit([0.1, 0.2, 0.3], [0, 1])


@pytest.mark.parametrize("p", [0.9, 0.975, 0.995])
def test_students_quantile_agrees_with_scipy(p: float):
    df = np.array([2.0, 2.5, 3.0, 5.0, 10.0, 40.0, 1e3, 1e7])
    assert np.allclose(student(p, df), stats.t.ppf(p, df), rtol=2e-3)
    assert np.isclose(student(p, np.array([4.0]))[0], stats.t.ppf(p, 4.0), rtol=1e-3)


def test_an_offset_of_few_shaken_periods_is_not_taken_for_lasting_and_a_steady_one_is() -> None:
    dice = np.random.default_rng(5)
    p = dice.uniform(0.1, 0.5, 4000)
    moved = {}
    for name, offsets in (("shaken", (0.5, -0.1, 0.5, -0.1)), ("steady", (0.8, 0.8, 0.8, 0.8))):
        y = np.concatenate([dice.random(1000) < sigmoid(logit(p[:1000]) + o) for o in offsets])
        made = Calibrator().fit(np.tile(p[:1000], 4), y, groups=np.repeat(np.arange(4), 1000))
        moved[name] = float(np.mean(logit(made.apply(p[:1000])) - logit(p[:1000])))
    assert 0.0 < moved["shaken"] < 0.1  # the mean of what was seen is 0.2
    assert 0.7 < moved["steady"] < 0.9
