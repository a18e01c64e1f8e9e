"""Many records to one customer, end to end: known clusters, stable ids, verdicts, rules, bad data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError, UsageError
from footfall.identity import Policy, resolve
from footfall.simulate import Simulated, write_emporium
from footfall.sources import load
from footfall.tables import create_tables
from identity_shop import add, clusters, crowd, customer_of, pairs, shop_of

CROWD = 200
TWOS = {frozenset((f"{i}a", f"{i}b")) for i in range(CROWD)}
HOLLOWAY = {"surname": "Holloway", "postcode": "N7 6NE", "birth_date": "1971-03-09"}
TOY: dict[str, list[dict[str, Any]]] = {
    "one letter off": [{"first_name": "Catherine", **HOLLOWAY}, {"first_name": "Catharine", **HOLLOWAY}],
    "nickname": [
        {"first_name": "Robert", **HOLLOWAY, "surname": "Quill", "birth_date": "1950-01-30"},
        {"first_name": "Bob", **HOLLOWAY, "surname": "Quill", "birth_date": "1950-01-30"},
    ],
    "names swapped": [
        {"first_name": "Iris", "surname": "Vandermeer", "postcode": "W2 4AB", "birth_date": "1988-07-21"},
        {"first_name": "Vandermeer", "surname": "Iris", "postcode": "W2 4AB", "birth_date": "1988-07-21"},
    ],
    "case, accents and blanks": [
        {"first_name": "JOSÉ", "surname": "Núñez  Ortega", "postcode": "s10 2ab", "birth_date": "1990-12-01"},
        {"first_name": "jose", "surname": "nunez ortega", "postcode": "S102AB", "birth_date": "1990-12-01"},
    ],
    "a digit off the birth date": [
        {"first_name": "Thaddeus", "surname": "Brimble", "postcode": "M9 1AB", "birth_date": "1962-05-17"},
        {"first_name": "Thaddeus", "surname": "Brimble", "postcode": "M9 1AB", "birth_date": "1962-05-11"},
    ],
    "moved house": [
        {"first_name": "Philippa", "surname": "Okonkwo", "postcode": "E3 4AB", "birth_date": "1979-09-02"},
        {"first_name": "Philippa", "surname": "Okonkwo", "postcode": "S44 1AB", "birth_date": "1979-09-02"},
    ],
}
FAMILY = [
    {"first_name": first, "surname": "Drabble", "postcode": "N3 3AB", "birth_date": born}
    for first, born in (("Gordon", "1960-01-01"), ("Hettie", "1963-02-02"), ("Imogen", "1991-03-03"))
]


def toy() -> list[dict[str, Any]]:
    rows = crowd(CROWD)
    for name, them in TOY.items():
        rows += [{"id": f"{name}/{n}", **row} for n, row in enumerate(them)]
    return [*rows, *({"id": f"family/{n}", **row} for n, row in enumerate(FAMILY))]


@pytest.fixture(scope="module")
def resolved() -> Iterator[DuckDBEngine]:
    engine = shop_of(
        toy(), [{"order": 1, "id": "nickname/0"}, {"order": 2, "id": "nickname/1"}, {"order": 3, "id": "9b"}]
    )
    resolve(engine)
    yield engine
    engine.close()


@pytest.mark.parametrize("name", TOY)
def test_a_person_is_known_again_by(resolved: DuckDBEngine, name: str) -> None:
    assert frozenset(f"{name}/{n}" for n in range(len(TOY[name]))) in clusters(resolved)


def test_a_family_stays_apart(resolved: DuckDBEngine) -> None:
    assert {frozenset([f"family/{n}"]) for n in range(3)} <= clusters(resolved)


def test_the_whole_toy_is_as_it_was_made(resolved: DuckDBEngine) -> None:
    truth = TWOS | {frozenset((f"{n}/0", f"{n}/1")) for n in TOY} | {frozenset([f"family/{n}"]) for n in range(3)}
    found = clusters(resolved)
    assert len(found ^ truth) <= 0.02 * len(truth)
    (row,) = resolved.rows("select customers, lower, upper from customers_count where part = 'customers'")
    assert row[1] <= len(truth) <= row[2]
    assert row[2] - row[1] < 0.05 * len(truth)


def test_facts_are_the_customers(resolved: DuckDBEngine) -> None:
    one = resolved.rows("select distinct customer_id from orders where order_id in ('1', '2')")
    assert one == [(customer_of(resolved)["nickname/0"],)]
    assert resolved.rows("select source_customer_id from facts.orders order by order_id") == [
        ("nickname/0",), ("nickname/1",), ("9b",),
    ], "the raw ids remain"  # fmt: skip


def test_each_customer_is_held_together_by_links_that_are_told(resolved: DuckDBEngine) -> None:
    rows = resolved.value("select count(*) from records")
    ids = resolved.value("select count(distinct customer_id) from record_links")
    assert resolved.value("select count(*) from matches where linked") == rows - ids
    assert not resolved.value(
        "select count(*) from matches m join record_links a on a.record_id = m.record_a join record_links b "
        "on b.record_id = m.record_b where (a.customer_id = b.customer_id) <> m.linked")  # fmt: skip
    assert not resolved.value("select count(*) from matches where how = 'weighed' and parts is null")


def test_the_parts_of_the_count_add_up(resolved: DuckDBEngine) -> None:
    parts = dict(resolved.rows("select part, customers from customers_count"))
    kinds = ("identified", "guests only", "ids without details", "in CRM only", "never purchased")
    assert sum(parts[k] for k in kinds) == parts["clusters"] == len(clusters(resolved))
    moves = [n for (n,) in resolved.rows("select customers from customers_by_threshold order by chance")]
    assert moves == sorted(moves), "the stricter, the more customers"


def mailed(*persons: str) -> list[dict[str, Any]]:
    """A few accounts whose verified e-mails say who is who, one letter a person: too few for a model, all is exact."""
    return [{"id": f"{who}{n}", "first_name": f"{who}{n}", "email": f"{who}@verified.org"} for p in persons
            for n, who in enumerate(p)]  # fmt: skip


VERIFIED = Policy(verified=("email",))


def test_the_golden_record_says_what_most_say_and_where_it_is_from() -> None:
    same = {"surname": "Quill", "postcode": "N7 6NE", "email": "bob@quill.org"}
    engine = shop_of([
        {"id": "q1", "first_name": "Robert", **same}, {"id": "q2", "first_name": "Bob", **same},
        {"id": "q3", "first_name": "Robert", **same, "postcode": None, "phone": "0171 496 0001"},
    ])  # fmt: skip
    resolve(engine, VERIFIED)
    who = customer_of(engine)
    assert who["q1"] == who["q2"] == who["q3"]
    golden = {f: (v, n) for f, v, n in engine.rows(
        "select field, value, records from golden_records where customer_id = ?", [who["q1"]])}  # fmt: skip
    assert golden["first_name"] == ("Robert", 2) and golden["postcode"] == ("N7 6NE", 2)
    assert golden["phone"] == ("0171 496 0001", 1) and golden["surname"] == ("Quill", 3)
    assert engine.rows("select r.source_customer_id from golden_records g join records r using (record_id) "
                       "where g.field = 'phone'") == [("q3",)]  # fmt: skip
    engine.close()


# --- stability ------------------------------------------------------------------------------------------------------


def test_ids_survive_more_data_and_what_changed_is_told() -> None:
    engine = shop_of(mailed("aa", "bb", "ccc"))
    resolve(engine, VERIFIED)
    before = customer_of(engine)
    assert sorted(set(before.values())) == ["C-1", "C-2", "C-3"]
    assert engine.rows("select * from identity_changes") == []
    resolve(engine)
    assert customer_of(engine) == before
    assert engine.rows("select * from identity_changes") == [], "nothing new, nothing changed"
    # A new account of a's, and d, of whom nothing was known.
    add(engine, [{"id": "a9", "first_name": "a9", "email": "a@verified.org"}, {"id": "d0", "first_name": "d"}])
    resolve(engine)
    after = customer_of(engine)
    assert {k: v for k, v in after.items() if k in before} == before
    assert after["a9"] == before["a0"] and after["d0"] == "C-4"
    told = "select customer_id, change, other_id, records from identity_changes order by made_at"
    assert engine.rows(told) == [("C-4", "new", None, 1)]
    # Something that says a and b are one: the larger keeps its id, the other's is not used again.
    add(engine, [{"id": "b0", "first_name": "b0", "email": "a@verified.org"}, {"id": "e0", "first_name": "e"}])
    resolve(engine)
    merged = customer_of(engine)
    assert {merged[k] for k in ("a0", "a1", "a9", "b0", "b1")} == {before["a0"]}
    assert merged["e0"] == "C-5" and merged["c0"] == before["c0"]
    assert set(engine.rows(told)[1:]) == {(before["a0"], "merged", before["b0"], 2), ("C-5", "new", None, 1)}
    engine.close()


def verdicts(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    path.write_text("record_a,record_b,verdict\n" + "".join(f"{a},{b},{v}\n" for a, b, v in rows))
    return path


def record_of(engine: DuckDBEngine, account: str) -> str:
    return str(engine.value("select record_id from records where source_customer_id = ?", [account]))


def test_verdicts_are_obeyed_and_kept_and_told_as_changes(tmp_path: Path) -> None:
    engine = shop_of(mailed("aa", "bb", "cc"))
    resolve(engine, VERIFIED)
    before = customer_of(engine)
    one, other, eight = (record_of(engine, i) for i in ("a0", "a1", "b0"))
    file = verdicts(tmp_path / "v.csv", [(other, one, "Different "), (eight, one, "same"), (one, eight, "")])
    resolve(engine, reviewed=file)
    after = customer_of(engine)
    assert after["a0"] != after["a1"] and after["a0"] == after["b0"] == after["b1"]
    assert after["c0"] == after["c1"] == before["c0"]
    assert (after["a0"], after["a1"]) == (before["b0"], before["a0"]), "the record left alone keeps the id"
    told = engine.rows("select customer_id, change, other_id, records from identity_changes")
    assert told == [(before["b0"], "split", before["a0"], 1)]
    assert engine.value("select count(*) from matches where how = 'judged the same' and linked") == 1
    resolve(engine)
    assert customer_of(engine) == after, "verdicts are kept"
    back = verdicts(tmp_path / "back.csv", [(one, other, "same"), (one, eight, "different")])
    resolve(engine, reviewed=back)
    assert {frozenset(p) for p in (("a0", "a1"), ("b0", "b1"), ("c0", "c1"))} == clusters(engine)
    assert engine.value("select count(*) from judged_pairs") == 2, "a later verdict stands for an earlier one"
    engine.close()


def test_the_worklist_is_read_back(tmp_path: Path) -> None:
    guests = [guest_of({**r, "surname": r["surname"][:-1] + "x"}, n) for n, r in enumerate(crowd(40))]
    engine = shop_of(crowd(100, slips=0.5), guests)
    resolve(engine)
    worklist = engine.rows("select record_a, record_b, worth, first, second, verdict from review order by worth desc")
    assert worklist and all(v is None for *_, v in worklist)
    a, b, _, first, second, _ = worklist[0]
    assert "(" in first and "(" in second
    file = tmp_path / "review.csv"
    engine.execute(f"update review set verdict = 'different' where record_a = '{a}' and record_b = '{b}'")
    engine.execute(f"copy review to '{file}' (header)")
    resolve(engine, reviewed=file)
    links = dict(engine.rows("select record_id, customer_id from record_links"))
    assert links[a] != links[b]
    assert not engine.value("select count(*) from review where record_a = ? and record_b = ?", [a, b])
    engine.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no file"),
        ("", "worklist|no column"),
        ("a,b,c\n1,2,3\n", "no column 'record_a'"),
        ("record_a,record_b\n1,2\n", "no column 'verdict'"),
        ("record_a,record_b,verdict\nRECORD,RECORD,maybe\n", "not 'maybe'"),
        ("record_a,record_b,verdict\nRECORD,f00,same\n", "no record 'f00'"),
    ],
)
def test_a_file_that_is_no_worklist_is_refused_in_one_line(
    resolved: DuckDBEngine, tmp_path: Path, text: str | None, said: str
) -> None:
    file = tmp_path / "v.csv"
    if text is not None:
        file.write_text(text.replace("RECORD", record_of(resolved, "1a")))
    before = customer_of(resolved)
    with pytest.raises(FootfallError, match=said) as caught:
        resolve(resolved, reviewed=file)
    assert str(file) in str(caught.value) and "\n" not in str(caught.value)
    assert customer_of(resolved) == before and not resolved.value("select count(*) from judged_pairs")


# --- rules ----------------------------------------------------------------------------------------------------------


def resolved_with(rows: list[dict[str, Any]], policy: Policy, **kw: Any) -> set[frozenset[str]]:
    engine = shop_of(rows, **kw)
    resolve(engine, policy)
    found = clusters(engine)
    engine.close()
    return found


def test_accounts_of_a_one_to_one_source_never_merge_and_its_guests_still_do() -> None:
    rows = crowd(100)
    at_counter = [{**r, "id": r["id"] + "!", "source": "counter"} for r in rows[:40]]
    whose = rows[150]
    found = resolved_with([*rows, *at_counter], Policy(unique=("till",)), orders=[guest_of(whose, 1)])
    for group in found:
        assert len([g for g in group if "!" not in g and " " not in g]) <= 1
    assert sum(len(g) > 1 for g in found) > 20, "records of other sources are linked as before"
    (name,) = (g for g in found if any(" " in x for x in g))
    assert name & {"75a", "75b"}


def test_an_age_gap_keeps_apart() -> None:
    people = crowd(100)
    rows = [{**r, "birth_date": None, "age": 30 + (int(r["id"][:-1]) % 20) * r["id"].endswith("a")} for r in people]
    age = {r["id"]: r["age"] for r in rows}
    bound = pairs(resolved_with(rows, Policy(age_gap=9)))
    assert not {p for p in bound if abs(age[min(p)] - age[max(p)]) > 9}
    near = {frozenset((f"{n}a", f"{n}b")) for n in range(100) if n % 20 <= 9}
    assert len(bound & near) > 0.9 * len(near)


def test_one_verified_email_is_one_person_unless_judged_otherwise(tmp_path: Path) -> None:
    rows = crowd(7)
    names = (("Ann", "Quux"), ("Bartholomew", "Lightfoot"), ("Cyd", "Zimmer"))
    rows += [{"id": f"v{i}", "first_name": f, "surname": s, "email": "q@quux.org"} for i, (f, s) in enumerate(names)]

    def found(engine: DuckDBEngine) -> int:
        return len({v for k, v in customer_of(engine).items() if k[0] == "v"})

    engine = shop_of(rows)
    resolve(engine)
    assert found(engine) == 3
    resolve(engine, VERIFIED)
    assert found(engine) == 1
    assert engine.value("select count(*) from matches where how = 'the same verified e-mail' and linked") == 2
    resolve(engine)
    assert found(engine) == 1, "rules are kept for the next time"
    ids = [record_of(engine, f"v{i}") for i in range(3)]
    resolve(engine, None, verdicts(tmp_path / "v.csv", [(ids[0], ids[1], "different")]))
    who = customer_of(engine)
    assert who["v0"] != who["v1"]
    resolve(engine, Policy(verified=("email",), unique=("till",)))
    assert found(engine) == 3, "nor does it join two accounts of a source that is one to one"
    engine.close()


def test_an_email_marked_as_verified_is_one_person() -> None:
    rows = crowd(7)
    marked = '{"email_verified": "yes"}'
    rows += [{"id": "v0", "first_name": "Ann", "email": "q@quux.org", "further": marked},
             {"id": "v1", "first_name": "Bartholomew", "email": "Q@quux.org", "further": marked}]  # fmt: skip
    engine = shop_of(rows)
    resolve(engine)
    assert customer_of(engine)["v0"] == customer_of(engine)["v1"]
    engine.close()


def test_a_rule_about_what_is_not_there_is_refused(resolved: DuckDBEngine) -> None:
    with pytest.raises(UsageError, match=r"no records come from 'tile'.*till"):
        resolve(resolved, Policy(unique=("tile",)))
    with pytest.raises(UsageError, match="'fax' is no identifier"):
        resolve(resolved, Policy(verified=("fax",)))
    with pytest.raises(UsageError, match="age gap"):
        resolve(resolved, Policy(age_gap=-1))


# --- new records ----------------------------------------------------------------------------------------------------


def guest_of(row: dict[str, Any], order: int) -> dict[str, Any]:
    return {"order": order, **{f"guest_{c}": row[c] for c in ("first_name", "surname", "postcode")}}


def test_only_new_links_a_guest_to_a_customer_and_leaves_the_others() -> None:
    rows = crowd(CROWD)
    engine = shop_of(rows)
    resolve(engine)
    # As if an earlier run had left two apart: that is not for a run of new records to mend.
    engine.execute("update record_links set customer_id = 'C-999' where record_id = ?", [record_of(engine, "5b")])
    engine.execute("update settings set value = '999' where name = 'customers named'")
    before = customer_of(engine)
    stranger = {"first_name": "Zebedee", "surname": "Xylander", "postcode": "N1 1AB"}
    add(engine, [], [guest_of(rows[0], 1), guest_of(stranger, 2), guest_of(rows[0], 3), guest_of(rows[10], 4)])
    resolve(engine, only_new=True)
    after = customer_of(engine)
    assert {k: v for k, v in after.items() if k in before} == before
    fresh = after["Zebedee Xylander"]
    assert fresh == "C-1000" and after[f"{rows[0]['first_name']} {rows[0]['surname']}"] == before["0a"]
    assert after[f"{rows[10]['first_name']} {rows[10]['surname']}"] in (before["5a"], "C-999")
    assert engine.rows("select customer_id, change from identity_changes") == [(fresh, "new")]
    assert engine.rows("select customer_id from orders order by order_id limit 3") == [
        (before["0a"],), (fresh,), (before["0a"],),
    ]  # fmt: skip
    resolve(engine)
    assert customer_of(engine)["5a"] == customer_of(engine)["5b"]
    assert engine.rows("select change from identity_changes where change <> 'new'") == [("merged",)]
    (row,) = engine.rows("select lower, upper from customers_count where part = 'customers'")
    assert round(row[0]) <= CROWD + 1 <= round(row[1])
    engine.close()


# --- a shop of three files, with truth --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def emporium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Simulated, DuckDBEngine]]:
    made = write_emporium(tmp_path_factory.mktemp("emporium") / "shop", customers=2000, seed=7)
    engine = DuckDBEngine(threads=2)
    create_tables(engine)
    load(engine, [made.folder], source="ebuy_emporium")
    resolve(engine)
    yield made, engine
    engine.close()


def true_pairs(made: Simulated, engine: DuckDBEngine, kinds: str) -> tuple[int, int, int]:
    """Pairs linked rightly, pairs linked, and true pairs, among the records of some kinds (a condition on l and r)."""
    engine.execute(f"""
        create or replace temp table judged as
        select r.record_id, r.kind, l.customer_id, coalesce(a.person, g.person) as person
        from records r join record_links l using (record_id)
        left join '{made.truth}/accounts.parquet' a on a.customer_id::VARCHAR = r.source_customer_id
        left join (
          select guest_first_name f, guest_surname s, guest_postcode p, min(person) as person
          from '{made.truth}/guests.parquet' group by all
        ) g on r.source_customer_id is null
          and (g.f, g.s, g.p) is not distinct from (r.first_name, r.surname, r.postcode)""")
    assert not engine.value("select count(*) from judged where person is null")
    (row,) = engine.rows(f"""
        select count(*) filter (where l.customer_id = r.customer_id and l.person = r.person),
          count(*) filter (where l.customer_id = r.customer_id),
          count(*) filter (where l.person = r.person)
        from judged l join judged r on l.record_id < r.record_id and ({kinds})
          and (l.customer_id = r.customer_id or l.person = r.person)""")
    return int(row[0]), int(row[1]), int(row[2])


def test_persons_of_the_emporium_are_found(emporium: tuple[Simulated, DuckDBEngine]) -> None:
    right, linked, true = true_pairs(*emporium, "true")
    assert 2 * right / (linked + true) >= 0.95
    right, linked, true = true_pairs(*emporium, "(l.kind = 'guest') <> (r.kind = 'guest')")
    assert true > 100
    assert right / linked >= 0.95 and right / true >= 0.9


def test_the_count_of_the_emporium_holds_the_truth(emporium: tuple[Simulated, DuckDBEngine]) -> None:
    made, engine = emporium
    persons = engine.value(f"select count(*) from '{made.truth}/persons.parquet'")
    (row,) = engine.rows("select customers, lower, upper from customers_count where part = 'customers'")
    assert persons == 2000
    assert row[1] <= persons <= row[2]
    assert row[2] - row[1] < 0.05 * persons


def test_two_shops_of_the_same_files_are_resolved_alike(emporium: tuple[Simulated, DuckDBEngine]) -> None:
    made, engine = emporium
    other = DuckDBEngine(threads=1)
    create_tables(other)
    load(other, [made.folder], source="ebuy_emporium")
    resolve(other)
    for table in ("record_links", "customers_count", "golden_records", "guest_links", "links"):
        columns = ", ".join(c for c in engine.columns(table) if c != "known_at")
        rows = [e.rows(f"select {columns} from {table} order by all") for e in (engine, other)]
        assert rows[0] == rows[1] and len(rows[0]) > 1, table
    other.close()


# --- bad input ------------------------------------------------------------------------------------------------------


def answer(engine: DuckDBEngine) -> tuple[float, float, float]:
    done = resolve(engine)
    assert done.lower <= done.customers <= done.upper
    return done.customers, done.lower, done.upper


def test_an_empty_shop_is_refused() -> None:
    engine = shop_of([])
    with pytest.raises(FootfallError, match="no records of persons"):
        resolve(engine)
    engine.close()


def orders(ids: int) -> list[dict[str, Any]]:
    return [{"order": n, "id": n % ids} for n in range(3 * ids)]


EXACT = "only exact identifiers were used"
BAD: dict[str, tuple[Callable[[], DuckDBEngine], int, str]] = {
    "no column but the id": (lambda: shop_of([{"id": n} for n in range(50)]), 50, EXACT),
    "ids only": (lambda: shop_of([], orders(30)), 30, EXACT),
    "fewer records than can be learnt from": (lambda: shop_of(crowd(9)), 18, EXACT),
    "one record": (lambda: shop_of([{"id": 1, "first_name": "Ann", "surname": "Lee"}]), 1, EXACT),
    "postcodes alone": (lambda: shop_of([{"id": r["id"], "postcode": r["postcode"]} for r in crowd(100)]), 200, EXACT),
    "nothing but blanks": (
        lambda: shop_of(
            [{"id": n, "first_name": " ", "surname": "n/a", "postcode": "-", "email": ""} for n in range(60)]
        ),
        60,
        EXACT,
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_where_there_is_nothing_to_compare_ids_are_counted_and_it_is_told(name: str) -> None:
    make, expected, note = BAD[name]
    engine = make()
    assert answer(engine) == (expected, expected, expected)
    assert engine.value("select count(*) from identity_notes where kind = 'limit' and note like ?", [f"%{note}"]) == 1
    engine.close()


def test_everyone_of_one_postcode() -> None:
    engine = shop_of([{**r, "postcode": "E1 1AA"} for r in crowd(CROWD)])
    _, lower, upper = answer(engine)
    assert round(lower) <= CROWD <= round(upper)
    assert len(clusters(engine) & TWOS) > 0.9 * CROWD
    assert engine.value("select count(*) from identity_notes where note like '%E11AA%taken as missing'") == 1
    engine.close()


def test_guests_only() -> None:
    rows = crowd(CROWD)
    engine = shop_of([], [guest_of(r, n) for n, r in enumerate(rows)])
    _, lower, upper = answer(engine)
    assert lower <= CROWD <= upper
    parts = dict(engine.rows("select part, customers from customers_count"))
    assert parts["guests only"] == parts["clusters"]
    assert not engine.value("select count(*) from orders where customer_id is null")
    engine.close()


def test_names_of_every_script() -> None:
    firsts = ["محمد", "علي", "فاطمة", "חיים", "שרה", "李", "王", "Ольга", "José", "Ngọc"]
    lasts = ["السيد", "حسن", "כהן", "לוי", "小明", "伟强", "Иванова", "Núñez", "Okafor", "Đặng"]
    rows = [
        {"id": f"{n}{copy}", "first_name": first, "surname": last if copy == "a" else f" {last.upper()} ",
         "postcode": f"E{n % 37} {n % 9}AB", "birth_date": f"{1950 + n % 50}-{1 + n % 12:02}-{1 + n % 28:02}"}
        for n, (first, last) in enumerate((f, s) for f in firsts for s in lasts) for copy in "ab"
    ]  # fmt: skip
    engine = shop_of(rows)
    _, lower, upper = answer(engine)
    assert lower <= 100 <= upper
    assert len(clusters(engine) & {frozenset((f"{n}a", f"{n}b")) for n in range(100)}) >= 98
    assert engine.value("select count(*) from golden_records where value = 'محمد'") == 10
    engine.close()


def test_copies_of_one_person_without_number_are_one() -> None:
    rows = crowd(CROWD)
    again = [{**rows[0], "id": f"copy{n}"} for n in range(3000)]
    other = {**rows[0], "id": "slip", "first_name": rows[0]["first_name"] + "x"}
    engine = shop_of([*rows, *again, other])
    _, lower, upper = answer(engine)
    assert lower <= CROWD <= upper
    assert engine.value("select max(n) from (select count(*) as n from record_links group by customer_id)") >= 3002
    assert engine.value("select count(distinct customer_id) from links where source_customer_id in ('0a', 'slip')") == 1
    assert (
        engine.value("select count(*) from identity_notes where note like '3,000 records are the same in every%'") == 1
    )
    engine.close()
