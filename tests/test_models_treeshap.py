"""Exact SHAP values by tables of patterns: those of LightGBM's own, of brute force, and of rows with holes."""

from __future__ import annotations

from itertools import combinations
from math import factorial

import lightgbm as lgb
import numpy as np
import pytest

from footfall.models import boosted, treeshap
from footfall.models.boosted import Boosted
from footfall.models.treeshap import Forest, Split, gifts


def data(rows: int = 1500, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(rows, 8))
    X[:, 0] = np.round(X[:, 0] * 2)
    X[:, 1] = np.where(draw.random(rows) < 0.4, 0.0, X[:, 1])
    y = (draw.random(rows) < 1 / (1 + np.exp(-(X[:, 0] + X[:, 1] * X[:, 2])))).astype(float)
    X[draw.random(X.shape) < 0.1] = np.nan
    return X, y


@pytest.mark.parametrize("leaves, most", [(4, 10), (31, 10), (63, 3)])
@pytest.mark.parametrize("more", [{}, {"zero_as_missing": True}, {"use_missing": False}])
def test_the_values_are_those_of_lightgbm(leaves: int, most: int, more: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for leaves with more features on their path than a table is made for."""
    monkeypatch.setattr(treeshap, "MOST", most)
    monkeypatch.setattr(treeshap, "BLOCK", 400)
    X, y = data()
    settings = {"objective": "binary", "num_leaves": leaves, "min_data_in_leaf": 5, "verbose": -1, "num_threads": 1}
    booster = lgb.train({**settings, **more}, lgb.Dataset(X, y), 12)
    ours = Forest.of(booster).contributions(X, threads=2)
    theirs = booster.predict(X, pred_contrib=True, num_threads=1)
    np.testing.assert_allclose(ours, theirs, atol=1e-10)
    np.testing.assert_allclose(ours.sum(axis=1), booster.predict(X, raw_score=True, num_threads=1), atol=1e-9)


def test_the_gifts_of_a_leaf_are_the_shapley_values_by_their_definition() -> None:
    draw = np.random.default_rng(1)
    m, value = 5, 3.0
    shares = draw.random(m)
    for bits in draw.random((6, m)) < 0.6:

        def worth(inside: set[int], bits: np.ndarray = bits) -> float:
            if not all(bits[i] for i in inside):
                return 0.0
            return value * float(np.prod([shares[i] for i in range(m) if i not in inside]))

        for j in range(m):
            others = [i for i in range(m) if i != j]
            expected = sum(
                factorial(k) * factorial(m - k - 1) / factorial(m) * (worth({*s, j}) - worth(set(s)))
                for k in range(m)
                for s in combinations(others, k)
            )
            assert gifts(bits[None], shares, value)[0, j] == pytest.approx(expected, abs=1e-12)


def test_a_missing_value_goes_where_the_split_says() -> None:
    x = np.array([np.nan, 0.0, 1.0, 3.0])
    assert Split(0, 2.0, "nan", True).left(x).tolist() == [True, True, True, False]
    assert Split(0, 2.0, "nan", False).left(x).tolist() == [False, True, True, False]
    assert Split(0, 2.0, "zero", False).left(x).tolist() == [False, False, True, False]
    assert Split(0, -1.0, "none", True).left(x).tolist() == [False, False, False, False]


@pytest.mark.parametrize("kind", ["chance", "amount"])
def test_few_and_many_rows_are_explained_alike(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = data(900)
    model = Boosted(kind, trees=20).fit(X, y if kind == "chance" else np.exp(np.nan_to_num(X[:, 3])))
    few = model.contributions(X)
    monkeypatch.setattr(boosted, "TABLES_FROM", 1)
    np.testing.assert_allclose(model.contributions(X), few, atol=1e-9)
    assert model.contributions(X[:0]).shape == (0, 9)


def test_a_tree_without_a_split_gives_its_value_to_the_base() -> None:
    X, y = data(60)
    booster = lgb.train(
        {"objective": "binary", "min_data_in_leaf": 50, "verbose": -1, "num_threads": 1}, lgb.Dataset(X, y), 2
    )
    found = Forest.of(booster).contributions(X)
    assert not found[:, :-1].any()
    np.testing.assert_allclose(found[:, -1], booster.predict(X, raw_score=True), atol=1e-9)
