"""What stands on the shelves: deliveries, stock-outs, and what customers buy instead.

A supplier fails now and then: then a product's shelf runs empty and stays so for some days. All other deliveries come
in time, if need be in the morning of the day they are needed. First come, first served; who finds a product sold out
buys another of its category, or leaves it out. Who orders, and when, is never touched.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from footfall.simulate import words
from footfall.simulate.catalogue import SLOTS, Catalogue
from footfall.simulate.sales import Lines, Orders, line_prices

Array = np.ndarray[Any, Any]
LEAD_DAYS = 7
"""Days from the shop's order to the delivery."""
REVIEW_DAYS = 7
COVER_DAYS = 21
"""Days of sales that a delivery brings beyond the level at which it is ordered."""
MEMORY_DAYS = 28
"""The shopkeeper's idea of a day's sales is a mean over about so many days."""
OUT_DAYS = 10
"""Mean days that a shelf stays empty, and the fewest."""
LEAST_OUT_DAYS = 2
SWITCH = 0.6
"""Chance that a customer who finds a product sold out takes another."""
TRIES = 4
"""Products a customer looks at before leaving the line out."""


@dataclass(frozen=True)
class Ledger:
    """What happened on the shelves, by day and product (D x P), in units.

    `on_hand` is the level in the morning, after deliveries; `left` the level in the evening; `wanted` the first
    choices; `sold` what was sold, `second` of it to customers who had wanted another product. `delivered` says where a
    delivery came, `on_sale` the first day of each product, `drained` when a shelf ran empty that day (UTC seconds,
    else 0).
    """

    on_hand: Array
    wanted: Array
    sold: Array
    second: Array
    delivered: Array
    on_sale: Array
    drained: Array

    @property
    def left(self) -> Array:
        return np.asarray(self.on_hand - self.sold)


class _Shelves:
    """The state from day to day, one entry a product."""

    def __init__(self, rng: np.random.Generator, catalogue: Catalogue, first_days: Array, share: float) -> None:
        n = len(catalogue.ids)
        self.rng, self.share, self.category = rng, share, catalogue.category
        self.rate = first_days.mean(axis=0)
        self.on_sale = _on_sale(catalogue)
        self.due = np.zeros((LEAD_DAYS + 1, n), dtype=np.int64)
        low, high = self.reorder / 2, self.up_to
        self.level = np.ceil(low + (high - low) * rng.random(n)).astype(np.int64)
        self.failing = np.zeros(n, dtype=bool)
        self.rest = np.zeros(n, dtype=np.int64)
        if share > 0:
            # The first day is a day like any other: some suppliers are failing already, some shelves empty.
            lasts = self._lasts()
            self.failing = rng.random(n) < (lasts + OUT_DAYS) / self._cycle()
            empty = self.failing & (rng.random(n) < OUT_DAYS / (lasts + OUT_DAYS))
            part = np.where(empty, 0, np.where(self.failing, rng.random(n), 1))
            self.level = np.floor(self.level * part).astype(np.int64)
            self.rest = np.ceil(self._out() * np.where(empty, rng.random(n), 1)).astype(np.int64)
        self.level[self.on_sale > 0] = 0
        self.failing &= self.on_sale == 0

    @property
    def reorder(self) -> Array:
        need = self.rate * (LEAD_DAYS + REVIEW_DAYS)
        return np.asarray(need + 2 * np.sqrt(need) + 1)

    @property
    def up_to(self) -> Array:
        return np.asarray(np.ceil(self.reorder + self.rate * COVER_DAYS + 1).astype(np.int64))

    def _cycle(self) -> float:
        """Days from one stock-out to the next, such that the asked share of product-weeks sees one."""
        return 7 * (1 + (OUT_DAYS - 1) / 7) / self.share

    def _lasts(self) -> Array:
        """Days that the level lasts."""
        return np.asarray(self.level / np.maximum(self.rate, 1e-3))

    def _out(self) -> Array:
        extra = self.rng.geometric(1 / (OUT_DAYS - LEAST_OUT_DAYS + 1), len(self.level)) - 1
        return np.asarray(LEAST_OUT_DAYS + extra)

    def morning(self, day: int, wanted: Array) -> Array:
        """Deliveries of the day; returns which products had one."""
        n, before = len(self.level), self.level.copy()
        new = self.on_sale == day
        if day and new.any():
            known = (self.on_sale < day) & (self.rate > 0)
            for c in np.unique(self.category[new]):
                like = self.rate[known & (self.category == c)]
                self.rate[new & (self.category == c)] = like.mean() if len(like) else self.rate.mean()
            self.level[new] = self.up_to[new]
        selling = self.on_sale <= day
        now, later = day % (LEAD_DAYS + 1), (day + 1) % (LEAD_DAYS + 1)
        self.due[later] += np.where(self.failing, self.due[now], 0)
        self.level += np.where(self.failing, 0, self.due[now])
        self.due[now] = 0
        if self.share > 0:
            empty = self.failing & (self.level == 0)
            self.rest[empty] -= 1
            back = empty & (self.rest <= 0)
            self.level[back] = self.up_to[back]
            self.due[:, back] = 0
            self.failing &= ~back
            chance = 1 / np.maximum(self._cycle() - self._lasts() - OUT_DAYS, 3.0)
            fails = (self.rng.random(n) < chance) & selling & ~self.failing
            length = self._out()
            self.rest[fails] = length[fails]
            self.failing |= fails
        position = self.level + self.due.sum(axis=0)
        asks = selling & ((day + np.arange(n)) % REVIEW_DAYS == 0) & (position <= self.reorder)
        self.due[(day + LEAD_DAYS) % (LEAD_DAYS + 1)] += np.where(asks, self.up_to - position, 0)
        rush = selling & ~self.failing & (self.level <= wanted)
        self.level = np.where(rush, np.maximum(self.up_to, wanted + 1), self.level)
        return np.asarray(self.level > before)

    def evening(self, sold: Array, day: int) -> None:
        self.level = self.level - sold
        seen = (self.on_sale <= day) & (self.level > 0)
        self.rate[seen] += (sold[seen] - self.rate[seen]) / MEMORY_DAYS


def serve(
    rng: np.random.Generator, catalogue: Catalogue, orders: Orders, lines: Lines, count: int, share: float
) -> tuple[Lines, Ledger, Array]:
    """What is sold of the `lines` that customers want within `count` days, with stock-outs in about `share` of all
    product-weeks.

    Returns the lines sold, the ledger, and the share of the wanted value that was sold by period of the catalogue and
    category (R x C). A share of 0 sells all lines as they are.
    """
    n = len(catalogue.ids)
    day = orders.day[lines.order]
    edges = np.searchsorted(day, np.arange(count + 1))
    cell = day.astype(np.int64) * n + lines.product
    wanted = np.bincount(cell, lines.quantity, count * n).astype(np.int64).reshape(count, n)
    shelves = _Shelves(rng, catalogue, wanted[:MEMORY_DAYS], share)
    product, quantity = lines.product.copy(), lines.quantity.copy()
    on_hand, sold, second = (np.zeros((count, n), dtype=np.int32) for _ in range(3))
    delivered = np.zeros((count, n), dtype=bool)
    for d in range(count):
        delivered[d] = shelves.morning(d, wanted[d])
        part = slice(edges[d], edges[d + 1])
        if (wanted[d] > shelves.level).any():
            slots = catalogue.slots[catalogue.period[d]]
            mine = _Day(lines.order[part], lines.product[part], lines.quantity[part], catalogue.category, slots)
            before = shelves.level.copy()
            product[part], quantity[part], shelves.level = _sell(rng, mine, shelves.level, shelves.on_sale <= d)
            delivered[d] |= shelves.level > before
            other = product[part] != lines.product[part]
            second[d] = np.bincount(product[part][other], quantity[part][other], n)
        on_hand[d] = shelves.level
        sold[d] = np.bincount(product[part], quantity[part], n)
        shelves.evening(sold[d].astype(np.int64), d)
    served = _served(catalogue, orders, lines, (product, quantity))
    kept = np.flatnonzero(quantity)
    done = _kept(catalogue, orders, replace(lines, product=product, quantity=quantity), kept)
    drained = _drained(orders, done, (on_hand > 0) & (on_hand == sold))
    return done, Ledger(on_hand, wanted, sold, second, delivered, shelves.on_sale, drained), served


def _on_sale(catalogue: Catalogue) -> Array:
    """First day of each product: of the first period in which customers find it, or after its launch."""
    shown = np.zeros((len(catalogue.period_start), len(catalogue.ids)), dtype=bool)
    for r, slots in enumerate(catalogue.slots):
        shown[r, slots.ravel()] = True
    launched = catalogue.period_start[:, None] >= catalogue.launch
    last = len(catalogue.period_start) - 1
    later = np.where(launched.any(axis=0), launched.argmax(axis=0), last)
    return np.asarray(catalogue.period_start[np.where(shown.any(axis=0), shown.argmax(axis=0), later)])


@dataclass(frozen=True)
class _Day:
    """The lines wanted on one day, as customers come; each product's category; what customers find (C x SLOTS)."""

    order: Array
    product: Array
    quantity: Array
    category: Array
    slots: Array


def _sell(rng: np.random.Generator, day: _Day, level: Array, selling: Array) -> tuple[Array, Array, Array]:
    """Products and quantities sold (0: left out) of a day's lines, and the morning's level, raised if need be."""
    n = len(level)
    product, got = day.product.copy(), day.quantity.copy()
    at = np.flatnonzero((np.bincount(product, got, n) > level)[product])
    got[at] = np.clip(level[product[at]] - _before(product[at], got[at]), 0, got[at])
    room = np.where(selling, level - np.bincount(product, got, n).astype(np.int64) - 1, 0).clip(0)
    state = product, got, room
    lost = np.flatnonzero(got == 0)
    _look_around(rng, day, lost[rng.random(len(lost)) < SWITCH], state)

    # Nobody's order is called off: who would be left with nothing takes what there is.
    local = day.order - day.order[0]
    first = np.flatnonzero(np.diff(day.order, prepend=-1))
    bare = _look_around(rng, day, first[np.bincount(local, got > 0)[local[first]] == 0], state)
    bare = _take(day, bare, _fullest(room, day.category)[day.category[day.product[bare]]], state)
    bare = _take(day, bare, np.full(len(bare), room.argmax()), state)
    product[bare], got[bare] = level.argmax(), day.quantity[bare]
    return product, got, np.maximum(level, np.bincount(product, got, n).astype(np.int64))


def _look_around(rng: np.random.Generator, day: _Day, rows: Array, state: tuple[Array, Array, Array]) -> Array:
    """Find other products of their categories for the lines `rows`; returns those that found none."""
    for _ in range(TRIES):
        if not len(rows):
            break
        rows = _take(day, rows, day.slots[day.category[day.product[rows]], rng.integers(0, SLOTS, len(rows))], state)
    return rows


def _take(day: _Day, rows: Array, candidates: Array, state: tuple[Array, Array, Array]) -> Array:
    """Sell the `candidates` to the lines `rows` as far as there is room for; returns the other rows."""
    product, got, room = state
    units = day.quantity[rows]
    fits = _before(candidates, units) + units <= room[candidates]
    product[rows[fits]], got[rows[fits]] = candidates[fits], units[fits]
    room -= np.bincount(candidates[fits], units[fits], len(room)).astype(np.int64)
    return np.asarray(rows[~fits])


def _before(product: Array, units: Array) -> Array:
    """Units of the same product in earlier lines."""
    order = np.argsort(product, kind="stable")
    sums = np.cumsum(units[order]) - units[order]
    new = np.flatnonzero(np.diff(product[order], prepend=-1))
    sums -= np.repeat(sums[new], np.diff(new, append=len(order)))
    out = np.empty_like(sums)
    out[order] = sums
    return np.asarray(out)


def _fullest(room: Array, category: Array) -> Array:
    """The product with most room in each category."""
    best = np.zeros(len(words.CATEGORIES), dtype=np.int64)
    order = np.argsort(room, kind="stable")
    best[category[order]] = order
    return best


def _served(catalogue: Catalogue, orders: Orders, lines: Lines, sold: tuple[Array, Array]) -> Array:
    """Share of the wanted value that was sold, by period and category (R x C); 1 where nothing was wanted."""
    shape = len(catalogue.period_start), len(words.CATEGORIES)
    cell = catalogue.period[orders.day[lines.order]].astype(np.int64) * shape[1] + catalogue.category[lines.product]
    price, _ = line_prices(catalogue, orders, lines.order, sold[0])
    size = shape[0] * shape[1]
    asked = np.bincount(cell, lines.quantity * lines.price, size)
    given = np.bincount(cell, sold[1] * price, size)
    return np.asarray(np.divide(given, asked, out=np.ones(size), where=asked > 0).reshape(shape))


def _kept(catalogue: Catalogue, orders: Orders, lines: Lines, rows: Array) -> Lines:
    """The lines `rows`, numbered within their orders, at the prices of what was sold."""
    order = lines.order[rows]
    price, list_price = line_prices(catalogue, orders, order, lines.product[rows])
    first = np.flatnonzero(np.diff(order, prepend=-1))
    number = np.arange(len(order)) - np.repeat(first, np.diff(first, append=len(order))) + 1
    return Lines(order, number, lines.product[rows], lines.quantity[rows], price, list_price, lines.returned[rows])


def _drained(orders: Orders, lines: Lines, empty: Array) -> Array:
    """When the last unit of each shelf that is `empty` in the evening (D x P) was sold, a second after (else 0)."""
    cell = orders.day[lines.order].astype(np.int64) * empty.shape[1] + lines.product
    at = np.flatnonzero(empty.ravel()[cell])
    out = np.zeros(empty.size, dtype=np.int64)
    np.maximum.at(out, cell[at], orders.time[lines.order[at]] + 1)
    return out.reshape(empty.shape)
