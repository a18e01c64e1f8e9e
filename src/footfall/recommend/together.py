"""Bought together: pairs of products in one basket, with support, confidence and lift.

A basket is what a customer bought on one day. Lift is how much oftener the two stand in one basket than they would by
chance; its interval, on the log scale, keeps a pair of few baskets from being taken for a strong one.

Source: association rules (Agrawal, Imielinski and Swami 1993); the interval is the delta method's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from footfall.models.ranking import Floats, Interactions, Ints, binary, csr


class Together(NamedTuple):
    """Rules "who buys `first` buys `second`", strongest first (by the lower limit of the lift).

    `baskets` with both; `support` their share of all baskets; `confidence` of those with `first` that hold `second`.
    """

    first: Ints
    second: Ints
    baskets: Ints
    support: Floats
    confidence: Floats
    lift: Floats
    lower: Floats
    upper: Floats


def bought_together(interactions: Interactions, least: int = 5, most: int | None = None) -> Together:
    """The rules of pairs with at least `least` baskets, at most `most` of them."""
    sold = interactions.main.occasions
    day = np.floor(sold.day).astype(np.int64)
    first = int(day.min()) if len(day) else 0
    span = int(day.max()) - first + 1 if len(day) else 1
    keys, at = np.unique(sold.row * span + day - first, return_inverse=True)
    held = binary(csr(np.ones(len(sold)), at, sold.col, (len(keys), sold.products)))
    both = sparse.coo_matrix(held.T @ held)
    kept = (both.row != both.col) & (both.data >= least)
    a, b, n = both.row[kept].astype(np.int64), both.col[kept].astype(np.int64), both.data[kept]
    size = np.asarray(held.sum(axis=0)).ravel()
    total = float(len(keys))
    lift = n * total / np.maximum(size[a] * size[b], 1.0)
    # Of log p_ab - log p_a - log p_b, whose parts are counted in the same baskets.
    variance = 1 / n - 1 / size[a] - 1 / size[b] + (2 * lift - 1) / total if len(n) else n
    spread = 1.96 * np.sqrt(np.maximum(variance, 0.0))
    lower, upper = lift * np.exp(-spread), lift * np.exp(spread)
    order = np.lexsort((b, a, -lower))[:most]
    columns = (a, b, n.astype(np.int64), n / max(total, 1.0), n / np.maximum(size[a], 1.0), lift, lower, upper)
    return Together(*(np.asarray(c)[order] for c in columns))
