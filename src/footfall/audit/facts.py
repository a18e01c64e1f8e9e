"""What a query over a shop looks at, found by changing the facts behind it and asking it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from footfall.audit.changes import Change, Way, changed
from footfall.audit.finding import CLEAN, LEAK, NOT_RUN, Finding
from footfall.engine import Engine, literal
from footfall.tables import TABLES
from footfall.tabular.encode import to_floats

ASKED: dict[str, Way] = {"future": "scrambled", "late": "late scrambled", "history": "no outcome"}
"""Check -> how the facts are changed for it."""
MOVES: dict[str, str] = {
    "future": "moves in {share} of the rows when what happens from the cutoff on is scrambled: it looks ahead",
    "late": "moves in {share} of the rows with the facts that were known only after the cutoff: it counts them before "
    "anybody could",
    "history": "moves in {share} of the rows when the sales from the cutoff on are taken away: the outcome is in it",
}
STAYS: dict[str, str] = {
    "future": "stay the same to the last bit when what happens from {at} on is scrambled",
    "late": "stay the same when the {late:,} facts that had happened by {at} and were known only later are scrambled",
    "history": "stay the same when the sales from {at} on are taken away: no history is cut by the outcome",
}


@dataclass(frozen=True)
class Differences:
    """Share of the compared rows in which each column moved; of them, those that are gone."""

    share: dict[str, float]
    gone: float
    rows: int

    @property
    def moved(self) -> dict[str, float]:
        return {name: s for name, s in self.share.items() if s > 0}


def differences(
    before: pa.Table,
    after: pa.Table,
    keys: tuple[str, ...],
    within: NDArray[np.bool_] | None = None,
    slack: float = 0.0,
) -> Differences:
    """Compare two answers of one query, row by row of equal `keys`.

    `within` (rows of `before`): compare only these. `slack`: numbers as near to each other, relatively, are the same.
    """
    where = {key: i for i, key in enumerate(_keys(after, keys))}
    mine = np.flatnonzero(np.ones(before.num_rows, dtype=bool) if within is None else within)
    names = _keys(before, keys)
    found = [(i, where[names[i]]) for i in mine if names[i] in where]
    a = before.take(pa.array([i for i, _ in found], pa.int64()))
    b = after.take(pa.array([j for _, j in found], pa.int64()))
    share = {
        c: float(np.mean(_differ(a.column(c), b.column(c), slack))) if found else 0.0
        for c in before.column_names
        if c not in keys
    }
    return Differences(share, 1 - len(found) / len(mine) if len(mine) else 0.0, len(mine))


def _keys(table: pa.Table, keys: tuple[str, ...]) -> list[tuple[Any, ...]]:
    return list(zip(*(table.column(k).to_pylist() for k in keys), strict=True)) if keys else [()] * table.num_rows


def _differ(a: Any, b: Any, slack: float) -> NDArray[np.bool_]:
    """(n,) whether two columns differ; missing equals missing."""
    if a.type != b.type or not (pa.types.is_floating(a.type) or pa.types.is_decimal(a.type)):
        return np.array([x != y for x, y in zip(a.to_pylist(), b.to_pylist(), strict=True)], dtype=bool)
    if not slack:
        same = pc.fill_null(pc.equal(a, b), False).to_numpy(zero_copy_only=False)
        x, y = to_floats(a), to_floats(b)
        return np.asarray(~(same | (np.isnan(x) & np.isnan(y))))
    x, y = to_floats(a), to_floats(b)
    near = np.abs(x - y) <= slack * np.maximum(1.0, np.abs(x))
    return np.asarray(~(near | (np.isnan(x) & np.isnan(y))))


@dataclass(frozen=True)
class Question:
    """The house's own query of a task at one cutoff: its rows by `keys`, the features, and `target`."""

    sql: str
    keys: tuple[str, ...]
    at: datetime
    target: str
    outcome: str


def audit_facts(engine: Engine, asked: Question, label: Callable[[str], str] = str) -> list[Finding]:
    """The checks `future`, `late` and `history` of a query of the house, to the last bit; who is asked about, too."""
    first = engine.fetch(asked.sql)
    if not first.num_rows:
        return [Finding(c, NOT_RUN, f"nobody is asked about at {asked.at:%Y-%m-%d}") for c in ASKED]
    late = late_facts(engine, asked.at)
    found = []
    for check, way in ASKED.items():
        if check == "late" and not late:
            found.append(nothing_late(engine, asked.at))
            continue
        with changed(engine, Change(way, asked.at, outcome=asked.outcome)):
            again = engine.fetch(asked.sql)
        seen = differences(first, again, asked.keys)
        moved = {c: s for c, s in seen.moved.items() if c != asked.target}
        back = differences(again, first, asked.keys).gone
        told = [
            Finding(check, LEAK, f"{label(c)} ({c}) " + MOVES[check].format(share=_share(s)), c, s, 0.0)
            for c, s in sorted(moved.items(), key=lambda i: (-i[1], i[0]))
        ]
        if max(seen.gone, back) > 0:
            words = "who is asked about " + MOVES[check].format(share=_share(max(seen.gone, back)))
            told.append(Finding(check, LEAK, words, "the population", max(seen.gone, back), 0.0))
        if not told and check == "future" and asked.target in seen.share and not seen.share[asked.target]:
            words = f"nothing that the outcome is made of lies after {asked.at:%Y-%m-%d}: nothing could move"
            told.append(Finding(check, NOT_RUN, words))
        if not told:
            count = len([c for c in seen.share if c != asked.target])
            words = f"{count} features of {seen.rows:,} rows " + STAYS[check].format(
                at=f"{asked.at:%Y-%m-%d}", late=late
            )
            told.append(Finding(check, CLEAN, words, None, 0.0, 0.0))
        found += told
    return found


def _share(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "a few"


def late_facts(engine: Engine, at: datetime) -> int:
    """Facts that had happened by `at` and were known only then or later."""
    return sum(
        int(
            engine.value(
                f"select count(*) from facts.{t.name} where occurred_at < {literal(at)} and known_at >= {literal(at)}"
            )
        )
        for t in TABLES.values()
        if t.time
    )


def nothing_late(engine: Engine, at: datetime) -> Finding:
    """Why there is nothing to be found late: nothing is, or nobody says when it was known."""
    said = any(
        engine.value(f"select count(*) from (select 1 from facts.{t.name} where known_at > occurred_at limit 1)")
        for t in TABLES.values()
        if t.time
    )
    if not said:
        words = "no source says when its rows reached the business; what came late cannot be told from what did not"
        return Finding("late", NOT_RUN, words)
    return Finding("late", CLEAN, f"no fact that had happened by {at:%Y-%m-%d} was known only later", None, 0.0, 0.0)


def audit_reading(engine: Engine, sql: str, at: datetime) -> list[Finding]:
    """The check `future` (and `late`) of what a forecast or a ranking learns from: the same rows, to the last bit."""
    engine.execute(f"create or replace temp table audit_read as {sql}")
    found = []
    late = late_facts(engine, at)
    for check in ("future", "late"):
        if check == "late" and not late:
            found.append(nothing_late(engine, at))
            continue
        with changed(engine, Change(ASKED[check], at)):
            engine.execute(f"create or replace temp table audit_again as {sql}")
        n = int(engine.value("select count(*) from audit_read"))
        here = "select count(*) from (from {0} except all from {1})"
        gone = sum(
            int(engine.value(here.format(*p))) for p in (("audit_read", "audit_again"), ("audit_again", "audit_read"))
        )
        if gone:
            words = "what is learnt from " + MOVES[check].format(share=_share(gone / max(n, 1)))
            found.append(Finding(check, LEAK, words, "what is learnt from", gone / max(n, 1), 0.0))
        else:
            words = f"all {n:,} rows that are learnt from " + STAYS[check].format(at=f"{at:%Y-%m-%d}", late=late)
            found.append(Finding(check, CLEAN, words, None, 0.0, 0.0))
    for name in ("audit_read", "audit_again"):
        engine.execute(f"drop table if exists temp.{name}")
    return found
