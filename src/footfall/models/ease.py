"""EASE: a linear model from all products of a customer's history to each product, solved in one step.

`B = I - P / diag(P)` with `P` the inverse of the co-occurrence matrix plus `l2` on its diagonal; a customer's score is
history times B. The matrix is products by products, so a shop of more than `limit` products is refused.

Source: Steck 2019, Embarrassingly Shallow Autoencoders for Sparse Data.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from footfall.errors import FootfallError
from footfall.models.ranking import Floats, Generator, Interactions, Ints, binary


class Ease(Generator):
    """Settings: `l2`; `limit`; `half_life` in days (None: what was ever bought counts alike)."""

    name = "ease"
    known_settings = {"l2": 200.0, "limit": 15_000, "half_life": None}  # noqa: RUF012
    dense = True

    def _learn(self, interactions: Interactions) -> dict[str, Any]:
        if interactions.products > int(self.settings["limit"]):
            raise FootfallError(
                f"ease holds at most {int(self.settings['limit']):,} products, and there are "
                f"{interactions.products:,}; use covisit or implicit, or a higher `limit`"
            )
        main, half_life = interactions.main, self.settings["half_life"]
        history = binary(main.matrix()) if half_life is None else main.matrix(float(half_life))
        gram = np.asarray((history.T @ history).todense(), dtype=np.float32)
        gram[np.diag_indices_from(gram)] += float(self.settings["l2"])
        weights = _inverse(gram)
        weights /= -np.diag(weights).copy()
        np.fill_diagonal(weights, 0.0)
        return {"history": history, "weights": weights}

    def _block(self, customers: Ints) -> Floats:
        history = self.arrays["history"][customers]
        scores = np.asarray(history @ self.arrays["weights"], dtype=np.float64)
        scores[np.diff(history.indptr) == 0] = -np.inf  # nothing to go by
        return scores

    def _likeness(self, item: int) -> Floats:
        row = self.arrays["weights"][item].astype(np.float64)
        return np.where(row > 0, row, -np.inf)

    def because(self, customer: int, item: int, most: int = 2) -> list[int]:
        """The products of the customer's history that speak most for `item`, the strongest first."""
        mine = self.arrays["history"][customer]
        pull = self.arrays["weights"][mine.indices, item] * mine.data
        return [int(mine.indices[i]) for i in np.argsort(-pull, kind="stable")[:most] if pull[i] > 0]


def _inverse(gram: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of a symmetric positive definite matrix, by Cholesky: half the work, and single precision is enough."""
    factor, failed = lapack.spotrf(gram, lower=1, clean=0, overwrite_a=1)
    inverse, failed_too = lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed or failed_too:
        raise FootfallError("ease cannot solve for so small an l2; set it higher")
    lower = np.tril(inverse)
    return np.asarray(lower + np.tril(inverse, -1).T, dtype=np.float32)


RANK_MODEL = Ease
