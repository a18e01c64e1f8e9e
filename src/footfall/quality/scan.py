"""All row checks of a table in one scan, their examples in a second one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from footfall.engine import Engine
from footfall.quality.declare import QueryCheck, RowCheck

EXAMPLES = 3
"""Examples a finding gives, at most."""


@dataclass(frozen=True)
class Tally:
    """What a check counted in the rows of one source."""

    check: RowCheck | QueryCheck
    source: str
    rows: int
    looked_at: int
    examples: tuple[str, ...] = ()


def filter_sql(check: RowCheck) -> str:
    """The rows a check counts, as one predicate."""
    return check.where if check.among == "true" else f"({check.among}) and ({check.where})"


def count(engine: Engine, table_sql: str, checks: Sequence[RowCheck]) -> list[Tally]:
    """Tallies above zero of all `checks`, without examples; `table_sql` is what to scan."""
    if not checks:
        return []
    counted = [f"count(*) filter (where {filter_sql(c)})" for c in checks]
    looked = ["count(*)" if c.among == "true" else f"count(*) filter (where {c.among})" for c in checks]
    found = engine.rows(
        f"select source, {', '.join(counted + looked)} from {table_sql} group by source order by source"
    )
    tallies = []
    for source, *numbers in found:
        for check, rows, looked_at in zip(checks, numbers, numbers[len(checks) :], strict=False):
            if rows and not (check.unless_all and rows == looked_at):
                tallies.append(Tally(check, str(source), int(rows), int(looked_at)))
    return tallies


def with_examples(engine: Engine, table_sql: str, tallies: Sequence[Tally]) -> list[Tally]:
    """The same tallies of row checks with their examples, always the same ones for the same rows."""
    checks = list({id(t.check): t.check for t in tallies if isinstance(t.check, RowCheck)}.values())
    if not checks:
        return list(tallies)
    shown = ", ".join(_examples_sql(c) for c in checks)
    given = {
        (str(source), id(check)): tuple(str(text) for text in texts or ())
        for source, *lists in engine.rows(f"select source, {shown} from {table_sql} group by source")
        for check, texts in zip(checks, lists, strict=True)
    }
    return [Tally(t.check, t.source, t.rows, t.looked_at, given.get((t.source, id(t.check)), ())) for t in tallies]


def _examples_sql(check: RowCheck) -> str:
    return check.summary or f"min(({check.example})::varchar, {EXAMPLES}) filter (where {filter_sql(check)})"


def ask(engine: Engine, check: QueryCheck, tz_sql: str) -> list[Tally]:
    """Tallies above zero of a check of several rows together."""
    found = engine.rows(check.sql.replace("{tz}", tz_sql))
    return [
        Tally(check, str(source), int(rows), int(looked_at), tuple(str(text) for text in texts or ()))
        for source, rows, looked_at, texts in sorted(found, key=lambda row: str(row[0]))
        if rows
    ]
