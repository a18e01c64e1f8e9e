"""A small, seeded shop with rows in every fact table: 200 days, late rows, dated versions of customers.

Everything is a function of a row number and a seed, by hash, so that the shop is the same on every run.
"""

from __future__ import annotations

import re
from datetime import datetime

from footfall.engine import DuckDBEngine
from footfall.tables import create_tables, publish_views, refresh_known

START = "timestamp '2020-01-01'"
CUTOFF = datetime(2020, 5, 20)
CUSTOMERS = 240

# How far after it happened a row was known: one in six is late, by up to 30 days.
_DELAY = "to_microseconds(cast(r({seed} + 4) * 30 * 86400000000 as bigint))"
_LATE = "case when r({seed} + 3) < 0.17 then " + _DELAY + " else interval 0 day end"
_AT = START + " + to_microseconds(cast(r({seed} + 1) * 200 * 86400 as bigint) * 1000000)"
_WHO = "'c' || cast(floor(r({seed} + 2) * r({seed} + 5) * " + str(CUSTOMERS) + ") as integer)"


def _rows(table: str, count: int, seed: int, columns: dict[str, str], who: str = _WHO) -> str:
    """Insert `count` rows: a customer, a time, when it was known, and the columns given."""
    named = ", ".join(columns)
    values = ", ".join(columns.values())
    late = _LATE.format(seed=seed)
    who, at = who.format(seed=seed), _AT.format(seed=seed)
    inner = f"select *, {who} as who, {at} as happened from range({count}) x(i)"
    text = (
        f"insert into facts.{table} (source, source_customer_id, occurred_at, known_at, {named}) "
        f"select 'tiny', who, happened, happened + {late}, {values} from ({inner})"
    )
    return re.sub(r"\br\(", "chance(i, ", text)


def tiny_shop(engine: DuckDBEngine) -> None:
    """Fill an empty shop."""
    create_tables(engine)
    engine.execute("create or replace temp macro chance(i, seed) as (hash(i * 1000 + seed) % 1000003) / 1000003.0")
    category = "'k' || cast(floor(r(7) * 5) as integer)"
    product = "'p' || cast(floor(r(8) * 30) as integer)"
    money = "cast(round(5 + r(9) * 95, 2) as decimal(18, 4))"
    web = "case when r(6) < 0.6 then 'web' else 'app' end"
    version = {
        "gender": "case when r(10) < 0.5 then 'f' else 'm' end",
        "age": "cast(18 + r(11) * 60 as integer)",
        "birth_date": "date '1950-01-01' + cast(r(11) * 18000 as integer)",
        "income": "round(r(12) * 90000)",
        "location": category,
        "profession": "'job' || cast(floor(r(13) * 6) as integer)",
        "loyalty_tier": "case when r(14) < 0.3 then 'gold' else 'blue' end",
        "household": "case when r(15) < 0.5 then 'one' else 'more' end",
        "channel": web,
    }
    line = {
        "order_id": "'o' || cast(i % 1500 as varchar)",
        "product_id": product,
        "category": category,
        "brand": "'b' || cast(floor(r(16) * 4) as integer)",
        "store_id": "'s' || cast(floor(r(17) * 3) as integer)",
    }
    sale = {"kind": "'sale'", "quantity": "ceil(r(18) * 4)", "price": money, "amount": money}
    back = {"kind": "'return'", "quantity": "-1.0", "price": money, "amount": f"-{money}"}
    guest = f"case when r(19) < 0.05 then null else {_WHO} end"
    order = {"order_id": "'o' || i", "store_id": "'s' || (i % 3)", "amount": money, "channel": web}
    order |= {"discount": "case when r(20) < 0.3 then 2.5 else 0 end", "payment_method": web}
    event = {"event_id": "'e' || i", "session_id": "'v' || (i // 4)", "product_id": product, "category": category}
    event |= {"type": "case when r(21) < 0.7 then 'view' when r(21) < 0.9 then 'add_to_cart' else 'search' end"}
    review = {"review_id": "'r' || i", "product_id": product, "category": category, "rating": "ceil(r(22) * 5)"}
    review["text"] = (
        "case when r(22) < 0.4 then 'poor cheap' when r(22) < 0.6 then 'fine' else 'great soft' end"
        " || ' ' || chr(97 + cast(floor(r(24) * 20) as integer)) || chr(97 + cast(floor(r(25) * 4) as integer))"
    )
    engine.execute(_rows("customers", 500, 100, version, "'c' || (i % " + str(CUSTOMERS) + ")"))
    engine.execute(_rows("orders", 1500, 200, order, guest))
    engine.execute(_rows("lines", 3000, 300, line | sale))
    engine.execute(_rows("lines", 400, 400, line | back))
    engine.execute(_rows("events", 9000, 500, event))
    engine.execute(_rows("reviews", 500, 600, review))
    engine.execute(_rows("satisfaction", 500, 700, {"score": "round(r(23) * 10)"}))
    engine.execute(_rows("offers", 300, 800, {"offer": "'spring'", "kind": "'sent'", "product_id": product}))
    engine.execute(f"""
        insert into facts.calendar (date, holiday, promotion, known_at, source)
        select cast({START} as date) + i, case when i % 11 = 0 then 'rest' end, case when i % 7 = 0 then 'sale' end,
               {START} + to_days(cast(i - 20 + (i % 5) * 8 as integer)), 'tiny'
        from (select cast(i as integer) as i from range(260) x(i))""")
    for name, column in (("prices", "price"), ("stock", "quantity")):
        engine.execute(
            f"insert into facts.{name} (product_id, {column}, occurred_at, known_at, source) "
            f"select 'p' || (i % 30), 5 + i % 17, {START} + to_days(cast(i as integer)), "
            f"{START} + to_days(cast(i + i % 3 as integer)), 'tiny' from range(200) x(i)"
        )
    engine.execute(f"""
        insert into facts.series (series, keys, date, value, store_id, occurred_at, known_at, source)
        select 'visits', '{{"store":"s' || (i % 3) || '"}}', cast({START} as date) + i // 3, 10 + i % 17,
               's' || (i % 3), {START} + to_days(i // 3), {START} + to_days(i // 3 + (i % 5) * (i % 3)), 'tiny'
        from (select cast(i as integer) as i from range(600) x(i))""")
    publish_views(engine)
    refresh_known(engine)
