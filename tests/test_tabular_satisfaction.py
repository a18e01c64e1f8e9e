"""A level (a mean rating) as a target: only those who say something count, and no answer leaves the scale."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from content_shop import DAYS, content_shop
from footfall.engine import DuckDBEngine
from footfall.evaluate import backtest
from footfall.tabular import Predictor, Settings, Trainer
from footfall.tasks import CATALOGUE, Task
from footfall.windows import orders, reviews
from seeded_shop import day, trainer

RATING, SCORE = CATALOGUE["satisfaction-90d"].over("30d"), CATALOGUE["satisfaction-score-90d"].over("30d")
SETTINGS = Settings(cutoffs=8, rehearsals=2, tests=2, workers=1)


@pytest.fixture(scope="module")
def shop() -> DuckDBEngine:
    engine = DuckDBEngine(threads=1)
    content_shop(engine)
    return engine


@pytest.fixture(scope="module")
def rating(shop: DuckDBEngine) -> Trainer:
    return trainer(shop, RATING, SETTINGS, tests=2)


def mean_ratings(engine: DuckDBEngine, since: datetime, until: datetime) -> dict[str, float]:
    rows = engine.rows(
        "select customer_id, rating from reviews where occurred_at >= ? and occurred_at < ? and rating is not null",
        [since, until],
    )
    found: dict[str, list[float]] = {}
    for who, value in rows:
        found.setdefault(str(who), []).append(float(value))
    return {who: sum(of) / len(of) for who, of in found.items()}


def test_only_those_who_then_say_something_are_learnt_from_and_tested_on(shop: DuckDBEngine, rating: Trainer) -> None:
    at = rating.anchor
    cutoff = rating.training(at).cutoffs[-1]
    matrix = rating.table.matrix(RATING, [cutoff])
    assert matrix.y is not None
    said = dict(zip(matrix.table.column("customer_id").to_pylist(), matrix.y.tolist(), strict=True))
    ordered = {
        str(r[0])
        for r in shop.rows(
            "select distinct customer_id from orders where occurred_at < ? "
            "and occurred_at >= ?::timestamp - interval 90 day",
            [cutoff, cutoff],
        )
    }
    truth = {w: m for w, m in mean_ratings(shop, cutoff, day(DAYS)).items() if w in ordered}
    ahead = mean_ratings(shop, cutoff, cutoff + (day(30) - day(0)))
    assert said == pytest.approx({w: m for w, m in ahead.items() if w in ordered})
    assert 20 < len(said) < len(ordered) and set(said) <= set(truth)


def test_the_population_is_asked_without_knowing_who_will_write(shop: DuckDBEngine, rating: Trainer) -> None:
    asked = rating.table.matrix(RATING, [rating.anchor], target=False)
    ordered = shop.value(
        "select count(distinct customer_id) from orders where occurred_at >= ?::timestamp - interval 90 day",
        [rating.anchor],
    )
    assert asked.rows == ordered, "those who never write are asked about, too"


@pytest.mark.parametrize("model", ["baseline", "linear", "logistic", "boosted"])
def test_answers_and_intervals_stay_within_the_scale(rating: Trainer, model: str) -> None:
    predictor = rating.fit(model, rating.anchor)
    assert (predictor.trained.lowest, predictor.trained.highest) == (1.0, 5.0)
    answers = predictor.predict(rating.table.matrix(RATING, [rating.anchor], target=False))
    for values in (answers.value, answers.lower, answers.upper):
        assert values.min() >= 1 and values.max() <= 5
    assert (answers.lower <= answers.value).all() and (answers.value <= answers.upper).all()
    assert np.ptp(answers.value) > 0.5
    assert (answers.upper - answers.lower).mean() < 1.2, "an interval of the whole scale would say nothing"


@pytest.mark.parametrize("model", ["linear", "boosted"])
def test_the_interval_holds_what_those_alike_then_said(rating: Trainer, model: str) -> None:
    at = rating.origins(rating.anchor)[-1]
    matrix = rating.test(at)
    answers = rating.fit(model, at).predict(matrix)
    assert matrix.y is not None
    for part in np.array_split(np.argsort(answers.value, kind="stable"), 3):
        said = matrix.y[part]
        luck = 2 * said.std() / np.sqrt(len(said))  # the interval is of what is expected, not of so few answers
        assert answers.lower[part].mean() - luck < said.mean() < answers.upper[part].mean() + luck


def test_the_scale_outlives_saving(rating: Trainer, tmp_path: Path) -> None:
    predictor = rating.fit("linear", rating.anchor)
    predictor.save(tmp_path / "kept")
    again = Predictor.load(tmp_path / "kept", RATING)
    assert (again.trained.lowest, again.trained.highest) == (1.0, 5.0)
    asked = rating.table.matrix(RATING, [rating.anchor], target=False)
    np.testing.assert_array_equal(again.predict(asked).value, predictor.predict(asked).value)


@pytest.mark.parametrize("task", [RATING, SCORE], ids=lambda t: t.name)
def test_a_line_and_trees_find_what_the_customers_own_past_tells(shop: DuckDBEngine, task: Task) -> None:
    one = trainer(shop, task, SETTINGS, tests=2)
    at = one.origins(one.anchor)[-2:]
    done = backtest(one, ["linear", "boosted"], at, draws=60)
    by = {(r["model"], r["metric"]): r for r in done.evaluations if r["cutoff"] is None}
    for model in ("linear", "boosted"):
        r2 = by[model, "r2"]
        assert r2["lower"] > 0.1, "leniency is most of what there is to know"
        assert r2["lower"] < r2["value"] < r2["upper"] < 1
        mae = by[model, "mae"]
        assert 0 < mae["lower"] < mae["value"] < mae["upper"]
    own = one.fit("baseline", one.anchor).learner
    assert own.amount is not None and own.chance is None, "in one piece: no hurdle before a rating"
    column = own.encoder.names.index(task.target.past().name)
    parts = own.contributions(one.table.matrix(task, [one.anchor], target=False))
    assert np.ptp(parts[:, column]) > 0 and np.ptp(np.delete(parts[:, :-1], column, axis=1)) == 0


def test_sums_and_counts_are_no_levels() -> None:
    assert RATING.level and not RATING.money
    spend = CATALOGUE["spend-90d"]
    assert spend.money and not spend.level
    assert not Task("n", "customer", reviews.count(), "30d").level
    largest = Task("m", "customer", orders.max("amount"), "30d")
    assert largest.level and largest.money
    assert not CATALOGUE["buy-7d"].money
