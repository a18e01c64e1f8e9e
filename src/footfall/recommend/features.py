"""Features of a pair of a customer and a product, as known at the cutoff, computed on the interactions' own arrays.

Every one is a window of the past: the interactions hold nothing at or after the cutoff. They are computed with NumPy
on sorted pairs, not by the window compiler: candidates are some hundred per customer, and joining them to every fact
of both keys costs many times what sorting the facts once does.
"""

from __future__ import annotations

import numpy as np

from footfall.models.own_history import Pairs, again, due, pairs, usual_gap
from footfall.models.ranking import AGAINST, RATING, SALE, Floats, Interactions, Ints, distinct, grouped
from footfall.recommend.candidates import Pool

PRIOR = 10.0
PERSON = "customer is "
"""How the names of features begin that tell who the customer is."""


class Known:
    """What features are looked up in, computed once per moment: sorted keys with a value each."""

    def __init__(self, interactions: Interactions, ahead: float) -> None:
        """`ahead`: the horizon in days."""
        self.interactions = interactions
        bought = pairs(interactions)
        self.own = _own(interactions, bought, ahead)
        self.looked = {k: _looked(interactions, k) for k in interactions.kinds if k != SALE}
        self.customer = customer_features(interactions, bought)
        self.nobody = nobody(self.customer)
        main = interactions.main.occasions
        self.product = product_features(interactions, bought) | season_features(main, ahead)
        self.product |= interest_features(interactions)
        keys, at = grouped(main.row * interactions.products + main.col)
        self.mine = keys, np.bincount(at, minlength=len(keys))
        self.total = np.bincount(main.row, minlength=interactions.customers).astype(np.float64)
        self.shares = {name: _shares(main, codes) for name, codes in interactions.items.items()}
        self.usual_band: Floats | None = None
        if "price_band" in interactions.items:
            band = interactions.items["price_band"].astype(np.float64)
            paid = np.bincount(main.row, band[main.col], interactions.customers)
            self.usual_band = paid / np.maximum(self.total, 1.0)


def pair_features(known: Known, pool: Pool, blank: bool = False) -> dict[str, Floats]:
    """Name -> (pairs,) of every feature; NaN where there is nothing to say.

    `blank`: as if the customers had done nothing so far; what is known of them as persons stays.
    """
    m = known.interactions.products
    key = np.full(len(pool), -1, dtype=np.int64) if blank else pool.row * m + pool.col
    out = {f"{label} score": score for label, score in pool.scores.items()}
    out |= {f"{label} place": place for label, place in pool.places.items()}
    out |= _found(known.own, key, ("bought times", "bought lately 30", "bought lately 120"))
    baskets = np.maximum(known.customer["customer baskets"], 1.0)
    out["bought share of baskets"] = out["bought times"] / baskets[pool.row]
    for kind, table in known.looked.items():
        out |= _found(table, key, (f"{kind} times", f"{kind} times 7", f"{kind} weight"))
    for name, value in known.customer.items():
        out[name] = np.full(len(pool), known.nobody[name]) if blank and name in known.nobody else value[pool.row]
    out |= {name: value[pool.col] for name, value in known.product.items()}
    return out | _affinity(known, pool, key, blank)


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
    keys, at = grouped(rows.row * interactions.products + rows.col)
    last = np.full(len(keys), np.inf)
    np.minimum.at(last, at, rows.age)
    times = np.bincount(at, minlength=len(keys)).astype(np.float64)
    out = {f"{kind} times": times, f"{kind} times 7": np.bincount(at, rows.age <= 7, len(keys)), f"{kind} last": last}
    if kind == RATING:
        out["rating mean"] = np.bincount(at, rows.weight, len(keys)) / np.maximum(times, 1.0)
    elif len(rows) and not (rows.weight == 1.0).all():
        out[f"{kind} weight"] = np.bincount(at, rows.weight, len(keys))
    return keys, out


def _baskets(interactions: Interactions) -> tuple[Floats, Floats, Floats]:
    """Per customer: days with a purchase, age of the last and of the first one (NaN without)."""
    sold = interactions.only(SALE)
    n = interactions.customers
    day = np.floor(sold.day).astype(np.int64)
    span, origin = (int(day.max() - day.min()) + 1, int(day.min())) if len(day) else (1, 0)
    whose = distinct(sold.row * span + (day - origin)) // span
    last, first = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(last, sold.row, sold.age)
    np.maximum.at(first, sold.row, sold.age)
    return (
        np.bincount(whose, minlength=n).astype(np.float64),
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
        if RATING in interactions.kinds:
            rated = interactions.only(RATING)
            out["customer rating"] = np.bincount(rated.row, rated.weight, n) / np.bincount(rated.row, minlength=n)
    for name, codes in interactions.people.items():
        out[f"{PERSON}{name}"] = np.where(codes >= 0, codes, np.nan).astype(np.float64)
    return out


def product_features(interactions: Interactions, bought: Pairs) -> dict[str, Floats]:
    """Name -> (products,)."""
    m = interactions.products
    sold = interactions.only(SALE).occasions
    whole = np.bincount(bought.col, minlength=m).astype(np.float64)
    customers = max(1, len(distinct(sold.row)))
    out: dict[str, Floats] = {"product buyers": whole / customers}
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
    units = np.bincount(sold.col, sold.weight, m)
    rows = np.bincount(sold.col, minlength=m)
    if len(sold) and not (sold.weight == 1.0).all():
        out["product units"] = (units + PRIOR * sold.weight.mean()) / (rows + PRIOR)
    if interactions.listed is not None:
        out["product listed"] = np.where(interactions.there, interactions.at - interactions.listed, np.nan)
    if "price_band" in interactions.items:
        band = interactions.items["price_band"]
        out["product price band"] = np.where(band >= 0, band, np.nan).astype(np.float64)
    return out


def nobody(customer: dict[str, Floats]) -> dict[str, float]:
    """Name -> what a feature of customers says of one who did nothing yet; not those that tell who they are."""
    counts = ("customer baskets", "customer products")
    done = ("last", "first", "gap", "basket size", "repeats", "elapsed in gaps", "rating")
    none = {f"customer {name}": np.nan for name in done} | dict.fromkeys(counts, 0.0)
    return {name: value for name, value in none.items() if name in customer}


def interest_features(interactions: Interactions) -> dict[str, Floats]:
    """Name -> (products,) of what customers do with products beside buying them: looks, baskets, removals, ratings."""
    m = interactions.products
    out: dict[str, Floats] = {}
    for kind in interactions.kinds:
        if kind == SALE:
            continue
        rows = interactions.only(kind)
        if kind == RATING:
            mean = float(rows.weight.mean()) if len(rows) else 0.0
            count = np.bincount(rows.col, minlength=m)
            out["product ratings"] = count.astype(np.float64)
            out["product rating"] = (np.bincount(rows.col, rows.weight, m) + PRIOR * mean) / (count + PRIOR)
            continue
        whole = max(1, len(rows))
        out[f"product {kind} 30"] = 1000.0 * np.bincount(rows.col[rows.age <= 30], minlength=m) / whole
        if kind in AGAINST:
            sold = np.bincount(interactions.only(SALE).col, minlength=m)
            out[f"product {kind} share"] = np.bincount(rows.col, minlength=m) / (sold + PRIOR)
    return out


def season_features(main: Interactions, ahead: float) -> dict[str, Floats]:
    """Name -> (products,) of the season and the weekdays that the horizon covers."""
    m = main.products
    out: dict[str, Floats] = {}
    customers = max(1, len(distinct(main.row)))
    year = (main.age > 365 - ahead) & (main.age <= 365)  # the same dates of the year before
    if year.any():
        out["product a year ago"] = np.bincount(main.col[year], minlength=m) / customers
        before = np.bincount(main.col[main.age <= 365], minlength=m)
        for name, codes in {"category": main.items.get("category"), "product": np.arange(m)}.items():
            if codes is None:
                continue
            size = int(codes.max(initial=-1)) + 2
            codes = np.where(codes < 0, size - 1, codes)
            then, whole = (np.bincount(codes, n, size) for n in (out["product a year ago"] * customers, before))
            usual = whole * max(ahead, 1.0) / 365.0
            out[f"product {name} season"] = ((then + 5.0) / (usual + 5.0))[codes]
    if ahead < 7 and len(main):
        week = np.isin(np.floor(main.day).astype(np.int64) % 7, np.arange(int(main.at), int(main.at + ahead)) % 7)
        share = float(week.mean())
        count = np.bincount(main.col, minlength=m)
        out["product these weekdays"] = (np.bincount(main.col, week, m) + PRIOR * share) / (count + PRIOR)
    return out


def _shares(main: Interactions, codes: Ints) -> tuple[Ints, dict[str, Floats]]:
    """Of a customer's occasions with products of one value: how many, and days since the last."""
    size = int(codes.max(initial=-1)) + 1
    here = codes[main.col] >= 0
    keys, inverse = grouped(main.row[here] * size + codes[main.col][here])
    last = np.full(len(keys), np.inf)
    np.minimum.at(last, inverse, main.age[here])
    return keys, {"n": np.bincount(inverse, minlength=len(keys)).astype(np.float64), "last": last}


def _affinity(known: Known, pool: Pool, key: Ints, blank: bool) -> dict[str, Floats]:
    """How much of what the customer buys is of the product's category, brand, price band."""
    out: dict[str, Floats] = {}
    keys, counts = known.mine
    mine = _found((keys, {"n": counts.astype(np.float64)}), key, ("n",))["n"]
    total = np.zeros(len(pool)) if blank else known.total[pool.row]
    for name, codes in known.interactions.items.items():
        code = codes[pool.col]
        size = int(codes.max(initial=-1)) + 1
        wanted = np.where((code >= 0) & (not blank), pool.row * size + code, -1)
        found = _found(known.shares[name], wanted, ("n",))
        # Without the product itself: that it was bought is told by other features.
        with np.errstate(invalid="ignore", divide="ignore"):
            out[f"{name} share"] = np.where(code >= 0, found["n"] - mine, 0.0) / (total - mine)
        out[f"{name} last"] = found["last"]
    if known.usual_band is not None:
        band = known.interactions.items["price_band"].astype(np.float64)
        usual = np.where(total > 0, known.usual_band[pool.row], np.nan)
        out["price against usual"] = band[pool.col] - usual
    return out


def places_of(keys: Ints, wanted: Ints) -> Ints:
    """Where each wanted key stands among the sorted `keys`; -1 for nowhere."""
    if not len(keys):
        return np.full(len(wanted), -1, dtype=np.int64)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, at, -1).astype(np.int64)
