"""Whose facts are one customer's at a cutoff: by today's links, by those known then, or by the sources' own ids."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from footfall.engine import DuckDBEngine
from footfall.identity.customers import Tree, write_history
from footfall.spans import span
from footfall.tables import create_tables, identity_as, publish_views, refresh_known
from footfall.tabular import Settings, make_clock, make_plan, prepare
from footfall.tasks import CATALOGUE
from footfall.windows import shape

START = datetime(2024, 1, 1)


def day(n: float) -> datetime:
    return START + timedelta(days=n)


@pytest.fixture
def shop() -> Iterator[DuckDBEngine]:
    """Thirty persons of two accounts each: `p<i>a` from the first day, `p<i>b` from day 100, linked from day 150 on."""
    engine = DuckDBEngine(threads=1)
    create_tables(engine)
    rows = []
    for person in range(30):
        for order in range(40):
            account = "a" if order < 20 or order % 2 else "b"
            rows.append((f"o{person}-{order}", day(5 * order + person / 30), f"p{person}{account}", person))
    for number, (order, at, account, person) in enumerate(rows):
        engine.execute(
            "insert into facts.orders (order_id, occurred_at, known_at, amount, source, source_customer_id, load_id, "
            "row_hash) values (?, ?, ?, ?, 'till', ?, 1, ?)",
            [order, at, at, 10 + person, account, number],
        )
    for person in range(30):
        for account, name, since in (("a", f"C-{person}", 0.0), ("b", f"C-{person}~2", 100.0)):
            record = f"r{person}{account}"
            engine.execute(
                "insert into links values ('till', ?, ?, ?, ?)",
                [f"p{person}{account}", record, f"C-{person}", day(since)],
            )
            joined = [(name, day(since), None)] if account == "a" else [
                (name, day(since), day(150)), (f"C-{person}", day(150), None),
            ]  # fmt: skip
            for who, start, end in joined:
                engine.execute("insert into record_history values (?, ?, ?, ?)", [record, who, start, end])
    publish_views(engine)
    refresh_known(engine)
    yield engine
    engine.close()


def customers(engine: DuckDBEngine, identity: str, at: datetime) -> set[str]:
    with identity_as(engine, identity, at):
        return {c for (c,) in engine.rows("select distinct customer_id from orders where occurred_at < ?", [at])}


def test_links_count_from_when_they_were_known(shop: DuckDBEngine) -> None:
    assert len(customers(shop, "today", day(140))) == 30
    assert len(customers(shop, "raw", day(140))) == 60
    assert len(customers(shop, "as-of", day(140))) == 60
    assert len(customers(shop, "as-of", day(150))) == 60, "known at the cutoff is not known before it"
    assert customers(shop, "as-of", day(151)) == {f"C-{i}" for i in range(30)}
    assert len(customers(shop, "today", day(140))) == 30, "the views are today's again"
    assert shop.value("select count(*) from known_customers") == 30


def features_at(engine: DuckDBEngine, identity: str) -> pa.Table:
    task, settings = CATALOGUE["buy-7d"], Settings(identity=identity, step=span("7d"), rehearsals=1, tests=1)
    clock = make_clock(shape(engine))
    plan = make_plan(task, clock, settings, day(190), 1)
    table = prepare(engine, [plan], shape(engine), "UTC", settings)
    return table.matrix(task, plan.cutoffs[:-1]).table


def test_features_and_targets_are_of_the_customers_of_their_cutoff(shop: DuckDBEngine) -> None:
    found = {i: features_at(shop, i) for i in ("today", "as-of", "raw")}
    counted = {i: t.group_by("cutoff").aggregate([("customer_id", "count")]).to_pylist() for i, t in found.items()}
    per_cutoff = {i: {row["cutoff"]: row["customer_id_count"] for row in rows} for i, rows in counted.items()}
    early = day(141)
    cutoffs = sorted(per_cutoff["today"])
    early, late = min(cutoffs, key=lambda c: abs(c - early)), max(cutoffs)
    assert per_cutoff["today"][early] == per_cutoff["today"][late] == per_cutoff["as-of"][late] == 30
    assert per_cutoff["as-of"][early] == per_cutoff["raw"][early] == per_cutoff["raw"][late] == 60
    same_late = [
        t.filter(pa.compute.equal(t["cutoff"], pa.scalar(late, t["cutoff"].type))).sort_by("customer_id")
        for t in (found["today"], found["as-of"])
    ]
    assert same_late[0].equals(same_late[1])


def test_links_made_after_the_cutoff_do_not_reach_back(shop: DuckDBEngine) -> None:
    before = features_at(shop, "as-of")
    # Another tomorrow: what was linked on day 150 is linked otherwise, on a day after the last cutoff asked about.
    shop.execute("update record_history set to_at = ? where to_at is not null", [day(500)])
    shop.execute("update record_history set from_at = ?, customer_id = 'C-0' where from_at = ?", [day(500), day(150)])
    shop.execute("update links set customer_id = 'C-0', known_at = ? where record_id like 'r%b'", [day(500)])
    after = features_at(shop, "as-of")
    early = pa.scalar(day(150), before["cutoff"].type)
    old, new = (t.filter(pa.compute.less(t["cutoff"], early)) for t in (before, after))
    assert old.num_rows > 100
    assert new.equals(old)
    assert not features_at(shop, "today").equals(before)


def test_history_tells_each_part_by_the_time_it_was_joined() -> None:
    engine = DuckDBEngine(threads=1)
    create_tables(engine)
    known = [day(0), day(10), day(20), day(30), day(5)]
    ids = pa.table({"record_id": list("abcde"), "known_at": pa.array(known, pa.timestamp("us"))})
    for record, customer in zip("abcde", ["C-1"] * 4 + ["C-2"], strict=True):
        engine.execute("insert into record_links values (?, ?, ?)", [record, customer, day(0)])
    one = pa.array([0, 2, 1]).to_numpy(), pa.array([1, 3, 2]).to_numpy()
    write_history(engine, Tree(*one, one[0] * 0.0, one[0] * 0), ids)

    def then(at: datetime) -> dict[str, str]:
        return dict(
            engine.rows(
                "select record_id, customer_id from record_history where from_at < ? and (to_at is null or to_at >= ?)",
                [at, at],
            )
        )

    assert then(day(1)) == {"a": "C-1"}
    assert then(day(11)) == {"a": "C-1", "b": "C-1", "e": "C-2"}
    assert then(day(25)) == {"a": "C-1", "b": "C-1", "c": "C-1", "e": "C-2"}
    assert then(day(31)) == dict.fromkeys("abcd", "C-1") | {"e": "C-2"}
    engine.close()
