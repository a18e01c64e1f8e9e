"""The leakage auditor at work: on a task of the house, on a table of one's own, on a study in SQL over the shop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from footfall.answers import paths, rankings
from footfall.answers.context import Context
from footfall.answers.keep import Row, write
from footfall.answers.work import Ready, ready
from footfall.audit import (
    CHECKS,
    CLEAN,
    LEAK,
    NOT_RUN,
    Change,
    Finding,
    Question,
    Roles,
    Rows,
    Study,
    Way,
    audit_facts,
    audit_reading,
    audit_rows,
    audit_study,
    changed,
    compare,
    copies,
    in_order,
    numbered,
    overlapping,
    read_table,
    rows_of,
    single,
    split_told,
    summed_up,
)
from footfall.engine import literal
from footfall.errors import FootfallError, UsageError
from footfall.spans import instant
from footfall.tabular import Matrix, make_plan
from footfall.tasks import Task, answer_query
from footfall.windows import Frame, Sample, Spine

ROWS = 2_000
"""About so many rows are asked again of changed facts."""
BUDGET, TESTED = 15_000, 10_000
"""About so many rows to learn from, and to ask about, where splits are compared."""
LEAST = 10
SCRAMBLED: tuple[Way, ...] = ("scrambled", "late scrambled")


@dataclass(frozen=True)
class Audit:
    """What was audited, what was found, and that in a sentence."""

    name: str
    findings: tuple[Finding, ...]

    @property
    def words(self) -> str:
        return summed_up(self.findings)

    @property
    def found(self) -> list[Finding]:
        """What is no leak, not sought in vain, but found."""
        return [f for f in self.findings if f.found]

    def rows(self) -> list[Row]:
        """The rows of the table `audit`."""
        return [
            {
                "task": self.name, "check_name": f.check, "feature": f.feature, "verdict": f.verdict, "value": f.value,
                "lower": f.lower, "upper": f.upper, "threshold": f.threshold, "words": f.words,
            }
            for f in self.findings
        ]  # fmt: skip


def audit(
    context: Context,
    task: Task | None,
    file: Path | None = None,
    target: str = "target",
    roles: Mapping[str, str] | None = None,
) -> Audit:
    """Audit a task of the house; or a table of one's own; or, with a task, a study in a file of SQL. Writes `audit`.

    Raises:
        UsageError: neither a task nor a file; a file that is none of .csv, .parquet, .sql; an unknown role.
        FootfallError: what was given cannot be read, or the shop cannot answer the task.
    """
    told = Roles.told(target, roles or {})
    if file is None:
        if task is None:
            raise UsageError("name a task to audit, or a table: footfall audit --table FILE --target COLUMN")
        at = instant(told.at, context.tz) if told.at else None
        done = Audit(task.name, tuple(audit_task(context, task, at)))
    elif file.suffix.lower() == ".sql":
        if task is None:
            raise UsageError(f"name the task that '{file}' means to answer: footfall audit TASK --table {file}")
        done = Audit(f"{task.name}: {file.name}", tuple(_study(context, task, file, told)))
    else:
        horizon = told.horizon or (task.span if task else None)
        rows = rows_of(read_table(context.engine, file), told, file.name)
        context.progress(f"{rows.n:,} rows, {rows.table.num_columns} features")
        done = Audit(file.name, tuple(audit_rows(rows, horizon)[0]))
    write(context.engine, "audit", done.rows(), {"task": done.name})
    return done


def audit_task(context: Context, task: Task, at: datetime | None = None) -> list[Finding]:
    """Every check of one task, at the last instant before `at` whose outcomes are known."""
    if task.kind not in ("chance", "amount"):
        return _audit_learning(context, task, at)
    context.kept.clear()
    small = replace(
        context.settings,
        budget=min(context.settings.budget, BUDGET),
        test_budget=min(context.settings.test_budget, TESTED),
    )
    one = ready(replace(context, settings=small), [task], at, tests=1)[task.name]
    when = one.plan.test[-1] if one.plan.test else one.plan.train[-1]
    context.progress(f"{task.name}: the facts around {when:%Y-%m-%d} changed")
    question = _question(context, one, when)
    label = _labels(one)
    found = audit_facts(context.engine, question, lambda name: label.get(name, name))
    if not one.plan.test:
        words = f"the history has no room for a test: it wants {task.span.words} to learn from and as much after that"
        return in_order([*found, *(Finding(c, NOT_RUN, words) for c in ("overlap", "split", "single", "copies"))])
    learnt, asked = one.trainer.training(when), one.trainer.test(when)
    found.append(_outcomes_over(context, one, when, learnt))
    context.progress(f"{task.name}: a random split beside a split by time")
    return in_order([*found, *_of_rows(task, learnt, asked, label)])


def _question(context: Context, one: Ready, at: datetime) -> Question:
    """The task's own query at one cutoff, for a part of all customers where there are many."""
    task = one.task
    size = int(context.engine.value(f"select count(*) from known_customers where known_from < {literal(at)}"))
    sample = Sample(min(1.0, ROWS / max(size, 1)), context.settings.seed)
    query = answer_query(task, Frame(task.keys, (at,), context.tz), list(one.table.features), Spine(None, sample))
    return Question(
        query.sql(context.engine.dialect.name), (*task.keys, "cutoff"), at, "target", task.target.fact.table
    )


def _labels(one: Ready) -> dict[str, str]:
    return {f.name: f.words.label for f in one.table.features}


def _outcomes_over(context: Context, one: Ready, at: datetime, learnt: Matrix) -> Finding:
    """Whether all outcomes learnt from are over at `at`, and known: they stay when the facts from `at` on change."""
    late = overlapping(learnt.cutoffs, one.task.span, at, context.tz)
    if late:
        words = (
            f"{len(late)} of {len(learnt.cutoffs)} training cutoffs have outcomes that are over only after "
            f"{at:%Y-%m-%d}, when the prediction is made: the last one is {late[-1]:%Y-%m-%d}"
        )
        return Finding("overlap", LEAK, words, None, len(late) / len(learnt.cutoffs), 0.0)
    assert learnt.y is not None
    last = learnt.cutoffs[-1]
    for way in SCRAMBLED:
        with changed(context.engine, Change(way, at)):
            again = one.trainer.training(at)
        if learnt.rows != again.rows or again.y is None or not np.array_equal(learnt.y, again.y):
            words = f"outcomes that are learnt from move when what is known from {at:%Y-%m-%d} on is scrambled"
            return Finding("overlap", LEAK, words, "target", 1.0, 0.0)
    words = (
        f"the last training cutoff is {last:%Y-%m-%d}: all {learnt.rows:,} outcomes learnt from are over by "
        f"{at:%Y-%m-%d}, and stay when what is known from then on is scrambled"
    )
    return Finding("overlap", CLEAN, words, None, 0.0, 0.0)


def _of_rows(task: Task, learnt: Matrix, asked: Matrix, label: Mapping[str, str]) -> list[Finding]:
    """The checks that look at rows: learnt from at earlier cutoffs, asked about at one."""
    both = _rows(task, [learnt, asked])
    tested = np.arange(both.n) >= learnt.rows
    here = both.take(tested)
    least = min(here.positives, here.n - here.positives) if task.kind == "chance" else here.positives
    learns = both.take(~tested)
    least = min(least, learns.positives, learns.n - learns.positives if task.kind == "chance" else learns.n)
    if least < LEAST:
        words = f"only {here.positives} of {here.n} rows asked about have the outcome ({learns.positives} learnt from)"
        return [Finding("split", NOT_RUN, words), Finding("single", NOT_RUN, words), *copies(here)]
    compared = compare(both, ~tested, tested)
    return [
        split_told(both, compared, ours=True),
        *single(here, compared.temporal, lambda name: label.get(name, name), proved=True),
        *copies(here),
    ]


def _rows(task: Task, matrices: Sequence[Matrix]) -> Rows:
    keys = [*task.keys, "cutoff"]
    parts = [(m, m.y) for m in matrices]
    return Rows(
        "chance" if task.kind == "chance" else "amount",
        pa.concat_tables([m.table.drop_columns(keys) for m in matrices]),
        np.concatenate([np.maximum(y, 0.0) for _, y in parts if y is not None]),
        # A customer of several categories has a row for each: the pair is what stands there once.
        np.concatenate([m.clusters if len(task.keys) == 1 else _pairs(m, task.keys) for m in matrices]),
        np.concatenate([np.asarray(m.table.column("cutoff").to_numpy(), dtype="datetime64[us]") for m in matrices]),
        weight=np.concatenate([m.weight for m in matrices]),
    )


def _pairs(matrix: Matrix, keys: Sequence[str]) -> NDArray[np.int64]:
    """(n,) a number per pair, the same in every run."""
    rows = matrix.table.select(list(keys)).to_pylist()
    return numbered(pa.array(["|".join(str(v) for v in row.values()) for row in rows], pa.string()))


def _audit_learning(context: Context, task: Task, at: datetime | None) -> list[Finding]:
    """Of a forecast or a ranking: what it learns from must not move. Its test is by time already."""
    found = context.shape()
    clock = context.clock(found)
    when = at or clock.back(clock.end, task.span, 1)
    show = paths.show if task.kind == "path" else rankings.show
    query = show(context, task, when).sql(context.engine.dialect.name)
    told = audit_reading(context.engine, query, when)
    words = f"asked of chances and amounts; a {task.kind} is tested at earlier instants, each with its own fit"
    rest = [Finding(c, NOT_RUN, words) for c in CHECKS if c not in ("future", "late")]
    return in_order([*told, *rest])


def _study(context: Context, task: Task, file: Path, roles: Roles) -> list[Finding]:
    if task.kind != "chance" or task.keys != ("customer_id",):
        raise FootfallError(f"{task.name}: a study in SQL is audited for a chance per customer")
    try:
        sql = file.read_text(encoding="utf-8").strip().rstrip(";")
    except (OSError, UnicodeDecodeError) as error:
        raise FootfallError(f"cannot read '{file}': {error}") from None
    clock = context.clock(context.shape())
    plan = make_plan(task, clock, context.settings, tests=2)
    at = instant(roles.at, context.tz) if roles.at else clock.back(clock.end, task.span, 1)
    return audit_study(context.engine, Study(sql, roles, task, at, context.tz), plan.test, context.progress)
