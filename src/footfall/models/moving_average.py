"""Moving average: the mean of the last periods, the same for every period ahead. A baseline without a season."""

from __future__ import annotations

import numpy as np

from footfall.models.panel import Floats, Local, Panel, filled


class MovingAverage(Local):
    """Settings: `window`, periods; None: four times a short season (a wave of up to a fortnight), else eight."""

    name = "moving_average"
    known_settings = {"window": None}  # noqa: RUF012

    def forecast(self, panel: Panel) -> Floats:
        """(n, horizon) the mean of the window's observations."""
        short = min(panel.seasons, default=1)
        window = self.settings["window"] or (4 * short if 1 < short <= 14 and short != 12 else 8)
        values = filled(panel.values)[:, -window:]
        out = np.repeat(np.nanmean(values, axis=1)[:, None], panel.horizon, axis=1)
        return out if panel.floor is None else np.maximum(out, panel.floor)


PATH_MODEL = MovingAverage
