"""How good paths were: each measure a ratio of sums, so that series resampled give its interval.

Sources: MASE (Hyndman and Koehler 2006), RMSSE and pinball loss (the M5 competition), WAPE (sum of absolute errors over
the sum of absolute values). Intervals are of the bootstrap over series, 95%; differences are paired: the same series
are drawn for both models.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from footfall.errors import UsageError
from footfall.models.panel import Floats, Panel, filled

DRAWS = 500
FEW = 8
"""Series; drawing among fewer would tell next to nothing, and of a single one nothing at all."""
LEVELS = (80, 95)


@dataclass(frozen=True)
class Told:
    """What one model said of one origin: point (n, h), and level -> (lower, upper), each (n, h)."""

    point: Floats
    bands: Mapping[int, tuple[Floats, Floats]]


@dataclass(frozen=True)
class Origin:
    """One origin of a test: the panel as it was then, what came (n, h; NaN: unknown), and what each model said.

    `members` name the series where origins may hold different ones; None: row by row the same at each origin.
    """

    panel: Panel
    actual: Floats
    told: Mapping[str, Told]
    members: tuple[tuple[str, ...], ...] | None = None


@dataclass(frozen=True)
class Measured:
    """A measure with its 95% interval, and its paired difference from the baseline (None for the baseline itself)."""

    value: float
    lower: float
    upper: float
    difference: tuple[float, float, float] | None = None


def season_error(panel: Panel, square: bool = False) -> Floats:
    """(n,) mean absolute (or squared) error of seasonal naive within the panel's own past; 0 where there is none."""
    values = filled(panel.values)
    season = panel.seasons[0] if panel.seasons and values.shape[1] > panel.seasons[0] else 1
    if values.shape[1] <= season:
        return np.zeros(len(values))
    gap = values[:, season:] - values[:, :-season]
    gap = gap**2 if square else np.abs(gap)
    here = np.isfinite(gap)
    return cast("Floats", np.where(here, gap, 0.0).sum(axis=1) / np.maximum(here.sum(axis=1), 1))


Parts = tuple[Floats, Floats]
"""Numerator and denominator of each series, (n,)."""


def _over(actual: Floats, each: Floats, below: Floats) -> Parts:
    here = np.isfinite(actual)
    return np.where(here, each, 0.0).sum(axis=1), np.where(here, below, 0.0).sum(axis=1)


def _wape(o: Origin, t: Told) -> Parts:
    return _over(o.actual, np.abs(o.actual - t.point), np.abs(o.actual))


def _bias(o: Origin, t: Told) -> Parts:
    return _over(o.actual, t.point - o.actual, np.abs(o.actual))


def _mase(o: Origin, t: Told) -> Parts:
    scale = season_error(o.panel)[:, None]
    each = np.divide(np.abs(o.actual - t.point), scale, out=np.zeros_like(t.point), where=scale > 0)
    return _over(o.actual, each, np.broadcast_to(scale > 0, each.shape).astype(float))


def _rmsse(o: Origin, t: Told) -> Parts:
    scale = season_error(o.panel, square=True)
    here = np.isfinite(o.actual)
    square = np.where(here, (o.actual - t.point) ** 2, 0.0).sum(axis=1) / np.maximum(here.sum(axis=1), 1)
    fit = (scale > 0) & here.any(axis=1)
    return np.sqrt(np.divide(square, scale, out=np.zeros_like(scale), where=fit)), fit.astype(float)


def _pinball(o: Origin, t: Told) -> Parts:
    """Mean over the edges of the bands, twice the loss, over the absolute values: comparable with WAPE."""
    losses = []
    for level, band in t.bands.items():
        for share, edge in zip(((100 - level) / 200, (100 + level) / 200), band, strict=True):
            gap = o.actual - edge
            losses.append(2 * np.maximum(share * gap, (share - 1) * gap))
    return _over(o.actual, np.mean(losses, axis=0), np.abs(o.actual))


def _coverage(level: int) -> Callable[[Origin, Told], Parts]:
    def measure(o: Origin, t: Told) -> Parts:
        low, high = t.bands[level]
        return _over(o.actual, ((o.actual >= low) & (o.actual <= high)).astype(float), np.ones_like(o.actual))

    return measure


MEASURES: dict[str, Callable[[Origin, Told], Parts]] = {
    "wape": _wape, "mase": _mase, "rmsse": _rmsse, "bias": _bias, "pinball": _pinball,
    **{f"coverage_{level}": _coverage(level) for level in LEVELS},
}  # fmt: skip


def measure(
    origins: list[Origin], baseline: str = "seasonal_naive", draws: int = DRAWS, seed: int = 0
) -> dict[str, dict[str, Measured]]:
    """model -> measure -> value with interval, over all origins together; measures of bands where a model has bands.

    Series are resampled by name over all origins: a series counts at the origins that hold it. Of fewer than `FEW`
    series, each one's horizon at each origin is drawn by itself.
    """
    rows, n = _named(origins)
    if n < FEW:
        ends = np.cumsum([len(row) for row in rows])
        rows, n = [np.arange(e - len(row), e) for e, row in zip(ends, rows, strict=True)], int(ends[-1])
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws).astype(np.float64)
    out: dict[str, dict[str, Measured]] = {}
    for name, one in MEASURES.items():
        drawn: dict[str, tuple[float, Floats]] = {}
        for model in origins[0].told:
            if name in ("pinball", *(f"coverage_{level}" for level in LEVELS)) and not origins[0].told[model].bands:
                continue
            parts = [one(o, o.told[model]) for o in origins]
            top, bottom = (np.zeros(n), np.zeros(n))
            for row, (above, below) in zip(rows, parts, strict=True):
                np.add.at(top, row, above)
                np.add.at(bottom, row, below)
            drawn[model] = float(_divide(top.sum(), bottom.sum())), _divide(weights @ top, weights @ bottom)
        for model, (value, sample) in drawn.items():
            difference = None
            if model != baseline and baseline in drawn:
                gap = sample - drawn[baseline][1]
                difference = (value - drawn[baseline][0], *_ends(gap))
            out.setdefault(model, {})[name] = Measured(value, *_ends(sample), difference)
    return out


def _named(origins: list[Origin]) -> tuple[list[NDArray[np.int64]], int]:
    """The number of each origin's series among all, and how many there are. Raises UsageError for unnamed ones."""
    if all(o.members is None for o in origins):
        n = len(origins[0].panel)
        if any(len(o.panel) != n for o in origins):
            raise UsageError("origins that hold different series want `members`")
        return [np.arange(n)] * len(origins), n
    at: dict[tuple[str, ...], int] = {}
    rows = []
    for o in origins:
        if o.members is None:
            raise UsageError("either all origins name their series or none does")
        rows.append(np.asarray([at.setdefault(m, len(at)) for m in o.members], dtype=np.int64))
    return rows, len(at)


def _divide(top: Floats, bottom: Floats) -> Floats:
    top, bottom = np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64)
    return cast("Floats", np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0))


def _ends(sample: Floats) -> tuple[float, float]:
    kept = sample[np.isfinite(sample)]
    if not len(kept):
        return float("nan"), float("nan")
    low, high = np.quantile(kept, [0.025, 0.975])
    return float(low), float(high)
