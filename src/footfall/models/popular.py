"""Popular: what most customers bought lately, among all of them or in a customer's own segment, or what is rising.

`way`: `overall`, customers who bought a product in the last `days` days; `segment`, the same among the customers who
share the value of the feature `segment` (the first feature there is, unless one is named), the segments' small counts
drawn towards the overall ones; `rising`, how far the buyers of the last `days` days exceed what the `before` days up
to the cutoff would let expect, in standard deviations of a Poisson count.
"""

from __future__ import annotations

import threading
from typing import Any, Self

import numpy as np
from scipy import sparse

from footfall.errors import FootfallError, UsageError
from footfall.models.ranking import Candidates, Floats, Generator, Interactions, Ints, best, csr, distinct

WAYS = ("overall", "segment", "rising")
PRIOR = 20.0
"""Buyers of the overall kind that every segment is given."""
_SPARE = 256
_UNMADE = -2


class Listed(Generator):
    """Generators that say the same to all customers of a segment: `segment` (customers,), `table` (segments, m)."""

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        super().__init__(seed, **settings)
        self._lists: dict[int, Candidates] = {}
        self._listing = threading.Lock()

    def fit(self, interactions: Interactions) -> Self:
        self._lists = {}
        return super().fit(interactions)

    def _lists_of(self, segments: Ints, width: int) -> Candidates:
        """The lists of these segments (in order), each made once: many customers share one."""
        table = self.arrays["table"]
        with self._listing:
            if width not in self._lists:
                shape = len(table), width
                self._lists[width] = Candidates(np.full(shape, _UNMADE), np.full(shape, -np.inf))
            items, scores = self._lists[width]
            wanted = segments[items[segments, 0] == _UNMADE] if width else segments[:0]
            for part in self._parts(wanted):
                items[wanted[part]], scores[wanted[part]] = best(table[wanted[part]], width)
            return Candidates(items[segments], scores[segments])

    def _best(self, customers: Ints, k: int, new: bool) -> Candidates:
        segments, at = np.unique(self.arrays["segment"][customers], return_inverse=True)
        width = min(self.products, k + _SPARE) if new else k
        found = self._lists_of(segments, width)
        items, scores = found.items[at], found.scores[at]
        if not new:
            return Candidates(items, scores)
        items, scores = items.copy(), scores.copy()
        mine = self.arrays["owned"][customers]
        row = np.repeat(np.arange(len(customers)), width)
        held = np.asarray(mine[row, np.maximum(items.ravel(), 0)]).ravel() > 0
        scores[held.reshape(items.shape)] = -np.inf
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        out = np.take_along_axis(items, order, axis=1), np.take_along_axis(scores, order, axis=1)
        # Who owns more of the list than it has to spare is looked up in the whole of it.
        short = np.flatnonzero((out[1][:, -1] == -np.inf) & (width < self.products))
        for i in short:
            block = self.arrays["table"][self.arrays["segment"][customers[i]]][None, :].copy()
            block[0, mine[i].indices] = -np.inf
            out[0][i], out[1][i] = (part[0] for part in best(block, k))
        return Candidates(np.where(np.isneginf(out[1]), -1, out[0]), out[1])

    def score(self, customers: Any, items: Any) -> Floats:
        segment = self.arrays["segment"][np.asarray(customers, dtype=np.int64)]
        return np.asarray(self.arrays["table"][segment, np.asarray(items, dtype=np.int64)])


class Popular(Listed):
    """Settings: `way`, `days`, `before` (of `rising`), `segment` (of that way)."""

    name = "popular"
    known_settings = {"way": "overall", "days": 30.0, "before": 90.0, "segment": None}  # noqa: RUF012

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        super().__init__(seed, **settings)
        if self.settings["way"] not in WAYS:
            raise UsageError(f"popular has the ways {', '.join(WAYS)}, not '{self.settings['way']}'")

    def _learn(self, interactions: Interactions) -> dict[str, Any]:
        main = interactions.main
        segment, names = np.zeros(interactions.customers, dtype=np.int64), 1
        if self.settings["way"] == "rising":
            table = _rising(main, float(self.settings["days"]), float(self.settings["before"]))[None, :]
        else:
            if self.settings["way"] == "segment":
                segment, names = self._segments(interactions)
            table = _counts(main, segment, names, float(self.settings["days"]))
        return {"segment": segment, "table": table}

    def _segments(self, interactions: Interactions) -> tuple[Ints, int]:
        name = self.settings["segment"] or next(iter(interactions.people), None)
        if name is None:
            return np.zeros(interactions.customers, dtype=np.int64), 1
        if name not in interactions.people:
            known = ", ".join(interactions.people) or "none"
            raise FootfallError(f"there is no customer feature '{name}' to take segments by; there are: {known}")
        codes = interactions.people[name]
        return codes + 1, int(codes.max(initial=-1)) + 2


def buyers(rows: Interactions, segment: Ints, names: int) -> sparse.csr_matrix:
    """(segments, products) customers of each segment with a row of the product."""
    pairs = distinct(rows.row * rows.products + rows.col)
    row, col = pairs // max(rows.products, 1), pairs % max(rows.products, 1)
    return csr(np.ones(len(pairs)), segment[row], col, (names, rows.products))


def _counts(main: Interactions, segment: Ints, names: int, days: float) -> Floats:
    """Share of customers who bought lately; of those equal, what sold to more customers ever; nothing unsold."""
    lately = np.asarray(buyers(main.since(days), segment, names).todense())
    ever = np.asarray(buyers(main, np.zeros_like(segment), 1).todense())[0]
    if names > 1:
        whole = lately.sum(axis=0)
        lately = lately + PRIOR * whole / max(whole.sum(), 1.0)
    table = lately + 0.5 * ever / (1.0 + ever.max(initial=0.0))
    return np.where(ever > 0, table / max(1, len(distinct(main.row))), -np.inf)


def _rising(main: Interactions, days: float, before: float) -> Floats:
    nobody = np.zeros(main.customers, dtype=np.int64)
    now = np.asarray(buyers(main.since(days), nobody, 1).todense())[0]
    all_of_it = main.since(before)
    was = np.asarray(buyers(all_of_it.take(all_of_it.age > days), nobody, 1).todense())[0]
    # The shop as a whole may grow: only what outgrows it is rising.
    expected = (was + 1.0) * (now.sum() + 1.0) / (was.sum() + len(was) + 1.0)
    score = (now - expected) / np.sqrt(expected + 1.0)
    return np.where((now > 0) & (score > 0), score, -np.inf)


RANK_MODEL = Popular
