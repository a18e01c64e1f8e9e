"""Tuning: never past the instant asked about, the same on every run, and on where it stopped."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError, UsageError
from footfall.tables import refresh_known
from footfall.tabular import Budget, Predictor, Trainer, Trial, budget_of, space_of, tune
from footfall.tabular.space import _checked
from footfall.tabular.tune import _chosen
from footfall.tasks import Task
from seeded_shop import BUY, SMALL, SPEND, day, seeded_shop, trainer

AT = day(106)
SETTINGS = replace(SMALL, workers=1)


def prepared(task: Task = BUY, scrambled: bool = False, customers: int = 150) -> Trainer:
    engine = DuckDBEngine(threads=2)
    seeded_shop(engine, customers=customers)
    if scrambled:
        engine.execute(f"delete from facts.orders where occurred_at >= timestamp '{AT}' and hash(order_id) % 2 = 0")
        engine.execute(f"update facts.orders set amount = amount * 9 where occurred_at >= timestamp '{AT}'")
        refresh_known(engine)
    return trainer(engine, task, SETTINGS, tests=2)


def told(trials: tuple[Trial, ...]) -> list[Any]:
    return [(t.number, t.state, t.settings, t.losses, t.difference, t.error) for t in trials]


# --- budgets and bounds -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("90s", Budget(seconds=90)),
        ("5m", Budget(seconds=300)),
        ("1.5h", Budget(seconds=5400)),
        ("40", Budget(trials=40)),
    ],
)
def test_budgets_are_read(text: str, budget: Budget) -> None:
    assert budget_of(text) == budget


@pytest.mark.parametrize("text", ["", "5 days", "-3m", "0", "m", "1.5", "five"])
def test_what_is_no_budget_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="is no budget of a search; say a time as in 90s, 5m"):
        budget_of(text)


def test_a_time_is_shared_and_trials_are_each_ones_own() -> None:
    assert budget_of("1m").shared(4) == Budget(seconds=15)
    assert budget_of("20").shared(4) == Budget(trials=20)


def test_models_say_what_may_be_tuned() -> None:
    assert "l2" in space_of("logistic") and "leaves" in space_of("tuned:boosted")
    assert space_of("baseline") == {}
    with pytest.raises(UsageError, match="the bounds of l2 are not in order"):
        _checked("m", "l2", (3.0, 1.0, "float"))
    with pytest.raises(UsageError, match="nothing to choose from for l2"):
        _checked("m", "l2", (1.0,))


# --- what is chosen ---------------------------------------------------------------------------------------


def trial(number: int, loss: float, difference: float, error: float, state: str = "done") -> Trial:
    return Trial(number, state, {"l2": float(number)}, (loss,), difference, error, 0.1)


def test_only_what_beats_the_own_settings_by_a_standard_error_is_taken() -> None:
    own = trial(0, 0.5, 0.0, 0.0, "own")
    assert _chosen([own]) == 0
    assert _chosen([own, trial(1, 0.49, -0.01, 0.02)]) == 0
    assert _chosen([own, trial(1, 0.49, -0.01, 0.005), trial(2, 0.48, -0.02, 0.03)]) == 1
    assert _chosen([own, trial(1, 0.49, -0.01, 0.005), trial(2, 0.48, -0.02, 0.01)]) == 2
    assert _chosen([own, trial(1, 0.4, -0.1, 0.01, "pruned")]) == 0


# --- searches ---------------------------------------------------------------------------------------------

searched = pytest.mark.skipif(find_spec("optuna") is None, reason="tuning needs Optuna (the extra footfall[tune])")


@searched
@pytest.mark.parametrize("task", [BUY, SPEND], ids=lambda t: t.name)
def test_nothing_at_or_after_the_instant_reaches_a_search(task: Task) -> None:
    """Orders from the test cutoff on are scrambled: every trial, its losses and the choice are the same."""
    one = tune(prepared(task), "logistic", AT, Budget(trials=6))
    two = tune(prepared(task, scrambled=True), "logistic", AT, Budget(trials=6))
    assert told(one.trials) == told(two.trials)
    assert (one.chosen, one.instants) == (two.chosen, two.instants)
    assert len(one.trials) == 7 and one.trials[0].state == "own"
    # The test can fail: what comes before the instant does reach it.
    engine = DuckDBEngine(threads=2)
    seeded_shop(engine, customers=150)
    engine.execute(f"delete from facts.orders where occurred_at < timestamp '{AT}' and hash(order_id) % 4 = 0")
    refresh_known(engine)
    other = tune(trainer(engine, task, SETTINGS, tests=2), "logistic", AT, Budget(trials=2))
    assert told(one.trials)[0] != told(other.trials)[0]


@searched
def test_a_search_goes_on_where_it_stopped_as_if_it_never_had(tmp_path: Path) -> None:
    whole = tune(prepared(), "boosted", AT, Budget(trials=11))
    first = tune(prepared(), "boosted", AT, Budget(trials=7), tmp_path)
    assert told(first.trials) == told(whole.trials[:8])
    (file,) = tmp_path.glob("boosted-*.json")
    kept = json.loads(file.read_text())["trials"]
    assert [t["number"] for t in kept] == list(range(1, 8))
    second = tune(prepared(), "boosted", AT, Budget(trials=11), tmp_path)
    assert told(second.trials) == told(whole.trials)
    assert [t.seconds for t in second.trials[1:8]] == [t.seconds for t in first.trials[1:]], "not tried again"


@searched
def test_other_rows_are_another_search_and_a_broken_file_is_none(tmp_path: Path) -> None:
    tune(prepared(), "logistic", AT, Budget(trials=2), tmp_path)
    tune(prepared(customers=140), "logistic", AT, Budget(trials=2), tmp_path)
    files = sorted(tmp_path.glob("*.json"))
    assert len(files) == 2
    for file in files:
        file.write_text("{", encoding="utf-8")
    assert len(tune(prepared(), "logistic", AT, Budget(trials=3), tmp_path).trials) == 4


@searched
def test_what_falls_behind_is_pruned() -> None:
    found = tune(prepared(), "logistic", AT, Budget(trials=16))
    states = [t.state for t in found.trials]
    assert "pruned" in states and states.count("done") >= 5
    for t in found.trials:
        assert len(t.losses) == (found.instants if t.state != "pruned" else len(t.losses))
        assert (t.difference is None) == (t.state == "pruned")
        assert (t.loss is None) == (t.state == "pruned")
    assert f"16 settings tried at {found.instants} earlier instants ({states.count('pruned')} pruned)" in found.words


@searched
def test_a_time_is_kept() -> None:
    found = tune(prepared(), "logistic", AT, Budget(seconds=1.5))
    assert len(found.trials) >= 2
    assert sum(t.seconds for t in found.trials) < 6


@searched
def test_settings_found_are_used_saved_and_come_back(tmp_path: Path) -> None:
    t = prepared()
    found = tune(t, "logistic", AT, Budget(trials=4))
    t.tuned["logistic", AT] = {"l2": 300.0}  # whatever chance has chosen
    assert found.model == "logistic"
    tuned, plain = t.fit("tuned:logistic", AT), t.fit("logistic", AT)
    matrix = t.table.matrix(BUY, [AT], target=False)
    assert not np.array_equal(tuned.learner.predict(matrix), plain.learner.predict(matrix))
    card = tuned.save(tmp_path / "m")
    assert card["settings"] == {"tuned:logistic": {"l2": 300.0}}
    again = Predictor.load(tmp_path / "m", BUY)
    assert (again.model, again.tuned) == ("tuned:logistic", card["settings"])
    np.testing.assert_array_equal(tuned.predict(matrix).value, again.predict(matrix).value)
    assert getattr(again.learner.chance, "settings")["l2"] == 300.0  # noqa: B009
    # Tuned members take part in means too, and the plain one is not learnt anew.
    assert t.fit("stacking:tuned:logistic+boosted", AT).tuned == card["settings"]
    assert {m for m, _ in t.learners} == {"logistic", 'logistic {"l2": 300.0}', "boosted"}


@searched
def test_what_was_not_tuned_or_cannot_be_is_told() -> None:
    t = prepared()
    with pytest.raises(UsageError, match="boosted was not tuned for 2024-04-16; say --tune"):
        t.fit("tuned:boosted", AT)
    with pytest.raises(UsageError, match="'baseline' has no setting to tune"):
        tune(t, "baseline", AT, Budget(trials=1))
    with pytest.raises(FootfallError, match="too short to tune on"):
        tune(t, "logistic", day(40), Budget(trials=1))
