"""Who a customer is, word for word, on a shop made by hand."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError, UsageError
from footfall.explain import CustomerStory, customer_story, told_pairs
from footfall.explain.customer import ROUNDED
from footfall.explain.likeness import told_parts
from footfall.identity import resolve
from footfall.identity.records import build_keys, build_records
from footfall.report import Page, customer_page, customer_picture
from footfall.simulate import write_emporium
from footfall.sources import load
from footfall.tables import create_tables

EVEN = 12.0
PEOPLE = [
    ("db", "482", "account", "Ravi", "Thorpe", "B18 1DT", 29),
    ("crm", "71", "crm", "Raui", "Thorpe", "B18 1DS", 29),
    ("db", "511", "account", "Benjamin", "Jackson", "M70 3SD", None),
    *(("db", f"9{i}", "account", "Olivia", "Smith", f"EX{i} 2AE", 40) for i in range(9)),
]
GUESTS = [("Ben", "Jackson", "M703SD"), ("Ben", "Jakson", "M703SE")]


def _id(engine: DuckDBEngine, who: str) -> str:
    """The record of an account id, or of a guest's surname."""
    sql = "select record_id from records where coalesce(source_customer_id, surname) = ?"
    return str(engine.value(sql, [who]))


def _match(engine: DuckDBEngine, one: str, other: str, parts: dict[str, float] | None, linked: bool = True) -> None:
    """A row of `matches`: weighed, or by an exact identifier where there are no parts."""
    a, b = sorted([_id(engine, one), _id(engine, other)])
    weight = None if parts is None else sum(parts.values())
    chance = 1.0 if weight is None else 1 / (1 + 2 ** (EVEN - weight))
    how = "the same account" if parts is None else "weighed"
    told = None if parts is None else json.dumps(parts)
    engine.execute("insert into matches values (?, ?, ?, ?, ?, ?, ?, null)", [a, b, weight, chance, linked, how, told])


@pytest.fixture(scope="module")
def shop() -> DuckDBEngine:
    engine = DuckDBEngine()
    create_tables(engine)
    for source, account, channel, first, surname, postcode, age in PEOPLE:
        engine.execute(
            "insert into facts.customers (source, source_customer_id, occurred_at, known_at, channel, first_name, "
            "surname, postcode, age) values (?, ?, timestamp '1900-01-01', timestamp '1900-01-01', ?, ?, ?, ?, ?)",
            [source, account, channel, first, surname, postcode, age],
        )
    orders = [("482", None, "2026-01-05"), ("482", None, "2026-02-07")]
    orders += [(None, guest, day) for guest, day in zip(GUESTS, ("2026-03-01", "2026-03-09"), strict=True)]
    orders += [(None, GUESTS[0], "2026-04-02")]
    for number, (account, guest, day) in enumerate(orders):
        engine.execute(
            "insert into facts.orders (source, source_customer_id, order_id, occurred_at, known_at, guest_first_name, "
            "guest_surname, guest_postcode) values ('db', ?, ?, ?, ?, ?, ?, ?)",
            [account, f"o{number}", f"{day} 12:00:00", f"{day} 12:00:00", *(guest or (None, None, None))],
        )
    build_records(engine)
    build_keys(engine)
    engine.execute("""
        insert into record_links
        select record_id, case when source_customer_id in ('482', '71') then 'C-1' when source_customer_id = '511' or
          surname = 'Jackson' then 'C-2' when surname = 'Jakson' then 'C-3' else 'C-1' || source_customer_id end,
          known_at
        from records""")
    _match(
        engine, "482", "71", {"first": 4.8, "surname": 9.1, "postcode": 2.2, "age": 6.0, "surname_and_postcode": 0.0}
    )
    _match(engine, "511", "Jackson",
           {"first": 1.9, "surname": 6.2, "postcode": 4.5, "age": 0.0, "surname_and_postcode": -2.2})  # fmt: skip
    _match(engine, "Jackson", "Jakson", {"first": 7.1, "surname": 2.5, "postcode": 2.2}, linked=False)
    _match(engine, "90", "91", {"first": 5.0, "surname": 4.0, "postcode": -3.3, "age": 5.8}, linked=False)
    account = _id(engine, "482")
    engine.execute(
        "insert into golden_records values ('C-1', 'surname', 'Thorpe', 'db', ?, 2), "
        "('C-1', 'first_name', 'Ravi', 'db', ?, 1)",
        [account, account],
    )
    engine.execute("""
        insert into identity_changes values
        ('C-1', 'merged', 'C-8', 1, timestamp '2026-05-01 10:00:00'),
        ('C-1', 'split', 'C-2', 2, timestamp '2026-05-02 10:00:00')""")
    return engine


def test_a_customer_in_words(shop: DuckDBEngine) -> None:
    assert customer_story(shop, "C-1").text() == [
        "C-1 is one person behind 2 records (chance over 99.9%)",
        "",
        "  first name: Ravi (from db)",
        "  surname: Thorpe (from db, as 2 of its records say)",
        "",
        "Records",
        "  account 482 of db: Ravi Thorpe, B18 1DT, age 29; 2 orders",
        "  CRM record 71 of crm: Raui Thorpe, B18 1DS, age 29",
        "",
        "What links them",
        "  account 482 Ravi Thorpe, B18 1DT, age 29 = CRM 71 Raui Thorpe, B18 1DS, age 29: chance over 99.9%",
        "    two records at random: -12.0",
        "    first name nearly the same (Ravi / Raui): +4.8",
        "    surname the same, and rare (in 2 of 14 records): +9.1",
        "    postcode one character off (B18 1DT / B18 1DS): +2.2",
        "    age the same: +6.0",
        "    together: +10.1",
        "  (each +1 doubles the odds that the two are one person; 0 is even odds)",
        "",
        "What changed",
        "  1 May 2026: took in C-8, with 1 record",
        "  2 May 2026: got 2 records that were C-2's",
    ]


def test_a_doubtful_customer_and_a_near_miss_in_words(shop: DuckDBEngine) -> None:
    assert customer_story(shop, "C-2").text() == [
        "C-2 is one person behind 2 records (chance at least 50%)",
        "",
        "Records",
        "  account 511 of db: Benjamin Jackson, M70 3SD",
        "  guest checkout of db: Ben Jackson, M703SD; 2 orders, seen 1 Mar 2026 to 2 Apr 2026",
        "",
        "What links them",
        "  account 511 Benjamin Jackson, M70 3SD = guest checkout Ben Jackson, M703SD: "
        "chance 25% for the pair alone; no other customer fits it better",
        "    two records at random: -12.0",
        "    first name a form of the same name (Benjamin / Ben): +1.9",
        "    surname the same, and rare (in 2 of 14 records): +6.2",
        "    postcode the same: +4.5",
        "    household discount on surname and postcode: -2.2",
        "    together: -1.6",
        "  (each +1 doubles the odds that the two are one person; 0 is even odds)",
        "",
        "Left apart, though alike",
        "  guest checkout Ben Jackson, M703SD / guest checkout Ben Jakson, M703SE (C-3): chance 47%",
        "    two records at random: -12.0",
        "    first name the same, and rare (in 2 of 14 records): +7.1",
        "    surname nearly the same (Jackson / Jakson): +2.5",
        "    postcode one character off (M703SD / M703SE): +2.2",
        "    together: -0.2",
        "",
        "What changed",
        "  2 May 2026: lost 2 records to C-1",
    ]


def test_a_near_miss_is_told_from_either_side(shop: DuckDBEngine) -> None:
    story = customer_story(shop, "C-3")
    assert story.sentence == "C-3 is one person known from 1 record; nothing was linked to it"
    (miss,) = story.misses
    assert miss.lines[0] == ("guest checkout Ben Jakson, M703SE / guest checkout Ben Jackson, M703SD (C-2): chance 47%")
    assert "surname nearly the same (Jakson / Jackson)" in [p.says for p in miss.parts]


def test_what_all_share_is_not_rare(shop: DuckDBEngine) -> None:
    (miss,) = customer_story(shop, "C-190").misses
    assert [p.says for p in miss.parts][:2] == ["first name the same", "surname the same"]


def test_verdicts_and_exact_identifiers_are_said(shop: DuckDBEngine) -> None:
    with pytest.raises(Undone), shop.transaction():
        pair = sorted([_id(shop, "Jackson"), _id(shop, "Jakson")])
        shop.execute("insert into judged_pairs values (?, ?, 'different')", pair)
        assert customer_story(shop, "C-3").misses[0].lines[0].endswith("(C-2): chance 47%, judged different by hand")
        shop.execute("update record_links set customer_id = 'C-190' where customer_id = 'C-191'")
        shop.execute("delete from matches")
        _match(shop, "90", "91", None)
        story = customer_story(shop, "C-190")
        assert story.sentence == "C-190 is one person behind 2 records (by exact identifiers)"
        assert story.links[0].lines[0].endswith(": the same account")
        assert story.links[0].steps == ()
        raise Undone


class Undone(Exception):
    """Takes back what a test did to the shop."""


@pytest.mark.parametrize(
    "asked, says",
    [
        ("C-8", "there is no customer 'C-8'; it was merged into C-1"),
        ("482", "there is no customer '482'; the account '482' belongs to C-1"),
        ("c-3", "there is no customer 'c-3'; did you mean 'C-3'?"),
        ("somebody", "there is no customer 'somebody'; customers are called as in 'C-1'"),
    ],
)
def test_an_unknown_customer_is_helped(shop: DuckDBEngine, asked: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        customer_story(shop, asked)
    assert str(caught.value) == says


def test_before_resolve_it_says_what_to_run() -> None:
    engine = DuckDBEngine()
    create_tables(engine)
    with pytest.raises(FootfallError, match="run `footfall resolve` first") as caught:
        customer_story(engine, "C-1")
    assert not isinstance(caught.value, UsageError)
    assert told_pairs(engine, "select * from matches").num_rows == 0


def test_the_steps_lead_from_chance_to_chance(shop: DuckDBEngine) -> None:
    steps = customer_story(shop, "C-1").links[0].steps
    assert [s["kind"] for s in steps] == ["start", "raises", "raises", "raises", "raises", "total"]
    assert steps[0]["end"] == pytest.approx(-EVEN)
    for one, next_ in pairwise(steps[:-1]):
        assert next_["start"] == pytest.approx(one["end"])
    assert steps[-1]["start"] == 0
    assert steps[-1]["end"] == pytest.approx(steps[-2]["end"], abs=ROUNDED)


def test_pairs_are_told_in_words(shop: DuckDBEngine) -> None:
    told = told_pairs(shop, "select * from matches order by chance").to_pylist()
    assert [t["linked"] for t in told] == [True, False, False, True]
    assert told[0]["why"] == [
        "first name a form of the same name (Benjamin / Ben): +1.9",
        "surname the same, and rare (in 2 of 14 records): +6.2",
        "postcode the same: +4.5",
        "household discount on surname and postcode: -2.2",
        "no other customer fits it better",
    ]


# --- the page -----------------------------------------------------------------------------------------------------


def _page(story: CustomerStory) -> Page:
    return Page(f"Customer {story.customer_id}", tables=story.tables())


def test_the_page_tells_the_story(shop: DuckDBEngine) -> None:
    html = customer_page(_page(customer_story(shop, "C-2")))
    for words in [
        "C-2 is one person behind 2 records (chance at least 50%)",
        "Benjamin Jackson, M70 3SD",
        "household discount on surname and postcode",
        "Left apart, though alike",
        "lost 2 records to C-1",
    ]:
        assert words in html, words
    assert "<script" not in html and "http://" not in html.replace("http://www.w3.org/2000/svg", "")
    assert html == customer_page(_page(customer_story(shop, "C-2")))


def test_the_picture_is_of_the_least_sure_link(shop: DuckDBEngine) -> None:
    picture = customer_picture(_page(customer_story(shop, "C-2")))
    assert picture.startswith("<svg ") and "Together: a chance of 25%" in picture and "font-family" in picture
    miss = customer_picture(_page(customer_story(shop, "C-2")), link=2)
    assert "Together: a chance of 47%" in miss
    alone = customer_picture(Page("Customer <C>", tables={}))
    assert "Customer &lt;C&gt;" in alone
    for svg in (picture, miss, alone):
        HTMLParser().feed(svg)


# --- the words are those of the weights ---------------------------------------------------------------------------


def test_the_levels_told_are_those_weighed(tmp_path: Path) -> None:
    write_emporium(tmp_path / "shop", 400, 3)
    engine = DuckDBEngine()
    create_tables(engine)
    load(engine, [tmp_path / "shop"], "ebuy_emporium")
    resolve(engine)
    rows = engine.rows("select record_a, record_b, parts from matches where how = 'weighed'")
    told = told_parts(engine, rows)
    bits: dict[str, set[float]] = {}
    for a, b, parts in rows:
        weighed = {k: v for k, v in json.loads(parts).items() if v}
        assert sorted(weighed.values()) == sorted(p.bits for p in told[a, b] if p.bits), (a, b)
        for part in told[a, b]:
            bits.setdefault(re.sub(r"( \(|, (and|but) ).*", "", part.says), set()).add(part.bits)
    # But for shared names and postcodes, whose rarity counts, a level is worth the same wherever it is told.
    levels = {k: v for k, v in bits.items() if not re.fullmatch("(first name|surname|postcode) the same", k)}
    slip = "nearly the same, one hardly ever written"
    assert {"age the same", f"postcode {slip}", f"first name {slip}"} <= set(levels)
    assert {k: v for k, v in levels.items() if len(v) > 1} == {}
