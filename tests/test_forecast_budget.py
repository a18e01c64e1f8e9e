"""Which models fit a time: by what they declare, the costliest left out first, and said in words."""

from __future__ import annotations

import numpy as np
import pytest
from tests.toy_panel import toy

from footfall.errors import UsageError
from footfall.forecast import budget
from footfall.forecast.budget import cost_of, models_within
from footfall.models.panel import Panel, find_path_model, path_model_names

CHEAP = ("lagged", "moving_average", "seasonal_naive")


def _days(series: int, periods: int = 730) -> Panel:
    """Never looked into, so that it may be of any size."""
    values = np.broadcast_to(np.float64(1.0), (series, periods))
    return Panel(values, np.datetime64("2022-01-01") + np.arange(periods + 28), 28, (7, 364), floor=0.0)


class _Slow:
    @staticmethod
    def seconds(panel: Panel) -> tuple[float, float]:
        return 0.0, 1e-3 * panel.values.size


@pytest.fixture
def with_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "find_path_model", lambda n: _Slow if n == "slow" else find_path_model(n))
    monkeypatch.setattr(budget, "default_models", lambda: [*path_model_names(), "slow"])


def test_a_small_panel_is_tried_with_all_models_and_nothing_is_said() -> None:
    found = models_within(toy())
    assert found.names == tuple(path_model_names()) and found.words == ""


def test_ten_thousand_daily_series_are_left_to_the_boosted_model_and_cheap_ones(with_slow: None) -> None:
    found = models_within(_days(10_000), 300)
    assert set(found.names) >= set(CHEAP) and "slow" not in found.names and "statsforecast" not in found.names
    assert sum(found.seconds[m] for m in found.names) < 300 < found.seconds["slow"]
    assert "10,000 series of 730 periods" in found.words and "slow (about 10 hours)" in found.words
    assert "not fit into 5 minutes" in found.words and "lagged, moving_average, seasonal_naive" in found.words


def test_the_costliest_goes_first_and_the_baselines_stay(with_slow: None) -> None:
    names = (*CHEAP, "slow")
    panel = _days(2000)
    every = sum(cost_of(m, panel) for m in names)
    assert models_within(panel, every + 1, names=names).names == tuple(sorted(names))
    assert models_within(panel, every - 1, names=names).names == CHEAP
    assert models_within(panel, 1e-9, names=names).names == ("moving_average", "seasonal_naive")


def test_the_same_size_has_the_same_answer(with_slow: None) -> None:
    one, other = _days(3000), _days(3000)
    other = Panel(other.values * 7, other.days, other.horizon, other.seasons, floor=0.0)
    assert models_within(one, 60) == models_within(other, 60)


def test_more_rehearsals_cost_more_and_learning_is_paid_twice() -> None:
    panel = _days(1000)
    fit, forecast = find_path_model("lagged").seconds(panel)  # type: ignore[attr-defined]
    assert cost_of("lagged", panel, 4) == pytest.approx(2 * fit + 5 * forecast)
    assert cost_of("lagged", panel, 0) == pytest.approx(fit + forecast)


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_no_time_is_refused_in_words(seconds: float) -> None:
    with pytest.raises(UsageError, match="number of seconds above 0"):
        models_within(toy(), seconds)
