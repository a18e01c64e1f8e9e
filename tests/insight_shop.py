"""Small shops for the tests of insights, filled row by row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from footfall.engine import DuckDBEngine
from footfall.tables import create_tables

START = datetime(2026, 1, 1)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def empty() -> DuckDBEngine:
    engine = DuckDBEngine(threads=1)
    create_tables(engine)
    return engine


def fill(engine: DuckDBEngine, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows of the columns named; `who` is the customer and `at` when it happened and was known."""
    places = {"who": "source_customer_id", "at": "occurred_at"}
    names = [places.get(c.strip(), c.strip()) for c in columns.split(",")]
    data: dict[str, list[Any]] = {n: [r[i] for r in rows] for i, n in enumerate(names)}
    if "occurred_at" in data:
        data["known_at"] = data["occurred_at"]
    engine.append(f"facts.{table}", pa.table({**data, "source": ["toy"] * len(rows)}))
