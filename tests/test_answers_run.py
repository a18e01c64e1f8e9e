"""Carrying tasks out: what is written, what is stale, what is kept when the same is asked again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from footfall.answers import (
    Context,
    Step,
    backtest_as,
    best_model,
    fit_task,
    identity_effect,
    load_predictor,
    ready,
    run,
    saved_models,
)
from footfall.answers.keep import write
from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError, UsageError
from footfall.tables import publish_views, refresh_known
from footfall.tasks import CATALOGUE, Task
from footfall.windows import orders, reviews
from seeded_shop import BUY, SMALL, SPEND, day, seeded_shop

STARS = Task("review-7d", "customer", reviews.any(), "7d")
YEAR = Task("buy-365d", "customer", orders.any(), "365d")
TASKS = (BUY, SPEND, STARS, YEAR)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    engine = DuckDBEngine(threads=2)
    seeded_shop(engine, customers=120)
    return Context(engine, tmp_path / "models", "UTC", replace(SMALL, tests=1))


def ran(context: Context, checked: list[int], models: tuple[str, ...] = ("baseline",)) -> tuple[bool, set[str]]:
    done = run(context, TASKS, [Step("check", "", lambda: checked.append(1))], models)
    assert set(done.unanswered) == {"review-7d", "buy-365d"}
    assert "the shop has none" in done.unanswered["review-7d"]
    assert "looks 365 days ahead" in done.unanswered["buy-365d"]
    return done.fresh, set(done.answered)


def test_a_run_answers_what_it_can_says_what_it_cannot_and_rests_when_nothing_is_new(context: Context) -> None:
    checked: list[int] = []
    assert ran(context, checked) == (True, {"buy-7d", "spend-14d"})
    assert ran(context, checked) == (False, {"buy-7d", "spend-14d"})
    assert len(checked) == 1
    engine = context.engine
    for table in ("scores", "evaluations", "verdicts", "curves", "reasons", "importances", "models"):
        wanted = {"buy-7d", "spend-14d"} if table != "verdicts" else set()
        assert {r[0] for r in engine.rows(f"select distinct task from {table}")} == wanted, table
    asked = dict(engine.rows("select task, model from questions"))
    assert asked == {"buy-7d": "baseline", "spend-14d": "baseline", "review-7d": None, "buy-365d": None}
    assert engine.value("select count(*) from stages") > 4
    # Other models, other settings and new rows are each a reason to work again; a load of known rows is none.
    assert ran(context, checked, ("baseline", "logistic"))[0]
    assert ran(replace(context, settings=replace(context.settings, seed=1)), checked, ("baseline", "logistic"))[0]
    known = {"load_id": 1, "source": "s", "rows_read": 5, "rows_loaded": 0, "rows_duplicate": 5}
    write(engine, "loads", [known], {"load_id": 1})
    assert not ran(replace(context, settings=replace(context.settings, seed=1)), checked, ("baseline", "logistic"))[0]
    write(engine, "loads", [known | {"load_id": 2, "rows_loaded": 3}], {"load_id": 2})
    assert ran(replace(context, settings=replace(context.settings, seed=1)), checked, ("baseline", "logistic"))[0]


def test_a_wrong_model_is_said_before_any_work(context: Context) -> None:
    checked: list[int] = []
    with pytest.raises(UsageError, match="there is no model 'bosted'; did you mean 'boosted'"):
        run(context, TASKS, [Step("check", "", lambda: checked.append(1))], ("baseline", "bosted"))
    assert checked == []


def test_tasks_of_one_entity_share_a_matrix_and_others_are_refused(context: Context) -> None:
    both = ready(context, [BUY, SPEND])
    assert both["buy-7d"].table is both["spend-14d"].table
    with pytest.raises(UsageError, match="tasks that share a matrix have the same entity"):
        ready(context, [BUY, CATALOGUE["buy-category-30d"]])


def test_the_best_of_the_last_backtest_answers(context: Context) -> None:
    engine = context.engine
    assert best_model(engine, BUY) == "boosted", "without a backtest"
    row = {"task": "buy-7d", "cutoff": None, "metric": "log_loss", "rows": 9}
    losses = {"baseline": 0.4, "logistic": 0.3, "boosted": float("nan")}
    write(engine, "evaluations", [row | {"model": m, "value": v} for m, v in losses.items()], {"task": "buy-7d"})
    assert best_model(engine, BUY) == "logistic"
    assert best_model(engine, SPEND) == "boosted"
    losses["logistic"] = 0.4
    write(engine, "evaluations", [row | {"model": m, "value": v} for m, v in losses.items()], {"task": "buy-7d"})
    assert best_model(engine, BUY) == "baseline", "of equals the plainest"


def test_the_newest_model_that_knew_nothing_later_is_loaded(context: Context) -> None:
    for number in (92, 106, 120):
        fit_task(context, ready(context, [BUY], day(number))["buy-7d"], "baseline")
    assert [m["cutoff"] for m in saved_models(context.engine, "buy-7d")] == [day(120), day(106), day(92)]

    def loaded(at: datetime | None) -> datetime:
        return load_predictor(context, BUY, at).trained.at

    assert loaded(None) == loaded(day(500)) == loaded(day(120)) == day(120)
    assert loaded(day(120) - timedelta(microseconds=1)) == loaded(day(106)) == day(106)
    with pytest.raises(
        FootfallError, match=r"before 2024-03-01; saved ones know more than that: 2024-04-30, 2024-04-16"
    ):
        loaded(day(60))
    with pytest.raises(FootfallError, match=r"no saved model of buy-7d \(boosted\); run: footfall fit buy-7d"):
        load_predictor(context, BUY, None, "boosted")
    fit_task(context, ready(context, [BUY], day(120))["buy-7d"], "baseline")
    assert len(saved_models(context.engine)) == 3, "the same fit again takes the place of the first"


def test_rows_are_written_in_place_of_those_before(context: Context) -> None:
    engine = context.engine
    one = {"task": "a", "model": "m", "metric": "auc", "verdict": "yes", "sentence": "s", "nonsense": 1}
    write(engine, "verdicts", [one], {"task": "a"})
    write(engine, "verdicts", [one | {"task": "b"}], {"task": "b"})
    write(engine, "verdicts", [one | {"verdict": "no"}], {"task": "a"})
    assert engine.rows("select task, verdict from verdicts order by task") == [("a", "no"), ("b", "yes")]
    assert engine.value("select count(made_at) from verdicts") == 2
    write(engine, "verdicts", [], {"task": "b"})
    assert engine.value("select count(*) from verdicts") == 1
    bad = pa.table({"task": ["a"], "no_such_column": [1]})
    with pytest.raises(FootfallError):
        write(engine, "verdicts", bad, {"task": "a"})
    assert engine.value("select count(*) from verdicts") == 1, "all of it or none of it"


def test_nobody_to_answer_for_is_said(context: Context) -> None:
    engine = context.engine
    engine.execute("delete from facts.orders where source_customer_id <> 'c0'")
    refresh_known(engine)
    task = Task("web-7d", "customer", orders.any(), "7d", among=orders.where(channel="none").any().past())
    with pytest.raises(FootfallError, match="web-7d: nobody belongs to its population"):
        fit_task(context, ready(context, [task])["web-7d"], "baseline")


def test_the_effect_of_resolution_is_told_and_today_stays(context: Context) -> None:
    for customer in range(0, 60, 2):  # every other customer is one person with the next
        for account in (customer, customer + 1):
            found = context.engine.rows(
                "select distinct source, source_customer_id from facts.orders where source_customer_id = ?",
                [f"c{account}"],
            )
            for source, name in found:
                context.engine.execute(
                    "insert into links values (?, ?, ?, ?, timestamp '1900-01-01')",
                    [source, name, name, f"C-{customer}"],
                )
                context.engine.execute(
                    "insert into record_history values (?, ?, timestamp '1900-01-01', null)", [name, f"C-{customer}"]
                )
    publish_views(context.engine)
    refresh_known(context.engine)
    told = identity_effect(context, BUY, 1, "baseline").to_pylist()
    value = {(r["measure"], r["identity"]): r["value"] for r in told}
    assert value["customers who ordered", "today"] < value["customers who ordered", "raw"]
    assert value["customers who ordered", "as-of"] == value["customers who ordered", "today"]
    assert value["auc", "as-of"] == value["auc", "today"]
    assert value["of them, who ordered again", "today"] > 0
    with pytest.raises(UsageError, match="as-of"):
        backtest_as(context, BUY, ["baseline"], 1, "as_of")
