"""Files of persons: names however given, dates however written, and what no column is there for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from footfall.engine import DuckDBEngine
from footfall.sources import load

COLUMNS = "customer_id, first_name, later_names, surname, birth_date::VARCHAR, further"


@pytest.fixture
def engine() -> DuckDBEngine:
    return DuckDBEngine(threads=2)


def loaded(engine: DuckDBEngine, path: Path, text: str) -> list[tuple[Any, ...]]:
    path.write_text(text, encoding="utf-8")
    load(engine, [path], source="people")
    return engine.rows(f"select {COLUMNS} from customer_history order by customer_id")


@pytest.mark.parametrize(
    ("full", "first", "later", "last"),
    [
        ("Mary Smith", "Mary", None, "Smith"),
        ("  Mary   Smith ", "Mary", None, "Smith"),
        ("Dr. Mary Ann Lou Smith", "Mary", "Ann Lou", "Smith"),
        ('"Smith, Mary Ann"', "Mary", "Ann", "Smith"),
        ("Vincent van Gogh", "Vincent", None, "van Gogh"),
        ("Ahmed Ali bin Said", "Ahmed", "Ali", "bin Said"),
        ("Plato", "Plato", None, None),
        ("محمد علي", "محمد", None, "علي"),
        ("José Núñez", "José", None, "Núñez"),
    ],
)
def test_a_full_name_is_split(
    engine: DuckDBEngine, tmp_path: Path, full: str, first: str, later: str | None, last: str | None
) -> None:
    (row,) = loaded(engine, tmp_path / "a.csv", f"id,name\n1,{full}\n")
    assert row[1:4] == (first, later, last)
    assert json.loads(row[5]) == {"full_name": full.strip('" ')}


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("1956-04-09", "1956-04-09"),
        ("1956-04-09T00:00:00", "1956-04-09"),
        ("19560409", "1956-04-09"),
        ("09/04/1956", "1956-04-09"),
        ("04/29/1956", "1956-04-29"),
        ("9.4.1956", "1956-04-09"),
        ("09-04-1956", "1956-04-09"),
        ("9 Apr 1956", "1956-04-09"),
        ("9 April 1956", "1956-04-09"),
        ("1956/04/09", "1956-04-09"),
        ("19391384", None),
        ("1956", None),
        ("2956-04-09", None),
        ("-0050-01-0", None),
        ("long ago", None),
    ],
)
def test_a_birth_date_is_read_or_kept_as_text(
    engine: DuckDBEngine, tmp_path: Path, written: str, day: str | None
) -> None:
    (row,) = loaded(engine, tmp_path / "a.csv", f"rec_id, surname, dob\n1, Smith, {written}\n")
    assert row[4] == day
    assert row[5] == (None if day else json.dumps({"birth_date": written}, separators=(",", ":")))
    bad = engine.value("select coalesce(sum(rows), 0) from quality where check_name = 'no readable birth date'")
    assert bad == (0 if day else 1)


def test_keys_that_come_late_in_a_json_file_are_kept(engine: DuckDBEngine, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"id": n, "first_name": "A", "surname": "B"} for n in range(500)]
    rows.append({"id": 999, "first_name": "A", "surname": "C", "shoe size": 44})
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    load(engine, [path], source="people")
    assert engine.rows("select customer_id, further from customers where further is not null") == [
        ("999", '{"shoe size":"44"}')
    ]


def test_parquet_keeps_its_further_columns(engine: DuckDBEngine, tmp_path: Path) -> None:
    days = pa.array([-5000, None], pa.int32()).cast(pa.date32())
    table = pa.table({"uid": [1, 2], "fname": ["A", "B"], "dob": days, "points": [7.5, None], "sex": ["F", None]})
    pq.write_table(table, tmp_path / "a.parquet")
    load(engine, [tmp_path / "a.parquet"], source="people")
    assert engine.rows("select customer_id, birth_date::VARCHAR, gender, further from customers order by 1") == [
        ("1", "1956-04-24", "f", '{"points":"7.5"}'),
        ("2", None, None, None),
    ]


def test_a_later_file_of_the_same_ids_brings_other_versions(engine: DuckDBEngine, tmp_path: Path) -> None:
    for name, text in {
        "old.csv": "id,name,postcode,updated_at\n1,Ann Lee,E1 1AA,2024-01-01\n2,Bo Ray,E1 1AA,2024-01-01\n",
        "new.csv": "id,name,postcode,updated_at\n1,Ann Lee,M2 2BB,2024-06-01\n2,Bo Ray,E1 1AA,2024-01-01\n",
    }.items():
        (tmp_path / name).write_text(text)
        report = load(engine, [tmp_path / name], source="people")
    assert (report.rows_loaded, report.rows_duplicate) == (1, 1)
    assert engine.rows("select customer_id, postcode from customers order by 1") == [("1", "M2 2BB"), ("2", "E1 1AA")]
    assert engine.value("select count(*) from customer_history") == 3


def test_one_id_in_two_systems_is_two_accounts(engine: DuckDBEngine, tmp_path: Path) -> None:
    rows = loaded(engine, tmp_path / "a.csv", "id,system,surname\n1,CRM,Lee\n1,web,Lee\n1,,Lee\n")
    assert [r[0] for r in rows] == ["1", "CRM:1", "web:1"]
    assert engine.rows("select channel from customers order by customer_id") == [("person",), ("crm",), ("web",)]


def test_no_registration_date_makes_nobody_known_by_a_clock(engine: DuckDBEngine, tmp_path: Path) -> None:
    loaded(engine, tmp_path / "a.csv", "id,surname,registered_at\n1,Lee,2024-02-01 10:00\n2,Ray,soon\n3,Fox,\n")
    assert engine.rows("select customer_id, known_from::VARCHAR from known_customers") == [("1", "2024-02-01 10:00:00")]
    assert engine.value("select further from customers where customer_id = '2'") == '{"registered_at":"soon"}'
