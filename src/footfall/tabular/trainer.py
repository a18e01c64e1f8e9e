"""Fit, honestly calibrated: a model is rehearsed at earlier instants, and calibration learns from how those turned out.

At each rehearsal the model is learnt from what was known then, and answers for that instant; the outcomes that are
known by now calibrate today's model, which is made in the same way with all that is known today. A backtest walks
the same instants, so its models serve as rehearsals of the later ones, and nothing is fitted twice.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footfall.errors import FootfallError, UsageError
from footfall.models.calibration import Calibrator, ScaleCalibrator
from footfall.models.levels import LevelCalibrator
from footfall.spans import shift
from footfall.tabular.blend import (
    BUYERS,
    SELECTED,
    TUNED,
    VOTERS,
    Blend,
    Said,
    bare,
    blend_of,
    combined,
    cross_weighted,
    learn_weights,
)
from footfall.tabular.history import told
from footfall.tabular.learner import KEEP, Learner, learn, mean_learner
from footfall.tabular.plan import Clock, Settings, origins, training_cutoffs
from footfall.tabular.predictor import Predictor, Trained
from footfall.tabular.select import REHEARSALS, Importance, importances_of, validations
from footfall.tabular.store import FeatureTable, Matrix, thin
from footfall.tabular.threads import one_thread
from footfall.tasks import Task

Floats = NDArray[np.float64]
FOLDS = 3
FEW_ROWS, FEW_POSITIVES = 500, 50


@dataclass(frozen=True)
class Outcome:
    """Raw answers out of sample, and what then happened."""

    p: Floats
    y: Floats
    weight: Floats
    group: NDArray[np.int64]
    cluster: NDArray[np.int64]


@dataclass
class _Rehearsal:
    """The rows that models made at `origin` are asked about, as known at a later instant, and what each one `said`."""

    origin: datetime
    cutoffs: tuple[datetime, ...]
    y: Floats
    weight: Floats
    group: NDArray[np.int64]
    cluster: NDArray[np.int64]
    said: dict[str, Floats] = field(default_factory=dict)


@dataclass
class Trainer:
    """Fits of one task over one feature table; remembers what it has fitted.

    `learners`: by recipe (a model, with its settings where tuning found them) and instant. `tuned`: settings by model
    and the instant they were found for. `seconds`: wall time of each learning.
    """

    table: FeatureTable
    task: Task
    clock: Clock
    settings: Settings
    anchor: datetime
    learners: dict[tuple[str, datetime], Learner] = field(default_factory=dict)
    learnt: dict[datetime, Trained] = field(default_factory=dict)
    tuned: dict[tuple[str, datetime], Mapping[str, Any]] = field(default_factory=dict)
    seconds: dict[tuple[str, datetime], float] = field(default_factory=dict)
    weights: dict[tuple[str, datetime], tuple[float, ...]] = field(default_factory=dict)
    rehearsed: dict[datetime, list[_Rehearsal]] = field(default_factory=dict, repr=False)
    chosen: dict[tuple[str, datetime], list[Importance]] = field(default_factory=dict, repr=False)
    held: dict[tuple[str, datetime, int, int | None], Floats] = field(default_factory=dict, repr=False)

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
            lowest=float(full.y.min()) if self.task.level and full.y is not None else None,
            highest=float(full.y.max()) if self.task.level and full.y is not None else None,
        )
        ages = np.asarray([(kept.cutoffs[-1] - c).total_seconds() / 86400 for c in kept.cutoffs])
        return replace(kept, weight=kept.weight * 0.5 ** (ages / self.settings.half_life)[kept.cutoff])

    def blend(self, model: str) -> Blend:
        """What a name stands for; voting and stacking without members have those that suit the task."""
        suits = told(self.task, [f.name for f in self.table.features])
        return blend_of(model, BUYERS if suits else VOTERS)

    def recipe(self, part: str, at: datetime) -> str:
        """What is learnt for `part` of a model's name in an answer for `at`, there and at the rehearsals before it."""
        if part.startswith(SELECTED):
            kept = [i.feature for i in self.selected(part, at) if i.kept]
            return f"{part} {json.dumps({KEEP: kept})}" if kept else part
        if not part.startswith(TUNED):
            return part
        model = bare(part)
        if (model, at) not in self.tuned:
            raise UsageError(f"{model} was not tuned for {at:%Y-%m-%d}; say --tune, as in --model {model} --tune 5m")
        found = self.tuned[model, at]
        return f"{model} {json.dumps(found, sort_keys=True)}" if found else model

    def selected(self, part: str, at: datetime) -> list[Importance]:
        """How important each feature is to the model of `part`, by the rehearsals before `at`; which of them stay."""
        if (part, at) not in self.chosen:
            start = time.perf_counter()
            base = part.removeprefix(SELECTED)
            made = []
            for origin, cutoffs in [(o, c) for o, c in self.rehearsal_cutoffs(at) if c][-REHEARSALS:]:
                if (base, origin) not in self.learners:
                    try:
                        self._learn(base, origin, self.training(origin))
                    except FootfallError:
                        continue  # too early to learn anything
                made.append((self.learners[base, origin], cutoffs))
            rows = validations(self.table, self.task, at, made, self.settings.seed)
            self.chosen[part, at] = importances_of(self.task.kind, rows, self.settings.seed)
            self.seconds[part, at] = time.perf_counter() - start
        return self.chosen[part, at]

    def recipes(self, model: str, at: datetime) -> list[str]:
        return [self.recipe(part, at) for part in self.blend(model).members]

    @one_thread()
    def warm(self, models: Sequence[str], instants: Sequence[datetime]) -> None:
        """Learn the models for these instants and for their rehearsals, several at a time."""
        wanted: dict[datetime, dict[str, None]] = {}
        for at in instants:
            recipes = dict.fromkeys(r for m in models for r in self.recipes(m, at))
            for instant in {at, *self.origins(at)}:
                wanted.setdefault(instant, {}).update(recipes)
        with ThreadPoolExecutor(max(1, self.settings.workers)) as pool:
            waiting: list[Future[None]] = []
            for at in sorted(wanted):
                lacking = [r for r in wanted[at] if (r, at) not in self.learners]
                if not lacking:
                    continue
                try:
                    matrix = self.training(at)
                except FootfallError:
                    continue  # `fit` says so where it matters
                waiting += [pool.submit(self._learn, r, at, matrix) for r in lacking]
                while len(waiting) > 2 * self.settings.workers:  # so that few matrices wait in memory
                    waiting.pop(0).result()
            for one in waiting:
                one.result()

    def _learn(self, recipe: str, at: datetime, matrix: Matrix) -> None:
        start = time.perf_counter()
        self.learners[recipe, at] = self.learn(recipe, matrix)
        self.seconds[recipe, at] = time.perf_counter() - start

    def learn(self, recipe: str, matrix: Matrix) -> Learner:
        """The model of a recipe, learnt from these rows."""
        model, _, settings = recipe.partition(" ")
        tuned = json.loads(settings) if settings else None
        return learn(self.task.kind, model, self.table, matrix, self.settings.seed, self.task, tuned)

    def _made(self, model: str, at: datetime) -> Learner | None:
        """What `warm` learnt, the mean of several where `model` names several; None where there was nothing to."""
        members = [self.learners.get((r, at)) for r in self.recipes(model, at)]
        return self.joined(model, at, [m for m in members if m]) if all(members) else None

    def joined(self, model: str, at: datetime, members: Sequence[Learner]) -> Learner:
        """Learners of the parts of `model` as one; stacking with the weights that were learnt for `at`."""
        blend = self.blend(model)
        named = [replace(m, model=p) for m, p in zip(members, blend.members, strict=True)]
        return mean_learner(named, model, self._weights(blend, at))

    def _weights(self, blend: Blend, at: datetime) -> tuple[float, ...]:
        """Weights of stacking, from what the members said at earlier instants; equal ones without such."""
        if not blend.weighted:
            return ()
        if (blend.name, at) not in self.weights:
            start = time.perf_counter()
            said = self._said(blend, at)
            found = learn_weights(self.task.kind, said) if said else (1.0 / len(blend.members),) * len(blend.members)
            self.weights[blend.name, at] = found
            self.seconds[blend.name, at] = time.perf_counter() - start
        return self.weights[blend.name, at]

    def origins(self, at: datetime) -> list[datetime]:
        """The earlier instants at which a fit for `at` is rehearsed."""
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
            outcomes = self.held_out(model, at, FOLDS)
            how = "the training rows, customers held out in turn"
        calibrator = self._uncalibrated(at).fit(
            outcomes.p, outcomes.y, weight=outcomes.weight, groups=outcomes.group, clusters=outcomes.cluster
        )
        chosen = tuple(i.row() for p in self.blend(model).members for i in self.chosen.get((p, at), ()))
        trained = replace(self.learnt[at], calibrated_on=how, selection=chosen)
        return Predictor(self.task, learner, calibrator, trained, _caution(trained))

    def _uncalibrated(self, at: datetime) -> Calibrator | ScaleCalibrator:
        if self.task.level:
            about = self.learnt[at]
            assert about.lowest is not None and about.highest is not None
            return LevelCalibrator(None, about.lowest, about.highest)
        return Calibrator() if self.task.kind == "chance" else ScaleCalibrator()

    def rehearsal_cutoffs(self, at: datetime) -> list[tuple[datetime, list[datetime]]]:
        """Each instant rehearsed before `at`, and the cutoffs from there on whose outcomes are known at `at`."""
        instants = self.origins(at)
        known = training_cutoffs(self.task, at, self.clock, self.settings, self.anchor)
        ends = [*instants, at][1:]
        return [(o, [c for c in known if o <= c < end]) for o, end in zip(instants, ends, strict=True)]

    def _rehearsals(self, recipes: Sequence[str], at: datetime) -> list[_Rehearsal]:
        """What models of these recipes, made at earlier instants, said; only where all of them could be learnt."""
        kept = {r.origin: r for r in self.rehearsed.setdefault(at, [])}
        found = []
        for origin, cutoffs in self.rehearsal_cutoffs(at):
            learners = {r: self.learners.get((r, origin)) for r in recipes}
            one = kept.get(origin)
            if not all(learners.values()):
                continue
            lacking = {r: m for r, m in learners.items() if m and (one is None or r not in one.said)}
            if lacking:
                matrix = self.table.matrix(self.task, cutoffs, as_of=at)
                if matrix.rows == 0 or matrix.y is None:
                    continue
                if one is None:
                    # Cutoffs less than a horizon apart share what happened: one group, lest the shocks between
                    # periods hide.
                    days = np.asarray([(at - c).total_seconds() / 86400 for c in matrix.cutoffs])
                    group = np.floor(days / self.task.span.days).astype(np.int64)[matrix.cutoff]
                    one = _Rehearsal(origin, matrix.cutoffs, matrix.y, matrix.weight, group, matrix.clusters)
                    self.rehearsed[at].append(one)
                one.said |= {r: m.predict(matrix) for r, m in lacking.items()}
            assert one is not None
            found.append(one)
        return found

    def _said(self, blend: Blend, at: datetime) -> Said | None:
        """What the members said at the rehearsals, beside what then happened."""
        recipes = [self.recipe(p, at) for p in blend.members]
        parts = self._rehearsals(recipes, at)
        if not parts:
            return None
        return Said(
            tuple(np.concatenate([p.said[r] for p in parts]) for r in recipes),
            np.concatenate([p.y for p in parts]),
            np.concatenate([p.weight for p in parts]),
            np.concatenate([p.group for p in parts]),
            np.concatenate([p.cluster for p in parts]),
            np.concatenate([np.full(len(p.y), i, dtype=np.int64) for i, p in enumerate(parts)]),
        )

    def _rehearse(self, model: str, at: datetime) -> tuple[Outcome | None, str]:
        blend = self.blend(model)
        said = self._said(blend, at)
        if said is None:
            return None, ""
        if blend.weighted:
            p = cross_weighted(self.task.kind, said)
        else:
            p = said.each[0] if blend.single else combined(self.task.kind, said.each)
        names = " and ".join(f"{o:%Y-%m-%d}" for o in self.origins(at))
        how = f"what models made on {names} said, against what then happened"
        return Outcome(p, said.y, said.weight, said.group, said.cluster), how

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

    @one_thread()
    def held_out(self, model: str, at: datetime, folds: int, budget: int | None = None) -> Outcome:
        """Answers for the rows `model` learns from for `at`, customers held out in turn, within the same cutoffs.

        It calibrates where there is no past to rehearse in, and tells how much a fit depends on whom it saw; `budget`:
        about so many of the rows are enough.
        """
        blend = self.blend(model)
        recipes = self.recipes(model, at)
        training = self.training(at)
        if budget:
            training = thin(training, budget, self.settings.seed)
        assert training.y is not None
        fold = training.clusters % folds
        lacking = [r for r in recipes if (r, at, folds, budget) not in self.held]
        usual = float(np.average(training.y, weights=training.weight))
        self.held |= {(r, at, folds, budget): np.full(training.rows, usual) for r in lacking}

        def hold_out(k: int) -> None:
            rest = training.take(fold != k)
            if lacking and rest.rows and (fold == k).any():
                held = training.take(fold == k)
                for recipe in lacking:
                    self.held[recipe, at, folds, budget][fold == k] = self.learn(recipe, rest).predict(held)

        with ThreadPoolExecutor(max(1, self.settings.workers)) as pool:
            list(pool.map(hold_out, range(folds)))
        each = [self.held[r, at, folds, budget] for r in recipes]
        p = each[0] if blend.single else combined(self.task.kind, each, self._weights(blend, at))
        return Outcome(p, training.y, training.weight, training.cutoff, training.clusters)

    def test(self, at: datetime) -> Matrix:
        """The rows of a test cutoff with what then happened, as far as it is known today."""
        end = shift(at, self.task.span, 1, self.clock.tz)
        if end > (self.clock.limit or self.clock.end):
            raise FootfallError(f"{self.task.name} at {at:%Y-%m-%d} ends on {end:%Y-%m-%d}, after the data")
        return self.table.matrix(self.task, [at])


def _caution(trained: Trained) -> str:
    """A plain word where the data is thin; empty where it is not."""
    if trained.rows >= FEW_ROWS and trained.positives >= FEW_POSITIVES and len(trained.cutoffs) > 1:
        return ""
    return (
        f"learnt from only {trained.customers} customers and {trained.positives} cases: "
        "answers lean on the average; take the interval seriously"
    )
