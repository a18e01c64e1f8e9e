"""The question of next month by the command line: simulate, load, test, fit, forecast, explain, and ask in SQL."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from footfall.cli import main

DAYS, AT = 300, "2026-02-26"
"""Thirty days before the end: what then came is known."""
TASKS = """
[tasks.revenue-total-4w]
entity = "all"
target = "lines.sum('amount').every('7d')"
horizon = "4w"
"""
ASKED = {"units-category-4w": 4, "revenue-category-30d": 30, "revenue-total-4w": 4}
"""Task and its steps."""
DAY = "date_diff('day', timestamp '2025-06-01', t)"


@dataclass(frozen=True)
class World:
    """The shop, and the raw files and the truth it is judged by."""

    folder: Path

    def shop(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.folder / "shop.duckdb"), read_only=True) as con:
            return con.execute(sql).fetchall()

    def raw(self, sql: str) -> list[tuple[Any, ...]]:
        """`lines`: every raw line once, with `t` and its product's `category`; `demand`: the truth."""
        with duckdb.connect() as con:
            con.execute("set timezone = 'UTC'")
            con.execute(f"""create view lines as
                select l.*, lower(p.category) as category, l.occurred_at::timestamp as t, l.received_at::timestamp as r
                from (select distinct * from read_csv('{self.folder}/raw/order_lines.csv')) l
                join read_csv('{self.folder}/raw/products.csv') p using (product_id)""")
            con.execute(f"create view demand as select * from read_csv('{self.folder}/raw-truth/demand.csv')")
            return con.execute(sql).fetchall()


def run(folder: Path, *line: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--shop", str(folder / "shop.duckdb"), "--quiet", *line])
    assert not stopped.value.code, line


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("next-month")
    raw = str(folder / "raw")
    (folder / "tasks.toml").write_text(TASKS)
    run(folder, "simulate", raw, "--customers", "500", "--days", str(DAYS), "--seed", "5")
    run(folder, "load", raw, "--source", "simulated")
    run(folder, "check")
    run(folder, "backtest", "units-category-4w", "--cutoffs", "2")
    run(folder, "backtest", "revenue-category-30d", "--cutoffs", "1", "--models", "seasonal_naive,moving_average")
    run(folder, "backtest", "revenue-total-4w", "--cutoffs", "2")
    for task in ASKED:
        run(folder, "fit", task, "--at", AT)
        run(folder, "predict", task, "--at", AT, "--out", str(folder / f"{task}.csv"))
        run(folder, "explain", task, "--at", AT)
    return World(folder)


@pytest.mark.parametrize("task", ASKED)
def test_a_forecast_is_one_query_away(world: World, task: str) -> None:
    rows = world.shop(
        f"""select category, step, amount, lower_80, upper_80, lower_95, upper_95 from forecasts
        where task = '{task}' and cutoff = timestamp '{AT}' and level <> 'total'"""
    )
    assert (rows == []) == (task == "revenue-total-4w")
    total = world.shop(f"select step, amount from forecasts where task = '{task}' and level = 'total' order by 1")
    assert [step for step, _ in total] == list(range(1, ASKED[task] + 1))
    for _, _, amount, low80, high80, low95, high95 in rows:
        assert low95 <= low80 <= amount <= high80 <= high95
    if rows:
        known = {c for (c,) in world.raw("select distinct category from lines")}
        assert len({c for c, *_ in rows}) > 15 and {c for c, *_ in rows if c} <= known
        by_step = {s: sum(a for _, step, a, *_ in rows if step == s) for s, _ in total}
        assert by_step == pytest.approx(dict(total), rel=1e-6)
    written = world.raw(f"select count(*) from read_csv('{world.folder}/{task}.csv')")
    assert written == [(len(rows) + len(total),)]


def test_units_are_never_below_zero(world: World) -> None:
    assert world.shop("select count(*) from forecasts where task like 'units%' and lower_95 < 0") == [(0,)]


@pytest.mark.parametrize("task", ASKED)
def test_the_whole_horizon_has_its_own_interval(world: World, task: str) -> None:
    """Its point is the sum of the steps; its interval is narrower than the sum of theirs, as errors partly cancel."""
    found = world.shop(
        f"""select t.amount, f.amount, t.upper_80 - t.lower_80, f.width from forecast_totals t join (
          select level, category, sum(amount) as amount, sum(upper_80 - lower_80) as width, max(step) as steps
          from forecasts where task = '{task}' group by all) f
        on f.level = t.level and f.category is not distinct from t.category and f.steps = t.steps
        where t.task = '{task}'"""
    )
    assert len(found) == len(world.shop(f"select distinct level, category from forecasts where task = '{task}'"))
    assert [a for a, *_ in found] == pytest.approx([b for _, b, *_ in found], rel=1e-6)
    assert sum(own for *_, own, _ in found) < sum(summed for *_, summed in found)


def test_the_history_is_what_the_raw_files_say(world: World) -> None:
    """Units by category and week, of the lines that had arrived before the cutoff."""
    weeks = f"""select category, date_diff('day', t, timestamp '{AT}' - interval 1 microsecond) // 7 as ago,
          sum(quantity)::double as units
        from lines where kind = 'sale' and t < timestamp '{AT}' and r < timestamp '{AT}' group by all"""
    known = {(c, int(ago)): units for c, ago, units in world.raw(weeks)}
    found = world.shop(
        f"""select category, date_diff('day', period_start, timestamp '{AT}') // 7 - 1, amount from forecast_history
        where task = 'units-category-4w' and level = 'category' and cutoff = timestamp '{AT}'"""
    )
    assert len(found) > 600
    assert all(known.get((c, ago), 0) == units for c, ago, units in found)
    assert sum(u for *_, u in found) == sum(u for (_, ago), u in known.items() if ago <= max(a for _, a, _ in found))


def test_the_forecast_of_the_whole_holds_the_true_demand(world: World) -> None:
    ((amount, low, high),) = world.shop(
        "select amount, lower_95, upper_95 from forecast_totals "
        "where task = 'units-category-4w' and level = 'total' and steps = 4"
    )
    ((expected,),) = world.raw(
        f"select sum(expected) from demand where date >= date '{AT}' and date < date '{AT}' + interval 28 days"
    )
    assert low < expected < high
    assert amount == pytest.approx(expected, rel=0.25)


@pytest.mark.parametrize("task", ASKED)
def test_the_test_names_each_level_beside_the_baseline(world: World, task: str) -> None:
    rows = world.shop(
        f"""select coalesce(level, 'own'), model, metric, value, difference_lower, difference, difference_upper
        from evaluations where task = '{task}' and cutoff is null"""
    )
    own = {model: {m: v for at, name, m, v, *_ in rows if (at, name) == ("own", model)} for _, model, *_ in rows}
    assert {"automatic", "seasonal_naive", "moving_average"} <= set(own)
    assert {level for level, *_ in rows} == ({"own"} if "total" in task else {"own", "total"})
    for metrics in own.values():
        assert {"wape", "mase", "rmsse", "bias", "pinball", "coverage_80", "coverage_95"} <= set(metrics)
        assert 0 < metrics["wape"] < 5 and 0 <= metrics["coverage_80"] <= metrics["coverage_95"] <= 1
    for _, model, _, _, low, value, high in rows:
        assert (value is None) == (model == "seasonal_naive")
        assert value is None or low <= value <= high


@pytest.mark.parametrize("task", ASKED)
def test_the_parts_of_a_forecast_add_up_to_it(world: World, task: str) -> None:
    wrong = world.shop(
        f"""select count(*) from forecasts f join (
          select level, category, step, sum(amount) as amount from forecast_parts where task = '{task}' group by all) p
        on p.level = f.level and p.category is not distinct from f.category and p.step = f.step
        where f.task = '{task}' and abs(p.amount - f.amount) > 1e-6 * greatest(1, abs(f.amount))"""
    )
    steps = world.shop(f"select count(distinct step) from forecast_parts where task = '{task}' and part = 'level'")
    assert (wrong, steps) == ([(0,)], [(ASKED[task],)])
    assert world.shop(f"select count(*) from forecast_parts where task = '{task}' and words like '%last%'") != [(0,)]


def test_asked_again_it_says_the_same(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    asked = "select * exclude (made_at) from forecasts where task = 'units-category-4w' order by all"
    before = world.shop(asked)
    capsys.readouterr()
    run(world.folder, "--json", "predict", "units-category-4w", "--at", AT)
    told = json.loads(capsys.readouterr().out)
    assert world.shop(asked) == before
    assert len(told) == len(before)
