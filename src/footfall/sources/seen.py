"""Rows that were set aside before: a newer, overlapping export brings them again, and they are known then."""

from __future__ import annotations

from collections.abc import Sequence

from footfall.engine import Engine, literal


def drop_seen(engine: Engine, source: str, role: str, files: Sequence[int]) -> dict[int, int]:
    """Take out of `aside_<role>` what the table `quarantine`, or an earlier of `files`, holds already.

    Rows are one when the whole raw text, the reason, the source and the role agree. A text that one file holds n times
    is n rows: the k-th of them is known when some earlier file held it k times.

    Returns:
        file number -> rows taken out, for the files (by number, new ones only) that had any.
    """
    table = f"aside_{role}"
    if not files or not engine.value(f"select count(*) from (select 1 from {table} limit 1)"):
        return {}
    engine.execute(f"""
        create or replace temp table seen as
        with numbered as (
          select rowid as rid, file_no, raw, reason,
                 row_number() over (partition by file_no, reason, raw order by line, rowid) as copy
          from {table} where raw <> '' and file_no in ({", ".join(map(str, files))})
        ),
        before as (
          select q.reason, q.raw, count(*) as copies
          from quarantine q
          join (select distinct load_id, file from loads where source = {literal(source)} and role = {literal(role)}) l
            on l.load_id = q.load_id and l.file = q.file
          where q.source = {literal(source)} group by all
        )
        select n.rid, n.file_no
        from numbered n left join before b on b.reason = n.reason and b.raw = n.raw
        qualify n.copy <= coalesce(b.copies, 0)
             or row_number() over (partition by n.reason, n.raw, n.copy order by n.file_no) > 1""")
    counts = {int(n): int(c) for n, c in engine.rows("select file_no, count(*) from seen group by file_no")}
    if counts:
        engine.execute(f"delete from {table} where rowid in (select rid from seen)")
    engine.execute("drop table seen")
    return counts


def checked_out_sql(table: str, source: str) -> str:
    """The `row_hash` of the facts of `table` that a check of the whole shop moved to `quarantine`."""
    return (
        "select try_cast(try_cast(raw as json)->>'row_hash' as UBIGINT) from quarantine "
        f"where source = {literal(source)} and starts_with(reason, {literal(f'check {table}.')})"
    )
