"""Forecasts of a whole tree: every level rehearsed and forecast, made to add up, with bands that hold."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footfall.engine import Engine
from footfall.errors import FootfallError
from footfall.forecast.choose import BASELINE, Choice
from footfall.forecast.fitting import (
    ALONE,
    OWN,
    FittedLevel,
    Way,
    aligned,
    combined,
    fit_level,
    limits_of,
    made_coherent,
    misses_of,
    models_of,
    points,
    structure_of,
    usual_size,
)
from footfall.forecast.intervals import LEVELS, bands, sum_quantiles
from footfall.forecast.metrics import Told
from footfall.forecast.path import AUTOMATIC, Work
from footfall.forecast.reconcile import MINT, NAIVE, Base, Mint, reconciled
from footfall.forecast.saving import read_levels, write_levels
from footfall.forecast.tree import Level, Tree, read_tree
from footfall.models.panel import Floats
from footfall.tasks import Task

QUANTILES = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99)


@dataclass(frozen=True)
class LevelForecast:
    """What is said of one level.

    Args:
        level: its members and their past.
        starts, ends: (h) the instants (naive UTC) that the periods ahead start and end at.
        history_starts: (T) those that the periods of the past start at.
        told: model -> point (n, h) and bands. AUTOMATIC is the answer, which adds up over the levels.
        totals: point and bands (n, h) of the answer's sums over the first 1, 2, ... h periods.
        quantiles: (QUANTILES, n, h) of the same sums.
        choice: which models answer this level alone.
    """

    level: Level
    starts: tuple[datetime, ...]
    ends: tuple[datetime, ...]
    history_starts: tuple[datetime, ...]
    told: Mapping[str, Told]
    totals: Told
    quantiles: Floats
    choice: Choice

    @property
    def answer(self) -> Told:
        return self.told[AUTOMATIC]


@dataclass(frozen=True)
class TreeForecast:
    """A tree's forecast: `levels` top first, the task's own last; `method`, the way they add up; `losses` and `wapes`,
    what it was chosen by (see `Way`); `notes` in words, those of `changed` among them: what is known beside the series
    otherwise than when the models were fitted; `seconds` per stage."""

    task: Task
    cutoff: datetime
    levels: tuple[LevelForecast, ...]
    method: str
    losses: Mapping[str, float]
    wapes: Mapping[str, Mapping[str, float]]
    notes: tuple[str, ...]
    seconds: Mapping[str, float]
    changed: tuple[str, ...] = ()

    @property
    def own(self) -> LevelForecast:
        """The task's own level."""
        return self.levels[-1]

    def level(self, name: str) -> LevelForecast:
        """Raises FootfallError for a level that the tree does not have."""
        for one in self.levels:
            if one.level.name == name:
                return one
        have = ", ".join(one.level.name for one in self.levels)
        raise FootfallError(f"{self.task.name} has no level '{name}'; it has {have}")


@dataclass(frozen=True)
class FittedTree:
    """A tree's models, fitted on what was known at `cutoff`, with their rehearsals.

    `about` says which models answer and how the levels add up, `data` what was left out of the series then.
    """

    task: Task
    cutoff: datetime
    tz: str
    levels: tuple[FittedLevel, ...]
    way: Way
    about: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.data, *self.about)

    @property
    def method(self) -> str:
        return self.way.method

    @property
    def losses(self) -> Mapping[str, float]:
        return self.way.losses

    @property
    def wapes(self) -> Mapping[str, Mapping[str, float]]:
        return self.way.wapes

    def predict(self, engine: Engine, at: datetime | None = None, tz: str | None = None) -> TreeForecast:
        """The forecast at `at`, the fitted cutoff or a later one. Members that are new since are told the mean of late.

        Raises:
            FootfallError: `at` lies before the cutoff, or the tree has other levels than it was fitted on.
        """
        at = self.cutoff if at is None else at
        if at < self.cutoff:
            raise FootfallError(f"{self.task.name} was fitted on history up to {self.cutoff}; it cannot tell of {at}")
        begun = time.perf_counter()
        tree = read_tree(engine, self.task, at, self.tz if tz is None else tz)
        return _predicted(self, tree, at, {**self.seconds, "read": time.perf_counter() - begun})

    def save(self, folder: Path) -> None:
        """Write into `folder` (made if absent) as JSON, text and arrays; never a pickle."""
        body: dict[str, Any] = {"task": self.task.name, "cutoff": self.cutoff.isoformat(), "tz": self.tz}
        body |= {"about": self.about, "data": self.data}
        body |= {"method": self.method, "losses": self.losses, "wapes": self.wapes, "seconds": self.seconds}
        write_levels(folder, self.levels, body)

    @classmethod
    def load(cls, folder: Path, task: Task) -> FittedTree:
        """What `save` wrote. Raises FootfallError when `folder` holds none of this task."""
        body, levels = read_levels(folder, task.name)
        way = Way(body["method"], body["losses"], body["wapes"])
        cutoff = datetime.fromisoformat(body["cutoff"])
        about, data = tuple(body["about"]), tuple(body["data"])
        return cls(task, cutoff, body["tz"], levels, way, about, data, body["seconds"])


def fit_tree(engine: Engine, task: Task, at: datetime, tz: str = "UTC", work: Work | None = None) -> FittedTree:
    """Models of every level of a path task, fitted on what was known at `at` (naive UTC).

    Raises:
        UsageError, FootfallError: as `read_tree`.
    """
    return _fitted(engine, task, at, tz, work or Work())[0]


def forecast_tree(engine: Engine, task: Task, at: datetime, tz: str = "UTC", work: Work | None = None) -> TreeForecast:
    """The forecast of every level of a path task at `at` (naive UTC): `fit_tree`, asked at once."""
    fitted, tree = _fitted(engine, task, at, tz, work or Work())
    return _predicted(fitted, tree, at, fitted.seconds)


def _fitted(engine: Engine, task: Task, at: datetime, tz: str, work: Work) -> tuple[FittedTree, Tree]:
    clock = [time.perf_counter()]
    tree = read_tree(engine, task, at, tz)
    clock.append(time.perf_counter())
    names, words = models_of(tree, work)
    levels = [fit_level(level, of, work) for level, of in zip(tree.levels, names, strict=True)]
    clock.append(time.perf_counter())
    way, coherent = made_coherent(tree, levels)
    clock.append(time.perf_counter())
    seconds = {n: clock[i + 1] - clock[i] for i, n in enumerate(("read", "fit", "reconcile"))}
    return FittedTree(task, at, tz, coherent, way, (*_notes(coherent, way), *words), tree.notes, seconds), tree


def _predicted(fitted: FittedTree, tree: Tree, at: datetime, seconds: Mapping[str, float]) -> TreeForecast:
    begun = time.perf_counter()
    named = {level.name: level for level in fitted.levels}
    if [level.name for level in tree.levels] != list(named):
        raise FootfallError(
            f"{fitted.task.name} was fitted on the levels {', '.join(named)}, and now has "
            f"{', '.join(level.name for level in tree.levels)}; fit it again"
        )
    rows = [_rows(level, named[level.name]) for level in tree.levels]
    told = [points(level, named[level.name], r) for level, r in zip(tree.levels, rows, strict=True)]
    told_at = time.perf_counter()
    answers = _answers(fitted, tree, told, rows)
    edges = tree.starts[tree.periods :], (*tree.starts[tree.periods + 1 :], tree.end)
    levels = tuple(
        _level(level, named[level.name], {**one, AUTOMATIC: answer}, r, (tree.starts[: tree.periods], *edges))
        for level, one, answer, r in zip(tree.levels, told, answers, rows, strict=True)
    )
    took = {"forecast": told_at - begun, "bands": time.perf_counter() - told_at}
    changed = _changed(fitted, tree)
    return TreeForecast(
        fitted.task, at, levels, fitted.method, fitted.losses, fitted.wapes, (*tree.notes, *fitted.about, *changed),
        {**seconds, **took}, changed,
    )  # fmt: skip


def _changed(fitted: FittedTree, tree: Tree) -> tuple[str, ...]:
    """What is known beside the series now and was not when the models were fitted, and the other way round."""
    then: set[str] = set()
    for level in fitted.levels:
        for model in level.models.values():
            then |= set(getattr(model, "known", {}))
    now = {name for level in tree.levels for name in level.panel.known}
    if not any(hasattr(model, "known") for level in fitted.levels for model in level.models.values()):
        return ()
    out = []
    if then - now:
        gone = ", ".join(sorted(then - now))
        out.append(f"no longer known ahead, and taken as usual: {gone}; a new fit does without")
    if now - then:
        new = ", ".join(sorted(now - then))
        out.append(f"known now, and not when the models were fitted, so that they are not told of it: {new}; fit again")
    return tuple(out)


def _rows(level: Level, fitted: FittedLevel) -> NDArray[np.int64]:
    """(n,) where each member stood when it was fitted, -1: it is new."""
    at = {member: i for i, member in enumerate(fitted.members)}
    return np.asarray([at.get(member, -1) for member in level.members], dtype=np.int64)


def _answers(
    fitted: FittedTree, tree: Tree, told: list[dict[str, Floats]], rows: list[NDArray[np.int64]]
) -> list[Floats]:
    """(n, h) of each level, adding up."""
    apart = [
        combined(one, t, r, level.flat) for level, one, t, r in zip(tree.levels, fitted.levels, told, rows, strict=True)
    ]
    if fitted.method == ALONE:
        return apart
    leaf = tree.levels[-1]
    limits = limits_of(leaf, tree.periods)
    base = Base(tuple(apart), told[-1][BASELINE], usual_size(leaf.history), limits)
    mint = None
    if fitted.method == MINT:
        misses = []
        for miss, r in zip(misses_of(fitted.levels), rows, strict=True):
            moved = np.full((len(miss), len(r)), np.nan)
            moved[:, r >= 0] = miss[:, r[r >= 0]]
            misses.append(moved)
        mint = Mint(structure_of(tree), misses)
    return reconciled(fitted.method, structure_of(tree), base, mint)


def _level(
    level: Level,
    fitted: FittedLevel,
    told: Mapping[str, Floats],
    rows: NDArray[np.int64],
    instants: tuple[tuple[datetime, ...], ...],
) -> LevelForecast:
    """Bands around what each model says, by its own rehearsals; the answer's by the rehearsals that added up."""
    panel, coherent = level.panel, aligned(fitted.coherent, rows)
    actual = coherent if fitted.rehearsal is None else aligned(fitted.rehearsal.actual, rows)
    out = {}
    for name, point in told.items():
        said = coherent
        if name != AUTOMATIC and fitted.rehearsal is not None:
            said = aligned(fitted.rehearsal.told[name], rows)
        out[name] = Told(point, bands(panel, point, actual, said))
    point = told[AUTOMATIC]
    quantiles = sum_quantiles(panel, point, actual, coherent, QUANTILES)
    total, found = point.cumsum(axis=1), {}
    for one in LEVELS:
        low, high = (quantiles[QUANTILES.index((100 + side * one) / 200)] for side in (-1, 1))
        found[one] = (np.minimum(low, total), np.maximum(high, total))
    history, starts, ends = instants
    return LevelForecast(level, starts, ends, history, out, Told(total, found), quantiles, fitted.choice)


def _notes(levels: tuple[FittedLevel, ...], way: Way) -> tuple[str, ...]:
    """Which models answer, how the levels add up, and where that was worse than seasonal naive."""
    if levels[0].rehearsal is None:
        return ("the history is too short to rehearse a forecast: seasonal naive answers, with wide bands",)
    out = [_who(level) for level in levels]
    if len(levels) > 1:
        others = ", ".join(f"{name} {loss:.3f}" for name, loss in way.losses.items())
        how = "by seasonal naive of the lowest level" if way.method == NAIVE else way.method
        out.append(
            f"the levels add up {how}; error in the rehearsals beside seasonal naive's, over all levels: {others}"
        )
    for level in levels:
        found = way.wapes[level.name]
        if found[way.method] > 1.005 * found[OWN]:
            told = f"WAPE {found[way.method]:.3f} in the rehearsals"
            out.append(f"{level.name}: {told}, worse than seasonal naive's {found[OWN]:.3f}")
    return tuple(out)


def _who(level: FittedLevel) -> str:
    """`category: the median of lagged and moving_average answers 5 of 7 series, seasonal naive 2 (nothing beat it)`."""
    sizes = np.bincount(level.choice.group, minlength=len(level.choice.members))
    found: dict[tuple[str, ...], int] = {}
    for models, size in zip(level.choice.members, sizes, strict=True):
        found[models] = found.get(models, 0) + int(size)
    parts = []
    for models, size in sorted(found.items(), key=lambda f: (-f[1], f[0])):
        if models == (BASELINE,):
            name = "seasonal naive, which nothing beat in the rehearsals,"
        else:
            name = models[0] if len(models) == 1 else f"the median of {', '.join(models[:-1])} and {models[-1]}"
        parts.append(f"{name} answers {size} of {len(level.members)} series" if len(found) > 1 else f"{name} answers")
    return f"{level.name}: {'; '.join(parts)}"
