"""All insights by name, how one is asked, and where its answer is kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from importlib import import_module
from typing import Any

import pyarrow as pa

from footfall.engine import Engine
from footfall.errors import FootfallError, UsageError, did_you_mean
from footfall.insights.insight import Answer, Ground, Insight, Row
from footfall.names import members
from footfall.tables.canonical import Table, _columns

KEPT = Table(
    "insights",
    "what insights say: one row an insight",
    _columns("""
    insight VARCHAR name of the insight
    question VARCHAR what it answers
    words VARCHAR the answer in two sentences
    table_name VARCHAR where its rows are
    sql VARCHAR the statement that counted them
    made_at TIMESTAMP when
    """),
)
_TYPES = {
    "VARCHAR": pa.string(),
    "DOUBLE": pa.float64(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
}


def groups() -> dict[str, tuple[Insight, ...]]:
    """Every insight there is: those of each module of this room that has `INSIGHTS`, under the module's name."""
    home = __package__ or ""
    return {n: import_module(f"{home}.{n}").INSIGHTS for n in members(home, "INSIGHTS")}


def catalogue() -> dict[str, Insight]:
    """The same by the insight's own name."""
    return {i.name: i for of in groups().values() for i in of}


def insights_named(name: str) -> list[Insight]:
    """The insight called `name`, or all of the group called so (bayes, explore, satisfaction, what, who, why).

    Raises:
        UsageError: there is neither, with the nearest name.
    """
    known, together = catalogue(), groups()
    if name in known:
        return [known[name]]
    if name in together:
        return list(together[name])
    raise UsageError(f"there is no insight '{name}'{did_you_mean(name, [*known, *together])}")


def insight(name: str) -> Insight:
    """The insight called `name`. Raises UsageError, with the nearest name, when there is none."""
    known = catalogue()
    if name not in known:
        raise UsageError(f"there is no insight '{name}'{did_you_mean(name, known)}")
    return known[name]


def ask(engine: Engine, ground: Ground, of: Insight) -> Answer:
    """Run one insight.

    Raises:
        FootfallError: the shop has not what it needs, or too short a history.
    """
    missing = of.missing(ground)
    if missing:
        raise FootfallError(f"insight '{of.name}' needs {' and '.join(missing)}, which the shop has not")
    sql = of.sql(ground)
    found = engine.fetch(sql)
    if of.digest:
        rows = of.digest(found, ground)
    else:
        rows = [{k: _plain(v) for k, v in r.items()} for r in found.to_pylist()]
        rows = of.finish(rows, ground) if of.finish else rows
    table = _arrow(of.table, rows)
    return Answer(of, sql, table, of.words(table.to_pylist(), ground))


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def _arrow(table: Table, rows: list[Row]) -> pa.Table:
    def value(row: Row, name: str, type_: pa.DataType) -> Any:
        found = row.get(name)
        if found is None:
            return None
        kind = float if pa.types.is_floating(type_) else int if pa.types.is_integer(type_) else None
        return kind(found) if kind else found

    fields = [(c.name, _TYPES[c.type]) for c in table.columns]
    arrays = [pa.array([value(r, name, type_) for r in rows], type_) for name, type_ in fields]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def ask_all(
    engine: Engine, ground: Ground, asked: Iterable[Insight] | None = None
) -> tuple[list[Answer], list[tuple[str, str]]]:
    """Answers of all insights (or of those asked) that the shop can give, and the others, each with the reason."""
    answers, left = [], []
    for one in catalogue().values() if asked is None else asked:
        try:
            answers.append(ask(engine, ground, one))
        except FootfallError as error:
            left.append((one.name, str(error)))
    return answers, left


def keep(engine: Engine, answers: Iterable[Answer], made_at: datetime) -> None:
    """Write each answer's rows to its own table, replacing it, and its words to `insights`."""
    with engine.transaction():
        engine.execute(f"create table if not exists {KEPT.name} ({_ddl(KEPT)})")
        for answer in answers:
            table = answer.insight.table
            engine.execute(f"create or replace table {table.name} ({_ddl(table)})")
            if answer.table.num_rows:
                engine.append(table.name, answer.table)
            engine.execute(f"delete from {KEPT.name} where insight = ?", [answer.insight.name])
            told = [answer.insight.name, answer.insight.question, answer.words, table.name, answer.sql, made_at]
            engine.execute(f"insert into {KEPT.name} values (?, ?, ?, ?, ?, ?)", told)


def _ddl(table: Table) -> str:
    return ", ".join(f"{c.name} {c.type}" for c in table.columns)


def page_queries(engine: Engine, explored: bool = False) -> dict[str, str]:
    """The tables that a page shows of what was kept, each with its query; none when nothing was.

    `explored`: those of the group `explore` alone, which have a page of their own; else all others.
    """
    if not engine.has(KEPT.name):
        return {}
    which = (
        f"from {KEPT.name} where starts_with(table_name, 'insight_explore') = {str(explored).lower()} order by insight"
    )
    names = [str(t) for (t,) in engine.rows(f"select table_name {which}") if engine.has(str(t))]
    if not names:
        return {}
    return {KEPT.name: f"select * exclude (sql) {which}"} | {t: f"select * from {t}" for t in names}


def page_statements(engine: Engine) -> dict[str, str]:
    """The statement that counted each kept table, to be shown beside it; those of `explore` are long and left out."""
    if not engine.has(KEPT.name):
        return {}
    sql = f"select table_name, sql from {KEPT.name} where not starts_with(table_name, 'insight_explore') order by 1"
    return {str(t): str(s) for t, s in engine.rows(sql)}
