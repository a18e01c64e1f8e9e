"""Seasonal naive: the value one season ago; where a series is younger than that, its last value. The baseline."""

from __future__ import annotations

import numpy as np

from footfall.models.panel import Floats, Local, Panel, filled, season_back


class SeasonalNaive(Local):
    """The panel's first season counts: a week of days, a year of weeks or months."""

    name = "seasonal_naive"

    def forecast(self, panel: Panel) -> Floats:
        """(n, horizon) what stood there one season before."""
        values = filled(panel.values)
        out = np.repeat(values[:, -1:], panel.horizon, axis=1)
        if panel.seasons:
            back = season_back(values, panel.seasons[0], panel.horizon)
            out = np.where(np.isfinite(back), back, out)
        return out if panel.floor is None else np.maximum(out, panel.floor)


PATH_MODEL = SeasonalNaive
