"""Which records are one person: clusters of pairs, merged while their mean weight speaks for it.

Connected components chain strangers together through one wrong link; a merge by the mean weight between two clusters
asks all of their records. Rules that a business states hold at every step.

Source: average linkage on match weights; for the failure of plain components see Nentwig et al., A Survey of Current
Link Discovery Frameworks (2017), and Draisbach et al., Transforming Pairwise Duplicates to Entity Clusters, JDIQ 12
(2019).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from footfall.identity.doubt import Pairs

Array = np.ndarray[Any, Any]
CERTAIN = 10.0
"""Bits beyond even odds at which pairs are joined at once (a chance of .999)."""


@dataclass(frozen=True)
class Rules:
    """What may never be one person.

    Args:
        apart: record -> a number per source whose records are one per person, -1 for others: two different accounts
            of such a source never merge.
        account: record -> number of its account, for `apart`; records of one account may merge.
        age: record -> age in years (NaN: unknown), compared with `gap`.
        never: pairs of records (a, b) that a person has judged to be different persons.
        gap: largest difference of ages within one person; None: any.
        held: record -> number of the customer it has been so far (-1: new), where those there are stay as they are.
    """

    apart: Array
    account: Array
    age: Array
    never: tuple[Array, Array]
    gap: float | None = None
    held: Array | None = None
    sources: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sources", int(self.apart.max(initial=-1)) + 1)

    @property
    def idle(self) -> bool:
        return not self.sources and self.gap is None and not len(self.never[0]) and self.held is None

    def _one_each(self) -> Iterator[tuple[Array, Array]]:
        """Records of which no two of different numbers are one person, and their numbers."""
        for source in range(self.sources):
            inside = self.apart == source
            yield inside, self.account[inside]
        if self.held is not None:
            inside = self.held >= 0
            yield inside, self.held[inside]

    def broken(self, label: Array) -> Array:
        """Which clusters break a rule, by their number."""
        count = int(label.max(initial=-1)) + 1
        wrong = np.zeros(count, bool)
        for inside, number in self._one_each():
            pairs = np.unique(np.stack([label[inside], number]), axis=1)
            wrong |= np.bincount(pairs[0], minlength=count) > 1
        if self.gap is not None:
            low, high = self._ages(label, count)
            wrong |= high - low > self.gap
        here, there = (label[side] for side in self.never)
        wrong[here[here == there]] = True
        return wrong

    def allow(self, label: Array, one: Array, other: Array) -> Array:
        """Which pairs of clusters may merge."""
        count = int(label.max(initial=-1)) + 1
        fine = np.ones(len(one), bool)
        for inside, number in self._one_each():
            holds = np.full(count, -1, np.int64)
            holds[label[inside]] = number
            fine &= (holds[one] < 0) | (holds[other] < 0) | (holds[one] == holds[other])
        if self.gap is not None:
            low, high = self._ages(label, count)
            fine &= ~(np.fmax(high[one], high[other]) - np.fmin(low[one], low[other]) > self.gap)
        if len(self.never[0]):
            here, there = (label[side] for side in self.never)
            judged = np.minimum(here, there) * count + np.maximum(here, there)
            fine &= ~np.isin(np.minimum(one, other) * count + np.maximum(one, other), judged)
        return fine

    def _ages(self, label: Array, count: int) -> tuple[Array, Array]:
        low, high = np.full(count, np.nan), np.full(count, np.nan)
        np.fmin.at(low, label, self.age)
        np.fmax.at(high, label, self.age)
        return low, high


def components(count: int, a: Array, b: Array) -> Array:
    """The connected component of each of `count` nodes, numbered by their first node."""
    graph = coo_matrix((np.ones(len(a), np.int8), (a, b)), shape=(count, count))
    found = connected_components(graph, directed=False)[1]
    return _by_first(found)


def _by_first(label: Array) -> Array:
    """The same clusters, numbered in the order of their first record."""
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


@dataclass(frozen=True)
class Between:
    """Pairs of clusters (one < other), the mean weight between their records and the number of pairs weighed."""

    one: Array
    other: Array
    mean: Array


def between(label: Array, pairs: Pairs, unseen: float, copy: Array | None = None) -> Between:
    """The mean weight between clusters; record pairs that were not weighed count as `unseen`.

    `copy`: records that say nothing beside another one of their cluster, and do not count.
    """
    count = int(label.max(initial=-1)) + 1
    size = np.bincount(label if copy is None else label[~copy], minlength=count)
    x, y = label[pairs.a], label[pairs.b]
    apart = x != y
    key = np.minimum(x, y)[apart] * count + np.maximum(x, y)[apart]
    found, inverse = np.unique(key, return_inverse=True)
    total = np.bincount(inverse, pairs.weight[apart], minlength=len(found))
    seen = np.bincount(inverse, minlength=len(found))
    one, other = found // count, found % count
    possible = size[one] * size[other]
    return Between(one, other, (total + (possible - seen) * unseen) / possible)


def merge(start: Array, pairs: Pairs, even: float, unseen: float, rules: Rules, copy: Array | None = None) -> Array:
    """Clusters of records.

    Args:
        start: cluster of each record to begin with (same account, same verified address), by number.
        pairs: the weighed pairs.
        even: the weight at which one person and two are equally likely.
        unseen: the weight that pairs which share no block are given.
        rules: what may never merge.
        copy: records that are copies of another one of their cluster.
    """
    sure = pairs.weight >= even + CERTAIN
    label = _joined(start, pairs.a[sure], pairs.b[sure], rules)
    for _ in range(200):
        links = between(label, pairs, unseen, copy)
        good = links.mean >= even
        if not rules.idle:
            good &= rules.allow(label, links.one, links.other)
        one, other, mean = links.one[good], links.other[good], links.mean[good]
        if not len(one):
            break
        chosen = _mutual(int(label.max()) + 1, one, other, mean)
        label = components(int(label.max()) + 1, one[chosen], other[chosen])[label]
    return _by_first(label)


def _joined(start: Array, a: Array, b: Array, rules: Rules) -> Array:
    """`start` with sure pairs joined, except where that would break a rule."""
    count = int(start.max(initial=-1)) + 1
    label = components(count, start[a], start[b])[start]
    if rules.idle:
        return label
    wrong = rules.broken(label)[label]
    # Only what broke a rule goes back to where it was, to be merged step by step.
    return _by_first(np.where(wrong, start + len(start), label))


def _mutual(count: int, one: Array, other: Array, mean: Array) -> Array:
    """Pairs that are each other's best; ties go to the first cluster, so that no cluster is in two pairs."""
    order = np.lexsort((other, one, -mean))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    best = np.full(count, len(order), np.int64)
    np.minimum.at(best, one, rank)
    np.minimum.at(best, other, rank)
    return np.asarray((rank == best[one]) & (rank == best[other]))
