"""Bootstrap over customers: paired, weighted, reproducible, and right about as often as it says."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest

from footfall.errors import FootfallError, UsageError
from footfall.evaluate import metrics
from footfall.evaluate.bootstrap import Part, bootstrap, bootstrap_cutoffs, verdict


def world(seed: int, customers: int = 400, rows: int = 3) -> dict[str, Any]:
    """A good and a bad score of the same customers, seen several times."""
    dice = np.random.default_rng(seed)
    liking = np.repeat(dice.normal(-1.0, 1.0, customers), rows)
    y = (dice.random(len(liking)) < 1 / (1 + np.exp(-liking))).astype(float)
    noise = np.repeat(dice.normal(size=customers), rows)
    return {
        "y": y,
        "clusters": np.repeat(np.arange(customers), rows),
        "predictions": {"bad": 1 / (1 + np.exp(-(liking + 2 * noise))), "good": 1 / (1 + np.exp(-liking))},
    }


def test_values_differences_and_verdicts():
    w = world(0, 2000)
    found = bootstrap("auc", w["y"], w["predictions"], "bad", w["clusters"], draws=200)
    for name, p in w["predictions"].items():
        assert found[name].value == pytest.approx(metrics.auc(w["y"], p))
        assert found[name].lower < found[name].value < found[name].upper
    assert found["good"].diff == pytest.approx(found["good"].value - found["bad"].value)
    assert found["bad"][3:] == (0.0, 0.0, 0.0)
    assert verdict(*found["good"][4:], higher_is_better=True) == "yes"
    # Paired: the difference is better known than two separate intervals would say.
    good, bad = found["good"], found["bad"]
    assert good.diff_upper - good.diff_lower < math.hypot(good.upper - good.lower, bad.upper - bad.lower)
    loss = bootstrap("brier", w["y"], w["predictions"], "bad", w["clusters"], draws=100)
    assert verdict(*loss["good"][4:], higher_is_better=False) == "yes"


def test_verdict_speaks_only_when_the_whole_interval_does():
    assert verdict(0.01, 0.02, True) == "yes" and verdict(0.01, 0.02, False) == "no"
    assert verdict(-0.02, -0.01, True) == "no" and verdict(-0.02, -0.01, False) == "yes"
    assert verdict(-0.01, 0.02, True) == verdict(0.0, 0.0, False) == "cannot tell"
    assert verdict(math.nan, math.nan, True) == "cannot tell"


def test_the_interval_holds_the_true_value_at_its_rate():
    truth = np.mean([metrics.auc(w["y"], w["predictions"]["bad"]) for w in map(world, range(1000, 1150))])
    held = []
    for seed in range(100):
        w = world(seed)
        found = bootstrap("auc", w["y"], {"bad": w["predictions"]["bad"]}, "bad", w["clusters"], draws=120)
        held.append(found["bad"].lower <= truth <= found["bad"].upper)
    assert 0.88 <= np.mean(held) <= 1.0, np.mean(held)


def test_customers_are_drawn_not_rows():
    w = world(1, 200)
    copies = {n: np.repeat(p, 8) for n, p in w["predictions"].items()}
    y, clusters = np.repeat(w["y"], 8), np.repeat(w["clusters"], 8)
    plain = bootstrap("auc", w["y"], w["predictions"], "bad", w["clusters"], draws=200)["good"]
    same = bootstrap("auc", y, copies, "bad", clusters, draws=200)["good"]
    rows = bootstrap("auc", y, copies, "bad", np.arange(len(y)), draws=200)["good"]
    assert same == pytest.approx(plain)
    assert rows.upper - rows.lower < 0.6 * (plain.upper - plain.lower)


def test_cutoffs_are_averaged_and_share_their_customers():
    one, two = world(2), world(3)
    parts = [Part(w["y"], w["predictions"], w["clusters"]) for w in (one, two)]
    found = bootstrap_cutoffs("auc", parts, "bad", draws=100)["good"]
    each = [metrics.auc(w["y"], w["predictions"]["good"]) for w in (one, two)]
    assert found.value == pytest.approx(np.mean(each))
    twice = bootstrap_cutoffs("auc", [parts[0], parts[0]], "bad", draws=100)["good"]
    assert twice == pytest.approx(bootstrap_cutoffs("auc", parts[:1], "bad", draws=100)["good"])
    halves = [Part(one["y"], one["predictions"], one["clusters"], np.full(len(one["y"]), 0.5))]
    assert bootstrap_cutoffs("auc", halves, "bad", draws=20)["good"].value == pytest.approx(each[0])


@pytest.mark.parametrize("name", sorted(metrics.METRICS))
def test_every_metric_by_name_and_as_a_function_alike(name: str):
    w = world(4, 60)
    by_name = bootstrap(name, w["y"], w["predictions"], "bad", w["clusters"], draws=15, seed=5)
    plain = bootstrap(metrics.METRICS[name].function, w["y"], w["predictions"], "bad", w["clusters"], 15, 5)
    for model in by_name:
        assert by_name[model] == pytest.approx(plain[model], nan_ok=True)
    assert by_name == bootstrap(name, w["y"], w["predictions"], "bad", w["clusters"], draws=15, seed=5)


def test_nothing_to_measure_is_nan_and_wrong_calls_are_named():
    empty = bootstrap("auc", [], {"a": []}, "a", [], draws=5)["a"]
    assert math.isnan(empty.value) and math.isnan(empty.lower)
    one = bootstrap("auc", [1, 1], {"a": [0.2, 0.3]}, "a", [1, 2], draws=5)["a"]
    assert math.isnan(one.value) and math.isnan(one.upper)
    with pytest.raises(UsageError, match="no metric 'acu'"):
        bootstrap("acu", [0, 1], {"a": [0.2, 0.3]}, "a", [1, 2])
    with pytest.raises(UsageError, match="no model 'b'"):
        bootstrap("auc", [0, 1], {"a": [0.2, 0.3]}, "b", [1, 2])
    with pytest.raises(FootfallError, match="1 predictions and 2 answers"):
        bootstrap("auc", [0, 1], {"a": [0.2]}, "a", [1, 2])
    with pytest.raises(FootfallError, match="1 customers and 2 answers"):
        bootstrap("auc", [0, 1], {"a": [0.2, 0.3]}, "a", [1])


def test_a_full_backtest_takes_seconds():
    dice = np.random.default_rng(6)
    y = (dice.random(25_000) < 0.2).astype(float)
    predictions = {name: dice.random(25_000) for name in "abc"}
    start = time.process_time()
    for metric in ("auc", "average_precision"):
        bootstrap(metric, y, predictions, "a", dice.integers(0, 4000, 25_000), draws=100)
    assert time.process_time() - start < 7.0
