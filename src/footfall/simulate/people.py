"""Who comes to the shop: demographics, tastes and the hidden parameters of each person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from footfall.simulate import words
from footfall.simulate.days import Days
from footfall.simulate.dials import Dials

Array = np.ndarray[Any, Any]
EVENTS_PER_VISIT = 6.05
"""Mean length of a visit, about; sets the number of visits from the number of events."""
BASE_CHURN = 0.0008
"""Daily chance to leave of a contented, usual customer."""


@dataclass(frozen=True)
class People:
    """One entry a person. Bots come last and never order.

    `arrival` is the day of the first visit (-1: known before the first day), `age_days` how long before the
    first day the account of such a person was opened. `rate` is the mean log rate of daily purchases, `churn`
    the daily chance to leave, `bad` the chance that an order disappoints, `guest` the chance that an order is a
    guest checkout, `browse` mean visits a day, `sense` and `coupon` the reactions to promotions and to coupons,
    `every` and `phase` the days of a steady rhythm (0: none), `basket` the mean number of lines beyond the first.
    """

    ids: list[str]
    bot: Array
    account: Array
    arrival: Array
    age_days: Array
    gender: Array
    age: Array
    region: Array
    profession: Array
    income: Array
    tier: Array
    rate: Array
    churn: Array
    bad: Array
    guest: Array
    browse: Array
    sense: Array
    coupon: Array
    every: Array
    phase: Array
    basket: Array
    taste: Array
    hour: Array
    treated: Array
    gone: Array

    @property
    def count(self) -> int:
        return len(self.arrival)


def make_people(rng: np.random.Generator, customers: int, days: Days, dials: Dials) -> People:
    """Draw the people: `customers` of them, and the bots."""
    bots = round(customers * dials.rate("bots"))
    n = customers + bots
    bot = np.arange(n) >= customers
    account = (rng.random(n) >= dials.visitors) & ~bot
    old = account & (rng.random(n) < 0.55)
    arrival = np.where(old, -1, np.floor(days.count * rng.random(n) ** 0.9)).astype(np.int32)
    age_days = np.where(old, np.minimum(rng.exponential(420, n) + 5, 3000), 0).astype(np.int32)

    gender = rng.choice(3, n, p=[0.53, 0.44, 0.03])
    profession = rng.choice(len(words.PROFESSIONS), n, p=[0.13, 0.14, 0.09, 0.09, 0.13, 0.13, 0.04, 0.04, 0.1, 0.11])
    age = np.where(
        profession == 0, rng.normal(21, 2, n), np.where(profession == 9, rng.normal(70, 6, n), rng.normal(41, 11, n))
    )
    age = np.clip(age, 18, 92).astype(np.int32)
    region = rng.choice(len(words.REGIONS), n, p=[0.28, 0.14, 0.12, 0.1, 0.08, 0.08, 0.06, 0.06, 0.04, 0.04])
    median = np.array([p[1] for p in words.PROFESSIONS], dtype=float)[profession]
    income = median * rng.lognormal(0, 0.3, n)

    rich = (np.log(income) - 10.5) / 0.5
    told = 0.4 * rich + 0.5 * np.exp(-(((age - 40) / 13.0) ** 2)) + 0.35 * ((gender == 0) & (age < 35))
    told = told - 0.3 * (rich > 1.2) * (age > 55)
    told = told + np.array([r[2] for r in words.REGIONS])[region]
    told = told + np.array([p[2] for p in words.PROFESSIONS])[profession]
    told = dials.demographics * (told - told.mean())
    spread = dials.heterogeneity * (np.log(np.maximum(rng.gamma(1.3, 1 / 1.3, n), 1e-4)) + 0.43)
    rate = np.log(dials.orders_per_year / 365.0) - 0.35 + told + spread
    rate = rate - np.where(account, 0.0, 1.6)
    steady = rng.random(n) < dials.rhythm
    every = np.where(steady, rng.choice([7, 14, 28, 30], n, p=[0.15, 0.3, 0.35, 0.2]), 0).astype(np.int32)
    rate = np.where(steady, np.log(0.85 / np.maximum(every, 1)) + rng.normal(0, 0.15, n), rate)
    rate = np.clip(np.where(bot, -40.0, rate), -40.0, np.log(1.2))

    loyal = rate + rng.normal(0, 0.6, n) + 0.0006 * age_days
    lines = np.quantile(loyal[old], [0.55, 0.85]) if old.any() else [0.0, 1.0]
    tier = np.where(old, np.searchsorted(lines, loyal), -1).astype(np.int32)

    churn = np.minimum(0.3, dials.churn * BASE_CHURN * rng.lognormal(-0.18, 0.6, n) * np.where(tier == 2, 0.6, 1.0))
    gone = old & (rng.random(n) < 1 - np.exp(-np.minimum(churn * age_days, 0.6)))
    browse = _browse(rng, rate, churn, np.where(gone, days.count, np.maximum(arrival, 0)), days, dials)
    taste = rng.gamma(0.25, 1.0, (n, len(words.CATEGORIES))) + 0.004
    lean = np.array([_leaning(c[0]) for c in words.CATEGORIES])
    taste = taste * np.exp(dials.demographics * np.where(gender[:, None] == 0, lean, -lean) * 0.5)
    taste = taste / taste.sum(axis=1, keepdims=True)
    sense = rng.gamma(1.5, 0.35, n)
    treated = rng.random((len(days.campaign_starts), n)) < 0.5
    treated &= account & ~bot & (arrival < np.array(days.campaign_starts, dtype=int)[:, None])
    return People(
        ids=_ids(rng, account, bot),
        bot=bot,
        account=account,
        arrival=arrival,
        age_days=age_days,
        gender=gender,
        age=age,
        region=region,
        profession=profession,
        income=income,
        tier=tier,
        rate=rate.astype(np.float32),
        churn=churn.astype(np.float32),
        bad=rng.beta(1.2, 9.0, n).astype(np.float32),
        guest=_guest(rng, n, dials.guests),
        browse=np.where(bot, 0.15, browse).astype(np.float32),
        sense=(dials.discount * sense).astype(np.float32),
        coupon=(dials.discount * (1.3 * sense * rng.random(n) - 0.12)).astype(np.float32),
        every=every,
        phase=rng.integers(0, 420, n).astype(np.int32),
        basket=rng.gamma(2.0, 0.45, n).astype(np.float32),
        taste=taste.astype(np.float32),
        hour=np.clip(rng.normal(16, 3.5, n), 6, 22).astype(np.float32),
        treated=treated,
        gone=gone,
    )


def _leaning(code: str) -> float:
    return {"beauty": 1.0, "fashion": 0.5, "electronics": -0.8}.get(code.split(".")[0], 0.0)


def _guest(rng: np.random.Generator, n: int, mean: float) -> Array:
    if mean == 0:
        return np.zeros(n, dtype=np.float32)
    return rng.beta(4 * mean, 4 * (1 - mean), n).astype(np.float32)


def _browse(rng: np.random.Generator, rate: Array, churn: Array, since: Array, days: Days, dials: Dials) -> Array:
    """Mean visits a day of each person, such that the shop has about the events the dial asks for."""
    wish = np.exp(0.55 * np.maximum(rate, -9)) * rng.lognormal(0, 0.7, len(rate))
    left = (days.count - since).astype(float)
    stays = 1.1 * churn
    exposure = np.where(stays > 0, (1 - np.exp(-stays * left)) / np.maximum(stays, 1e-9), left)
    # An order is made in a visit of its own day, and everyone's first day has one: those come on top.
    orders = np.minimum(np.exp(rate), 1.0)
    wanted = len(rate) * dials.events_per_customer * days.count / 365.0 / EVENTS_PER_VISIT - (since < days.count).sum()
    low, high = 0.0, 100.0
    for _ in range(40):
        scale = (low + high) / 2
        daily = np.minimum(wish * scale, 12.0)
        low, high = (scale, high) if (exposure * (daily + orders * np.exp(-4 * daily))).sum() < wanted else (low, scale)
    return np.minimum(wish * low, 12.0)


def _ids(rng: np.random.Generator, account: Array, bot: Array) -> list[str]:
    """Account numbers, or cookie ids for those who came without an account; neither tells anything else."""
    numbers = rng.permutation(len(account)) + 100_000
    mask = 0x5BD1E995
    return [
        f"C{k}" if a else f"v{(int(k) * 2654435761 ^ mask) & 0xFFFFFFFF:08x}"
        for k, a in zip(numbers.tolist(), account.tolist(), strict=True)
    ]
