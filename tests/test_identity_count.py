"""The number of persons: exact where nothing is in doubt, a fraction where a record says little, and its interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from footfall.identity.count import Count, Drawn, estimate, look_around, nearest, order_of
from footfall.identity.doubt import Doubt, Pairs

Array = np.ndarray[Any, Any]
STRANGE = -30.0
EVEN = 8.0


def certain(pairs: int) -> Doubt:
    """No doubt of the shares at all."""
    return Doubt(np.zeros(pairs, np.int64), np.full((1, 1), -1), np.array([0.5]), np.array([0.1]))


def pairs_of(weights: dict[tuple[int, int], float]) -> Pairs:
    keys = sorted(weights)
    a, b = (np.array([k[i] for k in keys], np.int64) for i in (0, 1))
    return Pairs(a, b, np.array([weights[k] for k in keys], float))


def everyone(label: Array, pairs: Pairs) -> Drawn:
    clusters = int(label.max()) + 1
    return look_around(label, np.arange(clusters), pairs, STRANGE, certain(len(pairs)))


def counted(label: list[int], weights: dict[tuple[int, int], float]) -> Count:
    pairs, where = pairs_of(weights), np.array(label)
    return estimate(where, everyone(where, pairs), pairs, np.arange(len(label)), EVEN)


def test_without_doubt_the_count_is_exact() -> None:
    label = [0, 0, 0, *range(1, 40)]
    sure = {(0, 1): 60.0, (0, 2): 55.0, (1, 2): 60.0}
    apart = {(i, i + 1): -60.0 for i in range(3, 41)}
    count = counted(label, sure | apart)
    assert count.clusters == 40
    assert count.customers == pytest.approx(40, abs=1e-6)
    assert count.upper - count.lower < 1e-3
    assert count.missed < 1e-6 and count.wrong < 1e-6
    assert Count.certain(7) == Count(7, 7, 7, 7, 0.0, 0.0, {})


def alone_by_hand(weights: dict[tuple[int, int], float], size: int) -> tuple[float, list[float]]:
    """N = sum of N / (N + sum of 2^weight) by plain iteration, and each record's sum."""
    total = [0.0] * size
    for (a, b), weight in weights.items():
        total[a] += 2**weight
        total[b] += 2**weight
    alone = float(size)
    for _ in range(20_000):
        alone = max(1.0, sum(alone / (alone + t) for t in total))
    return alone, total


def test_the_number_alone_is_the_fixed_point_of_plain_python() -> None:
    rng = np.random.default_rng(3)
    weights = {(int(a), int(b)): float(w) for a, b, w in zip(
        rng.integers(0, 30, 40), rng.integers(30, 60, 40), rng.normal(3, 3, 40), strict=True)}  # fmt: skip
    alone, _ = alone_by_hand(weights, 60)
    assert 20 < alone < 58, "neither end"
    assert counted(list(range(60)), weights).own[1] == pytest.approx(alone, rel=1e-3)


def test_a_record_that_says_only_john_is_a_fraction_of_a_person() -> None:
    # 40 persons of full names, ten of them John; the last record says no more than "John". Were there no doubt of it,
    # each John would expect it with a likelihood ratio of 1 / share of Johns.
    johns = {(i, 40): float(np.log2(40 / 10)) for i in range(10)}
    alone, total = alone_by_hand(johns, 41)
    chance = total[40] / (alone + total[40])
    assert 0.3 < chance < 0.7
    count = counted(list(range(41)), johns)
    assert count.clusters == 41
    assert count.missed == pytest.approx(chance, abs=0.12)
    assert 40.2 < count.customers < 40.8
    assert 39 < count.lower < 40.5 < count.upper < 42
    # The rarer the name, the surer it is the one person who bears it; of fifty Johns nothing is known at all.
    rare = counted(list(range(41)), {(0, 40): 12.0})
    assert rare.customers < count.customers - 0.3


def test_a_stranger_in_a_cluster_counts() -> None:
    label = [*range(30), 0]
    held = [counted(label, {(0, 30): w}).customers for w in (40.0, 8.0, 5.0, 0.0)]
    assert held == sorted(held)
    assert held[0] == pytest.approx(30, abs=0.05)
    assert held[-1] == pytest.approx(31, abs=0.2)
    # By the rule: alone / (alone + 2^weight) with thirty alone.
    middle = counted(label, {(0, 30): 5.0})
    assert middle.wrong == pytest.approx(29 / (29 + 2**5), abs=0.05)


def test_records_of_one_account_are_no_strangers() -> None:
    label, pairs = np.array([0, 0, 1]), Pairs.none()
    drawn = everyone(label, pairs)
    assert estimate(label, drawn, pairs, np.array([0, 0, 1]), EVEN).wrong == 0
    assert estimate(label, drawn, pairs, np.arange(3), EVEN).wrong == pytest.approx(1, abs=1e-6)


def test_the_interval_widens_with_the_doubt() -> None:
    def width(weight: float) -> float:
        count = counted(list(range(80)), {(i, i + 40): weight for i in range(40)})
        assert count.lower <= count.customers <= count.upper
        return count.upper - count.lower

    assert width(-20.0) < 0.1
    assert width(6.0) > 8
    assert width(40.0) < 1


def test_some_clusters_drawn_tell_what_all_tell() -> None:
    rng = np.random.default_rng(11)
    weights = {(int(a), int(a) + 1500): float(w) for a, w in zip(
        rng.permutation(1500)[:900], rng.normal(9, 4, 900), strict=True)}  # fmt: skip
    pairs, label = pairs_of(weights), np.arange(3000)
    every = estimate(label, everyone(label, pairs), pairs, label, EVEN)
    chosen = np.sort(rng.permutation(3000)[:1500])
    some = look_around(label, chosen, pairs, STRANGE, certain(len(pairs)))
    part = estimate(label, some, pairs, label, EVEN)
    assert 100 < every.missed < 800
    assert part.customers == pytest.approx(every.customers, rel=0.02)
    assert part.lower < every.customers < part.upper
    few = look_around(label, np.sort(rng.permutation(3000)[:60]), pairs, STRANGE, certain(len(pairs)))
    least = estimate(label, few, pairs, label, EVEN)
    assert least.lower < every.customers < least.upper
    assert least.upper - least.lower > every.upper - every.lower, "what was not looked at is in the interval"


def test_what_blocks_show_of_all_is_completed_by_a_look_around_some() -> None:
    rng = np.random.default_rng(12)
    drawn = zip(rng.permutation(1500)[:900], rng.normal(9, 4, 900), rng.random(900) < 0.8, strict=True)
    every = {(int(a), int(a) + 1500): (float(w), bool(blocked)) for a, w, blocked in drawn}
    pairs = pairs_of({k: w for k, (w, _) in every.items()})
    blocked = pairs_of({k: w for k, (w, inside) in every.items() if inside})
    label = np.arange(3000)
    near = everyone(label, blocked)
    truth = estimate(label, everyone(label, pairs), pairs, label, EVEN)
    short = estimate(label, near, blocked, label, EVEN)
    assert short.missed < 0.9 * truth.missed, "blocks alone show too little"
    chosen = np.sort(rng.permutation(3000)[:600])
    some = look_around(label, chosen, pairs, STRANGE, certain(len(pairs)))
    part = estimate(label, some, blocked, label, EVEN, near)
    alone = estimate(label, some, blocked, label, EVEN)
    assert part.missed == pytest.approx(truth.missed, rel=0.06)
    assert abs(part.missed - truth.missed) < abs(alone.missed - truth.missed), "what is known of all helps"


def test_a_look_around_holds_the_mean_over_the_cluster() -> None:
    label = np.array([0, 1, 1, 2, 0, 1])
    pairs = pairs_of({(0, 1): 4.0, (1, 4): 6.0, (2, 3): 1.0, (0, 4): 50.0})
    assert order_of(label).tolist() == [1, 0, 2], "largest first, then by number"
    drawn = look_around(label, np.array([0, 2]), pairs, -9.0, certain(len(pairs)))
    mass = drawn.mass
    found = {(int(w), int(o)): float(x) for w, o, x in zip(mass.which, mass.outer, mass.weight, strict=True)}
    # Cluster 0 (records 0 and 4) with record 1: both weighed; cluster 2 (record 3) with record 2.
    assert found == {(0, 1): 5.0, (1, 1): 1.0}
    assert mass.earlier.tolist() == [True, True]
    shift = np.array([0.0, 1.0, 3.0, 0.5])  # of pairs (0, 1), (0, 4), (1, 4), (2, 3)
    assert mass.shifted(shift, drawn.size).tolist() == [5.0 + (0 + 3) / 2, 1.5]
    half = look_around(label, np.array([0]), pairs_of({(0, 1): 4.0}), -9.0, certain(1))
    assert half.mass.weight.tolist() == [(4.0 - 9.0) / 2], "a pair that was not weighed counts as strange"


def test_the_nearest_is_the_likeliest_earlier_cluster() -> None:
    label = np.arange(30)
    pairs = pairs_of({(3, 20): 14.0, (5, 20): 9.0, (21, 25): 2.0})
    one, other, chance = nearest(everyone(label, pairs), {1: 20.0}, EVEN)
    assert dict(zip(one.tolist(), other.tolist(), strict=True)) == {20: 3, 25: 21}
    expected = {20: 2**14 / (20 + 2**14 + 2**9), 25: 4 / (20 + 4)}
    assert dict(zip(one.tolist(), chance.tolist(), strict=True)) == pytest.approx(expected)


def test_the_same_again() -> None:
    weights = {(i, i + 20): 5.0 + i / 7 for i in range(20)}
    assert counted(list(range(40)), weights) == counted(list(range(40)), weights)
