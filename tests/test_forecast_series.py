"""Series from facts: beside an oracle in plain Python, and as the laws of time say."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from tests.tiny_shop import CUTOFF, tiny_shop

from footfall.engine import DuckDBEngine, Query, values_sql
from footfall.errors import FootfallError, UsageError
from footfall.forecast import Work, backtest_tree, forecast, read_tree, ready_cutoff, resolved
from footfall.forecast.series import SPINE, ended, ready_series, seasons_of, task_series
from footfall.spans import shift, span
from footfall.tables import create_tables, publish_views, refresh_known
from footfall.tasks import Task
from footfall.windows import Aggregate, Frame, Future, Spine, compile_windows, lines, orders, series

WEEKS = Task("revenue-category-4w", "category", lines.where(kind="sale").sum("amount").every("7d"), "28d")


@pytest.fixture(scope="module")
def shop() -> DuckDBEngine:
    engine = DuckDBEngine()
    tiny_shop(engine)
    return engine


def _oracle(engine: DuckDBEngine, key: str, days: int, cutoff: datetime) -> dict[tuple[str, datetime], Decimal]:
    """(key, start of the period) -> sum of sales that happened within it and were known before the cutoff."""
    out: dict[tuple[str, datetime], Decimal] = defaultdict(Decimal)
    for name, at, known, amount, kind in engine.rows(f"select {key}, occurred_at, known_at, amount, kind from lines"):
        if kind == "sale" and at < cutoff and known < cutoff:
            back = (cutoff - at - timedelta(microseconds=1)) // timedelta(days=days)
            out[name, cutoff - timedelta(days=days * (back + 1))] += amount
    return out


@pytest.mark.parametrize("cutoff", [CUTOFF, datetime(2020, 4, 3)])
@pytest.mark.parametrize(("entity", "key", "step"), [("category", "category", 7), ("product", "product_id", 1)])
def test_a_period_is_the_sum_a_plain_loop_finds(
    shop: DuckDBEngine, entity: str, key: str, step: int, cutoff: datetime
) -> None:
    task = Task("t", entity, lines.where(kind="sale").sum("amount").every(f"{step}d"), f"{4 * step}d")
    found = task_series(shop, task, cutoff)
    truth = _oracle(shop, key, step, cutoff)
    first = min(start for _, start in truth)
    assert len(found.members) > 3
    for row, (member,) in enumerate(found.members):
        born = min(start for name, start in truth if name == member)
        for start, value in zip(found.starts, found.panel.values[row], strict=False):
            if start < born:
                assert np.isnan(value)
            else:
                assert value == pytest.approx(float(truth.get((member, start), 0)))
    opened = min(at for (at,) in shop.rows("select occurred_at from lines where kind = 'sale'"))
    whole = first.date() >= opened.date()
    assert found.starts[0] == (first if whole else first + timedelta(days=step))
    assert found.starts[found.panel.periods] == cutoff
    assert found.starts[-1] == cutoff + timedelta(days=3 * step)
    assert not shop.has(SPINE)


def test_nothing_at_or_after_the_cutoff_is_seen_nor_known(shop: DuckDBEngine) -> None:
    before = task_series(shop, WEEKS, CUTOFF).panel.values
    shop.execute("begin")
    shop.execute(f"update facts.lines set amount = 1e6 where occurred_at >= '{CUTOFF}' or known_at >= '{CUTOFF}'")
    try:
        np.testing.assert_array_equal(task_series(shop, WEEKS, CUTOFF).panel.values, before)
        shop.execute(f"update facts.lines set amount = 1e6 where occurred_at < '{CUTOFF}' and known_at < '{CUTOFF}'")
        assert (task_series(shop, WEEKS, CUTOFF).panel.values != before).any()
    finally:
        shop.execute("rollback")


def test_the_whole_shop_several_keys_and_a_population(shop: DuckDBEngine) -> None:
    whole = task_series(shop, Task("t", "all", orders.sum("amount").every("7d"), "28d"), CUTOFF)
    assert whole.members == ((),) and whole.panel.values.shape == (1, 20)
    pairs = Task("t", ("category", "store"), lines.where(kind="sale").sum("amount").every("7d"), "28d")
    both = task_series(shop, pairs, CUTOFF)
    assert both.keys == ("category", "store_id") and set(both.panel.groups) == {"key0", "key1"}
    alone = task_series(shop, WEEKS, CUTOFF)
    for row, member in enumerate(alone.members):
        mine = [i for i, m in enumerate(both.members) if m[:1] == member]
        np.testing.assert_allclose(np.nansum(both.panel.values[mine], axis=0), np.nan_to_num(alone.panel.values[row]))
    busy = Task("t", "product", WEEKS.target, "28d", among=lines.count().past("28d").at_least(20))
    some, every = (task_series(shop, t, CUTOFF) for t in (busy, Task("t", "product", WEEKS.target, "28d")))
    assert 0 < len(some.members) < len(every.members)


def _sales(rows: list[tuple[str, str, float]], tz: str = "UTC") -> DuckDBEngine:
    engine = DuckDBEngine()
    create_tables(engine)
    for i, (product, at, amount) in enumerate(rows):
        engine.execute(
            "insert into facts.lines (source, source_customer_id, order_id, product_id, occurred_at, known_at, kind, "
            "amount, quantity) values ('t', 'c', ?, ?, ?, ?, 'sale', ?, 1)",
            [str(i), product, at, at, amount],
        )
    publish_views(engine)
    refresh_known(engine)
    return engine


def test_calendar_months_start_on_the_first() -> None:
    engine = _sales([("p", f"2024-{m:02d}-{d:02d}", m) for m in range(1, 7) for d in (1, 15, 28)])
    task = Task("m", "product", lines.sum("amount").every("1mo"), "2mo")
    found = task_series(engine, task, datetime(2024, 7, 1))
    np.testing.assert_array_equal(found.panel.values, [[3.0, 6.0, 9.0, 12.0, 15.0, 18.0]])
    assert found.starts[-2:] == (datetime(2024, 7, 1), datetime(2024, 8, 1))
    with pytest.raises(UsageError, match="first of a month"):
        task_series(engine, task, datetime(2024, 6, 15))


def test_days_are_the_shops_own_when_the_clocks_change() -> None:
    tz = "Europe/Berlin"
    cutoff = datetime(2024, 4, 2, 22)
    starts = [shift(cutoff, span("1d"), -k, tz) for k in range(6, 0, -1)]
    engine = _sales([("p", (s + timedelta(minutes=1)).isoformat(sep=" "), i + 1) for i, s in enumerate(starts)])
    found = task_series(engine, Task("d", "product", lines.sum("amount").every("1d"), "7d"), cutoff, tz)
    np.testing.assert_array_equal(found.panel.values, [[1, 2, 3, 4, 5, 6]])
    assert str(found.panel.days[0]) == "2024-03-28" and len({str(d) for d in found.panel.days}) == 13


def test_a_product_long_gone_has_ended_and_a_rare_one_has_not() -> None:
    values = np.zeros((3, 60))
    values[0, :20] = 5.0
    values[1, ::14] = 1.0
    values[2] = 1.0
    np.testing.assert_array_equal(ended(values), [True, False, False])
    day = datetime(2024, 1, 1)
    rows = [("gone", str(day + timedelta(days=i)), 5.0) for i in range(20)]
    rows += [("here", str(day + timedelta(days=i)), 5.0) for i in range(60)]
    found = task_series(_sales(rows), Task("d", "product", lines.sum("amount").every("1d"), "7d"), datetime(2024, 3, 1))
    assert found.members == (("here",),) and found.ended == (("gone",),)


def test_what_cannot_be_a_series_is_told_in_words(shop: DuckDBEngine) -> None:
    total = lines.sum("amount")
    for task, error, words in (
        (Task("t", "category", total, "28d"), UsageError, "asks for no path"),
        (Task("t", "category", total.every("7d"), "30d"), UsageError, "no whole number of steps"),
        (Task("t", "category", total.every("1mo"), "2mo"), UsageError, "first of a month"),
    ):
        with pytest.raises(error, match=words):
            task_series(shop, task, CUTOFF)
    with pytest.raises(FootfallError, match="no whole period"):
        task_series(shop, WEEKS, datetime(2019, 12, 1))
    with pytest.raises(FootfallError, match="no series 'sales'"):
        ready_series(shop, "sales", CUTOFF, 4)


def test_seasons_of_steps() -> None:
    assert [seasons_of(span(s)) for s in ("1d", "7d", "1w", "1mo", "3d", "3mo")] == [
        (7, 364), (52,), (52,), (12,), (), (4,),
    ]  # fmt: skip


def _ready(rows: list[tuple[str, str, str, float]]) -> DuckDBEngine:
    engine = DuckDBEngine()
    create_tables(engine)
    for store, dept, at, value in rows:
        keys = json.dumps({"store": store, "dept": dept})
        engine.execute(
            "insert into facts.series (series, keys, date, value, source) values ('s', ?, ?, ?, 't')", [keys, at, value]
        )
    publish_views(engine)
    return engine


def test_ready_made_series_with_gaps_groups_and_a_calendar() -> None:
    week = [f"2024-01-{d:02d}" for d in (5, 12, 19, 26)]
    rows = [(s, d, w, float(i)) for s in "12" for d in "ab" for i, w in enumerate(week) if (s, i) != ("2", 1)]
    engine = _ready(rows)
    for store, day in (("1", "2024-01-14"), ("2", "2024-02-11"), ("2", "2024-03-30")):
        engine.execute(
            "insert into facts.calendar (date, store_id, holiday, known_at, source) "
            "values (?, ?, 'rest', '2020-01-01', 't')",
            [day, store],
        )
    found = ready_series(engine, "s", datetime(2024, 2, 1), 3)
    assert found.keys == ("store", "dept") and found.members[0] == ("1", "a")
    np.testing.assert_array_equal(found.panel.values[2], [0, np.nan, 2, 3])
    np.testing.assert_array_equal(found.panel.known["holiday"][0], [0, 1, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(found.panel.known["holiday"][2], [0, 0, 0, 0, 0, 1, 0])
    np.testing.assert_array_equal(found.panel.groups["store"], [0, 0, 1, 1])
    assert ready_series(engine, "s", datetime(2024, 1, 19), 3).panel.periods == 2


def test_what_the_calendar_does_not_reach_is_left_out_with_a_note() -> None:
    engine = _ready([("1", "a", f"2024-01-{d:02d}", 1.0) for d in (5, 12, 19, 26)])
    engine.execute(
        "insert into facts.calendar (date, holiday, known_at, source) values ('2024-01-14', 'x', '2020-01-01', 't')"
    )
    found = ready_series(engine, "s", datetime(2024, 2, 1), 3)
    assert not found.panel.known and "holiday is known of the past only" in found.notes[0]


def test_two_values_of_one_date_and_a_date_off_the_grid_are_refused() -> None:
    week = [("1", "a", f"2024-01-{d:02d}", 1.0) for d in (5, 12, 19, 26)]
    with pytest.raises(FootfallError, match="two values of 2024-01-12"):
        ready_series(_ready([*week, ("1", "a", "2024-01-12", 2.0)]), "s", datetime(2024, 2, 1), 3)
    with pytest.raises(FootfallError, match="2024-01-13, which is not on its grid of 7 days"):
        ready_series(_ready([*week, ("2", "a", "2024-01-13", 2.0)]), "s", datetime(2024, 2, 1), 3)


@pytest.mark.parametrize("target", [lines.sum("amount"), lines.count(), orders.nunique("customer_id"), lines.any()])
def test_periods_found_by_instant_first_are_those_found_beside_every_cutoff(
    shop: DuckDBEngine, target: Aggregate
) -> None:
    grid = tuple(CUTOFF - timedelta(days=7 * k) for k in range(12, 0, -1))
    keys = ("store_id",)
    shop.materialise(
        Query().then("spine", f"select 's' || i as store_id, c.cutoff from range(4) s(i), ({_values(grid)}) c"), SPINE
    )
    try:
        plain, tiled = (
            shop.rows(
                compile_windows(
                    Frame(keys, grid, "Europe/Berlin", CUTOFF, tiled), {"v": Future(target, span("7d"))}, Spine(SPINE)
                ).sql()
                + " order by all"
            )
            for tiled in (False, True)
        )
    finally:
        shop.execute(f"drop table {SPINE}")
    assert plain == tiled and len({row[-1] for row in plain}) > 1


def _values(grid: tuple[datetime, ...]) -> str:
    return values_sql(["cutoff"], [[at] for at in grid])


def test_from_facts_to_a_forecast_with_bands(shop: DuckDBEngine) -> None:
    found = task_series(shop, WEEKS, CUTOFF)
    made = forecast(found.panel, Work(models=("moving_average",), rehearsals=3))
    low, high = made.answer.bands[80]
    assert made.answer.point.shape == (len(found.members), 4) and made.rehearsal is not None
    assert made.rehearsal.origins == (8, 12, 16)
    assert (low >= 0).all() and (low <= made.answer.point).all() and (made.answer.point <= high).all()
    assert set(made.choice.models) <= {"moving_average", "seasonal_naive"}


def test_a_gap_in_ready_made_series_is_no_zero() -> None:
    engine = _ready([])
    week = [f"2024-{m:02d}-{d:02d}" for m, d in ((1, 5), (1, 12), (1, 19), (1, 26), (2, 2), (2, 9))]
    for store in "12":
        for i, at in enumerate(week):
            if (store, i) not in (("2", 1), ("2", 3)):
                engine.execute(
                    "insert into facts.series (series, keys, date, value, store_id, occurred_at, known_at, source) "
                    "values ('s', ?, ?, ?, ?, ?, ?, 't')",
                    [json.dumps({"store": store}), at, float(i), store, at, at],
                )
    task = resolved(engine, Task("s", "series", series.sum("value").every("7d"), "2w"))
    assert task.keys == ("store_id",)
    end = ready_cutoff(engine, task, None)
    assert end == datetime(2024, 2, 16)
    tree = read_tree(engine, task, end)
    np.testing.assert_array_equal(tree.levels[-1].history, [[0, 1, 2, 3, 4, 5], [0, np.nan, 2, np.nan, 4, 5]])
    np.testing.assert_array_equal(tree.levels[0].history, [[0, 1, 4, 3, 8, 10]])
    # The same in a test of the past: what was not told is nothing to be measured by.
    (total, own) = backtest_tree(engine, task, [datetime(2024, 1, 26)], work=Work(models=()))
    np.testing.assert_array_equal(own.origins[0].actual, [[3, 4], [np.nan, 4]])
    np.testing.assert_array_equal(total.origins[0].actual, [[3, 8]])
