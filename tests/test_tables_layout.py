"""Facts are stored once; what is read are views that know whose a row is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlglot

from footfall.engine import DuckDBEngine
from footfall.tables import TABLES, create_tables, publish_views, refresh_known
from footfall.tables.layout import known_query

JUNE, JULY = datetime(2026, 6, 1), datetime(2026, 7, 1)
UNDATED = datetime(1900, 1, 1)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDBEngine]:
    made = DuckDBEngine(tmp_path / "shop.duckdb", threads=2, memory="1GB")
    create_tables(made)
    yield made
    made.close()


def put(engine: DuckDBEngine, name: str, *rows: dict[str, Any]) -> None:
    """Add facts; what a row does not say is June, source `web`."""
    whole = [{"source": "web", "occurred_at": JUNE, "known_at": JUNE, **row} for row in rows]
    engine.append(f"facts.{name}", pa.Table.from_pylist(whole))


def link(engine: DuckDBEngine, *rows: tuple[str, str, str]) -> None:
    for row in rows:
        engine.execute("insert into links (source, source_customer_id, customer_id) values (?, ?, ?)", row)
    publish_views(engine)


def test_creating_twice_changes_nothing(engine: DuckDBEngine) -> None:
    put(engine, "orders", {"order_id": "1", "source_customer_id": "a"})
    catalogue = "select table_schema, table_name, column_name, data_type from information_schema.columns order by all"
    before = engine.rows(catalogue)
    create_tables(engine)
    assert engine.rows(catalogue) == before
    assert engine.rows("select order_id, customer_id from orders") == [("1", "a")]


def test_the_views_of_an_empty_shop_are_there_and_empty(engine: DuckDBEngine) -> None:
    for name in [*TABLES, "customer_history", "Transactions", "Customer_Interactions", "Customer_Details"]:
        assert engine.value(f"select count(*) from {name}") == 0


def test_a_view_has_the_declared_columns_and_whose_row_it_is(engine: DuckDBEngine) -> None:
    for name, table in TABLES.items():
        columns = list(engine.columns(name))
        assert ("customer_id" in columns) == table.customer
        assert [c.name for c in table.columns] == [c for c in columns if c in {d.name for d in table.columns}]
        assert "source" in columns
        assert not {"row_hash", "load_id"} & set(columns)


def test_before_resolve_a_customer_is_the_sources_id_and_a_guest_is_nobody(engine: DuckDBEngine) -> None:
    put(engine, "orders", {"order_id": "1", "source_customer_id": "a"}, {"order_id": "2", "guest_surname": "Ray"})
    assert engine.rows("select order_id, customer_id from orders order by 1") == [("1", "a"), ("2", None)]


def test_ids_of_two_sources_are_prefixed_only_where_they_clash(engine: DuckDBEngine) -> None:
    put(engine, "orders", {"order_id": "1", "source_customer_id": "a"})
    put(engine, "events", {"event_id": "1", "source_customer_id": "b", "source": "app"})
    publish_views(engine)
    assert engine.rows("select customer_id from orders union all select customer_id from events") == [("a",), ("b",)]
    put(engine, "events", {"event_id": "2", "source_customer_id": "a", "source": "app"})
    publish_views(engine)
    assert engine.rows("select customer_id from orders") == [("web:a",)]
    assert engine.rows("select event_id, customer_id from events order by 1") == [("1", "app:b"), ("2", "app:a")]


def test_one_id_in_two_tables_of_one_source_is_no_clash(engine: DuckDBEngine) -> None:
    put(engine, "orders", {"order_id": "1", "source_customer_id": "a"})
    put(engine, "events", {"event_id": "1", "source_customer_id": "a"})
    put(engine, "reviews", {"review_id": "1", "source_customer_id": None, "source": "app"})
    publish_views(engine)
    assert engine.rows("select customer_id from orders") == [("a",)]
    assert engine.rows("select customer_id from events") == [("a",)]


def test_links_give_every_fact_the_resolved_customer(engine: DuckDBEngine) -> None:
    put(engine, "orders", {"order_id": "1", "source_customer_id": "a"}, {"order_id": "2", "source_customer_id": "z"})
    put(engine, "events", {"event_id": "1", "source_customer_id": "b", "source": "app"})
    link(engine, ("web", "a", "C-1"), ("app", "b", "C-1"), ("app", "z", "C-9"))
    assert engine.rows("select order_id, customer_id from orders order by 1") == [("1", "C-1"), ("2", "z")]
    assert engine.rows("select customer_id, source, source_customer_id from events") == [("C-1", "app", "b")]
    engine.execute("delete from links")
    publish_views(engine)
    assert engine.rows("select order_id, customer_id from orders order by 1") == [("1", "a"), ("2", "z")]


def test_a_customer_not_linked_keeps_the_prefix_where_ids_clash(engine: DuckDBEngine) -> None:
    put(engine, "orders", {"order_id": "1", "source_customer_id": "a"}, {"order_id": "2", "source_customer_id": "b"})
    put(engine, "events", {"event_id": "1", "source_customer_id": "a", "source": "app"})
    link(engine, ("web", "a", "C-1"))
    assert engine.rows("select order_id, customer_id from orders order by 1") == [("1", "C-1"), ("2", "web:b")]
    assert engine.rows("select customer_id from events") == [("app:a",)]


def test_customers_holds_one_row_each_the_newest(engine: DuckDBEngine) -> None:
    put(
        engine,
        "customers",
        {"source_customer_id": "a", "location": "Leeds", "occurred_at": JULY, "known_at": JULY},
        {"source_customer_id": "a", "location": "York"},
        {"source_customer_id": "b", "location": "Hull"},
        {"source_customer_id": None, "location": "nobody's"},
    )
    assert engine.rows("select customer_id, location from customers order by 1") == [("a", "Leeds"), ("b", "Hull")]
    assert engine.value("select count(*) from customer_history") == 4


def test_of_two_equally_new_rows_the_same_one_is_taken_whatever_the_order(tmp_path: Path) -> None:
    rows = [{"source_customer_id": "a", "location": place} for place in ("York", "Leeds", "Hull")]
    taken = set()
    for turn in (rows, rows[::-1], rows[1:] + rows[:1]):
        engine = DuckDBEngine()
        create_tables(engine)
        put(engine, "customers", *turn)
        taken.add(engine.value("select location from customers"))
    assert len(taken) == 1


def known(engine: DuckDBEngine) -> dict[str, datetime]:
    relation = refresh_known(engine)
    assert relation.columns == {"customer_id": "VARCHAR", "known_from": "TIMESTAMP"}
    return dict(engine.rows("select customer_id, known_from from known_customers"))


def test_a_customer_is_known_from_the_first_dated_row_of_any_table(engine: DuckDBEngine) -> None:
    put(engine, "events", {"event_id": "1", "source_customer_id": "a", "known_at": JULY})
    put(engine, "orders", {"order_id": "1", "source_customer_id": "a", "known_at": datetime(2026, 6, 15)})
    put(engine, "orders", {"order_id": "2", "source_customer_id": None, "known_at": datetime(2026, 1, 1)})
    assert known(engine) == {"a": datetime(2026, 6, 15)}


def test_a_row_without_a_date_says_nothing_about_when_a_customer_appeared(engine: DuckDBEngine) -> None:
    put(
        engine,
        "customers",
        {"source_customer_id": "a", "occurred_at": UNDATED, "known_at": UNDATED},
        {"source_customer_id": "b", "occurred_at": UNDATED, "known_at": UNDATED},
    )
    put(engine, "orders", {"order_id": "1", "source_customer_id": "a", "known_at": JULY})
    assert known(engine) == {"a": JULY}


def test_linked_records_are_one_customer_known_from_the_first_of_them(engine: DuckDBEngine) -> None:
    put(engine, "orders", {"order_id": "1", "source_customer_id": "a", "known_at": JULY})
    put(engine, "events", {"event_id": "1", "source_customer_id": "b", "source": "app"})
    link(engine, ("web", "a", "C-1"), ("app", "b", "C-1"))
    assert known(engine) == {"C-1": JUNE}


def test_known_customers_is_made_anew(engine: DuckDBEngine) -> None:
    put(engine, "orders", {"order_id": "1", "source_customer_id": "a"})
    assert set(known(engine)) == {"a"}
    engine.execute("delete from facts.orders")
    assert known(engine) == {}


def test_the_query_behind_it_is_readable_by_spark() -> None:
    sqlglot.parse_one(known_query().sql("spark"), read="spark")


def test_the_first_studys_names_still_work(engine: DuckDBEngine) -> None:
    put(engine, "events", {"event_id": "1", "source_customer_id": "a", "type": "view", "category": "tea"})
    put(
        engine,
        "lines",
        {"order_id": "1", "source_customer_id": "a", "kind": "sale", "amount": 3, "category": "tea"},
        {"order_id": "1", "source_customer_id": "a", "kind": "return", "amount": -3, "category": "tea"},
    )
    put(engine, "customers", {"source_customer_id": "a", "age": 34, "income": 100.0})
    assert engine.rows('select "Customer ID", "Product Category", "Transaction Amount" from Transactions') == [
        ("a", "tea", 3)
    ]
    assert engine.rows('select "Customer ID", "Interaction Type" from Customer_Interactions') == [("a", "view")]
    assert engine.rows('select "Customer ID", "Age", "Income" from Customer_Details') == [("a", 34, 100.0)]


def test_a_shop_of_an_earlier_version_gets_the_columns_that_came_since() -> None:
    engine = DuckDBEngine()
    create_tables(engine)
    put(engine, "customers", {"source_customer_id": "a", "surname": "Lee"})
    engine.execute("drop view customers")
    engine.execute("drop view customer_history")
    engine.execute("alter table facts.customers drop column further")
    create_tables(engine)
    assert engine.columns("facts.customers")["further"] == "VARCHAR"
    assert engine.rows("select customer_id, surname, further from customers") == [("a", "Lee", None)]
