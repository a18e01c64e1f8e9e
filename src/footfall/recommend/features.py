"""Features of a pair of a customer and a product, as known at the cutoff, computed on the interactions' own arrays.

Every one is a window of the past: the interactions hold nothing at or after the cutoff. They are computed with NumPy
on sorted pairs, not by the window compiler: candidates are some hundred per customer, and joining them to every fact
of both keys costs many times what sorting the facts once does.
"""

from __future__ import annotations

import numpy as np

from footfall.models.own_history import Pairs, again, due, pairs, usual_gap
from footfall.models.ranking import SALE, Floats, Interactions, Ints
from footfall.recommend.candidates import Pool

PRIOR = 10.0


class Known:
    """What features are looked up in, computed once per moment: sorted keys with a value each."""

    def __init__(self, interactions: Interactions, ahead: float) -> None:
        """`ahead`: the horizon in days."""
        self.interactions = interactions
        bought = pairs(interactions)
        self.own = _own(interactions, bought, ahead)
        self.looked = {k: _looked(interactions, k) for k in interactions.kinds if k != SALE}
        self.customer = customer_features(interactions, bought)
        self.product = product_features(interactions, bought)
        main = interactions.main.occasions
        self.mine = np.unique(main.row * interactions.products + main.col, return_counts=True)
        self.total = np.bincount(main.row, minlength=interactions.customers).astype(np.float64)
        self.shares = {name: _shares(main, codes) for name, codes in interactions.items.items()}
        self.usual_band: Floats | None = None
        if "price_band" in interactions.items:
            band = interactions.items["price_band"].astype(np.float64)
            paid = np.bincount(main.row, band[main.col], interactions.customers)
            self.usual_band = paid / np.maximum(self.total, 1.0)


def pair_features(known: Known, pool: Pool) -> dict[str, Floats]:
    """Name -> (pairs,) of every feature; NaN where there is nothing to say."""
    m = known.interactions.products
    key = pool.row * m + pool.col
    out = {f"{label} score": score for label, score in pool.scores.items()}
    out |= {f"{label} place": place for label, place in pool.places.items()}
    out |= _found(known.own, key, ("bought times", "bought lately 30", "bought lately 120"))
    baskets = np.nan_to_num(known.customer["customer baskets"])
    out["bought share of baskets"] = out["bought times"] / np.maximum(baskets, 1.0)[pool.row]
    for kind, table in known.looked.items():
        out |= _found(table, key, (f"{kind} times", f"{kind} times 7", f"{kind} weight"))
    out |= {name: value[pool.row] for name, value in known.customer.items()}
    out |= {name: value[pool.col] for name, value in known.product.items()}
    return out | _affinity(known, pool, key)


def _found(table: tuple[Ints, dict[str, Floats]], wanted: Ints, none_is_zero: tuple[str, ...]) -> dict[str, Floats]:
    """The values of the wanted keys; where a key is not there, 0 for counts and NaN for the rest."""
    keys, values = table
    at = places_of(keys, wanted)
    there = at >= 0
    out = {}
    for name, value in values.items():
        out[name] = np.full(len(wanted), 0.0 if name in none_is_zero else np.nan)
        out[name][there] = value[at[there]]
    return out


def _own(interactions: Interactions, bought: Pairs, ahead: float) -> tuple[Ints, dict[str, Floats]]:
    """Of a customer's own purchases of a product."""
    m = interactions.products
    keys = bought.row * m + bought.col
    gap = usual_gap(bought, m, PRIOR)
    sold = interactions.only(SALE).occasions
    index = places_of(keys, sold.row * m + sold.col)
    lately: list[Floats] = [
        np.bincount(index, 0.5 ** (sold.age / half_life), len(keys)).astype(np.float64) for half_life in (30.0, 120.0)
    ]
    units = np.bincount(index, sold.weight, len(keys)) / np.maximum(bought.times, 1.0)
    return keys, {
        "bought times": bought.times, "bought last": bought.last, "bought first": bought.first,
        "usual gap": gap, "elapsed in gaps": bought.last / gap,
        "due": due(bought, m, ahead, PRIOR), "bought again": again(bought, m, PRIOR),
        "bought lately 30": lately[0], "bought lately 120": lately[1], "usual units": units,
        "bought per day": bought.times / (bought.first + 30.0),
    }  # fmt: skip


def _looked(interactions: Interactions, kind: str) -> tuple[Ints, dict[str, Floats]]:
    """Of a customer's views, carts, ratings, ... of a product."""
    rows = interactions.only(kind)
    keys, at = np.unique(rows.row * interactions.products + rows.col, return_inverse=True)
    last = np.full(len(keys), np.inf)
    np.minimum.at(last, at, rows.age)
    return keys, {
        f"{kind} times": np.bincount(at, minlength=len(keys)).astype(np.float64),
        f"{kind} times 7": np.bincount(at, rows.age <= 7, len(keys)),
        f"{kind} last": last,
        f"{kind} weight": np.bincount(at, rows.weight, len(keys)),
    }


def _baskets(interactions: Interactions) -> tuple[Floats, Floats, Floats]:
    """Per customer: days with a purchase, age of the last and of the first one (NaN without)."""
    sold = interactions.only(SALE)
    n = interactions.customers
    days = np.unique(np.stack([sold.row, np.floor(sold.day).astype(np.int64)]), axis=1)
    last, first = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(last, sold.row, sold.age)
    np.maximum.at(first, sold.row, sold.age)
    return (
        np.bincount(days[0], minlength=n).astype(np.float64),
        np.where(np.isinf(last), np.nan, last),
        np.where(np.isinf(first), np.nan, first),
    )


def customer_features(interactions: Interactions, bought: Pairs) -> dict[str, Floats]:
    """Name -> (customers,)."""
    n = interactions.customers
    baskets, last, first = _baskets(interactions)
    occasions = np.bincount(bought.row, bought.times, n)
    kinds = np.bincount(bought.row, minlength=n).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        out = {
            "customer baskets": baskets, "customer last": last, "customer first": first,
            "customer gap": np.where(baskets > 1, (first - last) / (baskets - 1), np.nan),
            "customer basket size": occasions / baskets,
            "customer products": kinds,
            "customer repeats": 1.0 - kinds / occasions,
        }  # fmt: skip
        out["customer elapsed in gaps"] = last / out["customer gap"]
    for name, codes in interactions.people.items():
        out[f"customer {name}"] = np.where(codes >= 0, codes, np.nan).astype(np.float64)
    return out


def product_features(interactions: Interactions, bought: Pairs) -> dict[str, Floats]:
    """Name -> (products,)."""
    m = interactions.products
    sold = interactions.only(SALE).occasions
    whole = np.bincount(bought.col, minlength=m).astype(np.float64)
    out: dict[str, Floats] = {"product buyers": whole}
    customers = max(1, len(np.unique(sold.row)))
    for days in (7, 30, 90):
        out[f"product occasions {days}"] = np.bincount(sold.col[sold.age <= days], minlength=m) / customers
    trend = (out["product occasions 7"] * 30 / 7 + 0.01) / (out["product occasions 30"] + 0.01)
    last, first = np.full(m, np.inf), np.full(m, -np.inf)
    np.minimum.at(last, sold.col, sold.age)
    np.maximum.at(first, sold.col, sold.age)
    repeats = np.bincount(bought.col, bought.times > 1, m)
    out |= {
        "product trend": trend,
        "product trend 90": (out["product occasions 30"] * 3 + 0.01) / (out["product occasions 90"] + 0.01),
        "product last": np.where(np.isinf(last), np.nan, last),
        "product first": np.where(np.isinf(first), np.nan, first),
        "product repeats": (repeats + 1.0) / (whole + 5.0),
        "product occasions per buyer": np.bincount(bought.col, bought.times, m) / np.maximum(whole, 1.0),
    }
    year = (sold.age > 335) & (sold.age <= 365)
    if year.any():
        out["product a year ago"] = np.bincount(sold.col[year], minlength=m) / customers
    if "price_band" in interactions.items:
        band = interactions.items["price_band"]
        out["product price band"] = np.where(band >= 0, band, np.nan).astype(np.float64)
    return out


def _shares(main: Interactions, codes: Ints) -> tuple[Ints, dict[str, Floats]]:
    """Of a customer's occasions with products of one value: how many, and days since the last."""
    size = int(codes.max(initial=-1)) + 1
    here = codes[main.col] >= 0
    keys, inverse = np.unique(main.row[here] * size + codes[main.col][here], return_inverse=True)
    last = np.full(len(keys), np.inf)
    np.minimum.at(last, inverse, main.age[here])
    return keys, {"n": np.bincount(inverse, minlength=len(keys)).astype(np.float64), "last": last}


def _affinity(known: Known, pool: Pool, key: Ints) -> dict[str, Floats]:
    """How much of what the customer buys is of the product's category, brand, price band."""
    out: dict[str, Floats] = {}
    keys, counts = known.mine
    mine = _found((keys, {"n": counts.astype(np.float64)}), key, ("n",))["n"]
    for name, codes in known.interactions.items.items():
        code = codes[pool.col]
        size = int(codes.max(initial=-1)) + 1
        wanted = np.where(code >= 0, pool.row * size + code, -1)
        found = _found(known.shares[name], wanted, ("n",))
        # Without the product itself: that it was bought is told by other features.
        with np.errstate(invalid="ignore", divide="ignore"):
            out[f"{name} share"] = np.where(code >= 0, found["n"] - mine, 0.0) / (known.total[pool.row] - mine)
        out[f"{name} last"] = found["last"]
    if known.usual_band is not None:
        band = known.interactions.items["price_band"].astype(np.float64)
        out["price against usual"] = band[pool.col] - known.usual_band[pool.row]
    return out


def places_of(keys: Ints, wanted: Ints) -> Ints:
    """Where each wanted key stands among the sorted `keys`; -1 for nowhere."""
    if not len(keys):
        return np.full(len(wanted), -1, dtype=np.int64)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, at, -1).astype(np.int64)
