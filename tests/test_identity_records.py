"""Which records of persons a shop holds: one per distinct thing said of one, and what is taken as missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from footfall.engine import DuckDBEngine
from footfall.identity.comparisons import fields_for
from footfall.identity.records import build_keys, build_records
from footfall.simulate import write_emporium
from footfall.sources import load
from footfall.tables import create_tables
from identity_shop import crowd, shop_of


def records(
    engine: DuckDBEngine, columns: str = "source_customer_id, kind, first_name, surname"
) -> list[tuple[Any, ...]]:
    build_records(engine)
    return engine.rows(f"select {columns} from records order by all")


def test_each_version_of_an_account_is_a_record_of_one_unit() -> None:
    engine = shop_of([
        {"id": 1, "first_name": "Ann", "surname": "Lee", "at": "2024-01-01"},
        {"id": 1, "first_name": "Ann", "surname": "Ray", "at": "2024-06-01"},
        {"id": 1, "first_name": "Ann", "surname": "Ray", "at": "2024-07-01"},
        {"id": 2, "first_name": "Ann", "surname": "Ray"},
        {"id": 1, "source": "other", "first_name": "Ann", "surname": "Ray"},
    ])  # fmt: skip
    build_records(engine)
    assert engine.rows("select source, source_customer_id, surname, kind, first_seen::VARCHAR, last_seen::VARCHAR "
                       "from records order by all") == [
        ("other", "1", "Ray", "account", None, None),
        ("till", "1", "Lee", "account", "2024-01-01 00:00:00", "2024-01-01 00:00:00"),
        ("till", "1", "Ray", "account", "2024-06-01 00:00:00", "2024-07-01 00:00:00"),
        ("till", "2", "Ray", "account", None, None),
    ]  # fmt: skip
    keys = build_keys(engine).table
    unit = dict(zip(keys["record_id"].to_pylist(), keys["unit"].to_pylist(), strict=True))
    units: dict[tuple[str, str], set[int]] = {}
    for record, source, account in engine.rows("select record_id, source, source_customer_id from records"):
        units.setdefault((source, account), set()).add(unit[record])
    assert all(len(u) == 1 for u in units.values()) and len(set.union(*units.values())) == 3
    engine.close()


def test_kinds_follow_the_channel() -> None:
    engine = shop_of([
        {"id": 1, "surname": "A", "channel": "web"},
        {"id": 1, "surname": "A", "channel": "crm"},
        {"id": 2, "surname": "B", "channel": "person"},
        {"id": None, "surname": "C", "channel": "guest"},
        {"id": 3, "channel": "purchase"},
    ])  # fmt: skip
    assert records(engine) == [
        ("1", "account", None, "A"),
        ("1", "crm", None, "A"),
        ("2", "person", None, "B"),
        ("3", "id only", None, None),
        (None, "guest", None, "C"),
    ]
    engine.close()


def test_guests_are_told_apart_by_their_details() -> None:
    jo = {"guest_first_name": "Jo", "guest_surname": "Ray", "guest_postcode": "E1 1AA"}
    engine = shop_of([], [
        {"order": 1, **jo, "at": "2024-03-01"},
        {"order": 2, **jo, "at": "2024-02-01"},
        {"order": 3, **jo, "guest_postcode": "E1 1AB"},
        {"order": 4, **jo, "guest_first_name": None},
        {"order": 5},
        {"order": 6, **jo, "source": "stall"},
    ])  # fmt: skip
    found = records(engine, "source, first_name, postcode, orders, kind, first_seen::VARCHAR, source_customer_id")
    day = "2024-05-01 00:00:00"
    assert found == [
        ("stall", "Jo", "E1 1AA", 1, "guest", day, None),
        ("till", "Jo", "E1 1AA", 2, "guest", "2024-02-01 00:00:00", None),
        ("till", "Jo", "E1 1AB", 1, "guest", day, None),
        ("till", None, "E1 1AA", 1, "guest", day, None),
    ], "an order of nobody is no record"
    engine.close()


def test_ids_that_bought_and_stand_nowhere_are_records() -> None:
    engine = shop_of(
        [{"id": 1, "surname": "A"}],
        [{"order": 1, "id": 1}, {"order": 2, "id": 9, "at": "2024-01-05"}, {"order": 3, "id": 9}, {"order": 4, "id": 1,
          "source": "stall"}],
    )  # fmt: skip
    assert records(engine, "source, source_customer_id, kind, orders, surname, first_seen::VARCHAR") == [
        ("stall", "1", "id only", 1, None, "2024-05-01 00:00:00"),
        ("till", "1", "account", 1, "A", None),
        ("till", "9", "id only", 2, None, "2024-01-05 00:00:00"),
    ]
    engine.close()


def test_a_record_keeps_its_id_when_more_comes() -> None:
    few, more = shop_of(crowd(20)), shop_of([*crowd(20), {"id": "new", "surname": "Late"}][::-1])
    before, after = (
        {r[0]: r[1:] for r in records(e, "record_id, source_customer_id, first_name, surname")} for e in (few, more)
    )
    assert len(before) == 40 and len(after) == 41
    assert before.items() <= after.items()
    few.close()
    more.close()


def test_every_row_of_the_shops_three_files_is_told_of(tmp_path: Path) -> None:
    made = write_emporium(tmp_path / "shop", customers=300, seed=2)
    engine = DuckDBEngine(threads=2)
    create_tables(engine)
    load(engine, [made.folder], source="ebuy_emporium")
    count = build_records(engine)
    raw = {n: f"read_csv('{made.folder}/{n}.csv', all_varchar = true)" for n in made.rows}
    accounts = engine.value(f"select count(*) from (select distinct * from {raw['customer_database']})")
    crm = engine.value(f"select count(*) from (select distinct * from {raw['crm_export']})")
    guests = engine.value(f"select count(*) from (select distinct guest_first_name, guest_surname, guest_postcode "
                          f"from {raw['purchases']} where customer_id is null)")  # fmt: skip
    known = f"select customer_id from {raw['customer_database']} union select customer_id from {raw['crm_export']}"
    bare = engine.value(
        f"select count(distinct customer_id) from {raw['purchases']} where customer_id not in ({known})"
    )
    kinds = dict(engine.rows("select kind, count(*) from records group by 1"))
    assert kinds == {"account": accounts, "crm": crm, "guest": guests, "id only": bare}
    assert min(kinds.values()) > 0 and count == sum(kinds.values())
    assert engine.value("select count(distinct record_id) from records") == count
    sold = engine.value("select count(*) from orders")
    assert engine.value(
        "select sum(orders) from (select any_value(orders) as orders from records "
        "group by source, coalesce(source_customer_id, record_id))") == sold  # fmt: skip
    engine.close()


def test_a_value_that_far_too_many_share_is_taken_as_missing_and_told_of() -> None:
    rows = [{**r, "email": "jane@shop.org", "phone": f"0171 {n:06}"} for n, r in enumerate(crowd(150))]
    engine = shop_of(rows)
    build_records(engine)
    keys = build_keys(engine)
    assert keys.common == (("email", "jane@shop.org", 300),)
    assert keys.filled["email"] == 0 and keys.filled["phone"] == 300
    assert engine.value("select count(*) from records where email is not null") == 300, "the raw value stays"
    assert "email" not in {f.name for f in fields_for(keys.filled, 300)}
    few = shop_of(rows[:200])
    build_records(few)
    assert build_keys(few).common == (), "as many as live under one roof or in one street may share it"
    engine.close()
    few.close()


def test_placeholders_are_missing_and_forms_are_one() -> None:
    engine = shop_of([
        {"id": 1, "first_name": "  MARY-Ann ", "surname": "O’Neil", "postcode": "e1 1aa",
         "email": "M.Lee+shop@Gmail.com", "gender": "F", "birth_date": "1980-02-01",
         "further": '{"email_verified": "true", "shoe": "44"}'},
        {"id": 2, "first_name": "unknown", "surname": "n/a", "postcode": " ", "email": "info@shop.org"},
    ])  # fmt: skip
    build_records(engine)
    keys = build_keys(engine)
    rows = engine.rows("select r.source_customer_id, k.* exclude (record_id, source, source_customer_id, kind) "
                       "from record_keys k join records r using (record_id) order by 1")  # fmt: skip
    own = ("record_id", "source", "source_customer_id", "kind")
    columns = ["id", *(c for c in engine.columns("record_keys") if c not in own)]
    first, second = (dict(zip(columns, r, strict=True)) for r in rows)
    assert first | {
        "postcode": "E11AA", "district": "E1", "area": "E", "email": "mlee@gmail.com", "birth_year": 1980,
        "checked_email": True, "checked_phone": False, "first_held": 1, "surname_held": 1, "postcode_held": 1,
    } == first  # fmt: skip
    assert first["first"] == first["given"] == "mary-ann" and first["surname"] == first["family"] == "o'neil"
    assert {second[k] for k in ("first", "surname", "postcode", "email", "formal", "district")} == {None}
    assert second["first_held"] == 0
    assert keys.filled["surname"] == 1 and keys.table.num_rows == 2
    engine.close()


@pytest.mark.parametrize(("kinds", "compared"), [(30, True), (5, False)])
def test_further_columns_are_compared_where_they_tell_persons_apart(kinds: int, compared: bool) -> None:
    rows = [
        {**r, "further": f'{{"Club card": "c{int(r["id"][:-1]) % kinds}", "full_name": "x{r["id"]}"}}'}
        for r in crowd(60)
    ]
    engine = shop_of(rows)
    build_records(engine)
    keys = build_keys(engine)
    names = {f.name: f.says for f in fields_for(keys.filled, keys.table.num_rows)}
    assert ("further_club_card" in names) is compared
    assert not compared or names["further_club_card"] == "club card"
    assert "further_full_name" not in names
    engine.close()


def test_an_age_counts_only_where_no_birth_date_is_known() -> None:
    assert {f.name for f in fields_for({"birth": 90, "birth_year": 90, "age": 90}, 100)} == {"birth"}
    assert {f.name for f in fields_for({"birth": 0, "birth_year": 0, "age": 90}, 100)} == {"age"}
    assert fields_for({}, 100) == ()


def test_a_further_column_that_repeats_the_others_is_not_compared() -> None:
    rows = [
        {**r, "further": json.dumps({"whole": f"{r['first_name'].upper()} {r['surname']}", "badge": f"b{n // 2}"})}
        for n, r in enumerate(crowd(60))
    ]
    engine = shop_of(rows)
    build_records(engine)
    filled = build_keys(engine).filled
    engine.close()
    assert filled["further_badge"] == 120
    assert "further_whole" not in filled
