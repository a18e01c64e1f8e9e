"""Bands around a path that hold as often as they say: split conformal over the rehearsals, per step ahead.

How far the rehearsals missed, in units of what each series is usually missed by, is pooled over the series; its
quantiles per step, with the finite-sample correction of split conformal prediction (Vovk; Lei et al. 2018), times the
series' own unit, make the edges. A series' unit for one rehearsal comes from its other ones, so that no miss is
measured by itself. The unit leans on the level of the series as far as its own record is short.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from footfall.models.panel import Floats, Panel, bounded

LEVELS = (80, 95)
LEAN = 4.0
"""Rehearsed values that weigh as much as the level of the series in its unit."""


def bands(
    panel: Panel, point: Floats, actual: Floats, rehearsed: Floats, levels: tuple[int, ...] = LEVELS
) -> dict[int, tuple[Floats, Floats]]:
    """level -> (lower, upper), each (n, h), in order and around the point.

    Args:
        panel: the series up to the cutoff.
        point: (n, h) the forecast.
        actual, rehearsed: (origins, n, h) what came and what was said; NaN where a series had not begun.
    """
    miss = actual - rehearsed
    size = np.abs(miss)
    level = np.nanmean(np.abs(panel.values[:, -52:]), axis=1) if panel.values.size else np.zeros(len(panel))
    level = np.where(np.isfinite(level) & (level > 0), level, 0.0)
    here = np.isfinite(miss)
    total = np.where(here, size, 0.0).sum(axis=(0, 2))
    count = here.sum(axis=(0, 2))
    known = (count > 0) & (level > 0)
    usual = total[known].sum() / (level * count)[known].sum() if known.any() else 0.25
    unit = (total + LEAN * usual * level) / (count + LEAN)
    own = np.where(here, size, 0.0).sum(axis=2)
    others = (total - own + LEAN * usual * level) / (count - here.sum(axis=2) + LEAN)
    scores = np.divide(miss, others[:, :, None], out=np.full_like(miss, np.nan), where=others[:, :, None] > 0)
    out: dict[int, tuple[Floats, Floats]] = {}
    for one in sorted(levels):
        low, high = np.empty_like(point), np.empty_like(point)
        for step in range(point.shape[1]):
            down, up = _edges(scores[:, :, step].ravel(), one)
            low[:, step], high[:, step] = point[:, step] + down * unit, point[:, step] + up * unit
        low, high = np.minimum(bounded(low, panel), point), np.maximum(bounded(high, panel), point)
        if out:
            inner = out[max(out)]
            low, high = np.minimum(low, inner[0]), np.maximum(high, inner[1])
        out[one] = (low, high)
    return out


def _edges(scores: Floats, level: int) -> tuple[float, float]:
    """The quantiles that leave (100 - level) / 2 per cent on each side, a little outward for few scores."""
    kept = np.sort(scores[np.isfinite(scores)])
    if not len(kept):
        wide = {80: 2.0, 95: 4.0}.get(level, 4.0)
        return -wide, wide
    n, tail = len(kept), (100 - level) / 200
    below = int(np.floor((n + 1) * tail)) - 1
    above = int(np.ceil((n + 1) * (1 - tail))) - 1
    # Fewer rehearsed values than the level needs: half as far again as the farthest of them.
    low = float(kept[below]) if below >= 0 else 1.5 * float(min(kept[0], -abs(kept).max()))
    high = float(kept[above]) if above < n else 1.5 * float(max(kept[-1], abs(kept).max()))
    return min(low, 0.0), max(high, 0.0)


def edges_of(found: Mapping[int, tuple[Floats, Floats]]) -> dict[str, Floats]:
    """`lower_80`, `upper_80`, ... as columns."""
    return {f"{side}_{level}": band[i] for level, band in found.items() for i, side in enumerate(("lower", "upper"))}
