"""How the canonical tables lie in a shop.

Facts are stored in the schema `facts`, with their source and the customer's id as the source wrote it. What
people and windows read are views of the same names that add `customer_id`: the source's id (prefixed only
where two sources use one id), or the resolved customer's once `links` holds rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from footfall.engine import Engine, Query, Relation, literal
from footfall.tables.canonical import TABLES, Table
from footfall.tables.results import RESULTS

ALWAYS = "timestamp '1900-01-01'"
"""`occurred_at` and `known_at` of what a source states without a date: taken as known all along."""


LINKS = {
    "links": "source VARCHAR, source_customer_id VARCHAR, record_id VARCHAR, customer_id VARCHAR, known_at TIMESTAMP",
    "guest_links": "source VARCHAR, order_id VARCHAR, record_id VARCHAR, customer_id VARCHAR, known_at TIMESTAMP",
}
"""Which customer the accounts and the guest checkouts of the facts belong to; filled by `resolve`."""
IDENTITIES = ("today", "as-of", "raw")
"""Whose facts are one customer's: by all links of today, by those known at the cutoff, or by the sources' own ids."""


def _ddl(name: str, table: Table, stored: bool) -> str:
    columns = ", ".join(f"{c.name} {c.type}" for c in (table.stored if stored else table.columns))
    return f"create table if not exists {name} ({columns})"


def create_tables(engine: Engine) -> None:
    """Make every table that is not there yet, and publish the views."""
    engine.execute("create schema if not exists facts")
    engine.execute("create table if not exists settings (name VARCHAR primary key, value VARCHAR)")
    for name, columns in LINKS.items():
        if engine.has(f"main.{name}") and "record_id" not in engine.columns(name):
            engine.execute(f"drop table {name}")  # of a version that did not fill it
        engine.execute(f"create table if not exists {name} ({columns})")
    for name, table in TABLES.items():
        engine.execute(_ddl(f"facts.{name}", table, stored=True))
    grown = _add_columns(engine)
    for name, table in RESULTS.items():
        engine.execute(_ddl(name, table, stored=False))
        for lost in [c for c in table.columns if c.name not in engine.columns(name)]:  # of an earlier version
            engine.execute(f"alter table {name} add column {lost.name} {lost.type}")
    if grown or not engine.has("main.orders"):
        publish_views(engine)
    if not engine.has("main.known_customers"):
        refresh_known(engine)


def _add_columns(engine: Engine) -> bool:
    """Give the facts of a shop made by an earlier version the columns that came since; True when there were any."""
    have = {name: engine.columns(f"facts.{name}") for name in TABLES}
    lost = [(name, c) for name, table in TABLES.items() for c in table.stored if c.name not in have[name]]
    for name, column in lost:
        engine.execute(f"alter table facts.{name} add column {column.name} {column.type}")
    return bool(lost)


def _customer_tables() -> list[Table]:
    return [t for t in TABLES.values() if t.customer]


def _ids_clash(engine: Engine) -> bool:
    """True when one customer id stands in the facts of two sources."""
    busy = [
        t.name
        for t in _customer_tables()
        if engine.value(f"select count(*) from (select 1 from facts.{t.name} limit 1)")
    ]
    sources = " union ".join(f"select distinct source from facts.{n}" for n in busy)
    if not busy or engine.value(f"select count(*) from ({sources})") < 2:
        return False
    pairs = " union ".join(
        f"select distinct source, source_customer_id from facts.{n} where source_customer_id is not null" for n in busy
    )
    sql = f"select 1 from ({pairs}) group by source_customer_id having count(*) > 1 limit 1"
    return bool(engine.value(f"select count(*) from ({sql})"))


def publish_views(engine: Engine) -> None:
    """(Re)make the views over the facts, by today's links. Call after a load and after `resolve`."""
    clash = _ids_clash(engine)
    engine.execute("insert or replace into settings values ('ids clash', ?)", [str(clash)])
    _publish(engine, "links", "guest_links", clash)


@contextmanager
def identity_as(engine: Engine, identity: str, at: datetime | None = None) -> Iterator[None]:
    """The views as of another identity for a while: see `IDENTITIES`. `at`: the cutoff of "as-of".

    As of a cutoff, only records known before it are linked, by links whose both records were known before it.
    """
    if identity == "today" or (identity == "as-of" and at is None):
        yield
        return
    clash = engine.value("select value from settings where name = 'ids clash'") == "True"
    names = []
    for name, key in (("links", "source_customer_id"), ("guest_links", "order_id")):
        names.append(f"{name}_then")
        known = (
            f"from {name} l join record_history h using (record_id) "
            f"where h.from_at < {literal(at)} and (h.to_at is null or h.to_at >= {literal(at)})"
            if identity == "as-of"
            else f"from {name} where false"
        )
        customer = "h.customer_id" if identity == "as-of" else "customer_id"
        engine.execute(f"create or replace table {name}_then as select source, {key}, {customer} {known}")
    _publish(engine, names[0], names[1], clash)
    refresh_known(engine)
    try:
        yield
    finally:
        _publish(engine, "links", "guest_links", clash)
        for name in names:
            engine.execute(f"drop table {name}")
        refresh_known(engine)


def _publish(engine: Engine, links: str, guest_links: str, clash: bool) -> None:
    raw = "f.source || ':' || f.source_customer_id" if clash else "f.source_customer_id"
    guests = engine.value(f"select count(*) from {guest_links}") > 0
    linked = guests or engine.value(f"select count(*) from {links}") > 0
    for table in TABLES.values():
        columns = ", ".join(f"f.{c.name}" for c in table.stored if c.name not in ("load_id", "row_hash"))
        name = "customer_history" if table.name == "customers" else table.name
        if table.customer:
            join, customer = "", raw
            if linked:
                join = f"left join {links} l on l.source = f.source and l.source_customer_id = f.source_customer_id"
                customer = f"coalesce(l.customer_id, {raw})"
            if guests and any(c.name == "order_id" for c in table.columns):
                join += (
                    f" left join {guest_links} g "
                    "on f.source_customer_id is null and g.source = f.source and g.order_id = f.order_id"
                )
                customer = f"coalesce(l.customer_id, g.customer_id, {raw})"
            engine.execute(
                f"create or replace view {name} as select {customer} as customer_id, {columns} "
                f"from facts.{table.name} f {join}"
            )
        else:
            engine.execute(f"create or replace view {name} as select {columns} from facts.{table.name} f")
    ties = ", ".join(["source", "source_customer_id", *(c.name for c in TABLES["customers"].columns)])
    engine.execute(
        "create or replace view customers as select * from customer_history where customer_id is not null "
        "qualify row_number() over "
        f"(partition by customer_id order by occurred_at desc, known_at desc, {ties}) = 1"
    )
    _publish_first_study(engine)


def _publish_first_study(engine: Engine) -> None:
    """The first study's names for the same data."""
    engine.execute("""
        create or replace view Transactions as
        select customer_id as "Customer ID", order_id as "Transaction ID", occurred_at as "Transaction Date",
               category as "Product Category", product_id as "Product ID", quantity as "Quantity",
               amount as "Transaction Amount"
        from lines where kind = 'sale'""")
    engine.execute("""
        create or replace view Customer_Interactions as
        select customer_id as "Customer ID", event_id as "Interaction ID", occurred_at as "Interaction Date",
               type as "Interaction Type", product_id as "Product ID", category as "Product Category"
        from events""")
    engine.execute("""
        create or replace view Customer_Details as
        select customer_id as "Customer ID", age as "Age", gender as "Gender", location as "Location",
               income as "Income", profession as "Profession"
        from customers""")


def known_query() -> Query:
    """customer_id, known_from: when the business first knew of each customer (UTC).

    What a source states without a date says nothing about when the customer appeared and does not count.
    """
    parts = []
    for table in _customer_tables():
        name = "customer_history" if table.name == "customers" else table.name
        parts.append(
            f"select customer_id, min(greatest(occurred_at, known_at)) as known_from from {name}\n"
            f"where customer_id is not null and known_at > {ALWAYS}\ngroup by customer_id"
        )
    union = "\nunion all\n".join(parts)
    return (
        Query()
        .then("firsts", union)
        .then("known", "select customer_id, min(known_from) as known_from from firsts group by customer_id")
    )


def refresh_known(engine: Engine) -> Relation:
    """Materialise `known_customers`; the populations of all tasks start from it."""
    return engine.materialise(known_query(), "known_customers")
