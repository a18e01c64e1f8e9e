"""What a check does to the facts: once, written down, nothing lost, all or nothing."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError
from footfall.quality import check, run
from footfall.quality.declare import QueryCheck
from footfall.tables import refresh_known
from quality_shop import clean, content, copy_as, new_shop

DIRT = [
    "update facts.lines set price = -price where order_id = 'o3' and quantity = 1",
    "update facts.lines set quantity = 0, amount = 0 where order_id = 'o4' and quantity = 1",
    "update facts.orders set occurred_at = timestamp '2190-01-01' where order_id = 'o5'",
    "update facts.events set occurred_at = timestamp '1970-01-01' where event_id in ('e5', 'e6')",
    "update facts.customers set age = 999 where source_customer_id in ('c1', 'c2')",
    "update facts.events set brand = upper(brand) where event_id < 'e11'",
    "update facts.lines set brand = null where order_id < 'o2'",
    "update facts.events set known_at = occurred_at + interval 2 days where event_id in ('e100', 'e200', 'e300')",
    "insert into facts.events by name select * replace ('f' || event_id as event_id) from facts.events "
    "where occurred_at > timestamp '2026-02-25'",
]


def dirty(backwards: bool = False) -> DuckDBEngine:
    engine = new_shop()
    copy_as(engine, "shop", backwards=backwards)
    for sql in DIRT:
        engine.execute(sql)
    return engine


def test_a_second_check_changes_nothing_and_finds_the_same() -> None:
    engine = dirty()
    once = check(engine)
    facts, mended = content(engine), engine.rows("select * from repairs order by all")
    assert {f.action for f in once} == {"repaired", "set aside", "kept"}
    assert check(engine) == once
    assert content(engine) == facts
    assert engine.rows("select * from repairs order by all") == mended
    assert engine.value("select count(*) from quality") == len(once)


def test_no_row_is_lost() -> None:
    engine = dirty()
    before = {name: rows for name, (rows, _) in content(engine).items()}
    check(engine)
    after = {name: rows for name, (rows, _) in content(engine).items()}
    aside = dict(engine.rows("select regexp_extract(reason, 'check (\\w+)', 1), count(*) from quarantine group by 1"))
    assert aside == {"lines": 2, "orders": 1, "events": 2}
    assert {name: rows - after[name] for name, rows in before.items()} == {name: aside.get(name, 0) for name in before}


def test_a_row_set_aside_keeps_its_whole_content_and_its_load() -> None:
    engine = dirty()
    was = engine.fetch("select * from facts.orders where order_id = 'o5'").to_pylist()[0]
    check(engine)
    load, source, file, line, raw = engine.rows(
        "select load_id, source, file, line, raw from quarantine where reason like 'check orders.%'"
    )[0]
    assert (load, source, file, line) == (1, "shop", "a.csv", None)
    kept = json.loads(raw)
    assert set(kept) == set(was)
    assert kept["order_id"] == "o5" and kept["row_hash"] == was["row_hash"]
    assert datetime.fromisoformat(kept["occurred_at"]) == was["occurred_at"] == datetime(2190, 1, 1)


def test_a_customer_is_not_known_since_a_row_set_aside() -> None:
    engine = dirty()
    engine.execute("update facts.events set known_at = occurred_at where event_id = 'e5'")
    refresh_known(engine)
    since = "select known_from from known_customers where customer_id = 'c5'"
    assert engine.value(since) == datetime(1970, 1, 1)
    check(engine)
    assert engine.value(since) == datetime(2026, 1, 5)


def test_the_file_is_not_guessed_where_a_load_had_several() -> None:
    engine = dirty()
    engine.execute("insert into loads by name select * replace ('b.csv' as file) from loads")
    check(engine)
    assert engine.rows("select distinct file from quarantine") == [(None,)]


def test_without_repair_the_facts_stay_and_everything_is_told() -> None:
    engine, other = dirty(), dirty()
    facts = content(engine)
    told = {(f.table_name, f.check_name): f for f in check(engine, repair=False)}
    done = {(f.table_name, f.check_name): f for f in check(other)}
    assert content(engine) == facts
    assert engine.value("select count(*) from quarantine") == engine.value("select count(*) from repairs") == 0
    assert {f.action for f in told.values()} == {"kept"}
    for key, finding in done.items():
        if finding.action != "kept":
            assert told[key].rows == finding.rows, key
    spelling = ("events", "brand_spelling")
    assert told[spelling].examples == done[spelling].examples


def test_findings_do_not_hang_on_the_order_of_rows() -> None:
    assert check(dirty()) == check(dirty(backwards=True))


def test_the_old_value_is_written_down() -> None:
    engine = dirty()
    check(engine)
    assert engine.rows("select old_value, new_value, rows from repairs where check_name = 'impossible_age'") == [
        ("999", None, 2)
    ]
    assert engine.rows("select age from facts.customers where source_customer_id in ('c1', 'c2')") == [(None,)] * 2
    brands = "select old_value, new_value from repairs where check_name = 'brand_spelling' order by 1 limit 1"
    assert engine.rows(brands) == [("BRISTOL", "Bristol")]
    assert engine.value("select count(*) from facts.events where brand = upper(brand)") == 0


def test_the_most_frequent_spelling_wins_over_all_tables_and_then_stays() -> None:
    engine = clean()
    engine.execute("update facts.products set brand = 'BRISTOL' where brand = 'Bristol'")
    check(engine)
    assert engine.value("select count(*) from facts.products where brand = 'BRISTOL'") == 0
    engine.execute(
        "insert into facts.events by name select e.* replace ('BRISTOL' as brand, 'g' || k || event_id as event_id) "
        "from facts.events e, range(9) t(k) where brand = 'Bristol'"
    )
    check(engine)
    assert engine.rows("select distinct brand from facts.events where brand ilike 'bristol'") == [("Bristol",)]


@pytest.mark.parametrize(("brands", "best"), [(["b b", "B B"], "B B"), ([" Bob", "Bob"], "Bob"), (["!", "?"], None)])
def test_ties_spaces_and_names_without_letters(brands: list[str], best: str | None) -> None:
    engine = new_shop()
    for brand in brands:
        engine.execute("insert into facts.products (source, product_id, brand) values ('s', ?, ?)", [brand, brand])
    check(engine)
    found = {row[0] for row in engine.rows("select brand from facts.products")}
    assert found == ({best} if best else set(brands))


def test_the_margin_of_a_day_after_the_load() -> None:
    engine = clean()
    for order, time in [("o5", "2026-03-03 01:00:00"), ("o6", "2026-03-03 01:00:00.000001")]:
        engine.execute(f"update facts.orders set occurred_at = timestamp '{time}' where order_id = '{order}'")
    check(engine)
    assert engine.rows("select raw->>'order_id' from quarantine") == [("o6",)]


def test_where_most_rows_are_impossible_the_source_is_at_fault_and_they_are_kept() -> None:
    engine = clean()
    engine.execute("update loads set loaded_at = timestamp '2026-01-10'")
    facts = content(engine)
    findings = {(f.table_name, f.check_name): f for f in check(engine)}
    future = findings["events", "time_in_future"]
    assert (future.action, future.rows) == ("kept", 56 * 60 - 6 * 60)
    assert content(engine) == facts


def test_what_a_source_states_without_a_date_is_not_too_old() -> None:
    engine = clean()
    for table in ("events", "orders", "lines", "customers", "prices", "reviews"):
        engine.execute(f"update facts.{table} set occurred_at = timestamp '1900-01-01', known_at = occurred_at")
    assert engine.value("select count(*) from quarantine") == 0
    assert not {f.check_name for f in check(engine)} & {"time_too_old", "late_hour", "late_day", "time_far_off"}


def test_findings_of_loads_stay() -> None:
    engine = dirty()
    engine.execute("insert into quality by name select 1 as load_id, 'shop' as source, 'bad_date' as check_name")
    check(engine)
    check(engine)
    assert engine.value("select count(*) from quality where check_name = 'bad_date'") == 1


def test_a_check_that_fails_leaves_everything_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = dirty()
    facts = content(engine)
    broken = QueryCheck("broken", "lines", "price", "late", "nothing", "none", sql="select nothing from nowhere")
    monkeypatch.setattr(run, "CHECKS", (*run.CHECKS, broken))
    with pytest.raises(FootfallError, match="nowhere"):
        check(engine)
    assert content(engine) == facts
    assert engine.value("select count(*) from quarantine") == engine.value("select count(*) from repairs") == 0
    monkeypatch.undo()
    assert check(engine) == check(dirty())


def test_days_are_those_of_the_shop() -> None:
    """In Auckland (UTC+13) the last day of the data, which ends at 23:37 UTC, is cut short at 12:37."""
    engine = clean()
    assert check(engine) == []
    engine.execute("insert into settings values ('timezone', 'Pacific/Auckland')")
    partial = [f for f in check(engine) if f.check_name == "last_day_partial" and f.table_name == "events"]
    assert [f.examples for f in partial] == ['["2026-03-02: last row about 12:30:00"]']


def test_a_source_of_dates_has_no_doubles_within_a_second_and_no_cut_last_day() -> None:
    engine = clean()
    for table in ("events", "orders", "lines"):
        engine.execute(
            f"update facts.{table} set occurred_at = date_trunc('day', occurred_at), "
            "known_at = date_trunc('day', known_at), source_customer_id = 'c1'"
        )
    assert check(engine) == []


def test_closed_weekdays_are_no_gaps() -> None:
    engine = clean()
    for table in ("events", "orders", "lines"):
        engine.execute(f"delete from facts.{table} where isodow(occurred_at) = 6")
    assert check(engine) == []


def test_a_source_that_a_rule_does_not_fit_keeps_its_values() -> None:
    engine = new_shop()
    copy_as(engine, "shop")
    engine.execute(
        "insert into facts.customers (occurred_at, known_at, source, source_customer_id, age, load_id, row_hash) "
        "select timestamp '2025-01-01', timestamp '2025-01-01', 'nursery', 'n' || i, "
        "case when i < 150 then 3 else 30 end, 1, 900000 + i from range(300) t(i)"
    )
    engine.execute("update facts.customers set age = 999 where source = 'shop' and source_customer_id = 'c1'")
    found = {(f.source, f.action): f.rows for f in check(engine) if f.check_name == "impossible_age"}
    assert found == {("nursery", "kept"): 150, ("shop", "repaired"): 1}
    assert engine.value("select count(*) from facts.customers where source = 'nursery' and age = 3") == 150
    assert engine.value("select age from facts.customers where source_customer_id = 'c1'") is None
