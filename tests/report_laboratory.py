"""Models side by side and a search for settings on the example page: a few rows, with every column."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa

_CUTOFF = datetime(2026, 6, 1)
_MODELS = [
    ("stacking", 0.2101, -0.0011, -0.0019, -0.0002, "yes", 6.2, 0.31, 905_000, "read through its reasons only"),
    ("boosted", 0.2112, 0.0, 0.0, 0.0, None, 2.1, 0.11, 213_000, "read through its reasons only"),
    ("logistic", 0.2150, 0.0038, 0.0021, 0.0055, "no", 0.4, 0.02, 5_495, "one weight a feature"),
    ("baseline", 0.2290, 0.0178, 0.0142, 0.0214, "no", 0.02, 0.01, 9_854, "a rule of two numbers"),
]


def laboratory_tables() -> dict[str, pa.Table]:
    compared: list[dict[str, Any]] = []
    for task, folds in (("buy-7d", 5), ("churn-90d", 0)):
        for name, mean, away, lower, upper, better, fit, answer, size, read in _MODELS:
            compared.append(
                {
                    "task": task, "model": name, "metric": "log_loss", "mean": mean, "spread": 0.0121, "cutoffs": 6,
                    "rows": 18_420, "best": "boosted", "difference": away, "difference_lower": lower,
                    "difference_upper": upper, "better": better, "honest": 0.011,
                    "fold_mean": mean - 0.004 if folds else None, "fold_spread": 0.006 if folds else None,
                    "folds": folds, "fit_seconds": fit, "predict_seconds": answer, "size_bytes": size, "readable": read,
                    "words": f"{name}: log loss {mean}; {read}.", "made_at": _CUTOFF,
                }
            )  # fmt: skip
    tried = [
        {
            "task": "buy-7d", "model": "boosted", "cutoff": _CUTOFF, "trial": i,
            "state": "own" if not i else "pruned" if i % 5 == 3 else "done", "settings": "{}",
            "loss": None if i % 5 == 3 else 0.2112 - 0.0002 * (i % 7), "difference": -0.0002 * (i % 7), "error": 0.0003,
            "seconds": 3.1, "chosen": i == 6, "made_at": _CUTOFF,
            "against": 0.01 if i % 5 == 3 else -0.001 * (i % 7),
        }
        for i in range(24)
    ]  # fmt: skip
    return {"comparison": pa.Table.from_pylist(compared), "tuning": pa.Table.from_pylist(tried)}
