"""SHAP values of a sample of customers, as rows: for the summary, the dependence on one feature, and one customer.

Exact where the model's contributions are (trees, linear models and their means); where a model draws them, `error` is
half the width of the 95% interval they lie in.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from footfall.explain.reasons import _gaps, _gathered
from footfall.explain.wording import say
from footfall.models import Model
from footfall.tabular import Learner, Matrix, Predictor
from footfall.tabular.encode import to_floats
from footfall.windows import Feature

Floats = NDArray[np.float64]
Row = dict[str, Any]
SHOWN = 12
"""Features of a sample's rows: those that move the answers most."""


def is_exact(learner: Learner) -> bool:
    """Whether the learner's contributions are exact and not drawn."""
    parts = [p for p in (learner.chance, learner.amount) if p is not None]
    return all(getattr(p, "exact", True) for p in parts) and all(is_exact(m) for m in learner.members)


def error_of(learner: Learner, X: Floats) -> Floats | None:
    """(n, d) half widths of the 95% intervals of the contributions; None where they are exact."""
    if is_exact(learner):
        return None
    if learner.members:
        share = learner.weights or tuple(1 / len(learner.members) for _ in learner.members)
        each = [error_of(m, X) for m in learner.members]
        return np.asarray(sum(w * e for w, e in zip(share, each, strict=True) if e is not None), dtype=np.float64)
    parts: list[Model] = [p for p in (learner.chance, learner.amount) if p is not None]
    drawn = [p for p in parts if not getattr(p, "exact", True)]
    # Of a hurdle the log of the chance moves at most as far as its log-odds, so that the sum of both is no less.
    return np.asarray(sum(np.asarray(getattr(p, "error")(X)) for p in drawn), dtype=np.float64)  # noqa: B009


def contributions(
    predictor: Predictor, matrix: Matrix, features: tuple[Feature, ...], sampled: float = 1.0, shown: int = SHOWN
) -> list[Row]:
    """What each of the `shown` strongest features adds to each row's answer, ready for the table `contributions`.

    Args:
        sampled: share of those asked about that the rows of `matrix` are.
    """
    if matrix.rows == 0:
        return []
    names, parts = _gathered(predictor, matrix)
    wide = _errors(predictor, matrix)
    known = {f.name: f for f in features}
    keys = matrix.table.select(list(predictor.task.keys)).to_pylist()
    stamp = matrix.table.column("cutoff")[0].as_py()
    found = []
    for j in np.argsort(-np.abs(parts).mean(axis=0), kind="stable")[:shown]:
        feature = known[names[j]]
        column = matrix.table.column(feature.name)
        numbers = np.full(matrix.rows, np.nan) if feature.text else to_floats(column)
        texts = column.to_pylist() if feature.text else [None] * matrix.rows
        places = _places(numbers)
        for i, key in enumerate(keys):
            found.append(
                {
                    **key, "task": predictor.task.name, "cutoff": stamp, "model": predictor.model,
                    "feature": feature.name, "label": feature.words.label, "value": _number(numbers[i]),
                    "text": texts[i], "contribution": float(parts[i, j]), "place": _number(places[i]),
                    "error": None if wide is None else float(wide[i, j]), "sampled": sampled,
                }
            )  # fmt: skip
    return found


def steps(predictor: Predictor, matrix: Matrix, features: tuple[Feature, ...], most: int = 10) -> list[Row]:
    """The way from the usual answer to that of the first row of `matrix`: label, kind, begins, ends, base.

    Positions are base-2 logarithms of the odds (chances) or of the amount. The strongest `most` features stand by
    themselves, the others together; the last steps are the calibration and the answer itself.
    """
    one = matrix.take(np.array([0]))
    names, parts = _gathered(predictor, one)
    known = {f.name: f for f in features}
    values = one.table.select(list(dict.fromkeys(names))).to_pylist()[0]
    gaps = _gaps(one, [known[n] for n in dict.fromkeys(names)])
    bits = parts[0] / np.log(2)
    raw = predictor.learner.contributions(one)[0]
    at = base = float(raw[-1]) / np.log(2)
    rows = [_step("The usual answer of the model", "start", base, base, base)]
    order = np.argsort(-np.abs(bits), kind="stable")
    for j in order[:most]:
        if bits[j] == 0:
            continue
        gap = gaps[names[j]][0] if names[j] in gaps else None
        label = say(known[names[j]], values[names[j]], None if gap is None else float(gap))
        rows.append(_step(label, "raises" if bits[j] > 0 else "lowers", at, at + float(bits[j]), base))
        at += float(bits[j])
    rest = float(bits[order[most:]].sum())
    if len(order) > most and rest:
        label = f"{len(order) - most} weaker features together"
        rows.append(_step(label, "raises" if rest > 0 else "lowers", at, at + rest, base))
        at += rest
    value = float(predictor.predict(one).value[0])
    end = _bits(value, predictor.task.kind)
    if abs(end - at) > 0.05:
        rows.append(_step("Calibration", "raises" if end > at else "lowers", at, end, base))
    return [*rows, _step(f"The answer: {_told(value, predictor.task.kind)}", "total", base, end, base)]


def _step(label: str, kind: str, start: float, end: float, base: float) -> Row:
    return {"label": label, "kind": kind, "begins": start, "ends": end, "base": base}


def _bits(value: float, kind: str) -> float:
    if kind == "chance":
        p = min(max(value, 1e-6), 1 - 1e-6)
        return float(np.log2(p / (1 - p)))
    return float(np.log2(max(value, 1e-6)))


def _told(value: float, kind: str) -> str:
    return f"{value:.1%}" if kind == "chance" else f"{value:,.2f}"


def _errors(predictor: Predictor, matrix: Matrix) -> Floats | None:
    """Half widths per feature; those of the columns of one text feature are added up."""
    encoder = predictor.learner.encoder
    raw = error_of(predictor.learner, encoder.encode(matrix.table))
    return None if raw is None else encoder.gathered(raw)[1]


def _places(values: Floats) -> Floats:
    """Where each value lies among all: 0 the lowest, 1 the highest, equal ones in the middle of theirs; NaN stays."""
    there = np.sort(values[np.isfinite(values)])
    if len(there) < 2 or there[0] == there[-1]:
        return np.where(np.isfinite(values), 0.5, np.nan)
    low, high = np.searchsorted(there, values), np.searchsorted(there, values, side="right") - 1
    return np.where(np.isfinite(values), (low + high) / 2 / (len(there) - 1), np.nan)


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
