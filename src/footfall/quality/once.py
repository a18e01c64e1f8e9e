"""What a load told and a check of the whole shop tells as well is told once, by the check, over all loads."""

from __future__ import annotations

from collections.abc import Iterable

from footfall.engine import Engine, literal
from footfall.quality.declare import Check


def say_once(engine: Engine, checks: Iterable[Check]) -> None:
    """Move findings of single loads that a check covers from `quality` to `told_by_check`, those moved before anew.

    A finding is covered when its rows were kept, and the check counts at least as many in the same table and source
    under a name it `covers`. Repaired rows and rows set aside are told by their load alone.
    """
    names = ", ".join(sorted({f"({literal(c.name)}, {literal(told)})" for c in checks for told in c.covers}))
    if not names:
        return
    engine.execute("insert into quality by name select * from told_by_check")
    engine.execute("delete from told_by_check")
    covered = f"""
        q.load_id is not null and q.action = 'kept' and exists (
          select 1 from quality w
          where w.load_id is null and w.action = 'kept' and w.source = q.source and w.table_name = q.table_name
            and w.rows >= q.rows and (w.check_name, q.check_name) in ({names}))"""
    engine.execute(f"insert into told_by_check by name select * from quality q where {covered} order by all")
    engine.execute(f"delete from quality q where {covered}")
