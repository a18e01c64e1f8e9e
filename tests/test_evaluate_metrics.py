"""Metrics against scikit-learn, plain-Python oracles and their own laws."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from footfall.evaluate import metrics as m

ROW = st.tuples(st.integers(0, 1), st.integers(0, 6), st.integers(0, 3))
ROWS = st.lists(ROW, min_size=1, max_size=25)


def columns(rows: list[tuple[int, int, int]]) -> tuple[Any, Any, Any]:
    y, p, w = (np.array(c, dtype=float) for c in zip(*rows, strict=True))
    return y, p / 8.0 + 0.05, w


def same(a: float, b: float) -> bool:
    return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


def auc_oracle(y: Any, p: Any, w: Any) -> float:
    won = every = 0.0
    for yi, pi, wi in zip(y, p, w, strict=True):
        for yj, pj, wj in zip(y, p, w, strict=True):
            if yi == 1 and yj == 0:
                every += wi * wj
                won += wi * wj * (1.0 if pi > pj else 0.5 if pi == pj else 0.0)
    return won / every if every else math.nan


def precision_oracle(y: Any, p: Any, w: Any) -> float:
    ones = sum(wi for yi, wi in zip(y, w, strict=True) if yi)
    total = 0.0
    for yi, pi, wi in zip(y, p, w, strict=True):
        if yi and wi:
            above = [(yj, wj) for yj, pj, wj in zip(y, p, w, strict=True) if pj >= pi]
            total += wi * sum(wj for yj, wj in above if yj) / sum(wj for _, wj in above)
    return total / ones if ones else math.nan


@given(ROWS)
@settings(max_examples=150, deadline=None)
def test_rankings_agree_with_a_plain_count(rows: list[tuple[int, int, int]]):
    y, p, w = columns(rows)
    assert same(m.auc(y, p, w), auc_oracle(y, p, w) if w.sum() else math.nan)
    assert same(m.average_precision(y, p, w), precision_oracle(y, p, w) if w.sum() else math.nan)


@given(ROWS)
@settings(max_examples=150, deadline=None)
def test_a_weight_is_a_repeated_row_and_order_does_not_matter(rows: list[tuple[int, int, int]]):
    y, p, w = columns(rows)
    times = w.astype(int)
    for name, metric in m.METRICS.items():
        weighed = metric.function(y, p, w)
        assert same(weighed, metric.function(np.repeat(y, times), np.repeat(p, times))), name
        back = slice(None, None, -1)
        assert same(weighed, metric.function(y[back], p[back], w[back])), name
        assert same(weighed, metric.weigher(y, p)(w) if w.sum() else math.nan), name


def drawn(n: int = 4000) -> tuple[Any, Any, Any]:
    dice = np.random.default_rng(0)
    p = np.round(dice.beta(1, 4, n), 2).clip(0.01, 0.99)
    return (dice.random(n) < p).astype(float), p, dice.uniform(0.2, 3.0, n)


def test_chances_agree_with_scikit_learn():
    y, p, w = drawn()
    pairs = [
        (m.auc, sk.roc_auc_score),
        (m.average_precision, sk.average_precision_score),
        (m.brier, sk.brier_score_loss),
        (m.log_loss, sk.log_loss),
    ]
    for ours, theirs in pairs:
        assert same(ours(y, p), theirs(y, p)), theirs.__name__
        assert same(ours(y, p, w), theirs(y, p, sample_weight=w)), theirs.__name__
    said, at = p >= 0.3, m.at_threshold(y, p, 0.3, w)
    for name, theirs in (
        ("accuracy", sk.accuracy_score),
        ("precision", sk.precision_score),
        ("recall", sk.recall_score),
        ("f1", sk.f1_score),
    ):
        assert same(at[name], theirs(y, said, sample_weight=w)), name


def test_amounts_agree_with_scikit_learn_and_numpy():
    dice = np.random.default_rng(1)
    y = dice.gamma(0.5, 50.0, 3000) * (dice.random(3000) < 0.4)
    p, w = y * 0.3 + dice.gamma(1.0, 10.0, 3000), dice.uniform(0.2, 3.0, 3000)
    assert same(m.mae(y, p, w), sk.mean_absolute_error(y, p, sample_weight=w))
    assert same(m.rmse(y, p, w), math.sqrt(sk.mean_squared_error(y, p, sample_weight=w)))
    assert same(m.correlation(y, p), np.corrcoef(y, p)[0, 1])
    assert same(m.r2(y, p, w), sk.r2_score(y, p, sample_weight=w))
    assert m.r2(y, np.full(len(y), y.mean())) == pytest.approx(0) and np.isnan(m.r2([3.0, 3.0], [1.0, 2.0]))
    assert same(m.wape(y, p), np.abs(y - p).sum() / y.sum())
    assert same(m.total_bias(y, p), p.sum() / y.sum() - 1)
    assert same(m.gini(y, y), 1.0) and same(m.gini(y, -y), -1.0) and same(m.gini(y, np.ones(3000)), 0.0)
    assert 0.1 < m.gini(y, p) < 1.0


def test_gini_of_a_chance_is_twice_auc_less_one():
    y, p, w = drawn()
    assert same(m.gini(y, p, w), 2 * m.auc(y, p, w) - 1)


def test_calibration_error_of_true_chances_is_its_floor_and_of_false_ones_is_not():
    errors, floors = [], []
    for seed in range(60):
        dice = np.random.default_rng(seed)
        p = dice.beta(1, 5, 2000)
        errors.append(m.calibration_error((dice.random(2000) < p).astype(float), p))
        floors.append(m.calibration_floor(p, seed=seed))
    assert abs(np.mean(errors) / np.mean(floors) - 1.0) < 0.07
    y, p, _ = drawn(20_000)
    assert m.calibration_error(y, p * 0.7) > 0.05 > 3 * m.calibration_floor(p * 0.7)
    assert abs(m.calibration_floor(np.tile(p, 3)) / m.calibration_floor(np.tile(p, 2)) - (2 / 3) ** 0.5) < 0.03


def test_calibration_error_by_hand():
    y, p = np.array([0, 1, 1, 1.0]), np.array([0.1, 0.1, 0.8, 0.8])
    assert same(m.calibration_error(y, p, bins=2), (0.4 + 0.2) / 2)
    assert same(m.calibration_error(y, np.full(4, 0.5), bins=10), 0.25)  # equal predictions share one band


def test_slope_and_ratio_know_over_confidence():
    dice = np.random.default_rng(2)
    z = dice.normal(-1.0, 1.0, 40_000)
    y = (dice.random(40_000) < 1 / (1 + np.exp(-z))).astype(float)
    assert abs(m.calibration_slope(y, 1 / (1 + np.exp(-z))) - 1.0) < 0.05
    assert abs(m.calibration_slope(y, 1 / (1 + np.exp(-2 * z))) - 0.5) < 0.03
    p = 1 / (1 + np.exp(-z))
    assert abs(m.observed_over_expected(y, p / 2) - 2.0) < 0.06
    assert math.isnan(m.calibration_slope([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]))  # told apart without error


def test_curves_by_hand():
    y, p = np.array([1, 1, 0, 0, 0, 0, 0, 0, 0, 0.0]), np.linspace(1, 0.1, 10)
    gains = m.gains_curve(y, p)
    assert np.allclose(gains["gain"], [0.5, *[1.0] * 9])
    assert np.allclose(gains["lift"][:2], [5.0, 5.0]) and same(m.lift(y, p), 5.0)
    assert np.allclose(m.gains_curve(y, np.ones(10))["gain"], gains["share"])  # no ranking: the diagonal
    curve = m.calibration_curve(y, p, bins=2)
    assert np.allclose(curve["observed"], [0.0, 0.4]) and np.allclose(curve["rows"], 5)
    lower, upper = m.wilson(0.4, 5)
    assert same(curve["lower"][1], float(lower)) and same(curve["upper"][1], float(upper))
    # Newcombe 1998, table I: 81 of 263 gives .2553 to .3662.
    assert np.allclose(m.wilson(81 / 263, 263), (0.2553, 0.3662), atol=5e-5)


@pytest.mark.parametrize("name", sorted(m.METRICS))
def test_what_cannot_be_measured_is_nan(name: str):
    function = m.METRICS[name].function
    assert math.isnan(function([], []))
    assert math.isnan(function([0, 1], [0.5, np.nan]))
    assert math.isnan(function([0, 1], [0.4, 0.5], [0, 0]))
    for y in ([0.0, 0.0], [1.0, 1.0], [0.0]):
        function(y, np.linspace(0.2, 0.4, len(y)))
        m.METRICS[name].weigher(y, np.linspace(0.2, 0.4, len(y)))(np.ones(len(y)))


def test_one_answer_only_has_no_ranking():
    for y in ([0.0, 0.0], [1.0, 1.0]):
        assert math.isnan(m.auc(y, [0.2, 0.3]))
    assert math.isnan(m.average_precision([0, 0], [0.2, 0.3])) and math.isnan(m.lift([0, 0], [0.2, 0.3]))
    assert all(math.isnan(v) for v in m.chance_metrics([], []).values())
    assert all(math.isnan(v) for v in m.amount_metrics([], []).values())
    assert math.isnan(m.gains_curve([], [])["gain"][0]) and len(m.calibration_curve([], [])["rows"]) == 0


def test_a_million_rows_take_seconds():
    dice = np.random.default_rng(3)
    p = dice.random(1_000_000)
    y = (dice.random(1_000_000) < p).astype(float)
    start = time.process_time()
    assert abs(m.auc(y, p) - 5 / 6) < 0.002
    m.average_precision(y, p)
    m.calibration_error(y, p)
    assert time.process_time() - start < 5.0
