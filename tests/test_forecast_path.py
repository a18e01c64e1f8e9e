"""The choice, its guard, the bands and the measures, on panels whose answers are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.toy_panel import START, toy, truth

from footfall.errors import FootfallError, UsageError
from footfall.forecast import (
    AUTOMATIC,
    BASELINE,
    Origin,
    Rehearsal,
    Told,
    Work,
    bands,
    choose,
    forecast,
    measure,
    rehearsal_origins,
    rehearse,
)
from footfall.forecast.choose import candidates, chosen_for, fitted_at
from footfall.models.panel import Floats, Panel

CHEAP = Work(models=("seasonal_naive", "moving_average"))


def _panel(values: Floats, horizon: int = 3, floor: float | None = None) -> Panel:
    return Panel(values, START + np.arange(values.shape[1] + horizon), horizon, (7,), floor=floor)


def test_rehearsals_stand_a_horizon_apart_and_end_before_the_cutoff() -> None:
    assert rehearsal_origins(toy(2, 120, 14)) == (64, 78, 92, 106)
    assert rehearsal_origins(toy(2, 40, 14)) == (26,)
    assert rehearsal_origins(toy(2, 10, 4)) == (2, 6)
    assert rehearsal_origins(toy(2, 3, 14)) == ()


def test_a_rehearsal_is_not_told_what_came() -> None:
    panel = toy(4, 90, 7)
    origins = rehearsal_origins(panel, 3)
    found = rehearse(panel, origins, ["lagged", BASELINE], settings={"lagged": {"rounds": 20, "threads": 1}})
    later = panel.values.copy()
    later[:, origins[0] :] *= 3
    other = rehearse(
        replace(panel, values=later), origins, ["lagged"], settings={"lagged": {"rounds": 20, "threads": 1}}
    )
    np.testing.assert_array_equal(found.told["lagged"][0], other.told["lagged"][0])
    assert (found.told["lagged"][1] != other.told["lagged"][1]).any()
    np.testing.assert_array_equal(found.actual[1], panel.values[:, origins[1] : origins[1] + 7])


def test_a_model_is_fitted_anew_where_the_history_has_grown() -> None:
    assert fitted_at((52, 65, 78)) == (52, 65, 78)
    assert fitted_at((646, 674, 702, 730)) == (646, 646, 646, 730)
    assert fitted_at(()) == ()


def test_the_choice_takes_what_was_nearer_group_by_group_and_naive_keeps_guard() -> None:
    came = np.full((2, 900, 4), 100.0)
    naive, flat = np.full_like(came, 110.0), np.full_like(came, 104.0)
    group = np.repeat([0, 1, 2], 300)
    flat[:, group == 1] = 150.0
    flat[:, group == 2] = 110.0
    chosen = choose(Rehearsal((5, 9), came, {BASELINE: naive, "flat": flat}), group)
    assert chosen.members == (("flat",), (BASELINE,), (BASELINE,)) and chosen.guarded == (1, 2)
    assert chosen.losses[0]["flat"] == pytest.approx(0.4)
    said = chosen.combined({BASELINE: naive[0], "flat": flat[0]})
    assert said[0, 0] == 104 and said[450, 0] == 110


def test_two_that_miss_on_opposite_sides_answer_together() -> None:
    came = np.full((3, 20, 4), 100.0)
    told = {BASELINE: came + 12, "over": came + 6, "under": came - 6}
    chosen = choose(Rehearsal((1, 2, 3), came, told))
    assert chosen.members == (("over", "under"),) and chosen.guarded == ()
    np.testing.assert_array_equal(chosen.combined(told), came)


def test_a_small_group_leans_on_all_series() -> None:
    came = np.full((1, 101, 4), 100.0)
    naive, flat = came + 10, came + 5
    flat[:, 0], naive[:, 0] = 108.0, 107.0
    group = np.r_[0, np.ones(100, dtype=int)]
    lucky = replace_first(naive, 107.0)
    chosen = choose(Rehearsal((1,), came, {BASELINE: lucky, "flat": flat}), group)
    assert chosen.members[1] == ("flat",)
    assert chosen.members[0] == (BASELINE,), "the guard holds even where all series together say otherwise"
    nearly = replace_first(flat, 106.9)
    assert choose(Rehearsal((1,), came, {BASELINE: lucky, "flat": nearly}), group).members[0] == ("flat",)


@pytest.mark.parametrize("steady", [True, False])
def test_groups_are_chosen_for_apart_where_that_was_better_on_origins_held_out(steady: bool) -> None:
    many, origins = 200, 4
    came = np.full((origins, many, 4), 100.0)
    group = np.repeat([0, 1], many // 2)
    fond = np.arange(origins)[:, None] % 2 == group  # of which model a group is served better, origin by origin
    if steady:
        fond = np.broadcast_to(group == 0, fond.shape)
    near, far = (came + np.where(fond, *misses)[..., None] for misses in ((2, 9), (9, 2)))
    told = {BASELINE: came + 20, "a": near, "b": far}
    groups = {"category": group, "whole": np.zeros(many, dtype=np.int64)}
    panel = replace(_panel(np.ones((many, 9)), 4), groups=groups)
    rehearsal = Rehearsal((1, 2, 3, 4), came, told)
    chosen = chosen_for(panel, rehearsal)
    if steady:
        assert chosen.members == (("a",), ("b",))
    else:  # what a group was served best by at three origins fails it at the fourth
        assert len(chosen.members) == 1
    assert len(chosen_for(panel, rehearsal, "category").members) == 2, "a named group is kept to"
    assert len(chosen_for(panel, replace(rehearsal, origins=(4,)), None).members) == 1, "one origin settles nothing"


def replace_first(values: Floats, by: float) -> Floats:
    out = values.copy()
    out[:, 0] = by
    return out


def test_candidates_hold_the_baseline_first() -> None:
    assert candidates([BASELINE, "a"]) == [(BASELINE,), ("a",), ("a", BASELINE)]
    with pytest.raises(UsageError, match="always stands"):
        candidates(["a"])


def test_a_history_too_short_is_answered_by_naive_and_a_rehearsal_of_it_refused() -> None:
    panel = _panel(np.array([[3.0, 5.0]]), 5)
    found = forecast(panel)
    assert found.rehearsal is None and found.choice.members == ((BASELINE,),)
    np.testing.assert_array_equal(found.answer.point, [[5.0] * 5])
    assert (found.answer.bands[95][0] < 5).all() and (found.answer.bands[95][1] > 5).all()
    with pytest.raises(FootfallError, match="too short to rehearse"):
        rehearse(panel, (), [BASELINE])


def test_the_bands_hold_as_often_as_they_say() -> None:
    draw = np.random.default_rng(5)
    n, origins, steps = 5000, 4, 3
    unit = np.exp(draw.normal(0, 1, n))
    noise = draw.standard_t(4, (origins + 1, n, steps)) * unit[None, :, None] * np.array([1.0, 2.0, 3.0])
    level = 100 * unit
    point = np.repeat(level[:, None], steps, axis=1)
    panel = _panel(np.repeat(level[:, None], 60, axis=1), steps)
    found = bands(panel, point, point + noise[:origins], np.broadcast_to(point, (origins, n, steps)).copy())
    for which, (low, high) in found.items():
        inside = (point + noise[-1] >= low) & (point + noise[-1] <= high)
        assert np.abs(inside.mean(axis=0) - which / 100).max() < 0.03
    width = (found[80][1] - found[80][0]).mean(axis=0)
    assert width[0] * 1.5 < width[1] < width[2]


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(float, (3, 5, 4), elements=st.floats(-1e6, 1e6, width=32) | st.just(float("nan"))),
    hnp.arrays(float, (5, 30), elements=st.floats(0, 1e6, width=32)),
    st.booleans(),
)
def test_bands_are_ordered_finite_and_never_below_the_floor(miss: Floats, past: Floats, counts: bool) -> None:
    panel = _panel(past, 4, 0.0 if counts else None)
    point = np.abs(past[:, -4:])
    found = bands(panel, point, point + miss, np.broadcast_to(point, miss.shape).copy())
    (low80, high80), (low95, high95) = found[80], found[95]
    assert np.isfinite([low80, high80, low95, high95]).all()
    assert (low95 <= low80).all() and (low80 <= point).all() and (point <= high80).all() and (high80 <= high95).all()
    assert not counts or low95.min() >= 0
    assert (high95 <= 12 * max(past.max(), 1e-9) + 1e-9).all()


def _held(found: dict[int, tuple[Floats, Floats]], came: Floats, rows: slice = slice(None)) -> dict[int, float]:
    return {n: float(((low <= came) & (came <= high))[rows].mean()) for n, (low, high) in found.items()}


@pytest.mark.parametrize("season", [0.5, 4.0])
def test_bands_of_a_busy_month_are_wider_than_those_of_a_quiet_one(season: float) -> None:
    draw = np.random.default_rng(1)
    mean = draw.uniform(20, 200, (400, 1))
    usual = np.repeat(mean, 3, axis=1)
    panel = _panel(draw.poisson(mean, (400, 30)).astype(float), floor=0.0)
    actual = draw.poisson(usual, (4, *usual.shape)).astype(float)
    said = np.broadcast_to(usual, actual.shape).copy()
    ahead = season * usual
    found = bands(panel, ahead, actual, said)
    held = _held(found, draw.poisson(ahead).astype(float))
    assert held[80] == pytest.approx(0.8, abs=0.05) and held[95] == pytest.approx(0.95, abs=0.03)
    steady = bands(panel, usual, actual, said)
    wide, plain = (np.mean(high - low) for low, high in (found[95], steady[95]))
    assert wide / plain == pytest.approx(np.sqrt(season), rel=0.1)


def test_series_that_hardly_sell_have_bands_of_their_own() -> None:
    draw = np.random.default_rng(2)
    often, seldom, steps = 900, 300, 3

    def sold(shape: tuple[int, ...]) -> Floats:
        """Near ten a day; or one piece on seven days of a hundred."""
        one = 10 + draw.uniform(-2, 2, (*shape, often, steps))
        return np.concatenate([one, (draw.random((*shape, seldom, steps)) < 0.07).astype(float)], axis=-2)

    past = np.concatenate([sold(()) for _ in range(20)], axis=1)
    panel = _panel(past, steps, floor=0.0)
    point = np.repeat(np.r_[np.full(often, 10.0), np.full(seldom, 0.07)][:, None], steps, axis=1)
    found = bands(panel, point, sold((4,)), np.broadcast_to(point, (4, *point.shape)).copy())
    came = sold(())
    assert _held(found, came, slice(0, often))[95] == pytest.approx(0.95, abs=0.02)
    assert _held(found, came, slice(often, None))[95] > 0.95  # by the bands of the others it would be 93%


def test_the_whole_line_finds_the_wave_and_says_so_again() -> None:
    panel = toy(8, 120, 7, noise=0.02)
    work = Work(models=("lagged", "moving_average"), settings={"lagged": {"rounds": 80, "threads": 1}})
    one, two = forecast(panel, work), forecast(panel, work)
    came = truth(8, 120, 7)
    assert "moving_average" not in one.choice.members[0]
    assert np.abs(one.answer.point - came).sum() / came.sum() < 0.03
    np.testing.assert_array_equal(one.answer.point, two.answer.point)
    low, high = one.answer.bands[95]
    assert ((came >= low) & (came <= high)).mean() > 0.8
    assert set(one.told) == {AUTOMATIC, BASELINE, "lagged", "moving_average"}


ODD = ([[0.0] * 60], [[5.0] * 60], [[np.nan] * 59 + [4.0]], [list(-np.arange(60.0))], [[3.0]])


@pytest.mark.parametrize("values", ODD)
def test_odd_series_have_a_clear_outcome(values: list[list[float]]) -> None:
    found = forecast(_panel(np.array(values)), CHEAP)
    low, high = found.answer.bands[95]
    assert np.isfinite([low, found.answer.point, high]).all()


def _origin() -> Origin:
    past = np.array([[1.0, 2.0, 4.0, 8.0], [10.0, 10.0, 20.0, 10.0]])
    panel = Panel(past, START + np.arange(6), 2)
    actual = np.array([[10.0, 20.0], [10.0, np.nan]])
    good = Told(np.array([[11.0, 18.0], [10.0, 99.0]]), {80: (actual - 1, actual + 1), 95: (actual + 1, actual + 2)})
    return Origin(panel, actual, {BASELINE: Told(np.full((2, 2), 8.0), {}), "good": good})


def test_the_measures_against_sums_by_hand() -> None:
    found = measure([_origin()], draws=50)
    good = {name: m.value for name, m in found["good"].items()}
    assert good["wape"] == pytest.approx(3 / 40)
    assert good["bias"] == pytest.approx(-1 / 40)
    # Naive within the past is out by 1, 2, 4 and by 0, 10, 10.
    assert good["mase"] == pytest.approx((1 / (7 / 3) + 2 / (7 / 3) + 0) / 3)
    assert good["rmsse"] == pytest.approx((np.sqrt(2.5 / 7) + 0) / 2)
    assert good["coverage_80"] == 1 and good["coverage_95"] == 0
    loss = [0.1 * 1, 0.1 * 1, 0.975 * 1, 0.025 * 2]
    assert good["pinball"] == pytest.approx(3 * 2 * (loss[0] + loss[1] + 0.975 * 1 + 0.025 * 2) / 4 / 40, rel=0.2)
    assert "pinball" not in found[BASELINE]
    gap = found["good"]["wape"].difference
    assert gap is not None and gap[0] == pytest.approx(3 / 40 - 16 / 40) and gap[1] <= gap[0] <= gap[2]
