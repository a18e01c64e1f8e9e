"""A shop of orders alone, as large as a test asks for: one customer in four buys often, the others seldom.

Everything is a function of numbers and a seed, by hash, so that the shop is the same on every run.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from footfall.engine import DuckDBEngine
from footfall.tables import create_tables, publish_views, refresh_known
from footfall.tabular import FeatureTable, Settings, Trainer, make_clock, make_plan, prepare
from footfall.tasks import Task
from footfall.windows import orders, shape

START = datetime(2024, 1, 1)
OFTEN, SELDOM = 0.12, 0.015
"""Chance of an order a day."""
SMALL = Settings(cutoffs=6, rehearsals=2, tests=2, workers=1)
BUY = Task("buy-7d", "customer", orders.any(), "7d", among=orders.any().past())
SPEND = Task("spend-14d", "customer", orders.sum("amount"), "14d", among=orders.any().past())


def seeded_shop(engine: DuckDBEngine, customers: int = 200, days: int = 120, seed: int = 1) -> None:
    """Fill an empty shop: customers `c0` ... (each fourth one buys often), orders at noon of days 0 ... `days` - 1."""
    create_tables(engine)
    engine.execute("create or replace temp macro chance(i, seed) as (hash(i * 1000 + seed) % 1000003) / 1000003.0")
    engine.execute(f"""
        insert into facts.orders (order_id, amount, channel, source, source_customer_id, occurred_at, known_at)
        select 'o' || i, cast(round(5 + chance(i, {seed + 1}) * 40 + (c % 4) * 20, 2) as decimal(18, 4)),
               case when chance(i, {seed + 2}) < 0.5 then 'web' else 'app' end, 'seeded', 'c' || c, moment, moment
        from (select i, i // {days} as c, timestamp '{START}' + to_days(cast(i % {days} as integer)) + interval 12 hour
              as moment from range({customers * days}) x(i))
        where chance(i, {seed}) < case when c % 4 = 0 then {OFTEN} else {SELDOM} end""")
    publish_views(engine)
    refresh_known(engine)


def trainer(engine: DuckDBEngine, task: Task = BUY, settings: Settings = SMALL, tests: int = 0) -> Trainer:
    """The trainer of one task with its matrix prepared for the end of the data."""
    found = shape(engine)
    clock = make_clock(found)
    plan = make_plan(task, clock, settings, tests=tests)
    return Trainer(prepare(engine, [plan], found, "UTC", settings), task, clock, settings, plan.anchor)


def feature_table(engine: DuckDBEngine, task: Task = BUY, settings: Settings = SMALL) -> FeatureTable:
    return trainer(engine, task, settings).table


def day(number: int) -> datetime:
    """Midnight of a day of the shop."""
    return START + timedelta(days=number)
