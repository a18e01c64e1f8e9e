"""FLAML on the matrix that Footfall's models learn from: same rows, same columns, same weights, as much time.

FLAML needs its own environment (`pip install 'flaml[automl]'` beside Footfall). It searches as its documentation shows
for a beginner (`AutoML().fit` with a time budget and the metric it is judged by), once with the split it chooses itself
and once holding out the last rows in time, since the matrix is ordered by cutoff.
"""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import Skipped

Floats = NDArray[np.float64]
SPLITS = {"FLAML": {}, "FLAML, split by time": {"split_type": "time", "eval_method": "holdout"}}
"""Row of the tables -> what is said to `fit` beside the data."""


def search() -> Any:
    """The class. Raises Skipped where FLAML is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from flaml import AutoML
    except ImportError:
        raise Skipped("FLAML is not installed here; it wants an environment of its own") from None
    return AutoML


def answer(data: tuple[Floats, Floats, Floats], asked: Floats, chance: bool, seconds: float, how: str) -> Floats:
    """(m,) answers for the rows `asked` (m, d), learnt from `data` (X (n, d), y (n,), weight (n,)) within `seconds`."""
    import pandas as pd

    X, y, weight = data
    # As a frame: of an array with holes, some of its own models would fail.
    frame, asked_frame = (pd.DataFrame(a, columns=[f"f{i}" for i in range(a.shape[1])]) for a in (X, asked))
    logging.getLogger("flaml").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = search()()
        found.fit(
            frame, y.astype(int) if chance else y, task="classification" if chance else "regression",
            metric="log_loss" if chance else "rmse", time_budget=seconds, seed=0, n_jobs=2, sample_weight=weight,
            verbose=0, **SPLITS[how],
        )  # fmt: skip
        if chance:
            return np.asarray(found.predict_proba(asked_frame)[:, 1], dtype=np.float64)
        return np.asarray(np.maximum(found.predict(asked_frame), 0.0), dtype=np.float64)
