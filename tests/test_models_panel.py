"""The contract of models for paths, on every member, over a toy of a known weekly wave and trend."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.toy_panel import START, toy, truth

from footfall.errors import FootfallError, UsageError
from footfall.models.contract import find_model, model_names
from footfall.models.panel import Floats, Panel, filled, find_path_model, path_model_names, season_back
from footfall.models.statsforecast import Statistical, affordable, arima_seconds

ALWAYS = ("seasonal_naive", "moving_average", "lagged", "intermittent")
FLAT = ("moving_average", "intermittent")
"""Models that say the same of every period ahead."""
HERE = path_model_names()
QUICK = {"lagged": {"rounds": 120, "threads": 1}}


def _model(name: str, seed: int = 0):  # type: ignore[no-untyped-def]
    return find_path_model(name)(seed, **QUICK.get(name, {}))


def _panel(values: Floats, horizon: int = 14, floor: float | None = None) -> Panel:
    days = START + np.arange(values.shape[1] + horizon)
    return Panel(np.asarray(values, dtype=np.float64), days, horizon, (7,), floor=floor)


def _miss(said: Floats, came: Floats) -> float:
    return float(np.abs(said - came).sum() / np.abs(came).sum())


def test_the_baselines_are_always_there_and_no_path_model_answers_chances() -> None:
    assert set(ALWAYS) <= set(HERE)
    assert not set(HERE) & set(model_names())
    with pytest.raises(UsageError, match="there is no model 'lagged'"):
        find_model("lagged")
    with pytest.raises(UsageError, match=r"no forecasting model 'laged'; did you mean 'lagged'"):
        find_path_model("laged")


@pytest.mark.parametrize("name", [n for n in HERE if n not in FLAT])
def test_a_wave_and_a_trend_are_found(name: str) -> None:
    panel = toy(noise=0.01)
    came = truth(12, panel.periods, panel.horizon)
    said = _model(name).fit(panel).forecast(panel)
    flat = _model("moving_average").forecast(panel)
    assert said.shape == came.shape
    assert _miss(said, came) < 0.03 < 0.08 < _miss(flat, came)


def test_the_baselines_say_what_they_are_defined_to_say() -> None:
    panel = toy()
    naive, mean = (_model(n).forecast(panel) for n in ("seasonal_naive", "moving_average"))
    np.testing.assert_array_equal(naive, np.tile(panel.values[:, -7:], 2))
    np.testing.assert_allclose(mean, np.repeat(panel.values[:, -28:].mean(axis=1)[:, None], 14, axis=1))
    young = _panel(np.array([[np.nan] * 5 + [3.0, 4.0]]))
    np.testing.assert_array_equal(_model("seasonal_naive").forecast(young)[0, :7], [4, 4, 4, 4, 4, 3, 4])


def test_season_back_takes_the_last_season_that_is_over() -> None:
    row = np.arange(20.0)[None, :]
    np.testing.assert_array_equal(season_back(row, 7, 9)[0], [13, 14, 15, 16, 17, 18, 19, 13, 14])
    np.testing.assert_array_equal(season_back(row, 7, 2, 2)[0], [6, 7])
    assert np.isnan(season_back(row, 30, 3)).all()


ODD = {
    "one observation": [[np.nan] * 39 + [7.0]],
    "zeros": [[0.0] * 40],
    "constant": [[5.0] * 40],
    "negative": [list(-np.arange(40.0))],
    "a gap": [[5.0] * 10 + [np.nan] * 5 + [6.0] * 25],
    "silent at the end": [[5.0] * 30 + [np.nan] * 10],
    "one period": [[3.0]],
    "three kinds": [[0.0] * 40, [np.nan] * 39 + [1e9], [1e-9] * 40],
    "intermittent": [[0.0, 0.0, 0.0, 4.0] * 10],
}


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("what", ODD)
def test_odd_series_have_a_finite_answer_near_their_past(name: str, what: str) -> None:
    values = np.array(ODD[what])
    for floor in (None, 0.0) if np.nanmin(values) >= 0 else (None,):
        panel = _panel(values, 5, floor)
        said = _model(name).fit(panel).forecast(panel)
        assert said.shape == (len(values), 5)
        assert np.isfinite(said).all()
        reach = np.nanmax(np.abs(values), axis=1)
        assert (np.abs(said).max(axis=1) <= 11 * reach).all()
        assert floor is None or said.min() >= 0
    if what in ("zeros", "constant"):
        np.testing.assert_allclose(said, values[:, :5], atol=1e-6)


@pytest.mark.parametrize("name", HERE)
def test_nothing_after_the_panel_is_seen_and_two_fits_are_the_same(name: str) -> None:
    whole = toy(6, 90, 7, noise=0.05)
    later = whole.values.copy()
    later[:, 70:] = 1e6
    for seed in (0, 1):
        first, second = (
            _model(name, seed).fit(p.until(70)).forecast(p.until(70)) for p in (whole, replace(whole, values=later))
        )
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", HERE)
def test_larger_units_give_a_larger_answer_and_nothing_else(name: str) -> None:
    panel = toy(6, 90, 7, noise=0.05)
    larger = replace(panel, values=panel.values * 64)
    one, many = (_model(name).fit(p).forecast(p) for p in (panel, larger))
    assert _miss(many, one * 64) < 0.02


@pytest.mark.parametrize("name", HERE)
def test_a_saved_model_says_the_same(name: str, tmp_path: Path) -> None:
    panel = toy(6, 90, 7, noise=0.05)
    model = _model(name).fit(panel)
    model.save(tmp_path / "m")
    np.testing.assert_array_equal(type(model).load(tmp_path / "m").forecast(panel), model.forecast(panel))
    assert not list(tmp_path.rglob("*.pkl"))
    with pytest.raises(FootfallError, match=f"no saved model '{name}'"):
        type(model).load(tmp_path / "nothing")
    with pytest.raises(UsageError, match="has no setting 'wimdow'"):
        find_path_model(name)(0, wimdow=3)


def test_lagged_uses_what_is_known_of_the_periods_ahead() -> None:
    draw = np.random.default_rng(0)
    marks = (draw.random(134) < 0.2).astype(float)
    whole = truth(12, 0, 134, 0.0) * (1 + marks)
    days = START + np.arange(134)
    panel = Panel(whole[:, :120], days, 14, (7,), {"promotion": marks[None, :]})
    blind = replace(panel, known={})
    told, untold = (_miss(_model("lagged").fit(p).forecast(p), whole[:, 120:]) for p in (panel, blind))
    assert told < 0.5 * untold


BAD = {
    "no series": (lambda: _panel(np.empty((0, 5))), FootfallError, "no series"),
    "nothing": (lambda: _panel(np.full((2, 5), np.nan)), FootfallError, "series 0 has no observation"),
    "infinite": (lambda: _panel(np.array([[1.0, np.inf]])), FootfallError, "infinite"),
    "horizon": (lambda: _panel(np.ones((1, 5)), 0), UsageError, "at least one period"),
    "twice": (
        lambda: Panel(np.ones((1, 2)), np.array(["2024-01-01", "2024-01-01", "2024-01-02"], "M8[D]"), 1),
        UsageError,
        "in order, each once",
    ),
    "past only": (
        lambda: replace(toy(2, 20, 3), known={"fuel": np.where(np.arange(23) < 20, 1.0, np.nan)[None, :]}),
        FootfallError,
        "'fuel' is known of the past only",
    ),
    "short": (lambda: replace(toy(2, 20, 3), known={"fuel": np.ones((1, 20))}), FootfallError, "'fuel' is known of"),
    "group": (lambda: replace(toy(2, 20, 3), groups={"store": np.zeros(3, dtype=int)}), UsageError, "group 'store'"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_panel_that_cannot_be_is_refused_in_words(what: str) -> None:
    make, error, words = BAD[what]
    with pytest.raises(error, match=words):
        make()


def test_gaps_are_bridged_and_beginnings_stay_open() -> None:
    row = np.array([[np.nan, 2.0, np.nan, 3.0, np.nan]])
    np.testing.assert_array_equal(filled(row), [[np.nan, 2.0, 2.0, 3.0, 3.0]])


def test_lagged_goes_on_where_known_columns_come_and_go(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    days = np.datetime64("2024-01-01") + np.arange(127)
    sale = (rng.random((1, 127)) < 0.2).astype(float)
    values = 10 * np.ones((5, 120)) * (1 + 2 * sale[:, :120]) + rng.normal(0, 0.1, (5, 120))
    told = Panel(values, days, 7, (7,), {"promotion": sale, "price": np.ones((1, 127))}, {}, 0.0)
    model = find_path_model("lagged")(0).fit(told)
    before = model.forecast(told)
    model.save(tmp_path)
    again = find_path_model("lagged").load(tmp_path)
    np.testing.assert_array_equal(again.forecast(told), before)
    # A column that it never learnt from changes nothing.
    more = replace(told, known={**told.known, "weather": rng.random((1, 127))})
    np.testing.assert_array_equal(again.forecast(more), before)
    # One that is gone is taken as it usually was: no sale, and the usual price.
    calm = replace(told, known={"promotion": np.zeros((1, 127)), "price": np.ones((1, 127))})
    np.testing.assert_array_equal(again.forecast(replace(told, known={})), again.forecast(calm))
    assert np.abs(before - again.forecast(calm)).max() > 5


def test_lagged_refuses_a_panel_of_other_groups() -> None:
    panel = toy(3, 40, 5)
    other = replace(panel, groups={"shelf": np.asarray([0, 0, 1])})
    with pytest.raises(FootfallError, match="fit it again"):
        _model("lagged").fit(panel).forecast(other)


def test_lagged_says_the_same_of_many_series_at_once_and_of_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = replace(toy(9, 90, 7, noise=0.05), groups={"shelf": np.arange(9) % 3})
    model = _model("lagged").fit(panel)
    whole = model.forecast(panel)
    monkeypatch.setattr("footfall.models.lagged.CHUNK", 2)
    np.testing.assert_array_equal(model.forecast(panel), whole)


def _smoothed(row: Floats, of_chance: float, of_size: float) -> tuple[float, float]:
    """Teunter, Syntetos and Babai step by step: the rate at the end, and the squared error of the later half."""
    chance, size = float((row[:8] != 0).mean()), float(row[row != 0][0])
    loss = 0.0
    for k, value in enumerate(row):
        if 2 * (k + 1) > len(row):
            loss += (value - chance * size) ** 2
        if value != 0:
            size += of_size * (value - size)
        chance += of_chance * ((value != 0) - chance)
    return chance * size, loss


def test_intermittent_is_the_best_of_its_speeds_by_the_book() -> None:
    draw = np.random.default_rng(2)
    values = np.where(draw.random((5, 80)) < 0.2, draw.integers(1, 9, (5, 80)), 0.0)
    values[:, 3] = 4.0
    said = _model("intermittent").forecast(_panel(values, 3, 0.0))
    for row, told in zip(values, said, strict=True):
        tried = [_smoothed(row, a, b) for a in (0.02, 0.05, 0.1, 0.2) for b in (0.05, 0.1, 0.3)]
        np.testing.assert_allclose(told, min(tried, key=lambda t: t[1])[0])


def test_intermittent_finds_the_rate_and_lets_fade_what_is_no_longer_asked_for() -> None:
    draw = np.random.default_rng(1)
    values = np.where(draw.random((400, 300)) < 0.1, 5.0, 0.0)
    values[:, 0] = 5.0
    rate = _model("intermittent").forecast(_panel(values, 1, 0.0)).mean()
    assert rate == pytest.approx(0.5, rel=0.05)
    gone = values.copy()
    gone[:, 150:] = 0.0
    assert _model("intermittent").forecast(_panel(gone, 1, 0.0)).mean() < 0.1 * rate


def test_arima_is_one_of_the_statistical_methods_where_it_is_affordable() -> None:
    few, many = toy(5, 60, 3), toy(60, 400, 7)
    months = replace(few, seasons=(12,))
    assert affordable(months) and not affordable(replace(months, seasons=(52,)))
    assert not affordable(replace(many, seasons=(7,)))
    assert Statistical.seconds(months)[1] > arima_seconds(months) > 1
    if "statsforecast" in path_model_names():
        assert "arima" in Statistical().parts(months) and "arima" not in Statistical().parts(
            replace(few, seasons=(52,))
        )
