"""Who would want this product: the reverse question, for a campaign."""

from __future__ import annotations

import numpy as np

from footfall.errors import FootfallError, did_you_mean
from footfall.models.ranking import Floats, Ints
from footfall.recommend.recommender import Scene, answers
from footfall.recommend.rerank import ALL

SHORTLIST = 4
"""Customers looked at closely, as a multiple of those asked for."""


def who_would_want(of: Scene, product: str, k: int = 100, way: str = ALL) -> tuple[Ints, Ints, Floats]:
    """The customers (numbers) in whose ranking the product stands highest, at which place, and its score there.

    Customers are shortlisted by the generators' scores of the product; of two with the product at one place, the one
    with the higher score comes first. Raises FootfallError for an unknown product.
    """
    ranker, history, moment = of.ranker, of.history, of.moment
    if product not in history.product_numbers:
        raise FootfallError(
            f"there is no product '{product}'{did_you_mean(product, list(history.product_numbers)[:5000])}"
        )
    item = history.product_numbers[product]
    everyone = np.arange(len(history.customers), dtype=np.int64)
    short: list[Ints] = []
    for spec in moment.specs:
        said = moment.generators[spec.label].score(everyone, np.full(len(everyone), item))
        top = np.lexsort((everyone, -said))[: SHORTLIST * k]
        if spec.personal:
            short.append(everyone[top[np.isfinite(said[top])]])
    customers = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *short]))
    pool, values = moment.pool(customers, way)
    score = answers(moment, ranker.reranker, ranker.answer[way], (pool.row, pool.col), values, way)
    order = np.lexsort((pool.col, -score, pool.row))
    order = order[np.isfinite(score[order])]
    place = np.arange(len(order)) - np.searchsorted(pool.row[order], pool.row[order]) + 1
    mine = pool.col[order] == item
    who, where, said = pool.row[order][mine], place[mine], score[order][mine]
    best = np.lexsort((who, -said, where))[:k]
    return who[best], where[best].astype(np.int64), said[best]
