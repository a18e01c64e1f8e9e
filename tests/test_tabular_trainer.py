"""Fits: calibrated by rehearsal, the same to the bit on every run, and an answer even where there is little data."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError, UsageError
from footfall.tables import create_tables, publish_views, refresh_known
from footfall.tabular import Learner, Matrix, Predictor, Trainer, learn
from footfall.tasks import Task
from footfall.windows import orders
from seeded_shop import BUY, SMALL, SPEND, day, seeded_shop, trainer

MODELS = ("baseline", "logistic", "boosted")
END = day(120)
SETTINGS = replace(SMALL, workers=2)


@pytest.fixture(scope="module")
def shop() -> DuckDBEngine:
    engine = DuckDBEngine(threads=2)
    seeded_shop(engine, customers=300)
    return engine


@pytest.fixture(scope="module")
def chance(shop: DuckDBEngine) -> tuple[Trainer, Matrix]:
    """One trainer of each, over tables with names of their own."""
    return prepared(shop, BUY)


@pytest.fixture(scope="module")
def amount() -> tuple[Trainer, Matrix]:
    engine = DuckDBEngine(threads=2)
    seeded_shop(engine, customers=300)
    return prepared(engine, SPEND)


def prepared(engine: DuckDBEngine, task: Task) -> tuple[Trainer, Matrix]:
    t = trainer(engine, task, SETTINGS)
    t.warm(MODELS, [END])
    return t, t.table.matrix(task, [END], target=False)


@pytest.mark.parametrize("model", MODELS)
def test_who_buys_often_is_told_from_who_buys_seldom(chance: tuple[Trainer, Matrix], model: str) -> None:
    t, matrix = chance
    answers = t.fit(model, END).predict(matrix)
    often = np.array([int(c[1:]) % 4 == 0 for c in matrix.table.column("customer_id").to_pylist()])
    true = np.where(often, 1 - (1 - 0.12) ** 7, 1 - (1 - 0.015) ** 7)
    assert answers.value.mean() == pytest.approx(true.mean(), abs=0.05)
    assert answers.value[often].mean() > 2 * answers.value[~often].mean()
    # With so little history the models lean on the average, the more the simpler they are.
    assert np.abs(answers.value - true).mean() < np.abs(true - true.mean()).mean()


@pytest.mark.parametrize("model", MODELS)
def test_answers_lie_within_their_intervals(
    chance: tuple[Trainer, Matrix], amount: tuple[Trainer, Matrix], model: str
) -> None:
    for t, matrix in (chance, amount):
        answers = t.fit(model, END).predict(matrix)
        assert (answers.lower < answers.value).all() and (answers.value < answers.upper).all()
        assert (answers.lower >= 0).all()
        if t.task.kind == "chance":
            assert (answers.upper <= 1).all()


def test_spend_adds_up_to_what_is_usual(amount: tuple[Trainer, Matrix]) -> None:
    t, matrix = amount
    usual = t.training(END)
    assert usual.y is not None
    for model in MODELS:
        predictor = t.fit(model, END)
        assert predictor.predict(matrix).value.mean() == pytest.approx(usual.y.mean(), rel=0.25)
        hurdle = predictor.learner.chance is not None
        assert hurdle == (model != "baseline")


def test_the_card_says_what_was_learnt(chance: tuple[Trainer, Matrix]) -> None:
    t, _ = chance
    trained = t.fit("boosted", END).trained
    matrix = t.training(END)
    assert matrix.y is not None
    assert (trained.at, trained.cutoffs, trained.rows) == (END, matrix.cutoffs, matrix.rows)
    assert trained.positives == int(matrix.y.sum())
    assert trained.customers == len(set(matrix.table.column("customer_id").to_pylist()))
    assert trained.base_rate == pytest.approx(matrix.y.mean())
    assert trained.calibrated_on.startswith("what models made on ")
    assert "against what then happened" in trained.calibrated_on


def test_newer_cutoffs_weigh_more(chance: tuple[Trainer, Matrix]) -> None:
    t, _ = chance
    matrix = t.training(END)
    each = [set(matrix.weight[matrix.cutoff == k].tolist()) for k in range(len(matrix.cutoffs))]
    assert all(len(e) == 1 for e in each)
    weights = [e.pop() for e in each]
    assert weights == sorted(weights) and weights[-1] == 1
    assert weights[0] == pytest.approx(0.5 ** (35 / 180))


# --- what each column adds --------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_parts_of_a_chance_add_up_to_its_log_odds(chance: tuple[Trainer, Matrix], model: str) -> None:
    t, matrix = chance
    learner = t.fit(model, END).learner
    parts = learner.contributions(matrix)
    assert parts.shape == (matrix.rows, len(learner.encoder.names) + 1)
    p = learner.predict(matrix)
    np.testing.assert_allclose(parts.sum(axis=1), np.log(p) - np.log1p(-p), atol=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_parts_of_an_amount_add_up_to_its_logarithm(amount: tuple[Trainer, Matrix], model: str) -> None:
    t, matrix = amount
    learner = t.fit(model, END).learner
    parts = learner.contributions(matrix)
    assert parts.shape == (matrix.rows, len(learner.encoder.names) + 1)
    np.testing.assert_allclose(parts.sum(axis=1), np.log(np.maximum(learner.predict(matrix), 1e-9)), atol=1e-6)


def test_few_amounts_above_zero_are_learnt_without_a_hurdle(amount: tuple[Trainer, Matrix]) -> None:
    t, _ = amount
    matrix = t.training(END)
    assert matrix.y is not None
    positive = np.flatnonzero(matrix.y > 0)
    few = np.sort(np.concatenate([positive[:19], np.flatnonzero(matrix.y <= 0)]))
    assert learn("amount", "boosted", t.table, matrix.take(few)).chance is None
    more = np.sort(np.concatenate([positive[:20], np.flatnonzero(matrix.y <= 0)]))
    assert learn("amount", "boosted", t.table, matrix.take(more)).chance is not None


def test_an_amount_below_zero_counts_as_none() -> None:
    engine = DuckDBEngine(threads=2)
    seeded_shop(engine, customers=100)
    engine.execute("update facts.orders set amount = -amount where source_customer_id = 'c0'")
    t = trainer(engine, SPEND)
    answers = t.fit("boosted", END).predict(t.table.matrix(SPEND, [END], target=False))
    assert np.isfinite(answers.value).all() and (answers.value >= 0).all()


def test_a_model_that_is_none_is_named(chance: tuple[Trainer, Matrix]) -> None:
    with pytest.raises(UsageError, match="there is no model 'bosted'; did you mean 'boosted'"):
        chance[0].fit("bosted", END)


# --- the same to the bit ----------------------------------------------------------------------------------


@pytest.mark.parametrize("task", [BUY, SPEND], ids=lambda t: t.name)
def test_two_fits_and_any_number_of_workers_give_the_same_bits(task: Task) -> None:
    found = []
    for workers, threads in ((1, 1), (2, 2)):
        engine = DuckDBEngine(threads=threads)
        seeded_shop(engine, customers=150)
        t = trainer(engine, task, replace(SMALL, cutoffs=4, rehearsals=1, workers=workers))
        t.warm(MODELS, [END])
        matrix = t.table.matrix(task, [END], target=False)
        found.append([t.fit(model, END).predict(matrix) for model in MODELS])
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one.value, two.value)
        np.testing.assert_array_equal(one.lower, two.lower)
        np.testing.assert_array_equal(one.upper, two.upper)


@pytest.mark.parametrize("model", MODELS)
def test_a_saved_predictor_answers_with_the_same_bits(
    chance: tuple[Trainer, Matrix], amount: tuple[Trainer, Matrix], model: str, tmp_path: Path
) -> None:
    for t, matrix in (chance, amount):
        predictor = t.fit(model, END)
        card = predictor.save(tmp_path / t.task.name, {"auc": 0.5}, {"footfall": "1"})
        again = Predictor.load(tmp_path / t.task.name, t.task)
        one, two = predictor.predict(matrix), again.predict(matrix)
        np.testing.assert_array_equal(one.value, two.value)
        np.testing.assert_array_equal(one.upper, two.upper)
        np.testing.assert_array_equal(predictor.learner.contributions(matrix), again.learner.contributions(matrix))
        assert (again.trained, again.caution, again.model) == (predictor.trained, predictor.caution, model)
        assert (card["task"], card["model"], card["metrics"]) == (t.task.name, model, {"auc": 0.5})
        files = [p for p in (tmp_path / t.task.name).rglob("*") if p.is_file()]
        assert {p.suffix for p in files} <= {".json", ".txt", ".npz"}, "no pickle"


def test_a_saved_predictor_answers_its_own_question_only(chance: tuple[Trainer, Matrix], tmp_path: Path) -> None:
    t, _ = chance
    t.fit("baseline", END).save(tmp_path / "m")
    with pytest.raises(FootfallError, match="answers another question; fit buy-7d again"):
        Predictor.load(tmp_path / "m", replace(BUY, horizon="14d"))
    with pytest.raises(FootfallError, match="holds no saved model of buy-7d; fit it again"):
        Predictor.load(tmp_path / "none", BUY)
    with pytest.raises(FootfallError, match="holds no saved model"):
        Learner.load(tmp_path / "none")
    (tmp_path / "m" / "card.json").write_text("{", encoding="utf-8")
    with pytest.raises(FootfallError, match="holds no saved model of buy-7d"):
        Predictor.load(tmp_path / "m", BUY)


# --- what was not known yet -------------------------------------------------------------------------------


def test_nothing_at_or_after_the_instant_reaches_a_fit() -> None:
    """Orders that happen, or become known, from day 106 on are changed: the predictor for day 106 is the same."""
    found = []
    for touched in (False, True):
        engine = DuckDBEngine(threads=2)
        seeded_shop(engine, customers=120)
        if touched:
            engine.execute(f"update facts.orders set amount = amount * 7 where occurred_at >= timestamp '{day(106)}'")
            engine.execute(
                "insert into facts.orders (order_id, amount, source, source_customer_id, occurred_at, known_at) "
                f"select 'late' || i, 50, 'seeded', 'c' || i, timestamp '{day(101)}', timestamp '{day(106)}' "
                "from range(120) x(i)"
            )
            refresh_known(engine)
        t = trainer(engine, BUY, SETTINGS)
        predictor = t.fit("boosted", day(106))
        found.append((predictor, t.table.matrix(BUY, [day(106)], target=False)))
    (one, matrix), (two, _) = found
    assert one.trained == two.trained
    np.testing.assert_array_equal(one.predict(matrix).value, two.predict(matrix).value)
    np.testing.assert_array_equal(one.predict(matrix).upper, two.predict(matrix).upper)


def test_a_test_whose_outcome_is_not_over_is_refused(chance: tuple[Trainer, Matrix]) -> None:
    with pytest.raises(FootfallError, match=r"buy-7d at 2024-04-30 ends on 2024-05-07, after the data"):
        chance[0].test(END)


# --- little data ------------------------------------------------------------------------------------------


def little(times: dict[str, list[int]], days: int = 60) -> DuckDBEngine:
    """A shop of these customers' order days; `days` are closed by an order of 'last'."""
    engine = DuckDBEngine(threads=1)
    create_tables(engine)
    rows = [(c, d) for c, ds in {**times, "last": [0, days - 1]}.items() for d in ds]
    for n, (customer, number) in enumerate(rows):
        moment = day(number) + timedelta(hours=12)
        engine.execute(
            "insert into facts.orders (order_id, amount, source, source_customer_id, occurred_at, known_at) "
            "values (?, 10, 'little', ?, ?, ?)",
            [f"o{n}", customer, moment, moment],
        )
    publish_views(engine)
    refresh_known(engine)
    return engine


def answered(engine: DuckDBEngine, task: Task, model: str, at: datetime | None = None) -> tuple[Predictor, np.ndarray]:
    t = trainer(engine, task)
    at = at or t.clock.end
    predictor = t.fit(model, at)
    answers = predictor.predict(t.table.matrix(task, [at], target=False))
    assert np.isfinite(np.column_stack([answers.value, answers.lower, answers.upper])).all()
    assert (answers.lower <= answers.value).all() and (answers.value <= answers.upper).all()
    return predictor, np.column_stack([answers.value, answers.lower, answers.upper])


@pytest.mark.parametrize("model", MODELS)
def test_five_customers_are_answered_with_caution_and_a_wide_interval(model: str) -> None:
    engine = little({f"c{i}": [i, 20 + i, 40 + i] for i in range(4)})
    predictor, found = answered(engine, BUY, model)
    assert predictor.caution.startswith("learnt from only 5 customers and ")
    assert "take the interval seriously" in predictor.caution
    assert len(found) == 5
    assert (found[:, 2] - found[:, 1]).mean() > 0.2


@pytest.mark.parametrize("model", MODELS)
def test_nobody_ever_bought_again_is_a_small_chance_not_none(model: str) -> None:
    engine = little({f"c{i}": [0] for i in range(12)})
    task = replace(BUY, name="buy-15d", horizon="15d")
    predictor, found = answered(engine, task, model, day(45))
    assert predictor.trained.positives == 0
    assert predictor.caution
    assert (found[:, 0] > 0).all() and (found[:, 0] < 0.15).all()
    assert (found[:, 2] > 0).all() and (found[:, 2] < 0.5).all()


@pytest.mark.parametrize("model", MODELS)
def test_nobody_spent_anything_is_an_amount_of_nearly_nothing(model: str) -> None:
    engine = little({f"c{i}": [0] for i in range(12)})
    _, found = answered(engine, replace(SPEND, name="spend-15d", horizon="15d"), model, day(45))
    assert (found[:, 0] < 1).all()


@pytest.mark.parametrize("model", MODELS)
def test_one_cutoff_is_enough_to_learn_from(model: str) -> None:
    engine = little({f"c{i}": [i % 7, 15 + i] for i in range(10)}, days=36)
    task = replace(BUY, name="buy-2w", horizon="20d")
    predictor, _ = answered(engine, replace(task, name="buy-20d"), model)
    assert len(predictor.trained.cutoffs) == 1
    assert predictor.trained.calibrated_on == "the training rows, customers held out in turn"
    assert predictor.caution


def test_an_empty_population_says_so() -> None:
    engine = little({"c1": [3]})
    task = Task("web-7d", "customer", orders.any(), "7d", among=orders.where(channel="web").any().past())
    with pytest.raises(FootfallError, match=r"web-7d: nobody belongs to its population before 2024-03-01"):
        trainer(engine, task).fit("boosted", day(60))
