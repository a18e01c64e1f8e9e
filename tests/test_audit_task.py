"""Tasks of the house: the audit is silent on them, and notices each leak that is planted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from footfall.answers import Audit
from footfall.audit import CHECKS, CLEAN, LEAK, NOT_RUN, SUSPECT, Finding
from footfall.shop import Shop
from footfall.spans import span
from footfall.tables import publish_views, refresh_known
from footfall.tabular import Clock, Settings, trainer
from footfall.tabular.plan import training_cutoffs
from footfall.tabular.store import FeatureTable
from footfall.tasks import CATALOGUE, Task
from footfall.windows import compile as compiler
from footfall.windows import lines, orders
from leaky import visitors
from real_data import data_path
from seeded_shop import seeded_shop
from tiny_shop import tiny_shop

SMALL = Settings(cutoffs=6, rehearsals=1, tests=1, workers=1)
BUY = Task("buy-14d", "customer", orders.any(), "14d", among=orders.any().past())


def made(fill: Callable[..., None], **how: Any) -> Shop:
    shop = Shop(":memory:", SMALL, threads=1)
    fill(shop.engine, **how)
    return shop


@pytest.fixture
def tiny() -> Iterator[Shop]:
    """Facts of every kind, one in six known late."""
    with made(tiny_shop) as shop:
        yield shop


def named(done: Audit) -> set[tuple[str, str | None]]:
    return {(f.check, f.feature) for f in done.found}


def checks(done: Audit) -> set[str]:
    return {f.check for f in done.found}


def one(done: Audit, check: str) -> Finding:
    return next(f for f in done.findings if f.check == check)


# --- silent -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "task", [BUY, CATALOGUE["buy-category-30d"], CATALOGUE["spend-90d"].over("14d")], ids=lambda t: t.name
)
def test_the_houses_tasks_are_clean(tiny: Shop, task: Task) -> None:
    done = tiny.audited(task)
    assert done.found == [] and {f.check for f in done.findings} == set(CHECKS)
    assert {f.check: f.verdict for f in done.findings} == dict.fromkeys(CHECKS, CLEAN)
    assert "to the last bit" in one(done, "future").words and "known only later" in one(done, "late").words
    assert "here the test is by time" in one(done, "split").words
    assert done.words == "No leak found."


@pytest.mark.parametrize("seed", [1, 2])
def test_clean_on_other_shops(seed: int) -> None:
    with made(seeded_shop, seed=seed) as shop:
        done = shop.audited(BUY.over("7d"))
        assert done.found == []
        assert {f.check for f in done.findings if f.verdict == NOT_RUN} == {"late"}
        assert "no source says when" in one(done, "late").words
    with made(visitors, seed=seed) as shop:
        assert shop.audited("become-customer-30d").found == []


@pytest.mark.parametrize("name", ["revenue-category-30d", "next-items-30d"])
def test_what_forecasts_and_rankings_learn_from_does_not_move(tiny: Shop, name: str) -> None:
    done = tiny.audited(name)
    assert done.found == []
    assert {f.check for f in done.findings if f.verdict == CLEAN} == {"future", "late"}
    assert "rows that are learnt from" in one(done, "future").words


def test_the_shop_keeps_its_facts_and_gets_the_rows(tiny: Shop) -> None:
    before = tiny.engine.rows("select count(*), sum(hash(o)) from orders o")
    rows = tiny.audit("revenue-category-30d")
    assert tiny.engine.rows("select count(*), sum(hash(o)) from orders o") == before
    assert tiny.engine.rows("select view_name from duckdb_views() where temporary and not internal") == []
    assert set(rows.column("check_name").to_pylist()) == set(CHECKS)
    assert tiny.sql("select count(*) as n from audit").to_pylist() == [{"n": rows.num_rows}]
    tiny.audit("revenue-category-30d")
    assert tiny.sql("select count(*) as n from audit").to_pylist() == [{"n": rows.num_rows}], "told anew, not twice"


# --- planted ------------------------------------------------------------------------------------------------------


def reaching(change: Callable[[list[str]], list[str]]) -> Callable[..., list[str]]:
    """The compiler's conditions of the past, changed."""
    honest = compiler._Writer._reach

    def reach(self: Any, group: Any, of: str, at: str) -> list[str]:
        found = honest(self, group, of, at)
        return found if group.ahead else change(found)

    return reach


def test_features_that_ignore_when_facts_were_known(tiny: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    late = reaching(lambda conditions: [c for c in conditions if "known_at" not in c])
    monkeypatch.setattr(compiler._Writer, "_reach", late)
    done = tiny.audited(BUY)
    assert checks(done) == {"late"}
    assert {"orders_count", "orders_recency", "events_count", "reviews_count"} <= {f for _, f in named(done)}
    told = one(done, "late")
    assert told.verdict == LEAK and told.value and told.value > 0 and "before anybody could" in told.words


def test_features_that_look_ahead(tiny: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = reaching(lambda conditions: [c.replace("< s.cutoff", "< s.cutoff + interval 5 day") for c in conditions])
    monkeypatch.setattr(compiler._Writer, "_reach", ahead)
    done = tiny.audited(BUY)
    assert {"future", "late", "history"} <= checks(done)
    assert {("future", "orders_count"), ("future", "events_count"), ("history", "orders_count")} <= named(done)
    assert ("history", "reviews_count") not in named(done), "reviews are no sales"


def test_a_population_that_looks_ahead(tiny: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = compiler._Writer._reach
    task = replace(BUY, among=lines.where(kind="sale").any().past("10d"))

    def reach(self: Any, group: Any, of: str, at: str) -> list[str]:
        found = honest(self, group, of, at)
        if group.ahead or group.table != "lines":
            return found
        return [c.replace("< s.cutoff", "< s.cutoff + interval 9 day") for c in found]

    monkeypatch.setattr(compiler._Writer, "_reach", reach)
    assert ("future", "the population") in named(tiny.audited(task))


def test_training_outcomes_that_are_not_over(tiny: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def unpurged(task: Task, at: datetime, clock: Clock, settings: Settings, anchor: datetime) -> list[datetime]:
        return training_cutoffs(task.over("1d"), at, clock, replace(settings, step=span("7d")), anchor)

    monkeypatch.setattr(trainer, "training_cutoffs", unpurged)
    done = tiny.audited(BUY)
    told = one(done, "overlap")
    assert checks(done) == {"overlap"} and told.verdict == LEAK and told.value == pytest.approx(1 / 6)
    assert "over only after" in told.words


def test_training_outcomes_that_were_known_only_later(tiny: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = FeatureTable._rows

    def rows(self: FeatureTable, task: Task, cutoffs: Any, as_of: Any, *rest: Any) -> Any:
        return honest(self, task, cutoffs, None, *rest)

    monkeypatch.setattr(FeatureTable, "_rows", rows)
    assert named(tiny.audited(BUY)) == {("overlap", "target")}


def test_a_source_that_backdates_what_it_learns_from_the_sale() -> None:
    """An attribute without a date, taken as known all along, that is given to those who buy in the end."""
    with made(seeded_shop) as shop:
        shop.engine.execute(
            "insert into facts.customers (source, source_customer_id, occurred_at, known_at, loyalty_tier) "
            "select 'seeded', source_customer_id, timestamp '1900-01-01', timestamp '1900-01-01', "
            "case when max(occurred_at) >= timestamp '2024-04-23' then 'gold' else 'none' end "
            "from facts.orders group by 2"
        )
        publish_views(shop.engine)
        refresh_known(shop.engine)
        done = shop.audited(BUY.over("7d"))
        assert named(done) == {("single", "customers_loyalty_tier_latest")}
        told = one(done, "single")
        assert told.verdict == SUSPECT and told.value and told.value > 0.95
        assert "Is it known when the prediction is made?" in told.words


def test_the_same_people_under_two_ids() -> None:
    with made(seeded_shop) as shop:
        shop.engine.execute(
            "insert into facts.orders by name select * replace (source_customer_id || '-again' as source_customer_id, "
            "order_id || '-again' as order_id) from facts.orders where hash(source_customer_id) % 8 = 0"
        )
        publish_views(shop.engine)
        refresh_known(shop.engine)
        done = shop.audited(BUY.over("7d"))
        assert named(done) == {("copies", None)}
        assert "Resolve them" in one(done, "copies").words


def test_too_short_a_history_is_said() -> None:
    with made(seeded_shop, days=30) as shop:
        done = shop.audited(BUY)
        assert {f.check for f in done.findings if f.verdict == NOT_RUN} >= {"overlap", "split", "single", "copies"}
        assert "has no room for a test" in one(done, "split").words


@pytest.mark.parametrize("name", ["cdnow", "complete_journey"])
def test_clean_on_real_shops(name: str) -> None:
    with Shop(":memory:", SMALL, threads=1) as shop:
        shop.load(data_path(name), name)
        done = shop.audited("buy-30d")
        assert done.found == []
        assert {f.check for f in done.findings if f.verdict == NOT_RUN} == {"late"}
