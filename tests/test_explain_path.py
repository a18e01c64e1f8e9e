"""Parts of a path: they add up, they are found where they were planted, and words say them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pytest
from tests.toy_panel import START
from tests.toy_tree import CUTOFF, DAILY, shop

from footfall.explain.path import PARTS, Answered, Change, level_parts, parts
from footfall.forecast import BASELINE, Choice, Forecast, Work, fit_tree, forecast
from footfall.forecast.waves import spread, waves
from footfall.models.panel import Floats, Panel, PathModel, find_path_model

LAGGED = {"rounds": 150, "threads": 1}
PERIODS, AHEAD = 800, 14
WEEK = np.array([0.0, -0.1, -0.05, 0.0, 0.1, 0.3, -0.25])


def _shop(series: int = 20, periods: int = PERIODS) -> tuple[Panel, Floats]:
    """Series of a trend, a week, a year and promotions that add a half, and what comes."""
    draw = np.random.default_rng(4)
    at = np.arange(PERIODS - periods, PERIODS + AHEAD)
    promotion = (np.random.default_rng(5).random((1, PERIODS + AHEAD)) < 0.08).astype(float)
    promotion[0, PERIODS:] = 0.0
    promotion[0, PERIODS + 3 : PERIODS + 6] = 1.0
    promotion = promotion[:, PERIODS - periods :]
    base = 50 * (1 + np.arange(series))[:, None]
    shape = 1 + 0.2 * at / 364 + WEEK[at % 7] + 0.2 * np.sin(2 * np.pi * at / 364) + 0.5 * promotion
    whole = base * shape * (1 + 0.03 * draw.standard_normal((series, len(at))))
    days = START + at
    known = {"promotion": promotion, "holiday": np.zeros_like(promotion)}
    return Panel(whole[:, :periods], days, AHEAD, (7, 364), known, floor=0.0), whole[:, periods:]


def _answered(found: Forecast) -> Answered:
    return Answered(found.answer.point, found.choice, {name: told.point for name, told in found.told.items()})


@pytest.fixture(scope="module")
def made() -> tuple[Panel, Forecast]:
    panel, _ = _shop()
    return panel, forecast(panel, Work(models=("lagged",), rehearsals=2, settings={"lagged": LAGGED}))


@cache
def _learnt() -> PathModel:
    return find_path_model("lagged")(0, **LAGGED).fit(_shop()[0])


def _ask(panel: Panel) -> tuple[Callable[[str, Mapping[str, Floats]], Floats], list[str]]:
    """What is asked of `lagged` again, and of whom."""
    asked: list[str] = []

    def ask(name: str, known: Mapping[str, Floats]) -> Floats:
        asked.append(name)
        return _learnt().forecast(Panel(panel.values, panel.days, panel.horizon, panel.seasons, dict(known), floor=0.0))

    return ask, asked


def test_the_parts_add_up_and_a_planted_promotion_is_a_part(made: tuple[Panel, Forecast]) -> None:
    panel, found = made
    ask, asked = _ask(panel)
    base = _answered(found)
    told = parts(panel, Answered(base.point, base.choice, base.alone, ask))
    assert tuple(told.amounts) == PARTS
    np.testing.assert_allclose(np.sum(list(told.amounts.values()), axis=0), found.answer.point, rtol=1e-9)
    assert asked == ["lagged"], "one call for the promotion, none for a holiday that is not ahead"
    own = told.amounts["promotion"].sum(axis=1) / (50 * (1 + np.arange(20)))
    assert np.abs(own.mean() - 1.5) < 0.25
    quiet = np.r_[0:3, 7:14]
    assert np.abs(told.amounts["promotion"][:, quiet]).max(axis=1).max() < 0.1 * found.answer.point.min(axis=1).max()
    assert not told.amounts["holiday"].any()
    assert np.abs(told.amounts["rest"]).mean() < 0.1 * found.answer.point.mean()


def test_a_promotion_is_said_against_last_month_and_a_trend_against_last_year(made: tuple[Panel, Forecast]) -> None:
    panel, found = made
    ask, _ = _ask(panel)
    base = _answered(found)
    told = parts(panel, Answered(base.point, base.choice, base.alone, ask))
    change = told.last_year[3]
    assert change is not None
    assert sum(change.parts.values()) == pytest.approx(change.now - change.before)
    assert change.before == pytest.approx(panel.values[3, PERIODS - 364 : PERIODS - 364 + AHEAD].sum())
    assert 0.08 < change.parts["trend"] / change.before < 0.22
    assert "above the same 14 days last year: trend +" in told.words(3)
    assert "the last 14 days" in told.words(3)
    assert told.notes[3] == ""


def test_a_forecast_scaled_over_a_tree_scales_what_promotions_do(made: tuple[Panel, Forecast]) -> None:
    panel, found = made
    ask, _ = _ask(panel)
    base = _answered(found)
    once = parts(panel, Answered(base.point, base.choice, base.alone, ask))
    more = parts(panel, Answered(base.point * 1.2, base.choice, base.alone, ask))
    np.testing.assert_allclose(more.amounts["promotion"], 1.2 * once.amounts["promotion"], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(np.sum(list(more.amounts.values()), axis=0), base.point * 1.2, rtol=1e-9)


def test_models_that_are_not_told_of_the_calendar_have_no_part_of_it() -> None:
    panel, _ = _shop(4)
    told = parts(panel, _answered(forecast(panel, Work(models=(BASELINE,), rehearsals=2))))
    assert not told.amounts["promotion"].any() and not told.amounts["holiday"].any()
    assert all("promotion" not in told.words(i) for i in range(4))


def test_waves_level_and_drift_are_those_planted() -> None:
    panel, _ = _shop(5)
    marked = np.broadcast_to(panel.known["promotion"][:, :PERIODS] > 0, panel.values.shape)
    base = 50 * (1 + np.arange(5))[:, None]
    found = waves(panel, ~marked)
    at = np.arange(PERIODS + AHEAD)
    planted = base * (WEEK[at % 7] + 0.2 * np.sin(2 * np.pi * at / 364))
    assert np.abs(found.season - planted).max() < 0.06 * base.max()
    np.testing.assert_allclose(found.now / base[:, 0], 1 + 0.2 * PERIODS / 364, rtol=0.04)
    np.testing.assert_allclose(found.drift / base[:, 0], 0.2 / 364, rtol=0.2)
    spiked = panel.values.copy()
    spiked[:, 300:303] *= 20
    other = waves(Panel(spiked, panel.days, AHEAD, (7, 364), floor=0.0), ~marked)
    assert np.abs(other.season - found.season).max() < 0.1 * base.max()


@pytest.mark.parametrize(("periods", "words"), [(500, "less than two years"), (10, "fewer than two waves of 7 days")])
def test_a_short_history_is_said(periods: int, words: str) -> None:
    panel, _ = _shop(3, periods)
    told = parts(panel, _answered(forecast(panel, Work(models=(BASELINE,), rehearsals=1))))
    assert words in told.words(0)
    if periods == 10:
        assert told.lately == (None,) * 3 and told.last_year == (None,) * 3


ODD = ([[0.0] * 60], [[5.0] * 60], [[np.nan] * 59 + [4.0]], [list(-np.arange(60.0))], [[3.0]], [[0, 0, 0, 4.0] * 15])


@pytest.mark.parametrize("values", ODD)
def test_odd_series_have_parts_that_add_up(values: list[list[float]]) -> None:
    past = np.asarray(values, dtype=np.float64)
    panel = Panel(past, START + np.arange(past.shape[1] + 3), 3, (7, 364))
    point = np.full((1, 3), 7.0)
    choice = Choice(np.zeros(1, dtype=np.int64), ((BASELINE,),))
    told = parts(panel, Answered(point, choice, {BASELINE: point}))
    np.testing.assert_allclose(np.sum(list(told.amounts.values()), axis=0), point)
    assert np.isfinite(list(told.amounts.values())).all()
    assert isinstance(told.words(0), str) and "nan" not in told.words(0)


def test_gaps_leave_nothing_to_compare_with() -> None:
    values = np.full((2, 60), 5.0)
    values[1, -2] = np.nan
    panel = Panel(values, START + 7 * np.arange(64), 4, (52,))
    point = np.full((2, 4), 6.0)
    choice = Choice(np.zeros(2, dtype=np.int64), ((BASELINE,),))
    told = parts(panel, Answered(point, choice, {BASELINE: point}))
    assert told.lately[0] is not None and told.lately[1] is None
    assert told.lately[0].words.startswith("20% above the last 4 weeks: ")
    assert told.last_year[0] is not None and "same 4 weeks last year" in told.last_year[0].words


@pytest.mark.parametrize(
    ("before", "now", "parts", "words"),
    [
        (100, 108, {"trend": 5, "season": 0.2, "promotion": 3, "rest": -0.2}, "8% above X: trend +5%, promotion +3%"),
        (100, 92, {"trend": -2, "season": -7, "rest": 1}, "8% below X: season -7%, trend -2%, other +1%"),
        (100, 100.1, {"trend": 0.1}, "as X"),
        (0, 12, {"trend": 12}, "12 above X: trend +12"),
        (-5, -25, {"trend": -20}, "20 below X: trend -20"),
        (10, 123, {"trend": 113}, "12.3 times X: trend +1130%"),
    ],
)  # fmt: skip
def test_a_change_in_words(before: float, now: float, parts: dict[str, float], words: str) -> None:
    assert Change(before, now, parts, "X").words == words


def test_the_spread_is_robust_and_knows_empty_rows() -> None:
    draw = np.random.default_rng(0).standard_normal((3, 2000))
    draw[1, :200] = 1e6
    draw[2] = np.nan
    found = spread(draw)
    np.testing.assert_allclose(found[:2], [1.0, 1.13], atol=0.08)
    assert found[2] == 0
    assert spread(np.array([[0.0, 0.0, 0.0, 4.0]]))[0] == pytest.approx(1.2533)


def test_the_parts_of_every_level_of_a_tree_add_up_and_its_promotions_are_among_them() -> None:
    engine = shop()
    marks = ", ".join(
        f"(date '2024-01-01' + {day}, 'promotion', timestamp '2023-12-01', 't')"
        for day in [*range(5, 140, 17), 142, 143]
    )
    engine.execute(f"insert into facts.calendar (date, promotion, known_at, source) values {marks}")
    engine.execute(
        "insert into facts.calendar (date, known_at, source) values (date '2024-06-30', timestamp '2023-12-01', 't')"
    )
    work = Work(models=("lagged",), settings={"lagged": {"rounds": 30, "threads": 1, "origins": 20}})
    fitted = fit_tree(engine, DAILY, CUTOFF, "UTC", work)
    made = fitted.predict(engine, CUTOFF, "UTC")
    assert "promotion" in made.own.level.panel.known
    for level, its in zip(made.levels, fitted.levels, strict=True):
        told = level_parts(level, its)
        np.testing.assert_allclose(np.sum(list(told.amounts.values()), axis=0), level.answer.point, atol=1e-9)
        flat = told.amounts["promotion"][level.level.flat]
        assert not flat.any(), "a row whose mean is forecast has no promotion in it"
        assert all(told.words(i) for i in range(len(level.level.members)))
