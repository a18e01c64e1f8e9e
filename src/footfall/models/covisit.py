"""Co-visitation: what others bought after (or together with) what this customer had to do with.

Occasions of a customer on one day form a basket. Two products count as going together within one basket, and, with
falling weight, when the second is bought in one of the customer's next `lags` baskets: A leads to B, not B to A. The
count is divided by the baskets of A and by a power of those of B (`damping`: 0 favours what everybody buys, 1 what
hardly anyone does). A customer's score of B is the sum over what they had to do with, newer occasions weighing more
(`half_life` days). `source`: the kinds that lead there (none: all that speak for a product), `target`: the kinds led
to. Scores are per customer of the shop, so that they mean the same in a small sample of it.

Source: item-to-item collaborative filtering (Linden, Smith and York 2003), directed in time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from footfall.models.ranking import (
    SALE,
    Floats,
    Generator,
    Interactions,
    Ints,
    binary,
    csr,
    distinct,
    scaled,
    single,
    strongest,
)

BLOCK = 2_000
"""Products whose links are counted at a time."""


class CoVisit(Generator):
    """Settings: `source`, `target`, `lags`, `damping`, `half_life`, `support` (baskets added to A's), `together`
    (weight of one basket beside a next one), `kept` (links per product, the strongest), `latest` (products of a
    history that count, the weightiest; None: all)."""

    name = "covisit"
    known_settings = {  # noqa: RUF012
        "source": (), "target": (SALE,), "lags": 2, "damping": 0.5, "half_life": 60.0, "support": 5.0,
        "together": 1.0, "kept": 200, "latest": None,
    }  # fmt: skip

    def _learn(self, interactions: Interactions) -> dict[str, Any]:
        kinds = self.settings["source"]
        source = interactions.only(*kinds) if kinds else interactions.liked
        target = interactions.only(*self.settings["target"])
        if not len(target):
            target = interactions.main
        baskets = _Baskets(interactions)
        return {
            "links": single(self._links(baskets, baskets.of(source), baskets.of(target))),
            "history": single(scaled(self._latest(source.matrix(float(self.settings["half_life"]))))),
        }

    def _latest(self, history: sparse.csr_matrix) -> sparse.csr_matrix:
        most = self.settings["latest"]
        return history if most is None else strongest(history, int(most))

    def _links(self, baskets: _Baskets, source: sparse.csr_matrix, target: sparse.csr_matrix) -> sparse.csr_matrix:
        """(products, products) row A: how strongly A leads to each product."""
        m = source.shape[1]
        shifted = [(float(self.settings["together"]), target)]
        shifted += [(0.5**lag, baskets.next(target, lag)) for lag in range(int(self.settings["lags"]))]
        seen = np.asarray(source.sum(axis=0)).ravel() + float(self.settings["support"])
        damping, people = float(self.settings["damping"]), max(1, len(distinct(baskets.customer)))
        sold = (np.maximum(np.asarray(target.sum(axis=0)).ravel(), 1.0) / people) ** damping
        columns, parts, most = source.tocsc(), [], int(self.settings["kept"])
        for start in range(0, m, BLOCK):
            part = columns[:, start : start + BLOCK].T.tocsr()
            found = sum((w * (part @ one) for w, one in shifted), sparse.csr_matrix((part.shape[0], m))).tocoo()
            kept = found.row + start != found.col
            value = found.data / seen[found.row + start] / sold[found.col]
            parts.append(strongest(csr(value[kept], found.row[kept], found.col[kept], found.shape), most))
        return sparse.vstack(parts).tocsr() if parts else sparse.csr_matrix((m, m))

    def _rows(self, customers: Ints) -> sparse.csr_matrix:
        made = (self.arrays["history"][customers] @ self.arrays["links"]).tocsr()
        made.sort_indices()
        return made

    def _likeness(self, item: int) -> Floats:
        row = self.arrays["links"][item].tocoo()
        out = np.full(self.products, -np.inf)
        out[row.col] = row.data
        return out

    def because(self, customer: int, item: int, most: int = 2) -> list[int]:
        """The products of the customer's history that lead to `item`, the strongest first."""
        mine = self.arrays["history"][customer]
        pull = np.asarray(self.arrays["links"][mine.indices, item].todense()).ravel() * mine.data
        return [int(mine.indices[i]) for i in np.argsort(-pull, kind="stable")[:most] if pull[i] > 0]


class _Baskets:
    """Days of customers, numbered in the order of customer and day."""

    def __init__(self, interactions: Interactions) -> None:
        first = np.floor(interactions.day.min()) if len(interactions) else 0.0
        self.first, self.span = first, int(np.ceil(interactions.at - first)) + 1
        self.keys = distinct(np.sort(self._key(interactions)))
        self.customer = self.keys // self.span
        self.products = interactions.products

    def _key(self, rows: Interactions) -> Ints:
        return rows.row * self.span + (np.floor(rows.day) - self.first).astype(np.int64)

    def of(self, rows: Interactions) -> sparse.csr_matrix:
        """(baskets, products) 1 where the basket holds the product."""
        at = np.searchsorted(self.keys, self._key(rows))
        return binary(csr(np.ones(len(rows)), at, rows.col, (len(self.keys), self.products)))

    def next(self, matrix: sparse.csr_matrix, lag: int) -> sparse.csr_matrix:
        """Row b: what stands `lag` + 1 baskets after b, if that is the same customer's."""
        n, step = len(self.keys), lag + 1
        if n <= step:
            return sparse.csr_matrix(matrix.shape)
        same = np.flatnonzero(self.customer[step:] == self.customer[:-step])
        shift = csr(np.ones(len(same)), same, same + step, (n, n))
        return (shift @ matrix).tocsr()


RANK_MODEL = CoVisit
