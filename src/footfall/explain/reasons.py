"""Reasons: SHAP values of the model itself, gathered per feature and said in words.

Trees: exact tree SHAP (Lundberg et al. 2020), linear models: the exact additive parts. One-hot columns of one text
feature are added up: they are one reason.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footfall.explain.wording import gap_beside, say
from footfall.tabular import Matrix, Predictor
from footfall.tabular.encode import to_floats
from footfall.windows import Feature

Floats = NDArray[np.float64]
Row = dict[str, Any]


def reasons(predictor: Predictor, matrix: Matrix, features: tuple[Feature, ...], top: int = 3) -> list[Row]:
    """The `top` strongest reasons per row of `matrix`, strongest first (a row each, ready for the table `reasons`)."""
    names, parts = _gathered(predictor, matrix)
    known = {f.name: f for f in features}
    task = predictor.task
    keys = list(task.keys)
    rows = matrix.table.select([*keys, *dict.fromkeys(names)]).to_pylist()
    stamps = matrix.table.column("cutoff").to_pylist()
    gaps = _gaps(matrix, [known[n] for n in dict.fromkeys(names)])
    order = np.argsort(-np.abs(parts), axis=1, kind="stable")[:, :top]
    found = []
    for i, row in enumerate(rows):
        for rank, j in enumerate(order[i], start=1):
            name, value = names[j], row[names[j]]
            if parts[i, j] == 0:
                continue
            entry = {
                "task": task.name,
                "cutoff": stamps[i],
                "model": predictor.model,
                "rank": rank,
                "feature": name,
                "value": None if value is None else str(value),
                "contribution": float(parts[i, j]),
                "reason": say(known[name], value, float(gaps[name][i]) if name in gaps else None)
                + (" (raises it)" if parts[i, j] > 0 else " (lowers it)"),
            }
            found.append(entry | {k: row[k] for k in keys})
    return found


def mean_reasons(
    predictor: Predictor, matrix: Matrix, features: tuple[Feature, ...], row: Mapping[str, Any], silent: Collection[str]
) -> tuple[list[Row], float]:
    """Reasons over rows that stand for one customer: those of what is known, strongest first, and what the rest adds.

    `row`: the customer's own values; `silent`: features of which nothing is known.
    """
    names, parts = _gathered(predictor, matrix)
    known = {f.name: f for f in features}
    mean = parts.mean(axis=0)
    found: list[Row] = []
    for j in np.argsort(-np.abs(mean), kind="stable"):
        name, value = names[j], row.get(names[j])
        if name in silent or name not in known or mean[j] == 0:
            continue
        gap = gap_beside(known[name])
        usual = row.get(gap) if gap else None
        reason = say(known[name], value, usual) + (" (raises it)" if mean[j] > 0 else " (lowers it)")
        if any(r["reason"] == reason for r in found):
            continue  # two features that say the same of this customer
        told = None if value is None else str(value)
        found.append({"feature": name, "value": told, "contribution": float(mean[j]), "reason": reason})
    return found, float(sum(mean[j] for j, n in enumerate(names) if n in silent))


def importances(predictor: Predictor, matrix: Matrix, features: tuple[Feature, ...]) -> list[Row]:
    """Mean absolute SHAP value per feature, strongest first (ready for the table `importances`).

    `direction` is the correlation of value and contribution: above zero, more of it raises the answer.
    """
    if matrix.rows == 0:
        return []
    names, parts = _gathered(predictor, matrix)
    known = {f.name: f for f in features}
    strength = np.abs(parts).mean(axis=0)
    found = []
    stamp = matrix.table.column("cutoff")[0].as_py()
    for rank, j in enumerate(np.argsort(-strength, kind="stable"), start=1):
        feature = known[names[j]]
        found.append(
            {
                "task": predictor.task.name,
                "cutoff": stamp,
                "model": predictor.model,
                "rank": rank,
                "feature": feature.name,
                "label": feature.words.label,
                "importance": float(strength[j]),
                "direction": None if feature.text else _direction(matrix, feature.name, parts[:, j]),
                "rows": matrix.rows,
            }
        )
    return found


def _gaps(matrix: Matrix, features: list[Feature]) -> dict[str, Floats]:
    """Name of a feature that tells a time since -> the usual days between, per row (NaN where unknown)."""
    usual = {f.name: gap_beside(f) for f in features}
    there = set(matrix.table.column_names)
    return {name: to_floats(matrix.table.column(gap)) for name, gap in usual.items() if gap in there}


def _direction(matrix: Matrix, name: str, part: Floats) -> float | None:
    x = to_floats(matrix.table.column(name))
    both = np.isfinite(x)
    if both.sum() < 3 or np.ptp(x[both]) == 0 or np.ptp(part[both]) == 0:
        return None
    ranks = np.argsort(np.argsort(x[both], kind="stable"), kind="stable")
    return float(np.corrcoef(ranks, part[both])[0, 1])


def _gathered(predictor: Predictor, matrix: Matrix) -> tuple[list[str], Floats]:
    """Feature names, and (n, features) contributions with the columns of one text feature added up."""
    raw = predictor.learner.contributions(matrix)[:, :-1]
    return predictor.learner.encoder.gathered(raw)
