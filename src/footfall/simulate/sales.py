"""Visits, orders, lines, returns, reviews and surveys, drawn from the lives lived."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from footfall.simulate import words
from footfall.simulate.catalogue import SLOTS, Catalogue
from footfall.simulate.days import COUPON_CUT, Days
from footfall.simulate.dials import Dials
from footfall.simulate.hazard import FOLLOWS, Lives
from footfall.simulate.people import People

Array = np.ndarray[Any, Any]
QUANTITIES = (0.8, 0.95)
"""Up to the first a line has one unit, up to the second two, else three: 1.25 in the mean."""


@dataclass(frozen=True)
class Visits:
    """One entry a visit, in the order in which visits begin. Times are UTC seconds since 1970.

    `length` counts events, `gap` the seconds between them, `order` is the row of the order it ends with, or -1.
    `received` is 0, or when a late visit's events reached the shop, all at once.
    """

    person: Array
    day: Array
    start: Array
    length: Array
    gap: Array
    keen: Array
    category: Array
    order: Array
    received: Array


@dataclass(frozen=True)
class Orders:
    """One entry an order, in time; `received` is always set."""

    person: Array
    day: Array
    time: Array
    received: Array
    late: Array
    guest: Array
    keen: Array
    focus: Array
    bad: Array
    coupon: Array


@dataclass(frozen=True)
class Lines:
    """One entry a line, by order. `price` is what one unit cost, in pence; `returned` is 0 or the time."""

    order: Array
    number: Array
    product: Array
    quantity: Array
    price: Array
    list_price: Array
    returned: Array


@dataclass(frozen=True)
class Voices:
    """Reviews (of a line) and survey answers (of an order)."""

    line: Array
    review_time: Array
    rating: Array
    text: Array
    order: Array
    survey_time: Array
    score: Array


def make_visits(rng: np.random.Generator, people: People, days: Days, lives: list[Lives], dials: Dials) -> Visits:
    """Times, lengths and categories of all visits."""
    person = np.concatenate([b.visit_person for b in lives])
    day = np.concatenate([b.visit_day for b in lives])
    keen = np.concatenate([b.visit_keen for b in lives])
    focus = np.concatenate([b.visit_focus for b in lives])
    buys = np.concatenate([b.visit_orders for b in lives])
    n = len(person)
    many = 1 + rng.poisson(rng.gamma(1.6, np.where(keen, 4.2, 2.3)))
    many = np.minimum(np.maximum(many, np.where(buys, 2, 1)), 40)
    length: Array = np.where(people.bot[person], rng.integers(40, 160, n), many).astype(np.int16)
    gap: Array = np.where(people.bot[person], 2, rng.integers(8, 60, n)).astype(np.int16)
    second = (people.hour[person] + rng.normal(0, 2.6, n).astype(np.float32)) * 3600
    second = np.clip(second, 0, 86_000 - 1.1 * length * gap - 60) + rng.random(n) * 300
    whole = (days.midnight[1:] - days.midnight[:-1])[day] // 1_000_000
    start: Array = days.midnight[day] // 1_000_000 + (second * whole / 86_400).astype(np.int64)
    order = np.lexsort((person, start))
    person, day, keen, focus, buys, length, gap, start = (
        a[order] for a in (person, day, keen, focus, buys, length, gap, start)
    )
    follows = keen & (rng.random(n, dtype=np.float32) < 0.75)
    category = np.where(follows, focus, _pick(people.taste, person, rng)).astype(np.int8)
    last = start + length.astype(np.int64) * gap
    delay = 7200 + rng.exponential(dials.late_days * 86_400, n)
    arrives = last + delay.astype(np.int64)
    late = (rng.random(n, dtype=np.float32) < dials.rate("late")) & (arrives < _end(days))
    return Visits(
        person,
        day,
        start,
        length,
        gap,
        keen,
        category,
        np.where(buys, np.cumsum(buys) - 1, -1).astype(np.int32),
        np.where(late, arrives, 0),
    )


def make_orders(
    rng: np.random.Generator, people: People, days: Days, lives: list[Lives], visits: Visits, dials: Dials
) -> Orders:
    """The orders, one for each visit that ends with one."""
    rows = np.flatnonzero(visits.order >= 0)
    person, day = visits.person[rows], visits.day[rows]
    time = visits.start[rows] + (visits.length[rows].astype(np.int64) - 1) * visits.gap[rows]
    key = np.concatenate([b.order_person.astype(np.int64) * days.count + b.order_day for b in lives])
    by_key = np.argsort(key, kind="stable")
    found = by_key[np.searchsorted(key[by_key], person.astype(np.int64) * days.count + day)]
    keen = np.concatenate([b.order_keen for b in lives])[found]
    focus = np.concatenate([b.order_focus for b in lives])[found]
    bad = np.concatenate([b.order_bad for b in lives])[found]
    n = len(rows)
    arrives = time + (7200 + rng.exponential(dials.late_days * 86_400, n)).astype(np.int64)
    late = (rng.random(n) < dials.rate("late")) & (arrives < _end(days))
    received = np.where(late, arrives, np.minimum(time + rng.integers(2, 60, n), _end(days) - 1))
    campaign = days.campaign[day]
    coupon = np.zeros(n, dtype=bool)
    if len(days.campaign_starts):
        coupon = (campaign >= 0) & people.treated[campaign, person]
    guest = rng.random(n) < people.guest[person]
    return Orders(person, day, time, received, late, guest, keen, focus, bad, coupon)


def make_lines(rng: np.random.Generator, people: People, days: Days, catalogue: Catalogue, orders: Orders) -> Lines:
    """What customers want in each order, and what would come back."""
    count = 1 + rng.poisson(people.basket[orders.person])
    order = np.repeat(np.arange(len(count)), count)
    first = np.concatenate([[0], np.cumsum(count)[:-1]]).astype(np.int64) if len(count) else count
    number = np.arange(len(order)) - first[order] + 1
    n = len(order)
    person, period = orders.person[order], catalogue.period[orders.day[order]]
    follows = orders.keen[order] & (rng.random(n) < FOLLOWS)
    category = np.where(follows, orders.focus[order], _pick(people.taste, person, rng))
    product = catalogue.slots[period, category, rng.integers(0, SLOTS, n)]
    quantity = 1 + np.searchsorted(QUANTITIES, rng.random(n), side="right")
    price, list_price = line_prices(catalogue, orders, order, product)
    back = rng.random(n) < np.where(orders.bad[order], 0.35, 0.03)
    when = orders.time[order] + (86_400 * (2 + 14 * rng.random(n))).astype(np.int64)
    returned = np.where(back & (when < _end(days)), when, 0)
    return Lines(order, number, product, quantity, price, list_price, returned)


def line_prices(catalogue: Catalogue, orders: Orders, order: Array, product: Array) -> tuple[Array, Array]:
    """What a unit costs in each line after promotion and coupon, and its list price, in pence."""
    period = catalogue.period[orders.day[order]]
    price = catalogue.price[period, product]
    price = np.where(orders.coupon[order], np.round(price * (1 - COUPON_CUT)), price).astype(np.int64)
    return price, catalogue.list_price[period, product]


def make_voices(
    rng: np.random.Generator, people: People, days: Days, catalogue: Catalogue, orders: Orders, lines: Lines
) -> Voices:
    """Reviews and survey answers, from how content the customer is with the product and the order."""
    lenient = rng.normal(0, 0.4, people.count)
    named, bad = ~orders.guest[lines.order], orders.bad[lines.order]
    writes = named & (rng.random(len(named)) < np.where(bad, 0.22, 0.10))
    row = np.flatnonzero(writes)
    order = lines.order[row]
    feeling = catalogue.quality[lines.product[row]] + lenient[orders.person[order]] - 1.7 * orders.bad[order]
    rating = np.clip(np.round(feeling + rng.normal(0, 0.6, len(row))), 1, 5).astype(int)
    time = orders.time[order] + (86_400 * (1.5 + rng.exponential(6, len(row)))).astype(np.int64)
    pools = [(words.COMPLAINTS, 0), (words.MIDDLING, 10), (words.PRAISE, 20)]
    tone = np.where(rating <= 2, 0, np.where(rating == 3, 1, 2))
    sizes = np.array([len(p[0]) for p in pools])
    text = np.array([p[1] for p in pools])[tone] + (rng.random(len(row)) * sizes[tone]).astype(int)
    text = np.where(rng.random(len(row)) < 0.1, -1, text)
    heard = time < _end(days)

    asked = ~orders.guest & (rng.random(len(orders.person)) < 0.15)
    survey = np.flatnonzero(asked)
    raw = 7.6 + 1.5 * lenient[orders.person[survey]] - 3.6 * orders.bad[survey] + rng.normal(0, 1.3, len(survey))
    asked_at = orders.time[survey] + (86_400 * (2 + 4 * rng.random(len(survey)))).astype(np.int64)
    told = asked_at < _end(days)
    return Voices(
        row[heard],
        time[heard],
        rating[heard],
        text[heard],
        survey[told],
        asked_at[told],
        np.clip(np.round(raw[told]), 0, 10).astype(int),
    )


def _end(days: Days) -> int:
    return int(days.midnight[-1] // 1_000_000)


def _pick(taste: Array, person: Array, rng: np.random.Generator) -> Array:
    """A category for each row by its person's taste, in chunks to bound memory."""
    cumulative = np.cumsum(taste, axis=1)
    draw = rng.random(len(person), dtype=np.float32)
    out = np.empty(len(person), dtype=np.int8)
    for low in range(0, len(person), 262_144):
        part = slice(low, low + 262_144)
        out[part] = (draw[part, None] > cumulative[person[part]]).sum(axis=1)
    return np.asarray(np.minimum(out, taste.shape[1] - 1))
