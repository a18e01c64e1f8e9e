"""When it happens: the chance within each of several spans, from one fit (a discrete-time hazard model).

Time from the cutoff is cut at `edges` (days). Each row counts once per interval that it enters without the event and
whose outcome is known; what is learnt is the chance that the event falls into the interval (the hazard), from the row's
features and the interval. Rows whose later intervals are not over yet tell their earlier ones: they are censored, not
left out and not counted as never. The chance within a span is one less the product of not happening before, so it never
falls with time. Any model of chances learns the hazard; trees let it fall off differently for different rows.

Source: Singer and Willett 1993, It's about time; Tutz and Schmid 2016, Modeling discrete time-to-event data.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import numpy as np

from footfall.errors import FootfallError, UsageError
from footfall.models.contract import CHANCE, Floats, Model, find_model, matrix, missing_model

INTERVAL = "interval"
"""Name of the column that says which interval a row is asked about."""


class Hazard:
    """A hazard learnt by `model` (a name); `edges` are ends of intervals in days, rising from above zero."""

    name = "hazard"

    def __init__(self, edges: Any, model: str = "boosted", seed: int = 0, **settings: Any) -> None:
        self.edges = np.asarray(edges, dtype=np.float64).ravel()
        if not len(self.edges) or self.edges[0] <= 0 or (np.diff(self.edges) <= 0).any():
            raise UsageError("the ends of a hazard's intervals are days that rise from above zero, as in 7, 14, 28")
        self.model = model
        self._learner: Model = find_model(model)(CHANCE, seed=seed, **settings)

    def fit(
        self, X: Any, within: Any, weight: Any = None, features: list[str] | None = None, groups: Any = None
    ) -> Self:
        """Learn from `X` (n, d) and `within` (n, k): 1 where the event came by an edge, 0 where not, NaN: not known.

        Raises FootfallError when no row's first interval is known, or the shapes disagree.
        """
        X = matrix(X)
        within = np.asarray(within, dtype=np.float64)
        if within.shape != (len(X), len(self.edges)):
            raise FootfallError(f"{len(X)} rows and {len(self.edges)} intervals do not match {within.shape}")
        before = np.column_stack([np.zeros(len(X)), within[:, :-1]])
        row, interval = np.nonzero((before == 0) & ~np.isnan(within))
        w = np.ones(len(X)) if weight is None else np.asarray(weight, dtype=np.float64)
        names = [*(features if features is not None else [f"f{i}" for i in range(X.shape[1])]), INTERVAL]
        asked = np.column_stack([X[row], interval.astype(np.float64)])
        again = None if groups is None else np.asarray(groups)[row]
        self._learner.fit(asked, within[row, interval], w[row], names, again)
        return self

    def predict(self, X: Any) -> Floats:
        """(n, k) the chance that the event comes by each edge; not falling along a row."""
        X = matrix(X)
        stays = np.ones((len(X), len(self.edges)))
        for i in range(len(self.edges)):
            asked = np.column_stack([X, np.full(len(X), float(i))])
            stays[:, i] = 1.0 - self._learner.predict(asked)
        return np.asarray(1.0 - np.cumprod(stays, axis=1), dtype=np.float64)

    def save(self, folder: Path) -> None:
        """The learner's own files, and `hazard.json`."""
        self._learner.save(folder)
        body = {"name": self.name, "model": self.model, "edges": self.edges.tolist()}
        (folder / "hazard.json").write_text(json.dumps(body, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote. Raises FootfallError when there is none."""
        path = folder / "hazard.json"
        if not path.is_file():
            raise missing_model(cls.name, folder)
        body = json.loads(path.read_text(encoding="utf-8"))
        made = cls(body["edges"], body["model"])
        made._learner = find_model(body["model"]).load(folder)
        return made


def days_until(edges: Floats, within: Floats, share: float) -> Floats:
    """(n,) days by which the event has come with chance `share`, from chances (n, k) by the edges; NaN: after them all.

    Within an interval the hazard is taken to be constant.
    """
    still = -np.log1p(-np.clip(np.column_stack([np.zeros(len(within)), within]), 0.0, 1.0 - 1e-12))
    wanted = -np.log1p(-share)
    at = (still < wanted).sum(axis=1)  # the first edge that reaches it; 0 is the cutoff itself
    ends = np.concatenate([[0.0], edges])
    late = at >= len(ends)
    k = np.clip(at, 1, len(edges))
    low, high = np.take_along_axis(still, (k - 1)[:, None], 1)[:, 0], np.take_along_axis(still, k[:, None], 1)[:, 0]
    part = np.divide(wanted - low, high - low, out=np.zeros(len(within)), where=high > low)
    days = ends[k - 1] + part * (ends[k] - ends[k - 1])
    return np.where(late, np.nan, days)
