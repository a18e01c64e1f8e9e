"""A study made again at earlier dates, of what was known then, and set beside what happened after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from footfall.audit.changes import Change, changed
from footfall.audit.finding import CLEAN, LEAK, NOT_RUN, Finding
from footfall.audit.query import Answered, Study, ask
from footfall.audit.rows import Rows, dealt, encoder_of, fitted_and_asked, out_of_fold
from footfall.audit.single import LEAST
from footfall.audit.splits import DRAWS, GAP
from footfall.engine import Engine
from footfall.evaluate import Part, bootstrap_cutoffs
from footfall.spans import shift
from footfall.tasks import answer_query
from footfall.windows import Frame

NEAR = np.timedelta64(2, "D")
"""A row whose history ends so near to an instant may be asked about at it."""


@dataclass(frozen=True)
class Made:
    """The study at one instant: what a random split said of rows, and what was then said of those asked about."""

    random: Part
    used: Part


def made_again(engine: Engine, study: Study, instants: Sequence[datetime]) -> Finding:
    """What a random split says of the study, beside what it is worth when it is used.

    At each instant it is made of what was known then. Rows whose history goes up to the instant and that have no
    outcome yet are asked about at once; where there are none (the query leaves room for the outcome), those that the
    same query makes one horizon later are.
    """
    if study.task.kind != "chance":
        return Finding("split", NOT_RUN, "only chances are made again at earlier dates")
    tried = {at: _open_rows(engine, study, at) or _later_rows(engine, study, at) for at in instants}
    made = {at: found for at, found in tried.items() if found is not None}
    if not made:
        words = (
            "at no earlier date does the query make rows with enough outcomes: has it fixed dates in it? "
            "Write $at where the instant goes"
        )
        return Finding("split", NOT_RUN, words)
    random = bootstrap_cutoffs("auc", [m.random for m in made.values()], "p", DRAWS)["p"]
    used = bootstrap_cutoffs("auc", [m.used for m in made.values()], "p", DRAWS)["p"]
    gap = random.value - used.value
    # Errors of different rows are independent; those of the same rows less than that.
    lower = gap - float(np.hypot(random.value - random.lower, used.upper - used.value))
    upper = gap + float(np.hypot(random.upper - random.value, used.value - used.lower))
    dates = " and ".join(f"{i:%Y-%m-%d}" for i in made)
    flatters = lower > GAP
    sure = "is not there when it is used" if flatters else "and no proof of a leak"
    words = (
        f"made on {dates}, a random split says AUC {random.value:.3f} ({random.lower:.3f} to {random.upper:.3f}); "
        f"asked then about those whom {study.task.name} asks about, it reaches AUC {used.value:.3f} ({used.lower:.3f} "
        f"to {used.upper:.3f}) against what happened in the {study.task.span.words} after: {gap:+.3f} (95%: "
        f"{lower:+.3f} to {upper:+.3f}) {sure}"
    )
    return Finding("split", LEAK if flatters else CLEAN, words, None, gap, GAP, lower, upper)


def _open_rows(engine: Engine, study: Study, at: datetime) -> Made | None:
    """Rows as of `at` without an outcome yet that go up to it, of those the task asks about; None where few are."""
    if study.dated:
        return None
    then = _as_known(engine, study, at)
    if then is None or (then.cutoffs > np.datetime64(at, "us")).any():
        return None
    rows = then.rows
    truth = _truth(engine, study, at)
    names = then.customers
    going = then.cutoffs >= np.datetime64(at, "us") - NEAR
    asked = np.array([i for i in range(rows.n) if rows.y[i] == 0 and going[i] and names[i] in truth], dtype=np.intp)
    y = np.array([truth[names[i]] for i in asked])
    if len(asked) < 2 * LEAST or min(y.sum(), (1 - y).sum()) < LEAST:
        return None
    p = out_of_fold(rows, dealt(rows, 0))
    return Made(Part(rows.y, {"p": p}, rows.clusters), Part(y, {"p": p[asked]}, rows.clusters[asked]))


def _later_rows(engine: Engine, study: Study, at: datetime) -> Made | None:
    """Learnt from the rows as of `at`; asked of those that are made one horizon later, with histories up to `at`."""
    back, ahead = (shift(at, study.task.span, times, study.tz) for times in (-1, 1))
    learn = _as_known(engine, study.moved(back), at)
    asked = _as_known(engine, study.moved(at), ahead)
    if learn is None or asked is None or (learn.cutoffs >= np.datetime64(at, "us")).any():
        return None
    here = asked.cutoffs >= np.datetime64(at, "us") - NEAR
    rows = _joined(learn.rows, asked.rows.take(here))
    tested = np.arange(rows.n) >= len(learn.cutoffs)
    if min(rows.positives, int(rows.y[tested].sum()), int((1 - rows.y[tested]).sum())) < LEAST:
        return None
    p = fitted_and_asked(rows, ~tested, tested, encoder_of(rows).encode(rows.numbers))
    y, who = rows.y[tested], rows.clusters[tested]
    at_random = out_of_fold(rows.take(tested), dealt(rows.take(tested), 0))
    return Made(Part(y, {"p": at_random}, who), Part(y, {"p": p}, who))


def _joined(a: Rows, b: Rows) -> Rows:
    assert a.who is not None and b.who is not None and a.cutoff is not None and b.cutoff is not None
    table = pa.concat_tables([a.table, b.table], promote_options="permissive")
    both: list[NDArray[np.int64]] = [a.who, b.who]
    return Rows(a.kind, table, np.concatenate([a.y, b.y]), np.concatenate(both), np.concatenate([a.cutoff, b.cutoff]))


def _as_known(engine: Engine, study: Study, at: datetime) -> Answered | None:
    """The study of what was known before `at`; None where it has too few outcomes of a kind."""
    with changed(engine, Change("as then", at)):
        found = ask(engine, study)
    target = (
        found.table.column(study.roles.target).to_pylist() if study.roles.target in found.table.column_names else []
    )
    counts = [sum(1 for t in target if t == v) for v in set(target)]
    return found if len(counts) == 2 and min(counts) >= LEAST else None


def _truth(engine: Engine, study: Study, at: datetime) -> dict[str, float]:
    """What happened to those whom the task asks about at `at`."""
    query = answer_query(study.task, Frame(study.task.keys, (at,), study.tz), [])
    found = engine.fetch(query.sql(engine.dialect.name))
    pairs = zip(found.column(study.task.keys[0]).to_pylist(), found.column("target").to_pylist(), strict=True)
    return {str(who): float(y) for who, y in pairs if y is not None}
