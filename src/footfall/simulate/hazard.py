"""The hidden life of a customer: moods, grievances, leaving, and the daily chance of an order.

A customer is in one of three moods (dormant, usual, keen), which change by a Markov chain no record shows.
The purchase rate of a day is the person's own rate, times the mood's factor, the day's season, the reaction to
promotions and coupons, and the person's rhythm; the chance of an order that day is `1 - exp(-rate)`. An order
may disappoint; a grievance makes leaving likelier until it is forgotten.

The order within a day: order -> grievance or forgetting -> leaving -> next mood. `propensity.py` marginalises
exactly this chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from footfall.simulate.days import Days
from footfall.simulate.people import People

Array = np.ndarray[Any, Any]
BLOCK = 16_384
"""People simulated together; fixed, so that the draws do not depend on the number of threads."""

MOODS = ("dormant", "usual", "keen")
CHANGE = np.array([[0.980, 0.018, 0.002], [0.016, 0.954, 0.030], [0.020, 0.120, 0.860]])
"""Daily chance from mood (row) to mood (column)."""
FORGET = 0.02
"""Daily chance that a grievance is forgotten."""
FOLLOWS = 0.6
"""Chance that a line bought in a keen mood is of the category the person has in mind, rather than by taste."""
LEAVE_MOOD = np.array([1.8, 0.8, 0.3], dtype=np.float32)
LEAVE_GRIEVED = 14.0


def stationary() -> Array:
    """Long-run shares of the moods."""
    values, vectors = np.linalg.eig(CHANGE.T)
    share = np.real(vectors[:, np.argmax(np.real(values))])
    return np.asarray(share / share.sum())


def _factors(raw: tuple[float, float, float], strength: float) -> Array:
    factor = np.array(raw) ** strength
    return np.asarray(factor / (factor @ stationary()), dtype=np.float32)


def buy_factors(strength: float) -> Array:
    """Factor on the purchase rate by mood; its long-run mean is 1."""
    return _factors((0.12, 0.8, 6.0), strength)


def browse_factors(strength: float) -> Array:
    """Factor on the visit rate by mood; its long-run mean is 1."""
    return _factors((0.25, 0.9, 4.5), strength)


def leave_chance(people: People, part: slice) -> Array:
    """Daily chance to leave, by grievance and mood (2 x 3 x n)."""
    grieved = np.array([1.0, LEAVE_GRIEVED], dtype=np.float32)
    raw = people.churn[part] * (grieved[:, None] * LEAVE_MOOD)[:, :, None]
    return np.asarray(np.minimum(raw, 0.9), dtype=np.float32)


def rhythm(people: People, part: slice, day: int) -> tuple[Array, Array]:
    """Rows with a steady rhythm, and the factor on their purchase rate: high on three days of each round."""
    steady = np.flatnonzero(people.every[part])
    every = people.every[part][steady]
    place = (day + people.phase[part][steady]) % every
    low = 0.12
    high = (every - low * (every - 3)) / 3
    return steady, np.where(place < 3, high, low).astype(np.float32)


def day_rate(people: People, days: Days, part: slice, day: int, coupon: bool | None = None) -> Array:
    """Purchase rate of `day` before the mood's factor. `coupon` set: as if all or none were sent the coupon."""
    log = people.rate[part] + days.season[day]
    if days.cut[day] > 0:
        log = log + people.sense[part] * np.float32(days.cut[day] / 0.15)
    campaign = int(days.campaign[day])
    if campaign >= 0 and coupon is not False:
        sent = np.float32(1) if coupon else people.treated[campaign][part]
        log = log + people.coupon[part] * sent
    rate = np.exp(log)
    steady, factor = rhythm(people, part, day)
    rate[steady] *= factor
    return np.asarray(rate, dtype=np.float32)


@dataclass(frozen=True)
class Lives:
    """What a block of people did and was. Person numbers are those of `People`.

    `left` is the day of leaving (-1: before the first day; `days.count`: not yet). `state` by cutoff and person is
    grievance * 3 + mood, 6 for gone, 7 for not yet arrived. `wish` are the lines expected by day and category, given
    who is there that morning and in what mood.
    """

    order_person: Array
    order_day: Array
    order_keen: Array
    order_focus: Array
    order_bad: Array
    visit_person: Array
    visit_day: Array
    visit_keen: Array
    visit_focus: Array
    visit_orders: Array
    left: Array
    state: Array
    wish: Array


def live(people: People, days: Days, part: slice, rng: np.random.Generator, cutoffs: list[int], moods: float) -> Lives:
    """Simulate the people in `part` day by day."""
    n = part.stop - part.start
    change = np.cumsum(CHANGE, axis=1).astype(np.float32)
    buy, browse = buy_factors(moods), browse_factors(moods)
    leave = leave_chance(people, part)
    cumulative = np.cumsum(people.taste[part], axis=1)
    taste, basket = people.taste[part].astype(float), 1.0 + people.basket[part]
    wish = np.zeros((days.count, taste.shape[1]))
    arrival, bad = people.arrival[part], people.bad[part]
    rows = np.arange(n)
    mood = np.searchsorted(np.cumsum(stationary()), rng.random(n)).clip(0, 2)
    grief = (rng.random(n) < 0.03).astype(np.int64)
    alive = ~people.gone[part]
    left = np.where(alive, days.count, -1)
    focus = _taste(cumulative, rng.random(n))
    state = np.full((len(cutoffs), n), 7, dtype=np.int8)
    where = {day: k for k, day in enumerate(cutoffs)}
    orders: list[tuple[Array, ...]] = []
    visits: list[tuple[Array, ...]] = []
    for day in range(days.count):
        if day in where:
            state[where[day]] = np.where(arrival >= day, 7, np.where(alive, grief * 3 + mood, 6))
        here = alive & (arrival <= day)
        rate = day_rate(people, days, part, day) * buy[mood]
        chance = 1 - np.exp(-rate)
        bought = here & (rng.random(n, dtype=np.float32) < chance)
        expected = np.where(here, chance * basket, 0)
        follows = np.where(mood == 2, FOLLOWS * expected, 0)
        wish[day] = (expected - follows) @ taste + np.bincount(focus, follows, taste.shape[1])
        count = rng.poisson(np.where(here, people.browse[part] * browse[mood], 0))
        count = np.maximum(count, bought | (arrival == day))
        buyers = np.flatnonzero(bought)
        upset = rng.random(len(buyers)) < bad[buyers]
        orders.append((buyers, np.full(len(buyers), day), mood[buyers] == 2, focus[buyers], upset))
        visitors = np.flatnonzero(count)
        who = np.repeat(visitors, count[visitors])
        first = np.ones(len(who), dtype=bool)
        first[1:] = who[1:] != who[:-1]
        visits.append((who, np.full(len(who), day), mood[who] == 2, focus[who], first & bought[who]))

        grieved = np.flatnonzero(grief)
        grief[grieved[rng.random(len(grieved)) < FORGET]] = 0
        grief[buyers[upset]] = 1
        goes = here & (rng.random(n, dtype=np.float32) < leave[grief, mood, rows])
        left[goes] = day + 1
        alive &= ~goes
        draw = rng.random(n, dtype=np.float32)
        new = (draw >= change[mood, 0]).astype(np.int64) + (draw >= change[mood, 1])
        wakes = np.flatnonzero((new == 2) & (mood != 2))
        focus[wakes] = _taste(cumulative[wakes], rng.random(len(wakes)))
        mood = np.where(here, new, mood)
    small = (np.int32, np.int16, np.bool_, np.int8, np.bool_)
    o: list[Array] = [np.concatenate(c).astype(t) for c, t in zip(zip(*orders, strict=True), small, strict=True)]
    v: list[Array] = [np.concatenate(c).astype(t) for c, t in zip(zip(*visits, strict=True), small, strict=True)]
    return Lives(
        order_person=o[0] + part.start,
        order_day=o[1],
        order_keen=o[2],
        order_focus=o[3],
        order_bad=o[4],
        visit_person=v[0] + part.start,
        visit_day=v[1],
        visit_keen=v[2],
        visit_focus=v[3],
        visit_orders=v[4],
        left=left.astype(np.int32),
        state=state,
        wish=wish,
    )


def _taste(cumulative: Array, draw: Array) -> Array:
    """A category for each row of cumulative tastes."""
    return np.asarray(np.minimum((draw[:, None] > cumulative).sum(axis=1), cumulative.shape[1] - 1))
