"""A shop whose customers say how content they are: each has a leniency of its own, which ratings and scores show.

Everything is a function of numbers and a seed, by hash, so that the shop is the same on every run.
"""

from __future__ import annotations

from footfall.engine import DuckDBEngine
from footfall.tables import create_tables, publish_views, refresh_known
from seeded_shop import START

CUSTOMERS, DAYS = 300, 240
REVIEWED = 0.6
"""Chance that an order is reviewed; a third of the customers never write."""


def content_shop(engine: DuckDBEngine, customers: int = CUSTOMERS, days: int = DAYS, scores: bool = True) -> None:
    """Fill an empty shop: an order about every 16 days, its review the day after, a score two days after."""
    create_tables(engine)
    engine.execute("create or replace temp macro chance(i, seed) as (hash(i * 1000 + seed) % 1000003) / 1000003.0")
    engine.execute(f"""
        create or replace temp table placed as
        select i, 'c' || c as who, c,
               timestamp '{START}' + to_days(cast(i % {days} as integer)) + interval 12 hour as moment,
               (chance(c, 71) - 0.5) * 3.2 as lenient
        from (select i, i // {days} as c from range({customers * days}) x(i))
        where chance(i, 72) < 0.06""")
    engine.execute("""
        insert into facts.orders (order_id, amount, source, source_customer_id, occurred_at, known_at)
        select 'o' || i, cast(20 + chance(i, 73) * 40 as decimal(18, 4)), 'toy', who, moment, moment from placed""")
    heard = f"chance(i, 74) < {REVIEWED} and c % 3 > 0"
    engine.execute(f"""
        insert into facts.reviews
          (review_id, product_id, rating, text, source, source_customer_id, occurred_at, known_at)
        select 'r' || i, 'p' || (i % 9), rating,
               case when rating < 3 then 'poor and broken' when rating < 4 then 'it is fine' else 'great and lovely' end
               || ' ' || chr(cast(97 + i % 7 as integer)) || chr(cast(97 + i % 5 as integer)),
               'toy', who, moment + interval 1 day, moment + interval 1 day
        from (select *, least(5, greatest(1, round(3.2 + lenient + 1.5 * (chance(i, 75) + chance(i, 76) - 1))))
                as rating from placed where {heard})""")
    if scores:
        engine.execute("""
            insert into facts.satisfaction (score, source, source_customer_id, occurred_at, known_at)
            select least(10, greatest(0, round(6 + 2 * lenient + (chance(i, 77) - 0.5) * 4))), 'toy', who,
                   moment + interval 2 day, moment + interval 2 day from placed where chance(i, 78) < 0.4""")
    engine.execute(f"""
        insert into facts.customers (source, source_customer_id, age, income, location, occurred_at, known_at)
        select 'toy', 'c' || c, 18 + cast(60 * chance(c, 79) as integer), round(20000 + 60000 * chance(c, 80)),
               'town' || (c % 17), timestamp '1900-01-01', timestamp '1900-01-01' from range({customers}) x(c)""")
    publish_views(engine)
    refresh_known(engine)
