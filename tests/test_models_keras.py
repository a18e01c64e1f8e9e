"""What only the neural model promises: NumPy answers as Keras does, errors that hold, categories as embeddings."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from footfall.models import find_model, model_names

if "keras" not in model_names():
    pytest.skip("the neural model needs Keras and a backend (extra `neural`)", allow_module_level=True)


def shop(n: int = 1500, seed: int = 0) -> tuple[Any, Any, list[str]]:
    """Recency that may be missing, spend, and a city of three that turns what recency says around."""
    dice = np.random.default_rng(seed)
    recency, spend, city = dice.normal(size=n), dice.normal(size=n), dice.integers(0, 4, n)
    raw = np.where(city == 2, 2.0, -1.0) * recency + 0.5 * spend * (city == 1)
    X = np.column_stack([recency, spend, (city[:, None] == np.arange(3)).astype(float)])
    X[dice.random(n) < 0.1, 0] = np.nan
    return (
        X,
        (dice.random(n) < 1 / (1 + np.exp(-raw))).astype(float),
        ["recency", "spend", "city=A", "city=B", "city=C"],
    )


@pytest.fixture(scope="module")
def model() -> Any:
    X, y, names = shop()
    return find_model("keras")("chance", seed=1, bags=1, draws=8, hidden=[16, 8]).fit(X, y, features=names)


def test_categories_are_one_input_and_numpy_answers_as_keras(model: Any, tmp_path: Path):
    X = shop(300, seed=2)[0]
    assert model._inputs.groups == [[2, 3, 4]] and model._inputs.numbers == [0, 1] and model._inputs.holed == [0]
    model.save(tmp_path)
    import keras

    kept = keras.saving.load_model(tmp_path / "net_0.keras", compile=False, safe_mode=True)
    assert [layer.name for layer in kept.layers if "embedding" in layer.name] == ["embedding_0"]
    told = np.asarray(kept.predict(model._given(X), verbose=0))[:, 0]
    assert np.allclose(told + model._base, model._raw(X), atol=1e-4)


def test_it_learns_what_a_category_turns_around(model: Any):
    X, y, _ = shop(3000, seed=3)
    p = model.predict(X)
    assert np.mean((p - y) ** 2) < 0.85 * y.var()
    in_c = X[:, 4] == 1
    seen = ~np.isnan(X[:, 0])
    assert np.corrcoef(p[in_c & seen], X[in_c & seen, 0])[0, 1] > 0.8
    assert np.corrcoef(p[~in_c & seen], X[~in_c & seen, 0])[0, 1] < -0.5


def exact(model: Any, x: Any) -> Any:
    """Shapley values against the model's own company by all orders of its players."""
    players = [[0], [1], [2, 3, 4]]
    out = np.zeros(5)
    orders = list(permutations(range(3)))
    for base in model._usual:
        for order in orders:
            mixed = base.copy()
            before = model._raw(mixed[None])[0]
            for player in order:
                mixed[players[player]] = x[players[player]]
                after = model._raw(mixed[None])[0]
                own = players[player]
                value = x[own] if x[own].max() > 0 or player < 2 else base[own]
                at = own[0] if player < 2 or value.max() == 0 else own[int(value.argmax())]
                out[at] += (after - before) / len(orders) / len(model._usual)
                before = after
    return out


def test_sampled_contributions_lie_within_their_error_of_the_exact_ones(model: Any):
    X = shop(40, seed=5)[0]
    parts, error = model.contributions(X), model.error(X)
    assert not model.exact and error.shape == (40, 5)
    truth = np.stack([exact(model, x) for x in X])
    inside = np.abs(parts[:, :-1] - truth) <= error + 1e-9
    assert inside.mean() > 0.95
    assert np.abs(parts[:, :-1] - truth).mean() < 0.15 * np.abs(truth).mean()
    assert np.allclose(parts[:, -1], model._raw(model._usual).mean())


def test_more_draws_make_the_error_smaller():
    X, y, names = shop()
    sizes = []
    for draws in (16, 64):
        made = find_model("keras")("chance", seed=1, bags=1, draws=draws, hidden=[16, 8], rounds=6)
        sizes.append(made.fit(X, y, features=names).error(X[:50])[:, :2].mean())
    assert sizes[1] < 0.75 * sizes[0]


def test_the_newest_cutoffs_stop_it_and_little_data_is_answered_by_a_line(tmp_path: Path):
    X, y, names = shop()
    groups = np.repeat(np.arange(10), 150)
    noise = np.random.default_rng(9).random(1500).round()
    learnt = find_model("keras")("chance", bags=1, hidden=[16, 8]).fit(X, noise, features=names, groups=groups)
    assert np.abs(learnt.predict(X) - noise.mean()).mean() < 0.1  # nothing to learn: it stops at once
    few = find_model("keras")("chance").fit(X[:150], y[:150], features=names)
    line = find_model("logistic")("chance").fit(X[:150], y[:150], features=names)
    assert (few.predict(X) == line.predict(X)).all() and (few.error(X) == 0).all()
    few.save(tmp_path)
    assert (find_model("keras").load(tmp_path).predict(X) == few.predict(X)).all()
