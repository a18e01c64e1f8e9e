"""Statistical: the median of exponential smoothing, Theta, decomposition and seasonal naive, series by series.

AutoETS, DynamicOptimizedTheta and MSTL are those of the library `statsforecast` (the extra `forecast`), which this
file alone imports, and only when it is asked: without the library there is no such model, and nothing else changes.
Where the panel is small enough to pay for it, AutoARIMA is one more. The median of several is what the M5 competition's
benchmark of statistical methods does.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import pyarrow as pa

from footfall.models.panel import Floats, Local, Panel, bounded, filled
from footfall.models.seasonal_naive import SeasonalNaive

LONGEST = 24
"""Smoothing keeps one state per season's period: with longer seasons it goes without."""
ARIMA = 20.0
"""Seconds that AutoARIMA may take for all series of a panel together; with a season longer than `LONGEST` it is not
asked."""


class Statistical(Local):
    """Settings: `jobs`, processes beside each other; the numbers do not depend on it."""

    name = "statsforecast"
    known_settings = {"jobs": 1}  # noqa: RUF012

    @staticmethod
    def seconds(panel: Panel) -> tuple[float, float]:
        """Of one fit and one forecast by one job, measured; smoothing with a season costs thrice as much."""
        season = panel.seasons[0] if panel.seasons else 1
        rest = (6e-4 if 1 < season <= LONGEST else 2e-4) * panel.values.size
        return 0.0, rest + (arima_seconds(panel) if affordable(panel) else 0.0)

    def forecast(self, panel: Panel) -> Floats:
        """(n, horizon) the median of `parts`."""
        stacked = np.stack(list(self.parts(panel).values()))
        return bounded(np.median(stacked, axis=0), panel)

    def parts(self, panel: Panel) -> dict[str, Floats]:
        """Each method's own forecast, (n, horizon); what a method cannot say, seasonal naive says."""
        library, zoo = import_module("statsforecast"), import_module("statsforecast.models")
        naive = SeasonalNaive().forecast(panel)
        season = panel.seasons[0] if panel.seasons else 1
        models: list[Any] = [
            zoo.AutoETS(season_length=season if season <= LONGEST else 1, alias="ets"),
            zoo.DynamicOptimizedTheta(season_length=season, alias="theta"),
        ]
        if season > 1:
            models.append(zoo.MSTL(season_length=season, trend_forecaster=zoo.AutoETS(model="ZZN"), alias="mstl"))
        if affordable(panel):
            models.append(zoo.AutoARIMA(season_length=season, alias="arima"))
        table = _long(panel)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run = library.StatsForecast(models, freq=1, n_jobs=self.settings["jobs"], fallback_model=zoo.Naive())
            found = run.forecast(df=table, h=panel.horizon)
        found = found.sort_values(["unique_id", "ds"])
        out = {"seasonal_naive": naive}
        for model in models:
            told = found[model.alias].to_numpy(dtype=np.float64).reshape(naive.shape)
            out[model.alias] = np.where(np.isfinite(told), told, naive)
        return out


def affordable(panel: Panel) -> bool:
    """Whether AutoARIMA is asked: for seasons that it can bear, and panels of few values."""
    season = panel.seasons[0] if panel.seasons else 1
    return season <= LONGEST and arima_seconds(panel) <= ARIMA


def arima_seconds(panel: Panel) -> float:
    """What AutoARIMA takes for all series, measured."""
    return 0.4 * len(panel) + 3e-3 * panel.values.size


def _long(panel: Panel) -> Any:
    """A row per observation: unique_id, ds (number of the period), y."""
    values = filled(panel.values)
    row, period = np.nonzero(np.isfinite(values))
    return pa.table({"unique_id": row, "ds": period, "y": values[row, period]}).to_pandas()


if find_spec("statsforecast"):
    PATH_MODEL = Statistical
