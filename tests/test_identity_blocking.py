"""Which pairs are looked at: counted before, within a budget, and exactly those that share a block."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations
from threading import Timer
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from footfall.identity.blocking import (
    ALL,
    BLOCK,
    EACH,
    Key,
    choose,
    count_sql,
    pairs_sql,
    possible_keys,
    tagged_sql,
    wide_sql,
    worth,
)  # fmt: skip

Row = dict[str, Any]
PLAIN: dict[str, Callable[[Row], Any]] = {
    "surname": lambda r: r["surname"],
    "formal": lambda r: r["formal"],
    "postcode": lambda r: r["postcode"],
    "district": lambda r: r["district"],
    "left(surname, 4)": lambda r: r["surname"] and r["surname"][:4],
    "left(first, 1)": lambda r: r["first"] and r["first"][:1],
    "left(surname, 2)": lambda r: r["surname"] and r["surname"][:2],
    "least(first, surname)": lambda r: min((r["first"], r["surname"]), key=lambda x: (x is None, x)),
    "greatest(first, surname)": lambda r: max((r["first"], r["surname"]), key=lambda x: (x is not None, x)),
}


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    rng = random.Random(5)
    made = []
    for record in range(400):
        first = rng.choice(["anna", "anne", "bert", "carl", "smith", None])
        surname = rng.choice(["smith", "smithson", "jones", "joneson", "anna", None])
        place = rng.choice([f"E{i}" for i in range(20)] + [None])
        made.append(
            {"record": record, "first": first, "formal": first, "surname": surname,
             "postcode": place and f"{place} {record % 3}AB", "district": place}
        )  # fmt: skip
    return made


@pytest.fixture(scope="module")
def table(rows: list[Row]) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    connection.register("given", pa.Table.from_pylist(rows))
    connection.execute("create table keys as select * from given")
    yield connection
    connection.close()


def blocks(rows: list[Row], key: Key) -> dict[tuple[Any, ...], list[int]]:
    found: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        values = tuple(PLAIN[p](row) for p in key.parts)
        if None not in values:
            found.setdefault(values, []).append(row["record"])
    return found


def by_hand(rows: list[Row], key: Key) -> set[tuple[int, int]]:
    inside = [b for b in blocks(rows, key).values() if len(b) <= BLOCK]
    return {pair for block in inside for pair in combinations(sorted(block), 2)}


KEYS = [
    Key(("surname", "postcode")),
    Key(("formal", "district")),
    Key(("left(first, 1)", "left(surname, 2)", "district")),
    Key(("left(surname, 4)", "postcode")),
    Key(("least(first, surname)", "greatest(first, surname)")),
]


@pytest.mark.parametrize("key", KEYS, ids=lambda k: k.sql)
def test_pairs_are_those_of_plain_python(rows: list[Row], table: duckdb.DuckDBPyConnection, key: Key) -> None:
    found = table.sql(pairs_sql([key], "keys")).fetchall()
    assert len(found) == len(set(found)), "each pair once"
    assert set(found) == by_hand(rows, key)
    assert len(found) > 20
    assert table.sql(count_sql(key, "keys")).fetchall() == [(len(found), 0)], "the count is that of the pairs"


def test_pairs_of_several_keys_stand_once(rows: list[Row], table: duckdb.DuckDBPyConnection) -> None:
    found = table.sql(pairs_sql(KEYS, "keys")).fetchall()
    assert len(found) == len(set(found))
    assert set(found) == set().union(*(by_hand(rows, k) for k in KEYS))
    assert all(a < b for a, b in found)


def test_a_block_too_large_brings_no_pairs() -> None:
    connection = duckdb.connect()
    for size, pairs, crowded in ((BLOCK, BLOCK * (BLOCK - 1) // 2, 0), (BLOCK + 1, 0, BLOCK + 1)):
        connection.execute(
            f"create or replace table keys as select i as record, case when i < {size} then 'XX' else 'Y' || i end "
            f"as postcode from range({size + 50}) t(i)"
        )
        key = Key(("postcode",))
        assert connection.sql(count_sql(key, "keys")).fetchall() == [(pairs, crowded)]
        assert len(connection.sql(pairs_sql([key], "keys")).fetchall()) == pairs


def test_a_look_around_is_that_of_plain_python(rows: list[Row], table: duckdb.DuckDBPyConnection) -> None:
    asked = set(range(0, 400, 7))
    table.execute("create or replace table sample as select record from keys where record % 7 = 0")
    caps = {"first": 66, "postcode": 400, "surname": 60}
    expected = set()
    for column, cap in caps.items():
        sizes = Counter(r[column] for r in rows)
        assert sizes[None], "values are missing"
        for a, b in combinations(rows, 2):
            if a[column] is not None and a[column] == b[column] and sizes[a[column]] <= cap:
                expected |= {(a["record"], b["record"])} if {a["record"], b["record"]} & asked else set()
    sizes = Counter(r["first"] for r in rows if r["first"])
    assert min(sizes.values()) <= 66 < max(sizes.values()), "the cap matters"
    found = table.sql(wide_sql(caps, "keys", "sample")).fetchall()
    assert len(found) == len(set(found))
    assert set(found) == expected


def test_a_look_around_is_quick_though_all_share_a_value() -> None:
    """What too many share is dropped before records are joined: the plan must not compare all with all."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute(
        "create table keys as select i as record, "
        "case when i < 300000 then 'smith' else 's' || (i % 100) end as surname from range(301000) t(i)"
    )
    connection.execute("create table sample as select record from keys")
    # Three hundred thousand squared would not end; whatever takes longer than this is stopped, and fails.
    watch = Timer(20, connection.interrupt)
    watch.start()
    try:
        found = connection.sql(f"select count(*) from ({wide_sql({'surname': 200}, 'keys', 'sample')})").fetchall()
    finally:
        watch.cancel()
    assert found == [(100 * 10 * 9 // 2,)]


def test_keys_are_taken_from_the_smallest_up_within_the_budget() -> None:
    rows = 1000
    keys = [Key((f"k{i}",), pairs=(i + 1) * rows) for i in range(30)]
    chosen = choose(reversed(keys), rows)
    assert chosen == keys[: len(chosen)]
    assert sum(k.pairs for k in chosen) <= ALL * rows < sum(k.pairs for k in keys[: len(chosen) + 1]) + EACH * rows
    assert max(k.pairs for k in chosen) <= EACH * rows
    assert choose([Key(("k",), pairs=0)], rows) == []
    assert choose([Key(("k",), pairs=10**9), Key(("l",), pairs=10**9 + 1)], rows) == [Key(("k",), pairs=10**9)]


def test_a_key_that_a_looser_one_holds_is_dropped() -> None:
    tight, loose = Key(("formal", "postcode"), 50), Key(("formal", "district"), 90)
    assert choose([tight, loose], 100) == [loose]
    assert choose([Key(("email",), 10), Key(("email_local",), 20)], 100) == [Key(("email_local",), 20)]
    assert choose([Key(("surname", "birth"), 10), Key(("left(surname, 4)", "birth_year"), 20)], 100) == [
        Key(("left(surname, 4)", "birth_year"), 20)
    ]
    crowded = Key(("formal", "district"), 90, crowded=BLOCK + 1)
    assert choose([tight, crowded], 100) == [tight, crowded], "what the looser leaves out for size, the tighter brings"
    other = Key(("formal", "birth"), 90)
    assert choose([tight, other], 100) == [tight, other]


def test_keys_are_made_of_what_there_is() -> None:
    three = possible_keys(["first", "surname", "postcode"])
    parts = {p for k in three for p in k.parts}
    assert not any("birth" in p or "email" in p for p in parts)
    assert Key(("surname", "postcode")) in three and Key(("least(first, surname)", "greatest(first, surname)")) in three
    assert not any(k.parts == ("formal",) for k in three), "a first name alone is no key"
    assert possible_keys(["gender", "later"]) == []
    assert Key(("further_club",)) in possible_keys(["further_club"])


def test_pairs_are_tagged_with_the_keys_that_bring_them(rows: list[Row], table: duckdb.DuckDBPyConnection) -> None:
    keys = [Key(("surname", "district")), Key(("left(first, 1)", "district")), Key(("postcode",))]
    asked = set(range(0, 400, 7))
    table.register("asked", pa.table({"record": sorted(asked)}))
    found = {(a, b): tags for a, b, tags in table.execute(tagged_sql(keys, "keys", "asked")).fetchall()}
    table.unregister("asked")
    expected: Counter[tuple[int, int]] = Counter()
    for place, key in enumerate(keys):
        for members in blocks(rows, key).values():
            for a, b in combinations(sorted(members), 2):
                if a in asked or b in asked:
                    expected[a, b] += 1 << place
    assert found == dict(expected) and len(found) > 100


def test_keys_are_dropped_that_bring_no_likely_pair_of_their_own() -> None:
    keys = [Key(("a",), 60), Key(("b",), 50), Key(("c",), 40)]
    tags = np.array([0b001] * 50 + [0b011] * 10 + [0b010] * 40 + [0b100] * 39 + [0b111])
    likely = np.zeros(len(tags), bool)
    likely[[0, 1, 55]] = True  # two by `a` alone, one by `a` and `b`
    assert worth(keys, tags, likely, 1000) == keys, "few enough"
    assert worth(keys, tags, likely, 100) == [keys[0], keys[2]], "of two that bring none, the one of more pairs goes"
    likely[100:120] = True
    assert worth(keys, tags, likely, 50) == [keys[2]]
