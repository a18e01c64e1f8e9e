"""What pairs weigh: shares learnt without labels, households apart, and parts that add up."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from footfall.identity.comparisons import fields_for
from footfall.identity.records import build_keys, build_records
from footfall.identity.weigh import HOUSEHOLDS, NEVER, Weigher
from identity_shop import shop_of

PERSONS, SLIP = 1500, 0.15
SYLLABLES = (
    "ba",
    "co",
    "di",
    "fen",
    "gul",
    "har",
    "jo",
    "kin",
    "lem",
    "mor",
    "nat",
    "pel",
    "ros",
    "sten",
    "tur",
    "wal",
)
FIRSTS = [
    a + b for a in ("al", "ber", "cor", "dan", "el") for b in ("ma", "ric", "dus", "na", "vin", "sa", "go", "lis")
]
SURNAMES = [a + b + c for a in SYLLABLES[:8] for b in SYLLABLES[8:] for c in ("son", "ley", "ton", "er")]


def slipped(rng: random.Random, text: str) -> str:
    place = rng.randrange(1, len(text))
    return text[:place] + rng.choice([x for x in "qxyz" if x != text[place]]) + text[place + 1 :]


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """Two records each of 1,500 persons in families, one in seven first names with a slip of the pen."""
    rng = random.Random(4)
    made: list[dict[str, Any]] = []
    person = 0
    while person < PERSONS:
        surname, postcode = rng.choice(SURNAMES), f"{rng.choice('EMNS')}{rng.randrange(1, 90)} {rng.randrange(1, 9)}AB"
        for first in rng.sample(FIRSTS, rng.choice([1, 1, 2, 3])):
            birth = f"{rng.randrange(1940, 2005)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
            for copy in range(2):
                name = slipped(rng, first) if rng.random() < SLIP else first
                made.append({"person": person, "id": f"{person}-{copy}", "first_name": name, "surname": surname,
                             "postcode": postcode, "birth_date": birth if rng.random() < 0.7 else None})  # fmt: skip
            person += 1
    return made


def keyed(rows: list[dict[str, Any]]) -> tuple[Any, list[int]]:
    """Keys of the rows and the person of each record, in the records' order."""
    engine = shop_of({k: v for k, v in r.items() if k != "person"} for r in rows)
    build_records(engine)
    keys = build_keys(engine)
    whose = {r["id"]: r["person"] for r in rows}
    order = engine.rows("select source_customer_id from records order by record_id")
    engine.close()
    return keys, [whose[i] for (i,) in order]


def weigher_for(keys: Any, apart: bool = True) -> Weigher:
    made = Weigher(keys.table, fields_for(keys.filled, keys.table.num_rows), apart, "1GB", 2)
    made.train()
    return made


@pytest.fixture(scope="module")
def learnt(rows: list[dict[str, Any]]) -> Iterator[tuple[Weigher, pa.Table, np.ndarray]]:
    keys, person = keyed(rows)
    weigher = weigher_for(keys)
    yield weigher, keys.table, np.array(person)
    weigher.close()


Learnt = tuple[Weigher, pa.Table, np.ndarray]


def test_the_shares_learnt_are_near_the_truth(learnt: Learnt, rows: list[dict[str, Any]]) -> None:
    weigher, keys, person = learnt
    place = {p: np.flatnonzero(person == p) for p in set(person.tolist())}
    first = keys["first"].to_pylist()
    same = np.mean([first[a] == first[b] for a, b in place.values()])
    m_first = weigher.levels["first"][0].m
    assert m_first == pytest.approx(same, abs=0.05)
    births = [b for b in keys["birth"].to_pylist() if b]
    rng = random.Random(1)
    unrelated = np.mean([len(set(rng.sample(births, 2))) == 1 for _ in range(200_000)])
    assert weigher.levels["birth"][0].u == pytest.approx(unrelated, rel=0.5)
    assert weigher.levels["birth"][0].m > 0.9
    names = np.array(first)
    _, times = np.unique(names, return_counts=True)
    expected = float((times * (times - 1)).sum() / (len(names) * (len(names) - 1)))
    assert weigher.levels["first"][0].u == pytest.approx(expected, rel=0.1)
    pairs = len(person) * (len(person) - 1) / 2
    assert weigher.share == pytest.approx(PERSONS / pairs, rel=0.4)


def test_weights_tell_persons_apart(learnt: Learnt) -> None:
    weigher, _, person = learnt
    pairs, doubt = weigher.candidates()
    assert (pairs.a < pairs.b).all()
    assert len(doubt.pattern) == len(pairs)
    key = pairs.a * len(person) + pairs.b
    assert len(np.unique(key)) == len(key)
    same = person[pairs.a] == person[pairs.b]
    assert same.sum() > 0.97 * PERSONS, "few persons' pairs are missed"
    even = -np.log2(weigher.share)
    said = pairs.weight >= even
    assert (said & same).sum() > 0.9 * same.sum()
    assert (said & same).sum() > 0.95 * said.sum()


def test_members_of_a_household_are_kept_apart(learnt: Learnt, rows: list[dict[str, Any]]) -> None:
    weigher, keys, person = learnt
    first, surname, postcode, birth = (keys[c].to_pylist() for c in ("first", "surname", "postcode", "birth"))
    pairs, _ = weigher.around(np.arange(0, len(person), 4))
    family = [
        i for i, (a, b) in enumerate(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True))
        if surname[a] == surname[b] and postcode[a] == postcode[b] and birth[a] is None and birth[b] is None
        and first[a][0] != first[b][0] and not set(first[a]) & set(first[b])
    ]  # fmt: skip
    assert len(family) > 5
    assert set(pairs.weight[family].tolist()) == {NEVER}
    assert NEVER not in pairs.weight[person[pairs.a] == person[pairs.b]]


def test_a_number_of_one_person_outweighs_the_household(rows: list[dict[str, Any]]) -> None:
    rng = random.Random(8)
    given = [dict(r) for r in rows[:1200]]
    for row in given:
        row["further"] = json.dumps({"insurance": f"{row['person'] * 7919 % 1_000_003:07}"})
        row["birth_date"] = None
    renamed = rng.sample(range(0, 1200, 2), 60)  # the same number under quite another name
    for i in renamed:
        given[i]["first_name"] = "zuzoqui"
    keys, person = keyed(given)
    weigher = weigher_for(keys)
    pairs, _ = weigher.candidates()
    weigher.close()
    number = np.array(keys.table["further_insurance"].to_pylist())
    same = number[pairs.a] == number[pairs.b]
    assert (np.array(person)[pairs.a] == np.array(person)[pairs.b])[same].all() and same.sum() > 500
    assert (pairs.weight[same] > NEVER).all()


def test_what_hardly_a_likely_match_speaks_for_is_held_back(
    learnt: Learnt, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    weigher, _, _ = learnt
    asked: list[dict[tuple[str, str], float]] = []

    def as_it_is(model: dict[str, Any], part: dict[tuple[str, str], float], least: dict[str, float]) -> dict[str, Any]:
        assert all(0 < x < 0.01 for x in least.values())
        asked.append(part)
        return model

    monkeypatch.setattr("footfall.identity.weigh.held", as_it_is)
    free = weigher_for(keyed(rows)[0])
    free.close()
    (part,) = asked
    assert all(0 <= p <= 1 + 1e-9 for p in part.values())
    assert part["first", "the same"] > 0.95 and part["first", "nearly the same"] < 0.8
    before, after = ({x.says: x.m for x in w.levels["first"]} for w in (free, weigher))
    assert after["nearly the same"] < 0.85 * before["nearly the same"]
    assert after["the same"] >= before["the same"]


def test_without_the_rule_a_family_is_weighed(rows: list[dict[str, Any]]) -> None:
    keys, _ = keyed(rows[:1000])
    weigher = weigher_for(keys, apart=False)
    pairs, _ = weigher.candidates()
    weigher.close()
    assert (pairs.weight > NEVER).all()


def test_what_families_share_counts_for_less_never_more(learnt: Learnt) -> None:
    weigher, _, _ = learnt
    assert set(weigher._corrections) == {HOUSEHOLDS[0]}
    assert weigher._corrections[HOUSEHOLDS[0]] < 0


def test_the_parts_add_up_to_the_weight(learnt: Learnt) -> None:
    weigher, _, _ = learnt
    pairs, _ = weigher.candidates()
    some = np.flatnonzero(pairs.weight > NEVER)[:: max(1, len(pairs) // 300)]
    told = weigher.parts(pairs.a[some], pairs.b[some])
    parts = {(a, b): json.loads(p) for a, b, p in zip(*(told[c].to_pylist() for c in ("a", "b", "parts")), strict=True)}
    assert len(parts) == len(some) > 100
    for i in some.tolist():
        each = parts[int(pairs.a[i]), int(pairs.b[i])]
        assert set(each) == {"first", "surname", "postcode", "birth", "surname_and_postcode"}
        assert sum(each.values()) == pytest.approx(pairs.weight[i], abs=0.04)


def test_a_look_around_finds_what_blocks_leave_out(learnt: Learnt) -> None:
    weigher, keys, _ = learnt
    asked = np.array([0, 5, 9])
    pairs, _ = weigher.around(asked)
    assert np.isin(pairs.a, asked).__or__(np.isin(pairs.b, asked)).all()
    assert len(pairs) <= weigher.reach()[asked].sum()
    columns = [keys[c].to_pylist() for c in ("first", "formal", "surname", "postcode", "district", "birth")]
    for a, b in zip(pairs.a.tolist(), pairs.b.tolist(), strict=True):
        assert any(c[a] is not None and c[a] == c[b] for c in columns)
    inside = weigher.candidates(asked)[0]
    assert (np.isin(inside.a, asked) | np.isin(inside.b, asked)).all() and 0 < len(inside) < len(pairs)


def test_the_same_records_weigh_the_same(learnt: Learnt, rows: list[dict[str, Any]]) -> None:
    weigher, _, _ = learnt
    shuffled = list(rows)
    random.Random(9).shuffle(shuffled)
    again = weigher_for(keyed(shuffled)[0])
    assert again.shares == weigher.shares and again.keys == weigher.keys and again.levels == weigher.levels
    one, other = weigher.candidates()[0], again.candidates()[0]
    again.close()
    for side in ("a", "b", "weight"):
        assert np.array_equal(getattr(one, side), getattr(other, side))
