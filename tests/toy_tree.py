"""A small shop of known waves: six products in two categories, one of them ended, some lines without a product."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from footfall.engine import DuckDBEngine
from footfall.forecast import TreeForecast
from footfall.tables import create_tables, publish_views, refresh_known
from footfall.tasks import Task
from footfall.windows import lines

FIRST = datetime(2024, 1, 1)
DAYS = 140
CUTOFF = FIRST + timedelta(days=DAYS)
WAVE = (0, 1, 2, 3, 6, 9, 4)
UNITS = lines.where(kind="sale").sum("quantity").every("1d")
DAILY = Task("units-product-14d", "product", UNITS, "14d")
WEEKLY = Task("units-category-4w", "category", lines.where(kind="sale").sum("quantity").every("7d"), "28d")


def sold(product: int, day: int) -> int:
    """Units of a product on a day: a wave of seven days at a level of its own; product 5 ends after 60 days."""
    if product == 5 and day >= 60:
        return 0
    noise = (product * 7919 + day * 104729) % 5 - 2
    return max(0, 10 * (product + 1) + (product + 1) * WAVE[day % 7] + noise)


def units(day: int, products: tuple[int, ...] = (0, 1, 2, 3, 4, 5)) -> int:
    """Units of these products on a day, and those without a product where all are asked about."""
    return sum(sold(p, day) for p in products) + (3 if len(products) == 6 else 0)


def add(engine: DuckDBEngine, rows: list[tuple[str | None, str | None, datetime, int]]) -> None:
    """Lines: product, category, when, units."""
    for i in range(0, len(rows), 2000):
        values = ", ".join(
            f"('t', 'c', 'o', {_text(p)}, {_text(c)}, timestamp '{at}', timestamp '{at}', 'sale', {q}, {q})"
            for p, c, at, q in rows[i : i + 2000]
        )
        engine.execute(
            "insert into facts.lines (source, source_customer_id, order_id, product_id, category, occurred_at, "
            f"known_at, kind, amount, quantity) values {values}"
        )


def shop(
    days: int = DAYS + 28, extra: list[tuple[str | None, str | None, datetime, int]] | None = None
) -> DuckDBEngine:
    """The shop up to four weeks after the cutoff."""
    engine = DuckDBEngine()
    create_tables(engine)
    rows: list[tuple[str | None, str | None, datetime, int]] = list(extra or [])
    for day in range(days):
        at = FIRST + timedelta(days=day, hours=9)
        rows += [(f"p{p}", "ab"[p % 2], at, sold(p, day)) for p in range(6) if sold(p, day)]
        rows.append((None, None, at, 3))
    add(engine, rows)
    publish_views(engine)
    refresh_known(engine)
    return engine


def stock(engine: DuckDBEngine, rows: list[tuple[str, str | None, datetime, int, datetime]]) -> None:
    """Stock levels: product, store, from when, units, known when."""
    for product, store, at, quantity, known in rows:
        engine.execute(
            "insert into facts.stock (product_id, store_id, occurred_at, quantity, known_at, source) "
            "values (?, ?, ?, ?, ?, 't')",
            [product, store, at, quantity, known],
        )


def same(one: TreeForecast, two: TreeForecast) -> bool:
    """To the bit."""
    if one.method != two.method or len(one.levels) != len(two.levels):
        return False
    for a, b in zip(one.levels, two.levels, strict=True):
        if a.level.members != b.level.members or set(a.told) != set(b.told):
            return False
        pairs = [(a.quantiles, b.quantiles), (a.totals.point, b.totals.point)]
        for name, told in a.told.items():
            pairs.append((told.point, b.told[name].point))
            pairs += [(told.bands[k][i], b.told[name].bands[k][i]) for k in told.bands for i in range(2)]
        if not all(np.array_equal(x, y) for x, y in pairs):
            return False
    return True


def _text(value: str | None) -> str:
    return "null" if value is None else f"'{value}'"
