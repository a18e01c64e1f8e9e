"""The declarations of the canonical and the result tables hold together."""

from __future__ import annotations

import pytest

from footfall.engine import DuckDBEngine
from footfall.errors import UsageError
from footfall.tables import RESULTS, TABLES, Column, Table, create_tables, table

ALL = {**TABLES, **RESULTS}
NAMED = [
    "customers", "products", "prices", "stock", "events", "orders", "lines", "reviews", "satisfaction", "calendar",
    "series",
]  # fmt: skip
ANSWERS = ["loads", "quality", "quarantine", "scores", "reasons", "evaluations"]


def test_the_tables_that_the_design_names_are_there() -> None:
    assert set(NAMED) <= set(TABLES)
    assert set(ANSWERS) <= set(RESULTS)
    assert not set(TABLES) & set(RESULTS)


@pytest.mark.parametrize("one", ALL.values(), ids=list(ALL))
def test_a_table_holds_together(one: Table) -> None:
    stored = [c.name for c in (one.columns if one.name in RESULTS else one.stored)]
    assert len(stored) == len(set(stored))
    assert all(c.meaning for c in one.columns) and one.meaning
    assert set(one.key) <= set(stored)
    assert one.time is None or one.time in stored
    assert ("source_customer_id" in stored) == one.customer
    assert "customer_id" not in stored or one.name in RESULTS, "customer_id comes from a view through links"


@pytest.mark.parametrize("one", [t for t in TABLES.values() if t.time], ids=lambda t: t.name)
def test_what_has_a_time_says_when_it_was_known(one: Table) -> None:
    types = {c.name: c.type for c in one.columns}
    assert (types["occurred_at"], types["known_at"]) == ("TIMESTAMP", "TIMESTAMP")


@pytest.mark.parametrize("one", [t for t in TABLES.values() if t.customer], ids=lambda t: t.name)
def test_what_belongs_to_a_customer_has_a_time(one: Table) -> None:
    assert one.time == "occurred_at"


def test_money_is_exact() -> None:
    money = {(t.name, c.name) for t in TABLES.values() for c in t.columns if c.name in ("amount", "price", "discount")}
    assert money >= {
        ("orders", "amount"),
        ("lines", "price"),
        ("lines", "amount"),
        ("prices", "price"),
        ("events", "price"),
    }
    for name, column in money:
        assert table(name).column(column).type.startswith("DECIMAL"), (name, column)


def test_every_type_is_one_the_engine_knows() -> None:
    engine = DuckDBEngine()
    create_tables(engine)
    for name, one in TABLES.items():
        assert engine.columns(f"facts.{name}") == {c.name: c.type for c in one.stored}
    for name, one in RESULTS.items():
        assert engine.columns(name) == {c.name: c.type for c in one.columns}


def test_a_wrong_column_answers_with_the_right_one() -> None:
    assert table("orders").column("amount") == Column("amount", "DECIMAL(18,4)", "what the lines sold come to")
    with pytest.raises(UsageError, match=r"orders has no column 'amout'; did you mean 'amount'\?"):
        table("orders").column("amout")
    with pytest.raises(UsageError, match=r"there is no table 'order'; did you mean 'orders'\?"):
        table("order")
