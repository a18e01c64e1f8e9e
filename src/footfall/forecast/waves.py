"""What a series' own past is made of: where it stands, where it drifts to, and its waves.

Waves and a broken line are fitted together, series by series (ridge regression on Fourier terms; Hyndman and
Athanasopoulos 2021, chapter 7), with residuals beyond two and a half times their usual size cut back and the fit done
again (Huber 1964). The level is the running mean of what is left beside the waves; the drift is Tukey's resistant
line: the last third of a year against its first. A wave is told only where two whole ones lie in the past.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from footfall.models.panel import Floats, Panel

Flags = NDArray[np.bool_]
SHORT = 14
"""Waves up to so many periods are fitted at every point; longer ones by their first `HARMONICS`."""
HARMONICS = 13
RIDGE = 0.05
CUT = 2.5
ROUNDS = 5
CHUNK = 1000


@dataclass(frozen=True)
class Waves:
    """`level` (n, T); `season` (n, T + horizon), the sum of all waves; `now` (n,) the level at the end; `drift` (n,)
    per period; `width`, periods that the level is a mean of; `told` (n,), the number of waves that could be told."""

    level: Floats
    season: Floats
    now: Floats
    drift: Floats
    width: int
    told: NDArray[np.int64]


def waves(panel: Panel, used: Flags | None = None) -> Waves:
    """The waves, level and drift of each series; `used` (n, T): the periods to learn from, None: all.

    Where fewer than half of a series' periods are used, all are.
    """
    here = np.isfinite(panel.values)
    mask = here if used is None else here & used
    few = 2 * mask.sum(axis=1) < here.sum(axis=1)
    mask = np.where(few[:, None], here, mask)
    age = panel.periods - np.argmax(here, axis=1)
    told = np.sum([age >= 2 * s for s in panel.seasons], axis=0, dtype=np.int64) * np.ones(len(panel), dtype=np.int64)
    season = np.zeros((len(panel), panel.periods + panel.horizon))
    plain = np.where(here, panel.values, 0.0)
    for count in np.unique(told):
        rows = np.flatnonzero(told == count)
        seasons = sorted(panel.seasons)[: int(count)]
        for part in np.array_split(rows, max(1, -(-len(rows) // CHUNK))):
            season[part], plain[part] = _fitted(panel, seasons, mask[part], plain[part])
    width = _width(panel)
    beside = plain - season[:, : panel.periods]
    level = _running(beside, mask, width)
    count = mask[:, -width:].sum(axis=1)
    late = np.where(mask, beside, 0.0)[:, -width:].sum(axis=1) / np.maximum(count, 1)
    now = np.where(count > 0, late, level[:, -1])
    return Waves(level, season, now, _drift(beside, mask, width, panel), width, told)


def _width(panel: Panel) -> int:
    """Periods whose mean is the level of late: four short waves, else eight periods."""
    short = min(panel.seasons, default=1)
    return min(panel.periods, 4 * short if 1 < short <= SHORT and short != 12 else 8)


def _fitted(panel: Panel, seasons: list[int], mask: Flags, values: Floats) -> tuple[Floats, Floats]:
    """The waves over all periods, and the values with what leaps out cut back."""
    line, wave, penalty = _columns(panel, seasons)
    periods, free = panel.periods, line.shape[1]
    columns = np.concatenate([line, wave], axis=1)[:periods]
    weight = mask.astype(np.float64)
    size = columns.shape[1]
    products = (columns[:, :, None] * columns[:, None, :]).reshape(periods, size * size)
    left = (weight @ products).reshape(-1, size, size) + np.diag(penalty)
    inverse = np.linalg.inv(left)
    # A leap of many times the usual would drag the first fit along: it starts cut back to the series' own range.
    centre = np.nan_to_num(middle(np.where(mask, values, np.nan)))[:, None]
    reach = 2 * CUT * spread(np.where(mask, values - centre, np.nan))[:, None]
    kept = np.clip(values, centre - reach, centre + reach)
    for _ in range(ROUNDS):
        known = np.einsum("npq,nq->np", inverse, (kept * weight) @ columns)
        fit = known @ columns.T
        gap = np.where(mask, values - fit, np.nan)
        room = CUT * spread(gap)[:, None]
        kept = np.where(mask, fit + np.clip(np.nan_to_num(gap), -room, room), values)
    return cast("Floats", known[:, free:] @ wave.T), kept


def _columns(panel: Panel, seasons: list[int]) -> tuple[Floats, Floats, Floats]:
    """A line broken once per longest wave, the waves (both over all periods), and the ridge of each column."""
    at = np.arange(panel.periods + panel.horizon)
    scaled = at / max(1, panel.periods)
    longest = max(seasons, default=panel.periods)
    knots = [k / panel.periods for k in range(longest, panel.periods - longest // 2, longest)][-4:]
    line = np.stack([np.ones(len(at)), scaled, *(np.maximum(scaled - k, 0.0) for k in knots)], axis=1)
    wave: list[Floats] = []
    penalty = [1e-6, 1e-3, *([1e-2] * len(knots))]
    for season in seasons:
        top = season // 2 if season <= SHORT else min(HARMONICS, season // 2)
        for k in range(1, top + 1):
            angle = 2 * np.pi * k * at / season
            wave.append(np.cos(angle))
            penalty.append(RIDGE * (1.0 if season <= SHORT else panel.periods * (k / HARMONICS) ** 2))
            if 2 * k != season:
                wave.append(np.sin(angle))
                penalty.append(penalty[-1])
    waves = np.stack(wave, axis=1) if wave else np.zeros((len(at), 0))
    return line, waves, np.asarray(penalty)


def spread(gap: Floats) -> Floats:
    """(n,) a robust standard deviation: from the median of absolute values, or, where that is 0, their mean.

    NaN counts for nothing; a row without any number is 0.
    """
    size = np.abs(gap)
    half = np.nan_to_num(middle(size))
    here = np.isfinite(size)
    mean = np.where(here, size, 0.0).sum(axis=1) / np.maximum(here.sum(axis=1), 1)
    return cast("Floats", np.where(half > 0, 1.4826 * half, 1.2533 * mean))


def middle(values: Floats) -> Floats:
    """(n,) the median over what is there; NaN where nothing is."""
    ordered = np.sort(values, axis=1)
    count = np.isfinite(values).sum(axis=1)
    rows, low, high = np.arange(len(values)), np.maximum(count - 1, 0) // 2, np.maximum(count // 2, 0)
    high = np.minimum(high, np.maximum(count - 1, 0))
    return cast("Floats", (ordered[rows, low] + ordered[rows, high]) / 2)


def _running(values: Floats, mask: Flags, width: int) -> Floats:
    """The centred running mean over what is there; where nothing is, the nearest one."""
    n, periods = values.shape
    total = np.concatenate([np.zeros((n, 1)), np.where(mask, values, 0.0).cumsum(axis=1)], axis=1)
    count = np.concatenate([np.zeros((n, 1)), mask.cumsum(axis=1)], axis=1)
    low = np.maximum(np.arange(periods) - width // 2, 0)
    high = np.minimum(np.arange(periods) + (width + 1) // 2, periods)
    held = count[:, high] - count[:, low]
    mean = np.divide(total[:, high] - total[:, low], held, out=np.full(values.shape, np.nan), where=held > 0)
    at = np.maximum.accumulate(np.where(np.isfinite(mean), np.arange(periods), -1), axis=1)
    first = np.argmax(np.isfinite(mean), axis=1)[:, None]
    return np.take_along_axis(mean, np.where(at >= 0, at, first), axis=1)


def _drift(values: Floats, mask: Flags, width: int, panel: Panel) -> Floats:
    """Per period: the last third of the last year against its first; 0 where either is all but empty."""
    span = min(panel.periods, max(3 * width, max(panel.seasons, default=0)))
    third = span // 3
    if third < 2:
        return np.zeros(len(values))
    ends = []
    for part in (slice(panel.periods - span, panel.periods - span + third), slice(panel.periods - third, None)):
        held = mask[:, part].sum(axis=1)
        mean = np.where(mask[:, part], values[:, part], 0.0).sum(axis=1) / np.maximum(held, 1)
        ends.append(np.where(held >= max(2, third // 2), mean, np.nan))
    return cast("Floats", np.nan_to_num((ends[1] - ends[0]) / (span - third)))
