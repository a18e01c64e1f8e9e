"""Similar products: looked at by the same visitors, bought by the same customers, alike in what they are.

Each of these makes a list of its own; the lists are merged by the places (reciprocal rank fusion, Cormack, Clarke and
Büttcher 2009), so that no weight is a matter of taste, and a product that nobody has bought yet has what it is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from footfall.models.ranking import AGAINST, RATING, SALE, Floats, Ints
from footfall.recommend.read import History
from footfall.recommend.rules import Rules, bind, number_of

FUSION = 60.0
"""The constant of the fusion, as published."""
WIDE = 100
"""Places of each list that are merged."""
NO_LOOKS = (SALE, RATING, "bought", *AGAINST)
"""Kinds of interaction that are no look at a product."""
SUPPORT = 5.0
"""Groups added to those of every product, so that a single chance meeting is no likeness."""


class Alike(NamedTuple):
    """Products (numbers) like one, the most alike first, the score and in what they are alike, in words."""

    item: Ints
    score: Floats
    reason: list[str]


def similar(history: History, product: str, k: int = 10, rules: Rules | None = None) -> Alike:
    """The `k` products most like one, as the rules let them stand.

    Raises FootfallError for a product, or a name in the rules, that the shop does not have.
    """
    item = number_of(history, product)
    bound = bind(rules or Rules(), history)
    score = np.zeros(len(history.products))
    best = np.full(len(history.products), WIDE)
    why = np.full(len(history.products), "", dtype=object)
    for words, found in _lists(history, item):
        for place, other in enumerate(found.tolist()):
            score[other] += 1.0 / (FUSION + place)
            if place < best[other]:
                best[other], why[other] = place, words or _shared(history, item, other)
    order = np.lexsort((np.arange(len(score)), -score))
    order = order[(score[order] > 0) & (order != item)]
    items, said = bound.keep(order, score[order], k)
    return Alike(items, said, [str(why[i]) or "the shop shows it to everyone" for i in items])


def _lists(history: History, item: int) -> list[tuple[str, Ints]]:
    """What is to be said of a list, and its products, best first."""
    rows = history.interactions
    sold = rows.only(SALE)
    kinds = [i for i, kind in enumerate(rows.kinds) if kind not in NO_LOOKS]
    looks = rows.take(np.isin(rows.kind, kinds))
    buyers = np.bincount(_once(sold.row, sold.col)[1], minlength=rows.products).astype(np.float64)
    days = np.floor(looks.day).astype(np.int64)
    visits = looks.row * (int(rows.at) + 1 - int(days.min(initial=0))) + days - int(days.min(initial=0))
    out = [
        ("looked at by the same visitors", _together(visits, looks.col, item, rows.products)),
        ("bought by the same customers", _together(sold.row, sold.col, item, rows.products)),
    ]
    if rows.items:
        codes = np.stack(list(rows.items.values()))
        same = ((codes == codes[:, [item]]) & (codes >= 0)).sum(axis=0) + 0.5 * buyers / (1.0 + buyers.max(initial=0.0))
        out.append(("", _top(np.where(same >= 1, same, 0.0), item)))
    return out


def _together(group: Ints, col: Ints, item: int, products: int) -> Ints:
    """The products that stand in the same groups as `item`, oftener than how often they stand anywhere lets expect."""
    groups, cols = _once(group, col)
    mine = np.isin(groups, groups[cols == item])
    both = np.bincount(cols[mine], minlength=products)
    return _top(both / np.sqrt(np.bincount(cols, minlength=products) + SUPPORT), item)


def _once(group: Ints, col: Ints) -> tuple[Ints, Ints]:
    """Each group and product that stand together, once."""
    width = int(col.max(initial=0)) + 1
    pairs = np.unique(group * width + col)
    return pairs // width, pairs % width


def _top(score: Floats, item: int) -> Ints:
    order = np.lexsort((np.arange(len(score)), -score))
    return np.asarray(order[(score[order] > 0) & (order != item)][:WIDE], dtype=np.int64)


def _shared(history: History, item: int, other: int) -> str:
    """What two products share, in words."""
    items = history.interactions.items
    names = [n.replace("_", " ") for n, codes in items.items() if codes[item] == codes[other] >= 0]
    return "the same " + ", ".join(names) if names else "alike in what it is"
