"""Paths carried out: what is tested, kept and written, and that the tables say what the forecast says."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from footfall.answers import Context, backtest, explain, fit, predict, run, saved_models, show
from footfall.answers.paths import cutoff_of, origins_of
from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError, UsageError
from footfall.tabular import Settings
from footfall.tasks import CATALOGUE, Task
from footfall.windows import lines, orders, series
from tiny_shop import tiny_shop

UNITS = Task("units-category-2w", "category", lines.where(kind="sale").sum("quantity").every("7d"), "2w")
CHEAP = ("moving_average",)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    engine = DuckDBEngine(threads=2)
    tiny_shop(engine)
    return Context(engine, tmp_path / "models", "UTC", replace(Settings(), tests=2))


def test_the_tables_hold_the_forecast_and_it_adds_up(context: Context) -> None:
    fit(context, UNITS, "moving_average")
    table = predict(context, UNITS)
    engine = context.engine
    end = context.clock(context.shape()).end
    assert table.num_rows == engine.value("select count(*) from forecasts")
    assert engine.rows("select distinct task, cutoff, model from forecasts") == [(UNITS.name, end, "moving_average")]
    sums = engine.rows(
        "select step, sum(amount) filter (where level = 'category'), sum(amount) filter (where level = 'total'), "
        "min(period_start), max(period_end) from forecasts group by step order by step"
    )
    assert [r[0] for r in sums] == [1, 2]
    assert [r[3:] for r in sums] == [(end + timedelta(days=7 * k), end + timedelta(days=7 * k + 7)) for k in range(2)]
    for _, parts, whole, _, _ in sums:
        assert parts == pytest.approx(whole, rel=1e-9)
    off = "select count(*) from forecasts where not (lower_95 <= lower_80 and lower_80 <= amount)"
    assert engine.value(off) == 0
    totals = engine.rows(
        "select t.steps, t.level, t.category, t.amount, sum(f.amount) from forecast_totals t join forecasts f "
        "on f.level = t.level and f.category is not distinct from t.category and f.step <= t.steps group by all"
    )
    assert len(totals) == table.num_rows
    for *_, told, summed in totals:
        assert told == pytest.approx(summed, rel=1e-9)
    middle = engine.rows(
        "select q.amount, t.lower_95, t.upper_95 from forecast_quantiles q join forecast_totals t on t.level = q.level "
        "and t.category = q.category and t.steps = q.steps where q.quantile = 0.5"
    )
    assert middle and all(low <= value <= high for value, low, high in middle)


def test_the_history_is_what_was_sold(context: Context) -> None:
    fit(context, UNITS, "moving_average")
    predict(context, UNITS)
    end = context.clock(context.shape()).end
    told = context.engine.rows(
        "select category, sum(amount), min(period_start) from forecast_history where level = 'category' group by 1"
    )
    first = min(r[2] for r in told)
    sold = dict(
        context.engine.rows(
            "select category, sum(quantity) from lines where kind = 'sale' and category is not null "
            "and occurred_at >= ? and occurred_at < ? and known_at < ? group by 1",
            [first, end, end],
        )
    )
    assert {c: pytest.approx(v) for c, v, _ in told} == {c: float(v) for c, v in sold.items()}


def test_a_backtest_measures_every_level_beside_seasonal_naive(context: Context) -> None:
    done = backtest(context, UNITS, CHEAP, 2)
    assert len(done.cutoffs) == 2 and done.best == "automatic"
    found = context.engine.rows("select distinct model, level from evaluations where cutoff is null")
    models = {"automatic", "moving_average", "seasonal_naive"}
    assert set(found) == {(m, level) for m in models for level in (None, "total")}
    measures = {r[0] for r in context.engine.rows("select distinct metric from evaluations")}
    assert measures == {"wape", "mase", "rmsse", "bias", "pinball", "coverage_80", "coverage_95"}
    (verdict,) = [v for v in done.verdicts if v["model"] == "automatic"]
    assert verdict["verdict"] in ("yes", "no", "cannot tell") and "WAPE" in verdict["sentence"]
    own = [r for r in done.evaluations if r["cutoff"] is not None and r["level"] is None and r["metric"] == "wape"]
    assert len(own) == 2 * len(models)


def test_a_model_knows_nothing_later_than_it_is_asked_about(context: Context) -> None:
    end = context.clock(context.shape()).end
    with pytest.raises(FootfallError, match="run: footfall fit units-category-2w"):
        predict(context, UNITS)
    fit(context, UNITS, "moving_average")
    with pytest.raises(FootfallError, match="was trained on history before"):
        predict(context, UNITS, end - timedelta(days=7))
    fit(context, UNITS, "moving_average", end - timedelta(days=14))
    predict(context, UNITS, end - timedelta(days=7))
    assert [m["cutoff"] for m in saved_models(context.engine, UNITS.name)] == [end, end - timedelta(days=14)]


def test_parts_add_up_to_the_forecast(context: Context) -> None:
    fit(context, UNITS, "moving_average")
    predict(context, UNITS)
    told = explain(context, UNITS)
    assert told.num_rows > 0
    sums = context.engine.rows(
        "select f.amount, sum(p.amount) from forecasts f join forecast_parts p on p.level = f.level "
        "and p.category is not distinct from f.category and p.step = f.step "
        "group by f.level, f.category, f.step, f.amount"
    )
    assert len(sums) == context.engine.value("select count(*) from forecast_parts where part = 'level'")
    for whole, parts in sums:
        assert parts == pytest.approx(whole, abs=1e-6)
    one = explain(context, UNITS, "k1")
    assert set(one.column("category").to_pylist()) == {"k1"}
    with pytest.raises(FootfallError, match="no category 'k99'"):
        explain(context, UNITS, "k99")


def test_months_are_asked_for_from_the_first_of_one(context: Context) -> None:
    monthly = Task("revenue-total-1mo", "all", lines.sum("amount").every("1mo"), "1mo")
    end = context.clock(context.shape()).end
    assert cutoff_of(context, monthly) == datetime(end.year, end.month, 1)
    assert all(o.day == 1 for o in origins_of(context, monthly, 3))
    fit(context, monthly)
    predict(context, monthly)
    start, until = context.engine.rows("select period_start, period_end from forecasts")[0]
    assert start.day == until.day == 1
    with pytest.raises(UsageError, match="first of a month"):
        fit(context, monthly, None, datetime(end.year, end.month, 2))


@pytest.mark.parametrize("name", ["channel", "store"])
def test_a_channel_and_a_store_are_levels_too(context: Context, name: str) -> None:
    task = Task(f"revenue-{name}-2w", name, orders.sum("amount").every("7d"), "2w")
    fit(context, task, "moving_average")
    predict(context, task)
    key, table = task.keys[0], "orders"
    rows = context.engine.rows(f"select level, {key}, amount from forecast_totals where steps = 2")
    parts = {member: amount for level, member, amount in rows if level == name}
    known = {m for (m,) in context.engine.rows(f"select distinct {key} from {table}")}
    assert set(parts) == known and len(known) > 1
    (total,) = [amount for level, _, amount in rows if level == "total"]
    assert sum(parts.values()) == pytest.approx(total)
    assert set(explain(context, task).column("level").to_pylist()) == {"total", name}


def test_ready_made_series_are_asked_by_what_tells_them_apart(context: Context) -> None:
    task, engine = CATALOGUE["series-value-4w"], context.engine
    fit(context, task, "moving_average")
    predict(context, task)
    (end,) = {c for (c,) in engine.rows("select distinct cutoff from forecasts")}
    assert end == datetime(2020, 7, 19)  # 200 days from new year's day
    assert {s for (s,) in engine.rows("select distinct store_id from forecasts where level = 'store'")} == {
        "s0", "s1", "s2"
    }  # fmt: skip
    told = engine.rows(
        "select store_id, period_start, amount from forecast_history where level = 'store' order by 1, 2"
    )
    for store, start, amount in told[-4:]:
        summed = engine.value(
            "select sum(value) from series where store_id = ? and date >= ? and date < ? and known_at < ?",
            [store, start.date(), start.date() + timedelta(days=7), end],
        )
        assert amount == pytest.approx(summed)
    assert engine.value("select sentence from questions where task = ?", [task.name]).endswith(
        "for each store known before it."
    )
    assert list(origins_of(context, task, 2)) == [end - timedelta(days=56), end - timedelta(days=28)]
    assert "case when rows > 0" in show(context, task).sql()


def test_ready_made_series_that_cannot_be_asked_say_why(context: Context) -> None:
    engine = context.engine
    hourly = Task("series-hourly", "series", series.sum("value").every("1h"), "4h")
    with pytest.raises(FootfallError, match="a value every day, from 2020-01-01 on"):
        fit(context, hourly)
    engine.execute("update facts.series set date = date '2020-01-01' + cast(7 * (date - date '2020-01-01') as int)")
    engine.execute("update facts.series set occurred_at = date, known_at = date")
    with pytest.raises(FootfallError, match=r"every 7 days, from 2020-01-01 on; ask for that, with .every\('7d'\)"):
        fit(context, Task("series-daily", "series", series.sum("value").every("1d"), "7d"))
    with pytest.raises(FootfallError, match=r"2021-02-04 lies within a period of the series; ask .* as 2021-02-03"):
        fit(context, CATALOGUE["series-value-4w"], None, datetime(2021, 2, 4))
    engine.execute("update facts.series set store_id = null")
    with pytest.raises(FootfallError, match=r"3 series, as .* are not told apart by store, category"):
        fit(context, CATALOGUE["series-value-4w"])
    engine.execute("insert into facts.series (series, keys, date, value) values ('other', '{}', '2020-01-01', 1)")
    with pytest.raises(FootfallError, match=r"holds 2 sets of series \(other, visits\)"):
        fit(context, CATALOGUE["series-value-4w"])
    engine.execute("delete from facts.series")
    with pytest.raises(FootfallError, match="asks about ready-made series, and the shop has none"):
        fit(context, CATALOGUE["series-value-4w"])


def test_a_saved_model_goes_on_where_something_else_is_known_beside_it(context: Context) -> None:
    said: list[str] = []
    context = replace(context, progress=said.append)
    engine = context.engine
    engine.execute("update facts.calendar set known_at = timestamp '2019-01-01'")
    fit(context, UNITS, "lagged")
    with_sales = predict(context, UNITS).column("amount").to_pylist()
    engine.execute("update facts.calendar set promotion = null")
    engine.execute(
        "insert into facts.outside (date, name, value, known_at) select date, 'rain', 1 + day(date) % 3, "
        "timestamp '2019-01-01' from facts.calendar"
    )
    without = predict(context, UNITS).column("amount").to_pylist()
    assert len(without) == len(with_sales) and all(v is not None for v in without)
    assert any("no longer known ahead, and taken as usual: promotion" in line for line in said)
    assert any("not told of it: rain; fit again" in line for line in said)


def test_what_cannot_be_asked_is_said(context: Context) -> None:
    per_customer = Task("spend-weekly", "customer", lines.sum("amount").every("7d"), "2w")
    with pytest.raises(FootfallError, match="paths are forecast per product"):
        fit(context, per_customer)
    with pytest.raises(UsageError, match="no forecasting model 'moving_averag'"):
        fit(context, UNITS, "moving_averag")
    with pytest.raises(FootfallError, match="too short to test on"):
        backtest(context, Task("units-90w", "all", UNITS.target, "90w"), CHEAP, 2)
    with pytest.raises(UsageError, match="identity"):
        backtest(context, UNITS, CHEAP, 2, "raw")


def test_a_run_forecasts_and_rests_when_nothing_is_new(context: Context) -> None:
    done = run(context, [UNITS], [])
    assert done.answered == (UNITS.name,) and not done.unanswered
    asked = context.engine.rows("select model, population, kind from questions")
    assert asked == [("automatic", 5, "path")]
    assert not run(context, [UNITS], []).fresh
    context.engine.execute("delete from facts.series")
    bare = run(context, [UNITS, CATALOGUE["series-value-4w"]], [])
    assert not bare.unanswered, "a shop without ready-made series lacks nothing"


def test_the_sql_of_a_path_is_its_series(context: Context) -> None:
    query = show(context, UNITS)
    rows = context.engine.rows(query.sql())
    assert {len(r) for r in rows} == {3}
    fit(context, UNITS, "moving_average")
    predict(context, UNITS)
    told = context.engine.rows("select category, period_start, amount from forecast_history where level = 'category'")
    assert {(c, s): float(v) for c, s, v in rows if v is not None} == {(c, s): v for c, s, v in told}


def test_the_catalogues_paths_have_distinct_names_and_kinds() -> None:
    assert [t.name for t in CATALOGUE.values() if t.kind == "path"] == [
        "revenue-total-90d", "revenue-category-30d", "revenue-channel-30d", "units-category-4w", "series-value-4w",
        "units-product-8w",
    ]  # fmt: skip
