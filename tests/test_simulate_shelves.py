"""Stock-outs of the simulated shop: no sales from an empty shelf, no order called off, and the demand is known."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pytest

from footfall.simulate import Dials, Simulated, simulate
from footfall.simulate.shelves import _before

SHARE = 0.1
SIZE = {"customers": 1_500, "days": 140, "seed": 3}


def made(folder: Path, share: float) -> Simulated:
    dials = Dials(events_per_customer=10, orders_per_year=25, products=120, rhythm=0, stock_outs=share)
    return simulate(folder / "shop", dials=dials, **SIZE)


def opened(shop: Simulated) -> duckdb.DuckDBPyConnection:
    """The truth's demand and costs beside stock counts, sales and orders of the files, repeated rows once."""
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    con.execute(f"create table demand as from '{shop.truth}/demand.csv'")
    con.execute(f"create table costs as from '{shop.truth}/costs.csv'")
    con.execute(f"""create table stock as select product_id, quantity, counted_at::timestamp as counted_at
        from read_csv('{shop.folder}/stock.csv')""")
    con.execute(f"""create table sales as select distinct order_id, line_number, product_id, quantity, price,
        occurred_at::timestamp as t from read_csv('{shop.folder}/order_lines.csv') where kind = 'sale'""")
    con.execute(f"""create table orders as select distinct order_id, customer_id, ordered_at, amount
        from read_csv('{shop.folder}/orders.csv', all_varchar = true)""")
    return con


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    return made(tmp_path_factory.mktemp("short"), SHARE)


@pytest.fixture(scope="module")
def db(shop: Simulated) -> duckdb.DuckDBPyConnection:
    return opened(shop)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """The same shop, never out of stock."""
    return opened(made(tmp_path_factory.mktemp("full"), 0))


def one(db: duckdb.DuckDBPyConnection, sql: str) -> tuple:  # type: ignore[type-arg]
    return db.execute(sql).fetchall()[0]


def test_no_more_is_sold_than_is_wanted_and_there(db: duckdb.DuckDBPyConnection) -> None:
    wrong = one(
        db,
        """select count(*) filter (sold - second_choice > wanted), count(*) filter (sold > on_hand),
        count(*) filter (stock_out <> (sold = on_hand)), count(*) filter (least(on_hand, sold, second_choice) < 0),
        count(*) filter (wanted > sold - second_choice and on_hand > sold) from demand""",
    )
    assert wrong == (0, 0, 0, 0, 0)
    lost, second, empty = one(
        db, "select sum(wanted - sold), sum(second_choice), sum((on_hand = 0 and wanted > 0)::int) from demand"
    )
    assert lost > 50 and second > 50 and empty > 50


def test_nothing_is_sold_from_an_empty_shelf_by_the_shops_own_counts(db: duckdb.DuckDBPyConnection) -> None:
    """From each count to the next, no more units are sold than were counted, and none after a count of 0."""
    assert one(db, "select min(quantity) from stock") == (0,)
    since = """select s.product_id, s.counted_at, s.quantity as level, coalesce(sum(l.quantity), 0) as sold
        from (select *, lead(counted_at, 1, timestamp '9999-01-01') over (partition by product_id order by counted_at)
              as until from stock) s
        left join sales l on l.product_id = s.product_id and l.t >= s.counted_at and l.t < s.until group by all"""
    wrong = f"select count(*) filter (sold > level), count(*) filter (level = 0 and sold > 0) from ({since})"
    assert one(db, wrong) == (0, 0)
    assert one(db, "select count(*) from sales anti join stock using (product_id)") == (0,)
    # A shelf that ran empty was counted then, and again in the morning of its delivery.
    gone = "select count(*) from stock where quantity = 0 and counted_at::time <> '00:00:00'"
    drained = "select count(*) from demand where stock_out and on_hand > 0"
    assert one(db, gone) == one(db, drained)
    morning = "select count(*) from stock s join demand d on d.product_id = s.product_id and d.date = s.counted_at"
    assert one(db, f"{morning} where quantity <> on_hand") == (0,)
    assert one(db, morning)[0] > 120 * SIZE["days"] / 8


def test_what_is_sold_agrees_with_the_lines(db: duckdb.DuckDBPyConnection) -> None:
    lines = "select product_id, t::date as date, sum(quantity) as sold from sales group by all"
    days = "select product_id, date, sold from demand where sold > 0"
    assert one(db, f"select count(*) from ({lines})")[0] > 3_000
    assert one(db, f"select count(*) from (({lines}) except ({days}))") == (0,)
    assert one(db, f"select count(*) from (({days}) except ({lines}))") == (0,)


def test_the_share_of_product_weeks_out_of_stock_is_the_dials(db: duckdb.DuckDBPyConnection) -> None:
    share = """select avg(out::int) from (select product_id, bool_or(stock_out) as out from demand
        group by product_id, date_diff('day', (select min(date) from demand), date) // 7)"""
    assert one(db, share)[0] == pytest.approx(SHARE, rel=0.25)


def test_a_dial_of_zero_sells_all_that_is_wanted(full: duckdb.DuckDBPyConnection) -> None:
    found = one(
        full, "select sum((sold <> wanted)::int), sum(stock_out::int), sum(second_choice), sum(sold) from demand"
    )
    assert found[:3] == (0, 0, 0)
    assert found[3] > 5_000
    assert one(full, "select min(quantity) from stock")[0] > 0


def test_stock_outs_change_what_is_ordered_and_never_by_whom_or_when(
    db: duckdb.DuckDBPyConnection, full: duckdb.DuckDBPyConnection
) -> None:
    same = "select order_id, customer_id, ordered_at from orders order by all"
    assert db.execute(same).fetchall() == full.execute(same).fetchall()
    wanted = "select product_id, date, wanted from demand order by all"
    assert db.execute(wanted).fetchall() == full.execute(wanted).fetchall()
    lines = "select order_id, line_number, product_id from sales order by all"
    assert db.execute(lines).fetchall() != full.execute(lines).fetchall()
    assert one(db, "select count(*) from orders anti join sales using (order_id)") == (0,)
    gaps = "select count(*) from (select order_id from sales group by 1 having max(line_number) <> count(*))"
    assert one(db, gaps) == (0,)


def test_the_other_product_is_of_the_same_category(
    db: duckdb.DuckDBPyConnection, full: duckdb.DuckDBPyConnection
) -> None:
    category = dict(db.execute("select distinct product_id, category from demand").fetchall())
    alone = "select order_id, any_value(product_id) from sales group by 1 having count(*) = 1"
    before = dict(full.execute(alone).fetchall())
    pairs = [(before[o], p) for o, p in db.execute(alone).fetchall() if before.get(o, p) != p]
    assert len(pairs) > 50
    assert sum(category[a] == category[b] for a, b in pairs) > 0.95 * len(pairs)


def test_expected_units_are_the_mean_of_the_wanted(db: duckdb.DuckDBPyConnection) -> None:
    """Units of an order vary about 3.1 times their mean, those of a product and day about 1.5 times."""
    parts = db.execute("""select expected, wanted from (
        select 'all' as part, sum(expected) as expected, sum(wanted) as wanted from demand
        union all select 'on ' || promotion, sum(expected), sum(wanted) from demand group by 1
        union all select dayname(date), sum(expected), sum(wanted) from demand group by 1
        union all select category, sum(expected), sum(wanted) from demand group by 1)""").fetchall()
    assert len(parts) > 20
    scores = [(wanted - expected) / math.sqrt(3.1 * expected) for expected, wanted in parts]
    assert max(abs(z) for z in scores) < 4
    (spread,) = one(db, "select sum((wanted - expected) ** 2) / sum(expected) from demand")
    assert 1.3 < spread < 1.8


def test_the_waves_are_told_and_real(db: duckdb.DuckDBPyConnection, shop: Simulated) -> None:
    waves = json.loads((shop.truth / "simulation.json").read_text())["waves"]
    daily = db.execute("select date::varchar, sum(expected) from demand group by 1 order by 1").fetchall()
    marked = {*waves["holidays"], *waves["promotions"]}
    weeks = [daily[i : i + 7] for i in range(0, len(daily), 7)]
    plain = [[math.log(units) for _, units in week] for week in weeks if not marked & {day for day, _ in week}]
    assert len(plain) >= 10
    first = date.fromisoformat(daily[0][0]).weekday()
    assert np.corrcoef(np.mean(plain, axis=0), np.roll(waves["weekday"], -first))[0, 1] > 0.95
    on_sale = {str(r[0]) for r in db.execute("select distinct date from demand where promotion").fetchall()}
    assert on_sale == set(waves["promotions"]) != set()
    assert waves["year"] == {"amplitude": 0.18, "peak_day_of_year": 345}


def test_costs_of_each_product(db: duckdb.DuckDBPyConnection) -> None:
    assert one(db, "select count(*) from costs") == one(db, "select count(distinct product_id) from demand")
    assert one(db, "select count(*) from costs where unit_cost <= 0 or margin <= 0 or holding_a_week <= 0") == (0,)
    (off,) = one(db, "select max(abs(holding_a_week * 52 / unit_cost - 0.25)) from costs")
    assert off < 0.02


def test_units_before_each_line_of_a_product() -> None:
    product, units = np.array([2, 0, 2, 1, 2, 0]), np.array([3, 1, 2, 5, 1, 4])
    assert _before(product, units).tolist() == [0, 0, 3, 0, 5, 1]
    assert _before(product[:0], units[:0]).tolist() == []
