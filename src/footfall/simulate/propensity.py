"""The known chances: what an oracle that sees the hidden state at a cutoff would say.

Given mood, grievance and whether the customer has left at the cutoff, the coming days are a Markov chain of six
living states, whose future is summed out day by day (a forward recursion). Known in advance: the calendar,
promotions and who will be sent coupons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from footfall.simulate.catalogue import Catalogue
from footfall.simulate.days import COUPON_CUT, Days
from footfall.simulate.hazard import CHANGE, FORGET, buy_factors, day_rate, leave_chance
from footfall.simulate.people import People

Array = np.ndarray[Any, Any]
HORIZONS = (7, 30, 90)
UNITS_PER_LINE = 1.25
"""Mean quantity of a line (see baskets.py)."""


@dataclass(frozen=True)
class Chances:
    """By horizon and person (H x n).

    `chance`: any order under the customer's own id; `chance_any`: any order, guest checkouts included; `spend`:
    expected spend under the own id (in the shop's currency); `alive`: chance to be still with the shop at the end.
    """

    chance: Array
    chance_any: Array
    spend: Array
    alive: Array


def plan_cutoffs(days: Days, wanted: list[int], grid: int = 8) -> list[int]:
    """Days to state the truth at: for each horizon the last `grid` cutoffs, a horizon apart but at most 30 days
    and at least 7, that leave the horizon room; and the wanted ones."""
    found = set(wanted)
    for horizon in HORIZONS:
        step = min(30, horizon)
        found.update(days.count - horizon - step * k for k in range(grid))
    return sorted(d for d in found if 14 <= d <= days.count - min(HORIZONS))


def expect(
    world: tuple[People, Days, Catalogue], part: slice, cutoff: int, state: Array, moods: float
) -> tuple[list[int], Chances]:
    """The chances of the people in `part` from the midnight that begins day `cutoff`."""
    people, days, catalogue = world
    horizons = [h for h in HORIZONS if cutoff + h <= days.count]
    guest, bad = people.guest[part], people.bad[part]
    keep = np.float32(1.0) - leave_chance(people, part)
    money = people.taste[part] @ catalogue.mean_price.T.astype(np.float32)
    money *= ((1 + people.basket[part]) * np.float32(UNITS_PER_LINE / 100))[:, None]
    start = _start(state)
    own, anyone, all_paths = start.copy(), start.copy(), start
    gone_own, gone_any = np.zeros_like(guest), np.zeros_like(guest)
    spend = np.zeros_like(guest)
    buy = buy_factors(moods)
    rows: list[tuple[Array, Array, Array, Array]] = []
    for step in range(max(horizons)):
        day = cutoff + step
        rate = day_rate(people, days, part, day)
        chance = 1 - np.exp(-rate * buy[:, None])
        price = money[:, int(catalogue.period[day])]
        campaign = int(days.campaign[day])
        if campaign >= 0:
            price = price * (1 - np.float32(COUPON_CUT) * people.treated[campaign][part])
        spend = spend + (1 - guest) * price * ((all_paths[0] + all_paths[1]) * chance).sum(axis=0)
        own, lost = _day(own * (1 - chance), own * chance * guest, bad, keep)
        gone_own = gone_own + lost
        anyone, lost = _day(anyone * (1 - chance), None, bad, keep)
        gone_any = gone_any + lost
        all_paths, _ = _day(all_paths * (1 - chance), all_paths * chance, bad, keep)
        if step + 1 in horizons:
            rows.append(
                (
                    start.sum((0, 1)) - own.sum((0, 1)) - gone_own,
                    start.sum((0, 1)) - anyone.sum((0, 1)) - gone_any,
                    spend,
                    all_paths.sum((0, 1)),
                )
            )
    chance_own, chance_any, money_, alive = (np.stack(c) for c in zip(*rows, strict=True))
    return horizons, Chances(chance_own.clip(0, 1), chance_any.clip(0, 1), money_, alive)


def coupon_effect(people: People, days: Days, part: slice, moods: float, at: tuple[int, Array]) -> tuple[Array, Array]:
    """Chance of any order within a campaign with and without its coupon; `at`: first day, state at its start."""
    first, state = at
    keep = np.float32(1.0) - leave_chance(people, part)
    buy = buy_factors(moods)
    answers = []
    for sent in (True, False):
        start = _start(state)
        mass, gone = start, np.zeros_like(people.bad[part])
        number = days.campaign[first]
        day = first
        while day < days.count and days.campaign[day] == number:
            chance = 1 - np.exp(-day_rate(people, days, part, day, coupon=sent) * buy[:, None])
            mass, lost = _day(mass * (1 - chance), None, people.bad[part], keep)
            gone = gone + lost
            day += 1
        answers.append((start.sum((0, 1)) - mass.sum((0, 1)) - gone).clip(0, 1))
    return answers[0], answers[1]


def _start(state: Array) -> Array:
    """All mass on the state at the cutoff (2 x 3 x n); none for the gone."""
    mass = np.zeros((2, 3, len(state)), dtype=np.float32)
    living = np.flatnonzero(state < 6)
    mass[state[living] // 3, state[living] % 3, living] = 1
    return mass


def _day(calm: Array, ordered: Array | None, bad: Array, keep: Array) -> tuple[Array, Array]:
    """One day on: `calm` is the mass without an order, `ordered` the mass with one that stays in the sum.

    Returns the mass of the next morning and what left for good.
    """
    settled = calm if ordered is None else calm + ordered * (1 - bad)
    new = np.empty_like(calm)
    new[1] = settled[1] * np.float32(1 - FORGET)
    new[0] = settled[0] + settled[1] * np.float32(FORGET)
    if ordered is not None:
        new[1] += (ordered[0] + ordered[1]) * bad
    stay = new * keep
    lost = (new - stay).sum((0, 1))
    change = CHANGE.astype(np.float32)
    moved = np.empty_like(stay)
    for mood in range(3):
        moved[:, mood] = stay[:, 0] * change[0, mood] + stay[:, 1] * change[1, mood] + stay[:, 2] * change[2, mood]
    return moved, lost
