"""A clean shop of eight weeks for the tests of quality: nothing missing, double, late or at odds with itself."""

from __future__ import annotations

from footfall.engine import DuckDBEngine
from footfall.tables import TABLES, create_tables

START = "timestamp '2026-01-05'"
LOADED = "timestamp '2026-03-02 01:00'"
_PRODUCT = "'p' || i as product_id"
_CATEGORY = "['Garden', 'Kitchen', 'Office', 'Sport', 'Toys'][i % 5 + 1] as category"
_BRAND = "['Bristol', 'Castleton', 'Dovedale', 'Eskdale'][i % 4 + 1] as brand"

CLEAN = {
    "customers": """
        select ts as occurred_at, ts as known_at, ts as registered_at, 'Name' || i as first_name,
          'Surname' || i as surname, 'mail' || i || '@example.com' as email, 'LS' || i as postcode,
          if(i % 2 = 0, 'female', 'male') as gender,
          date '1986-01-01' as birth_date, 40 as age, if(i % 3 = 0, 'Leeds', 'York') as location,
          if(i % 2 = 0, 'teacher', 'nurse') as profession, 30000 as income,
          if(i % 5 = 0, 'gold', 'silver') as loyalty_tier,
          'c' || i as source_customer_id from (select range as i, {start} as ts from range(40))""",
    "products": f"""
        select {_PRODUCT}, 'Product ' || i as name, 'k' || (i % 5) as category_id, {_CATEGORY}, {_BRAND}
        from range(30) t(i)""",
    "prices": f"select {_PRODUCT}, 10 as price, {{start}} as occurred_at, {{start}} as known_at from range(30) t(i)",
    "stock": f"select {_PRODUCT}, 50 as quantity, {{start}} as occurred_at, {{start}} as known_at from range(30) t(i)",
    "events": f"""
        select 'e' || n as event_id, ts as occurred_at, ts as known_at, 's' || (n // 4) as session_id,
          if(n % 9 = 0, 'add_to_cart', 'view') as type, {_PRODUCT}, {_CATEGORY}, {_BRAND}, 10 as price,
          'c' || (n % 40) as source_customer_id
        from (select range as n, range % 30 as i, {{start}} + to_minutes((range * 24 + 1)::integer) as ts
              from range(56 * 60))""",
    "orders": """
        select 'o' || n as order_id, ts as occurred_at, ts as known_at, 30 as amount, 'GBP' as currency,
          'web' as channel, 'card' as payment_method, 'c' || (n % 40) as source_customer_id
        from (select range as n, {start} + to_hours((range * 4 + 2)::integer) as ts from range(56 * 6))""",
    "lines": f"""
        select 'o' || n as order_id, {_PRODUCT}, {_CATEGORY}, {_BRAND}, ts as occurred_at, ts as known_at,
          'sale' as kind, quantity, 10 as price, 10 * quantity as amount, 'c' || (n % 40) as source_customer_id
        from (select n, (n + quantity - 1) % 30 as i, quantity, {{start}} + to_hours((n * 4 + 2)::integer) as ts
              from range(56 * 6) t(n), (select unnest([1, 2]) as quantity))""",
    "reviews": f"""
        select 'r' || i as review_id, {_PRODUCT}, {_CATEGORY}, {{start}} as occurred_at, {{start}} as known_at,
          4 as rating, 'a text of some length, number ' || i as text, 'c' || i as source_customer_id
        from range(30) t(i)""",
    "satisfaction": """
        select {start} as occurred_at, {start} as known_at, 7 as score, 'c' || i as source_customer_id
        from range(40) t(i)""",
    "offers": """
        select {start} as occurred_at, {start} as known_at, 'spring' as offer, 'sent' as kind,
          'c' || i as source_customer_id from range(40) t(i)""",
}


def new_shop() -> DuckDBEngine:
    """An empty shop with one load in its book."""
    engine = DuckDBEngine(threads=2)
    create_tables(engine)
    engine.execute(f"insert into loads by name select 1 as load_id, 'a.csv' as file, {LOADED} as loaded_at")
    return engine


def copy_as(engine: DuckDBEngine, *sources: str, backwards: bool = False) -> None:
    """Add the clean shop's rows as those of each source; `backwards` stores them in reverse."""
    for table, sql in CLEAN.items():
        rows = f"select *, row_number() over () as place from ({sql.replace('{start}', START)})"
        engine.execute(
            f"insert into facts.{table} by name select * exclude (place), 1 as load_id, "
            f"hash(place) as row_hash from ({rows}), (select unnest({list(sources)}) as source) "
            f"order by place {'desc' if backwards else ''}"
        )


def clean() -> DuckDBEngine:
    engine = new_shop()
    copy_as(engine, "shop")
    return engine


def content(engine: DuckDBEngine) -> dict[str, tuple[object, ...]]:
    """Rows and a hash of the content of each table of facts."""
    return {
        name: engine.rows(f"select count(*), coalesce(bit_xor(hash(f)), 0) from facts.{name} f")[0] for name in TABLES
    }
