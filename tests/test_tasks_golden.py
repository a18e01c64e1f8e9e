"""The SQL of every catalogue task, reviewed as text.

`FOOTFALL_GOLDEN=write pytest tests/test_tasks_golden.py` rewrites it.
"""

from __future__ import annotations

import os
import re
from datetime import datetime
from functools import cache
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from footfall.engine import DuckDBEngine, Query
from footfall.forecast import series_query
from footfall.recommend import interactions_query
from footfall.spans import midnight, shift
from footfall.tables import create_tables, publish_views, refresh_known
from footfall.tasks import CATALOGUE, Task, answer_query
from footfall.windows import Frame, Shape, features, lines, orders
from footfall.windows.shape import _COUNTED

GOLDEN = Path(__file__).parent / "golden"
SHAPE = Shape(
    rows=dict.fromkeys(
        ("customers", "products", "lines", "events", "orders", "reviews", "satisfaction", "calendar"), 10
    ),
    columns={t: frozenset(c) for t, c in _COUNTED.items()},
    event_types=("view", "add_to_cart"),
    returns=True,
    first=datetime(2018, 1, 1),
    last=datetime(2020, 5, 31),
)
LONDON = "Europe/London"
# Midnights of London in summer time, so that days are local and facts are rolled up by day.
CUTOFFS = (datetime(2020, 3, 31, 23), datetime(2020, 5, 31, 23))
# What Spark 4 knows under this name, with this meaning; each was run there, but for ABS, which its manual has.
SPARK_FUNCTIONS = {
    "ABS", "CAST", "COALESCE", "COUNT", "DECIMAL", "FROM_UTC_TIMESTAMP", "GREATEST", "LEAST", "MAX", "MIN", "NULLIF",
    "ROW_NUMBER", "STRUCT", "SUM", "UNIX_MICROS", "WEEKDAY", "MD5", "ARRAY_SORT",
    "COLLECT_LIST", "EXTRACT",
}  # fmt: skip
SPARK_WORDS = {
    "AS",
    "IN",
    "FILTER",
    "OVER",
    "FROM",
    "AND",
    "OR",
    "WHERE",
    "ON",
    "NOT",
    "VALUES",
    "WITH",
    "JOIN",
    "THEN",
}
MORE = [
    Task("items-30d", "customer", lines.distinct("product_id"), "30d", among=orders.count().past("90d").at_least(2)),
    Task("favourite", "customer", lines.any(), "1mo", among=lines.where(category="a b").any().past("30d")),
]


def reads_interactions(task: Task) -> bool:
    """A ranking of the catalogue is learnt from interactions; its target as a window is in `MORE`."""
    return task.kind == "ranking" and task.name in CATALOGUE


def query_of(task: Task) -> Query:
    assert all(midnight(c, LONDON) == c for c in CUTOFFS)
    if task.kind == "path":
        assert task.target.step
        return series_query(task, [shift(CUTOFFS[-1], task.target.step, -k, LONDON) for k in (2, 1, 0)], LONDON)
    if reads_interactions(task):
        return interactions_query(looked_at(), task.target.fact, str(task.target.column), CUTOFFS[-1])
    return answer_query(task, Frame(task.keys, CUTOFFS, LONDON), features(SHAPE, task.keys))


@cache
def looked_at() -> DuckDBEngine:
    """A shop with looks and baskets: what a ranking reads depends on the kinds of events there are."""
    engine = DuckDBEngine(threads=1)
    create_tables(engine)
    for kind in SHAPE.event_types:
        engine.execute(
            "insert into facts.events (event_id, source, source_customer_id, type, product_id, occurred_at, known_at) "
            f"select '{kind}', 'made', 'c', '{kind}', 'p', timestamp '2020-01-01', timestamp '2020-01-01'"
        )
    publish_views(engine)
    return engine


def header(task: Task) -> str:
    return f"-- {task.name}: {task.sentence}\n"


@pytest.mark.parametrize("dialect", ["duckdb", "spark"])
@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_the_sql_is_the_reviewed_one(name: str, dialect: str) -> None:
    task = CATALOGUE[name]
    text = header(task) + query_of(task).sql(dialect) + "\n"
    path = GOLDEN / f"{name}.{dialect}.sql"
    if os.environ.get("FOOTFALL_GOLDEN") == "write":
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"{path.name} is missing; FOOTFALL_GOLDEN=write writes it"
    assert text == path.read_text(encoding="utf-8")


def test_no_golden_file_is_left_over() -> None:
    assert {p.name for p in GOLDEN.iterdir()} == {f"{n}.{d}.sql" for n in CATALOGUE for d in ("duckdb", "spark")}


@pytest.mark.parametrize("task", [*CATALOGUE.values(), *MORE], ids=lambda t: t.name)
def test_spark_text_parses_and_calls_only_what_spark_knows(task: Task) -> None:
    text = query_of(task).sql("spark")
    trees = sqlglot.parse(text, read="spark")
    assert len(trees) == 1 and isinstance(trees[0], exp.Select)
    assert {n.name.upper() for n in trees[0].find_all(exp.Anonymous)} <= SPARK_FUNCTIONS
    called = {w.upper() for w in re.findall(r"\b([A-Za-z_]\w*)\s*\(", _without_texts_and_definitions(text))}
    assert called - SPARK_WORDS <= SPARK_FUNCTIONS, sorted(called - SPARK_WORDS - SPARK_FUNCTIONS)
    # Spark's collect_list keeps no order.
    assert (
        text.count("COLLECT_LIST(")
        == text.count("ARRAY_SORT(COLLECT_LIST(")
        == (task.kind == "ranking" and not reads_interactions(task))
    )
    assert "QUALIFY" not in text and ":=" not in text and "LOCAL_TIME" not in text.upper()


def _without_texts_and_definitions(sql: str) -> str:
    """Without what stands in quotes, `name AS (` (steps) and `AS cutoff(columns)`."""
    sql = re.sub(r"'[^']*'", "''", sql)
    return re.sub(r"\bAS (cutoff|grid)\(", " ", sql)


@pytest.mark.parametrize("task", [*CATALOGUE.values(), *MORE], ids=lambda t: t.name)
def test_the_sql_runs_on_an_empty_shop(task: Task) -> None:
    engine = DuckDBEngine(threads=1)
    create_tables(engine)
    refresh_known(engine)
    table = engine.fetch(query_of(task).sql())
    catalogue = [f.name for f in features(SHAPE, task.keys)]
    columns = ["period_start", "value"] if task.kind == "path" else ["cutoff", *catalogue, "target"]
    if reads_interactions(task):
        columns = ["item", "kind", "weight", "occurred_at", "known_at"]
    assert table.column_names == [*task.keys, *columns]
    assert table.num_rows == 0
    engine.close()
