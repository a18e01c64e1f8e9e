"""Run every check over the whole shop: set aside, mend, count, write down."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import groupby

import pyarrow as pa

from footfall.engine import Engine, literal
from footfall.quality.days import DAYS
from footfall.quality.declare import Check, Finding, QueryCheck, RowCheck, SpellingCheck
from footfall.quality.duplicate import DUPLICATE
from footfall.quality.inconsistent import INCONSISTENT
from footfall.quality.late import LATE
from footfall.quality.mend import empty, respell, rows_sql, set_aside, spelled
from footfall.quality.missing import MISSING
from footfall.quality.once import say_once
from footfall.quality.rollup import rollups, timezone
from footfall.quality.scan import EXAMPLES, Tally, ask, count, with_examples
from footfall.quality.spelling import SPELLING
from footfall.tables import RESULTS, TABLES, create_tables, refresh_known

CHECKS: tuple[Check, ...] = (*MISSING, *DAYS, *INCONSISTENT, *SPELLING, *DUPLICATE, *LATE)
"""All checks, each a declaration. To add one is one line in the module of its kind."""


def check(engine: Engine, repair: bool = True) -> list[Finding]:
    """Look at all facts of the shop and write what is wrong into `quality`, in one transaction.

    The rows of `quality` that belong to no load are replaced; those that loads wrote stay, save what a check tells over
    all loads: that moves to `told_by_check`. With `repair`, spellings
    are made one, impossible ages become NULL and impossible rows move to `quarantine`; `repairs` keeps what was
    there. Running it again changes nothing and finds the same. Without `repair` the facts stay as they are.

    Returns:
        the findings, one per check, table, column and source, ordered by table, check, column, source, action.

    Raises:
        FootfallError: the engine could not run a check; nothing is changed then.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    with engine.transaction():
        create_tables(engine)
        full = {t for t in TABLES if engine.value(f"select count(*) from (select 1 from facts.{t} limit 1)")}
        if repair:
            if sum(set_aside(engine, table, checks, now) for table, checks in _by_table(full, "set aside")):
                refresh_known(engine)
            present = _present(engine)
            for table, checks in _by_table(full, "repaired"):
                for one in checks:
                    empty(engine, one, rows_sql(table, now, present), now)
        with rollups(engine):
            findings = _spellings(engine, now, repair) + _history(engine)
            findings += _rows(engine, full, now) + _together(engine, full)
        findings.sort(key=lambda f: (f.table_name, f.check_name, f.column_name, f.source, f.action))
        engine.execute("delete from quality where load_id is null")
        if findings:
            engine.append("quality", _arrow(findings))
        say_once(engine, CHECKS)
    return findings


def _present(engine: Engine) -> datetime | None:
    """The last moment of the shop's own data."""
    value: datetime | None = engine.value(
        "select max(moment) from (select max(occurred_at) as moment from facts.orders union all "
        "select max(occurred_at) from facts.events)"
    )
    return value


def _by_table(full: Iterable[str], action: str = "") -> list[tuple[str, list[RowCheck]]]:
    """Row checks by table, for the tables that hold rows."""
    chosen = [c for c in CHECKS if isinstance(c, RowCheck) and c.table in full and action in ("", c.action)]
    chosen.sort(key=lambda c: c.table)
    return [(table, list(checks)) for table, checks in groupby(chosen, key=lambda c: c.table)]


def _rows(engine: Engine, full: set[str], now: datetime) -> list[Finding]:
    """What row checks count now; a row that was to be repaired or set aside and is here still was kept."""
    present, findings = _present(engine), []
    for table, checks in _by_table(full):
        slow = [c for c in checks if c.action != "kept"]
        plain = [c for c in checks if c.action == "kept"]
        for facts, some in ((f"facts.{table}", plain), (rows_sql(table, now, present), slow)):
            findings += [_kept(t) for t in with_examples(engine, facts, count(engine, facts, some))]
    return findings


def _together(engine: Engine, full: set[str]) -> list[Finding]:
    tz = literal(timezone(engine))
    asked = [c for c in CHECKS if isinstance(c, QueryCheck) and full.issuperset(c.needs)]
    return [_kept(tally) for one in asked for tally in ask(engine, one, tz)]


def _kept(tally: Tally) -> Finding:
    c, share = tally.check, tally.rows / max(1, tally.looked_at)
    examples = _json(tally.examples)
    return Finding(None, tally.source, c.table, c.name, c.kind, c.column, tally.rows, share, examples, "kept", c.effect)


def _spellings(engine: Engine, now: datetime, repair: bool) -> list[Finding]:
    """Mend spellings (told by `_history` then), or tell those that are there."""
    findings = []
    for one in CHECKS:
        if not isinstance(one, SpellingCheck):
            continue
        spelled(engine, one)
        if repair:
            respell(engine, one, now)
            continue
        found = engine.rows(f"""
            select s.table_name, s.column_name, s.source, sum(s.rows),
                   list(value || ' -> ' || best || ' (' || s.rows::varchar || ')'
                        order by s.rows desc, value)[:{EXAMPLES}]
            from quality_spelled s group by all order by all""")
        for table, column, source, rows, texts in found:
            total = int(engine.value(f"select count(*) from facts.{table} where source = ?", [source]))
            findings.append(_finding(one, (source, table, column), int(rows), total, _json(texts)))
    engine.execute("drop table if exists quality_spelled")
    return findings


def _finding(
    one: Check, at: tuple[str, str, str], rows: int, total: int, examples: str, action: str = "kept"
) -> Finding:
    source, table, column = at
    share = rows / max(1, total)
    return Finding(None, source, table, one.name, one.kind, column, rows, share, examples, action, one.effect)


def _history(engine: Engine) -> list[Finding]:
    """What this and earlier runs repaired or set aside."""
    found = engine.rows(f"""
        with changed as (
          select source, table_name, check_name, column_name, action, old_value, new_value,
                 sum(rows)::bigint as rows, min(made_at) as made_at
          from repairs group by all
        )
        select source, table_name, check_name, column_name, action, sum(rows)::bigint,
               list(case when action = 'set aside' then old_value
                         else old_value || ' -> ' || coalesce(new_value, 'empty') || ' (' || rows::varchar || ')' end
                    order by rows desc, old_value, new_value)[:{EXAMPLES}]
        from changed group by all order by all""")
    aside: dict[tuple[str, str], int] = {}
    for source, table, _, _, action, rows, _ in found:
        if action == "set aside":
            aside[source, table] = aside.get((source, table), 0) + rows
    totals = {
        (source, table): int(rows) + aside.get((source, table), 0)
        for table in sorted({row[1] for row in found})
        for source, rows in engine.rows(f"select source, count(*) from facts.{table} group by source")
    }
    known = {(c.name, t): c for c in CHECKS for t in _tables(c)}
    findings = []
    for source, table, name, column, action, rows, texts in found:
        one = known.get((name, table))
        if one is not None:
            total = totals.get((source, table), rows)
            examples = texts[0] if action == "set aside" else _json(texts)
            findings.append(_finding(one, (source, table, column), rows, total, examples, action))
    return findings


def _json(texts: Sequence[str]) -> str:
    return json.dumps(list(texts), ensure_ascii=False)


def _tables(one: Check) -> list[str]:
    return [t for t, _ in one.places] if isinstance(one, SpellingCheck) else [one.table]


def _arrow(findings: list[Finding]) -> pa.Table:
    columns = [c.name for c in RESULTS["quality"].columns]
    types = {"load_id": pa.int64(), "rows": pa.int64(), "share": pa.float64()}
    schema = pa.schema([(name, types.get(name, pa.string())) for name in columns])
    return pa.Table.from_pylist([asdict(f) for f in findings], schema=schema)
