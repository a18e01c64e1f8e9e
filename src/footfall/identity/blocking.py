"""Which pairs of records are looked at: chosen by counting, bounded whatever the data hold.

A block is a set of records that agree on a key. Keys are made of one or two parts of different fields (and a few of
three); how many pairs each would bring is counted first, and keys are taken from the smallest up until the budget is
spent. Blocks above a size bring no pairs: what a thousand records share does not tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

BLOCK = 400
"""Records in a block beyond which it brings no pairs."""
EACH, ALL = 12, 90
"""Pairs per record that one key, and all keys together, may bring."""

ENOUGH = 60
"""Pairs per record beyond which the keys that earn least are dropped."""
Array = np.ndarray[Any, Any]

_PARTS: dict[str, tuple[str, ...]] = {
    "first": ("formal", "left(first, 3)"),
    "surname": ("surname", "left(surname, 4)"),
    "birth": ("birth", "birth_year", "right(birth, 5)"),
    "email": ("email", "email_local"),
    "phone": ("phone",),
    "postcode": ("postcode", "district"),
    "address": ("address",),
    "birth_place": ("birth_place",),
    "profession": ("profession",),
    "age": ("age",),
}
_ALONE = ("email", "email_local", "phone", "postcode", "address", "birth", "surname")
_THREES = (
    (("first", "left(first, 1)"), ("surname", "left(surname, 3)"), ("birth", "birth_year")),
    (("first", "left(first, 1)"), ("surname", "left(surname, 2)"), ("postcode", "district")),
    (("first", "formal"), ("birth_place", "birth_place"), ("profession", "profession")),
    (("first", "formal"), ("birth_place", "birth_place"), ("birth", "birth_year")),
    (("first", "formal"), ("profession", "profession"), ("birth", "birth_year")),
    (("birth_place", "birth_place"), ("profession", "profession"), ("birth", "birth_year")),
)
# First name and surname written in each other's place.
_CROSSED = ("least(first, surname)", "greatest(first, surname)")


@dataclass(frozen=True)
class Key:
    """A blocking key: SQL over the key columns, the pairs it brings and the records in blocks left out for size."""

    parts: tuple[str, ...]
    pairs: int = 0
    crowded: int = 0

    @property
    def sql(self) -> str:
        return ", ".join(self.parts)

    @property
    def where(self) -> str:
        return " and ".join(f"({p}) is not null" for p in self.parts)


def possible_keys(fields: Iterable[str]) -> list[Key]:
    """The keys that records with these fields (names of comparisons) can be blocked by."""
    names = list(fields)
    parts = {f: _PARTS.get(f, (f,)) for f in names if f not in ("later", "gender")}
    keys = [Key((p,)) for f in names for p in parts.get(f, ()) if p in _ALONE or f.startswith("further_")]
    for one, other in combinations(parts, 2):
        keys += [Key((a, b)) for a in parts[one] for b in parts[other]]
    keys += [Key(tuple(p for _, p in three)) for three in _THREES if all(f in parts for f, _ in three)]
    if "first" in parts and "surname" in parts:
        keys.append(Key(_CROSSED))
    return keys


def count_sql(key: Key, table: str) -> str:
    """pairs and crowded (records in blocks left out) of a key over `table`."""
    return (
        f"select coalesce(sum(n * (n - 1) // 2) filter (where n <= {BLOCK}), 0), "
        f"coalesce(sum(n) filter (where n > {BLOCK}), 0)\n"
        f"from (select count(*) as n from {table} where {key.where} group by {key.sql})"
    )


_IMPLIES = {
    "surname": ("left(surname, 4)", "left(surname, 3)", "left(surname, 2)"),
    "left(surname, 4)": ("left(surname, 3)", "left(surname, 2)"),
    "left(surname, 3)": ("left(surname, 2)",),
    "left(first, 3)": ("left(first, 1)",),
    "birth": ("birth_year", "right(birth, 5)"),
    "postcode": ("district",),
    "email": ("email_local",),
}


def _within(tight: Key, loose: Key) -> bool:
    """Every pair that `tight` brings, `loose` brings too."""
    return all(any(t == p or p in _IMPLIES.get(t, ()) for t in tight.parts) for p in loose.parts)


def choose(keys: Iterable[Key], rows: int) -> list[Key]:
    """The keys to use, from the fewest pairs up, within the budget; a key that a looser one holds is not needed,
    unless the looser one leaves blocks out for their size.

    At least one where any brings pairs.
    """
    chosen: list[Key] = []
    for key in sorted((k for k in keys if k.pairs), key=lambda k: (k.pairs, k.parts)):
        kept = [k for k in chosen if key.crowded or not _within(k, key)]
        if not chosen or (key.pairs <= EACH * rows and sum(k.pairs for k in kept) + key.pairs <= ALL * rows):
            chosen = [*kept, key]
    return chosen


def pairs_sql(keys: Iterable[Key], table: str) -> str:
    """a, b (a < b): each pair of records that shares a block, once."""
    each = []
    for key in keys:
        blocks = (
            f"select record, {', '.join(f'{p} as k{i}' for i, p in enumerate(key.parts))} from {table} "
            f"where {key.where} qualify count(*) over (partition by {key.sql}) between 2 and {BLOCK}"
        )
        on = " and ".join(f"l.k{i} = r.k{i}" for i in range(len(key.parts)))
        each.append(
            f"select l.record as a, r.record as b from ({blocks}) l join ({blocks}) r on {on} and l.record < r.record"
        )
    return "select distinct a, b from (\n" + "\nunion all\n".join(each) + "\n)"


def tagged_sql(keys: Iterable[Key], table: str, sample: str) -> str:
    """a, b, keys: pairs of the records in `sample` with all others that share a block, and which keys bring them.

    `keys` is a sum of powers of two, by the place of the key.
    """
    each = []
    for place, key in enumerate(keys):
        blocks = (
            f"select record, {', '.join(f'{p} as k{i}' for i, p in enumerate(key.parts))} from {table} "
            f"where {key.where} qualify count(*) over (partition by {key.sql}) between 2 and {BLOCK}"
        )
        on = " and ".join(f"l.k{i} = r.k{i}" for i in range(len(key.parts)))
        each.append(
            f"select least(l.record, r.record) as a, greatest(l.record, r.record) as b, {1 << place}::BIGINT as key "
            f"from ({blocks}) l semi join {sample} using (record) join ({blocks}) r on {on} and l.record <> r.record"
        )
    return "select a, b, bit_or(key) as keys from (\n" + "\nunion all\n".join(each) + "\n) group by a, b"


def worth(keys: Sequence[Key], tags: Array, likely: Array, enough: float) -> list[Key]:
    """The keys that earn their place: those are dropped of whose own pairs the fewest are likely, down to enough pairs.

    Args:
        keys: those that brought the pairs.
        tags: of each pair, which keys bring it (as `tagged_sql` has it).
        likely: whether the pair is likely one person.
        enough: pairs that the keys left may bring, each for itself.
    """
    kept = list(range(len(keys)))
    while len(kept) > 1 and sum(keys[k].pairs for k in kept) > enough:
        earned = []
        for place in kept:
            rest = sum(1 << k for k in kept if k != place)
            alone = ((tags >> place) & 1 == 1) & (tags & rest == 0)
            earned.append((float((alone & likely).sum()) / max(1, int(alone.sum())), -keys[place].pairs, place))
        kept.remove(min(earned)[2])
    return [keys[k] for k in kept]


def wide_sql(columns: Mapping[str, int], table: str, sample: str) -> str:
    """a, b: pairs of the records in `sample` with all others of `table` that share a single value with them.

    Args:
        columns: key column -> how many records may share a value of it for the value to count.
    """
    # The few are singled out first: joined the other way round, a value that all share costs their number squared.
    few = (
        "(with few as materialized (select record, {c} as k from {table} "
        "semi join (select {c} from {table} where {c} is not null group by 1 having count(*) between 2 and {cap}) "
        "using ({c})) select l.record as one, r.record as other from few l semi join {sample} using (record) "
        "join few r on l.k = r.k and l.record <> r.record)"
    )
    each = [few.format(c=c, cap=cap, table=table, sample=sample) for c, cap in columns.items()]
    union = "\nunion all\n".join(each)
    return f"select distinct least(one, other) as a, greatest(one, other) as b from (\n{union}\n)"
