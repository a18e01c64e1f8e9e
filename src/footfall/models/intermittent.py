"""Intermittent: how often something is sold, times how much at a time, both smoothed. For series that are mostly zero.

The method of Teunter, Syntetos and Babai (2011): the chance of a sale is smoothed at every period, the size only where
there is one, so that an item that is no longer asked for fades, which Croston's method (1972) does not let it. How fast
each is smoothed is chosen per series, from a few speeds, by squared error one period ahead in the later half of its
past. A series without zeros gets simple exponential smoothing. The forecast is the same for every period ahead.
"""

from __future__ import annotations

import numpy as np

from footfall.models.panel import Floats, Local, Panel, bounded

CHANCES = (0.02, 0.05, 0.1, 0.2)
SIZES = (0.05, 0.1, 0.3)
CHUNK = 1000
FIRST = 8
"""Periods from whose mean the chance starts."""


class Intermittent(Local):
    """Settings: none."""

    name = "intermittent"

    @staticmethod
    def seconds(panel: Panel) -> tuple[float, float]:
        """Of one fit and one forecast, measured: two million values a second."""
        return 0.0, 5e-7 * panel.values.size + 1e-4 * panel.periods

    def forecast(self, panel: Panel) -> Floats:
        """(n, horizon) the expected sale of any one period."""
        return bounded(np.repeat(_rate(panel.values)[:, None], panel.horizon, axis=1), panel)


def _rate(values: Floats) -> Floats:
    """(n,) chance times size at the end, by the best pair of speeds."""
    return np.concatenate([_of(values[i : i + CHUNK]) for i in range(0, len(values), CHUNK)])


def _of(values: Floats) -> Floats:
    """`_rate` of so few series that all of their numbers lie near at hand."""
    n, periods = values.shape
    here = np.isfinite(values)
    sold = here & (values != 0)
    age = np.cumsum(here, axis=1)
    early = here & (age <= FIRST)
    begin = np.where(sold.any(axis=1), values[np.arange(n), np.argmax(sold, axis=1)], 0.0)
    chance = np.tile((sold & early).sum(axis=1) / np.maximum(early.sum(axis=1), 1), (len(CHANCES), 1))
    size = np.tile(begin, (len(SIZES), 1))
    loss = np.zeros((len(CHANCES), len(SIZES), n))
    value, there, sale, judged = (
        np.ascontiguousarray(a.T, dtype=np.float64)
        for a in (np.where(here, values, 0.0), here, sold, here & (2 * age > age[:, -1:]))
    )
    for k in range(periods):
        if judged[k].any():
            miss = chance[:, None, :] * size
            miss -= value[k]
            miss *= miss
            miss *= judged[k]
            loss += miss
        size += np.multiply.outer(SIZES, sale[k]) * (value[k] - size)
        chance += np.multiply.outer(CHANCES, there[k]) * (sale[k] - chance)
    best = np.argmin(loss.reshape(-1, n), axis=0)
    return np.asarray((chance[:, None, :] * size).reshape(-1, n)[best, np.arange(n)])


PATH_MODEL = Intermittent
