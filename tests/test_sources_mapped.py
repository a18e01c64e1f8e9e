"""One's own files: the TOML mapping, in every format, and the draft that `guess` writes."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError
from footfall.sources import guess, load

WEB = """
name = "acme"
timezone = "Europe/Berlin"

[[files]]
into = "events"
pattern = "web*"
orders = true

[files.columns]
customer_id = "user"
occurred_at = "ts"
type = "action"
product_id = "sku"
price = "price_cents"

[files.words.type]
pv = "view"
buy = "purchase"

[files.units]
price = "cents"
occurred_at = "unix ms"
"""
ROWS = """user,ts,action,sku,price_cents
u1,1717236000000,PV,a,1999
u1,1717236001500,buy,a,1999
u1,1717236001500,buy,b,1
,1717236002000,stare,b,n/a
u2,then,pv,b,5
"""


@pytest.fixture
def engine() -> DuckDBEngine:
    return DuckDBEngine(threads=2)


def mapping(folder: Path, text: str) -> Path:
    path = folder / "map.toml"
    path.write_text(text)
    return path


def formats(folder: Path) -> None:
    (folder / "web.csv").write_text(ROWS)
    maker = DuckDBEngine()
    table = f"read_csv('{folder / 'web.csv'}', all_varchar = true)"
    for name, options in (("csv.gz", "format csv"), ("jsonl", "format json"), ("parquet", "format parquet")):
        maker.execute(f"copy (select * from {table}) to '{folder / f'web.{name}'}' ({options})")


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "jsonl", "parquet"])
def test_every_format_gives_the_same(ending: str, engine: DuckDBEngine, tmp_path: Path) -> None:
    formats(tmp_path)
    report = load(engine, tmp_path / f"web.{ending}", mapping=mapping(tmp_path, WEB))
    assert (report.source, report.rows_read, report.rows_loaded, report.rows_quarantined) == ("acme", 5, 4, 1)
    assert engine.rows("select customer_id, occurred_at, type, product_id, price from events order by 2, 4") == [
        ("u1", datetime(2024, 6, 1, 10), "view", "a", Decimal("19.9900")),
        ("u1", datetime(2024, 6, 1, 10, 0, 1, 500000), "purchase", "a", Decimal("19.9900")),
        ("u1", datetime(2024, 6, 1, 10, 0, 1, 500000), "purchase", "b", Decimal("0.0100")),
        (None, datetime(2024, 6, 1, 10, 0, 2), "stare", "b", None),
    ]
    assert engine.rows("select customer_id, amount from orders") == [("u1", Decimal("20.0000"))]
    assert engine.value("select count(*) from lines") == 2
    assert set(engine.rows("select distinct check_name, action, rows from quality")) == {
        ("no readable time", "set aside", 1),
        ("price not readable, taken as unknown", "repaired", 1),
        ("unknown event type", "kept", 1),
        ("no customer", "kept", 1),
    }


SHOP = """
[[files]]
into = "lines"
pattern = "bons*"
orders = true
optional = ["brand"]
[files.columns]
order_id = "Bon"
customer_id = "Kunde"
occurred_at = "Datum"
product_id = "Artikel"
quantity = "Menge"
amount = "Betrag"
brand = "Marke"
[files.units]
amount = "comma"
[files.formats]
occurred_at = "%d/%m/%Y %H:%M"
[files.constants]
store_id = "7"

[[files]]
into = "customers"
pattern = "kunden*"
header = ["nr", "name", "born"]
[files.columns]
customer_id = "nr"
surname = "name"
birth_date = "born"

[[files]]
into = "series"
pattern = "weeks*"
[files.columns]
keys = ["Store", "Dept"]
date = "Week"
value = "Sales"
"""


def test_shop_of_three_files(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "bons.csv").write_text(
        'Bon;Kunde;Datum;Artikel;Menge;Betrag\nb1;k1;31/12/2024 23:30;a;2;"1.234,50"\n'
        "b1;k1;31/12/2024 23:30;b;-1;-4,5\n"
    )
    (tmp_path / "kunden.csv").write_text("k1,Böhm,1980-02-29\nk2,Ax,\n")
    (tmp_path / "weeks.csv").write_text("Store,Dept,Week,Sales\n1,2,2024-01-01,5.5\n")
    report = load(engine, tmp_path, mapping=mapping(tmp_path, SHOP), timezone="Europe/Berlin")
    assert report.rows_loaded == report.rows_read == 5
    assert engine.rows(
        "select order_id, occurred_at, kind, quantity, price, amount, store_id, brand from lines order by kind desc"
    ) == [
        ("b1", datetime(2024, 12, 31, 22, 30), "sale", 2.0, Decimal("617.2500"), Decimal("1234.5000"), "7", None),
        ("b1", datetime(2024, 12, 31, 22, 30), "return", -1.0, Decimal("4.5000"), Decimal("-4.5000"), "7", None),
    ]
    assert engine.rows("select customer_id, amount from orders") == [("k1", Decimal("1234.5000"))]
    assert engine.rows("select customer_id, surname, birth_date, occurred_at from customers order by 1") == [
        ("k1", "Böhm", date(1980, 2, 29), datetime(1900, 1, 1)),
        ("k2", "Ax", None, datetime(1900, 1, 1)),
    ]
    assert engine.rows("select keys, date, value from series") == [('{"store":"1","dept":"2"}', date(2024, 1, 1), 5.5)]
    # The keys as columns, and the local midnight at which the period begins.
    assert engine.rows("select store_id, category, product_id, occurred_at, known_at from series") == [
        ("1", "2", None, datetime(2023, 12, 31, 23), datetime(2023, 12, 31, 23))
    ]


def test_series_whose_keys_have_other_names_are_mapped_by_hand(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "sold.csv").write_text("region,item,week,sold\nnorth,a,2024-01-01,5\nsouth,a,2024-01-01,7\n")
    text = """[[files]]
into = "series"
columns = {store_id = "region", product_id = "item", date = "week", value = "sold"}
constants = {series = "sales"}
"""
    load(engine, tmp_path / "sold.csv", mapping=mapping(tmp_path, text))
    load(engine, tmp_path / "sold.csv", mapping=mapping(tmp_path, text))
    assert engine.rows("select series, keys, store_id, product_id, value from series order by value") == [
        ("sales", '{"store":"north","product":"a"}', "north", "a", 5.0),
        ("sales", '{"store":"south","product":"a"}', "south", "a", 7.0),
    ]


def test_clocks_that_change(engine: DuckDBEngine, tmp_path: Path) -> None:
    """Local stamps of summer and winter, and stamps with an offset, which need no zone."""
    (tmp_path / "o.csv").write_text(
        "o,c,t,a\n1,x,2024-01-15 12:00,1\n2,x,2024-07-15 12:00,1\n3,x,2024-07-15T12:00:00+05:30,1\n"
        "4,x,2024-07-15 12:00:00Z,1\n5,x,15.07.2024 12:00,1\n"
    )
    text = """[[files]]
into = "orders"
columns = {order_id = "o", customer_id = "c", occurred_at = "t", amount = "a"}
"""
    load(engine, tmp_path / "o.csv", mapping=mapping(tmp_path, text), timezone="America/New_York")
    assert [r[0].strftime("%m-%d %H:%M") for r in engine.rows("select occurred_at from orders order by order_id")] == [
        "01-15 17:00",
        "07-15 16:00",
        "07-15 06:30",
        "07-15 12:00",
        "07-15 16:00",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = [", "is no TOML"),
        ("name = 'x'", "maps no file"),
        ("[[files]]\ninto = 'ordres'\ncolumns = {a = 'b'}", "did you mean 'orders'"),
        ("[[files]]\ninto = 'orders'\ncolums = {a = 'b'}", "unknown setting 'colums'"),
        ("[[files]]\ninto = 'orders'\ncolumns = {amout = 'b', occurred_at = 't'}", "did you mean 'amount'"),
        ("[[files]]\ninto = 'orders'\ncolumns = {amount = 'b'}", "which column is occurred_at"),
        ("[[files]]\ninto = 'orders'\n", "no [files.columns]"),
        (
            "[[files]]\ninto = 'orders'\ncolumns = {amount = 'b', occurred_at = 't'}\nunits = {amount = 'pence'}",
            "unknown unit 'pence'",
        ),
        (
            "[[files]]\ninto = 'orders'\ncolumns = {amount = 'b', occurred_at = 't'}\nunits = {occurred_at = 'unix'}",
            "unknown unit of time",
        ),
        (
            "[[files]]\ninto = 'orders'\nheader = ['a', 't']\ncolumns = {amount = 'b', occurred_at = 't'}",
            "names a column 'b'",
        ),
        ("[[files]]\ninto = 'orders'\norders = true\ncolumns = {amount = 'b', occurred_at = 't'}", "asks for orders"),
    ],
)
def test_wrong_mapping_is_one_clear_line(text: str, words: str, engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text("b,t\n1,2024-01-01\n")
    with pytest.raises(FootfallError) as caught:
        load(engine, tmp_path / "o.csv", mapping=mapping(tmp_path, text))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_mapping(engine: DuckDBEngine, tmp_path: Path) -> None:
    with pytest.raises(FootfallError, match="cannot read the mapping"):
        load(engine, tmp_path, mapping=tmp_path / "none.toml")


def test_column_of_the_mapping_missing_in_the_file(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "web.csv").write_text("usr,ts,action,sku,price_cents\n")
    with pytest.raises(FootfallError, match=r"has no column 'user'.*did you mean 'usr'"):
        load(engine, tmp_path / "web.csv", mapping=mapping(tmp_path, WEB))


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "jsonl", "parquet"])
def test_guess_drafts_what_loads(ending: str, engine: DuckDBEngine, tmp_path: Path) -> None:
    formats(tmp_path)
    draft = guess(engine, tmp_path / f"web.{ending}")
    assert 'into = "events"' in draft
    assert 'occurred_at = "unix ms"' in draft
    assert '"buy" = "purchase"' in draft
    assert '"pv" = "view"' in draft
    assert "# not mapped: price_cents" in draft
    report = load(engine, tmp_path / f"web.{ending}", mapping=mapping(tmp_path, draft))
    assert (report.rows_loaded, report.rows_quarantined) == (4, 1)
    assert engine.value("select count(*) from orders") == 1


@pytest.mark.parametrize(
    ("text", "into", "words"),
    [
        ("Order ID,Customer,SKU,Qty,Unit Price,Order Date\n1,c,s,1,2.5,31/01/2024\n", "lines", '"%d/%m/%Y"'),
        ("customer_id,date,quantity,price\n1,1997-01-01,1,2\n", "orders", 'amount = "price"'),
        ("user_id,email,dob\n1,a@b.c,1980-01-01\n", "customers", 'birth_date = "dob"'),
        ("sku,name,brand\n1,a,b\n", "products", 'brand = "brand"'),
        ("product_id,user,stars,review,date\n1,2,5,fine,2024-01-01\n", "reviews", 'text = "review"'),
    ],
)
def test_guess_tells_the_table(text: str, into: str, words: str, engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "some.csv").write_text(text)
    draft = guess(engine, tmp_path / "some.csv")
    assert f'into = "{into}"' in draft
    assert words in draft
    assert load(engine, tmp_path / "some.csv", mapping=mapping(tmp_path, draft)).rows_loaded == 1


def test_guess_gives_up_clearly(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "some.csv").write_text("foo,bar\n1,2\n")
    with pytest.raises(FootfallError, match=r"cannot guess what .* \(foo, bar\)"):
        guess(engine, tmp_path / "some.csv")
