"""The journey on real input: load, check, backtest, fit, predict, explain, report, with every raw row accounted for."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import footfall
from footfall import Shop
from footfall.tabular import Settings
from real_data import data_path

SETTINGS = Settings(cutoffs=4, rehearsals=1, tests=2, budget=5_000, test_budget=3_000)


@dataclass(frozen=True)
class Journey:
    """What one data set is, and what is asked of it.

    `read`: rows of its main file by role, as the data's README states them; `facts`: what then stands in the shop.
    """

    name: str
    read: dict[str, int]
    facts: dict[str, int]
    task: str
    at: str
    timezone: str = "UTC"
    toml: str = ""
    model: str = "logistic"
    tests: int = 2
    auc: float = 0.6
    more: dict[str, float] = field(default_factory=dict)


JOURNEYS = (
    Journey(
        "online_retail",
        {"lines": 541_909},
        {"select count(*) from lines": 534_128, "select count(distinct customer_id) from lines": 4_371},
        "buy-30d",
        "2011-11-01",
        "Europe/London",
        tests=1,
    ),
    Journey(
        "taobao",
        {"events": 84_476},
        {
            "select count(distinct customer_id) from events": 815,
            "select count(distinct customer_id) from orders": 559,
            "select count(*) from lines": 1_750,
        },
        "buy-1d",
        "2017-12-03",
        "Asia/Shanghai",
        '[tasks.buy-1d]\nentity = "customer"\ntarget = "orders.any()"\nhorizon = "1d"\n',
        "boosted",
    ),
    Journey(
        "complete_journey",
        {"transactions": 75_000, "demographics": 801, "products": 92_331},
        {
            "select count(*) from customers where age is not null": 801,
            # Of 2,377 households, four have one line each, of a quantity of zero: set aside.
            "select count(distinct customer_id) from lines": 2_373,
        },
        "buy-30d",
        "2017-11-01",
        "America/New_York",
        tests=1,
        auc=0.55,
    ),
    Journey(
        "cdnow",
        {"orders": 69_659},
        {"select count(*) from orders": 69_659, "select count(distinct customer_id) from orders": 23_570},
        "spend-90d",
        "1998-01-01",
        model="baseline",
        more={"correlation": 0.3},
    ),
)


@pytest.fixture(params=JOURNEYS, ids=lambda j: j.name)
def journey(request: pytest.FixtureRequest) -> Journey:
    found: Journey = request.param
    return found


def test_the_journey(journey: Journey, tmp_path: Path) -> None:
    raw = data_path(journey.name)
    (tmp_path / "tasks.toml").write_text(journey.toml)
    with footfall.open(tmp_path / "shop.duckdb", SETTINGS, threads=2) as shop:
        loads(shop, journey, raw)
        assert shop.check().num_rows > 0
        accounted(shop)
        backtested(shop, journey)
        answers(shop, journey, tmp_path)
        page = shop.report(tmp_path / "report.html", journey.name)
        assert journey.task in page.read_text(encoding="utf-8")
        assert (tmp_path / "report-tables" / "quality.csv").exists()


def loads(shop: Shop, journey: Journey, raw: Path) -> None:
    report = shop.load(raw, source=journey.name, timezone=journey.timezone)
    read: dict[str, int] = {}
    for f in report.files:
        assert f.rows_loaded + f.rows_quarantined + f.rows_duplicate == f.rows_read, f.file
        read[f.role] = read.get(f.role, 0) + f.rows_read
    assert {role: read.get(role) for role in journey.read} == journey.read
    for sql, count in journey.facts.items():
        assert shop.sql(sql).column(0)[0].as_py() == count, sql
    again = shop.load(raw, source=journey.name)
    assert (again.rows_read, again.rows_loaded) == (report.rows_read, 0)


def accounted(shop: Shop) -> None:
    """loaded (repaired ones among them) + set aside + known already = read; what is set aside is kept whole."""
    row = shop.sql(
        "select sum(rows_read) as read, sum(rows_loaded) as loaded, sum(rows_quarantined) as aside, "
        "sum(rows_duplicate) as known from loads where load_id = 1"
    ).to_pylist()[0]
    assert row["loaded"] + row["aside"] + row["known"] == row["read"]
    kept = shop.sql("select count(*) as n, count(raw) as whole from quarantine").to_pylist()[0]
    assert kept["whole"] == kept["n"] >= row["aside"]


def backtested(shop: Shop, journey: Journey) -> None:
    result = shop.backtested(journey.task, [journey.model], journey.tests)
    overall = {(r["model"], r["metric"]): r for r in result.evaluations if r["cutoff"] is None}
    assert {m for m, _ in overall} == {"baseline", journey.model}
    if shop.task(journey.task).kind == "chance":
        found = overall[journey.model, "auc"]
        assert found["value"] > journey.auc
        assert found["lower"] <= found["value"] <= found["upper"]
        assert overall[journey.model, "calibration_error"]["value"] < 0.1
    for metric, least in journey.more.items():
        assert overall[journey.model, metric]["value"] > least
    assert all(v["verdict"] in ("yes", "no", "cannot tell") for v in result.verdicts)


def answers(shop: Shop, journey: Journey, folder: Path) -> None:
    predictor = shop.fit(journey.task, journey.model, at=journey.at)
    assert predictor.trained.rows > 1_000
    scores = shop.predict(journey.task, at=journey.at, out=folder / "scores.parquet")
    kept = pq.read_table(folder / "scores.parquet")
    assert kept.num_rows == scores.num_rows > 500
    cutoff = footfall.shop.instant(journey.at, journey.timezone)
    assert set(kept.column("cutoff").to_pylist()) == {cutoff}
    kind = "chance" if shop.task(journey.task).kind == "chance" else "amount"
    value, lower, upper = (kept.column(c).to_numpy() for c in (kind, "lower", "upper"))
    assert np.isfinite(value).all() and (lower <= value).all() and (value <= upper).all()
    # Every customer who ordered (or, without a population, was seen) before the instant is asked about, and no other.
    seen = "orders" if shop.task(journey.task).population else "events"
    asked = shop.sql(f"select count(distinct customer_id) n from {seen} where known_at < timestamp '{cutoff}'")
    assert scores.num_rows == asked.to_pylist()[0]["n"]
    reasons = shop.explain(journey.task, at=journey.at, top=20).to_pylist()
    assert len({r["customer_id"] for r in reasons}) == 20
    assert all(r["reason"] and np.isfinite(r["contribution"]) for r in reasons)
    card = json.loads(next(Path(f"{shop.path}.models").rglob("card.json")).read_text(encoding="utf-8"))
    assert card["task"] == journey.task
    # The chances add up to about what then happened.
    if kind == "chance":
        test = f"occurred_at >= timestamp '{cutoff}' and occurred_at < timestamp '{after(shop, journey)}'"
        came = shop.sql(
            f"select count(distinct customer_id) n from orders where {test} and customer_id in "
            f"(select customer_id from scores where task = '{journey.task}')"
        ).to_pylist()[0]["n"]
        assert value.sum() == pytest.approx(came, rel=0.5)


def after(shop: Shop, journey: Journey) -> str:
    cutoff = footfall.shop.instant(journey.at, journey.timezone)
    return str(footfall.spans.shift(cutoff, shop.task(journey.task).span, 1, journey.timezone))


@pytest.mark.slow
def test_a_whole_run_answers_what_the_data_can(tmp_path: Path) -> None:
    """`footfall run` on the wholesaler: what it has is answered, what it lacks is said."""
    with footfall.open(tmp_path / "shop.duckdb", SETTINGS, threads=2) as shop:
        shop.load(data_path("online_retail"), source="online_retail", timezone="Europe/London")
        done = shop.run(["baseline", "logistic"])
        assert {"buy-7d", "buy-30d", "churn-90d", "spend-90d"} <= set(done.answered)
        assert "order lines name none" in done.unanswered["buy-category-30d"]
        assert not shop.run(["baseline", "logistic"]).fresh
        better = shop.sql("select task from verdicts where verdict = 'yes'").column("task").to_pylist()
        assert "buy-30d" in better
