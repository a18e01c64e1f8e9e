"""One task, carried out: prepare, backtest, fit, score, explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from footfall.answers.context import Context, now
from footfall.answers.keep import Row, save_predictor, write
from footfall.errors import FootfallError, UsageError
from footfall.evaluate import Backtest, backtest
from footfall.explain import importances, reasons
from footfall.tabular import FeatureTable, Matrix, Plan, Predictor, Trainer, make_plan, prepare
from footfall.tasks import Task

EXPLAINED_ROWS = 5_000
"""Rows the aggregate importances are taken over; more tell nothing more."""


@dataclass(frozen=True)
class Ready:
    """A task with its matrix prepared."""

    task: Task
    plan: Plan
    table: FeatureTable
    trainer: Trainer


@dataclass(frozen=True)
class Scored:
    """The answers of a task at a cutoff: the rows asked about, and the rows of the table `scores`."""

    predictor: Predictor
    matrix: Matrix
    table: pa.Table


def check_answerable(task: Task, context: Context) -> None:
    """Raise FootfallError when this shop, or this version, cannot answer the task."""
    if task.kind not in ("chance", "amount"):
        raise FootfallError(f"{task.name} asks for a {task.kind}; this version answers chances and amounts")
    found = context.shape()
    needed = {task.target.fact.table, *(p.aggregate.fact.table for p in task.population)}
    for table in sorted(needed):
        if not found.has(table):
            raise FootfallError(f"{task.name} asks about {table}, and the shop has none")
    for key in task.keys:
        if key in ("category", "brand", "product_id") and not found.has("lines", key):
            raise FootfallError(f"{task.name} asks per {key.removesuffix('_id')}, and the shop's order lines name none")


def ready(
    context: Context, tasks: Sequence[Task], at: datetime | None = None, tests: int = 0, fit: bool = True
) -> dict[str, Ready]:
    """Prepare one shared matrix for tasks with equal keys.

    Args:
        at: the instant to answer for; None: the end of the data.
        tests: cutoffs of a backtest to prepare as well.
        fit: False prepares the population at `at` alone, for a model that is fitted already.

    Raises:
        FootfallError: nothing to learn from, or a task this shop cannot answer.
        UsageError: tasks with different keys.
    """
    if len({t.keys for t in tasks}) > 1:
        raise UsageError("tasks that share a matrix have the same entity")
    for task in tasks:
        check_answerable(task, context)
    found = context.shape()
    clock = context.clock(found)
    score = at or clock.end
    plans = [
        make_plan(t, clock, context.settings, score, tests) if fit else Plan(t, score, (), (), score) for t in tasks
    ]
    context.progress(f"features for {', '.join(t.name for t in tasks)}")
    table = prepare(context.engine, plans, found, context.tz, context.settings)
    return {
        p.task.name: Ready(p.task, p, table, Trainer(table, p.task, clock, context.settings, p.anchor)) for p in plans
    }


def backtest_task(context: Context, one: Ready, models: Sequence[str], draws: int = 300) -> Backtest:
    """Test the models at the plan's test cutoffs and write `evaluations`, `curves`, `verdicts`.

    Raises:
        FootfallError: the history has no room for a single test.
    """
    if not one.plan.test:
        raise FootfallError(
            f"{one.task.name}: the history is too short to test on; a test wants {one.task.span.words} to learn from "
            f"and {one.task.span.words} after that to compare with"
        )
    result = backtest(one.trainer, models, one.plan.test, draws, context.progress)
    for table, rows in (
        ("evaluations", result.evaluations),
        ("curves", result.curves),
        ("verdicts", result.verdicts),
    ):
        write(context.engine, table, rows, {"task": one.task.name})
    return result


def fit_task(context: Context, one: Ready, model: str) -> Predictor:
    """Fit the task at its instant, save the predictor with its card, and write `questions`."""
    assert one.plan.score is not None
    context.progress(f"{one.task.name}: fitting {model}")
    predictor = one.trainer.fit(model, one.plan.score)
    save_predictor(context, predictor)
    trained = predictor.trained
    row = {
        "task": one.task.name, "sentence": one.task.sentence, "kind": one.task.kind, "horizon": str(one.task.span),
        "cutoff": one.plan.score, "population": None, "rows": trained.rows, "positives": trained.positives,
        "base_rate": trained.base_rate, "model": model, "caution": predictor.caution,
    }  # fmt: skip
    write(context.engine, "questions", [row], {"task": one.task.name})
    return predictor


def predict_task(context: Context, one: Ready, predictor: Predictor) -> Scored:
    """Answer for the whole population at the plan's instant and write `scores`.

    Raises:
        FootfallError: nobody belongs to the population, or the shop lacks a feature of the model.
    """
    at = one.plan.score
    assert at is not None
    matrix = one.table.matrix(one.task, [at], target=False)
    if matrix.rows == 0:
        raise FootfallError(f"{one.task.name}: nobody belongs to its population at {at:%Y-%m-%d}")
    encoder = predictor.learner.encoder
    lacking = [c for c in (*encoder.numeric, *(c for c, _ in encoder.values)) if c not in matrix.table.column_names]
    if lacking:
        raise FootfallError(
            f"the saved model of {one.task.name} wants the feature {lacking[0]}, which the shop no longer has; fit it again"
        )
    context.progress(f"{one.task.name}: scoring {matrix.rows:,} rows")
    answers = predictor.predict(matrix)
    n = matrix.rows
    none = pa.nulls(n, pa.float64())
    value = pa.array(answers.value)
    chance = one.task.kind == "chance"
    columns = {
        "task": pa.array([one.task.name] * n),
        "cutoff": matrix.table.column("cutoff").cast(pa.timestamp("us")),
        "model": pa.array([predictor.model] * n),
        "chance": value if chance else none,
        "amount": none if chance else value,
        "lower": pa.array(answers.lower),
        "upper": pa.array(answers.upper),
        "caution": pa.array([predictor.caution or None] * n, pa.string()),
        "made_at": pa.array([now()] * n, pa.timestamp("us")),
    }
    for key in ("customer_id", "category"):
        columns[key] = matrix.table.column(key) if key in one.task.keys else pa.nulls(n, pa.string())
    table = pa.table(columns)
    write(context.engine, "scores", table, {"task": one.task.name, "cutoff": at, "model": predictor.model})
    context.engine.execute("update questions set population = ? where task = ? and cutoff = ?", [n, one.task.name, at])
    return Scored(predictor, matrix, table)


def explain_scores(context: Context, one: Ready, scored: Scored, top: int = 100, each: int = 3) -> list[Row]:
    """Reasons for the `top` highest answers and, over a sample, what drives the model; writes both tables."""
    task, model = one.task.name, scored.predictor.model
    values = scored.table.column("chance" if one.task.kind == "chance" else "amount").to_numpy()
    best = np.sort(np.argsort(-values, kind="stable")[:top])
    rows = reasons(scored.predictor, scored.matrix.take(best), one.table.features, each)
    where = {"task": task, "model": model, "cutoff": one.plan.score}
    write(context.engine, "reasons", rows, where)
    step = max(1, scored.matrix.rows // EXPLAINED_ROWS)
    sample = scored.matrix.take(np.arange(0, scored.matrix.rows, step))
    write(context.engine, "importances", importances(scored.predictor, sample, one.table.features), {"task": task})
    return rows


def explain_customer(one: Ready, scored: Scored, customer: str, each: int = 8) -> pa.Table:
    """Every strong reason for one customer's answer. Raises FootfallError when the task does not ask about them."""
    mask = np.asarray([c == customer for c in scored.table.column("customer_id").to_pylist()], dtype=bool)
    if not mask.any():
        raise FootfallError(
            f"{one.task.name} does not ask about a customer '{customer}' at {one.plan.score:%Y-%m-%d}: "
            "unknown, or outside the task's population"
        )
    return pa.Table.from_pylist(reasons(scored.predictor, scored.matrix.take(mask), one.table.features, each))
