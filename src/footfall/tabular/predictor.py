"""A fitted, calibrated answer to one task, with its card; saved without pickle."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footfall.errors import FootfallError
from footfall.models.calibration import Calibrator, ScaleCalibrator
from footfall.models.levels import LevelCalibrator
from footfall.tabular.blend import TUNED
from footfall.tabular.learner import Learner
from footfall.tabular.store import Matrix
from footfall.tasks import Task

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Trained:
    """What a predictor learnt from. `base_rate` is the mean target; `sampled` the share of the population used."""

    at: datetime
    cutoffs: tuple[datetime, ...]
    rows: int
    customers: int
    positives: int
    base_rate: float
    calibrated_on: str
    sampled: float
    lowest: float | None = None
    """Of a level (a mean rating): the least and the greatest that was ever seen; every answer lies between them."""
    highest: float | None = None
    selection: tuple[dict[str, Any], ...] = ()
    """Of a model that reads selected features: each one's importance with its interval, and whether it was kept."""


@dataclass(frozen=True)
class Answers:
    """`value` (n,): calibrated chance or amount; `lower`, `upper`: 95% interval of the probability or expectation."""

    value: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True)
class Predictor:
    """Answers for any matrix of its task's features."""

    task: Task
    learner: Learner
    calibrator: Calibrator | ScaleCalibrator
    trained: Trained
    caution: str = ""

    @property
    def model(self) -> str:
        return self.learner.model

    @property
    def tuned(self) -> dict[str, dict[str, Any]]:
        """Settings that tuning found, by model; empty ones are the model's own."""
        parts = self.learner.members or (self.learner,)
        return {m.model: dict(m.settings) for m in parts if m.model.startswith(TUNED)}

    @property
    def weights(self) -> dict[str, float]:
        """How much each member counts, where they do not count alike."""
        names = [m.model for m in self.learner.members]
        return dict(zip(names, self.learner.weights, strict=True)) if self.learner.weights else {}

    def predict(self, matrix: Matrix) -> Answers:
        """Calibrated answers, row by row."""
        raw = self.learner.predict(matrix)
        lower, upper = self.calibrator.interval(raw)
        return Answers(self.calibrator.apply(raw), lower, upper)

    def save(
        self, folder: Path, metrics: dict[str, Any] | None = None, versions: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Write model, calibration and card into `folder`; returns the card."""
        self.learner.save(folder)
        self.calibrator.save(folder / "calibration.json")
        card: dict[str, Any] = {
            "task": self.task.name,
            "sentence": self.task.sentence,
            "question": _question(self.task),
            "kind": self.task.kind,
            "model": self.model,
            "trained": {
                k: v.isoformat() if isinstance(v, datetime) else v
                for k, v in asdict(self.trained).items()
                if k != "cutoffs"
            },
            "cutoffs": [c.isoformat() for c in self.trained.cutoffs],
            "features": self.learner.encoder.names,
            "rules": self.learner.rules(),
            "caution": self.caution,
            "settings": self.tuned,
            "weights": self.weights,
            "metrics": metrics or {},
            "versions": versions or {},
        }
        (folder / "card.json").write_text(json.dumps(card, indent=1), encoding="utf-8")
        return card

    @classmethod
    def load(cls, folder: Path, task: Task) -> Predictor:
        """The predictor that `save` wrote. Raises FootfallError when `folder` holds none, or one of another task."""
        try:
            card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
            trained = card["trained"]
            when = datetime.fromisoformat(trained.pop("at"))
            cutoffs = tuple(datetime.fromisoformat(c) for c in card["cutoffs"])
            chosen = tuple(trained.pop("selection", ()))
            about = Trained(at=when, cutoffs=cutoffs, selection=chosen, **trained)
        except (OSError, ValueError, KeyError, TypeError):
            raise FootfallError(f"'{folder}' holds no saved model of {task.name}; fit it again") from None
        if card.get("question") != _question(task):
            raise FootfallError(f"the saved model in '{folder}' answers another question; fit {task.name} again")
        kind = LevelCalibrator if task.level else Calibrator if task.kind == "chance" else ScaleCalibrator
        return cls(task, Learner.load(folder), kind.load(folder / "calibration.json"), about, card["caution"])


def _question(task: Task) -> str:
    """What is asked, whatever it is called and however it is worded."""
    return repr(replace(task, name=""))
