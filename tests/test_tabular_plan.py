"""Which cutoffs train, rehearse, test and predict: never one whose target is not over yet."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.errors import FootfallError
from footfall.spans import midnight, shift, span
from footfall.tabular import Clock, Plan, Settings, lighter, make_clock, make_plan, origins, training_cutoffs
from footfall.tasks import Task
from footfall.windows import Shape, orders

ZONES = st.sampled_from(["UTC", "Europe/London", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe"])
HORIZONS = st.sampled_from(["6h", "1d", "2d", "7d", "10d", "4w", "30d", "1mo", "90d"])


def ask(horizon: str) -> Task:
    return Task(f"buy-{horizon}", "customer", orders.any(), horizon)


@st.composite
def clocks(draw: st.DrawFn) -> Clock:
    tz = draw(ZONES)
    first = datetime(2023, 1, 1) + timedelta(hours=draw(st.integers(0, 24 * 365)))
    last = first + timedelta(hours=draw(st.integers(24, 24 * 500)))
    limit = shift(midnight(last, tz), span("1d"), 1, tz)
    end = limit if draw(st.booleans()) else midnight(last, tz)
    return Clock(first, end, tz, limit)


def planned(task: Task, clock: Clock, settings: Settings, at: datetime | None = None, tests: int = 0) -> Plan | None:
    try:
        return make_plan(task, clock, settings, at, tests)
    except FootfallError as error:
        assert "too short to learn from" in str(error)
        return None


@given(clocks(), HORIZONS, st.integers(-600, 600), st.integers(0, 6))
def test_no_target_of_training_reaches_past_the_instant_or_the_data(
    clock: Clock, horizon: str, move: int, tests: int
) -> None:
    task, settings = ask(horizon), Settings(cutoffs=9, rehearsals=3)
    at = shift(clock.end, span("1d"), move, clock.tz)
    plan = planned(task, clock, settings, at, tests)
    if plan is None:
        return
    assert plan.score == at
    assert clock.limit is not None
    for cutoff in plan.train:
        assert clock.first < cutoff
        assert shift(cutoff, task.span, 1, clock.tz) <= min(at, clock.limit)
    for cutoff in plan.test:
        assert shift(cutoff, task.span, 1, clock.tz) <= min(at, clock.limit), "a test's outcome must be known"
        before = training_cutoffs(task, cutoff, clock, settings, plan.anchor)
        assert before, "a test needs something to learn from"
        assert set(before) <= set(plan.train), "what a test's model learns from must be prepared"
        assert all(shift(c, task.span, 1, clock.tz) <= cutoff for c in before)


@given(clocks(), HORIZONS)
def test_origins_are_over_before_they_are_used_and_lie_a_horizon_apart(clock: Clock, horizon: str) -> None:
    task, settings = ask(horizon), Settings(cutoffs=9)
    plan = planned(task, clock, settings)
    if plan is None:
        return
    found = origins(task, clock.end, clock, settings, plan.anchor, 4)
    assert len(found) <= 4 and found == sorted(set(found))
    for at in found:
        assert shift(at, task.span, 1, clock.tz) <= clock.end
        assert training_cutoffs(task, at, clock, settings, plan.anchor)
    apart = min(task.span.days, 35 - 7) - 1.1
    assert all((b - a).total_seconds() / 86400 >= apart for a, b in pairwise(found))


@given(clocks(), HORIZONS, st.integers(1, 12))
def test_the_newest_cutoffs_are_kept_on_one_grid(clock: Clock, horizon: str, most: int) -> None:
    task = ask(horizon)
    plan = planned(task, clock, Settings(cutoffs=most))
    if plan is None:
        return
    step = Settings().stepped(task.span)
    every = training_cutoffs(task, clock.end, clock, Settings(cutoffs=5000), plan.anchor)
    assert list(plan.train) == every[-most:]
    on_grid = {shift(plan.anchor, step, -k, clock.tz) for k in range(2500)}
    assert set(plan.train) <= on_grid
    if step.unit != "h":
        assert all(midnight(c, clock.tz) == c for c in plan.train), "days keep to local midnight over a clock change"


def test_a_target_that_ends_exactly_at_the_instant_is_known_and_one_a_day_later_is_not() -> None:
    clock = Clock(datetime(2024, 1, 1), datetime(2024, 6, 1))
    task, step = ask("7d"), Settings(step=span("1d"))
    at = datetime(2024, 5, 1)
    assert training_cutoffs(task, at, clock, step, clock.end)[-1] == datetime(2024, 4, 24)
    assert training_cutoffs(task, at + timedelta(microseconds=-1), clock, step, clock.end)[-1] == datetime(2024, 4, 23)


def test_an_instant_long_after_the_data_learns_from_the_data_alone() -> None:
    clock = Clock(datetime(2024, 1, 1), datetime(2024, 6, 1), "UTC", datetime(2024, 6, 1))
    task = ask("7d")
    plan = make_plan(task, clock, Settings(), datetime(2025, 6, 1), tests=2)
    assert max(plan.train) + timedelta(days=7) <= datetime(2024, 6, 1)
    assert max(plan.train) + timedelta(days=14) > datetime(2024, 6, 1)
    assert max(plan.test) + timedelta(days=7) <= datetime(2024, 6, 1)
    rehearsed = origins(task, datetime(2025, 6, 1), clock, Settings(), plan.anchor, 3)
    assert max(rehearsed) + timedelta(days=7) <= datetime(2024, 6, 1)


def test_the_grid_over_a_clock_change_stays_at_midnight() -> None:
    tz = "Europe/London"
    end = midnight(datetime(2024, 4, 15, 12), tz)
    plan = make_plan(ask("7d"), Clock(datetime(2024, 1, 1), end, tz), Settings())
    winter = [c for c in plan.train if c < datetime(2024, 3, 31)]
    summer = [c for c in plan.train if c > datetime(2024, 3, 31)]
    assert winter and all(c.hour == 0 for c in winter)
    assert summer and all(c.hour == 23 for c in summer)


@pytest.mark.parametrize("horizon", ["7d", "30d", "90d"])
def test_a_history_too_short_says_so(horizon: str) -> None:
    days = span(horizon).count
    clock = Clock(datetime(2024, 1, 1), datetime(2024, 1, 1) + timedelta(days=days))
    with pytest.raises(FootfallError, match=rf"buy-{horizon} looks {days} days ahead.*only {days} days: too short"):
        make_plan(ask(horizon), clock, Settings())
    with pytest.raises(FootfallError, match=r"before 2023-12-01 is only 0 days: too short"):
        make_plan(ask(horizon), clock, Settings(), datetime(2023, 12, 1))


def test_nine_days_are_enough_for_a_question_about_one() -> None:
    plan = make_plan(ask("1d"), Clock(datetime(2017, 11, 25), datetime(2017, 12, 4)), Settings(), tests=2)
    assert len(plan.train) == 8 and plan.train[0] == datetime(2017, 11, 26)
    assert plan.test == (datetime(2017, 12, 2), datetime(2017, 12, 3))


# --- the last whole day -----------------------------------------------------------------------------------


def clock_of(ends: list[datetime], tz: str = "UTC") -> Clock:
    """The clock of a shop whose last facts per day are these."""
    return make_clock(Shape({}, {}, (), False, ends[0], ends[-1], tuple(ends)), tz)


def evenings(days: int, hour: int = 22) -> list[datetime]:
    return [datetime(2024, 5, 1, hour) + timedelta(days=d) for d in range(days)]


def test_a_last_day_like_the_others_is_whole() -> None:
    clock = clock_of(evenings(28))
    assert clock.end == clock.limit == datetime(2024, 5, 29)
    late_once = [*evenings(27), datetime(2024, 5, 28, 23)]
    assert clock_of(late_once).end == datetime(2024, 5, 29)


def test_a_last_day_that_stops_earlier_than_all_others_is_not_whole() -> None:
    clock = clock_of([*evenings(27), datetime(2024, 5, 28, 11)])
    assert (clock.end, clock.limit) == (datetime(2024, 5, 28), datetime(2024, 5, 29))
    assert clock.known_until(datetime(2024, 5, 28, 6)) == datetime(2024, 5, 28, 6)
    assert clock.known_until(datetime(2024, 7, 1)) == datetime(2024, 5, 29)


def test_one_quiet_day_before_makes_an_early_end_usual() -> None:
    days = evenings(28)
    days[10] = days[10].replace(hour=9)
    assert clock_of([*days[:-1], datetime(2024, 5, 28, 11)]).end == datetime(2024, 5, 29)


def test_dates_without_a_time_of_day_are_whole_days() -> None:
    assert clock_of(evenings(28, hour=0)).end == datetime(2024, 5, 29)


def test_with_less_than_a_week_to_compare_the_last_day_counts() -> None:
    assert clock_of([*evenings(6), datetime(2024, 5, 7, 1)]).end == datetime(2024, 5, 8)


def test_days_are_those_of_the_shop() -> None:
    # 16:30 UTC is half past midnight in Shanghai: the last day there has half an hour.
    ends = [datetime(2024, 5, 1, 15, 50) + timedelta(days=d) for d in range(20)]
    ends.append(datetime(2024, 5, 20, 16, 30))
    clock = clock_of(ends, "Asia/Shanghai")
    assert (clock.end, clock.limit) == (datetime(2024, 5, 20, 16), datetime(2024, 5, 21, 16))


def test_large_shops_get_lighter_work_and_small_ones_only_a_budget() -> None:
    small, large = lighter(Settings(), 5_000), lighter(Settings(), 200_000)
    assert (small.step, small.cutoffs, small.tests) == (None, 40, 6)
    assert small.budget == large.budget < Settings().budget
    assert large.step == span("28d") and large.cutoffs < small.cutoffs and large.tests < small.tests
    mine = Settings(step=span("14d"), cutoffs=3, tests=1)
    assert (lighter(mine, 200_000).step, lighter(mine, 200_000).cutoffs) == (span("14d"), 3)
