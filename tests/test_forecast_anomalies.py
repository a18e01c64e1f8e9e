"""Anomalies of the past: planted ones are found, and noise, waves, promotions and trends are none."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from tests.toy_panel import START

from footfall.forecast.anomalies import RATE, Anomaly, anomalies
from footfall.models.panel import Floats, Panel

Draw = Callable[[np.random.Generator], Floats]


def _panel(
    values: Floats, seasons: tuple[int, ...] = (7, 364), floor: float | None = None, mark: Floats | None = None
) -> Panel:
    step = 7 if seasons == (52,) else 1
    days = START + step * np.arange(values.shape[1] + 1)
    known = {} if mark is None else {"promotion": np.append(mark, 0.0)[None, :]}
    return Panel(np.asarray(values, dtype=np.float64), days, 1, seasons, known, floor=floor)


def _white(draw: np.random.Generator) -> Floats:
    return 50 + draw.standard_normal((20, 200))


def _counts(draw: np.random.Generator) -> Floats:
    return draw.poisson(5, (20, 300)).astype(float)


def _rare(draw: np.random.Generator) -> Floats:
    return draw.poisson(0.3, (20, 300)).astype(float)


def _remembers(draw: np.random.Generator) -> Floats:
    noise = draw.standard_normal((20, 400))
    for k in range(1, 400):
        noise[:, k] += 0.6 * noise[:, k - 1]
    return noise[:, 50:]


def _shop(draw: np.random.Generator) -> Floats:
    """A trend, a week and a year, on twenty scales."""
    at = np.arange(800)
    shape = np.exp(3 + 0.3 * np.sin(2 * np.pi * at / 364) + 0.3 * np.sin(2 * np.pi * at / 7) + 0.001 * at)
    return shape * np.arange(1, 21)[:, None] * (1 + 0.1 * draw.standard_normal((20, 800)))


@pytest.mark.parametrize(
    ("noise", "runs", "seasons", "floor"),
    [
        (_white, 100, (7, 364), None),
        (_white, 60, (52,), None),
        (_counts, 40, (7, 364), 0.0),
        (_rare, 40, (7, 364), 0.0),
        (_remembers, 40, (7, 364), None),
        (_shop, 15, (7, 364), 0.0),
    ],
)  # fmt: skip
def test_nothing_is_found_in_noise_at_the_stated_rate(
    noise: Draw, runs: int, seasons: tuple[int, ...], floor: float | None
) -> None:
    found = [bool(anomalies(_panel(noise(np.random.default_rng(run)), seasons, floor))) for run in range(runs)]
    # Of so many runs with the stated rate, more than this is one case in a thousand.
    assert sum(found) <= RATE * runs + 3.1 * np.sqrt(RATE * (1 - RATE) * runs)


@pytest.fixture(scope="module")
def planted() -> tuple[Panel, list[Anomaly]]:
    values = 100 + 10 * np.random.default_rng(1).standard_normal((100, 400))
    values[:20, 200] += 100
    values[20:40, 100] -= 90
    values[40:60, 210:] += 40
    panel = _panel(values, floor=0.0)
    return panel, anomalies(panel)


def test_planted_spikes_drops_and_breaks_are_found_with_what_was_expected(planted: tuple[Panel, list[Anomaly]]) -> None:
    panel, found = planted
    spikes, drops, breaks = ([a for a in found if a.kind == kind] for kind in ("spike", "drop", "break"))
    assert sum(a.row < 20 and a.period == 200 for a in spikes) >= 19
    assert sum(20 <= a.row < 40 and a.period == 100 for a in drops) >= 19
    assert sum(40 <= a.row < 60 and abs(a.period - 210) <= 3 for a in breaks) >= 19
    assert len(found) <= 63
    assert found == sorted(found, key=lambda a: (a.row, a.period))
    for a in spikes + drops:
        assert a.actual == panel.values[a.row, a.period] and abs(a.expected - 100) < 20
        assert (a.score > 0) == (a.kind == "spike")
    for a in breaks:
        assert abs(a.expected - 100) < 10 and abs(a.actual - 140) < 10


def test_twice_the_same(planted: tuple[Panel, list[Anomaly]]) -> None:
    panel, found = planted
    assert anomalies(panel) == found


def test_a_promotion_explains_itself_and_one_beyond_the_others_does_not() -> None:
    draw = np.random.default_rng(2)
    mark = np.zeros(400)
    mark[10::40] = 1.0
    values = 100 + 5 * draw.standard_normal((10, 400)) + 80 * mark
    values[0, 170] += 150
    told = [(a.row, a.period) for a in anomalies(_panel(values, floor=0.0, mark=mark)) if a.kind != "break"]
    blind = anomalies(_panel(values, floor=0.0))
    assert told == [(0, 170)]
    assert len(blind) > 50


def test_what_comes_back_each_year_is_no_anomaly_and_what_came_once_is() -> None:
    draw = np.random.default_rng(3)
    values = 100 + 5 * draw.standard_normal((10, 156))
    for year in range(3):
        values[:, 20 + 52 * year] += 80
    values[4, 85] += 80
    found = anomalies(_panel(values, (52,), 0.0))
    assert [(a.row, a.period, a.kind) for a in found] == [(4, 85, "spike")]


def test_rare_sales_are_judged_by_their_size() -> None:
    values = np.random.default_rng(4).poisson(0.2, (30, 400)).astype(float)
    values[7, 250] = 60
    found = anomalies(_panel(values, floor=0.0))
    assert [(a.row, a.period, a.kind) for a in found] == [(7, 250, "spike")]


ODD = ([[0.0] * 60], [[5.0] * 60], [[np.nan] * 59 + [4.0]], [list(-np.arange(60.0))], [[3.0]], [[1.0, 2.0]])


@pytest.mark.parametrize("values", ODD)
def test_odd_series_hold_none(values: list[list[float]]) -> None:
    assert anomalies(_panel(np.asarray(values))) == []


def test_gaps_are_no_drops_and_a_beginning_is_no_break() -> None:
    values = 100 + 5 * np.random.default_rng(5).standard_normal((10, 400))
    values[:5, :150] = np.nan
    values[5:, 200:215] = np.nan
    assert anomalies(_panel(values, floor=0.0)) == []


def test_a_constant_series_with_one_leap_has_one() -> None:
    values = np.full((2, 200), 5.0)
    values[1, 90] = 50
    assert [(a.row, a.period, a.kind) for a in anomalies(_panel(values, floor=0.0))] == [(1, 90, "spike")]


@pytest.mark.parametrize(
    ("kind", "actual", "expected", "words"),
    [
        ("spike", 1218.4, 100.2, "1,218 where about 100 was to be expected"),
        ("drop", 0.0, 2.25, "0 where about 2.2 was to be expected"),
        ("break", 140.2, 103.0, "from about 103 to about 140"),
    ],
)
def test_an_anomaly_in_words(kind: str, actual: float, expected: float, words: str) -> None:
    assert Anomaly(0, 0, kind, actual, expected, 5.0).words == words


def test_a_thousand_series_of_two_years_take_seconds() -> None:
    values = np.abs(100 + 20 * np.random.default_rng(6).standard_normal((1000, 730)))
    begun = time.perf_counter()
    anomalies(_panel(values, floor=0.0))
    assert time.perf_counter() - begun < 8
