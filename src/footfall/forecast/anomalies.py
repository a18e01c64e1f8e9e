"""What in the past was out of the ordinary: single periods (spikes, drops) and lasting changes of level (breaks).

Counts and money are taken to the power of two thirds, which makes their noise nearly normal (Anscombe 1953). A short
wave is taken out by its medians, the level by a running median, and what is left is measured by a robust standard
deviation. Real noise has longer tails than the normal one: how long they are on either side is learnt from the farthest
twentieth (peaks over a threshold; Pickands 1975), and a period is out of the ordinary only where both say so. What
holidays and promotions always do, and what happened at the same time in other years, is no anomaly: a period is judged
by the smaller of how far it lies from its level and how far from what it usually does then. Of series that are mostly
zero only the sizes of their sales are judged.

A break is a leap between two straight lines, one fitted before it and one after, so that trends and slow waves are
none (a regression discontinuity at every period). How much such leaps vary without a break is learnt from the leaps of
each series and of all together, so that noise with a memory raises the bar.

Each period is a test, and so is each stretch for a break: of all that is reported, at most `rate` is chance (Benjamini
and Hochberg 1995), and where nothing ever happened, nothing at all is reported in all but `rate` of the cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, median_filter, minimum_filter1d
from scipy.signal import fftconvolve
from scipy.stats import t as student

from footfall.forecast.waves import SHORT, middle, spread
from footfall.models.panel import Floats, Panel, filled

RATE = 0.05
POWER = 2 / 3
FAR = 0.05
"""Share of a series' periods, on either side, that tells how long its tail is."""
TAIL = 20
"""Periods that far out that weigh as much as all series' tails."""
LEAST = 12
"""Observations that a series must have to be judged."""
ZEROS = 0.5
"""A series with a larger share of zeros is judged by the sizes of its sales."""
LUMPY = 0.25
"""The least spread of the sizes of rare sales, as a share of the usual one: they are a few small whole numbers."""
MARKS = 3
"""Marked periods that tell what a mark usually does; with fewer, a mark explains all."""
CLIPPED = 2.5
LEAN = 20
"""How many leaps of its own weigh as much as those of all series."""
PER_WIDTH = 4
"""Tests for a break that a stretch of one width counts as: leaps closer than a quarter of it are nearly the same."""
CHUNK = 1000
_KEPT = 0.01

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Anomaly:
    """`kind` 'spike', 'drop' or 'break' of series `row` at `period` (numbers of the panel's rows and columns).

    `actual` and `expected` are values of the period; of a break, means after and before it. `score`: how many standard
    deviations apart, with sign.
    """

    row: int
    period: int
    kind: str
    actual: float
    expected: float
    score: float

    @property
    def words(self) -> str:
        """As "218 where about 100 was to be expected", "from about 103 to about 140"."""
        if self.kind == "break":
            return f"from about {_number(self.expected)} to about {_number(self.actual)}"
        return f"{_number(self.actual)} where about {_number(self.expected)} was to be expected"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 or value == round(value) else f"{value:.1f}"


@dataclass(frozen=True)
class _Found:
    """Candidates: rows, periods, p-values, scores and what was expected; `tests`, of how many."""

    rows: NDArray[np.int64]
    periods: NDArray[np.int64]
    p: Floats
    score: Floats
    expected: Floats
    tests: float

    def kept(self, rate: float) -> NDArray[np.int64]:
        """Those that Benjamini and Hochberg's rule keeps."""
        order = np.argsort(self.p, kind="stable")
        under = np.flatnonzero(self.p[order] <= rate * np.arange(1, len(order) + 1) / max(self.tests, 1))
        return order[: under[-1] + 1] if len(under) else order[:0]


def anomalies(panel: Panel, rate: float = RATE) -> list[Anomaly]:
    """The anomalies of the panel's past, by row and period.

    Args:
        panel: its columns `holiday` and `promotion`, where known, explain what they always do.
        rate: share of chance finds among those reported; half of it is for breaks.
    """
    spikes, breaks = [], []
    for first in range(0, len(panel), CHUNK):
        rows = np.arange(first, min(first + CHUNK, len(panel)))
        seen = _Seen(panel.only(rows))
        spikes.append(_spikes(seen, first))
        breaks.append(_leaps(seen, first))
    single = _joined(spikes)
    out = []
    for i in single.kept(rate / 2):
        row, period = int(single.rows[i]), int(single.periods[i])
        kind = "spike" if single.score[i] > 0 else "drop"
        actual = float(panel.values[row, period])
        out.append(Anomaly(row, period, kind, actual, float(single.expected[i]), float(single.score[i])))
    return sorted([*out, *_breaks(panel, breaks, rate / 2)], key=lambda a: (a.row, a.period, a.kind))


class _Seen:
    """A few series with their waves and level taken out.

    `beside` (n, T) without the short wave; `level`; `gap`, what is left, NaN where nothing is judged; `unit` (n,).
    """

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.rooted = panel.floor is not None and panel.floor >= 0
        values = panel.values
        here = np.isfinite(values)
        begun = here.sum(axis=1)
        self.few = begun < LEAST
        zeros = (values == 0).sum(axis=1) > ZEROS * begun
        told = np.maximum(values, 0.0) ** POWER if self.rooted else values
        self.plain = _bridged(told)
        self.short = next((s for s in panel.seasons if s <= SHORT and panel.periods >= 4 * s), 0)
        self.wave = self._wave(np.where(here, told, np.nan)) if self.short else np.zeros_like(values)
        self.beside = self.plain - self.wave
        self.level = _running_median(self.beside, 2 * self.short + 1 if self.short else 9)
        whole = np.where(here, self.plain - self.wave - self.level, np.nan)
        whole[self.few] = np.nan
        self.whole = whole
        rare = zeros & ~self.few
        self.gap = whole.copy()
        if rare.any():
            sizes = np.where(here[rare] & (values[rare] != 0), told[rare], np.nan)
            usual = middle(sizes)[:, None]
            self.level[rare], self.wave[rare] = usual, 0.0
            self.gap[rare] = sizes - usual
        self.rare = rare
        self.unit = _unit(self.gap)
        if rare.any():
            self.unit[rare] = np.maximum(_trimmed(self.gap[rare]), LUMPY * np.abs(usual[:, 0]))
        self.marked = np.zeros(values.shape, dtype=bool)
        for name in ("holiday", "promotion"):
            if name in panel.known:
                self.marked |= np.nan_to_num(panel.known[name][:, : panel.periods]) > 0

    def _wave(self, told: Floats) -> Floats:
        """The median of each place in the wave, beside the level."""
        season = self.short
        gap = told - _running_median(self.plain, 2 * season + 1)
        each = np.stack([np.nan_to_num(middle(gap[:, k::season])) for k in range(season)], axis=1)
        each -= each.mean(axis=1, keepdims=True)
        return np.tile(each, (1, -(-told.shape[1] // season)))[:, : told.shape[1]]

    def usually(self, gap: Floats, near: int) -> tuple[Floats, Floats]:
        """(n, T) what `gap` was at the same time in other years, at most and at least within `near` periods."""
        out = []
        for extreme, empty in ((maximum_filter1d, -np.inf), (minimum_filter1d, np.inf)):
            wide = extreme(np.where(np.isfinite(gap), gap, empty), 2 * near + 1, axis=1, mode="nearest")
            wide = np.where(np.isfinite(wide), wide, np.nan)
            others = []
            for season in (s for s in self.panel.seasons if s != self.short):
                for back in range(season, gap.shape[1], season):
                    for side in (back, -back):
                        other = np.full_like(wide, np.nan)
                        if side > 0:
                            other[:, side:] = wide[:, :-side]
                        else:
                            other[:, :side] = wide[:, -side:]
                        others.append(other)
            out.append(_centre(others) if others else np.zeros_like(gap))
        return out[0], out[1]

    def back(self, values: Floats, rows: NDArray[np.int64]) -> Floats:
        """In the units of the series."""
        return np.maximum(values, 0.0) ** (1 / POWER) if self.rooted else values


def _spikes(seen: _Seen, first: int) -> _Found:
    gap, unit = seen.gap, seen.unit
    highest, lowest = seen.usually(gap, 1)
    judged = _smaller(gap, np.where(gap > 0, highest, lowest))
    marked = np.where(seen.marked, gap, np.nan)
    usual = np.where(np.isfinite(marked).sum(axis=1) >= MARKS, middle(marked), np.nan)[:, None]
    judged = np.where(seen.marked, np.where(np.isfinite(usual), _smaller(judged, usual), 0.0), judged)
    score = np.divide(judged, unit[:, None], out=np.zeros_like(gap), where=unit[:, None] > 0)
    known = np.isfinite(gap)
    freedom = np.maximum(3.0, 0.367 * known.sum(axis=1))
    bar = student.isf(_KEPT / 2, freedom)[:, None]
    rows, periods = np.nonzero(known & (np.abs(score) > bar))
    found = score[rows, periods]
    p = 2 * np.maximum(
        student.sf(np.abs(found), freedom[rows]), _tails(np.where(known, judged, np.nan), seen, rows, found)
    )
    at = (seen.level + seen.wave + gap - judged)[rows, periods]
    return _Found(rows + first, periods, p, found, seen.back(at, rows), float(known.sum()))


def _tails(judged: Floats, seen: _Seen, rows: NDArray[np.int64], score: Floats) -> Floats:
    """The chance of each score by the tail of its own row and side: exponential beyond the farthest twentieth."""
    gap, unit = judged, seen.unit
    out = np.zeros(len(rows))
    size = np.divide(gap, unit[:, None], out=np.full_like(gap, np.nan), where=unit[:, None] > 0)
    count = np.isfinite(size).sum(axis=1)
    far = np.floor(FAR * count).astype(int)
    for side in (1, -1):
        mine = score * side > 0
        ordered = np.sort(np.where(np.isfinite(size), size * side, -np.inf), axis=1)[:, ::-1]
        at = np.arange(len(gap))
        start = np.maximum(ordered[at, np.minimum(far, gap.shape[1] - 1)], 0.0)
        beyond = np.maximum(ordered[at, far // 2], 0.0) - start
        length = beyond / np.log(2)
        enough = (far >= 3) & ~seen.rare
        common = float(np.median(length[enough])) if enough.any() else 0.5
        length = (far * length + TAIL * common) / (far + TAIL)
        # Sizes of rare sales are a few small whole numbers: no tail is read from these, a long one is assumed.
        length = np.where(seen.rare, np.maximum(length, 1.0), length)
        chosen = rows[mine]
        room = np.maximum(np.abs(score[mine]) - start[chosen], 0.0)
        out[mine] = FAR * np.exp(-room / np.maximum(length[chosen], 1e-9))
    return out


def _smaller(gap: Floats, usual: Floats) -> Floats:
    """The smaller of `gap` and what it is beyond the usual; 0 where the usual goes as far. NaN usual: `gap`."""
    beyond = gap - np.nan_to_num(usual)
    beyond = np.where(np.sign(beyond) == np.sign(gap), beyond, 0.0)
    return np.where(np.abs(beyond) < np.abs(gap), beyond, gap)


@dataclass(frozen=True)
class _Leaps:
    """Leaps worth a look: rows, periods and sizes in units of white noise; `memory` (n,), how much larger the leaps of
    each series are than white noise makes them; `width`, and the periods looked at."""

    rows: NDArray[np.int64]
    periods: NDArray[np.int64]
    size: Floats
    memory: Floats
    width: int
    looked: int


def _width(panel: Panel, short: int) -> int:
    """Periods on either side of a break: eight short waves or half a year, a sixth of what there is at most."""
    wanted = 8 * short if short > 1 else 26
    width = min(wanted, panel.periods // 6)
    return width - width % short if short and width > short else width


def _leaps(seen: _Seen, first: int) -> _Leaps:
    width = _width(seen.panel, seen.short)
    n = len(seen.panel)
    nothing = np.zeros(0, dtype=np.int64)
    if width < 6:
        return _Leaps(nothing, nothing, np.zeros(0), np.full(n, np.nan), width, 0)
    level = np.where(seen.rare[:, None], seen.beside.mean(axis=1, keepdims=True), seen.level)
    gap = np.where(seen.marked, 0.0, np.nan_to_num(seen.beside - level))
    unit = np.where(seen.rare, gap.std(axis=1), spread(np.where(seen.marked, np.nan, seen.whole)))
    room = np.where(seen.rare, np.inf, CLIPPED * unit)[:, None]
    smooth = level + np.clip(gap, -room, room)
    each = np.arange(width) + 0.5
    weight = 1 / width - (width / 2) * (each - width / 2) / ((each - width / 2) ** 2).sum()
    kernel = np.concatenate([-weight[::-1], weight])
    leap = fftconvolve(smooth, kernel[::-1][None, :], mode="valid", axes=1)
    # White noise under a running median keeps a little less than its spread.
    noise = unit * np.sqrt((kernel**2).sum())
    size = np.divide(leap, noise[:, None], out=np.zeros_like(leap), where=noise[:, None] > 1e-9)
    size[seen.few] = 0.0
    open_ = np.argmax(np.isfinite(seen.panel.values), axis=1)[:, None] + width
    at = np.arange(width, width + leap.shape[1])[None, :]
    inside = at >= open_
    memory = spread(np.where(inside & (size != 0), size, np.nan))
    padded = np.full(seen.panel.values.shape, np.nan)
    padded[:, width : width + leap.shape[1]] = np.where(inside, size, np.nan)
    highest, lowest = seen.usually(padded, max(1, width // 4))
    cut = slice(width, width + leap.shape[1])
    judged = np.where(inside, _smaller(size, np.where(size > 0, highest[:, cut], lowest[:, cut])), 0.0)
    top = maximum_filter1d(np.abs(judged), 2 * width + 1, axis=1, mode="constant")
    rows, periods = np.nonzero((np.abs(judged) >= top) & (np.abs(judged) > 2))
    return _Leaps(
        rows + first, periods + width, judged[rows, periods], np.where(memory > 0, memory, np.nan), width,
        int(inside[~seen.few].sum()),
    )  # fmt: skip


def _breaks(panel: Panel, parts: list[_Leaps], rate: float) -> list[Anomaly]:
    width = parts[0].width
    looked = sum(p.looked for p in parts)
    if not looked:
        return []
    memory = np.concatenate([p.memory for p in parts])
    known = np.isfinite(memory)
    if not known.any():
        return []
    common = max(1.0, float(np.median(memory[known])))
    own = panel.periods / width
    lean = min(LEAN, int(known.sum()) - 1)
    bar = np.sqrt((own * np.nan_to_num(memory, nan=common) ** 2 + lean * common**2) / (own + lean))
    bar = np.maximum(bar, 1.0)
    rows, periods = (np.concatenate([getattr(p, k) for p in parts]) for k in ("rows", "periods"))
    score = np.concatenate([p.size for p in parts]) / bar[rows]
    p = 2 * student.sf(np.abs(score), max(4.0, own + lean))
    found = _Found(rows, periods, p, score, score, looked * PER_WIDTH / width)
    out = []
    for i in found.kept(rate):
        row, period = int(rows[i]), int(periods[i])
        past = panel.values[row]
        before, after = past[period - width : period], past[period : period + width]
        if not (np.isfinite(before).any() and np.isfinite(after).any()):
            continue
        expected, actual = float(np.nanmean(before)), float(np.nanmean(after))
        if np.sign(actual - expected) == np.sign(score[i]):
            out.append(Anomaly(row, period, "break", actual, expected, float(score[i])))
    return out


def _joined(parts: list[_Found]) -> _Found:
    names = ("rows", "periods", "p", "score", "expected")
    columns = [np.concatenate([getattr(p, name) for p in parts]) for name in names]
    rows, periods, chance, score, expected = columns
    return _Found(rows, periods, chance, score, expected, sum(p.tests for p in parts))


def _unit(gap: Floats) -> Floats:
    """(n,) a robust standard deviation that heavy tails widen: the larger of what the median and 19 in 20 say."""
    size = np.sort(np.abs(gap), axis=1)
    count = np.isfinite(gap).sum(axis=1)
    at = np.minimum((0.95 * count).astype(int), np.maximum(count - 1, 0))
    most = np.nan_to_num(size[np.arange(len(gap)), at]) / 1.96
    return cast("Floats", np.maximum(spread(gap), most))


def _trimmed(gap: Floats) -> Floats:
    """(n,) the standard deviation about 0 without the farthest fiftieth, at least one."""
    size = np.sort(np.abs(gap), axis=1)
    count = np.isfinite(gap).sum(axis=1)
    kept = np.arange(gap.shape[1]) < (count - np.maximum(1, count // 50))[:, None]
    return cast("Floats", np.sqrt(np.where(kept, size**2, 0.0).sum(axis=1) / np.maximum(kept.sum(axis=1), 1)))


def _bridged(values: Floats) -> Floats:
    """(n, T) gaps closed, the time before a series begins by its first value."""
    out = filled(values)
    first = np.argmax(np.isfinite(out), axis=1)[:, None]
    return np.where(np.isfinite(out), out, np.take_along_axis(out, first, axis=1))


def _running_median(values: Floats, width: int) -> Floats:
    """(n, T) centred; all rows end to end, each mirrored at its ends, since one long row is far quicker."""
    half = min(width // 2, values.shape[1] - 1)
    if not half:
        return values.copy()
    padded = np.pad(values, ((0, 0), (half, half)), mode="symmetric")
    found = median_filter(padded.ravel(), 2 * half + 1, mode="nearest").reshape(padded.shape)
    return cast("Floats", found[:, half:-half])


def _centre(stack: list[Floats]) -> Floats:
    """The median over a few arrays, NaN where all are."""
    if len(stack) == 1:
        return stack[0]
    ordered = np.sort(np.stack(stack), axis=0)
    count = np.isfinite(ordered).sum(axis=0)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, np.maximum(count - 1, 0))
    found = np.take_along_axis(ordered, np.stack([low, high]), axis=0).mean(axis=0)
    return cast("Floats", np.where(count > 0, found, np.nan))
