"""Several models as one: names that are read, weights that find who is right, and nothing learnt from the test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from footfall.engine import DuckDBEngine
from footfall.errors import UsageError
from footfall.models.contract import logit, sigmoid
from footfall.tables import refresh_known
from footfall.tabular import Learner, Matrix, Predictor, Trainer
from footfall.tabular.blend import (
    BUYERS,
    VOTERS,
    Blend,
    Said,
    blend_of,
    combined,
    cross_weighted,
    learn_weights,
    mean_of_parts,
)
from footfall.tasks import Task
from footfall.windows import orders
from seeded_shop import BUY, SMALL, SPEND, day, seeded_shop, trainer

END = day(120)
SETTINGS = replace(SMALL, workers=2)
STACK, VOTE = "stacking:logistic+boosted", "voting:logistic+boosted"


def prepared(task: Task, customers: int = 200, tests: int = 0) -> Trainer:
    engine = DuckDBEngine(threads=2)
    seeded_shop(engine, customers=customers)
    return trainer(engine, task, SETTINGS, tests=tests)


@pytest.fixture(scope="module", params=[BUY, SPEND], ids=lambda t: t.name)
def fitted(request: pytest.FixtureRequest) -> tuple[Trainer, Matrix]:
    t = prepared(request.param)
    return t, t.table.matrix(t.task, [END], target=False)


# --- names ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "members", "weighted"),
    [
        ("boosted", ("boosted",), False),
        ("boosted+bgnbd", ("boosted", "bgnbd"), False),
        ("voting", VOTERS, False),
        ("voting:logistic+boosted", ("logistic", "boosted"), False),
        ("stacking", VOTERS, True),
        ("stacking:tuned:boosted+logistic", ("tuned:boosted", "logistic"), True),
        ("tuned:boosted", ("tuned:boosted",), False),
    ],
)
def test_names_are_read(name: str, members: tuple[str, ...], weighted: bool) -> None:
    assert blend_of(name) == Blend(name, members, weighted)
    assert blend_of(name).single == (len(members) == 1)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("votting", "there is no model 'votting'; did you mean 'voting'"),
        ("stacking:bosted+logistic", "there is no model 'bosted'; did you mean 'boosted'"),
        ("voting:boosted", "'voting:boosted' names one model; voting takes at least two"),
        ("boosted+boosted", "says a model twice"),
        ("stacking:", "there is no model ''"),
    ],
)
def test_a_wrong_name_is_told(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        blend_of(name)


def test_who_votes_suits_the_question(fitted: tuple[Trainer, Matrix]) -> None:
    t, _ = fitted
    assert t.blend("voting").members == t.blend("stacking").members == BUYERS
    web = Task("web-7d", "customer", orders.where(channel="web").any(), "7d", among=orders.any().past())
    assert Trainer(t.table, web, t.clock, t.settings, t.anchor).blend("voting").members == VOTERS
    assert t.blend("voting:tree+boosted").members == ("tree", "boosted")


# --- weights ----------------------------------------------------------------------------------------------


def said(kind: str, noise: tuple[float, ...], n: int = 4000, seed: int = 3) -> Said:
    """Outcomes of a known score, and members that see it through `noise` each; three periods, two origins."""
    dice = np.random.default_rng(seed)
    true = dice.normal(-1.0, 1.0, n)
    each = [true + dice.normal(0.0, s, n) for s in noise]
    if kind == "chance":
        y = (dice.random(n) < sigmoid(true)).astype(np.float64)
        told = tuple(sigmoid(z) for z in each)
    else:
        y = dice.poisson(np.exp(true)) * 10.0
        told = tuple(10 * np.exp(z) for z in each)
    period = np.arange(n) % 3
    return Said(told, y, np.ones(n), period, np.arange(n), np.minimum(period, 1))


@pytest.mark.parametrize("kind", ["chance", "amount"])
def test_who_sees_better_weighs_more_and_noise_nothing(kind: str) -> None:
    weights = learn_weights(kind, said(kind, (0.1, 0.8, 5.0)))
    assert sum(weights) == pytest.approx(1.0)
    assert min(weights) >= 0
    assert weights[0] > 0.6 and weights[0] > weights[1] > weights[2]
    assert weights[2] < 0.05


@pytest.mark.parametrize("kind", ["chance", "amount"])
def test_equals_weigh_alike_and_few_rows_hardly_tell(kind: str) -> None:
    alike = learn_weights(kind, said(kind, (0.5, 0.5)))
    assert alike[0] == pytest.approx(0.5, abs=0.1)
    few = learn_weights(kind, said(kind, (0.1, 2.0), n=40))
    many = learn_weights(kind, said(kind, (0.1, 2.0), n=4000))
    assert 0.5 < few[0] < many[0]


def test_nothing_to_learn_from_is_equal_weights() -> None:
    one = said("chance", (0.1, 2.0), n=50)
    assert learn_weights("chance", replace(one, y=np.zeros(50))) == (0.5, 0.5)
    assert learn_weights("chance", one.take(np.zeros(50, dtype=bool))) == (0.5, 0.5)


def test_a_level_of_a_period_is_no_reason_to_weigh_a_member() -> None:
    """One period has far fewer buyers than both members say; the better one keeps its weight."""
    one = said("chance", (0.3, 1.0))
    low = np.where(one.group == 2, (np.random.default_rng(1).random(len(one.y)) < 0.3) * one.y, one.y)
    assert learn_weights("chance", replace(one, y=low))[0] == pytest.approx(learn_weights("chance", one)[0], abs=0.15)


def test_rows_of_one_customer_count_little_more_than_one() -> None:
    one = said("chance", (0.1, 2.0), n=60)
    copies = Said(
        *((tuple(np.repeat(p, 30) for p in one.each)),),
        *(np.repeat(a, 30) for a in (one.y, one.weight, one.group, one.cluster, one.origin)),
    )
    np.testing.assert_allclose(learn_weights("chance", copies), learn_weights("chance", one), atol=1e-3)


def test_each_origin_is_answered_with_weights_of_the_others() -> None:
    one = said("chance", (0.1, 1.0))
    found = cross_weighted("chance", one)
    for origin in (0, 1):
        here = one.origin == origin
        weights = learn_weights("chance", one.take(~here))
        np.testing.assert_array_equal(found[here], combined("chance", [p[here] for p in one.each], weights))
    # What happened at an origin changes nothing of what is said there.
    turned = replace(one, y=np.where(one.origin == 0, 1 - one.y, one.y))
    np.testing.assert_array_equal(cross_weighted("chance", turned)[one.origin == 0], found[one.origin == 0])


def test_a_mean_is_of_log_odds_and_of_logarithms() -> None:
    a, b = np.array([0.1, 0.9]), np.array([0.4, 0.2])
    np.testing.assert_allclose(combined("chance", [a, b]), sigmoid((logit(a) + logit(b)) / 2))
    np.testing.assert_allclose(combined("amount", [a, b], (0.25, 0.75)), a**0.25 * b**0.75)
    np.testing.assert_allclose(mean_of_parts([a, b], (0.5, 0.5)), mean_of_parts([a, b]))


# --- fitted -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [VOTE, STACK])
def test_reasons_add_up_and_members_are_learnt_once(fitted: tuple[Trainer, Matrix], model: str) -> None:
    t, matrix = fitted
    learner = t.fit(model, END).learner
    assert learner.model == model
    assert [m.model for m in learner.members] == ["logistic", "boosted"]
    p = learner.predict(matrix)
    score = logit(p) if t.task.kind == "chance" else np.log(np.maximum(p, 1e-9))
    np.testing.assert_allclose(learner.contributions(matrix).sum(axis=1), score, atol=1e-6)
    assert {m for m, _ in t.learners} == {"logistic", "boosted"}


def test_stacking_weighs_by_rehearsals_and_voting_does_not(fitted: tuple[Trainer, Matrix]) -> None:
    t, _ = fitted
    stack, vote = t.fit(STACK, END), t.fit(VOTE, END)
    assert vote.weights == {} and set(stack.weights) == {"logistic", "boosted"}
    assert sum(stack.weights.values()) == pytest.approx(1.0)
    assert list(stack.weights.values()) == list(t.weights[STACK, END])
    assert stack.weights["logistic"] != 0.5
    assert stack.trained.calibrated_on == vote.trained.calibrated_on


@pytest.mark.parametrize("model", [VOTE, STACK])
def test_a_saved_one_answers_with_the_same_bits(fitted: tuple[Trainer, Matrix], model: str, tmp_path: Path) -> None:
    t, matrix = fitted
    predictor = t.fit(model, END)
    card = predictor.save(tmp_path / "m")
    again = Predictor.load(tmp_path / "m", t.task)
    np.testing.assert_array_equal(predictor.predict(matrix).upper, again.predict(matrix).upper)
    np.testing.assert_array_equal(predictor.learner.contributions(matrix), again.learner.contributions(matrix))
    assert (again.model, again.weights, again.learner.weights) == (model, predictor.weights, predictor.learner.weights)
    assert (card["model"], card["weights"]) == (model, predictor.weights)
    files = [p for p in (tmp_path / "m").rglob("*") if p.is_file()]
    assert {p.suffix for p in files} <= {".json", ".txt", ".npz"}, "no pickle"


def test_the_mean_of_old_keeps_its_name_and_bits(fitted: tuple[Trainer, Matrix], tmp_path: Path) -> None:
    t, matrix = fitted
    plain, voted = t.fit("logistic+boosted", END), t.fit(VOTE, END)
    np.testing.assert_array_equal(plain.predict(matrix).value, voted.predict(matrix).value)
    plain.learner.save(tmp_path / "m")
    assert Learner.load(tmp_path / "m").model == plain.model == "logistic+boosted"


def test_weights_know_nothing_of_the_test_or_after() -> None:
    """What happens from the test cutoff on is turned upside down: weights and answers for it stay, to the bit."""
    found = []
    for scrambled in (False, True):
        engine = DuckDBEngine(threads=2)
        seeded_shop(engine, customers=120)
        if scrambled:
            engine.execute(
                f"delete from facts.orders where occurred_at >= timestamp '{day(106)}' and hash(order_id) % 2 = 0"
            )
            engine.execute(f"update facts.orders set amount = amount * 9 where occurred_at >= timestamp '{day(106)}'")
            refresh_known(engine)
        t = trainer(engine, BUY, SETTINGS, tests=1)
        predictor = t.fit(STACK, day(106))
        found.append((t.weights[STACK, day(106)], predictor.predict(t.table.matrix(BUY, [day(106)], target=False))))
    assert found[0][0] == found[1][0]
    np.testing.assert_array_equal(found[0][1].upper, found[1][1].upper)


def test_without_a_past_to_rehearse_in_weights_are_equal() -> None:
    t = prepared(BUY, customers=60)
    t.settings = replace(t.settings, rehearsals=0)
    predictor = t.fit(STACK, END)
    assert predictor.weights == {"logistic": 0.5, "boosted": 0.5}
    assert predictor.trained.calibrated_on == "the training rows, customers held out in turn"
