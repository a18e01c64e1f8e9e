"""The audit of a study: one SQL query over the shop that makes features and outcome. The shop is at hand, so the query
can be asked again of changed facts, and of the facts as they were known at an earlier date."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa

from footfall.audit.again import made_again
from footfall.audit.changes import Change, Way, changed, keep_ends
from footfall.audit.facts import ASKED, MOVES, Differences, differences, late_facts, nothing_late
from footfall.audit.finding import CLEAN, LEAK, NOT_RUN, Finding, in_order
from footfall.audit.query import Answered, Study, ask
from footfall.audit.table import audit_rows
from footfall.engine import Engine

SLACK = 1e-9
"""Sums of doubles differ from run to run in the last bits."""
PANEL = 50
"""With so many different cutoffs at most, they are dates of the study; with more, each customer has its own."""
STAYS = {
    "future": "stay the same when what happens from the cutoff on is scrambled",
    "late": "stay the same without the facts that were known only after the cutoff",
    "history": "stay the same when the sales from the cutoff on are taken away",
}


def audit_study(
    engine: Engine, study: Study, instants: Sequence[datetime], progress: Callable[[str], None]
) -> list[Finding]:
    """Every check of a study. `instants`: when it is to be used, as it would then have been (newest last).

    Raises:
        FootfallError: the query reads stored facts instead of views, or its columns do not say what is needed.
    """
    progress("the study as it stands")
    first = ask(engine, study)
    rows = first.rows
    found = _causes(engine, first, progress)
    progress("the rows themselves")
    found += [f for f in audit_rows(rows, study.task.span, facts=True)[0] if f.check != "history" or f.found]
    progress("the study as it would have been made")
    found.append(made_again(engine, study, instants))
    return in_order(found)


def _causes(engine: Engine, first: Answered, progress: Callable[[str], None]) -> list[Finding]:
    """`future`, `late` and `history`, by changing the facts."""
    study, cutoffs = first.study, first.cutoffs
    distinct = np.unique(cutoffs)
    panel = len(distinct) <= PANEL
    keys = (study.key, study.cutoff) if panel else (study.key,)
    unsteady = differences(first.table, ask(engine, study).table, keys, slack=SLACK).moved
    ignored = {study.roles.target, study.roles.split, *study.roles.ignore, *unsteady}
    before = cutoffs[cutoffs < distinct[-1]]
    middle = np.sort(before)[len(before) // 2] if len(before) else distinct[-1]
    at = middle.item()
    found: list[Finding] = []
    for check, asked in ASKED.items():
        # A copy of each fact, made up to be late, would move every count: here those that are late are left out.
        way: Way = "nothing late" if check == "late" else asked
        progress(f"{check}: {way}")
        if check == "late" and not late_facts(engine, at):
            found.append(nothing_late(engine, at))
            continue
        own = check != "future" and not panel
        change = Change(way, at, _ends(engine, first) if own else "", study.task.target.fact.table)
        with changed(engine, change):
            after = ask(engine, study)
        within = cutoffs <= middle if check == "future" and panel else cutoffs == middle
        if own:
            within = first.rows.y > 0 if check == "history" else np.ones(len(cutoffs), dtype=bool)
        elif not panel:  # what happens exactly at the cutoff, as the sale that cuts a history, is of the future
            within = cutoffs < middle
        if panel and not np.isin(after.cutoffs, distinct).any():
            words = "the query takes its cutoff from the latest fact, which is changed here; write $at where it goes"
            found.append(Finding(check, NOT_RUN, words))
            continue
        found += _told(check, differences(first.table, after.table, keys, within, SLACK), study.cutoff, ignored)
    for one in sorted(unsteady):
        found.append(Finding("future", NOT_RUN, f"{one} is another on each run; it cannot be compared", one))
    return found


def _ends(engine: Engine, answered: Answered) -> str:
    """Each customer's own cutoff, the latest where there are several, kept for `Change.ends`."""
    latest: dict[str, datetime] = {}
    for who, cutoff in zip(answered.customers, answered.cutoffs.tolist(), strict=True):
        if who not in latest or cutoff > latest[who]:
            latest[who] = cutoff
    name = keep_ends(engine)
    ends = pa.array(list(latest.values()), pa.timestamp("us"))
    engine.append(name, pa.table({"customer_id": pa.array(list(latest), pa.string()), "ends": ends}))
    return name


def _told(check: str, seen: Differences, cutoff: str, ignored: set[str]) -> list[Finding]:
    moved = {c: s for c, s in seen.moved.items() if c not in ignored and c != cutoff}
    told = [
        Finding(check, LEAK, f"{c} {MOVES[check].format(share=f'{s:.1%}')}", c, s, 0.0)
        for c, s in sorted(moved.items(), key=lambda i: (-i[1], i[0]))
    ]
    if check == "history" and seen.share.get(cutoff, 0) > 0:
        words = (
            f"the outcome decides where a history ends: without the sales, {cutoff} is another in "
            f"{seen.share[cutoff]:.1%} of the rows that have it"
        )
        told.insert(0, Finding(check, LEAK, words, cutoff, seen.share[cutoff], 0.0))
    if seen.gone > 0:
        words = f"who is in the table {MOVES[check].format(share=f'{seen.gone:.1%}')}"
        told.append(Finding(check, LEAK, words, "the rows", seen.gone, 0.0))
    if told:
        return told
    count = len([c for c in seen.share if c not in ignored and c != cutoff])
    return [Finding(check, CLEAN, f"{count} features of {seen.rows:,} rows {STAYS[check]}", None, 0.0, 0.0)]
