"""Pairs to clusters: by the mean weight, whatever the order of the records, and never against a rule."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.identity.cluster import CERTAIN, Rules, between, components, merge
from footfall.identity.doubt import Pairs

Array = np.ndarray[Any, Any]
EVEN, UNSEEN = 3.0, -3.0
NOBODY = (np.empty(0, np.int64), np.empty(0, np.int64))


def pairs_of(weights: dict[tuple[int, int], float]) -> Pairs:
    keys = sorted(weights)
    a, b = (np.array([k[i] for k in keys], np.int64) for i in (0, 1))
    return Pairs(a, b, np.array([weights[k] for k in keys], float))


def rules(
    count: int,
    apart: list[int] | None = None,
    account: list[int] | None = None,
    age: list[float] | None = None,
    never: tuple[Array, Array] = NOBODY,
    gap: float | None = None,
) -> Rules:
    return Rules(
        np.array(apart or [-1] * count),
        np.array(account or range(count)),
        np.array(age or [np.nan] * count, float),
        never,
        gap,
    )


def merged(count: int, weights: dict[tuple[int, int], float], rule: Rules | None = None) -> list[int]:
    label = merge(np.arange(count), pairs_of(weights), EVEN, UNSEEN, rule or rules(count))
    return [int(x) for x in label]


def groups(label: Array | list[int]) -> set[frozenset[int]]:
    found: dict[int, set[int]] = {}
    for record, cluster in enumerate(label):
        found.setdefault(int(cluster), set()).add(record)
    return {frozenset(g) for g in found.values()}


def test_a_chain_of_links_does_not_join_its_ends() -> None:
    chain = {(i, i + 1): EVEN + 2 for i in range(4)}
    assert len(set(components(5, *(np.array([p[i] for p in chain]) for i in (0, 1))).tolist())) == 1
    assert merged(5, chain) == [0, 0, 1, 1, 2]


def test_a_cluster_whose_records_all_agree_is_whole() -> None:
    assert merged(4, dict.fromkeys(combinations(range(4), 2), EVEN + 1)) == [0, 0, 0, 0]
    assert merged(3, {(0, 1): EVEN, (1, 2): EVEN - 0.01}) == [0, 0, 1]


def test_one_strong_link_outweighs_a_pair_not_seen_and_two_do_not() -> None:
    # {0, 1} and 2: mean of +7 and the unseen -6 is above even odds; against {0, 1, 2}, one of three is not enough.
    assert merged(3, {(0, 1): EVEN + 8, (1, 2): EVEN + 7}) == [0, 0, 0]
    close = dict.fromkeys(combinations(range(3), 2), EVEN + 8)
    assert merged(4, {**close, (2, 3): EVEN + 7}) == [0, 0, 0, 1]


def test_pairs_beyond_doubt_are_joined_at_once() -> None:
    sure = {(i, i + 1): EVEN + CERTAIN for i in range(6)}
    assert merged(7, sure) == [0] * 7
    sure[2, 3] = EVEN + CERTAIN - 0.01
    assert merged(7, sure) == [0, 0, 0, 1, 1, 1, 1]


def test_ties_go_to_the_first_records() -> None:
    triangle = {(0, 1): EVEN + 1, (1, 2): EVEN + 1}
    assert merged(3, triangle) == [0, 0, 1]
    assert merged(4, {(0, 3): EVEN + 1, (1, 3): EVEN + 1, (2, 3): EVEN + 1}) == [0, 1, 2, 0]


def test_two_accounts_of_a_source_that_is_one_to_one_stay_apart() -> None:
    everyone = dict.fromkeys(combinations(range(4), 2), EVEN + CERTAIN + 5)
    rule = rules(4, apart=[0, 0, -1, 1], account=[0, 1, 2, 3])
    label = merged(4, everyone, rule)
    assert label[0] != label[1]
    assert len(set(label)) == 2, "what no rule keeps apart is joined all the same"
    assert merged(4, everyone, rules(4, apart=[0, 0, -1, 1], account=[0, 0, 2, 3])) == [0, 0, 0, 0]


def test_an_age_gap_holds_over_the_whole_cluster() -> None:
    near = dict.fromkeys(combinations(range(3), 2), EVEN + 4)
    ages = [30.0, 38.0, 46.0]
    assert len(set(merged(3, near, rules(3, age=ages, gap=16)))) == 1
    label = merged(3, near, rules(3, age=ages, gap=10))
    assert label[0] != label[2] and len(set(label)) == 2
    assert len(set(merged(3, near, rules(3, age=[30.0, np.nan, 38.0], gap=10)))) == 1, "an unknown age breaks no rule"


@pytest.mark.parametrize("weight", [EVEN + 1, EVEN + CERTAIN + 9])
def test_records_judged_different_stay_apart_however_sure_the_pair_is(weight: float) -> None:
    judged = (np.array([2]), np.array([0]))
    label = merged(4, dict.fromkeys(combinations(range(4), 2), weight), rules(4, never=judged))
    assert label[0] != label[2]
    assert len(set(label)) == 2


def test_start_is_kept() -> None:
    start = np.array([0, 1, 0, 2])
    label = merge(start, pairs_of({(0, 2): -90.0, (1, 3): EVEN + 1}), EVEN, UNSEEN, rules(4))
    assert label.tolist() == [0, 1, 0, 1]


def test_nothing_at_all() -> None:
    assert merge(np.empty(0, np.int64), Pairs.none(), EVEN, UNSEEN, rules(0)).tolist() == []
    assert merged(3, {}) == [0, 1, 2]


def by_hand(count: int, weights: dict[tuple[int, int], float]) -> set[frozenset[int]]:
    """The same in plain Python: clusters that are each other's best are merged, until none is good enough."""
    clusters = [frozenset([i]) for i in range(count)]
    while True:
        clusters.sort(key=min)
        means = {}
        for i, j in combinations(range(len(clusters)), 2):
            seen = [weights[min(a, b), max(a, b)] for a in clusters[i] for b in clusters[j]
                    if (min(a, b), max(a, b)) in weights]  # fmt: skip
            possible = len(clusters[i]) * len(clusters[j])
            mean = (sum(seen) + (possible - len(seen)) * UNSEEN) / possible
            if seen and mean >= EVEN:
                means[i, j] = mean
        best = {c: min(((-m, p) for p, m in means.items() if c in p), default=None) for c in range(len(clusters))}
        mutual = [p for p, m in means.items() if best[p[0]] == best[p[1]] == (-m, p)]
        if not mutual:
            return set(clusters)
        gone = {c for p in mutual for c in p}
        clusters = [clusters[a] | clusters[b] for a, b in mutual] + [g for c, g in enumerate(clusters) if c not in gone]


@st.composite
def worlds(draw: st.DrawFn, most: float) -> tuple[int, dict[tuple[int, int], float]]:
    """Some records and the weights of some of their pairs; whole numbers of 1/8, so that means are exact."""
    count = draw(st.integers(2, 9))
    every = list(combinations(range(count), 2))
    seen = draw(st.lists(st.sampled_from(every), unique=True, max_size=len(every)))
    eighths = st.integers(-8 * 8, int(8 * (EVEN + most)))
    return count, {p: draw(eighths) / 8 for p in seen}


@settings(max_examples=150, deadline=None)
@given(worlds(CERTAIN - 1))
def test_clusters_are_those_of_plain_python(world: tuple[int, dict[tuple[int, int], float]]) -> None:
    assert groups(merged(*world)) == by_hand(*world)


@settings(max_examples=150, deadline=None)
@given(worlds(CERTAIN + 8), st.data())
def test_no_rule_is_ever_broken(world: tuple[int, dict[tuple[int, int], float]], data: st.DataObject) -> None:
    count, weights = world
    apart = data.draw(st.lists(st.integers(-1, 1), min_size=count, max_size=count))
    account = data.draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    age = data.draw(st.lists(st.sampled_from([np.nan, 20.0, 25.0, 31.0, 60.0]), min_size=count, max_size=count))
    judged = data.draw(st.lists(st.sampled_from(list(combinations(range(count), 2))), unique=True, max_size=4))
    gap = data.draw(st.sampled_from([None, 0.0, 6.0, 11.0]))
    sides = (np.array([p[i] for p in judged], np.int64) for i in (1, 0))
    rule = rules(count, apart, account, age, tuple(sides), gap)  # type: ignore[arg-type]
    label = merged(count, weights, rule)
    for a, b in combinations(range(count), 2):
        if label[a] == label[b]:
            assert not (apart[a] == apart[b] >= 0 and account[a] != account[b])
            assert gap is None or not abs(age[a] - age[b]) > gap
            assert (a, b) not in judged
    assert not rule.broken(np.array(label)).any()
    firsts = [label.index(c) for c in range(max(label) + 1)]
    assert firsts == sorted(firsts), "clusters are numbered in the order of their first record"


@settings(max_examples=100, deadline=None)
@given(worlds(CERTAIN + 3), st.randoms(use_true_random=False), st.integers(0, 2**31))
def test_the_order_of_the_records_does_not_matter(
    world: tuple[int, dict[tuple[int, int], float]], shuffler: Any, seed: int
) -> None:
    count, weights = world
    rng = np.random.default_rng(seed)
    # No two weights alike: ties alone are settled by the order.
    weights = {p: w + float(rng.random()) / 16 for p, w in weights.items()}
    order = list(range(count))
    shuffler.shuffle(order)
    moved = {(min(order[a], order[b]), max(order[a], order[b])): w for (a, b), w in weights.items()}
    expected = {frozenset(order[r] for r in g) for g in groups(merged(count, weights))}
    assert groups(merged(count, moved)) == expected
    # Nor that of the pairs.
    shown = list(weights)
    shuffler.shuffle(shown)
    again = Pairs(*(np.array([p[i] for p in shown], np.int64) for i in (0, 1)), np.array([weights[p] for p in shown]))
    assert merge(np.arange(count), again, EVEN, UNSEEN, rules(count)).tolist() == merged(count, weights)


def test_the_mean_between_clusters_counts_pairs_not_seen() -> None:
    label = np.array([0, 0, 1, 1, 1, 2])
    links = between(label, pairs_of({(0, 1): 99.0, (0, 2): 5.0, (1, 3): 1.0, (4, 5): 2.0}), -3.0)
    found = {(int(a), int(b)): m for a, b, m in zip(links.one, links.other, links.mean, strict=True)}
    assert found == {(0, 1): pytest.approx((5 + 1 - 4 * 3) / 6), (1, 2): pytest.approx((2 - 2 * 3) / 3)}
