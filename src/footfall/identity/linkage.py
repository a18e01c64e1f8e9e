"""Records to clusters, in memory: exact identifiers first, then weighed pairs, then those that say little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import log2
from typing import Any

import numpy as np
import pyarrow as pa

from footfall.errors import UsageError, did_you_mean
from footfall.identity.cluster import CERTAIN, Rules, components, merge
from footfall.identity.count import Count, Drawn, estimate, look_around, nearest
from footfall.identity.doubt import Pairs
from footfall.identity.weigh import NEVER, Weigher

Array = np.ndarray[Any, Any]
Progress = Callable[[str], None]
UNSEEN = 6.0
"""Pairs that share no block are taken to lie this many bits below even odds."""
STRANGE = -10.0
"""The weight of pairs that share no value at all."""
LOOKED_AT = 1_000_000
"""Pairs that the look around clusters may take; where all of them would take more, some are drawn."""
SMALL = 2
"""Clusters of at most so many records say little; they are looked around first, and joined to whom they likeliest
are."""
Sure = tuple[tuple[Array, Array, str], ...]
SEED = 1
LINK, JOIN = 0.75, 0.9
"""The chance from which on clusters are merged, and small ones joined at last: to take two customers for one is worse
than to leave one in two, and the count knows of what is left."""
THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.99, 0.999)


@dataclass(frozen=True)
class Policy:
    """Rules a business states.

    Args:
        unique: sources each of whose accounts is another person.
        age_gap: the largest difference of ages within one person; None: any.
        households: members of a household (one surname and place, other first names) are never one person.
        verified: "email", "phone": identifiers that the business has verified for every record; else only those marked
            so.
    """

    unique: tuple[str, ...] = ()
    age_gap: float | None = None
    households: bool = True
    verified: tuple[str, ...] = ()

    def check(self, sources: set[str]) -> None:
        """Raise UsageError for a rule about a source or an identifier that is not there."""
        for name in self.unique:
            if name not in sources:
                raise UsageError(f"no records come from '{name}'{did_you_mean(name, sources)}")
        for name in self.verified:
            if name not in ("email", "phone"):
                raise UsageError(f"'{name}' is no identifier that can be verified; email and phone are")
        if self.age_gap is not None and self.age_gap < 0:
            raise UsageError("an age gap is zero or more years")


@dataclass(frozen=True)
class Late:
    """Small clusters that were joined last, each to whom it likeliest belongs.

    Attributes:
        label: cluster of each record before.
        one, other, chance: which was joined to which, and how likely it belongs there.
    """

    label: Array
    one: Array
    other: Array
    chance: Array

    def chance_of(self, pairs: Pairs) -> Array:
        """The chance of the join that each pair is part of; 0 where it is part of none."""
        here, there = self.label[pairs.a], self.label[pairs.b]
        width = int(self.label.max(initial=-1)) + 1
        key = np.minimum(self.one, self.other) * width + np.maximum(self.one, self.other)
        order = np.argsort(key)
        asked = np.minimum(here, there) * width + np.maximum(here, there)
        at = np.searchsorted(key[order], asked)
        found = (at < len(key)) & (key[order][np.minimum(at, len(key) - 1)] == asked) if len(key) else at < 0
        told = np.zeros(len(asked))
        told[found] = self.chance[order][at[found]]
        return told


@dataclass(frozen=True)
class Linkage:
    """What was found.

    Attributes:
        label: cluster of each record.
        pairs: the weighed pairs.
        even: the weight of even odds.
        count: how many persons.
        thresholds: chance -> clusters when only links of at least that chance are made.
        sure: pairs of records that are one by an exact identifier (a, b) and by which.
        around: the pairs weighed in the look around clusters.
        late: small clusters joined last.
    """

    label: Array
    pairs: Pairs
    even: float
    count: Count
    thresholds: dict[float, int]
    sure: tuple[tuple[Array, Array, str], ...] = field(default=())
    around: Pairs = field(default_factory=Pairs.none)
    late: Late | None = None

    def chance(self, pairs: Pairs) -> Array:
        """The chance that these pairs are of one person; of a late join, that of its clusters."""
        told = np.asarray(1 / (1 + 2.0 ** np.clip(self.even - pairs.weight, -1000, 1000)))
        return told if self.late is None else np.maximum(told, self.late.chance_of(pairs))


def exact(keys: pa.Table, policy: Policy) -> Sure:
    """Pairs of records that are one person by an identifier: consecutive records of a group, and by which."""
    found = [(*_chain(np.asarray(keys["unit"])), "the same account")]
    for name, how in (
        ("twin", "the same in every detail"),
        ("email", "the same verified e-mail"),
        ("phone", "the same verified phone"),
    ):
        if name not in keys.column_names:
            continue
        values = keys[name].to_numpy(zero_copy_only=False)
        known = np.array([v is not None for v in values])
        if name != "twin" and name not in policy.verified:
            known &= np.asarray(keys[f"checked_{name}"])
        if known.any():
            _, code = np.unique(values[known].astype(str), return_inverse=True)
            one, other = _chain(code)
            where = np.flatnonzero(known)
            found.append((where[one], where[other], how))
    return tuple(f for f in found if len(f[0]))


def start_of(keys: pa.Table, sure: Sure, rules: Rules) -> Array:
    """The clusters that exact identifiers make, where no rule is against it; records of one account are always one."""
    unit = components(keys.num_rows, *_chain(np.asarray(keys["unit"])))
    if not sure:
        return unit
    one, other = (np.concatenate([s[i] for s in sure]) for i in (0, 1))
    return merge(unit, Pairs(one, other, np.full(len(one), CERTAIN)), 0.0, 0.0, rules)


def _chain(code: Array) -> tuple[Array, Array]:
    """Each member of a group and the next one."""
    order = np.argsort(code, kind="stable")
    same = code[order][1:] == code[order][:-1]
    return order[:-1][same], order[1:][same]


def rules_for(keys: pa.Table, sources: Array, policy: Policy, never: tuple[Array, Array]) -> Rules:
    """The rules of the policy over these records. `sources`: the source of each; `never`: pairs judged different."""
    rows = keys.num_rows
    apart = np.full(rows, -1, np.int64)
    for number, name in enumerate(policy.unique):
        apart[sources == name] = number
    age = np.full(rows, np.nan)
    if policy.age_gap is not None:
        if "age" in keys.column_names:
            age = keys["age"].to_numpy(zero_copy_only=False).astype(float)
        if "birth_year" in keys.column_names:
            # Of birth years and ages of unknown dates, those that more records have count: they do not compare.
            year = keys["birth_year"].to_numpy(zero_copy_only=False).astype(float)
            age = -year if np.isnan(year).sum() <= np.isnan(age).sum() else age
    return Rules(apart, np.asarray(keys["unit"]), age, never, policy.age_gap)


def link(
    start: Array,
    rules: Rules,
    weigher: Weigher | None,
    progress: Progress,
    sure: Sure = (),
    new: Array | None = None,
    copy: Array | None = None,
) -> Linkage:
    """Find the clusters and count them.

    Args:
        start: cluster of each record to begin with, by number.
        rules: what may never merge.
        weigher: trained; None where there is nothing to compare by.
        progress: told of each step.
        sure: pairs that are one by an exact identifier; part of the answer.
        new: records that alone may be linked; None: all.
        copy: records that are copies of another one of their cluster.
    """
    rows = len(start)
    if weigher is None:
        number = int(start.max(initial=-1)) + 1
        return Linkage(start, Pairs.none(), 0.0, Count.certain(number), dict.fromkeys(THRESHOLDS, number), sure)
    progress("weighing pairs of records")
    pairs, narrow = weigher.candidates(new)
    # Pairs of new records alone do not tell how many of all pairs match; what the blocks taught does.
    even = _even(pairs.weight if new is None else np.empty(0), weigher.share, rows)
    progress(f"{len(pairs):,} pairs weighed; merging")
    firm = _merged(start, pairs, even, LINK, rules, copy)
    progress("counting, with what the links do not say")
    near = _allowed(look_around(firm, np.arange(firm.max() + 1), pairs, STRANGE, narrow), firm, rules)
    drawn, around = _drawn(firm, weigher, rules)
    whole = not (np.bincount(firm) <= SMALL)[np.setdiff1d(near.cluster, drawn.cluster)].any()
    count = estimate(firm, drawn, pairs, start, even, near)
    label, late = _joined(firm, drawn if whole else near, count, rules, even)
    thresholds = {
        chance: int(_merged(start, pairs, even, chance, rules, copy).max(initial=-1)) + 1 for chance in THRESHOLDS
    }
    return Linkage(label, pairs, even, count, thresholds, sure, around, late)


def _merged(start: Array, pairs: Pairs, even: float, chance: float, rules: Rules, copy: Array | None) -> Array:
    """Clusters merged where the chance of it is at least so much."""
    stricter = even + log2(chance / (1 - chance))
    return merge(start, pairs, stricter, stricter - UNSEEN, rules, copy)


def _even(weight: Array, share: float, rows: int) -> float:
    """The weight of even odds: minus the log odds that two records drawn at random match.

    By expectation maximisation, from `share` on.
    """
    ratio = 2.0 ** np.clip(weight, -100, 100)
    for _ in range(200 if len(weight) else 0):
        before = share
        share = max(1 / rows**2, float((share * ratio / (1 - share + share * ratio)).sum()) / (rows * (rows - 1) / 2))
        if abs(share - before) <= 1e-6 * before:
            break
    return -log2(share / (1 - share))


def _drawn(label: Array, weigher: Weigher, rules: Rules) -> tuple[Drawn, Pairs]:
    """Clusters looked around for all that shares a value with them, as many as the budget allows."""
    size = np.bincount(label)
    rng = np.random.default_rng(SEED)
    cost = np.bincount(label, weigher.reach())
    chosen = []
    for kind, budget in ((size <= SMALL, 0.75 * LOOKED_AT), (size > SMALL, 0.25 * LOOKED_AT)):
        clusters = rng.permutation(np.flatnonzero(kind))
        within = clusters[np.cumsum(cost[clusters]) <= budget] if len(clusters) else clusters
        chosen.append(within if len(within) else clusters[:1])
    picked = np.sort(np.concatenate(chosen))
    pairs, doubt = weigher.around(np.flatnonzero(np.isin(label, picked)))
    return _allowed(look_around(label, picked, pairs, STRANGE, doubt), label, rules), pairs


def _allowed(drawn: Drawn, label: Array, rules: Rules) -> Drawn:
    """What clusters that may never merge expect of each other counts for nothing; those left alone now may yet."""
    lasting = replace(rules, held=None)
    if lasting.idle:
        return drawn
    mass = drawn.mass
    fine = lasting.allow(label, drawn.cluster[mass.which], mass.outer)
    return replace(drawn, mass=replace(mass, weight=np.where(fine, mass.weight, 10 * NEVER)))


def _joined(label: Array, drawn: Drawn, count: Count, rules: Rules, even: float) -> tuple[Array, Late]:
    """Small clusters joined to the earlier cluster they all but surely belong to."""
    one, other, chance = nearest(drawn, count.own, even)
    size = np.bincount(label)
    good = (chance > JOIN) & (size[one] <= SMALL)
    if not rules.idle:
        good &= rules.allow(label, one, other)
    late = Late(label, one[good], other[good], chance[good])
    joined = components(len(size), one[good], other[good])[label]
    if rules.idle:
        return joined, late
    wrong = rules.broken(joined)[joined]
    return components(len(label), *_chain(np.where(wrong, label + len(label), joined))), late
