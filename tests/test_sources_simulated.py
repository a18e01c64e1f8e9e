"""The simulator's files through their source: every row accounted for, every planted repair counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from footfall.engine import DuckDBEngine
from footfall.simulate import Dials, Simulated, simulate, toy
from footfall.sources import LoadReport, load


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    dials = Dials(events_per_customer=20, duplicates=0.02)
    return simulate(tmp_path_factory.mktemp("raw") / "shop", customers=800, days=120, seed=5, dials=dials)


@pytest.fixture(scope="module")
def loaded(shop: Simulated) -> tuple[DuckDBEngine, LoadReport]:
    engine = DuckDBEngine()
    return engine, load(engine, shop.folder, source="simulated")


def finding(report: LoadReport, table: str, check: str) -> int:
    return sum(f.rows for f in report.findings if (f.table_name, f.check_name) == (table, check))


def test_every_row_is_loaded_or_a_copy(shop: Simulated, loaded: tuple[DuckDBEngine, LoadReport]) -> None:
    engine, report = loaded
    assert report.rows_read == report.rows_loaded + report.rows_duplicate + report.rows_quarantined
    assert report.rows_quarantined == 0
    by_role: dict[str, int] = {}
    for file in report.files:
        by_role[file.role] = by_role.get(file.role, 0) + file.rows_read
    for role, name in {"events": "events", "orders": "orders", "lines": "order_lines", "crm": "crm_export"}.items():
        assert by_role[role] == shop.rows[name]
    assert engine.value("select count(distinct split_part(event_id, '#', 1)) from events") == (
        shop.rows["events"] - shop.planted["events:duplicate"]
    )
    assert engine.value("select count(*) from orders") == shop.rows["orders"] - shop.planted["orders.csv:duplicate"]
    assert engine.value("select count(*) from lines where category is null or brand is null") == 0


def test_planted_mess_is_found(shop: Simulated, loaded: tuple[DuckDBEngine, LoadReport]) -> None:
    _, report = loaded
    assert finding(report, "orders", "late") == shop.planted["orders.csv:late"]
    assert finding(report, "events", "late") == shop.planted["events:late"]
    assert finding(report, "events", "row there already") == shop.planted["events:duplicate"]
    assert finding(report, "orders", "date in another format") == shop.planted["orders.csv:date_format"]
    assert finding(report, "products", "brand in another spelling") == shop.planted["products.csv:brand_spelling"]
    assert finding(report, "customers", "impossible birth date") > 0


def test_repairs_mend(loaded: tuple[DuckDBEngine, LoadReport]) -> None:
    engine, _ = loaded
    assert engine.rows("select distinct currency from orders") == [("GBP",)]
    assert set(engine.rows("select distinct gender from customers where gender is not null")) == {
        ("female",),
        ("male",),
        ("other",),
    }
    assert engine.value("select count(distinct brand) from events") <= 25
    assert engine.value("select count(distinct brand) from products") <= 25
    assert engine.value("select count(*) from customers where registered_at is null and channel = 'web'") == 0
    assert engine.value("select min(birth_date) from customers").year > 1920
    assert engine.value("select max(birth_date) from customers").year < 2012
    assert engine.value("select count(*) from customers where surname = upper(surname)") == 0
    assert engine.value("select count(*) from orders where occurred_at is null or known_at < occurred_at") == 0


def test_late_orders_keep_both_instants(shop: Simulated, loaded: tuple[DuckDBEngine, LoadReport]) -> None:
    engine, _ = loaded
    late = engine.value("select count(*) from orders where known_at >= occurred_at + interval 2 hour")
    assert late == shop.planted["orders.csv:late"] > 0


def test_guests_have_names_but_no_customer(loaded: tuple[DuckDBEngine, LoadReport]) -> None:
    engine, _ = loaded
    guests = "from orders where source_customer_id is null"
    assert engine.value(f"select count(*) {guests}") > 0
    assert engine.value(f"select count(*) {guests} and guest_surname is null") == 0
    assert engine.value("select count(*) from lines where source_customer_id is null") > 0


def test_the_same_files_twice_add_nothing(shop: Simulated, tmp_path: Path) -> None:
    engine = DuckDBEngine()
    load(engine, shop.folder, source="simulated")
    before = {t: engine.value(f"select count(*) from {t}") for t in ("events", "orders", "lines", "customer_history")}
    again = load(engine, shop.folder, source="simulated")
    assert again.rows_loaded == 0
    assert before == {t: engine.value(f"select count(*) from {t}") for t in before}


def test_the_toy_loads_whole(tmp_path: Path) -> None:
    engine = DuckDBEngine()
    load(engine, toy.write_toy(tmp_path / "toy"), source="simulated")
    orders = toy.toy_orders()
    assert engine.value("select count(*) from orders") == len(orders)
    assert engine.rows(f"select occurred_at, known_at from orders where order_id = '{toy.LATE_ORDER}'") == [
        (toy.at(toy.LATE_DAY), toy.at(toy.LATE_KNOWN_DAY))
    ]
    gaps = engine.rows(
        f"""select distinct occurred_at - lag(occurred_at) over (order by occurred_at) from orders
        where customer_id = '{toy.REGULARS[0]}' qualify lag(occurred_at) over (order by occurred_at) is not null"""
    )
    assert [g.days for (g,) in gaps] == [toy.EVERY]
    assert engine.value("select count(*) from lines where kind = 'return' and amount < 0") == 1
    assert engine.value("select first_name from customers where customer_id = 'crm:9004'") == "Mary"
