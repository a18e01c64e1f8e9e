"""Fit, honestly calibrated: a model is rehearsed at earlier instants, and calibration learns from how those turned out.

At each rehearsal the model is learnt from what was known then, and answers for that instant; the outcomes that are
known by now calibrate today's model, which is made in the same way with all that is known today. A backtest walks
the same instants, so its models serve as rehearsals of the later ones, and nothing is fitted twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from footfall.errors import FootfallError
from footfall.models.calibration import Calibrator, ScaleCalibrator
from footfall.models.contract import mean_of
from footfall.spans import shift
from footfall.tabular.learner import Learner, learn, mean_learner
from footfall.tabular.plan import Clock, Settings, origins, training_cutoffs
from footfall.tabular.predictor import Predictor, Trained
from footfall.tabular.store import FeatureTable, Matrix, thin
from footfall.tabular.threads import one_thread
from footfall.tasks import Task

Floats = NDArray[np.float64]
FOLDS = 3
FEW_ROWS, FEW_POSITIVES = 500, 50


@dataclass(frozen=True)
class _Outcome:
    """Raw answers out of sample, and what then happened."""

    p: Floats
    y: Floats
    weight: Floats
    group: NDArray[np.int64]
    cluster: NDArray[np.int64]


@dataclass
class Trainer:
    """Fits of one task over one feature table; remembers what it has fitted."""

    table: FeatureTable
    task: Task
    clock: Clock
    settings: Settings
    anchor: datetime
    learners: dict[tuple[str, datetime], Learner] = field(default_factory=dict)
    learnt: dict[datetime, Trained] = field(default_factory=dict)

    def training(self, at: datetime) -> Matrix:
        """The rows a model for `at` may learn from, with targets as known before `at`, newer cutoffs weighing more."""
        cutoffs = training_cutoffs(self.task, at, self.clock, self.settings, self.anchor)
        if not cutoffs:
            raise FootfallError(f"{self.task.name}: no training cutoff lies before {at:%Y-%m-%d}")
        full = self.table.matrix(self.task, cutoffs, as_of=at)
        if full.rows == 0:
            raise FootfallError(
                f"{self.task.name}: nobody belongs to its population before {at:%Y-%m-%d}; "
                "load more history or ask a wider population"
            )
        kept = thin(full, self.settings.budget, self.settings.seed)
        assert kept.y is not None
        self.learnt[at] = Trained(
            at=at,
            cutoffs=kept.cutoffs,
            rows=kept.rows,
            customers=len(np.unique(kept.clusters)),
            positives=int((kept.y > 0).sum()),
            base_rate=float(np.average(kept.y, weights=kept.weight)),
            calibrated_on="",
            sampled=self.table.sampled,
        )
        ages = np.asarray([(kept.cutoffs[-1] - c).total_seconds() / 86400 for c in kept.cutoffs])
        return replace(kept, weight=kept.weight * 0.5 ** (ages / self.settings.half_life)[kept.cutoff])

    @one_thread()
    def warm(self, models: Sequence[str], instants: Sequence[datetime]) -> None:
        """Learn the models for these instants and for their rehearsals, several at a time."""
        wanted = set(instants)
        for at in instants:
            wanted.update(self._origins(at))
        single = list(dict.fromkeys(part for m in models for part in mean_of(m)))
        with ThreadPoolExecutor(max(1, self.settings.workers)) as pool:
            waiting: list[Future[None]] = []
            for at in sorted(wanted):
                lacking = [m for m in single if (m, at) not in self.learners]
                if not lacking:
                    continue
                try:
                    matrix = self.training(at)
                except FootfallError:
                    continue  # `fit` says so where it matters
                waiting += [pool.submit(self._learn, m, at, matrix) for m in lacking]
                while len(waiting) > 2 * self.settings.workers:  # so that few matrices wait in memory
                    waiting.pop(0).result()
            for one in waiting:
                one.result()

    def _learn(self, model: str, at: datetime, matrix: Matrix) -> None:
        self.learners[model, at] = learn(self.task.kind, model, self.table, matrix, self.settings.seed, self.task)

    def _made(self, model: str, at: datetime) -> Learner | None:
        """What `warm` learnt, the mean of several where `model` names several; None where there was nothing to."""
        members = [self.learners.get((part, at)) for part in mean_of(model)]
        return mean_learner([m for m in members if m]) if all(members) else None

    def _origins(self, at: datetime) -> list[datetime]:
        return origins(self.task, at, self.clock, self.settings, self.anchor, self.settings.rehearsals)

    @one_thread()
    def fit(self, model: str, at: datetime) -> Predictor:
        """The calibrated predictor for `at`. Raises FootfallError when there is nothing to learn from."""
        self.warm([model], [at])
        learner = self._made(model, at)
        if learner is None:
            self.training(at)  # raises, saying why
            raise FootfallError(f"{self.task.name}: {model} could not be learnt for {at:%Y-%m-%d}")
        outcomes, how = self._rehearse(model, at)
        if outcomes is None:
            outcomes, how = self._folds(model, self.training(at)), "the training rows, customers held out in turn"
        kind = Calibrator if self.task.kind == "chance" else ScaleCalibrator
        calibrator = kind().fit(
            outcomes.p, outcomes.y, weight=outcomes.weight, groups=outcomes.group, clusters=outcomes.cluster
        )
        trained = replace(self.learnt[at], calibrated_on=how)
        return Predictor(self.task, learner, calibrator, trained, _caution(trained))

    def _rehearse(self, model: str, at: datetime) -> tuple[_Outcome | None, str]:
        instants = self._origins(at)
        parts = []
        for i, origin in enumerate(instants):
            until = instants[i + 1] if i + 1 < len(instants) else at
            cutoffs = [
                c
                for c in training_cutoffs(self.task, at, self.clock, self.settings, self.anchor)
                if origin <= c < until
            ]
            matrix = self.table.matrix(self.task, cutoffs, as_of=at)
            if matrix.rows == 0 or matrix.y is None:
                continue
            learner = self._made(model, origin)
            if learner is None:
                continue
            # Cutoffs less than a horizon apart share what happened: one group, lest the shocks between periods hide.
            days = np.asarray([(at - c).total_seconds() / 86400 for c in matrix.cutoffs])
            group = np.floor(days / self.task.span.days).astype(np.int64)[matrix.cutoff]
            parts.append(_Outcome(learner.predict(matrix), matrix.y, matrix.weight, group, matrix.clusters))
        if not parts:
            return None, ""
        names = " and ".join(f"{o:%Y-%m-%d}" for o in instants)
        return _joined(parts), f"what models made on {names} said, against what then happened"

    @one_thread()
    def rehearsed_loss(self, model: str, at: datetime) -> float:
        """Squared error (amounts) or log loss (chances) of the rehearsals before `at`, uncalibrated; infinite without.

        What chooses among models where no backtest has: it looks at nothing that `at` does not know.
        """
        self.warm([model], [at])
        found, _ = self._rehearse(model, at)
        if found is None:
            return float("inf")
        if self.task.kind == "chance":
            p = np.clip(found.p, 1e-9, 1 - 1e-9)
            loss = -(found.y * np.log(p) + (1 - found.y) * np.log1p(-p))
        else:
            loss = (found.p - found.y) ** 2
        return float(np.average(loss, weights=found.weight))

    def _folds(self, model: str, training: Matrix) -> _Outcome:
        """Without a past to rehearse in: hold customers out in turn, within the same cutoffs."""
        assert training.y is not None
        codes = training.clusters
        fold = codes % FOLDS
        p = np.full(training.rows, float(np.average(training.y, weights=training.weight)))

        def hold_out(k: int) -> None:
            rest = training.take(fold != k)
            if rest.rows and (fold == k).any():
                learner = learn(self.task.kind, model, self.table, rest, self.settings.seed, self.task)
                p[fold == k] = learner.predict(training.take(fold == k))

        with ThreadPoolExecutor(max(1, self.settings.workers)) as pool:
            list(pool.map(hold_out, range(FOLDS)))
        return _Outcome(p, training.y, training.weight, training.cutoff, codes)

    def test(self, at: datetime) -> Matrix:
        """The rows of a test cutoff with what then happened, as far as it is known today."""
        end = shift(at, self.task.span, 1, self.clock.tz)
        if end > (self.clock.limit or self.clock.end):
            raise FootfallError(f"{self.task.name} at {at:%Y-%m-%d} ends on {end:%Y-%m-%d}, after the data")
        return self.table.matrix(self.task, [at])


def _joined(parts: list[_Outcome]) -> _Outcome:
    return _Outcome(
        np.concatenate([p.p for p in parts]),
        np.concatenate([p.y for p in parts]),
        np.concatenate([p.weight for p in parts]),
        np.concatenate([p.group for p in parts]),
        np.concatenate([p.cluster for p in parts]),
    )


def _caution(trained: Trained) -> str:
    """A plain word where the data is thin; empty where it is not."""
    if trained.rows >= FEW_ROWS and trained.positives >= FEW_POSITIVES and len(trained.cutoffs) > 1:
        return ""
    return (
        f"learnt from only {trained.customers} customers and {trained.positives} cases: "
        "answers lean on the average; take the interval seriously"
    )
