"""A tree forecast, tested, saved and asked again: coherent, in order, the same to the bit, and blind to what came."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.toy_tree import CUTOFF, DAILY, DAYS, FIRST, WEEKLY, add, same, shop, sold, stock, units

from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError, UsageError
from footfall.forecast import (
    AUTOMATIC,
    BASELINE,
    QUANTILES,
    FittedTree,
    LevelForecast,
    Origin,
    Told,
    TreeForecast,
    Work,
    backtest_tree,
    fit_tree,
    forecast_tree,
    measure,
)
from footfall.forecast.fitting import OWN
from footfall.forecast.intervals import bands, sum_quantiles
from footfall.models.panel import Floats, Panel
from footfall.tables import publish_views
from footfall.tasks import Task
from footfall.windows import lines

CHEAP = Work(models=("seasonal_naive", "moving_average"))
TREES = Work(models=("lagged", "moving_average"), settings={"lagged": {"rounds": 30, "threads": 1, "origins": 20}})


@pytest.fixture(scope="module")
def toy() -> DuckDBEngine:
    return shop()


@pytest.fixture(scope="module")
def made(toy: DuckDBEngine) -> TreeForecast:
    return forecast_tree(toy, DAILY, CUTOFF, "UTC", TREES)


def _coherent(made: TreeForecast) -> None:
    """The answer adds up, and every edge is in order and, in a shop that only sells, not below 0."""
    leaves = made.own.answer.point
    for level in made.levels:
        np.testing.assert_allclose(level.answer.point.sum(axis=0), leaves.sum(axis=0))
        for told in (*level.told.values(), level.totals):
            (low80, high80), (low95, high95) = told.bands[80], told.bands[95]
            assert np.isfinite([low95, high95]).all() and (low95 >= 0).all()
            assert (low95 <= low80).all() and (low80 <= told.point).all()
            assert (told.point <= high80).all() and (high80 <= high95).all()
        assert level.quantiles.shape == (len(QUANTILES), *level.answer.point.shape)
        assert (np.diff(level.quantiles, axis=0) >= 0).all() and level.quantiles.min() >= 0
        np.testing.assert_array_equal(level.totals.point, level.answer.point.cumsum(axis=1))


def test_every_level_is_near_what_came_and_adds_up(made: TreeForecast) -> None:
    _coherent(made)
    total, category, product = made.levels
    assert [level.level.name for level in made.levels] == ["total", "category", "product"]
    days = range(DAYS, DAYS + 14)
    assert np.abs(total.answer.point[0] / [units(d) for d in days] - 1).mean() < 0.03
    assert np.abs(category.answer.point[1] / [units(d, (0, 2, 4)) for d in days] - 1).mean() < 0.05
    came = np.array([[sold(p, d) for d in days] for p in range(5)])
    assert np.abs(product.answer.point[:5] - came).sum() / came.sum() < 0.08
    assert (product.answer.point[5] == 0).all(), "what has ended is not forecast"
    np.testing.assert_allclose(product.answer.point[6], 3, rtol=0.35)
    for row, above in ((0, (5,)), (1, (0, 2, 4)), (2, (1, 3))):
        rows = [6] if row == 0 else list(above)
        np.testing.assert_allclose(category.answer.point[row], product.answer.point[rows].sum(axis=0), atol=1e-9)
    assert set(product.told) == {AUTOMATIC, BASELINE, "lagged", "moving_average"}
    assert total.starts == tuple(FIRST + timedelta(days=d) for d in days)
    assert total.ends == tuple(FIRST + timedelta(days=d + 1) for d in days)
    assert len(total.history_starts) == DAYS


def test_notes_and_losses_say_who_answers_and_how_it_adds_up(made: TreeForecast) -> None:
    assert made.method == min(made.losses, key=lambda m: made.losses[m])
    assert set(made.losses) == {"bottom-up", "seasonal_naive", "top-down", "middle-out", "mint"}
    assert set(made.wapes) == {"total", "category", "product"} and made.wapes["total"].keys() == {*made.losses, OWN}
    words = " ".join(made.notes)
    assert "the levels add up" in words and "product: " in words and "have ended" in words
    assert set(made.seconds) == {"read", "fit", "reconcile", "forecast", "bands"}
    assert made.level("category") is made.levels[1]
    with pytest.raises(FootfallError, match="no level 'store'; it has total, category, product"):
        made.level("store")


def test_two_runs_a_saved_and_a_fitted_tree_say_the_same_to_the_bit(
    toy: DuckDBEngine, made: TreeForecast, tmp_path: Path
) -> None:
    fitted = fit_tree(toy, DAILY, CUTOFF, "UTC", TREES)
    assert same(fitted.predict(toy), made)
    fitted.save(tmp_path / "model")
    again = FittedTree.load(tmp_path / "model", DAILY)
    assert same(again.predict(toy, CUTOFF), made)
    assert again.losses == fitted.losses and again.notes == fitted.notes and again.cutoff == CUTOFF
    assert not [p for p in (tmp_path / "model").rglob("*") if p.suffix in (".pkl", ".pickle", ".joblib")]
    with pytest.raises(FootfallError, match="no fitted forecast of 'units-category-4w'"):
        FittedTree.load(tmp_path / "model", WEEKLY)
    with pytest.raises(FootfallError, match="fitted on history up to"):
        again.predict(toy, CUTOFF - timedelta(days=1))


def test_a_fitted_tree_is_asked_later_with_members_that_came_and_went() -> None:
    engine = shop(extra=[("p9", "a", FIRST + timedelta(days=d, hours=9), 40) for d in range(DAYS + 3, DAYS + 10)])
    engine.execute(f"delete from facts.lines where product_id = 'p1' and occurred_at > '{FIRST + timedelta(DAYS - 6)}'")
    fitted = fit_tree(engine, DAILY, CUTOFF, "UTC", TREES)
    later = fitted.predict(engine, CUTOFF + timedelta(days=10))
    _coherent(later)
    product = later.own
    members = [m for (m,) in product.level.members]
    assert "p9" in members and "p1" not in members and later.cutoff == CUTOFF + timedelta(days=10)
    new = product.told["moving_average"].point[members.index("p9")]
    np.testing.assert_allclose(new, 40)
    assert (product.told[BASELINE].point[members.index("p9")] == 40).all()
    came = [units(d) for d in range(DAYS + 10, DAYS + 24)]
    gone = [sold(1, d) for d in range(DAYS + 10, DAYS + 24)]
    assert np.abs(later.levels[0].answer.point[0] / (np.array(came) - gone + 40) - 1).mean() < 0.1
    engine.execute("update facts.lines set category = null")
    with pytest.raises(
        FootfallError, match="was fitted on the levels total, category, product, and now has total, prod"
    ):
        fitted.predict(engine, CUTOFF + timedelta(days=10))


def test_what_came_later_does_not_change_the_forecast() -> None:
    engine = shop()
    rows = [
        ("p0", None, FIRST + timedelta(days=d), q, FIRST + timedelta(days=d)) for d, q in ((0, 9), (30, 0), (33, 9))
    ]
    stock(engine, [*rows, ("p1", None, CUTOFF, 0, CUTOFF), ("p0", None, CUTOFF - timedelta(days=9), 0, CUTOFF)])
    publish_views(engine)
    before = forecast_tree(engine, DAILY, CUTOFF, "UTC", CHEAP)
    engine.execute(f"update facts.lines set quantity = 999, category = 'z' where occurred_at >= '{CUTOFF}'")
    engine.execute(f"update facts.stock set quantity = 77 where known_at >= '{CUTOFF}'")
    add(engine, [("new", "z", CUTOFF, 5)])
    assert same(forecast_tree(engine, DAILY, CUTOFF, "UTC", CHEAP), before)
    engine.execute(f"update facts.lines set quantity = 999 where occurred_at < '{CUTOFF}'")
    assert not same(forecast_tree(engine, DAILY, CUTOFF, "UTC", CHEAP), before)


def test_a_backtest_sets_what_was_said_beside_what_came(toy: DuckDBEngine) -> None:
    origins = [CUTOFF - timedelta(days=14), CUTOFF]
    tested = backtest_tree(toy, DAILY, origins, "UTC", CHEAP)
    assert [t.name for t in tested] == ["total", "category", "product"] and tested[0].cutoffs == origins
    for k, at in enumerate(origins):
        days = range((at - FIRST).days, (at - FIRST).days + 14)
        total, category, product = (t.origins[k] for t in tested)
        assert total.actual[0].tolist() == [units(d) for d in days]
        assert category.members == (("a",), ("b",))
        assert category.actual[1].tolist() == [units(d, (1, 3, 5)) for d in days]
        assert product.members == tuple((f"p{p}",) for p in range(5))
        assert product.actual.tolist() == [[sold(p, d) for d in days] for p in range(5)]
        alone = forecast_tree(toy, DAILY, at, "UTC", CHEAP)
        np.testing.assert_array_equal(alone.own.answer.point[:5], product.told[AUTOMATIC].point)
    found = measure(tested[2].origins, draws=20)
    assert found[AUTOMATIC]["wape"].value <= found[BASELINE]["wape"].value * 1.05
    with pytest.raises(UsageError, match="at least one origin"):
        backtest_tree(toy, DAILY, [], "UTC", CHEAP)


def test_what_is_new_since_an_origin_counts_above_and_stock_outs_count_for_nothing() -> None:
    late = [("p9", "a", CUTOFF + timedelta(days=2), 7), ("p8", "new", CUTOFF + timedelta(days=3), 5)]
    engine = shop(extra=[*late, ("p0", "a", CUTOFF + timedelta(days=4), 0)])
    engine.execute(f"delete from facts.lines where product_id = 'p0' and occurred_at >= '{CUTOFF + timedelta(days=4)}'")
    out = CUTOFF + timedelta(days=4)
    stock(engine, [("p0", None, FIRST, 9, FIRST), ("p0", None, out, 0, out)])
    publish_views(engine)
    total, category, product = (t.origins[0] for t in backtest_tree(engine, DAILY, [CUTOFF], "UTC", CHEAP))
    lost = [sold(0, DAYS + d) if d >= 4 else 0 for d in range(14)]
    extra = [{2: 7, 3: 5}.get(d, 0) for d in range(14)]
    assert total.actual[0].tolist() == [units(DAYS + d) - lost[d] + extra[d] for d in range(14)]
    assert category.actual[0, 2] == units(DAYS + 2, (0, 2, 4)) + 7 and len(category.actual) == 2
    assert np.isnan(product.actual[0, 4:]).all() and np.isfinite(product.actual[0, :4]).all()


def test_origins_are_measured_by_name_where_members_come_and_go() -> None:
    def origin(names: str, actual: list[float], said: list[float]) -> Origin:
        panel = Panel(np.ones((len(names), 4)), np.datetime64("2024-01-01") + np.arange(5), 1)
        point = np.array(said, dtype=float)[:, None]
        told = {BASELINE: Told(np.zeros_like(point), {}), "m": Told(point, {})}
        return Origin(panel, np.array(actual, dtype=float)[:, None], told, tuple((n,) for n in names))

    one, two = origin("ab", [10, 20], [11, 18]), origin("cb", [30, 40], [30, 44])
    found = measure([one, two], draws=200)["m"]["wape"]
    assert found.value == pytest.approx((1 + 2 + 0 + 4) / 100)
    # Drawn by name: b brings both its origins, so that shares lie between c's alone and those of b.
    assert found.lower >= 0 and found.upper == pytest.approx(0.1) and found.lower < 0.05
    nameless = [replace(one, members=None), replace(two, members=None)]
    assert measure(nameless, draws=5)["m"]["wape"].value == pytest.approx(0.07)
    with pytest.raises(UsageError, match="either all origins name"):
        measure([one, nameless[1]])
    with pytest.raises(UsageError, match="want `members`"):
        measure([nameless[0], replace(origin("c", [1], [1]), members=None)])


def _one(values: list[int], step: str = "7d", horizon: str = "14d", work: Work = CHEAP) -> LevelForecast:
    """One product that sold these units, period by period."""
    engine = shop(0)
    days = int(step[:-1])
    add(engine, [("p", "a", FIRST + timedelta(days=i * days), q) for i, q in enumerate(values) if q or not i])
    publish_views(engine)
    task = Task("t", "product", lines.sum("quantity").every(step), horizon)
    made = forecast_tree(engine, task, FIRST + timedelta(days=days * len(values)), "UTC", work)
    leaves = made.own.answer.point
    for level in made.levels:
        np.testing.assert_allclose(level.answer.point.sum(axis=0), leaves.sum(axis=0))
        assert all(np.isfinite(band).all() for told in level.told.values() for b in told.bands.values() for band in b)
        assert np.isfinite(level.quantiles).all()
    return made.own


def test_odd_series_have_a_clear_outcome() -> None:
    alone = _one([4])
    assert (alone.answer.point == 4).all() and (alone.answer.bands[95][1] > 4).all()
    assert (_one([0] * 6).answer.point == 0).all()
    flat = _one([5] * 40)
    assert (flat.answer.point == 5).all() and flat.answer.bands[95][0].min() > 4
    fallen = _one([-3 - i % 4 for i in range(40)], work=TREES)
    assert (fallen.answer.point < 0).all() and fallen.answer.bands[95][0].max() < 0
    rare = _one([9 if i % 6 == 0 else 0 for i in range(60)])
    assert rare.answer.bands[80][0].min() >= 0 and rare.totals.bands[95][1][0, -1] >= 9


def test_seasonal_naive_answers_where_nothing_is_better() -> None:
    engine = shop(0)
    draw = np.random.default_rng(4)
    wave = draw.permutation(np.repeat([0, 60], 182))
    at = [FIRST + timedelta(days=d) for d in range(364 * 3)]
    add(engine, [("p", "a", day, int(wave[i % 364])) for i, day in enumerate(at) if wave[i % 364]])
    publish_views(engine)
    task = Task("t", "product", lines.sum("quantity").every("14d"), "28d")
    made = forecast_tree(
        engine, replace(task, target=task.target.every("7d")), FIRST + timedelta(days=364 * 3), "UTC", CHEAP
    )
    assert any("seasonal naive, which nothing beat in the rehearsals" in n for n in made.notes)
    np.testing.assert_array_equal(made.own.answer.point, made.own.told[BASELINE].point)


def test_without_time_the_baselines_answer_and_a_note_says_so(toy: DuckDBEngine) -> None:
    hurried = forecast_tree(toy, WEEKLY, CUTOFF, "UTC", Work(seconds=1e-6))
    assert set(hurried.own.told) == {AUTOMATIC, BASELINE, "moving_average"}
    told = [n for n in hurried.notes if n.startswith("category: 3 series of 20 periods: ")]
    assert len(told) == 1 and "fit into" in told[0] and "lagged" in told[0]
    named = forecast_tree(toy, WEEKLY, CUTOFF, "UTC", Work(models=("lagged",), seconds=1e-6))
    assert set(named.own.told) == {AUTOMATIC, BASELINE, "lagged"}


def test_the_bands_of_sums_hold_and_are_no_sums_of_bands() -> None:
    draw = np.random.default_rng(5)
    n, origins, steps = 3000, 4, 6
    unit = np.exp(draw.normal(0, 1, n))
    noise = draw.standard_t(5, (origins + 1, n, steps)) * unit[None, :, None]
    level = np.repeat(50 * unit[:, None], steps, axis=1)
    panel = Panel(np.repeat(level[:, :1], 60, axis=1), np.datetime64("2024-01-01") + np.arange(66), steps, (7,))
    said = np.broadcast_to(level, (origins, n, steps)).copy()
    found = sum_quantiles(panel, level, level + noise[:origins], said, QUANTILES)
    came = (level + noise[-1]).cumsum(axis=1)
    for share, edge in zip(QUANTILES, found, strict=True):
        assert np.abs((came <= edge).mean(axis=0) - share).max() < 0.03
    low, high = bands(panel, level, level + noise[:origins], said)[80]
    whole = (high - low).sum(axis=1)
    # Misses that have nothing to do with each other grow with the root of the steps.
    assert ((found[11] - found[3])[:, -1] / whole).mean() == pytest.approx(6**-0.5, abs=0.05)


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(float, (3, 5, 4), elements=st.floats(-1e6, 1e6, width=32) | st.just(float("nan"))),
    hnp.arrays(float, (5, 30), elements=st.floats(0, 1e6, width=32)),
)
def test_quantiles_of_sums_are_in_order_finite_and_not_below_the_floor(miss: Floats, past: Floats) -> None:
    panel = Panel(past, np.datetime64("2024-01-01") + np.arange(34), 4, (7,), floor=0.0)
    point = np.abs(past[:, -4:])
    found = sum_quantiles(panel, point, point + miss, np.broadcast_to(point, miss.shape).copy(), QUANTILES)
    assert np.isfinite(found).all() and found.min() >= 0 and (np.diff(found, axis=0) >= 0).all()
    assert (found <= 4 * 12 * past.max() + 1e-9).all()


@pytest.mark.parametrize(("n", "steps"), [(1, 28), (1, 1), (5, 4)])
@pytest.mark.parametrize("kind", ["free", "alike", "walk"])
def test_bands_of_few_series_hold_however_their_misses_go_together(n: int, steps: int, kind: str) -> None:
    draw = np.random.default_rng(3)
    panel = Panel(np.full((n, 60), 100.0), np.datetime64("2024-01-01") + np.arange(60 + steps), steps, (7,))
    point, said = np.full((n, steps), 100.0), np.full((4, n, steps), 100.0)
    covered = []
    for _ in range(250):
        noise = draw.normal(0, 10, (5, n, steps))
        if kind == "alike":
            noise = np.repeat(noise[:, :, :1], steps, axis=2)
        if kind == "walk":
            noise = noise.cumsum(axis=2)
        came, found = point + noise[4], bands(panel, point, point + noise[:4], said)
        sums = sum_quantiles(panel, point, point + noise[:4], said, (0.025, 0.1, 0.9, 0.975))
        whole = came.cumsum(axis=1)
        inside = [(came >= found[k][0]) & (came <= found[k][1]) for k in (80, 95)]
        inside += [(whole >= sums[i]) & (whole <= sums[3 - i]) for i in (1, 0)]
        covered.append([one.mean() for one in inside])
    np.testing.assert_allclose(np.mean(covered, axis=0), [0.8, 0.95, 0.8, 0.95], atol=0.06)


def test_calendar_months_in_the_shops_own_zone() -> None:
    engine = shop(DAYS)
    task = Task("m", "category", lines.where(kind="sale").sum("quantity").every("1mo"), "2mo")
    made = forecast_tree(engine, task, datetime(2024, 4, 30, 22), "Europe/Berlin", CHEAP)
    assert made.levels[0].starts == (datetime(2024, 4, 30, 22), datetime(2024, 5, 31, 22))
    assert made.levels[0].ends[-1] == datetime(2024, 6, 30, 22) and made.levels[0].level.history.shape[1] == 4
