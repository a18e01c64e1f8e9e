"""What a check does to the facts: a value is mended or emptied, a row is set aside whole. All of it is written down.

`repairs` keeps every value that was changed beside the one that took its place, so that a finding stays visible after
its cause is gone; `quarantine` keeps the rows set aside, as JSON of the canonical row, under their load.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from footfall.engine import Engine, literal
from footfall.quality.declare import RowCheck, SpellingCheck
from footfall.quality.scan import count, filter_sql, with_examples

AT_MOST = 0.05
FEW = 100
"""More rows than `FEW` and a larger share of a source's rows than `AT_MOST` are neither set aside nor emptied: then it
is the source (or the machine's clock) that is at fault, and the rows are kept and told."""


def rows_sql(table: str, now: datetime, present: datetime | None = None) -> str:
    """The facts of `table` with `row_id`, `horizon` (a day after the row's load) and `present`.

    `present` is the last moment of the shop's own data (default: `horizon`).
    """
    last = f"least(horizon, {literal(present)})" if present else "horizon"
    return f"""(
      select f.*, f.rowid as row_id, coalesce(l.loaded_at, {literal(now)}) + interval 1 day as horizon,
             {last} as present
      from facts.{table} f
      left join (select load_id as of_load, max(loaded_at) as loaded_at from loads group by load_id) l
        on l.of_load = f.load_id)"""


def set_aside(engine: Engine, table: str, checks: Sequence[RowCheck], now: datetime) -> int:
    """Move the rows of `table` that trip one of `checks` to `quarantine`; a row goes under the first it trips.

    Returns how many were moved.
    """
    moved = 0
    rows = rows_sql(table, now)
    tallies = with_examples(
        engine, rows, [t for t in count(engine, rows, checks) if not _too_many(t.rows, t.looked_at)]
    )
    for tally in tallies:
        check = tally.check
        assert isinstance(check, RowCheck)
        engine.execute(
            "create or replace temp table quality_doomed as "
            f"select row_id from {rows} where source = {literal(tally.source)} and ({filter_sql(check)})"
        )
        doomed = int(engine.value("select count(*) from quality_doomed"))
        if not doomed:
            continue
        moved += doomed
        reason = literal(f"check {table}.{check.name}: {check.counts}")
        engine.execute(
            f"""insert into quarantine
            select f.load_id, f.source, l.file, null, {reason}, to_json(f)::varchar
            from facts.{table} f
            left join (select load_id, case when count(distinct file) = 1 then max(file) end as file
                       from loads group by load_id) l on l.load_id = f.load_id
            where f.rowid in (select row_id from quality_doomed) order by f.rowid"""
        )
        engine.execute(f"delete from facts.{table} where rowid in (select row_id from quality_doomed)")
        engine.execute(
            "insert into repairs values (?, ?, ?, ?, 'set aside', ?, null, ?, ?)",
            [
                tally.source,
                table,
                check.name,
                check.column,
                json.dumps(tally.examples, ensure_ascii=False),
                doomed,
                now,
            ],
        )
    engine.execute("drop table if exists quality_doomed")
    return moved


def _too_many(rows: int, looked_at: int) -> bool:
    return rows > FEW and rows > AT_MOST * looked_at


def empty(engine: Engine, check: RowCheck, rows: str, now: datetime) -> None:
    """Set `check.column` to NULL where the check trips; `rows` as of `rows_sql`.

    Values of a source in which too many trip stay: then the rule does not fit it (persons of past centuries), or the
    source is at fault, and what it says may still tell its records apart.
    """
    tallies = [t for t in count(engine, rows, [check]) if t.rows and not _too_many(t.rows, t.looked_at)]
    if not tallies:
        return
    where = f"({filter_sql(check)}) and source in ({', '.join(literal(t.source) for t in tallies)})"
    engine.execute(
        f"""insert into repairs
        select source, {literal(check.table)}, {literal(check.name)}, {literal(check.column)}, 'repaired',
               {check.column}::varchar, null, count(*), {literal(now)}
        from {rows} where {where} group by source, {check.column} order by all"""
    )
    engine.execute(
        f"update facts.{check.table} set {check.column} = null where rowid in (select row_id from {rows} where {where})"
    )


def spelled(engine: Engine, check: SpellingCheck) -> None:
    """Make `quality_spelled(table_name, column_name, source, value, best, rows)`: each value not in its best spelling.

    The best is the one chosen before, else the most frequent one, without spaces around it.
    """
    found = " union all ".join(_found_sql(table, column) for table, column in check.places)
    normal = check.normal.replace("{value}", "value")
    engine.execute(f"""
        create or replace temp table quality_spelled as
        with found as ({found}),
        counted as (select value, sum(rows) as rows from found group by value),
        normal as (
          select value, rows, {normal} as normal,
                 value in (select new_value from repairs where check_name = {literal(check.name)}) as before
          from counted
        ),
        chosen as (
          select normal, trim(regexp_replace(value, '\\s+', ' ', 'g')) as best from normal
          qualify row_number() over (partition by normal order by before desc, rows desc, value) = 1
        )
        select f.table_name, f.column_name, f.source, f.value, c.best, f.rows
        from found f join normal n on n.value = f.value join chosen c on c.normal = n.normal
        where f.value <> c.best and c.best <> ''""")


def _found_sql(table: str, column: str) -> str:
    place = f"{literal(table)} as table_name, {literal(column)} as column_name, source, {column} as value"
    if table == "events":
        return f"select {place}, sum(rows)::bigint as rows from quality_items where {column} is not null group by all"
    return f"select {place}, count(*) as rows from facts.{table} where {column} is not null group by all"


def respell(engine: Engine, check: SpellingCheck, now: datetime) -> None:
    """Write the best spelling over the others, as `spelled` found them."""
    engine.execute(
        f"""insert into repairs
        select source, table_name, {literal(check.name)}, column_name, 'repaired', value, best, rows, {literal(now)}
        from quality_spelled order by all"""
    )
    for table, column in check.places:
        place = f"table_name = {literal(table)} and column_name = {literal(column)}"
        if engine.value(f"select count(*) from quality_spelled where {place}"):
            for table_sql in [f"facts.{table}", *(["quality_items"] if table == "events" else [])]:
                engine.execute(
                    f"""update {table_sql} set {column} = s.best
                from (select distinct value, best from quality_spelled where {place}) s
                where {table_sql}.{column} = s.value"""
                )
