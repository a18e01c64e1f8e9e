"""Named steps become one WITH statement, and one literal stands for each Python value."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from footfall.engine import DuckDBEngine, Query, literal, values_sql
from footfall.errors import UsageError

ENGINE = DuckDBEngine(threads=1, memory="1GB")


def test_steps_become_one_with_statement_in_their_order() -> None:
    query = Query().then("one", "select 1 as n\nunion all\nselect 2").then("two", "  select sum(n) as s from one\n")
    assert query.sql() == (
        "with one as (\n  select 1 as n\n  union all\n  select 2\n),\n\n"
        "two as (\n  select sum(n) as s from one\n)\n\nselect * from two"
    )
    assert ENGINE.value(query.sql()) == 3


def test_a_query_is_a_value_and_a_branch_leaves_it_alone() -> None:
    root = Query().then("one", "select 1 as n")
    left, right = root.then("two", "select n + 1 as n from one"), root.then("two", "select n + 2 as n from one")
    assert (ENGINE.value(root.sql()), ENGINE.value(left.sql()), ENGINE.value(right.sql())) == (1, 2, 3)
    assert root == Query().then("one", "select 1 as n")


def test_a_name_stands_once_and_a_query_has_a_step() -> None:
    with pytest.raises(ValueError, match="a step 'one' already"):
        Query().then("one", "select 1").then("one", "select 2")
    with pytest.raises(ValueError, match="without steps"):
        Query().sql()


def test_an_unknown_dialect_answers_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no SQL dialect 'sprak'; did you mean 'spark'"):
        Query().then("one", "select 1 as n").sql("sprak")


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30),
    st.dates(date(1, 1, 1), date(9999, 12, 31)),
    st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31)),
    st.decimals(-(10**9), 10**9, places=4),
)


@given(VALUES)
def test_a_literal_reads_back_as_the_value(value: Any) -> None:
    assert ENGINE.value(f"select {literal(value)}") == value


@given(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False))
def test_a_float_reads_back_to_the_last_bit(value: float) -> None:
    assert ENGINE.value(f"select cast({literal(value)} as double)") == value


def test_what_has_no_literal_is_refused() -> None:
    for value in ([1], {"a": 1}, object(), b"x"):
        with pytest.raises(TypeError, match="no SQL literal"):
            literal(value)


def test_a_quote_does_not_end_a_literal() -> None:
    assert ENGINE.value(f"select {literal(chr(39) + '; drop table x; --')}") == "'; drop table x; --"


def test_values_are_a_small_table_in_the_statement() -> None:
    rows = [[datetime(2026, 6, 1), "O'Neill", 1], [datetime(2026, 6, 2), None, 2]]
    sql = values_sql(["cutoff", "who", "n"], rows, "cutoffs")
    assert ENGINE.rows(sql) == [tuple(r) for r in rows]
    assert ENGINE.rows(Query().then("given", sql).then("one", "select sum(n) from given").sql()) == [(3,)]


def test_the_spark_translation_parses_and_keeps_the_steps() -> None:
    query = (
        Query()
        .then("cutoffs", values_sql(["cutoff"], [[datetime(2026, 6, 1)]], "cutoffs"))
        .then(
            "cells",
            "select f.customer_id, cast(local_time(f.occurred_at, 'Europe/London') as date) as day,\n"
            "  count(*) filter (where f.kind = 'sale') as n, sum(cast(f.amount as decimal(18, 4))) as total\n"
            "from lines f group by all",
        )
        .then(
            "windows",
            "select c.customer_id, t.cutoff, days_between(max(c.day), max(t.cutoff)) as recency,\n"
            "  max(weekday(c.day)) as weekday\n"
            "from cutoffs t join cells c on c.day < t.cutoff group by c.customer_id, t.cutoff",
        )
    )
    text = query.sql("spark")
    tree = sqlglot.parse_one(text, read="spark")
    assert [cte.alias for cte in tree.find_all(exp.CTE)] == ["cutoffs", "cells", "windows"]
    ours = {"local_time", "days_between"}
    assert not ours & {node.name.lower() for node in tree.find_all(exp.Anonymous)}
    assert "FROM_UTC_TIMESTAMP(f.occurred_at, 'Europe/London')" in text.replace(
        "CAST(f.occurred_at AS TIMESTAMP)", "f.occurred_at"
    )
    assert "MAX(t.cutoff)" in text and "MAX(c.day)" in text


def test_a_named_function_inside_another_is_translated_too() -> None:
    text = Query().then("x", "select weekday(local_time(at, zone)) as w from t").sql("spark")
    assert "FROM_UTC_TIMESTAMP" in text and "LOCAL_TIME" not in text.upper()


def test_a_column_called_like_a_parameter_is_left_alone() -> None:
    """`b` is a parameter of days_between and, here, also a column of the caller's."""
    text = Query().then("x", "select days_between(b, a) as d from t").sql("spark")
    flat = " ".join(text.split())
    assert "UNIX_MICROS(CAST(a AS TIMESTAMP)) - UNIX_MICROS(CAST(b AS TIMESTAMP))" in flat


def test_an_aware_instant_is_no_instant_of_ours() -> None:
    """Instants are naive UTC; a literal with an offset would be cut off silently by the engine."""
    with pytest.raises(TypeError, match="naive"):
        literal(datetime(2026, 6, 1, tzinfo=UTC))


def test_a_decimal_keeps_its_places() -> None:
    assert ENGINE.value(f"select {literal(Decimal('12.3400'))}") == Decimal("12.34")
