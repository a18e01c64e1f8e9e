"""The tree of series: beside plain Python sums, with what has ended or has no key, and stock-outs."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from tests.tiny_shop import CUTOFF as TINY
from tests.tiny_shop import tiny_shop
from tests.toy_tree import CUTOFF, DAILY, DAYS, FIRST, UNITS, WEEKLY, add, shop, sold, stock, units

from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError
from footfall.forecast import Tree, read_tree
from footfall.forecast.series import ended
from footfall.tables import publish_views
from footfall.tasks import Task
from footfall.windows import lines


@pytest.fixture(scope="module")
def tiny() -> DuckDBEngine:
    """The tiny shop with lines that lack a category or a store, and a product that ended."""
    engine = DuckDBEngine()
    tiny_shop(engine)
    engine.execute("update facts.lines set category = null where hash(order_id) % 17 = 0")
    engine.execute("delete from facts.lines where product_id = 'p7' and occurred_at > '2020-01-25'")
    return engine


@pytest.fixture(scope="module")
def toy() -> DuckDBEngine:
    return shop()


def _told(tree: Tree, level: int) -> dict[tuple[tuple[str, ...], datetime], float]:
    found = tree.levels[level]
    return {
        (m, start): value
        for m, row in zip(found.members, found.history, strict=True)
        for start, value in zip(tree.starts, row, strict=False)
        if np.isfinite(value) and value
    }


def _loop(
    engine: DuckDBEngine, keys: tuple[str, ...], cutoff: datetime
) -> dict[tuple[tuple[str, ...], datetime], float]:
    """(member, start of the week) -> sales of whole weeks before the cutoff, '' where a line has no such key."""
    out: dict[tuple[tuple[str, ...], datetime], Decimal] = defaultdict(Decimal)
    columns = "".join(f"{k}, " for k in keys)
    sales = engine.rows(f"select {columns}occurred_at, known_at, amount from lines where kind = 'sale'")
    first = min(row[-3] for row in sales)
    for *member, at, known, amount in sales:
        if at < cutoff and known < cutoff:
            start = cutoff - timedelta(days=7 * ((cutoff - at - timedelta(microseconds=1)) // timedelta(days=7) + 1))
            if start.date() >= first.date():
                out[tuple(m or "" for m in member), start] += amount
    return {k: float(v) for k, v in out.items() if v}


@pytest.mark.parametrize("keys", [(), ("category",), ("store_id",), ("brand",)])
@pytest.mark.parametrize("cutoff", [TINY, datetime(2020, 4, 3)])
def test_levels_are_what_a_plain_loop_finds(tiny: DuckDBEngine, keys: tuple[str, ...], cutoff: datetime) -> None:
    entity = {"category": "category", "store_id": "store", "brand": "brand"}[keys[0]] if keys else "all"
    tree = read_tree(tiny, Task("t", entity, lines.where(kind="sale").sum("amount").every("7d"), "28d"), cutoff)
    assert [level.keys for level in tree.levels] == ([(), keys] if keys else [()])
    for i, level in enumerate(tree.levels):
        found, truth = _told(tree, i), _loop(tiny, level.keys, cutoff)
        assert found.keys() == truth.keys() and len(found) > 10
        assert all(found[k] == pytest.approx(truth[k]) for k in truth)
    assert ("",) in tree.levels[-1].members if keys == ("category",) else ("",) not in tree.levels[-1].members


def test_two_keys_have_a_level_each_and_both(tiny: DuckDBEngine) -> None:
    task = Task("t", ("brand", "store"), lines.where(kind="sale").sum("amount").every("7d"), "28d")
    tree = read_tree(tiny, task, TINY)
    assert [level.name for level in tree.levels] == ["total", "brand", "store", "brand and store"]
    for i, level in enumerate(tree.levels):
        truth = _loop(tiny, level.keys, TINY)
        assert {k: pytest.approx(v) for k, v in truth.items()} == _told(tree, i)
    assert set(tree.levels[-1].panel.groups) == {"brand", "store_id"}


def test_every_period_adds_up_with_what_ended_and_what_has_no_key(toy: DuckDBEngine) -> None:
    tree = read_tree(toy, DAILY, CUTOFF)
    total, category, product = tree.levels
    assert total.history[0].tolist() == [units(day) for day in range(DAYS)]
    assert category.members == (("",), ("a",), ("b",))
    assert category.history[2].tolist() == [units(day, (1, 3, 5)) for day in range(DAYS)]
    assert product.members == (("p0",), ("p1",), ("p2",), ("p3",), ("p4",), ("(rest of b)",), ("",))
    assert product.within == {"category": ("a", "b", "a", "b", "a", "b", "")}
    assert product.rest.tolist() == [False] * 5 + [True] * 2 and product.flat.tolist() == [False] * 5 + [True, False]
    assert category.rest.tolist() == [True, False, False]
    assert tree.ended == (("p5",),) and any("1 of 6 product series have ended" in n for n in tree.notes)
    assert any("has no product" in n for n in tree.notes)
    for level, above in zip(tree.levels, tree.above, strict=True):
        summed = np.zeros_like(level.history)
        np.add.at(summed, above, np.nan_to_num(product.history))
        np.testing.assert_array_equal(summed, np.nan_to_num(level.history))


def test_whom_the_population_leaves_out_is_still_part_of_the_total(toy: DuckDBEngine) -> None:
    busy = Task("t", "category", UNITS, "14d", among=lines.sum("quantity").past("28d").at_least(2500))
    tree = read_tree(toy, busy, CUTOFF)
    assert tree.levels[1].members == (("a",), ("(rest)",), ("",))
    assert tree.levels[0].history[0].tolist() == [units(day) for day in range(DAYS)]


def test_a_products_category_is_the_catalogues_else_the_one_it_is_sold_under() -> None:
    engine = shop(40, [("p1", "odd", FIRST + timedelta(hours=9), 5)])
    engine.execute("insert into facts.products (product_id, category, source) values ('p0', 'c', 't')")
    publish_views(engine)
    tree = read_tree(engine, DAILY, FIRST + timedelta(days=40))
    found = dict(zip(tree.levels[-1].members, tree.levels[-1].within["category"], strict=True))
    assert found["p0",] == "c" and found["p1",] == "b" and found["p2",] == "a"
    engine.execute("update facts.lines set category = null")
    engine.execute("delete from facts.products")
    assert [level.name for level in read_tree(engine, DAILY, FIRST + timedelta(days=40)).levels] == ["total", "product"]


def test_what_does_not_add_up_stands_alone(toy: DuckDBEngine) -> None:
    tree = read_tree(toy, Task("t", "product", lines.where(kind="sale").mean("amount").every("7d"), "28d"), CUTOFF)
    assert [level.name for level in tree.levels] == ["product"] and not tree.adds
    assert any("mean does not add up" in n for n in tree.notes)


def test_months_and_a_first_period_that_is_not_whole() -> None:
    engine = shop(DAYS)
    task = Task("m", "category", lines.where(kind="sale").sum("quantity").every("1mo"), "2mo")
    tree = read_tree(engine, task, datetime(2024, 5, 1))
    months = [sum(units((FIRST.replace(month=m) - FIRST).days + d) for d in range(n)) for m, n in _MONTHS]
    assert tree.levels[0].history[0].tolist() == months
    assert tree.starts[-2:] == (datetime(2024, 5, 1), datetime(2024, 6, 1)) and tree.end == datetime(2024, 7, 1)
    late = read_tree(engine, WEEKLY, FIRST + timedelta(days=38))
    assert late.starts[0] == FIRST + timedelta(days=3) and late.periods == 5


_MONTHS = ((1, 31), (2, 29), (3, 31), (4, 30))


def _day(day: float) -> datetime:
    return FIRST + timedelta(days=day)


def _stocked(rows: list[tuple[str, str | None, datetime, int, datetime]], days: int = DAYS) -> Tree:
    """The toy where p2 sold nothing on days 20 to 24 and p3 sold as ever, with these stock levels."""
    engine = shop(days)
    engine.execute(
        f"delete from facts.lines where product_id = 'p2' and occurred_at between '{_day(20)}' and '{_day(25)}'"
    )
    stock(engine, rows)
    publish_views(engine)
    return read_tree(engine, DAILY, _day(days))


def test_a_period_out_of_stock_that_sold_little_is_censored() -> None:
    rows: list[tuple[str, str | None, datetime, int, datetime]] = []
    for product in ("p2", "p3"):
        rows += [(product, None, _day(d), q, _day(d)) for d, q in ((0, 50), (20.4, 0), (25.6, 40))]
    tree = _stocked(rows)
    at = {m: i for i, (m,) in enumerate(tree.levels[-1].members)}
    product = tree.levels[-1]
    # Day 20 is out of stock from 9:36 on; day 25 until 14:24, but p2 sold as usual on it.
    assert np.flatnonzero(product.censored[at["p2"]]).tolist() == [20, 21, 22, 23, 24]
    assert (
        product.history[at["p2"], 20:25].tolist() == [0] * 5 and np.isnan(product.panel.values[at["p2"], 20:25]).all()
    )
    sold_less = [
        d for d in range(20, 26) if sold(3, d) < np.mean([sold(3, d) for d in range(DAYS) if not 20 <= d <= 25])
    ]
    assert np.flatnonzero(product.censored[at["p3"]]).tolist() == sold_less
    assert not tree.levels[0].censored.any() and np.isfinite(tree.levels[0].panel.values).all()
    assert any("out of stock" in n for n in tree.notes)


def test_stock_counts_as_known_at_the_cutoff_and_over_all_stores() -> None:
    late = [("p2", None, _day(0), 9, _day(0)), ("p2", None, _day(20), 0, CUTOFF), ("p2", None, _day(25), 9, _day(25))]
    assert not _stocked(late).levels[-1].censored.any()
    stores = [("p2", "s", _day(0), 9, _day(0)), ("p2", "t", _day(0), 9, _day(0)), ("p2", "s", _day(20), 0, _day(20))]
    assert not _stocked(stores).levels[-1].censored.any()
    both = [*stores, ("p2", "t", _day(22), 0, _day(22)), ("p2", "t", _day(25), 9, _day(25))]
    assert np.flatnonzero(_stocked(both).levels[-1].censored[2]).tolist() == [22, 23, 24]


def test_a_corrected_stock_level_counts_as_known_last() -> None:
    rows: list[tuple[str, str | None, datetime, int, datetime]] = [
        ("p2", None, _day(0), 9, _day(0)), ("p2", None, _day(20), 5, _day(20)), ("p2", None, _day(20), 0, _day(30)),
        ("p2", None, _day(22), 5, _day(22)),
    ]  # fmt: skip
    assert np.flatnonzero(_stocked(rows).levels[-1].censored[2]).tolist() == [20, 21]


def test_what_waits_for_stock_has_not_ended_unless_it_waits_for_ever() -> None:
    values = np.ones((3, 400))
    values[0, -20:] = values[1, -20:] = 0
    values[2, -200:] = 0
    waiting = values == 0
    waiting[0] = False
    assert ended(values, waiting, 92).tolist() == [True, False, True]
    assert ended(values).tolist() == [True, True, True]


def test_nothing_at_or_after_the_cutoff_is_read(tiny: DuckDBEngine) -> None:
    task = Task("t", "product", lines.where(kind="sale").sum("amount").every("7d"), "28d")
    before = read_tree(tiny, task, TINY)
    tiny.execute("begin")
    try:
        for table, column in (("lines", "amount"), ("stock", "quantity")):
            tiny.execute(f"update facts.{table} set {column} = 0 where occurred_at >= '{TINY}' or known_at >= '{TINY}'")
        tiny.execute(f"update facts.lines set category = 'x' where occurred_at >= '{TINY}' or known_at >= '{TINY}'")
        after = read_tree(tiny, task, TINY)
        for one, two in zip(before.levels, after.levels, strict=True):
            assert one.members == two.members
            np.testing.assert_array_equal(one.history, two.history)
            np.testing.assert_array_equal(one.censored, two.censored)
        tiny.execute(f"update facts.stock set quantity = 0 where known_at < '{TINY}'")
        assert (read_tree(tiny, task, TINY).levels[-1].censored != before.levels[-1].censored).any()
    finally:
        tiny.execute("rollback")


def test_nothing_to_forecast_is_said() -> None:
    engine = shop(1)
    add(engine, [("p0", "a", _day(200), 1)])
    with pytest.raises(FootfallError, match="nothing was sold of late"):
        read_tree(engine, WEEKLY, _day(196))
    with pytest.raises(FootfallError, match="no whole period"):
        read_tree(engine, WEEKLY, _day(0))
