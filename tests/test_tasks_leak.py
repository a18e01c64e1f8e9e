"""No task sees past its cutoff: whatever happens from then on, features and populations stay bit-identical."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pyarrow as pa
import pytest

from footfall.engine import DuckDBEngine, literal
from footfall.forecast import series_query
from footfall.models.review_text import learn_text
from footfall.spans import midnight, shift
from footfall.tables import TABLES, publish_views, refresh_known
from footfall.tabular import read_reviews, reading
from footfall.tasks import CATALOGUE, Task, answer_query, task_columns
from footfall.windows import Frame, Shape, Window, compile_windows, engineered, features, shape
from tiny_shop import CUSTOMERS, CUTOFF, tiny_shop

AT = literal(CUTOFF)
PATHS = [t.name for t in CATALOGUE.values() if t.kind == "path"]
TABLES_DATED = [t for t in TABLES.values() if t.time]
# Aligned: rolled up by day. The other: fact by fact. A history that ends before the cutoff has rows before it, too.
FRAMES = {
    "by-day": ("UTC", (CUTOFF - timedelta(days=30), CUTOFF)),
    "by-fact": ("UTC", (CUTOFF - timedelta(days=30, minutes=7), CUTOFF)),
    "local-day": ("Asia/Shanghai", (CUTOFF - timedelta(days=30, hours=8), CUTOFF - timedelta(hours=8))),
}


@pytest.fixture
def shop() -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine(threads=1)
    tiny_shop(engine)
    yield engine
    engine.close()


def frame(task: Task, way: str) -> Frame:
    tz, cutoffs = FRAMES[way]
    return Frame(task.keys, cutoffs, tz)


def everything(engine: DuckDBEngine, task: Task, way: str, has: Shape, tasks: list[Task]) -> pa.Table:
    """The whole spine of `task` with each feature, and the populations and targets of all `tasks` (of equal keys)."""
    read_reviews(engine)
    windows: dict[str, Window] = {f.name: f.window for f in (*features(has, task.keys), *engineered(has, task.keys))}
    for one in tasks:
        windows |= task_columns(one).windows
    order = ", ".join([*task.keys, "cutoff"])
    return engine.fetch(compile_windows(frame(task, way), windows).sql() + f" order by {order}")


def by_keys() -> list[list[Task]]:
    """The catalogue's chances and amounts, tasks of equal keys together: one query each."""
    found: dict[tuple[str, ...], list[Task]] = {}
    for task in CATALOGUE.values():
        if task.kind != "path":
            found.setdefault(task.keys, []).append(task)
    return list(found.values())


def targets(tasks: list[Task]) -> list[str]:
    return sorted({task_columns(t).target for t in tasks})


def scramble(engine: DuckDBEngine, at: str) -> None:
    """Delete, change, move and add facts that occurred, or were known, at or after the instant `at`."""
    for table in TABLES_DATED:
        name = f"facts.{table.name}"
        later = f"(occurred_at >= {at} or known_at >= {at})"
        engine.execute(f"delete from {name} where {later} and hash(row_hash, rowid) % 4 = 0")
        changes = [f"{c.name} = {_other(c.name, c.type)}" for c in table.columns if _other(c.name, c.type)]
        if table.customer:
            stranger = f"'c' || cast(hash(rowid, 3) % {CUSTOMERS + 40} as varchar)"
            changes.append(f"source_customer_id = case when hash(rowid, 2) % 3 = 0 then null else {stranger} end")
        # What occurred from the cutoff on moves within that time; a late row moves anywhere and stays late.
        changes.append(
            f"occurred_at = case when known_at >= {at} then {at} + to_days(cast(hash(rowid, 4) % 200 as integer) - 100)"
            f" else {at} + to_hours(cast(hash(rowid, 5) % 900 as integer)) end"
        )
        engine.execute(f"update {name} set {', '.join(changes)} where {later}")
        # Copies of the past, known exactly at the cutoff; and others that occurred exactly then, "known" long before.
        engine.execute(
            f"insert into {name} by name select * replace ({at} as known_at) from {name} "
            f"where occurred_at < {at} and hash(rowid, 6) % 5 = 0"
        )
        engine.execute(
            f"insert into {name} by name select * replace ({at} as occurred_at, {at} - interval 9 day as known_at) "
            f"from {name} where hash(rowid, 7) % 5 = 0"
        )
    engine.execute(
        "update facts.calendar set holiday = case when holiday is null then 'x' end, promotion = null "
        f"where known_at >= {at}"
    )
    engine.execute(f"delete from facts.calendar where known_at >= {at} and date_part('day', date) % 3 = 0")
    publish_views(engine)
    refresh_known(engine)


def _other(name: str, kind: str) -> str:
    if name in ("occurred_at", "known_at"):
        return ""
    if kind.startswith("DECIMAL") or kind == "DOUBLE":
        return f"({name} * 7 + 3)"
    if name == "kind":
        return "case when kind = 'sale' then 'return' else 'sale' end"
    return "'other' || (hash(rowid, 1) % 5)" if kind == "VARCHAR" else "null"


@pytest.mark.parametrize("way", list(FRAMES))
def test_nothing_from_the_cutoff_on_reaches_back(shop: DuckDBEngine, way: str) -> None:
    has = shape(shop)
    groups = by_keys()
    assert sorted(t.name for g in groups for t in g) == sorted(set(CATALOGUE) - set(PATHS))
    first = [everything(shop, g[0], way, has, g) for g in groups]
    scramble(shop, literal(frame(groups[0][0], way).cutoffs[-1]))
    for tasks, spine in zip(groups, first, strict=True):
        again = everything(shop, tasks[0], way, has, tasks)
        ahead = targets(tasks)
        assert again.num_rows == spine.num_rows > 0
        moved = [c for c in spine.column_names if c not in ahead and not again.column(c).equals(spine.column(c))]
        assert not moved, f"{[t.name for t in tasks]}: {moved} changed with facts from the cutoff on"
        assert again.drop(ahead).equals(spine.drop(ahead))
        unmoved = [c for c in ahead if again.column(c).equals(spine.column(c))]
        assert not unmoved, f"targets {unmoved} did not change"


def series(engine: DuckDBEngine, task: Task, way: str) -> pa.Table:
    """The series of a path task, eight periods of them."""
    tz, cutoffs = FRAMES[way]
    assert task.target.step
    edges = [shift(cutoffs[-1], task.target.step, -k, tz) for k in range(8, -1, -1)]
    order = ", ".join([*task.keys, "period_start"])
    return engine.fetch(series_query(task, edges, tz).sql() + f" order by {order}")


@pytest.mark.parametrize("way", list(FRAMES))
@pytest.mark.parametrize("name", PATHS)
def test_no_series_holds_what_came_from_the_cutoff_on(shop: DuckDBEngine, name: str, way: str) -> None:
    first = series(shop, CATALOGUE[name], way)
    assert first.num_rows >= 8
    scramble(shop, literal(FRAMES[way][1][-1]))
    assert series(shop, CATALOGUE[name], way).equals(first)
    asked = CATALOGUE[name].target.fact.table
    shop.execute(f"update facts.{asked} set known_at = occurred_at where known_at > occurred_at")
    assert not series(shop, CATALOGUE[name], way).equals(first), "known_at ignored would change nothing"


@pytest.mark.parametrize("name", ["become-customer-30d", "buy-category-30d"])
def test_the_answers_keep_their_rows_and_features(shop: DuckDBEngine, name: str) -> None:
    task, has = CATALOGUE[name], shape(shop)
    query = answer_query(task, frame(task, "by-day"), features(has, task.keys)).sql()
    order = ", ".join([*task.keys, "cutoff"])
    first = shop.fetch(f"{query} order by {order}")
    assert 0 < first.num_rows < shop.value(f"select count(*) from ({query.replace('where ' + _among(task), '')})")
    scramble(shop, AT)
    again = shop.fetch(f"{query} order by {order}")
    assert again.drop(["target"]).equals(first.drop(["target"]))
    assert not again.column("target").equals(first.column("target"))


def _among(task: Task) -> str:
    return " and ".join(task_columns(task).among)


def test_every_scrambled_table_has_rows_on_both_sides_and_late_ones(shop: DuckDBEngine) -> None:
    for table in TABLES_DATED:
        late = f"occurred_at < {AT} and known_at >= {AT}"
        for condition in (f"known_at < {AT}", f"occurred_at >= {AT}", late):
            if table.name in ("prices", "stock") and condition == late:
                continue
            assert shop.value(f"select count(*) from facts.{table.name} where {condition}"), (table.name, condition)
    assert midnight(CUTOFF) == CUTOFF


@pytest.mark.parametrize("way", list(FRAMES))
def test_if_known_at_were_ignored_the_test_would_fail(shop: DuckDBEngine, way: str) -> None:
    has = shape(shop)
    task = CATALOGUE["buy-7d"]
    first = everything(shop, task, way, has, [])
    for table in TABLES_DATED:
        shop.execute(f"update facts.{table.name} set known_at = occurred_at where known_at > occurred_at")
    again = everything(shop, task, way, has, [])
    assert again.num_rows == first.num_rows
    moved = {c for c in first.column_names if not again.column(c).equals(first.column(c))}
    for table in ("orders", "lines", "events", "reviews", "satisfaction", "customers"):
        assert [c for c in moved if c.startswith(table)], f"no feature of {table} would change"


def test_if_reviews_were_read_by_later_words_the_test_would_fail(
    shop: DuckDBEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hindsight(written: pa.Table, embedded: object = None) -> pa.Table:
        words = learn_text(written.column("text").to_pylist(), written.column("rating").to_pylist())
        known = written.select(["text", "read_at"]).group_by(["text", "read_at"]).aggregate([])
        texts = known.column("text").to_pylist()
        return known.append_column("sentiment", pa.array(words.sentiment(texts))).append_column(
            "topic", pa.array(words.topic(texts))
        )

    task, has = CATALOGUE["buy-7d"], shape(shop)
    moved = {}
    for way in ("as it is", "by later words"):
        if way != "as it is":
            monkeypatch.setattr(reading, "readings", hindsight)
            shop.execute("delete from settings where name = 'review readings'")
        first = everything(shop, task, "by-day", has, [])
        shop.execute("begin")
        scramble(shop, AT)
        again = everything(shop, task, "by-day", has, [])
        shop.execute("rollback")
        moved[way] = [c for c in first.column_names if not again.column(c).equals(first.column(c))]
    assert moved["as it is"] == []
    assert "reviews_sentiment_mean" in moved["by later words"]
    assert all(c.startswith("reviews_") for c in moved["by later words"])


def test_a_customer_first_known_late_is_not_in_an_earlier_population(shop: DuckDBEngine) -> None:
    shop.execute(
        "insert into facts.orders (order_id, source, source_customer_id, occurred_at, known_at) "
        f"values ('new', 'tiny', 'newcomer', {AT} - interval 9 day, {AT})"
    )
    refresh_known(shop)
    task = CATALOGUE["buy-7d"]
    has = shape(shop)
    for cutoff, there in ((CUTOFF, 0), (CUTOFF + timedelta(microseconds=1), 1)):
        query = compile_windows(Frame(task.keys, (cutoff,)), {f.name: f.window for f in features(has)})
        assert shop.value(f"select count(*) from ({query.sql()}) where customer_id = 'newcomer'") == there
