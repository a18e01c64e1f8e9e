"""Files that are broken, odd or missing: one clear line, nothing half loaded; odd rows kept whole."""

from __future__ import annotations

import gzip
import os
import random
from pathlib import Path
from types import ModuleType

import pytest

from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError, UsageError
from footfall.sources import Fill, Role, Source, load
from footfall.tables import TABLES

HEAD = "customer_id,date,quantity,price\n"
GOOD = HEAD + "1,1997-01-01,1,11.77\n2,1997-01-12,1,12.0\n"


@pytest.fixture
def engine() -> DuckDBEngine:
    return DuckDBEngine(threads=2)


def nothing_loaded(engine: DuckDBEngine) -> None:
    for table in [f"facts.{t}" for t in TABLES] + ["loads", "quality", "quarantine"]:
        if engine.has(table):
            assert engine.value(f"select count(*) from {table}") == 0, table
    left = engine.rows("select table_name from duckdb_tables() where temporary")
    assert not [t for (t,) in left if t.startswith(("staged_", "aside_", "rejects_", "new_"))]


def refused(engine: DuckDBEngine, patterns: object, *words: str, source: str = "cdnow") -> None:
    with pytest.raises(FootfallError) as caught:
        load(engine, patterns, source=source)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message
    nothing_loaded(engine)


def test_missing_file(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "cdnow.csv").write_text(GOOD)
    refused(engine, tmp_path / "cdnwo.csv", "there is no file", "did you mean 'cdnow.csv'")


def test_glob_that_matches_nothing(engine: DuckDBEngine, tmp_path: Path) -> None:
    refused(engine, str(tmp_path / "*.csv"), "no file matches")


def test_folder_without_data(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("hello")
    refused(engine, tmp_path, "holds no data file")


@pytest.mark.parametrize("name", ["cdnow.csv", "cdnow.jsonl", "cdnow.parquet", "cdnow.csv.gz"])
def test_empty_file(name: str, engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"")
    refused(engine, tmp_path / name, name, "is empty")


def test_blank_lines_only(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "cdnow.csv").write_text("\n\n  \n")
    refused(engine, tmp_path / "cdnow.csv", "only blank lines")


def test_empty_inside_its_gzip(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "cdnow.csv.gz").write_bytes(gzip.compress(b""))
    refused(engine, tmp_path / "cdnow.csv.gz", "is empty inside its gzip")


def test_header_only_loads_no_row(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "cdnow.csv").write_text(HEAD)
    assert load(engine, tmp_path / "cdnow.csv", source="cdnow").rows_read == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04" + os.urandom(200), "Excel or zip"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(200), "binary"),
        (random.Random(7).randbytes(5000), "binary"),
    ],
)
def test_binary_with_csv_name(content: bytes, words: str, engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "cdnow.csv").write_bytes(content)
    refused(engine, tmp_path / "cdnow.csv", words, "cdnow.csv")


def test_text_with_parquet_name(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "cdnow.parquet").write_text(GOOD)
    refused(engine, tmp_path / "cdnow.parquet", "no readable Parquet file")


def test_text_with_gz_name(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "cdnow.csv.gz").write_text(GOOD)
    refused(engine, tmp_path / "cdnow.csv.gz", "is no gzip file")


def long_csv(rows: int = 60_000) -> str:
    made = random.Random(3)
    return HEAD + "".join(
        f"{made.randrange(10**6)},1997-01-{made.randrange(1, 29):02},1,{made.random():.6f}\n" for _ in range(rows)
    )


def test_gzip_that_is_cut(engine: DuckDBEngine, tmp_path: Path) -> None:
    packed = gzip.compress(long_csv().encode())
    for name, length in (("short.csv.gz", 3000), ("long.csv.gz", len(packed) - 2000)):
        (tmp_path / name).write_bytes(packed[:length])
        refused(engine, tmp_path / name, name, "damaged or cut gzip")


def test_gzip_with_wrong_bytes_inside(engine: DuckDBEngine, tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(long_csv(200_000).encode()))
    packed[-9000:-8990] = b"0123456789"
    (tmp_path / "cdnow.csv.gz").write_bytes(packed)
    refused(engine, tmp_path / "cdnow.csv.gz", "damaged or cut gzip")


def test_missing_column_is_named(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "cdnow.csv").write_text("customer_id,date,quantty,price\n1,1997-01-01,1,2\n")
    refused(engine, tmp_path / "cdnow.csv", "cdnow.csv", "no column 'quantity'", "did you mean 'quantty'")


def test_too_few_columns_without_header(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "taobao.csv").write_text("1,2,3\n4,5,6\n")
    refused(engine, tmp_path / "taobao.csv", "has 3 columns", "user, item", source="taobao")


def test_required_file_missing(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("order_id,customer_id,order_status,order_purchase_timestamp\n")
    refused(engine, tmp_path / "orders.csv", "also needs a file *customers*", source="olist")


def test_file_without_role(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "weather.csv").write_text("a,b\n1,2\n")
    refused(engine, tmp_path / "weather.csv", "no use for", "*orders*", source="olist")


def test_wrong_source_and_zone(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "cdnow.csv").write_text(GOOD)
    with pytest.raises(UsageError, match="did you mean 'cdnow'"):
        load(engine, tmp_path / "cdnow.csv", source="cdnwo")
    with pytest.raises(UsageError, match="which source"):
        load(engine, tmp_path / "cdnow.csv")
    with pytest.raises(UsageError, match="is not a time zone"):
        load(engine, tmp_path / "cdnow.csv", source="cdnow", timezone="Mars")


def test_one_bad_file_of_two_loads_none(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(GOOD)
    (tmp_path / "b.csv").write_text("nothing,to,see\n1,2,3\n")
    refused(engine, tmp_path, "b.csv")


def test_failure_late_in_a_load_leaves_nothing(
    engine: DuckDBEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = Role("rows", columns=("id",), values={"order_id": "id", "occurred_at": "always()"}, into="orders")
    module = ModuleType("broken")
    module.SOURCE = Source(  # type: ignore[attr-defined]
        "broken",
        (role,),
        (
            Fill("orders", "select order_id, occurred_at, row_hash from new_rows"),
            Fill("products", "select cast('x' || order_id as INTEGER)::VARCHAR as product_id from new_rows"),
        ),
    )
    monkeypatch.setattr("footfall.sources.loading.find", lambda *a, **k: module)
    (tmp_path / "a.csv").write_text("id\n1\n")
    refused(engine, tmp_path / "a.csv", "x1", source="broken")


# Odd, but readable.


def test_rows_of_wrong_width_are_kept_whole(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "cdnow.csv").write_text(
        HEAD + '1,1997-01-01,1,11.77\n1,1997-01-02,1,11.77,extra\n1,1997-01-03\n1,"1997-01-04",x,"1,5"\n'
        "1,1997-01-05,1,3\n1,1997-01-06,0,3\n"
    )
    report = load(engine, tmp_path / "cdnow.csv", source="cdnow")
    assert (report.rows_read, report.rows_loaded, report.rows_quarantined) == (6, 2, 4)
    assert engine.rows("select line, reason, raw from quarantine order by line") == [
        (3, "malformed row: too many columns", "1,1997-01-02,1,11.77,extra"),
        (4, "malformed row: missing columns", "1,1997-01-03"),
        (5, "no readable quantity", '1,1997-01-04,x,"1,5"'),
        (7, "no readable quantity", "1,1997-01-06,0,3"),
    ]
    assert set(engine.rows("select file from quarantine")) == {(str(tmp_path / "cdnow.csv"),)}


def test_embedded_quotes_and_newlines(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        '1,12345,"a ""big""\nbox, red",1,2010-12-01,2.5,7,UK\n2,12346,plain,x,2010-12-01,2.5,7,UK\n'
    )
    load(engine, tmp_path / "r.csv", source="online_retail")
    assert engine.rows("select name from products") == [('a "big"\nbox, red',)]
    assert engine.rows("select line, raw from quarantine") == [(4, "2,12346,plain,x,2010-12-01,2.5,7,UK")]


DETAILS = "Customer ID,Age,Gender,Location,Income,Profession\nC1,34,f,Zürich – “Süd” €,1,Bäcker\nC2,35,m,Oslo,2,Cook\n"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
def test_encodings(encoding: str, engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "Customer_Details.csv").write_bytes(DETAILS.encode(encoding))
    report = load(engine, tmp_path, source="data_insights")
    assert (report.rows_loaded, report.rows_quarantined) == (2, 0)
    assert engine.rows("select location, profession from customers order by customer_id") == [
        ("Zürich – “Süd” €", "Bäcker"),
        ("Oslo", "Cook"),
    ]
    repaired = engine.rows("select rows, action from quality where check_name like '%Windows-1252%'")
    assert repaired == ([(1, "repaired")] if encoding == "cp1252" else [])
    assert report.rows_repaired == len(repaired)


def test_odd_bytes_far_down(engine: DuckDBEngine, tmp_path: Path) -> None:
    """Beyond what is looked at first: an all Latin-1 file is read again; in a UTF-8 file the row is set aside."""
    head, rest = DETAILS.split("\n", 1)
    plain = "".join(f"D{i},20,f,Leeds,1,Nurse\n" for i in range(60_000))
    late = "E1,20,f,Malmö,1,Nurse\n"
    (tmp_path / "late.csv").write_bytes((head + "\n" + plain + late).encode("cp1252"))
    report = load(engine, tmp_path / "late.csv", source="data_insights")
    assert (report.rows_loaded, report.rows_repaired, report.rows_quarantined) == (60_001, 1, 0)
    assert engine.value("select location from customers where customer_id = 'E1'") == "Malmö"
    other = DuckDBEngine(threads=2)
    mixed = (head + "\n" + rest + plain).encode() + late.encode("cp1252")
    (tmp_path / "mixed.csv").write_bytes(mixed)
    report = load(other, tmp_path / "mixed.csv", source="data_insights")
    assert (report.rows_loaded, report.rows_quarantined) == (60_002, 1)
    assert other.rows("select line, reason from quarantine") == [(60_004, "malformed row: invalid encoding")]
    assert other.value("select location from customers where customer_id = 'C1'").startswith("Zürich")


def test_optional_field_that_comes_late(engine: DuckDBEngine, tmp_path: Path) -> None:
    plain = '{"event_time":"2019-10-01 00:00:00Z","event_type":"view","product_id":1,"user_id":%d}\n'
    last = '{"event_time":"2019-10-01 00:00:00Z","event_type":"view","product_id":1,"user_id":5,"brand":"aqua"}\n'
    (tmp_path / "e.jsonl").write_text("".join(plain % i for i in range(1000)) + last)
    load(engine, tmp_path / "e.jsonl", source="rees46")
    assert engine.value("select count(*) from events where brand = 'aqua'") == 1


def test_bad_json_lines(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "e.jsonl").write_text(
        '{"event_time":"2019-10-01T00:00:00Z","event_type":"view","product_id":1,"user_id":5,"more":{"a":1}}\n'
        "\n"
        "not json\n"
        '{"event_time":"2019-10-01 02:00:00+02:00","event_type":"cart","product_id":"1","user_id":5,"price":2.5}\n'
        '{"event_time":"never","event_type":"view","product_id":1,"user_id":5,"more":{"a":1}}\n'
        '{"event_time":"2019-10-01 00:00:00 UTC"\n'
    )
    report = load(engine, tmp_path / "e.jsonl", source="rees46")
    assert (report.rows_read, report.rows_loaded, report.rows_quarantined) == (5, 2, 3)
    assert engine.rows("select distinct occurred_at::VARCHAR from events") == [("2019-10-01 00:00:00",)]
    assert engine.rows("select line, reason, raw from quarantine order by line") == [
        (3, "malformed row", "not json"),
        (
            5,
            "no readable time",
            '{"event_time":"never","event_type":"view","product_id":1,"user_id":5,"more":{"a":1}}',
        ),
        (6, "malformed row", '{"event_time":"2019-10-01 00:00:00 UTC"'),
    ]


def test_lines_are_right_over_many_files(engine: DuckDBEngine, tmp_path: Path) -> None:
    """Each file counts its own lines, also where one statement reads several, with rejects between."""
    for name, bad in (("a", 2), ("b", 5), ("c", 9)):
        rows = [f"{i},1997-01-{i:02},1,1{'' if i % 4 else ',more'}" for i in range(1, 12)]
        rows[bad] = f"{name},never,1,1"
        (tmp_path / f"{name}.csv").write_text(HEAD + "\n".join(rows) + "\n")
    report = load(engine, tmp_path, source="cdnow")
    assert report.rows_read == 33
    for name, bad in (("a", 2), ("b", 5), ("c", 9)):
        file = str(tmp_path / f"{name}.csv")
        rows = engine.rows("select line, raw from quarantine where file = ? and reason = 'no readable time'", [file])
        assert rows == [(bad + 2, f"{name},never,1,1")]


def test_same_content_under_two_names(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(GOOD)
    (tmp_path / "b.csv").write_text(GOOD)
    report = load(engine, tmp_path, source="cdnow")
    assert (report.rows_read, report.rows_loaded, report.rows_duplicate) == (4, 2, 2)
    assert report.known == (str(tmp_path / "b.csv"),)


def test_progress_is_told(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(GOOD)
    told: list[tuple[int, int, str]] = []
    load(engine, tmp_path, source="cdnow", progress=lambda *a: told.append(a))
    assert told[0] == (0, len(GOOD), "a.csv")
    assert told[1:] == [(len(GOOD), len(GOOD), "a.csv"), (len(GOOD), len(GOOD), "writing the tables")]


def test_progress_within_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that can say how far a statement is moves the bar between two files."""

    class Telling(DuckDBEngine):
        def progress(self) -> float:
            return 50.0

    monkeypatch.setattr("footfall.sources.metering._EVERY", 0.001)
    (tmp_path / "a.csv").write_text(long_csv())
    size = (tmp_path / "a.csv").stat().st_size
    told: list[int] = []
    load(Telling(threads=2), tmp_path, source="cdnow", progress=lambda done, total, what: told.append(done))
    assert size // 2 in told
    assert told == sorted(told)
    assert told[0] == 0
    assert told[-1] == size
