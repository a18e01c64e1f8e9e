"""Each level of a tree rehearsed, chosen for and fitted, and the way to add up that its rehearsals speak for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from footfall.forecast.budget import models_within
from footfall.forecast.choose import (
    BASELINE,
    Choice,
    Rehearsal,
    chosen_for,
    error,
    rehearsal_origins,
    rehearse,
)
from footfall.forecast.path import Work
from footfall.forecast.reconcile import BOTTOM_UP, MINT, Base, Mint, Structure, reconciled
from footfall.forecast.series import LEAST_SILENT
from footfall.forecast.tree import Level, Tree
from footfall.models.panel import EXPLODED, Floats, Panel, PathModel, filled, find_path_model

ALONE = "alone"
"""The way of a tree of one level: nothing has to add up."""
OWN = "own seasonal naive"
"""Seasonal naive of a level itself; the way `seasonal_naive` sums that of the lowest level."""
RECENT = 52
"""Periods that tell the usual size of a series."""


@dataclass(frozen=True)
class FittedLevel:
    """What was learnt of a level: its members and groups then, fitted models, the rehearsals (None: too short a
    history), the choice, and `coherent` (origins, n, h), what the rehearsals said once they added up."""

    name: str
    members: tuple[tuple[str, ...], ...]
    groups: Mapping[str, NDArray[np.int64]]
    models: Mapping[str, PathModel]
    rehearsal: Rehearsal | None
    choice: Choice
    coherent: Floats

    @property
    def apart(self) -> Floats:
        """(origins, n, h) what the rehearsals said of this level alone."""
        return self.coherent if self.rehearsal is None else self.choice.combined(self.rehearsal.told)


@dataclass(frozen=True)
class Way:
    """How the levels add up: `losses` way -> error over the rehearsals as a share of seasonal naive's, mean over the
    levels; `wapes` level -> way -> WAPE over the rehearsals, and under `OWN` that of the level's own seasonal naive."""

    method: str
    losses: Mapping[str, float]
    wapes: Mapping[str, Mapping[str, float]]


def structure_of(tree: Tree) -> Structure:
    return Structure(tree.above, tuple(len(level.members) for level in tree.levels))


def models_of(tree: Tree, work: Work) -> tuple[list[list[str]], tuple[str, ...]]:
    """The models that each level tries, and in words what there is no time for. Models that are named are tried."""
    if work.models is not None:
        return [list(dict.fromkeys([BASELINE, *work.models]))] * len(tree.levels), ()
    left, names, words = work.seconds, [], []
    for level in tree.levels:
        found = models_within(level.panel, max(left, 1e-6), len(rehearsal_origins(level.panel, work.rehearsals)))
        left -= sum(found.seconds[name] for name in found.names)
        names.append(list(found.names))
        if found.words:
            words.append(f"{level.name}: {found.words}")
    return names, tuple(words)


def fit_level(level: Level, names: list[str], work: Work) -> FittedLevel:
    """Rehearse, choose and fit the models `names`."""
    panel = level.panel
    origins = rehearsal_origins(panel, work.rehearsals)
    if not origins:
        names = [BASELINE]
    models = {}
    for name in names:
        models[name] = find_path_model(name)(work.seed, **(work.settings or {}).get(name, {})).fit(panel)
    if not origins:
        nothing = np.full((0, len(panel), panel.horizon), np.nan)
        choice = Choice(np.zeros(len(panel), dtype=np.int64), ((BASELINE,),), (0,))
        return FittedLevel(level.name, level.members, panel.groups, models, None, choice, nothing)
    found = rehearse(panel, origins, names, work.seed, work.settings)
    flat = np.flatnonzero(level.flat)
    for told in found.told.values():
        for i, origin in enumerate(origins):
            begun = np.isfinite(told[i, flat, 0])
            told[i, flat[begun]] = flat_mean(panel.values[flat[begun], :origin], panel.horizon)
    choice = chosen_for(panel, found, work.by)
    return FittedLevel(level.name, level.members, panel.groups, models, found, choice, choice.combined(found.told))


def flat_mean(values: Floats, horizon: int) -> Floats:
    """(n, horizon) the mean of the last periods, as many as must be silent for a series to have ended."""
    return np.repeat(np.nanmean(filled(values)[:, -LEAST_SILENT:], axis=1)[:, None], horizon, axis=1)


def usual_size(values: Floats) -> Floats:
    """(n,) mean absolute value of late; 0 where there is none."""
    late = values[:, -RECENT:]
    here = np.isfinite(late)
    return cast("Floats", np.where(here, np.abs(late), 0.0).sum(axis=1) / np.maximum(here.sum(axis=1), 1))


def limits_of(level: Level, origin: int) -> tuple[Floats, Floats]:
    """(n,) what each series' past makes thinkable after `origin` periods, as `bounded` has it; 0 where it has not begun
    or has ended, so that no way to add up brings it back."""
    values, floor = level.history[:, :origin], level.panel.floor
    here = np.isfinite(values)
    low = np.where(here, values, np.inf).min(axis=1, initial=np.inf)
    high = np.where(here, values, -np.inf).max(axis=1, initial=-np.inf)
    low, high = np.where(np.isfinite(low), low, 0.0), np.where(np.isfinite(high), high, 0.0)
    room = EXPLODED * np.maximum(high - low, np.maximum(np.abs(high), np.abs(low)))
    gone = level.flat & ~np.nan_to_num(values[:, -LEAST_SILENT:]).any(axis=1)
    low, high, room = (np.where(gone, 0.0, one) for one in (low, high, room))
    return (low - room if floor is None else np.maximum(low - room, floor)), high + room


def misses_of(levels: Sequence[FittedLevel], but: int | None = None) -> list[Floats]:
    """(origins x steps, n) of each level: what its rehearsals missed by, but for the origin numbered `but`."""
    out = []
    for level in levels:
        assert level.rehearsal is not None
        miss = level.rehearsal.actual - level.apart
        if but is not None:
            miss = np.delete(miss, but, axis=0)
        out.append(miss.transpose(0, 2, 1).reshape(-1, miss.shape[1]))
    return out


def made_coherent(tree: Tree, levels: Sequence[FittedLevel]) -> tuple[Way, tuple[FittedLevel, ...]]:
    """The way to add up with the least error over the rehearsals, and the levels with their rehearsals so.

    The error of a level counts as a share of seasonal naive's there, so that each level weighs the same. The covariance
    of `mint` at an origin is of the other origins alone.
    """
    if levels[0].rehearsal is None:
        return Way(ALONE if len(levels) == 1 else BOTTOM_UP, {}, {}), tuple(levels)
    if len(levels) == 1:
        level = levels[0]
        alone = {level.name: {w: _wape(level, level.rehearsal, t) for w, t in _alone(level).items()}}
        return Way(ALONE, {ALONE: _loss(level, level.coherent)}, alone), tuple(levels)
    structure = structure_of(tree)
    losses: dict[str, float] = {}
    wapes: dict[str, dict[str, float]] = {}
    for level in levels:
        assert level.rehearsal is not None
        wapes[level.name] = {OWN: _wape(level, level.rehearsal, level.rehearsal.told[BASELINE])}
    best: list[Floats] = []
    chosen = BOTTOM_UP
    for method in structure.methods(len(levels[0].rehearsal.origins)):
        told = _rehearsed(tree, structure, levels, method)
        losses[method] = float(np.mean([_loss(level, one) for level, one in zip(levels, told, strict=True)]))
        for level, one in zip(levels, told, strict=True):
            wapes[level.name][method] = _wape(level, level.rehearsal, one)
        # What comes later is less simple: it has to be better by more than rounding.
        if not best or losses[method] < losses[chosen] * (1 - 1e-6):
            best, chosen = told, method
    way = Way(chosen, losses, wapes)
    return way, tuple(replace(level, coherent=one) for level, one in zip(levels, best, strict=True))


def _alone(level: FittedLevel) -> dict[str, Floats]:
    assert level.rehearsal is not None
    return {ALONE: level.coherent, OWN: level.rehearsal.told[BASELINE]}


def _rehearsed(tree: Tree, structure: Structure, levels: Sequence[FittedLevel], method: str) -> list[Floats]:
    """(origins, n, h) of each level: the rehearsals made to add up; NaN where a series had not begun."""
    out = [np.full_like(level.coherent, np.nan) for level in levels]
    leaf = tree.levels[-1]
    assert levels[-1].rehearsal is not None
    apart = [level.apart for level in levels]
    for i, origin in enumerate(levels[-1].rehearsal.origins):
        usual = usual_size(leaf.history[:, :origin])
        naive = levels[-1].rehearsal.told[BASELINE][i]
        limits = limits_of(leaf, origin)
        base = Base(tuple(one[i] for one in apart), naive, usual, limits)
        mint = Mint(structure, misses_of(levels, i)) if method == MINT else None
        for level, told, one in zip(levels, out, reconciled(method, structure, base, mint), strict=True):
            assert level.rehearsal is not None
            told[i] = np.where(np.isfinite(level.rehearsal.told[BASELINE][i]), one, np.nan)
    return out


def _loss(level: FittedLevel, told: Floats) -> float:
    """The error (see `choose.error`) over that of seasonal naive."""
    assert level.rehearsal is not None
    actual = level.rehearsal.actual
    miss, naive = (float(error(actual, one).sum()) for one in (told, level.rehearsal.told[BASELINE]))
    least = 1e-6 * float(np.where(np.isfinite(actual), np.abs(actual), 0.0).sum()) + 1e-12
    return (miss + least) / (naive + least)


def _wape(level: FittedLevel, rehearsal: Rehearsal | None, told: Floats) -> float:
    assert rehearsal is not None
    here = np.isfinite(rehearsal.actual)
    whole = float(np.where(here, np.abs(rehearsal.actual), 0.0).sum())
    miss = float(np.where(here, np.abs(rehearsal.actual - told), 0.0).sum())
    return miss / whole if whole > 0 else float("nan")


def aligned(found: Floats, rows: NDArray[np.int64]) -> Floats:
    """(origins, n, h) of the rows as they stood when fitted, NaN for those that are new (-1)."""
    out = np.full((found.shape[0], len(rows), found.shape[2]), np.nan)
    out[:, rows >= 0] = found[:, rows[rows >= 0]]
    return out


def points(level: Level, fitted: FittedLevel, rows: NDArray[np.int64]) -> dict[str, Floats]:
    """(n, h) by each model. Members that are new since the fit are told the mean of late."""
    panel = level.panel
    same = len(rows) == len(fitted.members) and bool((rows == np.arange(len(rows))).all())
    known = replace(panel, groups=dict(fitted.groups)) if same else _as_fitted(panel, fitted, rows)
    new = np.flatnonzero(rows < 0)
    late = find_path_model("moving_average")().forecast(panel.only(new)) if len(new) else np.zeros((0, panel.horizon))
    flat = flat_mean(panel.values[level.flat], panel.horizon)
    out = {}
    for name, model in fitted.models.items():
        told = model.forecast(known)
        whole = np.empty((len(panel), panel.horizon))
        whole[rows >= 0] = told[rows[rows >= 0]]
        if len(new):
            whole[new] = find_path_model(name)().forecast(panel.only(new)) if name == BASELINE else late
        whole[level.flat] = flat
        out[name] = whole
    return out


def _as_fitted(panel: Panel, fitted: FittedLevel, rows: NDArray[np.int64]) -> Panel:
    """The panel with the rows that the models were fitted on; one that is no longer there is 0."""
    size = len(fitted.members)
    at = np.flatnonzero(rows >= 0)

    def moved(column: Floats) -> Floats:
        out = np.zeros((size, column.shape[1]))
        out[rows[at]] = column[at]
        return out

    known = {name: column if column.shape[0] == 1 else moved(column) for name, column in panel.known.items()}
    return replace(panel, values=moved(panel.values), known=known, groups=dict(fitted.groups))


def combined(
    fitted: FittedLevel, told: Mapping[str, Floats], rows: NDArray[np.int64], flat: NDArray[np.bool_]
) -> Floats:
    """(n, h) the choice's answer for this level alone. New members are told what is no baseline's."""
    group = np.where(rows >= 0, fitted.choice.group[np.maximum(rows, 0)], 0)
    out = replace(fitted.choice, group=group).combined(told)
    others = [name for name in told if name != BASELINE]
    if others:
        out[rows < 0] = told[others[0]][rows < 0]
    out[flat] = told[BASELINE][flat]
    return out
