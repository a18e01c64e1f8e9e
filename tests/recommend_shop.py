"""A shop whose right rankings are known: women buy even products and men odd ones, each a staple every 14 days.

Women's staples are p0 and p2, men's p1 and p3. Beside it everyone works through the other products of their colour,
one every 18 days, each once, from a start of their own. Nobody ever buys p18 or p19 (new: in the catalogue, priced).
Customers c60 ... c63 registered and never bought. Category: f or m; brand: pairs of products.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow as pa

from footfall import Task, lines
from footfall.engine import DuckDBEngine
from footfall.tables import create_tables, publish_views, refresh_known

START, DAYS, CUSTOMERS, PRODUCTS = datetime(2024, 1, 1), 200, 60, 20
END = START + timedelta(days=DAYS)
NEXT = Task("next-items-30d", "customer", lines.where(kind="sale").distinct("product_id"), "30d")


def staple(customer: int) -> int:
    return customer % 4


def buys(customer: int) -> list[tuple[int, int]]:
    """(day, product) of everything a customer buys before the end."""
    rest = [p for p in range(4, 18) if p % 2 == customer % 2]
    out = [(day, staple(customer)) for day in range(customer % 14, DAYS, 14)]
    walk = [(100 + 18 * i + customer % 6, rest[(i + customer) % len(rest)]) for i in range(len(rest) - 2)]
    return sorted(out + [one for one in walk if one[0] < DAYS])


def recommend_shop(engine: DuckDBEngine) -> None:
    """Fill an empty shop."""
    create_tables(engine)
    people = [
        {"source_customer_id": f"c{c}", "gender": "fm"[c % 2], "age": 20 + c % 40, "occurred_at": START,
         "known_at": START, "source": "made"}
        for c in range(CUSTOMERS + 4)
    ]  # fmt: skip
    engine.append("facts.customers", pa.Table.from_pylist(people))
    rows = []
    for c in range(CUSTOMERS):
        for day, product in buys(c):
            at = START + timedelta(days=day, hours=9, minutes=c)
            rows.append(
                {"order_id": f"o{c}-{day}", "product_id": f"p{product}", "category": "fm"[product % 2],
                 "source_customer_id": f"c{c}", "occurred_at": at, "known_at": at, "kind": "sale", "quantity": 1.0,
                 "price": 5.0 + product, "amount": 5.0 + product, "source": "made"}
            )  # fmt: skip
    engine.append("facts.lines", pa.Table.from_pylist(rows))
    catalogue = [
        {
            "product_id": f"p{p}",
            "name": f"product {p}",
            "category": "fm"[p % 2],
            "brand": f"b{p // 2}",
            "source": "made",
        }
        for p in range(PRODUCTS)
    ]
    engine.append("facts.products", pa.Table.from_pylist(catalogue))
    priced = [
        {"product_id": f"p{p}", "price": 5.0 + p, "occurred_at": START, "known_at": START, "source": "made"}
        for p in range(PRODUCTS)
    ]
    engine.append("facts.prices", pa.Table.from_pylist(priced))
    publish_views(engine)
    refresh_known(engine)
