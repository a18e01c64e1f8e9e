"""Models side by side: the best single one is found, means are judged against it, costs are those that were paid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from footfall.engine import DuckDBEngine
from footfall.errors import UsageError
from footfall.evaluate import Backtest, Part, backtest, bootstrap_cutoffs
from footfall.evaluate.comparison import Costs, Measured, compare, readable, stability
from footfall.evaluate.metrics import log_loss
from footfall.tables import RESULTS
from footfall.tabular import Predictor, Trainer
from footfall.tasks import Task
from seeded_shop import BUY, SMALL, SPEND, day, seeded_shop, trainer

TESTS = (day(92), day(106))
NAMES = ["tree", "logistic", "boosted", "voting:logistic+boosted", "stacking:logistic+boosted"]


def done(task: Task, folds: int) -> tuple[Trainer, Backtest]:
    engine = DuckDBEngine(threads=2)
    seeded_shop(engine, customers=200)
    t = trainer(engine, task, replace(SMALL, workers=2), tests=3)
    return t, backtest(t, NAMES, TESTS, draws=60, folds=folds)


@pytest.fixture(scope="module")
def chance() -> tuple[Trainer, Backtest]:
    return done(BUY, folds=4)


@pytest.fixture(scope="module")
def amount() -> tuple[Trainer, Backtest]:
    return done(SPEND, folds=0)


def rows_of(result: Backtest) -> dict[str, dict[str, Any]]:
    return {r["model"]: r for r in result.comparison}


def measured(loss: dict[str, float], n: int = 600) -> Measured:
    """A backtest whose log losses are about those asked for: the same customers, chances that much off the truth."""
    dice = np.random.default_rng(5)
    parts = []
    for _ in range(3):
        true = dice.random(n)
        y = (dice.random(n) < true).astype(float)
        said = {m: np.clip(true + dice.normal(0, off, n), 0.01, 0.99) for m, off in loss.items()}
        parts.append(Part(y, said, np.arange(n)))
    found = []
    for model in loss:
        each = [log_loss(p.y, p.predictions[model]) for p in parts]
        cutoffs = [None, *TESTS, day(113)]
        for at, value in zip(cutoffs, [float(np.mean(each)), *each], strict=True):
            found.append({"model": model, "metric": "log_loss", "cutoff": at, "value": value, "rows": n * 3})
    costs = Costs({m: [1.0, 3.0] for m in loss}, {m: [0.5] for m in loss}, dict.fromkeys(loss, 2_000))
    return Measured("buy-7d", "chance", "log_loss", parts, found, costs)


# --- on known answers -------------------------------------------------------------------------------------


def test_the_best_single_model_is_the_yardstick_even_where_a_mean_is_better() -> None:
    rows = compare(
        measured({"baseline": 0.5, "boosted": 0.2, "logistic": 0.3, "voting:logistic+boosted": 0.02}), {}, 80, 0
    )
    by = {r["model"]: r for r in rows}
    assert {r["best"] for r in rows} == {"boosted"}
    assert [r["mean"] for r in rows] == sorted(r["mean"] for r in rows)
    assert by["boosted"]["difference"] == 0 and by["boosted"]["better"] is None
    assert (by["baseline"]["better"], by["voting:logistic+boosted"]["better"]) == ("no", "yes")
    assert "better than any single model, worth it" in by["voting:logistic+boosted"]["words"]
    assert by["boosted"]["words"].startswith("boosted: the best single model (log loss ")


def test_a_mean_no_better_beyond_chance_is_said_not_to_be_worth_it() -> None:
    rows = compare(
        measured({"baseline": 0.5, "boosted": 0.2, "logistic": 0.2, "stacking:logistic+boosted": 0.2}), {}, 80, 0
    )
    stack = next(r for r in rows if r["model"].startswith("stacking"))
    assert stack["better"] == "cannot tell"
    assert "no better beyond chance than the best single model, so it is not worth it" in stack["words"]
    worse = compare(measured({"baseline": 0.5, "boosted": 0.1, "voting:logistic+boosted": 0.4}), {}, 80, 0)
    assert "worse than the best single model, so it is not worth it" in worse[1]["words"]


def test_differences_are_those_of_the_paired_bootstrap() -> None:
    one = measured({"baseline": 0.5, "boosted": 0.2, "logistic": 0.3})
    rows = {r["model"]: r for r in compare(one, {}, 80, 3)}
    found = bootstrap_cutoffs("log_loss", one.parts, "boosted", 80, 3)
    for model, e in found.items():
        row = rows[model]
        told = (row["difference"], row["difference_lower"], row["difference_upper"])
        assert told == (e.diff, e.diff_lower, e.diff_upper)


def test_spread_is_over_cutoffs_and_costs_are_means() -> None:
    one = measured({"baseline": 0.5, "boosted": 0.2})
    row = next(r for r in compare(one, {"boosted": [0.4, 0.6]}, 20, 0) if r["model"] == "boosted")
    each = [r["value"] for r in one.evaluations if r["model"] == "boosted" and r["cutoff"]]
    assert row["spread"] == pytest.approx(np.std(each, ddof=1))
    assert (row["fit_seconds"], row["predict_seconds"], row["size_bytes"], row["rows"]) == (2.0, 0.5, 2000, 600)
    assert (row["fold_mean"], row["folds"]) == (0.5, 2)
    assert row["fold_spread"] == pytest.approx(np.std([0.4, 0.6], ddof=1))


def test_what_is_faster_or_readable_is_said() -> None:
    one = measured({"baseline": 0.5, "boosted": 0.1, "tree": 0.3})
    one.costs.fit["tree"] = [0.02]
    words = {r["model"]: r["words"] for r in compare(one, {}, 40, 0)}
    assert "but learns 100 times as fast and can be read" in words["tree"]
    assert "a few rules, printed" in words["tree"]
    assert readable("voting:logistic+boosted") == readable("boosted") == "read through its reasons only"
    assert readable("logistic+tree") == "2 models side by side"


# --- in a backtest ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["chance", "amount"])
def test_every_model_has_a_row_that_fits_the_table(
    kind: str, chance: tuple[Trainer, Backtest], amount: tuple[Trainer, Backtest]
) -> None:
    _, result = chance if kind == "chance" else amount
    columns = {c.name for c in RESULTS["comparison"].columns} - {"made_at"}
    assert sorted(r["model"] for r in result.comparison) == sorted(["baseline", *NAMES])
    for row in result.comparison:
        assert row.keys() == columns
        assert row["size_bytes"] > 500 and row["fit_seconds"] > 0 and row["predict_seconds"] > 0
        assert row["cutoffs"] == 2 and row["words"].startswith(f"{row['model']}: ")


def test_a_mean_costs_what_its_members_cost(chance: tuple[Trainer, Backtest]) -> None:
    by = rows_of(chance[1])
    both = by["logistic"]["fit_seconds"] + by["boosted"]["fit_seconds"]
    assert by["voting:logistic+boosted"]["fit_seconds"] == pytest.approx(both)
    assert by["stacking:logistic+boosted"]["fit_seconds"] > both
    assert (
        by["stacking:logistic+boosted"]["size_bytes"]
        > by["boosted"]["size_bytes"] + by["logistic"]["size_bytes"] - 4000
    )


def test_a_model_that_cannot_be_saved_here_has_no_size_and_is_compared(
    chance: tuple[Trainer, Backtest], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(self: Predictor, folder: Path) -> None:
        raise UsageError("keeping it needs a library that is not here")

    predictor = chance[0].fit("baseline", TESTS[0])
    monkeypatch.setattr(Predictor, "save", missing)
    costs = Costs()
    costs.saved("baseline", predictor)
    assert costs.size == {}


def test_folds_hold_customers_out_within_the_cutoffs_learnt_from(chance: tuple[Trainer, Backtest]) -> None:
    t, result = chance
    at = TESTS[-1]
    found = stability(t, ["logistic"], at, "log_loss", 4)["logistic"]
    row = rows_of(result)["logistic"]
    assert len(found) == row["folds"] == 4
    assert row["fold_mean"] == pytest.approx(np.mean(found))
    # By hand: one group's rows, answered by a model that saw none of its customers.
    training = t.training(at)
    out = training.clusters % 4 == 1
    made = t.learn("logistic", training.take(~out))
    held = training.take(out)
    assert training.y is not None and held.y is not None
    assert found[1] == pytest.approx(log_loss(held.y, made.predict(held), held.weight))
    assert not set(held.clusters.tolist()) & set(training.take(~out).clusters.tolist())
    assert max(training.cutoffs) < at


def test_without_folds_none_are_told(amount: tuple[Trainer, Backtest]) -> None:
    assert {(r["folds"], r["fold_mean"], r["fold_spread"]) for r in amount[1].comparison} == {(0, None, None)}


def test_the_comparison_changes_no_evaluation(chance: tuple[Trainer, Backtest]) -> None:
    t, result = chance
    again = backtest(t, NAMES, TESTS, draws=60)
    assert again.evaluations == result.evaluations
    assert (again.best, again.verdicts) == (result.best, result.verdicts)
