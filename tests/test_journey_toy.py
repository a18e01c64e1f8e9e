"""The toy shop from raw files to the page: what is known of it by construction comes out as answers."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

import footfall
from footfall import Shop, Task, events, lines, orders
from footfall.simulate import toy
from footfall.tabular import Settings

SETTINGS = Settings(step=footfall.span("1d"), cutoffs=45, rehearsals=2, tests=3)
WEEK = Task("order-7d", "customer", orders.any(), "7d", among=orders.any().past())
GONE = Task("gone-14d", "customer", orders.none(), "14d", among=orders.any().past("60d"))
BEANS = Task("beans-7d", ("customer", "category"), lines.any(), "7d", among=lines.any().past())
UNITS = Task("units-7d", "customer", lines.where(kind="sale").sum("quantity"), "7d", among=lines.any().past())


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("toy")
    made = footfall.open(folder / "shop.duckdb", SETTINGS, threads=2)
    made.load(toy.write_toy(folder / "raw"), source="simulated")
    return made


def count(shop: Shop, sql: str) -> int:
    return int(shop.sql(sql).column(0)[0].as_py())


def chances(shop: Shop, task: Task, day: int, model: str = "boosted") -> dict[str, float]:
    at = toy.at(day, 0)
    shop.fit(task, model, at=at)
    column = "chance" if task.kind == "chance" else "amount"
    return {r["customer_id"]: r[column] for r in shop.predict(task, at=at, model=model).to_pylist()}


def mean(found: dict[str, float], who: list[str]) -> float:
    return sum(found[c] for c in who) / len(who)


# --- load and check ---------------------------------------------------------------------------------------


def test_every_order_stands_once_with_its_times_and_its_money(shop: Shop) -> None:
    expected = toy.toy_orders()
    assert count(shop, "select count(*) from orders") == len(expected)
    assert count(shop, "select count(*) from lines where kind = 'sale'") == len(expected)
    late = shop.sql(f"select occurred_at, known_at from orders where order_id = '{toy.LATE_ORDER}'").to_pylist()
    assert late == [{"occurred_at": toy.at(toy.LATE_DAY), "known_at": toy.at(toy.LATE_KNOWN_DAY)}]
    spent = shop.sql("select sum(amount) s from orders where customer_id = 'R00'").to_pylist()[0]["s"]
    assert spent == toy.BASKET * len([o for o in expected if o.customer == "R00"])
    guest = shop.sql(f"select customer_id from orders where order_id = '{toy.GUEST_ORDER}'").to_pylist()
    assert guest == [{"customer_id": None}]
    back = shop.sql("select order_id, occurred_at from lines where kind = 'return'").to_pylist()
    assert back == [{"order_id": toy.RETURNED_ORDER, "occurred_at": toy.at(toy.RETURN_DAY)}]


def test_the_repeated_rows_are_told_and_counted_once(shop: Shop) -> None:
    row = shop.sql(
        "select sum(rows_read) r, sum(rows_loaded) l, sum(rows_quarantined) q, sum(rows_duplicate) d from loads"
    ).to_pylist()[0]
    assert row["r"] == row["l"] + row["q"] + row["d"]
    assert (row["q"], row["d"]) == (0, 2), "one order and one event stand twice"
    assert count(shop, f"select count(*) from orders where order_id = '{toy.REPEATED_ORDER}'") == 1
    kinds = set(shop.check().column("kind").to_pylist())
    assert {"duplicate", "late"} <= kinds


def test_the_weekly_wave_is_there(shop: Shop) -> None:
    sold = shop.sql(
        f"select weekday(cast(occurred_at as date)) w, min(quantity) low, max(quantity) high, count(*) n from lines "
        f"where product_id = '{toy.WAVE_PRODUCT}' group by 1 order by (w + 6) % 7"
    ).to_pylist()
    assert [(r["low"], r["high"]) for r in sold] == [(u, u) for u in toy.WAVE]
    assert all(r["n"] == toy.DAYS // 7 for r in sold)


# --- answers ----------------------------------------------------------------------------------------------


def test_who_is_due_has_a_high_chance_and_who_just_ordered_a_low_one(shop: Shop) -> None:
    """On day 126 regular `n` last ordered on day 112 + n: R00 ... R06 are due within the week, R07 ... R09 are not."""
    found = chances(shop, WEEK, 126)
    due = [f"R{n:02d}" for n in range(7)]
    resting = [f"R{n:02d}" for n in range(7, 10)]
    assert found[toy.DAILY] > 0.9
    assert mean(found, due) > 0.8
    assert mean(found, resting) < 0.3
    assert min(found[c] for c in due) > max(found[c] for c in resting)
    assert mean(found, list(toy.CHURNERS)) < 0.15
    assert found[toy.LATE_CUSTOMER] < 0.3


def test_who_left_is_told_from_who_stays(shop: Shop) -> None:
    """The churners' last order is on day 70; by day 110 nobody of their kind has come back."""
    found = chances(shop, GONE, 110)
    assert mean(found, list(toy.CHURNERS)) > 0.8
    # Within any 14 days each regular orders once, so none of them is ever gone.
    assert mean(found, list(toy.REGULARS)) < 0.2
    assert found[toy.DAILY] < 0.1


def test_before_the_churners_left_nobody_could_know(shop: Shop) -> None:
    found = chances(shop, WEEK, 70, "logistic")
    assert mean(found, list(toy.CHURNERS)) > 0.8, "they had ordered every week until then"


def test_the_wave_customer_buys_beans_and_nobody_else_does(shop: Shop) -> None:
    shop.fit(BEANS, "boosted", at=toy.at(126, 0))
    rows = shop.predict(BEANS, at=toy.at(126, 0)).to_pylist()
    found = {(r["customer_id"], r["category"]): r["chance"] for r in rows}
    beans = [c for _, c in found if "coffee" in c or "beans" in c]
    assert beans, sorted({c for _, c in found})
    others = [p for (who, what), p in found.items() if what == beans[0] and who != toy.DAILY]
    assert found.get((toy.DAILY, beans[0]), 0) > 0.8
    assert not others or max(others) < 0.2


def test_units_of_a_week_are_about_those_of_the_wave(shop: Shop) -> None:
    found = chances(shop, UNITS, 126, "logistic")
    week = sum(toy.WAVE)
    row = next(
        r for r in shop.predict(UNITS, at=toy.at(126, 0), model="logistic").to_pylist() if r["customer_id"] == toy.DAILY
    )
    assert found[toy.DAILY] == pytest.approx(week, rel=0.4)
    assert row["lower"] < week < row["upper"]
    assert sum(found.values()) == pytest.approx(week + 7 * 2 * 10 / toy.EVERY, rel=0.4)


def test_visitors_who_never_ordered_are_asked_about_and_are_not_expected_to(shop: Shop) -> None:
    become = Task("become-14d", "customer", orders.any(), "14d", among=orders.none().past())
    shop.fit(become, "boosted")
    found = {r["customer_id"]: r["chance"] for r in shop.predict(become).to_pylist()}
    assert set(toy.VISITORS) <= set(found)
    assert not (set(toy.REGULARS) | {toy.NEWCOMER}) & set(found), "who has ordered is a customer already"
    assert all(found[v] < 0.25 for v in toy.VISITORS)


def test_a_late_order_counts_from_the_day_it_is_known(shop: Shop) -> None:
    """Between day 60 and day 75 the late customer's last order is the one of day 5."""

    def last(day: int) -> int:
        sql = shop.show(WEEK, toy.at(day, 0)).sql()
        rows = shop.sql(f"select orders_recency r from ({sql}) where customer_id = '{toy.LATE_CUSTOMER}'").to_pylist()
        return round(day - 0.5 - rows[0]["r"])

    assert [last(d) for d in (61, 75, 76)] == [5, 5, toy.LATE_DAY]


def test_the_backtest_finds_what_is_regular(shop: Shop) -> None:
    result = shop.backtested(WEEK, ["boosted"], 2)
    auc = {r["model"]: r["value"] for r in result.evaluations if r["metric"] == "auc" and r["cutoff"] is None}
    assert auc["boosted"] > 0.9
    assert auc["boosted"] >= auc["baseline"] - 0.02


def test_reasons_name_the_rhythm(shop: Shop) -> None:
    shop.fit(WEEK, "boosted", at=toy.at(126, 0))
    rows = shop.explain(WEEK, "X00", at=toy.at(126, 0)).to_pylist()
    assert rows[0]["contribution"] < 0, "what weighs most speaks against an order"
    assert any("order" in r["reason"] for r in rows)


# --- one task of one's own, and the page ------------------------------------------------------------------


def test_a_task_of_ones_own_runs_to_the_page(shop: Shop, tmp_path: Path) -> None:
    own = shop.path.with_name("tasks.toml")
    own.write_text(
        '[tasks.look-7d]\nentity = "customer"\ntarget = "events.where(type=\'view\').any()"\nhorizon = "7d"\n'
        "among = \"events.count().past('60d').at_least(3)\"\n"
    )
    try:
        shop.fit("look-7d", "logistic")
        scores = shop.predict("look-7d", out=tmp_path / "look.json")
        assert len([json.loads(x) for x in (tmp_path / "look.json").read_text().splitlines()]) == scores.num_rows
        found = {r["customer_id"]: r["chance"] for r in scores.to_pylist()}
        assert "X00" not in found, "last seen 70 days ago"
        assert found[toy.VISITORS[0]] > 0.6, "looks around every week"
        assert "look-7d" in shop.report(tmp_path / "r.html").read_text(encoding="utf-8")
    finally:
        own.unlink()


def test_without_an_instant_the_end_of_the_data_is_meant(shop: Shop) -> None:
    predictor = shop.fit(WEEK, "baseline")
    assert predictor.trained.at == datetime(2025, 5, 26) == toy.at(toy.DAYS, 0)
    assert events.any().past().span is None
