"""Paths: series from facts, the choice of models by rehearsal, bands that hold, and how good they were."""

from footfall.forecast.anomalies import Anomaly, anomalies
from footfall.forecast.backtest import TestedLevel, backtest_tree
from footfall.forecast.choose import BASELINE, Choice, Rehearsal, choose, rehearsal_origins, rehearse
from footfall.forecast.hierarchy import QUANTILES, FittedTree, LevelForecast, TreeForecast, fit_tree, forecast_tree
from footfall.forecast.intervals import bands
from footfall.forecast.metrics import MEASURES, Measured, Origin, Told, measure
from footfall.forecast.path import AUTOMATIC, Forecast, Work, decided, forecast
from footfall.forecast.ready import is_ready, ready_cutoff, ready_span, resolved
from footfall.forecast.series import SeriesSet, ready_series, series_query, task_series, whole_periods
from footfall.forecast.tree import Level, Tree, read_tree

__all__ = [
    "AUTOMATIC", "BASELINE", "MEASURES", "QUANTILES",
    "Anomaly", "Choice", "FittedTree", "Forecast", "Level", "LevelForecast", "Measured", "Origin", "Rehearsal",
    "SeriesSet", "TestedLevel", "Told", "Tree", "TreeForecast", "Work",
    "anomalies", "backtest_tree", "bands", "choose", "decided", "fit_tree", "forecast", "forecast_tree", "is_ready",
    "measure", "read_tree", "ready_cutoff", "ready_series", "ready_span", "rehearsal_origins", "rehearse", "resolved",
    "series_query", "task_series", "whole_periods",
]  # fmt: skip
