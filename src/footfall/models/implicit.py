"""Implicit ALS: factors of customers and products learnt from what was bought how often, by alternating least squares.

The method is that of the library `implicit` (the extra `recommend`), which this file alone imports, and only when it
is asked: without the library there is no such generator, and nothing else changes.

Source: Hu, Koren and Volinsky 2008, Collaborative Filtering for Implicit Feedback Datasets.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from footfall.models.ranking import Floats, Generator, Interactions, Ints


class Als(Generator):
    """Settings: `factors`, `alpha` (weight of an occasion), `l2`, `rounds`, `threads` (1: the same bits each time)."""

    name = "implicit"
    known_settings = {"factors": 64, "alpha": 1.0, "l2": 0.01, "rounds": 15, "threads": 1}  # noqa: RUF012
    dense = True

    def _learn(self, interactions: Interactions) -> dict[str, Any]:
        history = interactions.main.matrix().astype(np.float32)
        size = int(self.settings["factors"])
        if not history.nnz:
            return {"people": np.zeros((history.shape[0], size)), "products": np.zeros((history.shape[1], size)),
                    "told": np.zeros(history.shape[0], dtype=bool)}  # fmt: skip
        library = import_module("implicit.cpu.als")
        with threadpool_limits(limits=1, user_api="blas"):  # on more, it waits for itself, and other bits come out
            model = library.AlternatingLeastSquares(
                factors=size, alpha=float(self.settings["alpha"]), regularization=float(self.settings["l2"]),
                iterations=int(self.settings["rounds"]), num_threads=int(self.settings["threads"]),
                random_state=self.seed,
            )  # fmt: skip
            model.fit(history, show_progress=False)
        return {
            "people": np.asarray(model.user_factors, dtype=np.float64),
            "products": np.asarray(model.item_factors, dtype=np.float64),
            "told": np.diff(history.indptr) > 0,
        }

    def _block(self, customers: Ints) -> Floats:
        scores = self.arrays["people"][customers] @ self.arrays["products"].T
        scores[~self.arrays["told"][customers]] = -np.inf
        return np.asarray(scores)

    def _likeness(self, item: int) -> Floats:
        products = self.arrays["products"]
        length = np.linalg.norm(products, axis=1)
        like = products @ products[item] / np.maximum(length * length[item], 1e-12)
        return np.where(like > 0, like, -np.inf)


if find_spec("implicit") is not None:
    RANK_MODEL = Als
