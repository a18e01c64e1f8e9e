"""The whole line: rehearse, choose, fit, forecast, and put bands around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from footfall.forecast.budget import SECONDS
from footfall.forecast.choose import (
    BASELINE,
    Choice,
    Rehearsal,
    chosen_for,
    default_models,
    rehearsal_origins,
    rehearse,
)
from footfall.forecast.intervals import LEVELS, bands
from footfall.forecast.metrics import Told
from footfall.models.panel import Floats, Panel, find_path_model

AUTOMATIC = "automatic"
"""The name under which the automatic choice stands among the models."""


@dataclass(frozen=True)
class Forecast:
    """What is said of a panel: `told[AUTOMATIC]` is the answer, the others are what each model says alone."""

    told: Mapping[str, Told]
    choice: Choice
    rehearsal: Rehearsal | None

    @property
    def answer(self) -> Told:
        return self.told[AUTOMATIC]


@dataclass(frozen=True)
class Work:
    """How a path is worked out: models tried (None: all that can run), rehearsals, the group whose series share a
    choice (a name among the panel's groups; None: see `chosen_for`), each model's settings, the seed, and the time in
    which a tree's models should be done where none are named (see `models_within`)."""

    models: Sequence[str] | None = None
    rehearsals: int = 4
    by: str | None = None
    settings: Mapping[str, Mapping[str, Any]] | None = None
    seed: int = 0
    seconds: float = SECONDS


def forecast(panel: Panel, work: Work | None = None) -> Forecast:
    """The path of each series with its bands.

    Where the history is too short to rehearse, seasonal naive answers, with wide bands.
    """
    work = work or Work()
    names = list(dict.fromkeys([BASELINE, *(work.models if work.models is not None else default_models())]))
    origins = rehearsal_origins(panel, work.rehearsals)
    if not origins:
        return decided(panel, None, {BASELINE: _fitted(BASELINE, panel, work)})
    found = rehearse(panel, origins, names, work.seed, work.settings)
    return decided(panel, found, {name: _fitted(name, panel, work) for name in names}, work.by)


def decided(panel: Panel, rehearsal: Rehearsal | None, points: Mapping[str, Floats], by: str | None = None) -> Forecast:
    """The forecast from what each model said: `points` of the panel (name -> (n, h)) and the rehearsal before it.

    `by`: as in `Work`.
    """
    if rehearsal is None:
        codes = np.zeros(len(panel), dtype=np.int64)
        choice = Choice(codes, ((BASELINE,),), (0,))
        nothing = np.full((0, *points[BASELINE].shape), np.nan)
        actual, rehearsed = nothing, dict.fromkeys(points, nothing)
    else:
        choice = chosen_for(panel, rehearsal, by)
        actual, rehearsed = rehearsal.actual, dict(rehearsal.told)
    points = {**points, AUTOMATIC: choice.combined(points)}
    rehearsed[AUTOMATIC] = choice.combined(rehearsed)
    told = {name: Told(one, bands(panel, one, actual, rehearsed[name], LEVELS)) for name, one in points.items()}
    return Forecast(told, choice, rehearsal)


def _fitted(name: str, panel: Panel, work: Work) -> Floats:
    settings = (work.settings or {}).get(name, {})
    return find_path_model(name)(work.seed, **settings).fit(panel).forecast(panel)
