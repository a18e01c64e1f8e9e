"""BG/NBD and gamma-gamma: the published figures, the true parameters of made-up shops, and the model around them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from footfall.engine import DuckDBEngine
from footfall.errors import UsageError
from footfall.models import bgnbd
from footfall.models.bgnbd import Bgnbd, Histories, Rates, Values, fit_rates, fit_values, histories
from footfall.models.contract import mean_of
from footfall.tabular import Learner
from footfall.tabular.history import told
from footfall.tabular.learner import mean_learner
from footfall.tasks import Task, find_task
from footfall.windows import lines, orders
from seeded_shop import SMALL, SPEND, day, seeded_shop, trainer

PUBLISHED = Rates(0.243, 4.414, 0.793, 2.426)
"""CDNOW, 1/10 sample, weeks (Fader, Hardie and Lee 2005, table 2)."""
TRUE = Rates(0.6, 6.0, 0.9, 2.5)
WEEKS, AHEAD = 52, 8.0
NAMES = ["noise", "frequency", "recency", "tenure", "money"]
ROLES = {"frequency": "frequency", "recency": "recency", "tenure": "tenure", "horizon": AHEAD * 7.0}
MONEY = {**ROLES, "measure": "money"}


def made_up(n: int, seed: int = 0, rates: Rates = TRUE) -> dict[str, Any]:
    """Customers who buy and leave as the model says: histories in weeks, and what they then buy."""
    dice = np.random.default_rng(seed)
    age = dice.integers(1, WEEKS * 7, n) / 7.0
    pace, leave = dice.gamma(rates.r, 1 / rates.alpha, n), dice.beta(rates.a, rates.b, n)
    worth = 3.0 / dice.gamma(4.0, 1.0 / 40.0, n)
    x, last, later, spent, then = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    for i in range(n):
        at = 0.0
        spent[i] = dice.gamma(3.0, worth[i] / 3.0)
        while True:
            at += dice.exponential(1 / pace[i]) if pace[i] > 1e-12 else 1e9
            if at > age[i] + AHEAD:
                break
            money = dice.gamma(3.0, worth[i] / 3.0)
            if at <= age[i]:
                x[i], last[i], spent[i] = x[i] + 1, at, spent[i] + money
            else:
                later[i], then[i] = later[i] + 1, then[i] + money
            if dice.random() < leave[i]:
                break
    last = np.ceil(last * 7) / 7
    X = np.column_stack([dice.normal(size=n), x + 1, (age - last) * 7, age * 7, spent])
    return {"x": x, "last": last, "age": age, "later": later, "then": then, "X": X}


@pytest.fixture(scope="module")
def shop() -> dict[str, Any]:
    return made_up(12_000)


def test_the_published_example_comes_out():
    one = [np.array([v]) for v in (2.0, 30.43, 38.86)]
    assert PUBLISHED.expected(*one, 39.0)[0] == pytest.approx(1.226, abs=0.001)


def test_the_published_parameters_come_out_of_the_published_sample():
    data = pytest.importorskip("lifetimes.datasets").load_cdnow_summary()
    x, last, age = (np.asarray(data[c], dtype=float) for c in ("frequency", "recency", "T"))
    found = fit_rates(histories(x, last, age))
    for name in ("r", "alpha", "a", "b"):
        assert getattr(found, name) == pytest.approx(getattr(PUBLISHED, name), rel=0.005), name


def test_agrees_with_lifetimes():
    lifetimes = pytest.importorskip("lifetimes")
    data = pytest.importorskip("lifetimes.datasets").load_cdnow_summary_data_with_monetary_value()
    data = data[data["monetary_value"] > 0]
    n, mean = (np.asarray(data[c], dtype=float) for c in ("frequency", "monetary_value"))
    peer = lifetimes.GammaGammaFitter().fit(n, mean)
    ours = fit_values(n, mean)
    assert [ours.p, ours.q, ours.g * ours.unit] == pytest.approx([6.25, 3.74, 15.44], rel=0.02)  # as published
    theirs = peer.conditional_expected_average_profit(n, mean)
    assert ours.expected(n, mean) == pytest.approx(np.asarray(theirs), rel=0.005)
    often = lifetimes.BetaGeoFitter()
    often.params_ = dict(vars(PUBLISHED))
    x, last, age = np.array([0.0, 1.0, 5.0, 20.0]), np.array([0.0, 3.0, 30.0, 38.0]), np.array([38.0, 38.0, 40.0, 39.0])
    expected = often.conditional_expected_number_of_purchases_up_to_time(13.0, x, last, age)
    assert PUBLISHED.expected(x, last, age, 13.0) == pytest.approx(np.asarray(expected), rel=1e-9)
    active = np.asarray(often.conditional_probability_alive(x, last, age)).ravel()
    assert PUBLISHED.active(x, last, age) == pytest.approx(active, rel=1e-9)


def test_slopes_of_the_likelihood_are_its_slopes(shop: dict[str, Any]):
    h = histories(shop["x"], shop["last"], shop["age"], None, shop["later"] > 0)
    at, step = np.array([0.4, 5.0, 0.7, 2.0]), 1e-6
    _, slope = bgnbd._likelihood(Rates(*at), h, AHEAD)
    for i in range(4):
        up, down = at.copy(), at.copy()
        up[i], down[i] = up[i] + step, down[i] - step
        rise = bgnbd._likelihood(Rates(*up), h, AHEAD)[0] - bgnbd._likelihood(Rates(*down), h, AHEAD)[0]
        assert slope[i] == pytest.approx(rise / (2 * step), rel=1e-4, abs=1e-2)


@pytest.mark.parametrize("known", ["histories", "answers", "both"])
def test_the_true_parameters_are_found(shop: dict[str, Any], known: str):
    h = histories(shop["x"], shop["last"], shop["age"], None, None if known == "histories" else shop["later"] > 0)
    if known == "answers":
        h = Histories(h.x, h.last, h.age, np.zeros_like(h.seen), h.bought, h.not_bought)
    found = fit_rates(h, AHEAD)
    assert found.r / found.alpha == pytest.approx(TRUE.r / TRUE.alpha, rel=0.2)
    assert found.a / (found.a + found.b) == pytest.approx(TRUE.a / (TRUE.a + TRUE.b), abs=0.06)
    three = shop["x"], shop["last"], shop["age"]
    assert np.abs(found.any(*three, AHEAD) - TRUE.any(*three, AHEAD)).mean() < 0.01


def test_chances_and_expectations_are_those_of_the_customers_made_up(shop: dict[str, Any]):
    three = shop["x"], shop["last"], shop["age"]
    often, any_ = TRUE.expected(*three, AHEAD), TRUE.any(*three, AHEAD)
    assert often.mean() == pytest.approx(shop["later"].mean(), rel=0.06)
    assert any_.mean() == pytest.approx((shop["later"] > 0).mean(), abs=0.01)
    assert (often >= any_ - 1e-12).all()
    for few in (shop["x"] == 0, shop["x"] == 1, shop["x"] > 3):
        assert often[few].mean() == pytest.approx(shop["later"][few].mean(), rel=0.15)
        assert any_[few].mean() == pytest.approx((shop["later"][few] > 0).mean(), abs=0.03)


def test_extremes_stay_numbers():
    x, last, age = np.array([0.0, 1.0, 900.0, 5.0]), np.array([0.0, 0.0, 99.0, 0.1]), np.array([0.0, 0.0, 100.0, 900.0])
    for rates in (PUBLISHED, replace(PUBLISHED, a=1.0), replace(PUBLISHED, a=800.0, b=8000.0)):
        often = rates.expected(x, last, age, 50.0)
        assert np.isfinite(often).all() and (often >= -1e-12).all()
    near = replace(PUBLISHED, a=1.0 + 1e-4), replace(PUBLISHED, a=1.0)  # the formula has a gap there, the truth none
    assert near[0].expected(x, last, age, 5.0) == pytest.approx(near[1].expected(x, last, age, 5.0), rel=1e-3)


def test_equal_histories_are_counted_once_and_weights_repeat():
    x, last, age = np.array([1.0, 0.0, 1.0]), np.array([2.0, 0.0, 2.0]), np.array([5.0, 5.0, 5.0])
    h = histories(x, last, age, [1.0, 2.0, 3.0], [True, False, False])
    assert h.x.tolist() == [0.0, 1.0] and h.seen.tolist() == [2.0, 4.0]
    assert h.bought.tolist() == [0.0, 1.0] and h.not_bought.tolist() == [2.0, 3.0]
    assert len(histories([], [], []).x) == 0


def test_values_of_purchases_are_found(shop: dict[str, Any]):
    n = shop["x"] + 1
    found = fit_values(n, shop["X"][:, 4] / n)
    assert found.p == pytest.approx(3.0, rel=0.1)
    assert found.expected(np.array([0.0]), np.array([0.0]))[0] == pytest.approx(40.0, rel=0.05)
    assert found.expected(np.array([1e6]), np.array([70.0]))[0] == pytest.approx(70.0, rel=0.01)
    nobody = fit_values(np.zeros(3), np.zeros(3))
    assert np.isfinite(nobody.expected(np.ones(1), np.ones(1))).all() and isinstance(nobody, Values)


def fitted(kind: str, data: dict[str, Any], **settings: Any) -> Bgnbd:
    y = data["then"] if "measure" in settings and settings["measure"] == "money" else data["later"]
    return Bgnbd(kind, **settings).fit(data["X"], y if kind == "amount" else (data["later"] > 0) * 1.0, features=NAMES)


CASES = [("chance", ROLES), ("amount", ROLES), ("amount", MONEY), ("amount", {**ROLES, "measure": "frequency"})]
each = pytest.mark.parametrize(("kind", "settings"), CASES, ids=["chance", "unknown unit", "money", "purchases"])


@each
def test_answers_of_later_customers_come_true(shop: dict[str, Any], kind: str, settings: dict[str, Any]):
    model, later = fitted(kind, shop, **settings), made_up(6000, 1)
    said = model.predict(later["X"])
    came = later["then"] if settings.get("measure") == "money" else later["later"]
    came = (came > 0) * 1.0 if kind == "chance" else came
    assert said.sum() == pytest.approx(came.sum(), rel=0.08)
    best = TRUE.any if kind == "chance" else TRUE.expected
    truth = best(later["x"], later["last"], later["age"], AHEAD)
    if settings.get("measure") != "money":
        assert np.corrcoef(said, truth)[0, 1] > 0.995
    assert np.corrcoef(said, came)[0, 1] > np.corrcoef(truth, came)[0, 1] - 0.005
    assert ((came - said) ** 2).mean() < 0.85 * came.var()


@each
def test_keeps_the_contract_with_a_history(shop: dict[str, Any], kind: str, settings: dict[str, Any], tmp_path: Path):
    some = {k: v[:1500].copy() for k, v in shop.items()}
    some["X"][:40, 1:] = np.nan  # never bought
    some["X"][40:50, 4] = np.inf
    model, again = fitted(kind, some, **settings), fitted(kind, some, **settings)
    X = some["X"]
    p = model.predict(X)
    assert np.isfinite(p).all() and (p >= 0).all()
    assert (again.predict(X) == p).all()
    assert (np.concatenate([model.predict(X[i : i + 1]) for i in range(30, 60)]) == p[30:60]).all()
    parts = model.contributions(X)
    raw = parts.sum(axis=1)
    assert np.allclose(1 / (1 + np.exp(-raw)) if kind == "chance" else np.exp(raw), p, rtol=1e-9)
    assert np.ptp(parts[:, -1]) == 0 and (parts[50:, 0] == 0).all()
    assert np.abs(parts[50:, 1]).mean() > 0.1 and np.abs(parts[50:, 2]).mean() > 0.1
    model.save(tmp_path / "m")
    loaded = Bgnbd.load(tmp_path / "m")
    assert (loaded.predict(X) == p).all() and (loaded.contributions(X) == parts).all()
    assert {f.suffix for f in (tmp_path / "m").iterdir()} <= {".json", ".npz"}
    times = np.random.default_rng(2).integers(0, 3, len(X))
    y = (some["later"] > 0) * 1.0 if kind == "chance" else some["later"]
    weighed = Bgnbd(kind, **settings).fit(X, y, times, features=NAMES).predict(X)
    repeated = Bgnbd(kind, **settings).fit(np.repeat(X, times, 0), np.repeat(y, times), features=NAMES).predict(X)
    assert np.allclose(weighed, repeated, rtol=1e-3)


@each
@pytest.mark.parametrize("rows", ["one customer", "nobody came back", "nobody ever bought", "all bought again"])
def test_poor_data_gives_an_answer(shop: dict[str, Any], kind: str, settings: dict[str, Any], rows: str):
    X, y = shop["X"].copy(), shop["later"].copy()
    keep = {"one customer": slice(0, 1), "nobody came back": shop["x"] == 0}.get(rows, slice(0, 200))
    X, y = X[keep], y[keep]
    if rows == "nobody came back":
        y[20:] = 0.0
    if rows == "nobody ever bought":
        X[:, 1:] = np.nan
    if rows == "all bought again":
        y[:] = 1.0
    answers = (y > 0) * 1.0 if kind == "chance" else y
    said = Bgnbd(kind, **settings).fit(X, answers, features=NAMES).predict(X)
    assert np.isfinite(said).all()
    # One row says little, and money is told from the measure, not from the answers.
    if rows != "one customer" and settings.get("measure") != "money":
        assert said.mean() == pytest.approx(answers.mean(), abs=0.08)


def test_the_chance_of_none_is_the_rest(shop: dict[str, Any]):
    bought = (shop["later"] > 0) * 1.0
    some = Bgnbd("chance", **ROLES).fit(shop["X"], bought, features=NAMES).predict(shop["X"])
    none = Bgnbd("chance", none=True, **ROLES).fit(shop["X"], 1 - bought, features=NAMES).predict(shop["X"])
    assert np.allclose(some + none, 1.0, atol=1e-9)


def test_another_horizon_is_asked_of_the_same_fit(shop: dict[str, Any]):
    model = fitted("amount", shop, **ROLES, measure="frequency")
    near, far = model.predict(shop["X"]), model.over(7 * AHEAD * 3).predict(shop["X"])
    assert (far > near).all() and (far < 3 * near).all(), "more in three times the time, but customers leave"
    assert (model.over(7 * AHEAD).predict(shop["X"]) == near).all()


def test_settings_that_name_no_feature_are_told(shop: dict[str, Any]):
    with pytest.raises(UsageError, match=r"no feature 'tenur'.*did you mean 'tenure'"):
        Bgnbd("chance", **{**ROLES, "tenure": "tenur"}).fit(shop["X"], shop["later"] > 0, features=NAMES)


HISTORY = ["orders_day_nunique", "orders_recency", "orders_tenure", "orders_amount_sum", "orders_count"]


def test_a_task_tells_what_the_model_asks():
    buy, churn = told(find_task("buy-30d"), HISTORY), told(find_task("churn-90d"), HISTORY)
    assert (buy["horizon"], buy["frequency"], buy["none"], buy["histories"]) == (30.0, HISTORY[0], False, True)
    assert (churn["none"], churn["histories"]) == (True, False), "chosen by what they bought within a year"
    assert told(find_task("spend-90d"), HISTORY)["measure"] == "orders_amount_sum"
    count = Task("n-30d", "customer", orders.count(), "30d")
    assert told(count, HISTORY)["measure"] == "orders_count"
    assert told(count, HISTORY[1:]) == {}, "a feature is not there"
    assert told(find_task("buy-category-30d"), HISTORY) == {}
    assert told(Task("r-30d", "customer", lines.where(kind="return").any(), "30d"), HISTORY) == {}
    large = Task("large-30d", "customer", orders.where("amount", ">", 9).any(), "30d")
    assert told(large, HISTORY) == {}
    assert told(Task("mean-30d", "customer", orders.mean("amount"), "30d"), HISTORY) == {}


def test_a_mean_of_models_is_named_by_a_plus():
    assert mean_of("boosted+bgnbd") == ("boosted", "bgnbd") and mean_of("boosted") == ("boosted",)
    with pytest.raises(UsageError, match="did you mean 'bgnbd'"):
        mean_of("boosted+bgnb")
    with pytest.raises(UsageError, match="twice"):
        mean_of("boosted+boosted")


@pytest.mark.parametrize("task", [Task("buy-7d", "customer", orders.any(), "7d", among=orders.any().past()), SPEND])
def test_a_trainer_fits_it_and_the_mean(task: Task, tmp_path: Path):
    engine = DuckDBEngine(threads=1)
    seeded_shop(engine, customers=300)
    t = trainer(engine, task, SMALL)
    t.warm(["boosted+bgnbd", "boosted"], [day(120)])
    assert {m for m, _ in t.learners} == {"boosted", "bgnbd"}, "the mean is learnt of what is learnt already"
    matrix = t.table.matrix(task, [day(120)], target=False)
    one = {m: t.fit(m, day(120)) for m in ("boosted", "bgnbd", "boosted+bgnbd")}
    both = one["boosted+bgnbd"].learner
    raw = {m: p.learner.predict(matrix) for m, p in one.items()}
    scale = (lambda p: np.log(p / (1 - p))) if task.kind == "chance" else np.log
    middle = (scale(raw["boosted"]) + scale(raw["bgnbd"])) / 2
    assert np.allclose(scale(raw["boosted+bgnbd"]), middle, atol=1e-6)
    assert np.allclose(both.contributions(matrix).sum(axis=1), middle, atol=1e-5)
    assert one["boosted+bgnbd"].model == "boosted+bgnbd"
    both.save(tmp_path)
    assert (Learner.load(tmp_path).predict(matrix) == raw["boosted+bgnbd"]).all()
    assert mean_learner([one["boosted"].learner]) is one["boosted"].learner
    inner = one["bgnbd"].learner
    model = inner.chance if task.kind == "chance" else inner.amount
    assert isinstance(model, Bgnbd) and model._rates is not None, "the shop's features tell the history"
    often = np.array([int(c[1:]) % 4 == 0 for c in matrix.table.column("customer_id").to_pylist()])
    # In money the others come dearer: 14 days hold 42 of one and 14 of the other.
    said = one["bgnbd"].predict(matrix).value
    assert said[often].mean() > (2.0 if task.kind == "chance" else 1.4) * said[~often].mean()
    losses = {m: t.rehearsed_loss(m, day(120)) for m in ("baseline", "bgnbd", "boosted+bgnbd")}
    assert all(np.isfinite(v) and v > 0 for v in losses.values())
    if task.kind == "chance":
        assert losses["bgnbd"] < losses["baseline"]
    engine.close()
