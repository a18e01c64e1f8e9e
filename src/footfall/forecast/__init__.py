"""Paths: series from facts, the choice of models by rehearsal, bands that hold, and how good they were."""

from footfall.forecast.choose import BASELINE, Choice, Rehearsal, choose, rehearsal_origins, rehearse
from footfall.forecast.intervals import bands
from footfall.forecast.metrics import MEASURES, Measured, Origin, Told, measure
from footfall.forecast.path import AUTOMATIC, Forecast, Work, decided, forecast
from footfall.forecast.series import SeriesSet, ready_series, task_series

__all__ = [
    "AUTOMATIC", "BASELINE", "MEASURES",
    "Choice", "Forecast", "Measured", "Origin", "Rehearsal", "SeriesSet", "Told", "Work",
    "bands", "choose", "decided", "forecast", "measure", "ready_series", "rehearsal_origins", "rehearse",
    "task_series",
]  # fmt: skip
