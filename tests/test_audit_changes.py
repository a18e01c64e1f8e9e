"""Facts as they might have been: each way changes what it says, and nothing else, and only for a while."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from footfall.audit import Change, Way, changed
from footfall.audit.changes import WAYS, keep_ends
from footfall.engine import DuckDBEngine, literal
from tiny_shop import CUTOFF, tiny_shop

AT = literal(CUTOFF)
VIEWS = ("orders", "lines", "events", "reviews", "satisfaction", "customer_history", "offers", "prices", "stock")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine(tmp_path / 'odd-na"me.duckdb', threads=1)
    tiny_shop(engine)
    engine.execute("update facts.events set type = 'purchase' where hash(event_id) % 9 = 0")
    yield engine
    engine.close()


def rows(engine: DuckDBEngine, view: str, where: str = "true") -> Counter[tuple[Any, ...]]:
    return Counter(engine.rows(f"select * from {view} where {where}"))


PAST = f"occurred_at < {AT} and known_at < {AT}"
LATE = f"occurred_at < {AT} and known_at >= {AT}"
LATER = f"occurred_at >= {AT}"


@pytest.mark.parametrize("way", list(WAYS))
def test_what_was_known_before_the_cutoff_stays(shop: DuckDBEngine, way: Way) -> None:
    before = {view: rows(shop, view, PAST) for view in VIEWS}
    with changed(shop, Change(way, CUTOFF)):
        assert {view: rows(shop, view, PAST) for view in VIEWS} == before
    assert all(before.values())


def test_as_then_holds_nothing_else(shop: DuckDBEngine) -> None:
    with changed(shop, Change("as then", CUTOFF)):
        assert [view for view in VIEWS if rows(shop, view, f"not ({PAST})")] == []
        assert not rows(shop, "known_customers", f"known_from >= {AT}") and rows(shop, "known_customers")
        assert shop.value(f"select count(*) from calendar where known_at >= {AT}") == 0


def test_without_late_facts_all_others_stay(shop: DuckDBEngine) -> None:
    before = {view: rows(shop, view, f"not ({LATE})") for view in VIEWS}
    assert rows(shop, "orders", LATE)
    with changed(shop, Change("nothing late", CUTOFF)):
        assert {view: rows(shop, view) for view in VIEWS} == before


def test_without_the_outcome_the_sales_after_the_cutoff_are_gone(shop: DuckDBEngine) -> None:
    before = {view: rows(shop, view) for view in VIEWS}
    with changed(shop, Change("no outcome", CUTOFF)):
        assert not rows(shop, "orders", LATER) and not rows(shop, "lines", LATER)
        assert not rows(shop, "events", f"{LATER} and type = 'purchase'")
        assert rows(shop, "events", LATER) and rows(shop, "orders", LATE)
        assert {v: rows(shop, v) for v in ("reviews", "prices", "stock")} == {
            v: before[v] for v in ("reviews", "prices", "stock")
        }
    with changed(shop, Change("no outcome", CUTOFF, outcome="reviews")):
        assert not rows(shop, "reviews", LATER) and rows(shop, "orders") == before["orders"]


@pytest.mark.parametrize("way, where, other", [("scrambled", LATER, LATE), ("late scrambled", LATE, LATER)])
def test_scrambling_changes_deletes_moves_and_makes_up(shop: DuckDBEngine, way: Way, where: str, other: str) -> None:
    for view in ("orders", "events", "reviews"):
        before, kept = rows(shop, view, where), rows(shop, view, other)
        with changed(shop, Change(way, CUTOFF)):
            after, beside = rows(shop, view, where), rows(shop, view, other)
        assert before and not before & after, "no row is as it was"
        assert not kept - beside or way == "late scrambled", "the others stay; late rows may have moved among them"
        assert sum(after.values()) > 0.5 * sum(before.values())


def test_each_customer_may_have_a_cutoff_of_its_own(shop: DuckDBEngine) -> None:
    ends = keep_ends(shop)
    early = datetime(2020, 2, 1)
    shop.execute(f"insert into {ends} values ('c1', {literal(early)}), ('c2', {AT})")
    with changed(shop, Change("no outcome", CUTOFF, ends)):
        assert not rows(shop, "orders", f"customer_id = 'c1' and occurred_at >= {literal(early)}")
        assert rows(shop, "orders", f"customer_id = 'c2' and occurred_at >= {literal(early)}")
        assert not rows(shop, "orders", LATER)


def test_what_is_made_of_the_facts_follows(shop: DuckDBEngine) -> None:
    names = ("customers", "Transactions", "Customer_Interactions", "Customer_Details", "known_customers")
    before = {name: rows(shop, name) for name in names}
    with changed(shop, Change("as then", datetime(2020, 2, 1))):
        assert [name for name in names if rows(shop, name) == before[name]] == []
        assert sum(rows(shop, "Transactions").values()) == sum(rows(shop, "lines", "kind = 'sale'").values())
    assert {name: rows(shop, name) for name in names} == before


def test_after_an_error_the_facts_are_there_again(shop: DuckDBEngine) -> None:
    before = rows(shop, "orders")
    with pytest.raises(RuntimeError), changed(shop, Change("as then", datetime(2020, 1, 2))):
        raise RuntimeError
    assert rows(shop, "orders") == before
    assert shop.rows("select view_name from duckdb_views() where temporary and not internal") == []
