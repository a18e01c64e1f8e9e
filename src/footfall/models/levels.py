"""Calibration of a level on a scale of its own (a mean rating): as that of a chance, of the share of the scale.

The share `(y - lowest) / (highest - lowest)` takes the logistic line of a chance (Papke and Wooldridge 1996, fractional
responses: consistent for any spread), so that neither an answer nor an end of an interval leaves the scale.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import numpy as np

from footfall.errors import FootfallError
from footfall.models.calibration import Calibrator, Line
from footfall.models.contract import Floats


class LevelCalibrator(Calibrator):
    """Calibrated levels between `lowest` and `highest`. Before `fit` it is the identity with a wide interval."""

    kind = "level"

    def __init__(self, line: Line | None = None, lowest: float = 0.0, highest: float = 1.0) -> None:
        super().__init__(line)
        self.lowest, self.highest = lowest, highest

    def fit(self, p: Any, y: Any, weight: Any = None, groups: Any = None, clusters: Any = None) -> Self:
        """As `Calibrator.fit`, for predicted levels and those that then came."""
        return super().fit(self._share(p), self._share(y), weight, groups, clusters)

    def apply(self, p: Any) -> Floats:
        """(n,) calibrated levels."""
        return self._level(super().apply(self._share(p)))

    def interval(self, p: Any, level: float = 0.95) -> tuple[Floats, Floats]:
        """(lower, upper) of the expected level of those with such predictions; `p` as given to `apply`."""
        lower, upper = super().interval(self._share(p), level)
        return self._level(lower), self._level(upper)

    def _share(self, value: Any) -> Floats:
        wide = self.highest - self.lowest
        value = np.asarray(value, dtype=np.float64)
        return np.clip((value - self.lowest) / wide, 0.0, 1.0) if wide > 0 else np.full(value.shape, 0.5)

    def _level(self, share: Floats) -> Floats:
        return np.asarray(self.lowest + (self.highest - self.lowest) * share, dtype=np.float64)

    def save(self, path: Path) -> None:
        super().save(path)
        body = json.loads(path.read_text(encoding="utf-8"))
        body |= {"lowest": self.lowest, "highest": self.highest}
        path.write_text(json.dumps(body, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        found = super().load(path)
        body = json.loads(path.read_text(encoding="utf-8"))
        try:
            found.lowest, found.highest = float(body["lowest"]), float(body["highest"])
        except KeyError:
            raise FootfallError(f"the calibration at {path} names no scale; fit the model again") from None
        return found
