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

from footfall.models.panel import Floats, Panel, filled

DRAWS = 500
LEVELS = (80, 95)


@dataclass(frozen=True)
class Told:
    """What one model said of one origin: point (n, h), and level -> (lower, upper), each (n, h)."""

    point: Floats
    bands: Mapping[int, tuple[Floats, Floats]]


@dataclass(frozen=True)
class Origin:
    """One origin of a test: the panel as it was then, what came (n, h; NaN: unknown), and what each model said."""

    panel: Panel
    actual: Floats
    told: Mapping[str, Told]


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

    All origins hold the same series, in the same order.
    """
    n = len(origins[0].panel)
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws).astype(np.float64)
    out: dict[str, dict[str, Measured]] = {}
    for name, one in MEASURES.items():
        drawn: dict[str, tuple[float, Floats]] = {}
        for model in origins[0].told:
            if name in ("pinball", *(f"coverage_{level}" for level in LEVELS)) and not origins[0].told[model].bands:
                continue
            parts = [one(o, o.told[model]) for o in origins]
            top, bottom = (np.sum([p[i] for p in parts], axis=0) for i in range(2))
            drawn[model] = float(_divide(top.sum(), bottom.sum())), _divide(weights @ top, weights @ bottom)
        for model, (value, sample) in drawn.items():
            difference = None
            if model != baseline and baseline in drawn:
                gap = sample - drawn[baseline][1]
                difference = (value - drawn[baseline][0], *_ends(gap))
            out.setdefault(model, {})[name] = Measured(value, *_ends(sample), difference)
    return out


def _divide(top: Floats, bottom: Floats) -> Floats:
    top, bottom = np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64)
    return cast("Floats", np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0))


def _ends(sample: Floats) -> tuple[float, float]:
    kept = sample[np.isfinite(sample)]
    if not len(kept):
        return float("nan"), float("nan")
    low, high = np.quantile(kept, [0.025, 0.975])
    return float(low), float(high)
