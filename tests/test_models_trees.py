"""What only the tree, the forest and the linear model promise: segments that can be read, parts that are exact."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pytest

from footfall.models.forest import Forest
from footfall.models.linear import Linear
from footfall.models.tree import Tree


def shop(n: int = 4000, seed: int = 0) -> tuple[Any, Any, list[str]]:
    """Buyers: recent ones in Rome at 0.8, recent ones elsewhere at 0.5, the rest at 0.1; noise says nothing."""
    dice = np.random.default_rng(seed)
    recency = dice.uniform(0, 100, n).round(1)
    rome = (dice.random(n) < 0.4).astype(float)
    X = np.column_stack([recency, rome, dice.normal(size=n)])
    rate = np.where(recency <= 30, np.where(rome == 1, 0.8, 0.5), 0.1)
    return X, (dice.random(n) < rate).astype(float), ["recency", "city=Rome", "noise"]


def test_the_rules_are_the_segments_that_made_the_data():
    X, y, names = shop()
    rules = Tree("chance").fit(X, y, features=names).rules()
    assert len(rules) == 3
    first, second, last = rules
    assert [c.rsplit(" ", 1)[0] for c in first.conditions] == ["recency <=", "city is"]
    assert first.conditions[1] == "city is Rome" and second.conditions[1] == "city is not Rome"
    assert abs(float(last.conditions[0].removeprefix("recency > ")) - 30) < 0.5
    assert np.allclose([first.value, second.value, last.value], [0.8, 0.5, 0.1], atol=0.05)
    assert sum(r.rows for r in rules) == 4000 and abs(sum(r.share for r in rules) - 1) < 1e-9
    assert str(last).startswith("recency > ") and " rows, " in str(last)


def test_every_row_answers_as_the_one_rule_it_meets_says():
    X, y, names = shop()
    X[::9, 0] = np.nan
    tree = Tree("chance").fit(X, y, features=names)
    p = tree.predict(X)
    rules = tree.rules()
    assert any("missing" in c for r in rules for c in r.conditions)
    counts = {round(v, 12): int(c) for v, c in zip(*np.unique(p.round(12), return_counts=True), strict=True)}
    assert counts == {round(r.value, 12): r.rows for r in rules}


def test_noise_makes_no_segment():
    dice = np.random.default_rng(3)
    X = dice.normal(size=(2000, 6))
    for y, kind in ((dice.random(2000) < 0.3, "chance"), (dice.gamma(2.0, 10.0, 2000), "amount")):
        rules = Tree(kind).fit(X, y.astype(float)).rules()
        assert len(rules) == 1 and not rules[0].conditions
        assert abs(rules[0].value - y.mean()) < 0.02 * y.mean() and str(rules[0]).startswith("everyone")


def brute(value: Any, x: Any, width: int) -> Any:
    """Shapley values of a game `value(tuple of known columns)` by all coalitions."""
    out = np.zeros(width)
    for j in range(width):
        others = [i for i in range(width) if i != j]
        for size in range(width):
            for some in combinations(others, size):
                share = factorial(size) * factorial(width - size - 1) / factorial(width)
                out[j] += share * (value(tuple(sorted((*some, j)))) - value(some))
    return out


@pytest.mark.parametrize("model", ["tree", "forest"])
def test_contributions_are_the_shapley_values_of_the_trees(model: str):
    """By hand: a column that is not known follows both branches, in proportion to the rows that took them."""
    X, y, names = shop(800)
    made: Any = (
        Tree("chance").fit(X, y, features=names)
        if model == "tree"
        else Forest("amount", trees=3, leaves=5).fit(X, 10 * y, features=names)
    )
    trees = made._booster.dump_model()["tree_info"]

    def expected(node: dict[str, Any], x: Any, known: tuple[int, ...]) -> float:
        if "leaf_value" in node:
            return float(node["leaf_value"])
        left, right = node["left_child"], node["right_child"]
        if node["split_feature"] in known:
            return expected(left if x[node["split_feature"]] <= node["threshold"] else right, x, known)
        counts = [n.get("internal_count", n.get("leaf_count")) for n in (left, right)]
        both = [expected(n, x, known) for n in (left, right)]
        return float(np.dot(both, counts) / sum(counts))

    parts = made.contributions(X[:5])
    for row, x in zip(parts, X[:5], strict=True):

        def value(known: tuple[int, ...], x: Any = x) -> float:
            return float(np.mean([expected(t["tree_structure"], x, known) for t in trees]))

        assert np.allclose(row[:-1], brute(value, x, 3), atol=1e-9)


def test_extra_trees_are_others_and_as_good():
    X, y, names = shop()
    later, came, _ = shop(seed=1)
    said = [Forest("chance", extra=e).fit(X, y, features=names).predict(later) for e in (False, True)]
    assert (said[0] != said[1]).any()
    rate = np.where(later[:, 0] <= 30, np.where(later[:, 1] == 1, 0.8, 0.5), 0.1)
    best, worst = np.mean((rate - came) ** 2), np.mean((y.mean() - came) ** 2)
    for p in said:
        assert np.mean((p - came) ** 2) < (best + worst) / 2


def test_the_elastic_net_leaves_out_what_says_nothing_and_ridge_does_not():
    dice = np.random.default_rng(5)
    X = dice.normal(size=(2000, 30))
    y = 20 + 3 * X[:, 0] - 2 * X[:, 1] + dice.normal(size=2000)
    net, ridge = (Linear("amount", lasso=s).fit(X, y) for s in (0.9, 0.0))
    assert (net._slope[2:] == 0).mean() > 0.7 and (ridge._slope != 0).all()
    for model in (net, ridge):
        assert np.mean((model.predict(X) - y) ** 2) < 1.15
        assert model.scale == "linear"
    strong = Linear("amount", strength=1000.0).fit(X, y)
    assert np.allclose(strong.predict(X), y.mean())


def test_the_chances_of_the_net_are_those_of_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    X, y, names = shop(1500)
    model = Linear("chance", log=False, strength=1.0, steps=100).fit(X, y, features=names)
    Z, _ = model._scaling.apply(X)
    penalty = np.sqrt(y.var()) * np.sqrt(2 * np.log(3) / 1500)
    peer = LogisticRegression(
        solver="saga", l1_ratio=0.5, C=1 / (penalty * 1500), tol=1e-9, max_iter=20_000, random_state=0
    ).fit(Z, y)
    assert np.allclose(model._slope, peer.coef_[0], atol=1e-4)
    assert abs(model._base - peer.intercept_[0]) < 1e-4
