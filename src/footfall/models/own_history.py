"""Own history: what a customer bought before, by how often, or by whether it is due again.

`way` = `frequency`: the days on which the customer bought the product, of equals what more customers bought in the
last 30 days. `rhythm`: the chance that the customer buys it again within `ahead` days. Gaps between purchases of one
product are lognormal; a pair's mean log gap is drawn towards the product's and that towards all products' (`prior`
gaps each), so that one purchase is enough to have a rhythm. What was just bought has a small chance, what is due a
large one, what is long overdue a small one again. Whether a product is bought again at all is counted per product and
per purchases made.

Source: the shrinkage is that of an empirical Bayes mean with known variance (Efron and Morris 1973).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from scipy.special import ndtr

from footfall.errors import UsageError
from footfall.models.ranking import SALE, Floats, Generator, Interactions, Ints, csr, single

WAYS = ("frequency", "rhythm")


class Pairs(NamedTuple):
    """One row per customer and product bought, ordered by both: `times` days with a purchase, `first` and `last` of
    them as ages in days, `log_gap` the sum of log gaps between them."""

    row: Ints
    col: Ints
    times: Floats
    first: Floats
    last: Floats
    log_gap: Floats


def pairs(interactions: Interactions, kind: str = SALE) -> Pairs:
    """The pairs of the rows of one kind."""
    rows = interactions.only(kind).occasions
    key = rows.row * rows.products + rows.col
    new = np.ones(len(key), dtype=bool)
    new[1:] = key[1:] != key[:-1]
    start = np.flatnonzero(new)
    if not len(start):
        nothing = np.zeros(0)
        return Pairs(rows.row, rows.col, nothing, nothing, nothing, nothing)
    end = np.append(start[1:], len(key)) - 1
    gap = np.zeros(len(key))
    gap[1:] = np.where(new[1:], 0.0, np.log(np.maximum(rows.day[1:] - rows.day[:-1], 1.0)))
    age = rows.age
    return Pairs(
        rows.row[start], rows.col[start], (end - start + 1).astype(np.float64), age[start], age[end],
        np.add.reduceat(gap, start),
    )  # fmt: skip


class OwnHistory(Generator):
    """Settings: `way`, `ahead` (days of `rhythm`), `prior` (gaps)."""

    name = "own_history"
    known_settings = {"way": "rhythm", "ahead": 30.0, "prior": 3.0}  # noqa: RUF012

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        super().__init__(seed, **settings)
        if self.settings["way"] not in WAYS:
            raise UsageError(f"own_history has the ways {', '.join(WAYS)}, not '{self.settings['way']}'")

    def _learn(self, interactions: Interactions) -> dict[str, Any]:
        found = pairs(interactions)
        if self.settings["way"] == "frequency":
            lately = np.asarray(interactions.since(30.0).owned.sum(axis=0)).ravel()
            value = found.times + 0.5 * lately[found.col] / (1.0 + lately.max(initial=0.0))
        else:
            prior, ahead = float(self.settings["prior"]), float(self.settings["ahead"])
            value = due(found, interactions.products, ahead, prior)
        shape = (interactions.customers, interactions.products)
        return {"history": single(csr(value, found.row, found.col, shape))}

    def _rows(self, customers: Ints) -> sparse.csr_matrix:
        return self.arrays["history"][customers]


def usual_gap(found: Pairs, products: int, prior: float) -> Floats:
    """(pairs,) the typical days between two purchases of the pair, drawn towards the product's and the shop's."""
    gaps = found.times - 1.0
    whole = found.log_gap.sum() / gaps.sum() if gaps.sum() else np.log(60.0)
    of_item = np.bincount(found.col, found.log_gap, products) + prior * whole
    of_item /= np.bincount(found.col, gaps, products) + prior
    mean = (found.log_gap + prior * of_item[found.col]) / (gaps + prior)
    return np.asarray(np.exp(mean))


def again(found: Pairs, products: int, prior: float) -> Floats:
    """(pairs,) the share of such pairs that had one more purchase: by purchases made, and by product after one."""
    made = np.minimum(found.times, 20.0).astype(np.int64)
    reached = np.cumsum(np.bincount(made, minlength=22)[::-1])[::-1].astype(np.float64)
    share = (reached[2:] + 1.0) / (reached[1:-1] + 2.0)  # of those with k purchases, who had k + 1
    base = share[np.minimum(made, 20) - 1]
    first = (np.bincount(found.col, found.times > 1, products) + prior * share[0]) / (
        np.bincount(found.col, minlength=products) + prior
    )
    return np.asarray(np.where(made == 1, first[found.col], base), dtype=np.float64)


def due(found: Pairs, products: int, ahead: float, prior: float) -> Floats:
    """(pairs,) the chance of another purchase within `ahead` days, see the module's text."""
    if not len(found.times):
        return np.zeros(0)
    centre = np.log(usual_gap(found, products, prior))
    several = found.times > 1
    # The spread within pairs cannot be had from means; the gaps' own spread over all pairs bounds it from above.
    mean = found.log_gap[several] / (found.times[several] - 1.0)
    spread = max(0.4, float(np.std(mean - centre[several]))) if several.any() else 1.0
    late = np.log(np.maximum(found.last, 0.5))
    until = np.log(np.maximum(found.last, 0.5) + ahead)
    still = ndtr(-(late - centre) / spread)
    within = ndtr((until - centre) / spread) - ndtr((late - centre) / spread)
    # Not bought yet: a gap still running, or the end; the longer it lasts, the likelier it is the end.
    go_on = again(found, products, prior)
    return np.asarray(go_on * within / (go_on * still + (1.0 - go_on) + 1e-12))


RANK_MODEL = OwnHistory
