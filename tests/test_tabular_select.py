"""Permutation importance: what matters is kept, what does not is left out, and the time after is not looked at."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from content_shop import content_shop
from footfall.engine import DuckDBEngine
from footfall.models import find_model
from footfall.tabular import Encoder, Learner, Matrix, Predictor, Settings
from footfall.tabular.select import FEWEST, Validation, _mean, _shuffled, importances_of
from footfall.tasks import CATALOGUE
from seeded_shop import trainer

BUY = CATALOGUE["buy-30d"]
SETTINGS = Settings(cutoffs=6, rehearsals=2, tests=1, workers=1)
NOISE = [f"noise_{i}" for i in range(12)]


def known_truth(seed: int, rows: int = 4_000) -> Validation:
    """log-odds = 1.5 strong + 0.6 weak; twelve columns of noise; learnt on other rows than it is asked about."""
    dice = np.random.default_rng(seed)

    def drawn() -> tuple[np.ndarray, np.ndarray]:
        X = dice.normal(size=(rows, 2 + len(NOISE)))
        return X, (dice.random(rows) < 1 / (1 + np.exp(-1.5 * X[:, 0] - 0.6 * X[:, 1]))).astype(float)

    names = ["strong", "weak", *NOISE]
    X, y = drawn()
    model = find_model("boosted")("chance", seed=1).fit(X, y, features=names)
    learner = Learner("chance", "boosted", Encoder(tuple(names)), model, None)
    X, y = drawn()
    table = pa.table({n: X[:, i] for i, n in enumerate(names)})
    who = np.arange(rows) // 4
    return Validation(learner, Matrix(table, (datetime(2024, 1, 1),), np.zeros(rows, np.int64), who, np.ones(rows), y))


def test_what_matters_is_kept_in_order_and_noise_is_not() -> None:
    found = importances_of("chance", [known_truth(1)])
    assert [f.feature for f in found[:2]] == ["strong", "weak"]
    strong, weak = found[:2]
    assert strong.lower > weak.upper > weak.importance > weak.lower > 0
    sure = [f for f in found[2:] if f.lower > 0]
    assert len(sure) <= 1, "an interval of 95% errs now and then"
    assert all(f.lower <= 0.002 and abs(f.importance) < 0.02 * strong.importance for f in found[2:])
    assert [f.kept for f in found] == [f.lower > 0 or i < FEWEST for i, f in enumerate(found)]


def test_several_rehearsals_narrow_the_interval() -> None:
    one, two = known_truth(1), known_truth(2)
    width = [f.upper - f.lower for f in (importances_of("chance", [one])[0], importances_of("chance", [one, two])[0])]
    assert width[1] == pytest.approx(width[0] / np.sqrt(2), rel=0.35)


def test_the_interval_is_that_of_drawing_customers() -> None:
    dice = np.random.default_rng(5)
    who = np.repeat(np.arange(300), 5)
    own = dice.normal(size=300)[who]
    rise, weight = 0.3 + own + dice.normal(size=1500), dice.uniform(0.5, 2, 1500)
    mean, half = _mean(rise, weight, who)
    draws = []
    for _ in range(600):
        w = weight * np.bincount(dice.integers(0, 300, 300), minlength=300)[who]
        draws.append(w @ rise / w.sum())
    assert mean == pytest.approx(np.average(rise, weights=weight))
    assert half == pytest.approx(1.96 * np.std(draws), rel=0.12)
    assert half > 1.5 * _mean(rise, weight, np.arange(1500))[1], "rows of one customer hang together"


def test_values_are_shuffled_within_a_cutoff() -> None:
    groups = np.repeat([0, 1, 2], 50)
    order = _shuffled(groups, np.random.default_rng(1))
    np.testing.assert_array_equal(groups[order], groups)
    assert sorted(order.tolist()) == list(range(150)) and (order != np.arange(150)).any()


def test_nothing_to_validate_on_leaves_everything() -> None:
    assert importances_of("chance", []) == []
    engine = DuckDBEngine(threads=1)
    content_shop(engine, customers=40, days=75)
    one = trainer(engine, BUY, Settings(cutoffs=2, rehearsals=0, workers=1))
    predictor = one.fit("selected:logistic", one.anchor)
    assert predictor.trained.selection == ()
    assert predictor.learner.encoder == one.fit("logistic", one.anchor).learner.encoder
    engine.close()


def test_a_selected_model_reads_the_kept_features_and_says_which(tmp_path: Path) -> None:
    engine = DuckDBEngine(threads=1)
    content_shop(engine)
    one = trainer(engine, BUY, SETTINGS)
    predictor = one.fit("selected:boosted", one.anchor)
    rows = predictor.trained.selection
    kept = {r["feature"] for r in rows if r["kept"]}
    assert FEWEST <= len(kept) < len(rows) and kept >= set(predictor.learner.encoder.owners)
    assert all(r["lower"] <= r["importance"] <= r["upper"] for r in rows)
    assert [r["importance"] for r in rows] == sorted((r["importance"] for r in rows), reverse=True)
    predictor.save(tmp_path / "kept")
    again = Predictor.load(tmp_path / "kept", BUY)
    assert [r["feature"] for r in again.trained.selection] == [r["feature"] for r in rows]
    asked = one.table.matrix(BUY, [one.anchor], target=False)
    np.testing.assert_array_equal(again.predict(asked).value, predictor.predict(asked).value)
    engine.close()


def test_what_happens_after_the_instant_is_not_looked_at() -> None:
    engine = DuckDBEngine(threads=1)
    content_shop(engine)
    settings = replace(SETTINGS, tests=2, workers=1)
    first = trainer(engine, BUY, settings, tests=2)
    at = first.origins(first.anchor)[-1]
    found = first.selected("selected:logistic", at)
    later = f"occurred_at >= timestamp '{at}'"
    last = "occurred_at < (select max(occurred_at) from facts.orders)"  # the data end when they did
    engine.execute(f"delete from facts.orders where {later} and {last} and hash(order_id) % 2 = 0")
    engine.execute(f"update facts.reviews set rating = 1 where {later}")
    again = trainer(engine, BUY, settings, tests=2).selected("selected:logistic", at)
    assert found and [(f.feature, f.importance) for f in again] == [(f.feature, f.importance) for f in found]
    engine.execute(f"delete from facts.orders where not ({later}) and hash(order_id) % 2 = 0")
    other = trainer(engine, BUY, settings, tests=2).selected("selected:logistic", at)
    assert [f.importance for f in other] != [f.importance for f in found], "the time before is what it looks at"
    engine.close()
