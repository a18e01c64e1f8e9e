"""Who would want this product: the reverse question, for a campaign."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from footfall.errors import FootfallError
from footfall.models.ranking import Floats, Ints
from footfall.recommend.candidates import Pool
from footfall.recommend.features import pair_features
from footfall.recommend.reasons import reasons
from footfall.recommend.recommender import RERANKED, Scene, _who_spoke, answers
from footfall.recommend.rerank import ALL
from footfall.recommend.rules import number_of

SHORTLIST = 4
"""Customers looked at closely, as a multiple of those asked for."""


class Wanted(NamedTuple):
    """Customers (numbers), the likeliest first, the product's place in each one's list, its score and why."""

    customer: Ints
    place: Ints
    score: Floats
    reason: list[str]


def who_would_want(of: Scene, product: str, k: int = 100, way: str = ALL, sold_out: bool = False) -> Wanted:
    """The customers in whose ranking the product stands highest.

    Customers are shortlisted by the generators' scores of the product; of two with the product at one place, the one
    with the higher score comes first. `way`: as of `rank`; `new` leaves out who bought it already. `sold_out`: ask
    for a product that is sold out too.

    Raises FootfallError for an unknown product, one that is sold out, or one of which nothing says who wants it.
    """
    history = of.history
    item = number_of(history, product)
    if history.gone[item] and not sold_out:
        raise FootfallError(
            f"product '{product}' is sold out as of its last stock level; with the rule in_stock = false it is "
            "asked about all the same"
        )
    customers = _shortlist(of, item, k, way)
    if not len(customers):
        raise FootfallError(
            f"nothing says who would want product '{product}': nobody bought or looked at it or at what goes with it, "
            "and no category, brand or price band of it is known"
        )
    pool, values = _with_item(of, customers, item, way)
    score = answers(of.ranker.reranker, of.ranker.answer[way], values, way)
    order = np.lexsort((pool.col, -score, pool.row))
    order = order[np.isfinite(score[order])]
    place = np.arange(len(order)) - np.searchsorted(pool.row[order], pool.row[order]) + 1
    mine = pool.col[order] == item
    at, where = order[mine], place[mine]
    best = np.lexsort((pool.row[at], -score[at], where))[:k]
    at, where = at[best], where[best].astype(np.int64)
    shown = {name: value[at] for name, value in values.items()}
    booster = way if of.ranker.answer[way] == RERANKED else ""
    told = reasons(_who_spoke(of, way), history, of.ranker.reranker, (pool.row[at], pool.col[at]), shown, booster)
    return Wanted(pool.row[at], where, score[at], told)


def _shortlist(of: Scene, item: int, k: int, way: str) -> Ints:
    """Customers of whom any generator says most of the item, in order."""
    everyone = np.arange(len(of.history.customers), dtype=np.int64)
    if way != ALL:
        owners = of.moment.interactions.owned[:, [item]].tocoo().row
        everyone = everyone[~np.isin(everyone, owners)]
    short: list[Ints] = []
    for spec in of.moment.specs:
        said = of.moment.generators[spec.label].score(everyone, np.full(len(everyone), item))
        top = np.lexsort((everyone, -said))[: SHORTLIST * k]
        if spec.personal:
            short.append(everyone[top[np.isfinite(said[top])]])
    return np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *short]))


def _with_item(of: Scene, customers: Ints, item: int, way: str) -> tuple[Pool, Mapping[str, Floats]]:
    """The candidates of these customers and their features, the item among them though nobody proposed it."""
    moment = of.moment
    pool, values = moment.pool(customers, way)
    without = np.setdiff1d(customers, pool.row[pool.col == item])
    if not len(without):
        return pool, values
    col = np.full(len(without), item)
    scores = {s.label: moment.generators[s.label].score(without, col) for s in moment.specs}
    scores = {label: np.where(np.isneginf(said), np.nan, said) for label, said in scores.items()}
    none = {s.label: np.full(len(without), np.nan) for s in moment.specs}
    more = pair_features(moment.known, Pool(without, col, scores, none))
    both = Pool(
        np.concatenate([pool.row, without]), np.concatenate([pool.col, col]),
        {n: np.concatenate([pool.scores[n], scores[n]]) for n in scores},
        {n: np.concatenate([pool.places[n], none[n]]) for n in none},
    )  # fmt: skip
    return both, {n: np.concatenate([v, more[n]]) for n, v in values.items()}
