"""Web events as JSON lines with nested items, one file a month in the order in which rows were received."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from footfall.simulate import words
from footfall.simulate.catalogue import SLOTS, Catalogue, other_spelling
from footfall.simulate.days import Days
from footfall.simulate.dials import Dials
from footfall.simulate.files import Writer
from footfall.simulate.people import People
from footfall.simulate.sales import Lines, Visits

Array = np.ndarray[Any, Any]
CHUNK = 150_000
"""Visits written at a time; with `seed` and the chunk's number this fixes the draws."""
VIEW, CLICK, ADD, REMOVE, SEARCH, PURCHASE = range(6)
LINE = """select concat('{"event_id":"e', event, '","ts":"', iso(ts), '","received_at":"', iso(received),
  '","user":"', person, '","session":"s', session, '","type":"', type, '","items":[', items, ']}') from batch"""


@dataclass(frozen=True)
class Clicks:
    """What was written: files, rows, and the repeated and late rows."""

    files: list[Path]
    rows: int
    repeated: Array
    late_visits: int
    late_rows: int


@dataclass(frozen=True)
class Stage:
    """What the writing of events needs beside the visits.

    `named` says of each order whether it is no guest checkout; a last entry, False, stands for "no order" (-1).
    """

    people: People
    days: Days
    catalogue: Catalogue
    lines: Lines
    named: Array
    dials: Dials
    seed: int
    workers: int


def write_clicks(out: Path, visits: Visits, stage: Stage) -> Clicks:
    """Write `events-YYYY-MM.jsonl`; as many months at a time as there are workers."""
    last = np.where(visits.received > 0, visits.received, visits.start)
    order = np.argsort(last, kind="stable")
    first_event = np.cumsum(visits.length, dtype=np.int64) - visits.length
    texts = _item_texts(stage)
    month_of_day = np.array([_month(stage.days.date(d)) for d in range(stage.days.count)])
    day = np.searchsorted(stage.days.midnight // 1_000_000, last[order], side="right") - 1
    month = month_of_day[np.minimum(day, stage.days.count - 1)]

    def one(number: int, label: int) -> tuple[Path, int, list[Array]]:
        path = out / f"events-{label // 100}-{label % 100:02d}.jsonl"
        rows = order[month == label]
        writer = Writer()
        written, repeated = 0, []
        parts = []
        for k, low in enumerate(range(0, len(rows), CHUNK)):
            rng = np.random.default_rng([stage.seed, 77, number, k])
            part = rows[low : low + CHUNK]
            batch, again = _batch(rng, visits, part, first_event, texts, stage)
            repeated.append(again)
            piece = path.with_name(f"{path.name}.{k}")
            written += writer.lines(LINE, piece, batch=batch)
            parts.append(piece)
        writer.close()
        _join(parts, path)
        return path, written, repeated

    labels = np.unique(month).tolist()
    with ThreadPoolExecutor(stage.workers) as pool:
        done = list(pool.map(one, range(len(labels)), labels))
    late = visits.received > 0
    again = [a for d in done for a in d[2]]
    return Clicks(
        [d[0] for d in done],
        sum(d[1] for d in done),
        np.concatenate(again) if again else np.zeros(0, dtype=np.int64),
        int(late.sum()),
        int(visits.length[late].sum()),
    )


def _join(parts: list[Path], path: Path) -> None:
    if not parts:
        return
    parts[0].replace(path)
    with path.open("ab") as whole:
        for part in parts[1:]:
            with part.open("rb") as piece:
                for block in iter(lambda p=piece: p.read(1 << 22), b""):  # type: ignore[misc]
                    whole.write(block)
            part.unlink()


def _month(day: date) -> int:
    return day.year * 100 + day.month


def _item_texts(stage: Stage) -> list[str]:
    """The JSON of one item without quantity, by period and product; then the same in another brand spelling."""
    c = stage.catalogue
    out = []
    for variant in (0, 1):
        for r in range(len(c.period_start)):
            prices = c.price[r].tolist()
            for i, product in enumerate(c.ids):
                brand = other_spelling(c.brands[i], i + 1) if variant else c.written_brands[i]
                out.append(
                    f'{{"product_id":"{product}","category":"{c.written_category[i]}","brand":"{brand}",'
                    f'"price":{prices[i] / 100:.2f},"quantity":'
                )
    return out


def _batch(
    rng: np.random.Generator, visits: Visits, part: Array, first_event: Array, texts: list[str], stage: Stage
) -> tuple[pa.Table, Array]:
    """The events of some visits, and the numbers of the events that are repeated."""
    c, dials = stage.catalogue, stage.dials
    length = visits.length[part].astype(np.int64)
    row = np.repeat(np.arange(len(part)), length)
    begin = np.cumsum(length) - length
    k = np.arange(len(row)) - begin[row]
    visit = part[row]
    n = len(row)
    kind = _kinds(rng, k, visits.keen[visit])
    gap = visits.gap[visit].astype(np.int64)
    jitter = (rng.random(n, dtype=np.float32) * gap).astype(np.int64)
    order = visits.order[visit]
    sold = stage.named[order]
    final = (k == length[row] - 1) & sold
    kind[final] = PURCHASE
    kind[(k == length[row] - 2) & sold] = ADD
    ts = visits.start[visit] + k * gap + np.where(final | (k == 0), 0, jitter)
    late = visits.received[visit]
    received = np.where(late > 0, late, ts + 1 + (jitter & 3))

    period = c.period[visits.day[visit]]
    strays = rng.random(n, dtype=np.float32) < 0.12
    category = np.where(strays, rng.integers(0, c.slots.shape[1], n), visits.category[visit])
    slot = (rng.random(n, dtype=np.float32) ** 1.15 * SLOTS).astype(np.int32)
    product = c.slots[period, category, np.minimum(slot, SLOTS - 1)].astype(np.int64)
    again = (kind == CLICK) | (kind == ADD) | (kind == REMOVE)
    again &= k > 0
    product = product[np.maximum.accumulate(np.where(again, 0, np.arange(n)))]
    if final.any():
        at = np.flatnonzero((k == length[row] - 2) & sold)
        first_line = np.searchsorted(stage.lines.order, order[at])
        product[at] = stage.lines.product[first_line]
    odd = rng.random(n, dtype=np.float32) < dials.rate("spelling") / 4
    size = len(c.ids)
    text = period * size + product + odd * (len(c.period_start) * size)
    baskets = list(_baskets(stage.lines, order[final], period[final] * size, texts))
    text[kind == SEARCH] = len(texts)
    text[final] = len(texts) + 1 + np.arange(len(baskets))

    copies = 1 + (rng.random(n) < dials.rate("duplicates"))
    take = np.repeat(np.arange(n), copies)
    event = first_event[visit] + k + 1
    names = pa.array([*(t + "1}" for t in texts), "", *baskets])
    users = pa.array(stage.people.ids)
    table = pa.table(
        {
            "event": event[take],
            "ts": ts[take],
            "received": received[take],
            "person": pa.DictionaryArray.from_arrays(pa.array(visits.person[visit][take]), users),
            "session": visit[take] + 1,
            "type": pa.DictionaryArray.from_arrays(pa.array(kind[take]), pa.array(words.EVENT_TYPES)),
            "items": pa.DictionaryArray.from_arrays(pa.array(text[take].astype(np.int32)), names),
        }
    )
    return table, event[copies > 1]


def _kinds(rng: np.random.Generator, k: Array, keen: Array) -> Array:
    """Kinds of events: a search now and then first, views, clicks, and carts more often when keen."""
    draw = rng.random(len(k), dtype=np.float32)
    kind = np.full(len(k), VIEW, dtype=np.int8)
    cart = np.where(keen, 0.13, 0.05)
    kind[draw < 0.24 + cart] = CLICK
    kind[draw < cart] = ADD
    kind[draw < cart * 0.18] = REMOVE
    kind[(k == 0) & (draw > 0.4)] = VIEW
    kind[(k == 0) & (draw <= 0.4)] = SEARCH
    return kind


def _baskets(lines: Lines, orders: Array, base: Array, texts: list[str]) -> Iterator[str]:
    """The items of each purchase event."""
    low = np.searchsorted(lines.order, orders)
    high = np.searchsorted(lines.order, orders, side="right")
    for a, b, offset in zip(low.tolist(), high.tolist(), base.tolist(), strict=True):
        products, quantities = lines.product[a:b].tolist(), lines.quantity[a:b].tolist()
        yield ",".join(f"{texts[offset + p]}{q}}}" for p, q in zip(products, quantities, strict=True))
