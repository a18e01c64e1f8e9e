"""The front object: every verb, the files beside the shop, and the same answers to the last bit on every run."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import footfall
from footfall import FootfallError, Shop, Task, UsageError, orders
from footfall.simulate import toy
from footfall.tabular import Settings

SETTINGS = Settings(cutoffs=8, rehearsals=2, tests=2)
WEEK = Task("order-7d", "customer", orders.any(), "7d", among=orders.any().past())
END = datetime(2025, 5, 26)
KEYED = ("scores", "evaluations", "reasons", "importances", "curves", "verdicts", "questions")


def filled(folder: Path, tz: str | None = None) -> Shop:
    folder.mkdir(parents=True, exist_ok=True)
    shop = footfall.open(folder / "shop.duckdb", SETTINGS, threads=2)
    shop.load(toy.write_toy(folder / "raw"), source="simulated", timezone=tz)
    return shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    made = filled(tmp_path_factory.mktemp("front"))
    made.check()
    made.backtest(WEEK, ["baseline", "logistic"])
    made.fit(WEEK, "logistic")
    return made


# --- data -------------------------------------------------------------------------------------------------


def test_load_accounts_for_every_row_and_check_returns_the_findings(shop: Shop) -> None:
    read = shop.sql("select sum(rows_read) n, sum(rows_loaded + rows_quarantined + rows_duplicate) m from loads")
    assert read.to_pylist()[0]["n"] == read.to_pylist()[0]["m"] > 2_000
    found = shop.check()
    assert found.num_rows > 0
    assert {"kind", "table_name", "check_name", "rows", "action", "effect"} <= set(found.column_names)
    assert shop.sql("select * from quality").num_rows == found.num_rows


def test_a_shop_in_memory_leaves_nothing_behind(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    raw = toy.write_toy(tmp_path / "raw")
    with Shop(":memory:", SETTINGS, threads=2) as made:
        made.load(raw, source="simulated")
        predictor = made.fit(WEEK, "baseline")
        folder = made.context.models
        assert list(folder.rglob("*.json")), "the model is saved, for as long as the shop is open"
        assert made.predict(WEEK).num_rows == made.predict(WEEK, model=predictor.model).num_rows > 0
    assert not folder.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["raw"]
    assert shop.context.models == Path(f"{shop.path}.models"), "a shop in a file keeps its models beside it"


def test_sources_and_guess_speak_of_raw_files(shop: Shop, tmp_path: Path) -> None:
    assert {"simulated", "taobao", "online_retail", "cdnow", "complete_journey"} <= set(Shop.sources())
    file = tmp_path / "orders.csv"
    file.write_text("order_id,customer_id,ordered_at,amount\n1,a,2025-01-01 10:00:00,5\n2,b,2025-01-02 11:00:00,7\n")
    assert "[files.columns]" in shop.guess(file)


def test_simulate_is_a_verb_of_the_shop_and_of_the_package(tmp_path: Path) -> None:
    done = Shop.simulate(tmp_path / "sim", customers=30, days=30)
    assert (done.folder / "orders.csv").exists() and done.truth.exists()


def test_sql_writes_by_the_ending(shop: Shop, tmp_path: Path) -> None:
    query = "select order_id, amount, occurred_at from orders where customer_id = 'R01' order by order_id"
    table = shop.sql(query, tmp_path / "new" / "orders.parquet")
    assert pq.read_table(tmp_path / "new" / "orders.parquet").equals(table)
    shop.sql(query, tmp_path / "orders.csv")
    with (tmp_path / "orders.csv").open(newline="") as file:
        assert [r["order_id"] for r in csv.DictReader(file)] == table.column("order_id").to_pylist()
    shop.sql("select 'nan'::double as x, 'ü' as y, null as z", tmp_path / "one.JSON")
    assert json.loads((tmp_path / "one.JSON").read_text(encoding="utf-8")) == {"x": None, "y": "ü", "z": None}


def test_a_wrong_ending_is_refused_before_anything_is_asked(shop: Shop, tmp_path: Path) -> None:
    for call in (
        lambda out: shop.sql("select * from no_such_table", out),
        lambda out: shop.predict("buy-7d", out=out),
    ):
        with pytest.raises(UsageError, match=r"cannot write '.*x\.xlsx': the ending is one of \.csv, \.json, \.parq"):
            call(tmp_path / "x.xlsx")
    (tmp_path / "file").write_text("")
    with pytest.raises(FootfallError, match="cannot write"):
        shop.sql("select 1 as x", tmp_path / "file" / "x.csv")


def test_wrong_sql_is_one_line(shop: Shop) -> None:
    with pytest.raises(FootfallError, match='Table with name ordrs does not exist! Did you mean "orders"'):
        shop.sql("select * from ordrs")
    with pytest.raises(FootfallError, match="there is no SQL to run"):
        shop.sql(" -- nothing")


# --- questions --------------------------------------------------------------------------------------------


def test_tasks_of_a_toml_beside_the_shop_stand_beside_the_catalogue(shop: Shop) -> None:
    own = shop.path.with_name("tasks.toml")
    try:
        own.write_text('[tasks.mugs-7d]\nentity = "customer"\ntarget = "orders.any()"\nhorizon = "7d"\n')
        names = [t.name for t in shop.tasks()]
        assert names[0] == "buy-7d" and names[-1] == "mugs-7d" and len(set(names)) == len(names)
        assert shop.task("mugs-7d").span.count == 7
        own.write_text('[tasks.buy-7d]\nentity = "customer"\ntarget = "orders.none()"\nhorizon = "7d"\n')
        assert shop.task("buy-7d").target.function == "none", "one's own task takes the place of the catalogue's"
        own.write_text("[tasks.x]\nentity = 'customer'\n")
        with pytest.raises(FootfallError, match=r"tasks\.toml: task 'x' lacks horizon, target"):
            shop.tasks()
        own.write_text("no toml")
        with pytest.raises(FootfallError, match="cannot read"):
            shop.task("buy-7d")
    finally:
        own.unlink()
    with pytest.raises(UsageError, match="there is no task 'buy7d'; did you mean 'buy-7d'"):
        shop.task("buy7d")
    assert shop.task(WEEK) is WEEK


def test_show_is_the_sql_that_runs(shop: Shop) -> None:
    sql = shop.show("buy-7d", "2025-03-03").sql()
    rows = shop.sql(sql)
    assert {"customer_id", "cutoff", "target", "orders_recency"} <= set(rows.column_names)
    assert set(rows.column("cutoff").to_pylist()) == {datetime(2025, 3, 3)}
    assert (
        rows.num_rows
        == shop.sql(
            "select count(distinct customer_id) n from orders where known_at < timestamp '2025-03-03'"
        ).to_pylist()[0]["n"]
    )
    assert "2025-05-26" in shop.show("buy-7d").sql()
    assert shop.show("buy-7d").sql("spark") != shop.show("buy-7d").sql()


def test_backtest_is_tidy_and_kept(shop: Shop) -> None:
    done = shop.backtested(WEEK, ["logistic"], 1)
    assert len(done.cutoffs) == 1
    table = shop.backtest(WEEK, ["baseline", "logistic"])
    assert {r["model"] for r in table.to_pylist()} == {"baseline", "logistic"}
    assert len({r["cutoff"] for r in table.to_pylist()} - {None}) == SETTINGS.tests
    for name in ("evaluations", "curves", "verdicts"):
        assert shop.sql(f"select * from {name} where task = '{WEEK.name}'").num_rows > 0
    kept = shop.sql(f"select count(*) n from evaluations where task = '{WEEK.name}'").to_pylist()[0]["n"]
    assert kept == table.num_rows, "an earlier backtest is replaced"


def test_a_fit_is_saved_beside_the_shop_with_its_card(shop: Shop) -> None:
    predictor = shop.fit(WEEK, "logistic")
    folder = Path(f"{shop.path}.models") / WEEK.name / "logistic" / "2025-05-26T000000"
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    assert card["task"] == WEEK.name and card["versions"]["footfall"] == footfall.__version__
    assert card["trained"]["rows"] == predictor.trained.rows
    assert "auc" in card["metrics"], "what the last backtest measured"
    assert "orders_recency" in card["features"]
    listed = shop.models(WEEK.name).to_pylist()
    assert [(r["task"], r["model"], r["cutoff"]) for r in listed] == [(WEEK.name, "logistic", END)]
    assert shop.models("churn-90d").num_rows == 0
    question = shop.sql(f"select * from questions where task = '{WEEK.name}'").to_pylist()[0]
    assert (question["model"], question["cutoff"], question["kind"]) == ("logistic", END, "chance")


def test_predict_writes_the_scores_and_a_file(shop: Shop, tmp_path: Path) -> None:
    scores = shop.predict(WEEK, out=tmp_path / "scores.parquet")
    assert pq.read_table(tmp_path / "scores.parquet").num_rows == scores.num_rows
    kept = shop.sql(f"select customer_id, chance from scores where task = '{WEEK.name}' order by customer_id")
    assert kept.to_pylist() == scores.select(["customer_id", "chance"]).sort_by("customer_id").to_pylist()
    shop.predict(WEEK)
    assert shop.sql(f"select * from scores where task = '{WEEK.name}'").num_rows == scores.num_rows, "replaced"
    for row in scores.to_pylist():
        assert 0 <= row["lower"] <= row["chance"] <= row["upper"] <= 1
        assert row["amount"] is None and row["category"] is None and row["caution"]


def test_predict_uses_the_newest_model_that_knew_nothing_later(shop: Shop) -> None:
    with pytest.raises(
        FootfallError,
        match=r"no saved model of order-7d was trained on history before 2025-04-07; saved ones know more than that: "
        r"2025-05-26; run: footfall fit order-7d --at 2025-04-07",
    ):
        shop.predict(WEEK, at="2025-04-07")
    shop.fit(WEEK, "baseline", at="2025-04-07")
    early = shop.predict(WEEK, at="2025-04-21")
    assert set(early.column("model").to_pylist()) == {"baseline"}
    assert set(early.column("cutoff").to_pylist()) == {datetime(2025, 4, 21)}
    assert set(shop.predict(WEEK).column("model").to_pylist()) == {"logistic"}
    assert set(shop.predict(WEEK, model="baseline").column("model").to_pylist()) == {"baseline"}
    with pytest.raises(FootfallError, match=r"no saved model of churn-90d .* run: footfall fit churn-90d"):
        shop.predict("churn-90d")


def test_a_prediction_after_the_data_is_made_with_what_is_there(shop: Shop) -> None:
    later = shop.predict(WEEK, at="2025-07-01")
    assert set(later.column("cutoff").to_pylist()) == {datetime(2025, 7, 1)}
    predictor = shop.fit(WEEK, "baseline", at="2026-01-01")
    assert max(predictor.trained.cutoffs) <= datetime(2025, 5, 19), "days without data are no quiet days"
    assert predictor.trained.positives > 0
    shop.sql("delete from models where cutoff > timestamp '2025-05-26'")


def test_explain_says_why_for_the_highest_and_for_one(shop: Shop) -> None:
    rows = shop.explain(WEEK, top=5).to_pylist()
    scores = shop.sql(
        f"select customer_id, chance from scores where task = '{WEEK.name}' and cutoff = '{END}' and model = 'logistic'"
    )
    best = sorted(scores.to_pylist(), key=lambda r: -r["chance"])
    told = {r["customer_id"] for r in rows}
    fifth = best[4]["chance"]
    assert len(told) == 5 and all(r["chance"] >= fifth for r in best if r["customer_id"] in told)
    kept = shop.sql(f"select * from reasons where task = '{WEEK.name}'")
    assert kept.num_rows == len(rows)
    assert shop.sql(f"select * from importances where task = '{WEEK.name}'").num_rows > 0
    one = shop.explain(WEEK, "R01").to_pylist()
    assert {r["customer_id"] for r in one} == {"R01"}
    assert [r["rank"] for r in one] == list(range(1, len(one) + 1))
    with pytest.raises(FootfallError, match=r"order-7d does not ask about a customer 'nobody' at 2025-05-26"):
        shop.explain(WEEK, "nobody")


def test_report_is_one_page_with_its_tables_beside(shop: Shop, tmp_path: Path) -> None:
    page = shop.report(tmp_path / "deep" / "june.html", title="A toy")
    text = page.read_text(encoding="utf-8")
    assert "<title>A toy" in text and "order-7d" in text
    assert (tmp_path / "deep" / "june-tables" / "evaluations.csv").exists()
    with pytest.raises(FootfallError, match="cannot write"):
        shop.report(tmp_path)


def test_shop_toml_gives_the_page_its_name(shop: Shop, tmp_path: Path) -> None:
    own = shop.path.with_name("shop.toml")
    try:
        own.write_text('name = "The Mug Shop"\n', encoding="utf-8")
        assert "The Mug Shop" in shop.report(tmp_path / "r.html").read_text(encoding="utf-8")
        own.write_bytes(b"\xff\xfe")
        with pytest.raises(FootfallError, match=r"cannot read '.*shop\.toml'"):
            shop.report(tmp_path / "r.html")
    finally:
        own.unlink()


# --- what a shop cannot answer ----------------------------------------------------------------------------


def test_an_empty_shop_says_that_it_is_empty(tmp_path: Path) -> None:
    with footfall.open(tmp_path / "shop.duckdb") as empty:
        assert empty.check().num_rows == 0
        assert empty.models().num_rows == 0
        for call in (
            lambda: empty.fit("buy-7d"),
            lambda: empty.backtest("buy-7d"),
            lambda: empty.show("buy-7d"),
        ):
            with pytest.raises(FootfallError, match="the shop holds no dated facts yet; load some first"):
                call()
        with pytest.raises(FootfallError, match="the shop holds no dated facts yet"):
            empty.predict("buy-7d")
        ran = empty.run(["baseline"])
        assert ran.answered == () and set(ran.unanswered) == {t.name for t in empty.tasks()}
        assert all("the shop holds no dated facts yet" in why for why in ran.unanswered.values())
        assert empty.report(tmp_path / "r.html").exists()


def test_what_has_no_data_or_no_answer_yet_is_named(shop: Shop) -> None:
    week = {"entity": "customer", "horizon": "7d"}
    demand = Task("demand-7d", target=orders.sum("amount").every("1d"), **week)
    with pytest.raises(FootfallError, match="demand-7d asks for a path per customer; paths are forecast per product, "):
        shop.fit(demand)
    product = Task("sells-7d", "product", footfall.lines.any(), "7d")
    with pytest.raises(FootfallError, match="sells-7d asks per product; this version answers per customer"):
        shop.fit(product)
    everyone = Task("shop-7d", "all", orders.count(), "7d")
    with pytest.raises(FootfallError, match="shop-7d asks per all; this version answers per customer"):
        shop.fit(everyone)
    with pytest.raises(FootfallError, match=r"order-400d looks 400 days ahead.* only 140 days: too short"):
        shop.fit(WEEK.over("400d"))


# --- files ------------------------------------------------------------------------------------------------


def test_a_second_process_is_told_that_the_shop_is_held(shop: Shop) -> None:
    code = f"import footfall; footfall.open({str(shop.path)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "FootfallError: cannot open" in last and "lock" in last


def test_a_file_that_is_no_shop_is_left_alone(tmp_path: Path) -> None:
    for name in ("data.csv", "data.parquet", "data.duckdb", "notes.txt"):
        (tmp_path / name).write_text("a,b\n1,2\n" * 900)
        with pytest.raises(FootfallError, match=r"cannot open '.*' as a shop: "):
            Shop(tmp_path / name)
        assert (tmp_path / name).read_text() == "a,b\n1,2\n" * 900
    with pytest.raises(FootfallError, match="cannot open"):
        Shop(tmp_path)


def test_answers_outlive_the_process_and_the_folder_may_move(shop: Shop, tmp_path: Path) -> None:
    with filled(tmp_path / "one") as first:
        first.fit(WEEK, "baseline")
        before = first.predict(WEEK).drop_columns(["made_at"])
    (tmp_path / "one").rename(tmp_path / "two")
    with footfall.open(tmp_path / "two" / "shop.duckdb", SETTINGS) as again:
        assert again.predict(WEEK).drop_columns(["made_at"]).equals(before)
        assert again.load(tmp_path / "two" / "raw", source="simulated").rows_loaded == 0, "nothing new"
        assert again.models().num_rows == 1


# --- days of the shop -------------------------------------------------------------------------------------


def test_the_timezone_defines_the_days(tmp_path: Path) -> None:
    with filled(tmp_path, "America/New_York") as shop:
        assert shop.timezone == "America/New_York"
        shop.fit(WEEK, "baseline")
        # The last order is at noon UTC, so the day ends at the next midnight of New York.
        assert shop.models().to_pylist()[0]["cutoff"] == datetime(2025, 5, 26, 4)
        at = shop.predict(WEEK, at="2025-05-30").column("cutoff").to_pylist()[0]
        assert at == datetime(2025, 5, 30, 4)
        with pytest.raises(UsageError, match="'Mars' is not a time zone"):
            shop.timezone = "Mars"
        with pytest.raises(UsageError, match="'soon' is not an instant"):
            shop.predict(WEEK, at="soon")
        shop.timezone = "Asia/Shanghai"
        assert shop.fit(WEEK, "baseline").trained.at == datetime(2025, 5, 25, 16)


# --- the same to the last bit -----------------------------------------------------------------------------


def everything(shop: Shop) -> dict[str, list[dict[str, Any]]]:
    return {table: shop.sql(f"select * exclude (made_at) from {table} order by all").to_pylist() for table in KEYED}


def test_the_same_commands_in_two_folders_give_the_same_bits(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        with filled(tmp_path / name) as shop:
            shop.check()
            for asked in (WEEK, shop.task("spend-90d").over("30d")):
                shop.backtest(asked, ["boosted"], 1)
                shop.fit(asked, "boosted")
                shop.predict(asked)
                shop.explain(asked)
            found.append(everything(shop))
    one, two = found
    for table in KEYED:
        assert one[table], table
        assert repr(one[table]) == repr(two[table]), f"{table} differs"
