"""Content: products of the categories, brands and price bands a customer buys; a new product has them from day one.

A customer's profile is, per feature, the share of their occasions (newer ones weighing more, `half_life` days) with
each value. A product's score is the mean, over its known features, of the profile's share of its value over that
value's share in the whole shop, on a log scale, plus a little (`popularity`) for how many bought it.

With `newest`, only products that the shop knows for at most so many days, or that nobody bought yet, and of these the
`most` newest: what came in lately, for those who buy its like.

Source: content profiles as in Pazzani and Billsus 2007.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from footfall.models.popular import buyers
from footfall.models.ranking import Floats, Generator, Interactions, Ints, csr, scaled, single


class Content(Generator):
    """Settings: `half_life`, `popularity`, `newest` (days; None: all products), `most`."""

    name = "content"
    known_settings = {"half_life": 180.0, "popularity": 0.3, "newest": None, "most": 500}  # noqa: RUF012
    dense = True

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        super().__init__(seed, **settings)
        self.dense = self.settings["newest"] is None

    def _learn(self, interactions: Interactions) -> dict[str, Any]:
        main = interactions.main
        history = main.matrix(float(self.settings["half_life"]))
        codes = np.stack(list(interactions.items.values()) or [np.full(interactions.products, -1)])
        out: dict[str, Any] = {"codes": codes, "shown": self._shown(interactions)}
        for i, one in enumerate(codes):
            known = one >= 0
            size = int(one.max(initial=0)) + 1
            value = csr(np.ones(int(known.sum())), np.flatnonzero(known), one[known], (len(one), size))
            out[f"profile_{i}"] = scaled((history @ value).tocsr())
            whole = np.asarray((history @ value).sum(axis=0)).ravel() + 1.0
            out[f"share_{i}"] = whole / whole.sum()
        sold = np.asarray(buyers(main, np.zeros(main.customers, dtype=np.int64), 1).todense())[0]
        out["popularity"] = np.log1p(sold) / max(1.0, float(np.log1p(sold.max(initial=0.0))))
        return out

    def _shown(self, interactions: Interactions) -> Ints:
        """The products that may be proposed, in order."""
        there, newest = interactions.there, self.settings["newest"]
        if newest is None:
            return np.flatnonzero(there)
        first = np.full(interactions.products, np.inf)
        np.minimum.at(first, interactions.col, interactions.day)
        if interactions.listed is not None:
            first = np.minimum(first, interactions.listed)
        sold = np.bincount(interactions.main.col, minlength=interactions.products) > 0
        new = np.flatnonzero(there & ((interactions.at - first <= float(newest)) | ~sold))
        kept = new[np.lexsort((new, -first[new]))][: int(self.settings["most"])]
        return np.sort(kept)

    def _scores(self, customers: Ints) -> Floats:
        """(c, shown) scores of the products that may be proposed, -inf for none."""
        shown = self.arrays["shown"]
        codes = self.arrays["codes"][:, shown]
        total, known = np.zeros((len(customers), len(shown))), np.zeros(len(shown))
        told = np.zeros(len(customers), dtype=bool)
        for i, one in enumerate(codes):
            profile = np.asarray(self.arrays[f"profile_{i}"][customers].todense())
            share = self.arrays[f"share_{i}"]
            here = profile.sum(axis=1) > 0
            told |= here
            lift = np.log((profile + 0.02 * share) / (1.02 * share))
            total += np.where(here[:, None], lift[:, np.maximum(one, 0)] * (one >= 0), 0.0)
            known += one >= 0
        total = total / np.maximum(known, 1.0) + float(self.settings["popularity"]) * self.arrays["popularity"][shown]
        total[:, known == 0] = -np.inf
        total[~told] = -np.inf
        return np.asarray(total)

    def _block(self, customers: Ints) -> Floats:
        out = np.full((len(customers), self.products), -np.inf)
        out[:, self.arrays["shown"]] = self._scores(customers)
        return out

    def _rows(self, customers: Ints) -> sparse.csr_matrix:
        scores = self._scores(customers)
        row, place = np.nonzero(np.isfinite(scores))
        shape = (len(customers), self.products)
        return single(csr(scores[row, place], row, self.arrays["shown"][place], shape))

    def _likeness(self, item: int) -> Floats:
        codes = self.arrays["codes"]
        same = ((codes == codes[:, [item]]) & (codes >= 0)).sum(axis=0).astype(np.float64)
        return np.where(same > 0, same + 0.5 * self.arrays["popularity"], -np.inf)


RANK_MODEL = Content
