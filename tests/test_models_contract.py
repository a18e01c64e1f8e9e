"""The contract of `footfall.models`, on every model and kind; a new model is tested by being there.

A promise that a model cannot keep stands in `WEIGHTS`, with its reason.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from footfall.errors import FootfallError, UsageError
from footfall.models import find_model, model_names
from footfall.models.contract import space_of
from footfall.models.sklearn import _TRUSTED, SklearnModel

CALM = HistGradientBoostingRegressor(loss="poisson", max_iter=60, max_leaf_nodes=4, min_samples_leaf=100)
OF_OTHERS = {
    "sklearn:sklearn.linear_model:LogisticRegression": "chance",
    str(SklearnModel(CALM, "calm")): "amount",
}
OPTIONAL = {"catboost", "keras", "sklearn", "xgboost"}
CASES = [(name, kind) for name in model_names() for kind in sorted(find_model(name).kinds)] + [*OF_OTHERS.items()]
FEATURES = ["recency", "orders", "spend", "noise"]
each_model = pytest.mark.parametrize(("name", "kind"), CASES, ids=[f"{n}-{k}" for n, k in CASES])
TREES = "trees count rows, not weights, when they place bin borders and judge small leaves: near, not equal"
DRAWN = "rows are drawn to train on, and more rows are other draws: near, not equal"
WEIGHTS = {
    "boosted": TREES, "forest": TREES, "xgboost": TREES, "catboost": TREES, "keras": DRAWN,
    "tree": "splits that are worth the same but for the last bits fall either way", "sklearn:calm": TREES,
}  # fmt: skip
ALONE = {
    "sklearn:sklearn.linear_model:LogisticRegression": "another's estimator multiplies matrices, whose last bits vary"
}
"""Models for which a weight is only nearly what repeating the row is, and why."""
EVERY = {"row_share": 1.0, "feature_share": 1.0}
UNDRAWN: dict[str, dict[str, Any]] = {
    "boosted": {"bags": 1, **EVERY, "min_leaf": 20},
    "xgboost": {**EVERY, "trees": 30, "min_weight": 5.0, "depth": 3},
    "catboost": {**EVERY, "trees": 100, "depth": 2},
    "forest": {"trees": 200, "row_share": 0.9, "min_leaf": 20, "leaves": 8},
}
KEPT_AS = {".json", ".npz", ".txt", ".cbm", ".keras", ".skops"}


@pytest.mark.parametrize("name", sorted(OPTIONAL - {"sklearn"}))
def test_an_optional_model_is_here(name: str):
    if name not in model_names():
        with pytest.raises(UsageError, match=r"pip install 'footfall\["):
            find_model(name)
        pytest.skip(f"the library of the model '{name}' is not installed: its contract is not tested")


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


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small fits are done sooner by one thread than shared out, and much sooner on a busy machine."""
    with threadpool_limits(1):
        yield


def made(name: str, kind: str, **settings: Any) -> Any:
    if name == "baseline":
        settings = {"feature": "recency", **settings}
    if name == "keras":
        settings = {"bags": 1, "draws": 4, **settings}
    return find_model(name)(kind, seed=3, **settings)


@cache
def fitted(name: str, kind: str) -> tuple[Any, Any, Any]:
    """A model fitted to 1,500 rows, a seventh of which lacks recency; X and y."""
    X, y, _ = toy(kind, 1500)
    X[::7, 0] = np.nan
    return made(name, kind).fit(X, y, features=FEATURES), X, y


def kept_here(name: str) -> bool:
    """Whether the library that keeps the model is installed."""
    return name not in OF_OTHERS or find_spec("skops") is not None


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
    plain = UNDRAWN.get(name, {})
    weighed = made(name, kind, **plain).fit(X, y, times.astype(float), features=FEATURES).predict(X)
    repeated = made(name, kind, **plain).fit(np.repeat(X, times, 0), np.repeat(y, times), features=FEATURES).predict(X)
    unweighed = made(name, kind, **plain).fit(X, y, features=FEATURES).predict(X)
    if name == "keras":
        assert np.corrcoef(weighed, repeated)[0, 1] > 0.97
        return
    far = np.abs(weighed - repeated).mean() / np.abs(unweighed - repeated).mean()
    assert far < (0.75 if name in WEIGHTS else 0.02), far


@each_model
def test_saved_and_loaded_predicts_the_same_bits(name: str, kind: str, tmp_path: Path):
    if not kept_here(name):
        pytest.skip("keeping a user's estimator needs the extra `skops`")
    model, X, _ = fitted(name, kind)
    X = X[:800]
    model.save(tmp_path / "model")
    again = find_model(name).load(tmp_path / "model")
    assert again.kind == kind and again.scale == model.scale
    assert (again.predict(X) == model.predict(X)).all()
    assert (again.contributions(X) == model.contributions(X)).all()
    kept = sorted(p.suffix for p in (tmp_path / "model").iterdir())
    assert kept and set(kept) <= KEPT_AS
    again.save(tmp_path / "twice")
    for file in (tmp_path / "model").glob("*.json"):
        assert file.read_bytes() == (tmp_path / "twice" / file.name).read_bytes()


@each_model
def test_two_fits_give_the_same_bits(name: str, kind: str):
    model, X, y = fitted(name, kind)
    again = made(name, kind).fit(X, y, features=FEATURES)
    assert (model.predict(X) == again.predict(X)).all()


@each_model
def test_a_row_is_scored_alone_as_in_company(name: str, kind: str):
    model, X, _ = fitted(name, kind)
    alone = np.concatenate([model.predict(X[i : i + 1]) for i in range(40)])
    together = model.predict(X)[:40]
    assert np.allclose(alone, together, rtol=1e-12, atol=0) if name in ALONE else (alone == together).all()
    assert len(model.predict(X[:0])) == 0 and model.contributions(X[:0]).shape == (0, 5)


@each_model
def test_contributions_add_up_to_the_raw_score(name: str, kind: str):
    model, X, _ = fitted(name, kind)
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


FEWER: dict[str, dict[str, Any]] = {
    "boosted": {"bags": 1, "trees": 20},
    "forest": {"trees": 10},
    "catboost": {"trees": 20},
    "xgboost": {"trees": 20},
    "keras": {"bags": 1, "rounds": 5, "draws": 2},
    **{name: {"draws": 1} for name in OF_OTHERS},
}
"""Less work where every tree looks at ten thousand columns."""


@each_model
def test_ten_thousand_columns_are_fitted_and_few_matter(name: str, kind: str):
    n, d = (220 if name == "keras" else 60), 10_000
    X, y, _ = toy(kind, n)
    wide = np.hstack([X, np.random.default_rng(8).integers(0, 2, (n, d - 4)).astype(float)])
    names = [*FEATURES, *(f"noise_{i}" for i in range(d - 4))]
    model = made(name, kind, **FEWER.get(name, {})).fit(wide, y, features=names)
    p = model.predict(wide)
    assert p.shape == (n,) and np.isfinite(p).all() and (p >= 0).all()
    if name in OF_OTHERS:
        return  # asked twice for each of so many columns, another's estimator takes its time
    parts = model.contributions(wide[:1])
    assert parts.shape == (1, d + 1) and np.isfinite(parts).all()


@each_model
def test_one_constant_amount_or_column_is_answered_by_itself(name: str, kind: str):
    if kind == "chance":
        pytest.skip("a constant chance is one class: tested above")
    X, y, _ = toy(kind, 300)
    p = made(name, kind).fit(X, np.full(300, 41.5), features=FEATURES).predict(X)
    assert np.allclose(p, 41.5)
    same = made(name, kind).fit(np.ones((300, 4)), y, features=FEATURES)
    assert np.allclose(same.predict(np.ones((3, 4))), y.mean(), rtol=0.02)


@each_model
def test_a_category_never_seen_is_none_of_the_known_ones(name: str, kind: str):
    """The encoder gives it 0 in every column of the category."""
    dice = np.random.default_rng(12)
    X, y, _ = toy(kind, 2000)
    city = dice.integers(0, 3, 2000)
    rate = np.array([0.2, 0.8, 1.4])[city]
    y = (dice.random(2000) < rate / 2).astype(float) if kind == "chance" else y * rate
    columns = np.hstack([X, (city[:, None] == np.arange(3)).astype(float)])
    names = [*FEATURES, "city=Paris", "city=Rome", "city=Oslo"]
    model = made(name, kind).fit(columns, y, features=names)
    unseen = columns[:200].copy()
    unseen[:, 4:] = 0.0
    p = model.predict(unseen)
    assert np.isfinite(p).all() and (p >= 0).all()
    assert p.max() < 3 * model.predict(columns).max() + 1e-9
    if name not in ("baseline", "bgnbd"):  # they look at their own few features
        oslo, paris = (np.where(np.arange(7) == 6, 1.0, unseen), np.where(np.arange(7) == 4, 1.0, unseen))
        assert model.predict(oslo).mean() > 1.3 * model.predict(paris).mean()
        assert np.abs(model.contributions(columns[:100])[:, 4:7]).sum() > 0


@each_model
def test_where_a_search_may_look_is_among_its_settings(name: str, kind: str):
    model = find_model(name)
    for setting, room in space_of(model).items():
        low_high = len(room) == 3 and room[2] in ("int", "float", "log", "log-int")
        for value in room[:2] if low_high else room:
            assert model(kind, **{setting: value}).settings[setting] == value
        assert not low_high or room[0] < room[1]
    if name in ("boosted", "logistic", "linear", "tree", "forest", *(OPTIONAL & set(model_names()))):
        assert space_of(model)


ELSEWHERE = """
import json, sys
import numpy as np
from pathlib import Path
from footfall.models import find_model

home = Path(sys.argv[1])
for place, name in json.loads((home / "all.json").read_text()):
    X = np.load(home / "X.npy")
    model = find_model(name).load(home / place)
    np.save(home / place / "there.npy", np.vstack([model.predict(X), model.contributions(X).sum(axis=1)]))
"""


def test_another_process_loads_every_format_and_gives_the_same_scores(tmp_path: Path):
    here, kept = {}, []
    later = toy("chance", 60, seed=4)[0]
    later[::5, 0] = np.nan
    np.save(tmp_path / "X.npy", later)
    for i, (name, kind) in enumerate(CASES):
        if not kept_here(name):
            continue
        model = fitted(name, kind)[0]
        model.save(tmp_path / str(i))
        kept.append((str(i), name))
        here[i] = np.vstack([model.predict(later), model.contributions(later).sum(axis=1)])
    (tmp_path / "all.json").write_text(json.dumps(kept))
    known = {**os.environ, "FOOTFALL_TRUST": ",".join(sorted(_TRUSTED))}  # as a user names what a file may hold
    done = subprocess.run([sys.executable, "-c", ELSEWHERE, str(tmp_path)], capture_output=True, text=True, env=known)
    assert done.returncode == 0, done.stderr
    for i, told in here.items():
        assert (np.load(tmp_path / str(i) / "there.npy") == told).all(), CASES[i]
