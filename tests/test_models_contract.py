"""The contract of `footfall.models`, on every model and kind; a new model is tested by being there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from footfall.errors import FootfallError, UsageError
from footfall.models import find_model, model_names

CASES = [(name, kind) for name in model_names() for kind in sorted(find_model(name).kinds)]
FEATURES = ["recency", "orders", "spend", "noise"]
each_model = pytest.mark.parametrize(("name", "kind"), CASES, ids=[f"{n}-{k}" for n, k in CASES])


def toy(kind: str, n: int = 3000, seed: int = 0) -> tuple[Any, Any, Any]:
    """Features, answers and the true chance or expectation: it falls with recency, by a known curve."""
    dice = np.random.default_rng(seed)
    recency = dice.exponential(60.0, n)
    orders = dice.poisson(3.0, n).astype(float)
    spend = np.exp(dice.normal(4.0, 1.0, n))
    X = np.column_stack([recency, orders, spend, dice.normal(size=n)])
    chance = 1.0 / (1.0 + np.exp(recency / 30.0 - 1.0))
    bought = dice.random(n) < chance
    if kind == "chance":
        return X, bought.astype(float), chance
    return X, bought * dice.gamma(2.0, 20.0, n), chance * 40.0


def made(name: str, kind: str, **settings: Any) -> Any:
    if name == "baseline":
        settings = {"feature": "recency", **settings}
    return find_model(name)(kind, seed=3, **settings)


def test_every_model_is_found_under_its_own_name():
    assert {"baseline", "boosted", "logistic"} <= set(model_names())
    assert all(find_model(name).name == name for name in model_names())
    with pytest.raises(UsageError, match="did you mean 'boosted'"):
        find_model("bosted")


@each_model
def test_learns_a_toy_whose_answer_is_known(name: str, kind: str):
    X, y, _ = toy(kind)
    later, came, truth = toy(kind, seed=1)
    p = made(name, kind).fit(X, y, features=FEATURES).predict(later)
    assert np.corrcoef(p, truth)[0, 1] > 0.93
    assert abs(p.sum() / truth.sum() - 1.0) < 0.08
    assert np.mean((p - came) ** 2) < 0.85 * np.mean((y.mean() - came) ** 2) or kind == "amount"
    assert np.mean((p - truth) ** 2) < 0.15 * np.var(truth)


@each_model
def test_missing_constant_and_infinite_values_do_no_harm(name: str, kind: str):
    X, y, truth = toy(kind)
    holes = np.random.default_rng(5).random(len(X)) < 0.3
    X[holes, 0] = np.nan
    X = np.column_stack([X, np.full(len(X), np.nan), np.full(len(X), 7.0)])
    X[0, 2] = np.inf
    names = [*FEATURES, "never", "always"]
    model = made(name, kind).fit(X, y, features=names)
    p = model.predict(X)
    assert np.isfinite(p).all() and (p >= 0).all()
    assert np.corrcoef(p[~holes], truth[~holes])[0, 1] > 0.9
    assert abs(p[holes].mean() / truth[holes].mean() - 1.0) < 0.1
    parts = model.contributions(X)
    assert np.isfinite(parts).all() and (parts[:, 5] == 0).all() and (parts[:, 4] == 0).all()


@each_model
@pytest.mark.parametrize("n", [1, 2, 3, 5, 20, 60, 150])
def test_few_rows_never_crash_and_stay_near_the_mean(name: str, kind: str, n: int):
    X, y, _ = toy(kind, n)
    model = made(name, kind).fit(X, y, features=FEATURES)
    p = model.predict(toy(kind, 50, seed=9)[0])
    assert np.isfinite(p).all() and (p >= 0).all()
    if kind == "chance":
        assert (p > 0).all() and (p < 1).all()


@each_model
@pytest.mark.parametrize("answer", [0.0, 1.0])
def test_one_answer_only_gives_a_constant_near_it(name: str, kind: str, answer: float):
    X, y, _ = toy(kind, 400)
    p = made(name, kind).fit(X, np.full_like(y, answer), features=FEATURES).predict(X)
    assert np.ptp(p) < 1e-3
    if kind == "chance":
        assert 0 < p[0] < 1
    assert abs(p[0] - answer) < 0.01


@each_model
def test_no_features_give_the_mean(name: str, kind: str):
    X, y, _ = toy(kind, 500)
    model = find_model(name)(kind).fit(X[:, :0], y, features=[])
    assert np.allclose(model.predict(X[:, :0]), y.mean(), rtol=0.01)
    assert model.contributions(X[:, :0]).shape == (500, 1)


@each_model
def test_weights_stand_for_repeated_rows(name: str, kind: str):
    X, y, _ = toy(kind, 1500)
    times = np.random.default_rng(2).integers(0, 4, len(y))
    plain = {"bags": 1, "row_share": 1.0, "feature_share": 1.0, "min_leaf": 20} if name == "boosted" else {}
    weighed = made(name, kind, **plain).fit(X, y, times.astype(float), features=FEATURES).predict(X)
    repeated = made(name, kind, **plain).fit(np.repeat(X, times, 0), np.repeat(y, times), features=FEATURES).predict(X)
    unweighed = made(name, kind, **plain).fit(X, y, features=FEATURES).predict(X)
    # Trees count rows, not weights, when they place bin borders and judge small leaves: near, not equal.
    far = np.abs(weighed - repeated).mean() / np.abs(unweighed - repeated).mean()
    assert far < (0.75 if name == "boosted" else 0.02), far


@each_model
def test_saved_and_loaded_predicts_the_same_bits(name: str, kind: str, tmp_path: Path):
    X, y, _ = toy(kind, 800)
    X[::7, 0] = np.nan
    model = made(name, kind).fit(X, y, features=FEATURES)
    model.save(tmp_path / "model")
    again = find_model(name).load(tmp_path / "model")
    assert again.kind == kind and again.scale == model.scale
    assert (again.predict(X) == model.predict(X)).all()
    assert (again.contributions(X) == model.contributions(X)).all()
    kept = sorted(p.suffix for p in (tmp_path / "model").iterdir())
    assert kept and set(kept) <= {".json", ".npz", ".txt"}
    again.save(tmp_path / "twice")
    for file in (tmp_path / "model").glob("*.json"):
        assert file.read_bytes() == (tmp_path / "twice" / file.name).read_bytes()


@each_model
def test_two_fits_give_the_same_bits(name: str, kind: str):
    X, y, _ = toy(kind, 2000)
    one, two = (made(name, kind).fit(X, y, features=FEATURES).predict(X) for _ in range(2))
    assert (one == two).all()


@each_model
def test_a_row_is_scored_alone_as_in_company(name: str, kind: str):
    X, y, _ = toy(kind, 700)
    model = made(name, kind).fit(X, y, features=FEATURES)
    alone = np.concatenate([model.predict(X[i : i + 1]) for i in range(40)])
    assert (alone == model.predict(X)[:40]).all()
    assert len(model.predict(X[:0])) == 0 and model.contributions(X[:0]).shape == (0, 5)


@each_model
def test_contributions_add_up_to_the_raw_score(name: str, kind: str):
    X, y, _ = toy(kind, 1500)
    model = made(name, kind).fit(X, y, features=FEATURES)
    parts = model.contributions(X[:300])
    assert parts.shape == (300, 5)
    raw = parts.sum(axis=1)
    back = {"log-odds": lambda z: 1 / (1 + np.exp(-z)), "log": np.exp, "linear": lambda z: np.maximum(z, 0)}
    assert np.allclose(back[model.scale](raw), model.predict(X[:300]), rtol=1e-6, atol=1e-12)
    assert np.allclose(parts[:, -1], parts[0, -1])  # one base for all
    assert np.abs(parts[:, 0]).mean() > 3 * np.abs(parts[:, 3]).mean()  # recency matters, noise does not


@each_model
def test_wrong_calls_say_what_is_wrong_in_one_line(name: str, kind: str, tmp_path: Path):
    X, y, _ = toy(kind, 50)
    with pytest.raises(UsageError, match="no kind 'chanse'"):
        find_model(name)("chanse")
    with pytest.raises(UsageError, match="no setting 'treees'"):
        find_model(name)(kind, treees=3)
    bad = [
        (X[:0], y[:0], None, "no row"),
        (X, y[:-1], None, "do not match"),
        (X, y, -np.ones(50), "not negative"),
        (X, np.where(y == y[0], np.nan, y), None, "missing or infinite"),
        (X[:, 0], y, None, "matrix"),
    ]
    if kind == "chance":
        bad.append((X, y + 1.0, None, "0 and 1"))
    for features, answers, weight, words in bad:
        with pytest.raises(FootfallError, match=words):
            find_model(name)(kind).fit(features, answers, weight)
    model = made(name, kind).fit(X, y, features=FEATURES)
    with pytest.raises(FootfallError, match="4 features and was given 3"):
        model.predict(X[:, :3])
    with pytest.raises(FootfallError, match="no saved model"):
        find_model(name).load(tmp_path / "nowhere")
