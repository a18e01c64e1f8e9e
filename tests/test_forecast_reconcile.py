"""Making levels add up: minimum trace beside its formula, and what holds for every way."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from footfall.forecast import reconcile
from footfall.forecast.reconcile import (
    BOTTOM_UP,
    MIDDLE_OUT,
    MINT,
    NAIVE,
    TOP_DOWN,
    Base,
    Mint,
    Structure,
    reconciled,
    shrinkage,
)
from footfall.models.panel import Floats

CODES = np.array([0, 0, 1, 1, 1, 2, 2])
TREE = Structure((np.zeros(7, dtype=np.int64), CODES, np.arange(7)), (1, 3, 7))
EDGES = (1, 4)


def _split(whole: Floats, axis: int = 0) -> list[Floats]:
    return np.split(whole, EDGES, axis=axis)


def _sums() -> Floats:
    """The summing matrix, row by row."""
    rows = [np.ones(7), *[(k == CODES).astype(float) for k in range(3)]]
    return np.vstack([*rows, np.eye(7)])


def _misses(samples: int, seed: int = 0) -> Floats:
    draw = np.random.default_rng(seed)
    leaves = draw.normal(size=(samples, 7)) * np.arange(1, 8) + draw.normal(size=(samples, 1))
    return np.hstack([leaves @ _sums()[:4].T + draw.normal(size=(samples, 4)), leaves])


def _pairs(misses: Floats) -> tuple[float, Floats]:
    """The shrinkage over all pairs, and the covariance."""
    samples, n = misses.shape
    covariance = misses.T @ misses / samples
    scaled = misses / np.sqrt(np.diag(covariance))
    noise = signal = 0.0
    for i in range(n):
        for j in range(n):
            if i != j:
                product = scaled[:, i] * scaled[:, j]
                noise += ((product - product.mean()) ** 2).sum() / (samples * (samples - 1))
                signal += product.mean() ** 2
    return min(1.0, noise / signal), covariance


@pytest.mark.parametrize("samples", [3, 12, 400])
@pytest.mark.parametrize("dense", [True, False])
def test_minimum_trace_is_the_formula_of_the_paper(samples: int, dense: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    misses = _misses(samples)
    share, covariance = _pairs(misses)
    weight = share * np.diag(np.diag(covariance)) + (1 - share) * covariance
    said = np.random.default_rng(1).normal(size=(11, 3)) * 10
    sums, inverse = _sums(), np.linalg.inv(weight)
    truth = np.linalg.solve(sums.T @ inverse @ sums, sums.T @ inverse @ said)
    if not dense:
        monkeypatch.setattr(reconcile, "DENSE", 0)
    mint = Mint(TREE, _split(misses, 1))
    assert mint.shrinkage == pytest.approx(share) and 0 < share <= 1
    np.testing.assert_allclose(mint.leaves(_split(said)), truth, rtol=1e-7, atol=1e-7)


def test_misses_that_are_not_there_leave_the_others_as_they_are() -> None:
    misses = _misses(12)
    misses[:4, 5] = np.nan
    mint = Mint(TREE, _split(misses, 1))
    said = np.random.default_rng(1).normal(size=(11, 2)) * 10
    known = np.nan_to_num(misses)
    spread = (known**2).sum(axis=0) / np.isfinite(misses).sum(axis=0)
    scaled = known / np.sqrt(spread)
    correlation = (1 - mint.shrinkage) * scaled.T @ scaled / 12
    np.fill_diagonal(correlation, 1.0)
    weight = np.outer(np.sqrt(spread), np.sqrt(spread)) * correlation
    sums, inverse = _sums(), np.linalg.inv(weight)
    truth = np.linalg.solve(sums.T @ inverse @ sums, sums.T @ inverse @ said)
    np.testing.assert_allclose(mint.leaves(_split(said)), truth, rtol=1e-7, atol=1e-7)


def test_shrinkage_is_whole_for_one_sample_and_little_for_many_that_go_together() -> None:
    draw = np.random.default_rng(0)
    assert shrinkage(draw.normal(size=(1, 5))) == 1.0
    together = draw.normal(size=(2000, 1)) + 0.1 * draw.normal(size=(2000, 6))
    assert shrinkage(together / np.sqrt((together**2).mean(axis=0))) < 0.01
    assert shrinkage(draw.normal(size=(30, 400))) > 0.9


def test_a_good_total_mends_poor_leaves_and_good_leaves_stay() -> None:
    draw = np.random.default_rng(2)
    truth = draw.uniform(50, 100, 7)
    whole = _sums() @ truth
    poor = np.r_[np.full(4, 0.1), np.full(7, 10.0)]
    misses = draw.normal(size=(60, 11)) * poor
    said = (whole + draw.normal(size=11) * poor)[:, None]
    base = Base(tuple(_split(said)), said[4:], truth)
    bent = reconciled(MINT, TREE, base, Mint(TREE, _split(misses, 1)))
    summed = reconciled(BOTTOM_UP, TREE, base)
    assert abs(bent[0][0, 0] - whole[0]) < 0.5 < abs(summed[0][0, 0] - whole[0])
    level = [np.abs(found[1][:, 0] - whole[1:4]).max() for found in (bent, summed)]
    assert level[0] < 0.5 < level[1]


def test_shares_come_from_the_leaves_and_from_the_usual_where_they_say_nothing() -> None:
    leaves = np.array([1, 3, 0, 0, 0, 2, 2.0])[:, None]
    base = Base(
        (np.array([[20.0]]), np.array([[8.0], [6.0], [6.0]]), leaves), leaves, np.array([1, 1, 1, 2, 3, 1, 1.0])
    )
    top = reconciled(TOP_DOWN, TREE, base)
    np.testing.assert_allclose(top[2][:, 0], np.array([1, 3, 0, 0, 0, 2, 2]) * 20 / 8)
    middle = reconciled(MIDDLE_OUT, TREE, base)
    np.testing.assert_allclose(middle[2][:, 0], [2, 6, 1, 2, 3, 3, 3])
    assert middle[0] == 20 and top[0] == 20


@pytest.mark.parametrize("way", ["alike", "none", "one"])
def test_misses_that_are_all_alike_or_none_leave_something_to_solve(way: str) -> None:
    misses = np.zeros((8, 11))
    misses[:, : {"alike": 11, "none": 0, "one": 1}[way]] = 1.0
    said = np.arange(22, dtype=float).reshape(11, 2)
    found = Mint(TREE, _split(misses, 1)).leaves(_split(said))
    assert np.isfinite(found).all() and np.abs(found).max() < 100


floats = st.floats(-1e6, 1e6, width=32)


@settings(max_examples=120, deadline=None)
@given(
    hnp.arrays(float, (11, 3), elements=floats | st.just(float("nan"))),
    hnp.arrays(float, (8, 11), elements=floats | st.just(float("nan")) | st.just(0.0)),
    hnp.arrays(float, 7, elements=st.floats(0, 1e6)),
    st.sampled_from([BOTTOM_UP, NAIVE, TOP_DOWN, MIDDLE_OUT, MINT]),
    st.booleans(),
)
def test_every_way_adds_up_and_keeps_its_limits(
    said: Floats, misses: Floats, usual: Floats, way: str, counts: bool
) -> None:
    most = np.full(7, 5e5)
    base = Base(tuple(_split(said)), said[4:] * 2, usual, (np.zeros(7), most) if counts else None)
    found = reconciled(way, TREE, base, Mint(TREE, _split(misses, 1)))
    whole = np.concatenate(found)
    assert np.isfinite(whole).all()
    np.testing.assert_allclose(whole, _sums() @ found[-1], rtol=1e-9, atol=1e-9 * (1 + np.abs(found[-1]).max()))
    assert not counts or (whole.min() >= 0 and found[-1].max() <= 5e5)


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(float, (7, 2), elements=st.floats(0, 1e6, width=32)), st.sampled_from([TOP_DOWN, MIDDLE_OUT, MINT]))
def test_what_adds_up_already_stays_as_it_is(leaves: Floats, way: str) -> None:
    whole = tuple(_split(_sums() @ leaves))
    found = reconciled(way, TREE, Base(whole, leaves, np.ones(7)), Mint(TREE, _split(_misses(9), 1)))
    np.testing.assert_allclose(found[2], leaves, rtol=1e-6, atol=1e-6 * (1 + leaves.max()))


def test_ways_that_a_tree_has() -> None:
    assert TREE.methods(4) == [BOTTOM_UP, NAIVE, TOP_DOWN, MIDDLE_OUT, MINT]
    assert MINT not in TREE.methods(1)
    assert MIDDLE_OUT not in Structure(TREE.above[::2], (1, 7)).methods(4)
    assert MIDDLE_OUT not in Structure((*TREE.above[:2], TREE.above[1], TREE.above[2]), (1, 3, 3, 7)).methods(4)


def test_fifty_thousand_series_take_seconds() -> None:
    draw = np.random.default_rng(0)
    n, groups, crossed = 50_000, 400, 2000
    above = (np.zeros(n, dtype=np.int64), draw.integers(0, groups, n), draw.integers(0, crossed, n), np.arange(n))
    tree = Structure(above, (1, groups, crossed, n))
    leaves = draw.uniform(0, 10, (n, 4))
    misses = draw.normal(size=(16, n))
    levels = [np.asarray(s) for s in tree.sums(leaves)]
    said = [one * (1 + 0.1 * draw.normal(size=one.shape)) for one in levels]
    begun = time.perf_counter()
    found = reconciled(MINT, tree, Base(tuple(said), leaves, np.ones(n), (np.zeros(n), np.full(n, 100.0))),
                       Mint(tree, [s.T for s in tree.sums(misses.T)]))  # fmt: skip
    assert time.perf_counter() - begun < 20
    np.testing.assert_allclose(found[1].sum(axis=0), found[0][0])
    miss = [np.abs(f - t).sum() for f, t in zip(found, levels, strict=True)]
    apart = [np.abs(s - t).sum() for s, t in zip(said, levels, strict=True)]
    assert miss[0] < apart[0] and miss[1] < apart[1]
