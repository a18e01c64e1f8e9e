"""How many customers there are, and how sure that is.

The clusters found are one reading of the records. What is uncertain is of two kinds: links that were made and may be
wrong, and links that were not made since the records say too little. Both are weighed alike: a record f is a person of
its own with chance

    p(f) = N / (N + sum over all other records r of 2^weight(f, r))

where 2^weight is the likelihood ratio of the pair and N the number of records that are alone of their person. The sum
is what the other records expect of f: a record that says no more than "John" is expected by every John. N itself is
not known and is found by expectation maximisation, N = sum of p(f). For clusters of s records in place of single ones,
the weight to r is the mean over the cluster's records, and N counts the records in persons of exactly s records.

The expected number of persons follows by linearity: every cluster counts one, less its chance to belong to a cluster
before it in the order (largest first), plus the chance of each but the best-tied of its records to be a stranger in
it. Its 95% interval holds three things: which links are true (the possible worlds), which records were drawn for the
look around them (where looking at all is too dear), and that weights of fields taken as independent are too sharp or
too faint (their slope is drawn for every world).

Source: the EM for a mixing share, McLachlan and Peel, Finite Mixture Models (2000), 2.8; the size prior follows
Good-Turing: the chance that a record is of an unseen person is the share of records alone of theirs, Good, Biometrika
40 (1953).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from footfall.identity.cluster import Array
from footfall.identity.doubt import Doubt, Pairs

WORLDS, SEED = 400, 1
SLOPE = 0.1
"""Standard deviation of the slope of the weights, around 1."""
ODDS = 1.5
"""Standard deviation, in bits, of what is off in all weights together."""
READINGS = 50
"""Draws of the slope and of the learnt shares; the worlds take them in turn."""
LARGEST = 6
"""Clusters of this many records and more are of one class."""


@dataclass(frozen=True)
class Mass:
    """What other records expect of some clusters: one entry per cluster drawn and record outside it.

    Attributes:
        which: position of the drawn cluster, 0..m-1.
        weight: mean weight between the drawn cluster's records and the outer one.
        entry, pair: which weighed pair is part of which entry, so that a shift of weights can be carried over.
        earlier: whether the outer record's cluster comes before the drawn one in the order.
        outer: the outer record's cluster.
    """

    which: Array
    weight: Array
    earlier: Array
    outer: Array
    entry: Array
    pair: Array

    def shifted(self, shift: Array, members: Array) -> Array:
        """The mean weights when each weighed pair's weight moves by `shift`."""
        moved = np.bincount(self.entry, shift[self.pair], minlength=len(self.weight))
        return np.asarray(self.weight + moved / members[self.which])


@dataclass(frozen=True)
class Drawn:
    """Clusters looked around: their number, records, what is expected of them, and how unsure the weights are."""

    cluster: Array
    size: Array
    mass: Mass
    doubt: Doubt


@dataclass(frozen=True)
class Count:
    """The number of persons: expectation, 95% interval, and the parts it is made of.

    Attributes:
        clusters: clusters that the links make.
        customers: expected number of persons.
        lower, upper: 95% interval.
        missed: expected links between clusters that were not made.
        wrong: expected records that are strangers in their cluster.
        own: size class -> expected records in persons of that many records (class 1: alone of their person).
    """

    clusters: int
    customers: float
    lower: float
    upper: float
    missed: float
    wrong: float
    own: dict[int, float]

    @staticmethod
    def certain(clusters: int) -> Count:
        """The count where nothing is in doubt."""
        return Count(clusters, clusters, clusters, clusters, 0.0, 0.0, {})


def order_of(label: Array) -> Array:
    """Each cluster's place: largest first, then by number."""
    size = np.bincount(label)
    place = np.empty(len(size), np.int64)
    place[np.lexsort((np.arange(len(size)), -size))] = np.arange(len(size))
    return place


def look_around(label: Array, chosen: Array, pairs: Pairs, unseen: float, doubt: Doubt) -> Drawn:
    """What the weighed pairs around the clusters `chosen` (numbers, sorted) say about each of them."""
    size = np.bincount(label)
    place = order_of(label)
    inside = np.full(len(size), -1, np.int64)
    inside[chosen] = np.arange(len(chosen))
    one = np.concatenate([pairs.a, pairs.b])
    other = np.concatenate([pairs.b, pairs.a])
    weight = np.concatenate([pairs.weight, pairs.weight])
    pair = np.tile(np.arange(len(pairs)), 2)
    keep = (inside[label[one]] >= 0) & (label[one] != label[other])
    one, other, weight, pair = one[keep], other[keep], weight[keep], pair[keep]
    key = inside[label[one]] * len(label) + other
    found, inverse = np.unique(key, return_inverse=True)
    which, outer = found // len(label), label[found % len(label)]
    members = size[chosen][which]
    seen = np.bincount(inverse, minlength=len(found))
    total = np.bincount(inverse, weight, minlength=len(found))
    mean = (total + (members - seen) * unseen) / members
    earlier = place[outer] < place[chosen][which]
    return Drawn(chosen, size[chosen], Mass(which, mean, earlier, outer, inverse, pair), doubt)


def estimate(label: Array, drawn: Drawn, pairs: Pairs, unit: Array, even: float, near: Drawn | None = None) -> Count:
    """The number of persons behind the records.

    Args:
        label: cluster of each record.
        drawn: clusters looked around, all or some.
        pairs: the weighed pairs (those within clusters are used here).
        unit: records that are surely one (same account), by number.
        even: the weight of even odds; slopes turn around it.
        near: all clusters, with what the weighed pairs say of them. What a cluster that was not drawn is expected of
            beyond that is taken from a drawn one of its size.
    """
    rng = np.random.default_rng(SEED)
    size = np.bincount(label)
    ties = _ties(label, pairs, unit)
    middle = _missed(size, _all_round(rng, size, drawn, near, _Reading(even)))
    # A few readings of the weights are worked out; each world takes one of them.
    readings = []
    for _ in range(READINGS):
        reading = _Reading(
            even, 1 + SLOPE * rng.standard_normal(), ODDS * rng.standard_normal(), int(rng.integers(2**62))
        )
        part = _missed(size, _all_round(rng, size, drawn, near, reading))
        readings.append((part.joins.sum(), _spread(part.joins), _strangers(reading.sloped(ties), part.own[1])))
    worlds = np.empty(WORLDS)
    for world in range(WORLDS):
        joins, spread, strangers = readings[world % READINGS]
        worlds[world] = len(size) - joins + strangers.sum() + rng.normal(0, np.sqrt(spread + _spread(strangers)))
    least = min(1.0, len(size))
    ends = np.quantile(worlds, 0.025), worlds.mean(), np.quantile(worlds, 0.975)
    lower, expected, upper = (max(least, float(x)) for x in ends)
    missed = float(np.mean([joins for joins, _, _ in readings]))
    return Count(len(size), expected, lower, upper, missed, float(_strangers(ties, middle.own[1]).sum()), middle.own)


def _spread(chance: Array) -> float:
    return float((chance * (1 - chance)).sum())


@dataclass(frozen=True)
class _Reading:
    """One draw of what is unsure in the weights: their slope around even odds, the odds of all, a seed for the shares.

    Without a seed, the weights as they are.
    """

    even: float
    slope: float = 1.0
    odds: float = 0.0
    seed: int | None = None

    def sloped(self, weight: Array) -> Array:
        return np.asarray(self.even + self.slope * (weight - self.even))

    def mass(self, drawn: Drawn) -> tuple[Array, Array]:
        """What other records expect of each drawn cluster, and those of earlier clusters."""
        weight = drawn.mass.weight
        if self.seed is not None:
            weight = drawn.mass.shifted(drawn.doubt.shift(np.random.default_rng(self.seed)), drawn.size)
        grown = _grown(drawn, self.sloped(weight), self.even) * 2.0**self.odds
        total = np.bincount(drawn.mass.which, grown, minlength=len(drawn.cluster))
        return total, np.bincount(drawn.mass.which, grown * drawn.mass.earlier, minlength=len(drawn.cluster))


def _all_round(
    rng: np.random.Generator, size: Array, drawn: Drawn, near: Drawn | None, reading: _Reading
) -> tuple[Array, Array]:
    """What is expected of every cluster, and by earlier ones; of clusters that were not drawn, by others of their size.

    The clusters drawn are drawn anew each time, so that worlds differ by who was looked at.
    """
    total, early = np.zeros(len(size)), np.zeros(len(size))
    far, far_early = reading.mass(drawn)
    if len(drawn.cluster) == len(size):
        return far, far_early
    if near is not None:
        total[near.cluster], early[near.cluster] = reading.mass(near)
    more = np.maximum(0, far - total[drawn.cluster])
    more_early = np.minimum(more, np.maximum(0, far_early - early[drawn.cluster]))
    total[drawn.cluster] += more
    early[drawn.cluster] += more_early
    left = np.ones(len(size), bool)
    left[drawn.cluster] = False
    kind, kinds = np.minimum(size, LARGEST), np.minimum(drawn.size, LARGEST)
    for one in np.unique(kinds):
        takes, gives = np.flatnonzero(left & (kind == one)), np.flatnonzero(kinds == one)
        gives = gives[rng.integers(0, len(gives), len(gives))]
        giver = gives[rng.integers(0, len(gives), len(takes))]
        total[takes] += more[giver]
        early[takes] += more_early[giver]
    return total, early


def _strangers(ties: Array, alone: float) -> Array:
    """The chance of each record to be a stranger in its cluster."""
    return np.asarray(alone / (alone + 2.0 ** np.minimum(ties, 1000.0)))


@dataclass(frozen=True)
class _Missed:
    joins: Array
    own: dict[int, float]


def _missed(size: Array, expected: tuple[Array, Array]) -> _Missed:
    """Each cluster's chance to belong to an earlier one, and the number of records in persons of each size."""
    total, early = expected
    kind = np.minimum(size, LARGEST)
    joins = np.zeros(len(size))
    sizes = {1: 1.0}
    for one in np.unique(kind):
        inside = kind == one
        own = _own(total[inside], size[inside])
        joins[inside] = early[inside] / (own + total[inside])
        sizes[int(one)] = own
    return _Missed(joins, sizes)


def _grown(drawn: Drawn, weight: Array, even: float) -> Array:
    """Likelihood ratios of mean weights: the mean of s records says more than one record does, as their square root."""
    sharper = even + (weight - even) * np.sqrt(drawn.size)[drawn.mass.which]
    return np.asarray(2.0 ** np.clip(sharper, -1000.0, 1000.0))


def nearest(drawn: Drawn, own: dict[int, float], even: float) -> tuple[Array, Array, Array]:
    """Drawn clusters, for each the earlier cluster that is likeliest the same person, and the chance of it.

    The chance is the mean over readings of the weights, so that one which rests on a share hardly known is no strong
    one.
    """
    rng = np.random.default_rng(SEED)
    mass = drawn.mass
    width = int(mass.outer.max(initial=0)) + 1
    early = mass.earlier
    key, inverse = np.unique(mass.which[early] * width + mass.outer[early], return_inverse=True)
    which, outer = key // width, key % width
    floor = np.array([own.get(int(min(s, LARGEST)), float(s)) for s in drawn.size])
    chance = np.zeros(len(key))
    for _ in range(READINGS):
        grown = _grown(drawn, mass.shifted(drawn.doubt.shift(rng), drawn.size), even)
        total = np.bincount(mass.which, grown, minlength=len(drawn.cluster))
        chance += np.bincount(inverse, grown[early], minlength=len(key)) / (floor + total)[which] / READINGS
    order = np.lexsort((outer, -chance, which))
    best = order[np.unique(which[order], return_index=True)[1]]
    return drawn.cluster[which[best]], outer[best], chance[best]


def _own(total: Array, size: Array) -> float:
    """The number of records in persons of this class: where expectation maximisation comes to rest.

    There own = sum of size * own / (own + total), or sum of size / (own + total) = 1; the reciprocal of that sum is
    concave in own, and Newton's steps on it come from below.
    """
    own = float(size.sum())
    for _ in range(100):
        part = size / (own + total)
        told = float(part.sum())
        new = max(1.0, own + (told - 1) * told / float((part / (own + total)).sum()))
        if abs(new - own) <= 1e-9 * own:
            return new
        own = new
    return own


def _ties(label: Array, pairs: Pairs, unit: Array) -> Array:
    """Of each unit but the best-tied one of its cluster: log2 of what the others in its cluster expect of it."""
    within = (label[pairs.a] == label[pairs.b]) & (unit[pairs.a] != unit[pairs.b])
    one = np.concatenate([unit[pairs.a[within]], unit[pairs.b[within]]])
    weight = np.concatenate([pairs.weight[within], pairs.weight[within]])
    count = int(unit.max(initial=-1)) + 1
    grown = np.bincount(one, 2.0 ** np.minimum(weight, 500.0), minlength=count)
    home = np.full(count, -1, np.int64)
    home[unit] = label
    units = np.flatnonzero(home >= 0)
    with np.errstate(divide="ignore"):
        tie = np.log2(grown[units])
    order = np.lexsort((-tie, home[units]))
    units, tie = units[order], tie[order]
    first = np.ones(len(units), bool)
    first[1:] = home[units][1:] != home[units][:-1]
    return np.asarray(tie[~first])
