"""One task, carried out: prepare, backtest, fit, score, explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from footfall.answers.context import Context, now
from footfall.answers.keep import Row, save_predictor, write
from footfall.answers.tuning import as_tuned, recall, tunable, tune_models
from footfall.engine import literal
from footfall.errors import FootfallError, UsageError
from footfall.evaluate import Backtest, backtest
from footfall.explain import contributions, importances, is_exact, reasons, steps
from footfall.tabular import (
    ENGINEERED,
    SELECTED,
    Budget,
    FeatureTable,
    Matrix,
    Plan,
    Predictor,
    Trainer,
    blend_of,
    engineers,
    make_plan,
    prepare,
)
from footfall.tasks import Task
from footfall.windows import Sample

MODELS = ("baseline", "logistic", "boosted")
LEVELS = ("baseline", "linear", "boosted")
"""Those for a level such as a mean rating: the customer's own so far, a line, and trees."""
MEAN = "boosted+bgnbd"
"""Competes too where customers' amounts are asked for: windows order customers well, and BG/NBD knows that they age."""
SHOWN_ROWS, DRAWN_ROWS = 400, 300
"""Rows whose single contributions are kept, to be drawn; rows explained where contributions are drawn by lot."""
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
    """The answers of a task at a cutoff: who answered, and the rows of the table `scores`."""

    predictor: Predictor
    table: pa.Table


def models_for(task: Task, asked: Sequence[str] = ()) -> tuple[str, ...]:
    """The models that compete for a task: those asked for, else those that suit it."""
    if asked:
        return tuple(asked)
    if task.level:
        return LEVELS
    of_orders = task.keys == ("customer_id",) and task.target.fact.table in ("orders", "lines")
    return (*MODELS, MEAN) if task.kind == "amount" and of_orders else MODELS


def variants(task: Task | None, models: Sequence[str], engineer: bool, select: bool) -> list[str]:
    """The models, and beside each single one itself with engineered features, with selected ones, or with both.

    Raises UsageError when none of them is a single model.
    """
    names = list(models_for(task, models) if task else models)
    heads = [ENGINEERED] * engineer + [SELECTED] * select + [SELECTED + ENGINEERED] * (engineer and select)
    single = [n for n in names if ":" not in n and n != "baseline" and blend_of(n).single]
    if not single:
        raise UsageError(
            f"{', '.join(names)}: features are engineered and selected for a single model, as in --models boosted"
        )
    return [*names, *(head + n for head in heads for n in single)]


def reading(context: Context, models: Sequence[str]) -> Context:
    """The context, made to prepare engineered features where one of the models reads them."""
    if not any(map(engineers, models)):
        return context
    return replace(context, settings=replace(context.settings, engineered=True))


def check_answerable(task: Task, context: Context) -> None:
    """Raise FootfallError when this shop, or this version, cannot answer the task."""
    if task.kind not in ("chance", "amount"):
        raise FootfallError(f"{task.name} asks for a {task.kind}; this version answers chances and amounts")
    if "customer_id" not in task.keys or not set(task.keys) <= {"customer_id", "category"}:
        entity = " and ".join([task.entity] if isinstance(task.entity, str) else task.entity)
        raise FootfallError(f"{task.name} asks per {entity}; this version answers per customer (and category)")
    if not task.keys or task.keys[0] != "customer_id" or set(task.keys) - {"customer_id", "category"}:
        raise FootfallError(
            f"{task.name} asks per {' and '.join(task.entity)}; "
            "this version answers per customer, or per customer and category"
        )
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


def backtest_task(
    context: Context,
    one: Ready,
    models: Sequence[str] = (),
    draws: int = 300,
    folds: int = 0,
    budget: Budget | None = None,
) -> Backtest:
    """Test the models (default: those that suit the task) at the plan's test cutoffs and write what comes of it.

    Writes `evaluations`, `curves`, `verdicts` and `comparison`; `folds`: groups of customers for a check of stability.
    `budget`: the models compete tuned as well, tuned anew before each test cutoff.

    Raises:
        FootfallError: the history has no room for a single test.
    """
    if not one.plan.test:
        raise FootfallError(
            f"{one.task.name}: the history is too short to test on; a test wants {one.task.span.words} to learn from "
            f"and {one.task.span.words} after that to compare with"
        )
    names = list(models_for(one.task, models))
    if budget:
        tune_models(context, one.trainer, tunable(one.trainer, names), one.plan.test, budget)
        names = list(dict.fromkeys([*names, *(as_tuned(one.trainer, n) for n in names)]))
    else:
        for at in one.plan.test:
            for name in names:
                recall(context, one.trainer, name, at)
    result = backtest(one.trainer, names, one.plan.test, draws, context.progress, folds)
    for table, rows in (
        ("evaluations", result.evaluations),
        ("curves", result.curves),
        ("verdicts", result.verdicts),
        ("comparison", result.comparison),
    ):
        write(context.engine, table, rows, {"task": one.task.name})
    return result


def fit_task(context: Context, one: Ready, model: str, budget: Budget | None = None) -> Predictor:
    """Fit the task at its instant, save the predictor with its card, and write `questions`; `budget`: tune it first."""
    assert one.plan.score is not None
    if budget:
        tune_models(context, one.trainer, tunable(one.trainer, [model]), [one.plan.score], budget)
        model = as_tuned(one.trainer, model)
    recall(context, one.trainer, model, one.plan.score)
    context.progress(f"{one.task.name}: fitting {model}")
    predictor = one.trainer.fit(model, one.plan.score)
    save_predictor(context, predictor)
    trained = predictor.trained
    row = {
        "task": one.task.name, "sentence": one.task.sentence, "kind": one.task.kind, "horizon": str(one.task.span),
        "cutoff": one.plan.score, "population": None, "rows": trained.rows, "positives": trained.positives,
        "base_rate": trained.base_rate, "model": model, "caution": predictor.caution, "unit": _unit(one.task),
    }  # fmt: skip
    write(context.engine, "questions", [row], {"task": one.task.name})
    return predictor


def _unit(task: Task) -> str | None:
    return None if task.kind != "amount" else "money" if task.money else "number"


def predict_task(context: Context, one: Ready, predictor: Predictor) -> Scored:
    """Answer for the whole population at the plan's instant and write `scores`.

    Raises:
        FootfallError: nobody belongs to the population, or the shop lacks a feature of the model.
    """
    at = one.plan.score
    assert at is not None
    tables: list[pa.Table] = []
    for matrix in one.table.chunks(one.task, at):
        _check_features(predictor, matrix)
        tables.append(_score_rows(one.task, predictor, matrix))
        context.progress(f"{one.task.name}: {sum(t.num_rows for t in tables):,} rows scored")
    table = pa.concat_tables(tables) if tables else None
    if table is None or table.num_rows == 0:
        raise FootfallError(f"{one.task.name}: nobody belongs to its population at {at:%Y-%m-%d}")
    write(context.engine, "scores", table, {"task": one.task.name, "cutoff": at, "model": predictor.model})
    asked = [table.num_rows, one.task.name, at]
    context.engine.execute("update questions set population = ? where task = ? and cutoff = ?", asked)
    return Scored(predictor, table)


def _check_features(predictor: Predictor, matrix: Matrix) -> None:
    for column in predictor.learner.encoder.sources:
        if column not in matrix.table.column_names:
            raise FootfallError(
                f"the saved model of {predictor.task.name} wants the feature {column}, which the shop no longer has; "
                "fit it again"
            )


def _score_rows(task: Task, predictor: Predictor, matrix: Matrix) -> pa.Table:
    """The rows of the table `scores` for one matrix."""
    answers = predictor.predict(matrix)
    n = matrix.rows
    none = pa.nulls(n, pa.float64())
    value = pa.array(answers.value)
    chance = task.kind == "chance"
    columns = {
        "task": pa.array([task.name] * n, pa.string()),
        "cutoff": matrix.table.column("cutoff").cast(pa.timestamp("us")),
        "model": pa.array([predictor.model] * n, pa.string()),
        "chance": value if chance else none,
        "amount": none if chance else value,
        "lower": pa.array(answers.lower),
        "upper": pa.array(answers.upper),
        "caution": pa.array([predictor.caution or None] * n, pa.string()),
        "made_at": pa.array([now()] * n, pa.timestamp("us")),
    }
    for key in ("customer_id", "category"):
        columns[key] = matrix.table.column(key) if key in task.keys else pa.nulls(n, pa.string())
    return pa.table(columns)


def explain_scores(context: Context, one: Ready, scored: Scored, top: int = 100, each: int = 3) -> list[Row]:
    """Reasons for the `top` highest answers and, over a sample, what drives the model; writes both tables."""
    task, model, at = one.task.name, scored.predictor.model, one.plan.score
    assert at is not None
    values = scored.table.column("chance" if one.task.kind == "chance" else "amount").to_numpy()
    best = scored.table.take(np.argsort(-values, kind="stable")[:top])
    rows = reasons(scored.predictor, _rows_of(one, best), one.table.features, each)
    write(context.engine, "reasons", rows, {"task": task, "model": model, "cutoff": at})
    share = min(1.0, EXPLAINED_ROWS / scored.table.num_rows)
    within = Sample(share).sql(one.task.keys, "b")
    sample = one.table.matrix(one.task, [at], target=False, within=within)
    if not is_exact(scored.predictor.learner):  # drawn, not worked out: a few hundred rows take as long as it may
        sample = _few(sample, DRAWN_ROWS)
    write(context.engine, "importances", importances(scored.predictor, sample, one.table.features), {"task": task})
    few = _few(sample, SHOWN_ROWS)
    share = few.rows / scored.table.num_rows
    parts = contributions(scored.predictor, few, one.table.features, share)
    write(context.engine, "contributions", parts, {"task": task})
    first = _rows_of(one, best.slice(0, 1))
    write(context.engine, "explained", way_of(one, scored, first), {"task": task})
    return rows


def _few(matrix: Matrix, most: int) -> Matrix:
    """At most `most` rows, evenly over all of them."""
    if matrix.rows <= most:
        return matrix
    return matrix.take(np.linspace(0, matrix.rows - 1, most).round().astype(np.int64))


def way_of(one: Ready, scored: Scored, row: Matrix) -> list[Row]:
    """The way to the answer of the first row, ready for the table `explained`."""
    keys = row.table.select(list(one.task.keys)).to_pylist()[0]
    head = {**keys, "task": one.task.name, "cutoff": one.plan.score, "model": scored.predictor.model}
    told = steps(scored.predictor, row, one.table.features)
    return [{**head, "step": n, **step} for n, step in enumerate(told, start=1)]


def _rows_of(one: Ready, scores: pa.Table) -> Matrix:
    """The matrix rows of these rows of `scores`."""
    keys = list(one.task.keys)
    wanted = {tuple(r[k] for k in keys) for r in scores.select(keys).to_pylist()}
    first = sorted({str(w[0]) for w in wanted})
    within = f"b.{keys[0]} in ({', '.join(literal(v) for v in first)})"
    matrix = one.table.matrix(one.task, [c for c in [one.plan.score] if c], target=False, within=within)
    found = [tuple(r[k] for k in keys) in wanted for r in matrix.table.select(keys).to_pylist()]
    return matrix.take(np.asarray(found, dtype=bool))


def way_to(one: Ready, scored: Scored, customer: str) -> list[Row]:
    """The way to one customer's (highest) answer. Raises FootfallError when the task does not ask about them."""
    key = "chance" if one.task.kind == "chance" else "amount"
    rows = _about(one, scored, customer).sort_by([(key, "descending")])
    return way_of(one, scored, _rows_of(one, rows.slice(0, 1)))


def explain_customer(one: Ready, scored: Scored, customer: str, each: int = 8) -> pa.Table:
    """Every strong reason for one customer's answer. Raises FootfallError when the task does not ask about them."""
    rows = _about(one, scored, customer)
    return pa.Table.from_pylist(reasons(scored.predictor, _rows_of(one, rows), one.table.features, each))


def _about(one: Ready, scored: Scored, customer: str) -> pa.Table:
    rows = scored.table.filter(pc.equal(scored.table.column("customer_id"), customer))
    if rows.num_rows == 0:
        raise FootfallError(
            f"{one.task.name} does not ask about a customer '{customer}' at {one.plan.score:%Y-%m-%d}: "
            "unknown, or outside the task's population"
        )
    return rows
