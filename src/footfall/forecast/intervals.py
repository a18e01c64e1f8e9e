"""Bands around a path that hold as often as they say: split conformal over the rehearsals, per step ahead.

How far the rehearsals missed, in units of what each series is usually missed by, is pooled over the series; its
quantiles per step, with the finite-sample correction of split conformal prediction (Vovk; Lei et al. 2018), times the
series' own unit, make the edges. A series' unit for one rehearsal comes from its other ones, so that no miss is
measured by itself. The unit leans on the level of the series as far as its own record is short.

A unit is of the series' usual forecast, and grows with the root of the forecast, as the scatter of counts does: before
Christmas the bands are wider, and after it they are narrower again. Series that hardly ever sell miss otherwise than
those that sell all the time (often by a little too much, seldom by far too little), so that kinds of series by their
share of zeros are pooled apart, where each has misses enough (Mondrian conformal prediction; Vovk et al. 2005).

Where few series leave few misses per step (a total has four of them), all steps are pooled, each in units of how misses
grow with the steps ahead. Misses of one rehearsal go together, so that they count as fewer than they are; where fewer
than forty are left, their outer quantiles are not to be seen, and Student's t with so many degrees takes their place.

Sums over the first periods have bands of their own, from what the rehearsals missed of the same sums: edges of single
periods do not add up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from footfall.models.panel import EXPLODED, Floats, Panel, bounded

LEVELS = (80, 95)
LEAN = 4.0
"""Rehearsed values that weigh as much as the level of the series in its unit."""
FEW = 40
"""Misses that a step must have of its own; with fewer, all steps are pooled."""
ZEROS = (0.05, 0.5)
"""Shares of zeros between which the kinds of series change: those that sell all the time, now and then, seldom."""
KIND = 400
"""Misses that a step must have of one kind of series, so that it is pooled apart."""
DAMPED = 0.1
"""Share of a series' level that is added to its forecasts before they are compared: no unit shrinks to nothing."""
SWOLLEN = 10.0
"""No unit is of more than so many times the usual forecast."""


@dataclass(frozen=True)
class Misses:
    """What the rehearsals missed by, ready to be asked for edges: `scores` (origins, n, h) in units of each series,
    `unit` (n, h) of the forecast; where steps are pooled, `grown` (h,), how misses grow with the steps ahead, and
    `count`, how many misses that have nothing to do with each other they are worth (None: each step speaks for
    itself)."""

    scores: Floats
    unit: Floats
    grown: Floats
    count: float | None = None

    def edges(self, share: float) -> Floats:
        """(n, h) how far from the point the quantile `share` lies; a little outward for few scores."""
        steps = self.scores.shape[2]
        if self.count is None:
            each = np.asarray([_edge(self.scores[:, :, k].ravel(), share) for k in range(steps)])
        else:
            each = np.asarray(self._pooled(share) * self.grown)
        return np.asarray(self.unit * each[None, :])

    def _pooled(self, share: float) -> float:
        scores = self.scores / self.grown
        kept = scores[np.isfinite(scores)]
        if not len(kept) or self.count is None or self.count >= FEW:
            return _edge(kept, share, self.count)
        return float(np.sqrt((kept**2).mean()) * stats.t.ppf(share, self.count))


def misses(panel: Panel, actual: Floats, rehearsed: Floats, point: Floats, summed: bool = False) -> Misses:
    """From what came and what was said, (origins, n, h), NaN where a series had not begun, and the forecast (n, h).

    `summed`: of the first 1, 2, ... h periods together. The unit is that of single periods all the same: it comes from
    more of them, and how much more sums miss by is the same question for every series.
    """
    level = np.nanmean(np.abs(_late(panel.values)), axis=1) if panel.values.size else np.zeros(len(panel))
    level = np.where(np.isfinite(level) & (level > 0), level, 0.0)
    swell = _Swell(level, actual, rehearsed)
    miss = (actual - rehearsed) / swell.of(rehearsed)
    size = np.abs(miss)
    here = np.isfinite(miss)
    total = np.where(here, size, 0.0).sum(axis=(0, 2))
    count = here.sum(axis=(0, 2))
    known = (count > 0) & (level > 0)
    usual = total[known].sum() / (level * count)[known].sum() if known.any() else 0.25
    if summed:
        miss = (actual - rehearsed).cumsum(axis=2) / swell.of(rehearsed.cumsum(axis=2), summed)
    unit = (total + LEAN * usual * level) / (count + LEAN)
    own = np.where(here, size, 0.0).sum(axis=2)
    others = (total - own + LEAN * usual * level) / (count - here.sum(axis=2) + LEAN)
    scores = np.divide(miss, others[:, :, None], out=np.full_like(miss, np.nan), where=others[:, :, None] > 0)
    ahead = swell.of(point.cumsum(axis=1) if summed else point, summed)
    there = here.sum(axis=(0, 1))
    if there.min(initial=FEW) >= FEW:
        return Misses(scores, unit[:, None] * ahead, np.ones(miss.shape[2]))
    # Few series: their own records weigh by their rehearsals, not by all steps of these, which miss alike.
    lean = LEAN * miss.shape[2]
    unit = (total + lean * usual * level) / (count + lean)
    scores = np.divide(miss, unit[:, None], out=np.full_like(miss, np.nan), where=unit[:, None] > 0)
    grown = _growth(scores, 1.5 if summed else 1.0)
    return Misses(scores, unit[:, None] * ahead, grown, _worth(scores / grown))


class _Swell:
    """How the unit of a series grows with what is said: as the root of it beside what was usually said of the series
    in the rehearsals. 1 for a series that was not rehearsed."""

    def __init__(self, level: Floats, actual: Floats, rehearsed: Floats) -> None:
        here = np.isfinite(actual) & np.isfinite(rehearsed)
        count = here.sum(axis=(0, 2))
        self.usual = np.where(here, np.abs(rehearsed), 0.0).sum(axis=(0, 2)) / np.maximum(count, 1)
        self.level = np.where(count > 0, level, 0.0)

    def of(self, told: Floats, summed: bool = False) -> Floats:
        """(..., n, h) of forecasts, or of their sums over the first 1, 2, ... h periods."""
        steps = np.arange(1, told.shape[-1] + 1) if summed else np.ones(told.shape[-1])
        damped = DAMPED * np.maximum(self.level, self.usual)[:, None]
        usual = self.usual[:, None] + damped
        found = np.ones(told.shape)
        np.divide(np.abs(told) / steps + damped, usual, out=found, where=(usual > 0) & np.isfinite(told))
        return np.sqrt(np.minimum(found, SWOLLEN))


def _kinds(panel: Panel, origins: int) -> list[NDArray[np.int64]]:
    """Rows of each kind of series by its share of zeros; a kind that is too small is joined to its neighbour."""
    here = np.isfinite(panel.values)
    zeros = (here & (panel.values == 0)).sum(axis=1) / np.maximum(here.sum(axis=1), 1)
    code = np.digitize(zeros, ZEROS)
    found: list[NDArray[np.int64]] = []
    for rows in (np.flatnonzero(code == k) for k in range(len(ZEROS) + 1)):
        if found and min(len(found[-1]), len(rows)) * origins < KIND:
            found[-1] = np.union1d(found[-1], rows)
        else:
            found.append(rows)
    return found


def _edges(
    panel: Panel, shares: Sequence[float], told: tuple[Floats, Floats, Floats], summed: bool = False
) -> dict[float, Floats]:
    """share -> (n, h) how far from the point it lies; `told`: the point, what came, what was said in the rehearsals."""
    point, actual, rehearsed = told
    out = {share: np.empty(point.shape) for share in shares}
    for rows in _kinds(panel, len(actual)):
        if len(rows):
            found = misses(panel.only(rows), actual[:, rows], rehearsed[:, rows], point[rows], summed)
            for share in shares:
                out[share][rows] = found.edges(share)
    return out


def bands(
    panel: Panel, point: Floats, actual: Floats, rehearsed: Floats, levels: tuple[int, ...] = LEVELS
) -> dict[int, tuple[Floats, Floats]]:
    """level -> (lower, upper), each (n, h), in order and around the point.

    Args:
        panel: the series up to the cutoff.
        point: (n, h) the forecast.
        actual, rehearsed: (origins, n, h) what came and what was said; NaN where a series had not begun.
    """
    shares = [(100 + side * one) / 200 for one in levels for side in (-1, 1)]
    found = _edges(panel, shares, (point, actual, rehearsed))
    out: dict[int, tuple[Floats, Floats]] = {}
    for one in sorted(levels):
        low, high = (point + found[(100 + side * one) / 200] for side in (-1, 1))
        low, high = np.minimum(bounded(low, panel), point), np.maximum(bounded(high, panel), point)
        if out:
            inner = out[max(out)]
            low, high = np.minimum(low, inner[0]), np.maximum(high, inner[1])
        out[one] = (low, high)
    return out


def sum_quantiles(panel: Panel, point: Floats, actual: Floats, rehearsed: Floats, shares: tuple[float, ...]) -> Floats:
    """(shares, n, h) quantiles of the sums of the first 1, 2, ... h periods, in order; `shares` ascending.

    The arguments are of single periods, as those of `bands`.
    """
    total = point.cumsum(axis=1)
    found = _edges(panel, shares, (point, actual, rehearsed), summed=True)
    least, most = np.nanmin(panel.values, axis=1), np.nanmax(panel.values, axis=1)
    room = EXPLODED * np.maximum(most - least, np.maximum(np.abs(most), np.abs(least)))
    steps = np.arange(1, point.shape[1] + 1)
    floor, roof = (least - room)[:, None] * steps, (most + room)[:, None] * steps
    if panel.floor is not None:
        floor = np.maximum(floor, panel.floor * steps)
    stacked = np.stack([np.clip(total + found[share], floor, roof) for share in shares])
    return np.asarray(np.maximum.accumulate(stacked, axis=0))


def _late(values: Floats, width: int = 52) -> Floats:
    """The last periods; of a series with none of them, all it has."""
    late = values[:, -width:]
    empty = np.flatnonzero(~np.isfinite(late).any(axis=1))
    if not len(empty):
        return late
    late = late.copy()
    late[empty] = np.nanmean(values[empty], axis=1)[:, None]
    return late


def _growth(scores: Floats, most: float) -> Floats:
    """(h,) steps to a power between 0 (misses of one size) and `most`, as they were seen to grow."""
    steps = np.arange(1, scores.shape[2] + 1)
    here = np.isfinite(scores)
    whole, count = np.where(here, np.abs(scores), 0.0).sum(axis=(0, 1)), here.sum(axis=(0, 1))
    size: Floats = np.divide(whole, count, out=np.zeros(len(steps)), where=count > 0)
    kept = np.flatnonzero(size > 0)
    if len(kept) < 2:
        return np.ones(len(steps))
    x, y = np.log(steps[kept]), np.log(size[kept])
    power = float(np.clip(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum(), 0.0, most))
    return steps.astype(np.float64) ** power


def _worth(scores: Floats) -> float:
    """How many misses that have nothing to do with each other these are worth: between one per rehearsal of a series,
    where all its steps miss alike, and all of them."""
    here = np.isfinite(scores)
    count = here.sum(axis=2)
    blocks = float((count > 0).sum())
    if not blocks:
        return 0.0
    square = np.where(here, scores, 0.0) ** 2
    means = (np.where(here, scores, 0.0).sum(axis=2) / np.maximum(count, 1)) ** 2
    if means.sum() <= 0:
        return blocks
    return float(np.clip(blocks * (square.sum() / count.sum()) / (means.sum() / blocks), blocks, count.sum()))


def _edge(scores: Floats, share: float, worth: float | None = None) -> float:
    """The quantile of the scores, outward by what a sample of their number (or of what they are worth) lacks."""
    kept = np.sort(scores[np.isfinite(scores)])
    n = len(kept)
    if worth is not None and n and share != 0.5:
        share = 0.5 + (share - 0.5) * (1 + 1 / worth) / (1 + 1 / n)
    if share == 0.5:
        return float(np.median(kept)) if n else 0.0
    if not n:
        wide = 2.0 if 0.1 <= share <= 0.9 else 4.0
        return wide if share > 0.5 else -wide
    # Fewer rehearsed values than the share needs: half as far again as the farthest of them.
    if share < 0.5:
        below = int(np.floor((n + 1) * share)) - 1
        return float(kept[below]) if below >= 0 else 1.5 * float(min(kept[0], -abs(kept).max()))
    above = int(np.ceil((n + 1) * share)) - 1
    return float(kept[above]) if above < n else 1.5 * float(max(kept[-1], abs(kept).max()))


def edges_of(found: Mapping[int, tuple[Floats, Floats]]) -> dict[str, Floats]:
    """`lower_80`, `upper_80`, ... as columns."""
    return {f"{side}_{level}": band[i] for level, band in found.items() for i, side in enumerate(("lower", "upper"))}
