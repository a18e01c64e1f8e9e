"""Series of a known wave of seven days and a known trend."""

from __future__ import annotations

import numpy as np

from footfall.models.panel import Floats, Panel

WAVE = np.array([0.0, -6.0, -4.0, 1.0, 5.0, 14.0, -10.0])
START = np.datetime64("2024-01-01")


def truth(series: int, first: int, count: int, trend: float = 0.1) -> Floats:
    """A wave of seven days on a line, each series at a level of its own."""
    at = np.arange(first, first + count)
    return np.stack([(i + 1) * (50 + trend * at + WAVE[at % 7]) for i in range(series)])


def toy(series: int = 12, periods: int = 120, horizon: int = 14, noise: float = 0.0) -> Panel:
    values = truth(series, 0, periods)
    values = values * (1 + noise * np.random.default_rng(3).standard_normal(values.shape))
    return Panel(values, START + np.arange(periods + horizon), horizon, (7,))
