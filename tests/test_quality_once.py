"""Each finding is told once: by the check of the whole shop, where it covers what loads told."""

from __future__ import annotations

from pathlib import Path

import pytest

from footfall.engine import DuckDBEngine
from footfall.quality import CHECKS, check
from footfall.sources import find_source, load, source_names
from quality_shop import copy_as, new_shop
from source_samples import SAMPLES, write

ALL = "select * from quality union all select * from told_by_check order by all"


def shop(*findings: tuple[int, str, str, str, int, str]) -> DuckDBEngine:
    """Orders of which three are guests', and what loads told: load, source, table, check, rows, action."""
    engine = new_shop()
    copy_as(engine, "shop")
    engine.execute("update facts.orders set source_customer_id = null where order_id in ('o1', 'o2', 'o3')")
    for finding in findings:
        engine.execute(
            "insert into quality by name select ? as load_id, ? as source, ? as table_name, ? as check_name, "
            "? as rows, ? as action, 'missing' as kind",
            list(finding),
        )
    return engine


def told(engine: DuckDBEngine, table: str = "quality") -> list[tuple[object, ...]]:
    return engine.rows(
        f"select load_id, source, table_name, check_name, rows from {table} "
        "where check_name in ('guest checkout', 'no customer', 'orders_without_customer', 'odd') order by all"
    )


CHECKED = (None, "shop", "orders", "orders_without_customer", 3)


def test_a_check_tells_what_several_loads_told() -> None:
    one, two = (1, "shop", "orders", "guest checkout", 2, "kept"), (2, "shop", "orders", "no customer", 1, "kept")
    engine = shop(one, two)
    check(engine)
    assert told(engine) == [CHECKED]
    assert told(engine, "told_by_check") == [one[:5], two[:5]]
    before = engine.rows(ALL)
    check(engine)
    assert engine.rows(ALL) == before, "a second check tells the same"


@pytest.mark.parametrize(
    ("finding", "why"),
    [
        ((1, "shop", "orders", "guest checkout", 4, "kept"), "more rows than the check sees"),
        ((1, "shop", "orders", "guest checkout", 3, "repaired"), "the load changed them"),
        ((1, "shop", "orders", "guest checkout", 3, "set aside"), "they are not in the facts"),
        ((1, "other", "orders", "guest checkout", 3, "kept"), "another source"),
        ((1, "shop", "lines", "guest checkout", 3, "kept"), "another table"),
        ((1, "shop", "orders", "odd", 3, "kept"), "a name of its own"),
    ],
)
def test_what_is_not_the_same_stays(finding: tuple[int, str, str, str, int, str], why: str) -> None:
    engine = shop(finding)
    check(engine)
    assert sorted(map(str, told(engine))) == sorted(map(str, [CHECKED, finding[:5]])), why
    assert told(engine, "told_by_check") == []


def test_what_the_check_no_longer_tells_comes_back() -> None:
    engine = shop((1, "shop", "orders", "guest checkout", 3, "kept"))
    check(engine)
    assert told(engine) == [CHECKED]
    engine.execute("update facts.orders set source_customer_id = 'c1' where source_customer_id is null")
    check(engine)
    assert told(engine) == [(1, "shop", "orders", "guest checkout", 3)]
    assert told(engine, "told_by_check") == []


def test_names_that_checks_cover_are_told_by_some_source() -> None:
    kept = {c.name for n in source_names() for r in find_source(n).roles for c in r.checks if c.action == "kept"}
    covered = {name for c in CHECKS for name in c.covers}
    assert covered
    assert covered <= kept, f"no source tells {sorted(covered - kept)}"


def test_a_source_with_returns_and_guests(tmp_path: Path) -> None:
    """What the load of a real layout told and the check tells again is told once; what it repaired stays."""
    engine = DuckDBEngine(threads=2)
    load(engine, [write(tmp_path, SAMPLES["online_retail"].files)], source="online_retail")
    before = engine.rows("select check_name, rows from quality where action <> 'kept' order by all")
    assert engine.value("select count(*) from quality where check_name in ('cancellation', 'code that is no product')")
    check(engine)
    names = [n for (n,) in engine.rows("select check_name from quality")]
    assert {"returned", "no_product"} <= set(names)
    assert not {"cancellation", "code that is no product"} & set(names)
    assert engine.rows("select check_name, rows from quality where action <> 'kept' and load_id = 1 order by all") == (
        before
    )
