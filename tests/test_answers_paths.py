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
from footfall.tables import publish_views
from footfall.tabular import Settings
from footfall.tasks import CATALOGUE, Task
from footfall.windows import lines
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
        "revenue-total-90d", "revenue-category-30d", "units-category-4w", "units-product-8w",
    ]  # fmt: skip


def test_other_outside_data_than_learnt_from_wants_a_new_fit(context: Context) -> None:
    end = context.clock(context.shape()).end
    before = end - timedelta(days=14)
    fit(context, UNITS, "lagged", before)
    first = context.engine.value("select min(occurred_at) from lines")
    for k in range((end - first).days + 30):
        context.engine.execute(
            "insert into facts.outside (date, name, value) values (?, 'rain', ?)",
            [(first + timedelta(days=k)).date(), float(k % 3)],
        )
    publish_views(context.engine)
    with pytest.raises(FootfallError, match=r"other things are known beside the series .* run: footfall fit units"):
        predict(context, UNITS, before)
