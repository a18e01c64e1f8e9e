"""The facts as they might have been: temporary views in place of the shop's own, which stay as they are.

While `changed` lasts, every query that reads the views (`orders`, `events`, ...) sees other facts. A query whose answer
about the time before the cutoff moves with what lies after it has looked ahead. That is tried out, not read off the
query: it holds for any SQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from footfall.engine import Engine, literal
from footfall.tables import TABLES, Table
from footfall.tables.layout import known_query

Way = Literal["scrambled", "late scrambled", "nothing late", "no outcome", "as then"]
WAYS: dict[Way, str] = {
    "scrambled": "what happened at or after the cutoff is deleted, changed, moved or made up",
    "late scrambled": "what happened before the cutoff and was known after it is deleted, changed, moved or made up",
    "no outcome": "the sales from the cutoff on never took place, and all else did",
    "nothing late": "what happened before the cutoff and was known after it never took place",
    "as then": "only what was known before the cutoff is there",
}
SOLD = {"orders": "true", "lines": "true", "events": "type = 'purchase'"}
"""Where a sale leaves a trace: table -> which of its rows."""
STUDY_VIEWS = ("Transactions", "Customer_Interactions", "Customer_Details")
ENDS = "audit_ends"


@dataclass(frozen=True)
class Change:
    """One way to change the facts. `at`: the cutoff; with `ends`, a table (customer_id, ends), each customer's own.

    `outcome`: the fact table whose rows are the outcome; sales leave traces in several.
    """

    way: Way
    at: datetime
    ends: str = ""
    outcome: str = "orders"


@contextmanager
def changed(engine: Engine, change: Change) -> Iterator[None]:
    """The views of the dated facts, `customers` and `known_customers`, changed for a while. Nothing is written."""
    database = str(engine.value("select current_database()")).replace('"', '""')
    home = f'"{database}".main'
    made: list[str] = []
    try:
        for table in TABLES.values():
            name = "customer_history" if table.name == "customers" else table.name
            if table.time or table.name == "calendar":
                engine.execute(f"create or replace temp view {name} as {_sql(engine, table, name, home, change)}")
                made.append(f"view temp.{name}")
        for view in ("customers", *STUDY_VIEWS):
            text = engine.value(
                "select sql from duckdb_views() where lower(view_name) = lower(?) and schema_name = 'main' "
                "and database_name = current_database()",
                [view],
            )
            if text:
                body = text[text.lower().index(" as ") + 4 :].strip().rstrip(";")
                engine.execute(f"create or replace temp view {view} as {body}")
                made.append(f"view temp.{view}")
        engine.execute(f"create or replace temp table known_customers as {known_query().sql(engine.dialect.name)}")
        made.append("table temp.known_customers")
        yield
    finally:
        for one in reversed(made):
            engine.execute(f"drop {one}")


def keep_ends(engine: Engine, name: str = ENDS) -> str:
    """A name for the table of each customer's own cutoff, made empty."""
    engine.execute(f"create or replace temp table {name} (customer_id VARCHAR, ends TIMESTAMP)")
    return name


def _sql(engine: Engine, table: Table, name: str, home: str, change: Change) -> str:
    columns = list(engine.columns(f"{home}.{name}"))
    if table.name == "calendar":
        return _calendar_sql(home, change)
    at = literal(change.at)
    join = ""
    if change.ends and table.customer:
        at, join = f"coalesce(e.ends, {at})", f" left join {change.ends} e on e.customer_id = f.customer_id"
    base = f"select f.*, {at} as audit_at, hash(f) as audit_draw from {home}.{name} f{join}"
    plain = ", ".join(columns)
    match change.way:
        case "as then":
            return f"select {plain} from ({base}) where occurred_at < audit_at and known_at < audit_at"
        case "nothing late":
            return f"select {plain} from ({base}) where not (occurred_at < audit_at and known_at >= audit_at)"
        case "no outcome":
            traces = SOLD if change.outcome in ("orders", "lines") else {change.outcome: "true"}
            gone = traces.get(table.name)
            where = f" where not (occurred_at >= audit_at and coalesce({gone}, false))" if gone else ""
            return f"select {plain} from ({base}){where}"
    return _scrambled_sql(engine, table, base, columns, change)


def _scrambled_sql(engine: Engine, table: Table, base: str, columns: list[str], change: Change) -> str:
    """The rows concerned: a quarter deleted, values changed, customers and times moved; and copies made up.

    Those of the future occur exactly at the cutoff and are said to be known long before; late ones the other way round.
    """
    late = change.way == "late scrambled"
    later = "(occurred_at < audit_at and known_at >= audit_at)" if late else "(occurred_at >= audit_at)"
    other = {c.name: told for c in table.stored if (told := _other(c.name, c.type))}
    # What happened from the cutoff on moves within that time; what was known late moves anywhere and stays late.
    other["occurred_at"] = "audit_at + to_hours(cast(hash(audit_draw, 5) % 900 as integer))"
    if late:
        other["occurred_at"] = "audit_at + to_days(cast(hash(audit_draw, 4) % 200 as integer) - 100)"
    if table.customer:
        strangers = "'audit-' || cast(hash(audit_draw, 3) % 97 as varchar)"
        if not change.ends:  # with each customer's own cutoff, another's past may lie after this one's
            some = [r[0] for r in engine.rows("select customer_id from known_customers order by 1 limit 64")]
            if some:
                listed = ", ".join(literal(c) for c in some)
                draw = f"cast(hash(audit_draw, 3) % {len(some)} as integer) + 1"
                strangers = f"case when audit_draw % 2 = 0 then ([{listed}])[{draw}] else {strangers} end"
        other["customer_id"] = f"case when hash(audit_draw, 2) % 3 = 0 then null else {strangers} end"

    def picked(how: dict[str, str]) -> str:
        return ", ".join(f"{how[c]} as {c}" if c in how else c for c in columns)

    moved = {c: f"case when {later} then {other[c]} else {c} end" for c in columns if c in other}
    parts = [f"select {picked(moved)} from base where not ({later} and audit_draw % 4 = 0)"]
    made_up, of = {"occurred_at": "audit_at", "known_at": "audit_at - interval 9 day"}, "true"
    if late:  # copies of the past, known exactly at the cutoff
        made_up, of = {"known_at": "audit_at"}, "occurred_at < audit_at and known_at < audit_at"
    parts.append(f"select {picked(made_up)} from base where {of} and hash(audit_draw, 6) % 5 = 0")
    return f"with base as ({base}) " + " union all ".join(parts)


def _calendar_sql(home: str, change: Change) -> str:
    """Days as they were entered before the cutoff stay; those entered later are changed or not there."""
    later = f"coalesce(known_at, timestamp '1900-01-01') >= {literal(change.at)}"
    if change.way == "as then":
        return f"select * from {home}.calendar where not ({later})"
    if change.way not in ("scrambled", "late scrambled"):
        return f"select * from {home}.calendar"
    holiday = f"case when {later} then case when holiday is null then 'x' end else holiday end as holiday"
    promotion = f"case when {later} then null else promotion end as promotion"
    return (
        f"select * replace ({holiday}, {promotion}) from {home}.calendar "
        f"where not ({later} and date_part('day', date) % 3 = 0)"
    )


def _other(name: str, kind: str) -> str:
    """Another value of a column, in SQL; empty for what stays."""
    if name in ("occurred_at", "known_at", "load_id", "row_hash", "source"):
        return ""
    if name == "kind":
        return "case when kind = 'sale' then 'return' else 'sale' end"
    if kind.startswith("DECIMAL") or kind == "DOUBLE":
        return f"cast({name} * 3 + 7 as {kind})"
    return "'other' || cast(hash(audit_draw, 1) % 5 as varchar)" if kind == "VARCHAR" else "null"
