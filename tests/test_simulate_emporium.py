"""The shop whose customers are to be counted: the same each time, truth apart, in the shape of the real files."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from footfall.engine import DuckDBEngine
from footfall.errors import UsageError
from footfall.simulate import EmporiumDials, Simulated, write_emporium
from footfall.sources import load
from real_data import data_path

PERSONS = 4000
DATABASE, CRM, PURCHASES = "customer_database", "crm_export", "purchases"


def one(sql: str) -> Any:
    (row,) = duckdb.sql(sql).fetchall()
    return row[0] if len(row) == 1 else row


def csv(folder: Path, name: str) -> str:
    return f"read_csv('{folder}/{name}.csv', all_varchar = true)"


def truth(shop: Simulated, name: str) -> str:
    return f"'{shop.truth}/{name}.parquet'"


def folded(columns: str, table: str, prefix: str = "") -> str:
    names = f"lower({prefix}first_name) as f, lower({prefix}surname) as s, lower(replace({prefix}postcode, ' ', '')) p"
    return f"(select distinct {columns}{names} from {table} where {prefix}surname is not null)"


def fingerprints(*folders: Path) -> dict[str, str]:
    return {f"{d.name}/{f.name}": hashlib.sha256(f.read_bytes()).hexdigest() for d in folders for f in d.iterdir()}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    return write_emporium(tmp_path_factory.mktemp("emporium") / "shop", customers=PERSONS, seed=3)


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    first = write_emporium(tmp_path / "a" / "shop", customers=300, seed=1)
    second = write_emporium(tmp_path / "b" / "shop", customers=300, seed=1)
    assert fingerprints(first.folder, first.truth) == fingerprints(second.folder, second.truth)
    other = write_emporium(tmp_path / "a" / "shop", customers=300, seed=2)
    assert not fingerprints(other.folder, other.truth).items() & fingerprints(second.folder, second.truth).items()


def test_nothing_of_the_truth_is_in_the_shop(shop: Simulated) -> None:
    assert {f.name for f in shop.folder.iterdir()} == {f"{n}.csv" for n in (DATABASE, CRM, PURCHASES)}
    account = ["customer_id", "first_name", "surname", "postcode", "age"]
    assert duckdb.sql(f"from {csv(shop.folder, DATABASE)}").columns == account
    assert duckdb.sql(f"from {csv(shop.folder, CRM)}").columns == account
    assert duckdb.sql(f"from {csv(shop.folder, PURCHASES)}").columns == [
        "event_time", "product_id", "category_id", "category_code", "brand", "price", "session_id", "customer_id",
        "guest_first_name", "guest_surname", "guest_postcode",
    ]  # fmt: skip
    # Neither an account's number nor its place in a file tells whose it is.
    for order in ("customer_id::BIGINT", "row"):
        rows = f"select person, row_number() over (order by {order}) as place from records_of_accounts"
        near = one(
            f"""with records_of_accounts as (
                  select r.row, r.person, d.customer_id
                  from {truth(shop, "records")} r
                  join (select *, row_number() over () as row from {csv(shop.folder, DATABASE)}) d using (row)
                  where file = '{DATABASE}'
                ), placed as ({rows})
                select abs(corr(place, person)) from placed"""
        )
        assert near < 0.1, order


def test_the_truth_knows_every_record(shop: Simulated) -> None:
    for name in (DATABASE, CRM, PURCHASES):
        numbered = f"(select *, row_number() over () as row from {csv(shop.folder, name)})"
        records = f"(from {truth(shop, 'records')} where file = '{name}')"
        assert one(f"select count(*), min(row), max(row) from {records}") == (shop.rows[name], 1, shop.rows[name])
        lost = f"select count(*) from {numbered} f join {records} r using (row) left join {truth(shop, 'accounts')} a "
        assert one(f"{lost} on a.customer_id = f.customer_id::BIGINT where f.customer_id is not null "
                   "and a.person is distinct from r.person") == 0  # fmt: skip
    assert one(f"select count(*), count(distinct person) from {truth(shop, 'persons')}") == (PERSONS, PERSONS)
    # Everyone left a trace: the number of customers is the number of persons.
    traces = f"select person from {truth(shop, 'records')}"
    assert one(f"select count(distinct person) from ({traces})") == PERSONS
    guests = f"select guest_first_name, guest_surname, guest_postcode from {truth(shop, 'guests')}"
    raw = f"select guest_first_name, guest_surname, guest_postcode from {csv(shop.folder, PURCHASES)}"
    assert one(f"select count(*) from ({raw} where guest_surname is not null except {guests})") == 0
    assert one(f"select count(*) from ({guests} except {raw})") == 0
    assert one(f"select count(*) from {csv(shop.folder, PURCHASES)} "
               "where (customer_id is null) = (guest_surname is null)") == 0  # fmt: skip


def test_the_marks_say_what_was_planted(shop: Simulated) -> None:
    written = json.loads((shop.truth / "simulation.json").read_text())
    assert written["customers"] == PERSONS and written["seed"] == 3
    assert written["dials"] == dataclasses.asdict(EmporiumDials())
    assert shop.planted["accounts"] == one(f"select count(*) from {truth(shop, 'accounts')}")
    assert min(shop.planted.values()) > 0


def test_without_mess_a_person_is_always_written_the_same(tmp_path: Path) -> None:
    tidy = EmporiumDials(typos=0, guest_typos=0, postcode_slips=0, nicknames=0, case=0)
    shop = write_emporium(tmp_path / "shop", customers=1500, seed=5, dials=tidy)
    assert (shop.planted["accounts_with_a_slip"], shop.planted["guests_with_a_slip"]) == (0, 0)
    assert one(f"select count(*) from {truth(shop, 'guests')}") == one(
        f"select count(distinct person) from {truth(shop, 'guests')}"
    )
    messy = write_emporium(tmp_path / "messy", customers=1500, seed=5, dials=EmporiumDials(guest_typos=0.4))
    slipped, guests = messy.planted["guests_with_a_slip"], messy.planted["guests"]
    assert 0.3 * guests < slipped < 0.7 * guests
    same = f"select count(*) from {truth(shop, 'persons')} semi join {truth(messy, 'persons')} using (person, surname)"
    assert one(same) == 1500, "the dials of mess must not draw other people"


def test_only_namesakes_share_a_name_within_a_household(tmp_path: Path) -> None:
    counts = []
    for share in (0.0, 0.2):
        dials = EmporiumDials(namesakes=share)
        shop = write_emporium(tmp_path / "shop", customers=3000, seed=5, dials=dials)
        same = f"select 1 from {truth(shop, 'persons')} group by household, first_name having count(*) > 1"
        counts.append(one(f"select count(*) from ({same})"))
    assert counts[0] == 0 and counts[1] > 30


def test_the_shop_has_the_shape_of_the_real_files(tmp_path: Path) -> None:
    """Overlaps and density of names against the real files, at their size."""
    real = data_path("ebuy_emporium")
    persons = 26_600
    shop = write_emporium(tmp_path / "shop", customers=persons, seed=7)

    def shape(database: str, crm: str, buyers: str, guests: str) -> dict[str, float]:
        accounts = f"(from {database} union from {crm})"
        known = folded("", accounts)
        return {
            "database": one(f"select count(*) from {database}"),
            "crm": one(f"select count(*) from {crm}"),
            "both": one(f"select count(*) from {database} semi join {crm} using (customer_id)"),
            "purchasers": one(f"select count(*) from {buyers}"),
            "unknown": one(f"select count(*) from {buyers} anti join {accounts} using (customer_id)"),
            "guests": one(f"select count(*) from {guests}"),
            "guests with an account": one(f"select count(*) from {guests} semi join {known} using (f, s, p)"),
            "details": one(f"select count(*) from {known}"),
            "a postcode's median": one(
                f"select median(n) from (select count(*) as n from {accounts} group by postcode having n > 4)"
            ),
            "under 16": one(f"select count(*) from {accounts} where age::INTEGER < 16"),
            "median age": one(f"select median(age::INTEGER) from {accounts}"),
        }

    told = shape(
        csv(real, DATABASE),
        csv(real, CRM),
        csv(real, "purchaser_ids"),
        folded("", csv(real, "guests"), "guest_"),
    )
    made = shape(
        csv(shop.folder, DATABASE),
        csv(shop.folder, CRM),
        f"(select distinct customer_id from {csv(shop.folder, PURCHASES)} where customer_id is not null)",
        folded("", csv(shop.folder, PURCHASES), "guest_"),
    )
    for name, value in told.items():
        allowed = 0.4 if name == "under 16" else 0.15
        assert abs(made[name] / value - 1) < allowed, (name, value, made[name])


def test_what_is_written_loads_whole(shop: Simulated, tmp_path: Path) -> None:
    engine = DuckDBEngine(tmp_path / "shop.duckdb", threads=2)
    report = load(engine, [shop.folder], source="ebuy_emporium")
    assert {f.role: f.rows_read for f in report.files} == {
        "database": shop.rows[DATABASE],
        "crm": shop.rows[CRM],
        "purchases": shop.rows[PURCHASES],
    }
    assert report.rows_loaded == report.rows_read == sum(shop.rows.values())
    assert engine.value("select count(*) from lines") == shop.rows[PURCHASES]
    sessions = one(f"select count(distinct session_id) from {csv(shop.folder, PURCHASES)}")
    assert engine.value("select count(*) from orders") == sessions
    guests = "select distinct guest_first_name, guest_surname, guest_postcode from orders where customer_id is null"
    triples = f"select distinct guest_first_name, guest_surname, guest_postcode from {truth(shop, 'guests')}"
    assert engine.value(f"select count(*) from ({guests})") == one(f"select count(*) from ({triples})")
    unknown = (
        "select count(distinct customer_id) from orders where customer_id not in (select customer_id from customers)"
    )
    assert engine.value(unknown) == shop.planted["unlisted_accounts"]


def test_wrong_numbers_and_full_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="customers is 3; it takes a whole number from 20"):
        write_emporium(tmp_path / "a", customers=3)
    with pytest.raises(UsageError, match=r"seed is -1; it takes a whole number"):
        write_emporium(tmp_path / "a", customers=100, seed=-1)
    with pytest.raises(UsageError, match="dial 'typos' is 2; it takes a share from 0 to 1"):
        EmporiumDials(typos=2)
    with pytest.raises(UsageError, match="come to more than 1 together"):
        EmporiumDials(accounts=0.8, guests=0.3)
    with pytest.raises(UsageError, match="come to less than 1 together"):
        EmporiumDials(database=0.5, crm=0.2)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="holds files already"):
        write_emporium(tmp_path / "mine", customers=100)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"
