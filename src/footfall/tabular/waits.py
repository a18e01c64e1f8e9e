"""When the next one comes: one hazard model over five spans, calibrated and checked out of time.

The same matrix as for a chance; of each row it is asked whether the event came within 7, 14, 28, 56 and 91 days, as far
as that is known. Calibration learns, span by span, from what a model made 91 days ago said of the cutoffs since; that
model is itself calibrated in the same way for the check, which sees nothing that its instant did not know.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from footfall.errors import FootfallError
from footfall.models.calibration import Calibrator
from footfall.models.hazard import Hazard, days_until
from footfall.spans import shift, span
from footfall.tabular.encode import Encoder, learn_encoder
from footfall.tabular.plan import Clock, Settings, training_cutoffs
from footfall.tabular.store import FeatureTable, Matrix
from footfall.tasks import Task

Floats = NDArray[np.float64]
EDGES = (7, 14, 28, 56, 91)
SURE = (0.1, 0.9)
"""Chances between which the wait lies in four of five cases."""
LEAST_CASES = 50


@dataclass(frozen=True)
class Known:
    """Rows with what came of them: `within` (n, 5) 1, 0 or NaN where it is not over yet."""

    matrix: Matrix
    within: Floats


@dataclass(frozen=True)
class Waiting:
    """A fitted answer to "when": hazard, encoder and a calibration per span (none where nothing was rehearsed)."""

    at: datetime
    hazard: Hazard
    encoder: Encoder
    calibrators: tuple[Calibrator, ...]
    rows: int

    def within(self, matrix: Matrix) -> Floats:
        """(n, 5) the calibrated chance by each edge; not falling along a row."""
        raw = self.hazard.predict(matrix.encoding.encode(self.encoder, matrix.table))
        if self.calibrators:
            raw = np.column_stack([c.apply(raw[:, i]) for i, c in enumerate(self.calibrators)])
        return np.asarray(np.maximum.accumulate(raw, axis=1), dtype=np.float64)


@dataclass(frozen=True)
class Check:
    """One span, told out of time: mean chance said, share that came, and the Brier score beside the base rate's."""

    days: int
    said: float
    came: float
    brier: float
    brier_base: float
    rows: int


@dataclass(frozen=True)
class Waits:
    """Learns waits of `task` (a chance of any) over a prepared table; instants lie on a grid that ends at `anchor`."""

    table: FeatureTable
    task: Task
    clock: Clock
    settings: Settings
    anchor: datetime
    model: str = "boosted"

    def known(self, at: datetime, since: datetime | None = None) -> Known:
        """Rows of the training cutoffs for `at` (from `since` on) with what is known of them before `at`.

        Raises FootfallError where there is none.
        """
        parts: list[Floats] = []
        whole: Matrix | None = None
        for edge in EDGES:
            one = self.task.over(f"{edge}d")
            grid = training_cutoffs(_weekly(self.task), at, self.clock, self.settings, self.anchor)
            cutoffs = [c for c in grid if since is None or c >= since]
            over = [c for c in cutoffs if shift(c, span(f"{edge}d"), 1, self.clock.tz) <= self.clock.known_until(at)]
            found = self.table.matrix(one, over, as_of=at) if over else None
            if whole is None:
                if found is None or found.rows == 0:
                    raise FootfallError(
                        f"{self.task.name}: the history before {at:%Y-%m-%d} is too short to learn waits from"
                    )
                whole = found
            told = np.full(whole.rows, np.nan)
            if found is not None and found.rows:
                # Rows lie in order of cutoff and customer, so those of fewer, older cutoffs are the first ones.
                if not np.array_equal(found.clusters, whole.clusters[: found.rows]):
                    raise FootfallError(f"{self.task.name}: its population depends on the horizon; ask a simpler one")
                assert found.y is not None
                told[: found.rows] = found.y
            parts.append(told)
        assert whole is not None
        return Known(whole, np.column_stack(parts))

    def learn(self, at: datetime) -> Waiting:
        """As known at `at`, not calibrated."""
        known = self.known(at)
        matrix, within = known.matrix, known.within
        share = min(1.0, self.settings.budget / max(matrix.rows, 1))
        kept = np.random.default_rng(self.settings.seed).random(matrix.rows) < share
        matrix, within = matrix.take(kept), within[kept]
        encoder = learn_encoder(matrix.table, self.table.numeric, self.table.text)
        X = encoder.encode(matrix.table)
        hazard = Hazard(EDGES, self.model, self.settings.seed)
        hazard.fit(X, within, matrix.weight, encoder.names, matrix.cutoff)
        return Waiting(at, hazard, encoder, (), matrix.rows)

    def calibrated(self, made: Waiting) -> tuple[Waiting, Waiting | None]:
        """`made` with calibrations, and the raw one of 91 days before that they were learnt from; None without."""
        at = made.at
        origin = self.back(at)
        if origin is None:
            return made, None
        try:
            before = self.learn(origin)
            since = self.known(at, since=origin)
        except FootfallError:
            return made, None
        raw = before.within(since.matrix)
        calibrators = []
        for i, edge in enumerate(EDGES):
            over = ~np.isnan(since.within[:, i])
            if (since.within[over, i] == 1).sum() < LEAST_CASES:
                return made, before
            # Cutoffs less than a span apart share what happened: one group.
            days = np.asarray([(at - c).total_seconds() / 86400 for c in since.matrix.cutoffs])
            group = np.floor(days / edge).astype(np.int64)[since.matrix.cutoff]
            fitted = Calibrator().fit(
                raw[over, i],
                since.within[over, i],
                weight=since.matrix.weight[over],
                groups=group[over],
                clusters=since.matrix.clusters[over],
            )
            calibrators.append(fitted)
        return replace(made, calibrators=tuple(calibrators)), before

    def check(self, at: datetime, before: Waiting) -> tuple[list[Check], float]:
        """How `before`, calibrated by what its own instant knew, did on its customers, as known by `at`."""
        told = self.known(at, since=before.at)
        first = told.matrix.cutoff == told.matrix.cutoff.min()
        matrix, within = told.matrix.take(first), told.within[first]
        past = self.known(before.at)
        seen = ~np.isnan(past.within)
        weight = past.matrix.weight[:, None] * seen
        base = np.where(seen, past.within, 0.0) * weight
        return checked(self.calibrated(before)[0], matrix, within, base.sum(axis=0) / weight.sum(axis=0))

    def back(self, at: datetime) -> datetime | None:
        return _back(self.task, at, self.clock, self.settings, self.anchor)


def instants(task: Task, at: datetime, clock: Clock, settings: Settings) -> list[datetime]:
    """Cutoffs to prepare so that `at` can be answered, calibrated and checked; none: too short a history."""
    wanted: set[datetime] = set()
    here: datetime | None = at
    for _ in range(3):
        if here is None:
            break
        wanted.update(training_cutoffs(_weekly(task), here, clock, settings, at))
        here = _back(task, here, clock, settings, at)
    return sorted(wanted)


def _weekly(task: Task) -> Task:
    return task.over(f"{EDGES[0]}d")


def _back(task: Task, at: datetime, clock: Clock, settings: Settings, anchor: datetime) -> datetime | None:
    """The newest cutoff of the grid whose last span is over by `at`; None without one that has a past."""
    here = _weekly(task)
    first = training_cutoffs(here, at, clock, settings, anchor)
    over = [c for c in first if shift(c, span(f"{EDGES[-1]}d"), 1, clock.tz) <= clock.known_until(at)]
    return over[-1] if over and training_cutoffs(here, over[-1], clock, settings, anchor) else None


def checked(waiting: Waiting, matrix: Matrix, within: Floats, base: Floats) -> tuple[list[Check], float]:
    """Compare with what then happened: a line per span, and the share of waits inside their four-fifths interval.

    `base` (5,): the shares known before. A wait is known up to its interval; one that starts inside counts as inside.
    """
    said = waiting.within(matrix)
    w = matrix.weight
    lines = [
        Check(
            edge,
            float(np.average(said[:, i], weights=w)),
            float(np.average(within[:, i], weights=w)),
            float(np.average((said[:, i] - within[:, i]) ** 2, weights=w)),
            float(np.average((base[i] - within[:, i]) ** 2, weights=w)),
            matrix.rows,
        )
        for i, edge in enumerate(EDGES)
    ]
    return lines, coverage(said, within, w)


def coverage(said: Floats, within: Floats, weight: Floats) -> float:
    """Share of waits between the ends of their interval, by chances: each wait's place in what was said of it.

    A wait that fell into an interval of time lies somewhere between the chances at its ends; the part of that stretch
    that lies between 0.1 and 0.9 counts. It is 0.8 for one who knows the chances.
    """
    ends = np.column_stack([np.zeros(len(said)), said, np.ones(len(said))])
    first = np.where(within.max(axis=1) > 0, within.argmax(axis=1), said.shape[1])
    low = np.take_along_axis(ends, first[:, None], 1)[:, 0]
    high = np.take_along_axis(ends, (first + 1)[:, None], 1)[:, 0]
    inside = np.minimum(high, SURE[1]) - np.maximum(low, SURE[0])
    part = np.divide(np.maximum(inside, 0.0), high - low, out=np.zeros(len(said)), where=high > low)
    return float(np.average(part, weights=weight))


def days(within: Floats) -> tuple[Floats, Floats, Floats]:
    """(n,) lower end, median and upper end of the wait in days; NaN: after the last span."""
    edges = np.asarray(EDGES, dtype=np.float64)
    return days_until(edges, within, SURE[0]), days_until(edges, within, 0.5), days_until(edges, within, SURE[1])
