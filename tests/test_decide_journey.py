"""What the forecasts write is what the decisions read: a small shop, all the way; and the benchmark's books balance."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest
from benchmarks import restock as bench

from decide_shop import CUTOFF, TASK, counted, put, sale
from footfall import Shop
from footfall.decide import Restocking, agreement, demand_leads, restock
from footfall.decide.demand import demand
from footfall.engine import Engine
from footfall.tables import create_tables, publish_views, refresh_known

WEEKS, LIVING = 40, ("p0", "p1", "p2", "p3")
DAILY = {"p0": 1.0, "p1": 2.0, "p2": 3.0, "p3": 4.0, "ended": 2.0}
REVENUE = "revenue-category-30d"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Steady sales by the day, one product that stopped half a year ago, and lines without a product."""
    with Shop(tmp_path_factory.mktemp("shop") / "shop.duckdb") as shop:
        engine = shop.context.engine
        create_tables(engine)
        rows = []
        for day in range(1, 7 * WEEKS + 1):
            for product, units in DAILY.items():
                if product != "ended" or day > 180:
                    category = "Tea" if product in ("p0", "p1") else "Mugs"
                    more = {"category": category, "amount": 5 * units, "source_customer_id": f"c{day % 5}"}
                    rows.append(sale(product, units, day - 0.5, order_id=f"o{day}", **more))
            rows.append(sale(None, 1, day - 0.5, order_id=f"n{day}", amount=1.0))
        put(engine, "facts.lines", rows)
        put(engine, "facts.stock", [counted(p, q, 0.25) for p, q in (("p1", 10), ("p2", 400), ("ended", 7))])
        keep = ("order_id", "source_customer_id", "occurred_at", "known_at", "amount", "source")
        put(engine, "facts.orders", [{k: r.get(k) for k in keep} for r in rows])
        publish_views(engine)
        refresh_known(engine)
        for task in (TASK, REVENUE):
            shop.fit(task, "moving_average", at=CUTOFF)
            shop.predict(task, at=CUTOFF)
        yield engine


def test_restock_reads_what_predict_wrote(engine: Engine) -> None:
    told = demand(engine, TASK)
    assert told.products == LIVING
    assert told.reach == 56
    assert told.over(14.0).expected == pytest.approx([14.0, 28.0, 42.0, 56.0])
    rows = {r["product_id"]: r for r in restock(engine, Restocking("7d", "7d", 0.9))}
    assert {p: r["action"] for p, r in rows.items()} == {
        "ended": "promote", "p0": "unknown stock", "p1": "order", "p2": "promote", "p3": "unknown stock",
    }  # fmt: skip
    assert rows["p1"]["order_now"] >= 18
    assert rows["p1"]["days_of_cover"] == pytest.approx(5)
    assert rows["p1"]["category"] == "Tea"


def test_leads_read_the_series_that_were_forecast(engine: Engine) -> None:
    rows = demand_leads(engine)
    assert [r["product_id"] for r in rows] == list(LIVING)
    assert [r["now_units"] for r in rows] == [28, 56, 84, 112]
    assert not any(r["rising"] for r in rows)


def test_agreement_reads_the_sums_of_the_categories(engine: Engine) -> None:
    same = {"task": "buy-category-30d", "cutoff": CUTOFF, "model": "boosted"}
    chances = [
        {**same, "customer_id": f"c{i}", "category": c, "chance": 1.0} for i in range(5) for c in ("Tea", "Mugs")
    ]
    put(engine, "scores", chances)
    rows = {r["category"]: r for r in agreement(engine)}
    assert {c: r["forecast"] for c, r in rows.items()} == pytest.approx({"Mugs": 30 * 35.0, "Tea": 30 * 15.0})
    assert rows["Tea"]["customers"] == pytest.approx(30 * 15.0)
    assert rows["Tea"]["newcomers"] == rows["Tea"]["guests"] == 0
    assert rows["Tea"]["words"].startswith("The two agree")


def test_the_books_of_the_benchmark_balance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces: what was there and what came is sold or left; what was wanted is sold or lost."""
    monkeypatch.setattr(bench, "REVIEWS", 6)
    w = bench.world(1)
    start = bench.before(w)
    assert bench.world(1).demand.tobytes() == w.demand.tobytes()
    for rule in (bench.monthly, bench.weekly, bench.padded):
        one = rule(start)
        again = rule(start)
        assert (one.holding.sum(), one.lost.sum()) == (again.holding.sum(), again.lost.sum())
        sold, wanted = np.sum(one.sold[start.day :], axis=0), w.demand[start.day : one.day].sum(axis=0)
        assert one.day == start.day + 42
        assert (one.stock >= 0).all() and (one.coming >= 0).all()
        assert (wanted - sold == one.short).all()
        assert one.lost == pytest.approx(one.short * w.margin)
        levels = [level for _, _, level in one.counts]
        assert min(int(x.min()) for x in levels if len(x)) >= 0
    assert start.day == 7 * bench.PAST, "a replay leaves its start as it was"


def test_what_the_benchmark_writes_is_what_its_replay_sold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "PAST", 8)
    monkeypatch.setattr(bench, "REVIEWS", 2)
    start = bench.before(bench.world(0))
    with bench.records() as shop:
        bench.write(shop, start, 0, 0)
        engine = shop.context.engine
        publish_views(engine)
        sold = dict(engine.rows("select product_id, sum(quantity) from lines group by product_id"))
        whole = np.sum(start.sold, axis=0)
        assert sold == {f"P{p:03}": n for p, n in enumerate(whole) if n}
        last = bench.instant(24 * start.day)
        assert engine.value("select max(occurred_at) from lines") == last - timedelta(hours=12)
