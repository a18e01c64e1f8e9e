"""Products, their prices over time, and how popular they are within their category."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from footfall.simulate import words
from footfall.simulate.days import Days
from footfall.simulate.dials import Dials

Array = np.ndarray[Any, Any]
SLOTS = 256
"""Draws within a category are made from this many equally likely places; a popular product holds several."""
PRICE_DAYS = 30
SPLIT_CATEGORY = 4
"""The category whose id stands under two codes when there is mess."""


@dataclass(frozen=True)
class Catalogue:
    """Products (axis P) and prices by period (axis R: days of one price list and one promotion).

    `twin_of` is the product this row is a second listing of, or -1. Prices are in pence, `price` after the
    promotion's cut, `list_price` before it. `served` is the share of the wanted value that stock-outs left to be sold,
    by period and category (R x C).
    """

    ids: list[str]
    names: list[str]
    brands: list[str]
    written_brands: list[str]
    category: Array
    written_category: list[str]
    quality: Array
    launch: Array
    twin_of: Array
    period: Array
    period_start: Array
    list_price: Array
    price: Array
    slots: Array
    served: Array

    @property
    def mean_price(self) -> Array:
        """Mean pence that a wanted unit brings in by period and category, over the draws (R x C)."""
        rows = np.arange(len(self.period_start))[:, None, None]
        return np.asarray(self.price[rows, self.slots].mean(axis=2) * self.served)

    @property
    def share(self) -> Array:
        """Share of each product in what is wanted of its category, by period (R x P)."""
        n = len(self.ids)
        return np.stack([np.bincount(s.ravel(), minlength=n) / SLOTS for s in self.slots])


def other_spelling(brand: str, how: int) -> str:
    """One of the spellings a brand is mistyped in."""
    return (brand.upper(), brand.lower(), f"{brand} ", f"{brand} Ltd")[how % 4]


def make_catalogue(rng: np.random.Generator, days: Days, dials: Dials) -> Catalogue:
    """Draw the catalogue."""
    messy = dials.mess > 0
    count = int(dials.products)
    category = np.sort(rng.permutation(np.arange(count) % len(words.CATEGORIES)))
    typical = np.array([c[1] for c in words.CATEGORIES], dtype=float)[category]
    base = np.maximum(1.0, typical * rng.lognormal(-0.06, 0.35, count))
    brand = rng.integers(0, len(words.BRANDS), count)
    names = []
    for i in range(count):
        noun = words.CATEGORIES[category[i]][0].rsplit(".", 1)[1]
        names.append(f"{words.BRANDS[brand[i]]} {words.ADJECTIVES[i % 12]} {noun} {100 + i}")
    launch = np.where(rng.random(count) < 0.1, rng.integers(0, max(1, days.count * 3 // 4), count), -1)
    quality = rng.normal(4.1, 0.45, count)
    twin_of = np.full(count, -1)
    if messy:
        twin = int(rng.integers(0, count))
        twin_of = np.append(twin_of, twin)
        category, base, brand = (np.append(a, a[twin]) for a in (category, base, brand))
        launch, quality = np.append(launch, -1), np.append(quality, quality[twin])
        names.append(names[twin].upper().replace(" ", "-", 1))
        launch[twin] = -1
    total = len(names)
    brands = [words.BRANDS[b] for b in brand]
    odd = rng.random(total) < dials.rate("spelling")
    written = [other_spelling(b, i) if odd[i] else b for i, b in enumerate(brands)]
    codes = [words.CATEGORIES[c][0] for c in category]
    if messy:
        for i in np.flatnonzero(category == SPLIT_CATEGORY).tolist()[::2]:
            codes[i] = codes[i].replace("computers", "pc")
    period, starts = _periods(days)
    steps = np.exp(np.cumsum(rng.normal(0, 0.02, (len(starts), total)), axis=0))
    step_of = np.array([s // PRICE_DAYS for s in starts])
    list_price = np.maximum(50, np.round(base * steps[np.searchsorted(step_of, step_of)] * 100)).astype(np.int64)
    price = np.maximum(50, np.round(list_price * (1 - days.cut[starts])[:, None])).astype(np.int64)
    return Catalogue(
        [f"P{i + 1:05d}" for i in range(total)],
        names,
        brands,
        written,
        category,
        codes,
        quality,
        launch,
        twin_of,
        period,
        starts,
        list_price,
        price,
        _slots(rng, category, launch, starts),
        np.ones((len(starts), len(words.CATEGORIES))),
    )


def _periods(days: Days) -> tuple[Array, Array]:
    """Period of each day, and the first day of each period."""
    lists = np.arange(days.count) // PRICE_DAYS
    new = np.ones(days.count, dtype=bool)
    new[1:] = (lists[1:] != lists[:-1]) | (days.cut[1:] != days.cut[:-1])
    return np.cumsum(new) - 1, np.flatnonzero(new)


def _slots(rng: np.random.Generator, category: Array, launch: Array, starts: Array) -> Array:
    """Product in each slot, by period and category (R x C x SLOTS): shares fall off like a power law."""
    weight = 1.0 / (1.0 + rng.permutation(len(category)) % 40) ** 0.8
    out = np.zeros((len(starts), len(words.CATEGORIES), SLOTS), dtype=np.int32)
    middle = (np.arange(SLOTS) + 0.5) / SLOTS
    for r, day in enumerate(starts):
        for c in range(len(words.CATEGORIES)):
            members = np.flatnonzero((category == c) & (launch <= day))
            if not len(members):
                members = np.flatnonzero(category == c)
            share = np.cumsum(weight[members] / weight[members].sum())
            out[r, c] = members[np.minimum(np.searchsorted(share, middle), len(members) - 1)]
    return out
