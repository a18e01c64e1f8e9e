"""Small tables that several checks read, each made in one scan of a large one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from footfall.engine import Engine, literal

DAYS = """
with counted as (
  select '{table}' as table_name, source, epoch_us(occurred_at) // 900000000 as quarter, count(*) as rows
  from facts.{table} where occurred_at > timestamp '1900-01-01' group by all
), local as (
  select table_name, source, local_time(make_timestamp(quarter * 900000000), {tz}) as slot, rows from counted
), days as (
  select table_name, source, slot::date as day, sum(rows)::bigint as rows,
         max(slot - slot::date::timestamp) as last_slot
  from local group by all
), running as (
  select *, sum(rows) over (partition by source order by day) as up_to, sum(rows) over (partition by source) as total
  from days
)
select table_name, source, day, rows, last_slot,
       up_to >= 0.001 * total and up_to - rows <= 0.999 * total as bulk
from running
"""
"""Rows a day on the shop's clock. `bulk` leaves out the first and last thousandth; `last_slot` is the quarter of an
hour of the day's last row."""

ROLLUPS = {
    "quality_items": """
        select source, product_id, category, brand, count(*)::bigint as rows
        from facts.events group by all""",
    "quality_visitors": """
        select source, source_customer_id, count(*)::bigint as rows
        from facts.events where source_customer_id is not null group by all""",
}


@contextmanager
def rollups(engine: Engine) -> Iterator[None]:
    """Make `quality_days`, `quality_items` and `quality_visitors`, and take them away again."""
    tz = literal(timezone(engine))
    days = " union all ".join(f"select * from ({DAYS.format(table=t, tz=tz)})" for t in ("events", "orders"))
    made = {**ROLLUPS, "quality_days": days}
    for name, sql in made.items():
        engine.execute(f"create or replace temp table {name} as {sql}")
    yield
    for name in made:
        engine.execute(f"drop table {name}")


def timezone(engine: Engine) -> str:
    """The shop's time zone, UTC when it states none."""
    return str(engine.value("select max(value) from settings where name = 'timezone'") or "UTC")
