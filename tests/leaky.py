"""Rows and shops with one leak planted in them, and the clean ones beside."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from footfall.engine import DuckDBEngine
from footfall.tables import create_tables, publish_views, refresh_known

START = datetime(2025, 1, 1)
DAY = np.timedelta64(1, "D")
FIRST = np.datetime64("2025-01-01", "us")


def clean(n: int = 900, seed: int = 0, cutoffs: int = 6) -> dict[str, Any]:
    """An honest table: two signs that say something, one that says nothing; a row a customer, cutoffs 30 days apart."""
    dice = np.random.default_rng(seed)
    visits = dice.poisson(4, n).astype(float)
    recency = dice.exponential(20, n)
    noise = dice.normal(size=n)
    chance = 1 / (1 + np.exp(1.5 - 0.3 * visits + 0.04 * recency))
    return {
        "customer_id": [f"c{i}" for i in range(n)],
        "cutoff": FIRST + (np.arange(n) % cutoffs) * 30 * DAY,
        "visits": visits,
        "recency": recency,
        "noise": noise,
        "colour": [("red", "blue", "green")[i] for i in dice.integers(0, 3, n)],
        "target": (dice.random(n) < chance).astype(int),
    }


def table(columns: dict[str, Any]) -> pa.Table:
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def by_time(columns: dict[str, Any], last: int = 2) -> dict[str, Any]:
    """With a split by time: the `last` cutoffs are tested on."""
    edge = np.unique(columns["cutoff"])[-last]
    return {**columns, "part": np.where(columns["cutoff"] >= edge, "test", "train").tolist()}


def at_random(columns: dict[str, Any], seed: int = 0) -> dict[str, Any]:
    drawn = np.random.default_rng(seed).random(len(columns["target"])) < 0.3
    return {**columns, "part": np.where(drawn, "test", "train").tolist()}


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def visitors(engine: DuckDBEngine, n: int = 900, days: int = 150, seed: int = 0) -> None:
    """Fill an empty shop: visitors who act every now and then, and some of whom buy, the eager ones sooner.

    One action in eight is known only some days later. Each has a hidden eagerness that shows in how often they act.
    """
    dice = np.random.default_rng(seed)
    create_tables(engine)
    eager = dice.gamma(1.0, 1.0, n)
    start = dice.integers(0, days - 20, n)
    stay = dice.exponential(60, n) + 2
    who, when = [], []
    for i in range(n):
        count = dice.poisson(min(stay[i], days - start[i]) * 0.25 * (0.3 + eager[i]))
        who += [i] * count
        when += list(start[i] + dice.random(count) * min(stay[i], days - start[i]))
    moment = np.datetime64(START, "us") + (np.array(when) * 86400e6).astype("timedelta64[us]")
    delay = np.where(dice.random(len(who)) < 0.12, dice.exponential(4, len(who)), 0.0)
    events = pa.table(
        {
            "event_id": [f"e{i}" for i in range(len(who))],
            "type": np.where(dice.random(len(who)) < 0.15, "add_to_cart", "view").tolist(),
            "product_id": [f"p{i}" for i in dice.integers(0, 50, len(who))],
            "source": ["made"] * len(who),
            "source_customer_id": [f"v{i}" for i in who],
            "occurred_at": moment,
            "known_at": moment + (delay * 86400e6).astype("timedelta64[us]"),
        }
    )
    engine.append("facts.events", events)
    bought = start + dice.exponential(1.0, n) * 40 / (0.1 + eager)
    buys = np.flatnonzero((bought < days) & (bought < start + stay))
    at = np.datetime64(START, "us") + (bought[buys] * 86400e6).astype("timedelta64[us]")
    orders = pa.table(
        {
            "order_id": [f"o{i}" for i in buys],
            "source": ["made"] * len(buys),
            "source_customer_id": [f"v{i}" for i in buys],
            "occurred_at": at,
            "known_at": at,
        }
    )
    engine.append("facts.orders", orders)
    publish_views(engine)
    refresh_known(engine)
