"""Metrics of rankings against plain Python, and intervals of their differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from footfall.errors import FootfallError, UsageError
from footfall.evaluate.ranking import (
    Catalogue,
    Shown,
    better,
    coverage,
    customer_metrics,
    list_metrics,
    measure_rankings,
)

PRODUCTS = 9


def _oracle(shown: list[int], relevant: set[int], k: int) -> dict[str, float]:
    """One customer's metrics, written down from their definitions."""
    if not relevant:
        return dict.fromkeys(("recall", "precision", "ndcg", "map", "mrr", "hit_rate"), math.nan)
    top = shown[:k]
    hits = [p in relevant for p in top]
    most = min(k, len(relevant))
    gained = sum(1 / math.log2(place + 1) for place, hit in enumerate(hits, 1) if hit)
    ideal = sum(1 / math.log2(place + 1) for place in range(1, most + 1))
    precisions = [sum(hits[:place]) / place for place, hit in enumerate(hits, 1) if hit]
    first = next((place for place, hit in enumerate(hits, 1) if hit), None)
    return {
        "recall": sum(hits) / most, "precision": sum(hits) / k, "ndcg": gained / ideal, "map": sum(precisions) / most,
        "mrr": 1 / first if first else 0.0, "hit_rate": float(any(hits)),
    }  # fmt: skip


def _truth(sets: list[set[int]]) -> sparse.csr_matrix:
    made = sparse.lil_matrix((len(sets), PRODUCTS))
    for i, one in enumerate(sets):
        for p in one:
            made[i, p] = 1
    return made.tocsr()


def _lists(lists: list[list[int]], width: int) -> np.ndarray:
    return np.asarray([one[:width] + [-1] * (width - len(one)) for one in lists], dtype=np.int64)


_CUSTOMERS = st.lists(
    st.tuples(st.permutations(range(PRODUCTS)), st.integers(0, PRODUCTS), st.sets(st.integers(0, PRODUCTS - 1))),
    min_size=1, max_size=6,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(_CUSTOMERS, st.integers(1, 7))
def test_every_accuracy_is_what_its_definition_says(drawn: list, k: int) -> None:  # type: ignore[type-arg]
    shown = [list(order)[:length] for order, length, _ in drawn]
    relevant = [one for _, _, one in drawn]
    found = customer_metrics(_lists(shown, PRODUCTS), _truth(relevant), k)
    for i in range(len(drawn)):
        for metric, value in _oracle(shown[i], relevant[i], k).items():
            assert found[metric][i] == pytest.approx(value, nan_ok=True), (metric, i)


def test_what_lists_are_like() -> None:
    catalogue = Catalogue(np.asarray([99.0, 49, 24, 9, 9, 9, 9, 9, 0]), 99, np.asarray([0, 0, 1, 1, 2, 2, 2, -1, -1]))
    items = _lists([[0, 1, 2], [4, 5, 6], [8]], 3)
    found = list_metrics(items, _truth([{0}, {3, 4}, {1}]), catalogue, 3)
    share = (catalogue.sold + 1) / 100
    assert found["novelty"][0] == pytest.approx(-(math.log2(1) + math.log2(0.5) + math.log2(0.25)) / 3)
    assert found["popularity_bias"][0] == pytest.approx((share[:3].mean()) / share[0])
    assert found["popularity_bias"][1] == pytest.approx(1.0)
    assert found["diversity"][:2].tolist() == [pytest.approx(2 / 3), 0.0]
    assert math.isnan(found["diversity"][2])
    assert coverage(items, PRODUCTS, 2) == pytest.approx(5 / 9)


def _world(n: int, seed: int) -> tuple[sparse.csr_matrix, dict[str, np.ndarray]]:
    dice = np.random.default_rng(seed)
    relevant = dice.integers(0, PRODUCTS, n)
    good = np.asarray([np.append(r, dice.permutation(np.delete(np.arange(PRODUCTS), r))) for r in relevant])
    good[: n // 2] = [dice.permutation(PRODUCTS) for _ in range(n // 2)]
    dull = np.tile(np.arange(PRODUCTS), (n, 1))
    return _truth([{int(r)} for r in relevant]), {"popular": dull, "ours": good}


def test_intervals_are_of_customers_and_differences_are_paired() -> None:
    truth, lists = _world(300, 4)
    part = Shown(truth, lists, np.arange(300), Catalogue(np.ones(PRODUCTS), 300))
    found = measure_rankings([part], (1, 3), draws=200)
    ours = found.models["ours"]["hit_rate", 1]
    each = customer_metrics(lists["ours"], truth, 1)["hit_rate"]
    other = customer_metrics(lists["popular"], truth, 1)["hit_rate"]
    assert ours.value == pytest.approx(each.mean())
    assert ours.less["popular"][0] == pytest.approx((each - other).mean())
    spread = 1.96 * (each - other).std() / math.sqrt(300)
    assert ours.less["popular"][2] - ours.less["popular"][1] == pytest.approx(2 * spread, rel=0.25)
    assert ours.less["popular"][1] > 0
    assert better(found, "hit_rate", 1) == "ours"
    assert found.customers == 300
    twice = measure_rankings([part], (1, 3), draws=200)
    assert twice.rows() == found.rows() or all(
        a == b or (a != a and b != b)
        for x, y in zip(twice.rows(), found.rows(), strict=True)
        for a, b in zip(x.values(), y.values(), strict=True)
    )


def test_a_customer_of_two_cutoffs_is_drawn_in_both() -> None:
    """Two copies of one cutoff know no more than one: the interval is as wide."""
    truth, lists = _world(200, 5)
    part = Shown(truth, lists, np.arange(200), Catalogue(np.ones(PRODUCTS), 200))
    other = Shown(truth, lists, np.arange(200, 400), Catalogue(np.ones(PRODUCTS), 200))
    once, twice, apart = (
        measure_rankings(p, (1,), draws=400).models["ours"]["hit_rate", 1] for p in ([part], [part] * 2, [part, other])
    )
    assert twice.upper - twice.lower == pytest.approx(once.upper - once.lower)
    assert apart.upper - apart.lower < 0.85 * (once.upper - once.lower)


def test_who_has_nothing_to_find_is_left_out_and_bad_lists_are_named() -> None:
    truth = _truth([{1}, set()])
    catalogue = Catalogue(np.ones(PRODUCTS), 2)
    lists = {"ours": _lists([[1], [2]], 2)}
    assert measure_rankings([Shown(truth, lists, ["a", "b"], catalogue)], (2,), draws=5).customers == 1
    with pytest.raises(FootfallError, match="nothing to measure"):
        measure_rankings([Shown(_truth([set()]), {"ours": _lists([[1]], 1)}, ["a"], catalogue)], (1,))
    with pytest.raises(FootfallError, match="'ours' shows a product twice"):
        Shown(truth, {"ours": _lists([[1, 1], [2]], 2)}, ["a", "b"], catalogue)
    with pytest.raises(FootfallError, match="product number 9 of 9"):
        Shown(truth, {"ours": _lists([[9], [2]], 2)}, ["a", "b"], catalogue)
    with pytest.raises(FootfallError, match="ranks for 1 customers, and 2"):
        Shown(truth, {"ours": _lists([[1]], 1)}, ["a", "b"], catalogue)
    with pytest.raises(UsageError, match="the same models"):
        measure_rankings([], (1,))
    measured = measure_rankings([Shown(truth, lists, ["a", "b"], catalogue)], (2,), draws=5)
    with pytest.raises(UsageError, match=r"recal at 2 was not measured; did you mean 'recall'"):
        better(measured, "recal", 2)
