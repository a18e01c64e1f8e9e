"""Backtests: where the answer is known, they find it; where there is nothing to know, they say so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError
from footfall.evaluate import Backtest, backtest
from footfall.evaluate.backtest import BOOTSTRAPPED, DECIDING
from footfall.tabular import Matrix, Trainer
from footfall.tasks import Task
from seeded_shop import BUY, SMALL, SPEND, day, seeded_shop, trainer

TESTS = (day(92), day(106))
CHANCES = {"auc", "average_precision", "brier", "log_loss", "calibration_error", "calibration_slope", "lift"}
CHANCES |= {"observed_over_expected", "calibration_floor", "accuracy", "precision", "recall", "f1"}
AMOUNTS = {"mae", "rmse", "r2", "wape", "total_bias", "correlation", "gini"}


def prepared(task: Task, customers: int = 300) -> Trainer:
    engine = DuckDBEngine(threads=2)
    seeded_shop(engine, customers=customers)
    return trainer(engine, task, replace(SMALL, workers=2), tests=3)


@pytest.fixture(scope="module")
def chance() -> tuple[Trainer, Backtest]:
    t = prepared(BUY)
    return t, backtest(t, ["logistic", "boosted"], TESTS, draws=100)


@pytest.fixture(scope="module")
def amount() -> tuple[Trainer, Backtest]:
    t = prepared(SPEND)
    return t, backtest(t, ["logistic"], TESTS, draws=100)


def value(result: Backtest, model: str, metric: str, at: Any = None) -> dict[str, Any]:
    [row] = [r for r in result.evaluations if (r["model"], r["metric"], r["cutoff"]) == (model, metric, at)]
    return row


def test_the_baseline_is_always_there_and_first(chance: tuple[Trainer, Backtest]) -> None:
    _, result = chance
    assert list(dict.fromkeys(r["model"] for r in result.evaluations)) == ["baseline", "logistic", "boosted"]
    alone = backtest(chance[0], [], TESTS[:1], draws=10)
    assert {r["model"] for r in alone.evaluations} == {"baseline"}
    assert (alone.best, alone.verdicts) == ("baseline", [])


@pytest.mark.parametrize("kind", ["chance", "amount"])
def test_every_metric_stands_for_every_model_and_cutoff(
    kind: str, chance: tuple[Trainer, Backtest], amount: tuple[Trainer, Backtest]
) -> None:
    result = (chance if kind == "chance" else amount)[1]
    metrics = CHANCES if kind == "chance" else AMOUNTS
    for at in (None, *TESTS):
        for model in {r["model"] for r in result.evaluations}:
            found = [r for r in result.evaluations if (r["cutoff"], r["model"]) == (at, model)]
            rate = {"base_rate" if kind == "chance" else "mean_amount"} if model == "baseline" else set()
            assert {r["metric"] for r in found} == metrics | rate
            assert len(found) == len({r["metric"] for r in found})
    assert result.table().num_rows == len(result.evaluations)


@pytest.mark.parametrize("kind", ["chance", "amount"])
def test_the_whole_is_the_mean_of_the_cutoffs(
    kind: str, chance: tuple[Trainer, Backtest], amount: tuple[Trainer, Backtest]
) -> None:
    result = (chance if kind == "chance" else amount)[1]
    for row in (r for r in result.evaluations if r["cutoff"] is None):
        each = [value(result, row["model"], row["metric"], at)["value"] for at in TESTS]
        assert row["value"] == pytest.approx(np.mean(each), rel=1e-9), row["metric"]


@pytest.mark.parametrize("kind", ["chance", "amount"])
def test_intervals_hold_their_value_and_differences_are_paired(
    kind: str, chance: tuple[Trainer, Backtest], amount: tuple[Trainer, Backtest]
) -> None:
    result = (chance if kind == "chance" else amount)[1]
    for metric in BOOTSTRAPPED[kind]:
        base = value(result, "baseline", metric)
        assert (base["difference"], base["difference_lower"], base["difference_upper"]) == (0, 0, 0)
        for model in {r["model"] for r in result.evaluations} - {"baseline"}:
            row = value(result, model, metric)
            if metric not in ("calibration_error", "mae", "wape"):  # errors that resampling can only make larger
                assert row["lower"] <= row["value"] <= row["upper"], (model, metric)
            assert row["difference"] == pytest.approx(row["value"] - base["value"])
            assert row["difference_lower"] <= row["difference_upper"]
    # Two models answer the same customers: their difference is known better than either value.
    decided = value(result, "logistic", DECIDING[kind])
    assert decided["difference_upper"] - decided["difference_lower"] < decided["upper"] - decided["lower"]


def test_the_answers_are_those_of_models_made_then(chance: tuple[Trainer, Backtest]) -> None:
    """What the table says of one cutoff, by hand."""
    t, result = chance
    matrix = t.test(TESTS[0])
    assert matrix.y is not None
    p = t.fit("logistic", TESTS[0]).predict(matrix).value
    assert value(result, "logistic", "brier", TESTS[0])["value"] == pytest.approx(np.mean((p - matrix.y) ** 2))
    above = p[matrix.y == 1][:, None] > p[matrix.y == 0][None, :]
    same = p[matrix.y == 1][:, None] == p[matrix.y == 0][None, :]
    assert value(result, "logistic", "auc", TESTS[0])["value"] == pytest.approx((above + same / 2).mean())
    assert value(result, "baseline", "base_rate", TESTS[0])["value"] == pytest.approx(matrix.y.mean())
    # The threshold is the base rate as it was known then.
    threshold = t.learnt[TESTS[0]].base_rate
    said = p >= threshold
    assert value(result, "logistic", "precision", TESTS[0])["value"] == pytest.approx(matrix.y[said].mean())
    assert value(result, "logistic", "recall", TESTS[0])["value"] == pytest.approx(said[matrix.y == 1].mean())
    assert value(result, "logistic", "accuracy", TESTS[0])["value"] == pytest.approx((said == matrix.y).mean())
    assert result.threshold == pytest.approx(np.mean([t.learnt[at].base_rate for at in TESTS]))


def test_the_verdict_is_spoken_and_the_best_has_the_least_loss(chance: tuple[Trainer, Backtest]) -> None:
    _, result = chance
    assert [v["model"] for v in result.verdicts] == ["logistic", "boosted"]
    for spoken in result.verdicts:
        row = value(result, spoken["model"], "log_loss")
        sure = row["difference_upper"] < 0 or row["difference_lower"] > 0
        better = "yes" if row["difference_upper"] < 0 else "no"
        assert spoken["verdict"] == (better if sure else "cannot tell")
        start = f"Is {spoken['model']} better than the baseline at buy-7d? {spoken['verdict'].capitalize()}: "
        assert spoken["sentence"].startswith(start + "its log loss (lower is better) differs by ")
        assert spoken["sentence"].endswith("over 2 test dates.")
    losses = {m: value(result, m, "log_loss")["value"] for m in ("baseline", "logistic", "boosted")}
    assert result.best == min(losses, key=lambda m: losses[m])


def test_curves_reach_from_few_to_all(chance: tuple[Trainer, Backtest], amount: tuple[Trainer, Backtest]) -> None:
    for result, curves in ((chance[1], {"gains", "calibration"}), (amount[1], {"gains"})):
        assert {r["curve"] for r in result.curves} == curves
        for model in {r["model"] for r in result.curves}:
            gains = [r["y"] for r in result.curves if (r["model"], r["curve"]) == (model, "gains")]
            assert gains == sorted(gains) and gains[-1] == pytest.approx(1)
    bands = [r for r in chance[1].curves if (r["model"], r["curve"]) == ("logistic", "calibration")]
    assert sum(r["rows"] for r in bands) == sum(chance[0].test(at).rows for at in TESTS)
    assert all(r["lower"] <= r["y"] <= r["upper"] for r in bands)


def test_the_same_backtest_twice_gives_the_same_bits(chance: tuple[Trainer, Backtest]) -> None:
    again = backtest(prepared(BUY), ["logistic", "boosted"], TESTS, draws=100)
    assert repr(again.evaluations) == repr(chance[1].evaluations)
    assert repr(again.curves) == repr(chance[1].curves)


# --- known answers ----------------------------------------------------------------------------------------


def changed(t: Trainer, how: Any) -> Trainer:
    """`t` over a feature table whose matrices with targets go through `how`."""

    class Table(type(t.table)):  # type: ignore[misc]
        def matrix(self, *a: Any, **k: Any) -> Matrix:
            return how(super().matrix(*a, **k))  # type: ignore[no-any-return]

    table = Table(**{f: getattr(t.table, f) for f in t.table.__dataclass_fields__})
    return Trainer(table, t.task, t.clock, t.settings, t.anchor)


def test_a_leak_planted_on_purpose_shows_as_perfection() -> None:
    def leak(matrix: Matrix) -> Matrix:
        if matrix.y is None:
            return matrix
        place = matrix.table.column_names.index("orders_tenure")
        return replace(matrix, table=matrix.table.set_column(place, "orders_tenure", pa.array(matrix.y)))

    result = backtest(changed(prepared(BUY), leak), ["logistic", "boosted"], TESTS[:1], draws=20)
    for model in ("logistic", "boosted"):
        assert value(result, model, "auc")["value"] > 0.99
        assert value(result, model, "f1")["value"] > 0.95
    assert {v["verdict"] for v in result.verdicts} == {"yes"}, "the baseline does not look there"


def test_of_shuffled_targets_nothing_can_be_known() -> None:
    rng = np.random.default_rng(5)

    def shuffle(matrix: Matrix) -> Matrix:
        return matrix if matrix.y is None else replace(matrix, y=rng.permutation(matrix.y))

    result = backtest(changed(prepared(BUY, 500), shuffle), ["logistic", "boosted"], TESTS, draws=50)
    for model in ("baseline", "logistic", "boosted"):
        row = value(result, model, "auc")
        assert row["value"] == pytest.approx(0.5, abs=0.09)
        rate = value(result, "baseline", "base_rate")["value"]
        assert value(result, model, "brier")["value"] == pytest.approx(rate * (1 - rate), abs=0.03)
        assert value(result, model, "calibration_error")["value"] < 0.09
    assert "yes" not in {v["verdict"] for v in result.verdicts}


def test_who_buys_often_is_found_on_later_data(chance: tuple[Trainer, Backtest]) -> None:
    _, result = chance
    # One customer in four has a chance of .59, the others of .10: knowing which is an AUC of about .77.
    assert 0.68 < value(result, "logistic", "auc")["value"] < 0.85
    assert value(result, "logistic", "lift")["value"] > 1.8
    assert value(result, "logistic", "observed_over_expected")["value"] == pytest.approx(1, abs=0.25)


def test_spend_is_right_in_total(amount: tuple[Trainer, Backtest]) -> None:
    _, result = amount
    assert abs(value(result, "logistic", "total_bias")["value"]) < 0.25
    assert value(result, "logistic", "correlation")["value"] > 0.2
    assert result.threshold is None
    assert "root mean squared error (lower is better)" in result.verdicts[0]["sentence"]


# --- faults -----------------------------------------------------------------------------------------------


def test_a_test_date_whose_outcome_is_not_over_is_refused(chance: tuple[Trainer, Backtest]) -> None:
    with pytest.raises(FootfallError, match="after the data"):
        backtest(chance[0], [], [day(120)])


def test_a_test_date_without_a_single_buyer_is_measured_as_far_as_it_can_be() -> None:
    engine = DuckDBEngine(threads=2)
    seeded_shop(engine, customers=60)
    engine.execute(
        f"delete from facts.orders where occurred_at >= '{day(106)}' and occurred_at < '{day(113)}' "
        "and source_customer_id <> 'c0'"
    )
    engine.execute(f"delete from facts.orders where source_customer_id = 'c0' and occurred_at >= '{day(106)}'")
    t = trainer(engine, BUY, SMALL, tests=3)
    result = backtest(t, ["logistic"], [day(106)], draws=20)
    assert np.isnan(value(result, "logistic", "auc", day(106))["value"]), "nobody to rank above anybody"
    assert value(result, "logistic", "log_loss", day(106))["value"] > 0
    assert result.verdicts[0]["verdict"] in ("yes", "no", "cannot tell")
