"""A shop whose forecasts are written by hand, so that what is decided from them is known beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from statistics import NormalDist
from typing import Any

import pyarrow as pa

from footfall.engine import DuckDBEngine, Engine
from footfall.tables import RESULTS, create_tables

CUTOFF = datetime(2026, 6, 1)
TASK = "units-product-8w"
LEVELS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99)
WEEK = timedelta(days=7)


@cache
def _engine() -> DuckDBEngine:
    engine = DuckDBEngine(threads=2)
    create_tables(engine)
    return engine


@contextmanager
def empty_shop() -> Iterator[DuckDBEngine]:
    """One shop for all tests, made empty again after each."""
    engine = _engine()
    assert not _filled(engine)
    yield engine
    for name in _filled(engine):
        engine.execute(f"delete from {name}")


def _filled(engine: DuckDBEngine) -> list[str]:
    """The tables that hold rows."""
    named = "select schema_name || '.' || table_name from duckdb_tables() where table_name <> 'settings'"
    counts = " union all ".join(f"(select '{n}' from {n} limit 1)" for (n,) in engine.rows(named))
    return [str(n) for (n,) in engine.rows(counts)]


def put(engine: Engine, table: str, rows: list[dict[str, Any]]) -> None:
    """Write rows into a result table (`forecasts`) or into the facts (`facts.stock`)."""
    if not rows:
        return
    names = {c.name for c in RESULTS[table].columns} if table in RESULTS else set(engine.columns(table))
    assert {k for r in rows for k in r} <= names
    columns = list(dict.fromkeys(k for r in rows for k in r))
    engine.append(table, pa.table({c: [r.get(c) for r in rows] for c in columns}))


def forecast_units(
    engine: DuckDBEngine, weekly: Mapping[str, tuple[float, float]], steps: int = 8, **more: Any
) -> None:
    """Forecasts of independent weeks, each normal: product -> (mean, standard deviation) of a week."""
    same = {"task": TASK, "cutoff": CUTOFF, "model": "automatic", "level": "product", **more}
    totals, quantiles = [], []
    for product, (mean, spread) in weekly.items():
        for k in range(1, steps + 1):
            row = {**same, "product_id": product, "steps": k}
            normal = NormalDist(mean * k, max(spread * k**0.5, 1e-12))
            amounts = {q: max(0.0, normal.inv_cdf(q)) for q in LEVELS}
            bands = {"lower_80": amounts[0.1], "upper_80": amounts[0.9], "lower_95": amounts[0.025]}
            totals.append(
                {**row, **bands, "upper_95": amounts[0.975], "period_end": CUTOFF + k * WEEK, "amount": mean * k}
            )
            quantiles += [{**row, "quantile": q, "amount": a} for q, a in amounts.items()]
    rest = {**same, "product_id": "(rest)", "amount": 3.0}  # what else is sold, so that the levels above add up
    totals += [{**rest, "steps": k, "period_end": CUTOFF + k * WEEK} for k in range(1, steps + 1)]
    put(engine, "forecast_totals", totals)
    put(engine, "forecast_quantiles", quantiles)


def counted(product: str, quantity: float, days: float = 0.5, store: str | None = None, **more: Any) -> dict[str, Any]:
    """A row of `facts.stock`, counted so many days before the cutoff."""
    at = CUTOFF - timedelta(days=days)
    same = {"product_id": product, "store_id": store, "quantity": float(quantity), "occurred_at": at, "known_at": at}
    return {**same, "source": "hand", **more}


def sale(product: str | None, units: float, days: float, **more: Any) -> dict[str, Any]:
    """A row of `facts.lines`, sold so many days before the cutoff (negative: after it)."""
    at = CUTOFF - timedelta(days=days)
    same = {"product_id": product, "quantity": float(units), "kind": "sale", "occurred_at": at, "known_at": at}
    return {**same, "source": "hand", **more}
