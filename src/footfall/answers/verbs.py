"""The verbs over tasks of every kind: the target decides which room answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa

from footfall.answers import paths, ranking_tests, rankings
from footfall.answers.context import Context
from footfall.answers.identity import backtest_as
from footfall.answers.keep import Row, best_model, load_predictor
from footfall.answers.work import (
    Ready,
    Scored,
    explain_customer,
    explain_scores,
    fit_task,
    predict_task,
    reading,
    ready,
    way_to,
)
from footfall.engine import Query
from footfall.errors import UsageError
from footfall.evaluate import Backtest
from footfall.forecast import FittedTree
from footfall.recommend import Ranker, Rules
from footfall.tabular import Predictor, budget_of
from footfall.tasks import Task, answer_query
from footfall.windows import Frame, features

Fitted = Predictor | FittedTree | Ranker


def show(context: Context, task: Task, at: datetime | None = None) -> Query:
    """The SQL of a task at one cutoff: population, features and target, or what a forecast or a ranking learns from."""
    if task.kind == "path":
        return paths.show(context, task, at)
    if task.kind == "ranking":
        return rankings.show(context, task, at)
    found = context.shape()
    cutoff = at or context.clock(found).end
    return answer_query(task, Frame(task.keys, (cutoff,), context.tz), features(found, task.keys))


def backtest(
    context: Context,
    task: Task,
    models: Sequence[str] = (),
    tests: int | None = None,
    identity: str = "today",
    folds: int = 0,
    tune: str | None = None,
) -> Backtest:
    """Test at earlier instants (None: as many as the settings say), keyed by an identity; writes what comes of it.

    `folds`: groups of customers held out in turn, as a check of stability; `tune`: a budget as in "5m" or "40" trials.
    """
    count = context.settings.tests if tests is None else tests
    if task.kind not in ("chance", "amount") and (folds or tune):
        raise UsageError(f"{task.name} asks for a {task.kind}; --folds and --tune are for chances and amounts")
    if task.kind == "path":
        if identity != "today":
            raise UsageError(f"{task.name} asks about no customer, so no identity of customers changes its answer")
        return paths.backtest(context, task, models, count)
    if task.kind == "ranking":
        return ranking_tests.backtest(context, task, models, count, identity)
    return backtest_as(context, task, models, count, identity, folds, budget_of(tune) if tune else None)


def fit(
    context: Context, task: Task, model: str | None = None, at: datetime | None = None, tune: str | None = None
) -> Fitted:
    """Train on history before `at` and save beside the shop; `tune`: a budget to seek better settings first."""
    if task.kind not in ("chance", "amount") and tune:
        raise UsageError(f"{task.name} asks for a {task.kind}; --tune is for chances and amounts")
    if task.kind == "path":
        return paths.fit(context, task, model, at)
    if task.kind == "ranking":
        return rankings.fit(context, task, model, at)
    chosen = model or best_model(context.engine, task)
    context = reading(context, [chosen])
    return fit_task(context, _prepared(context, task, at), chosen, budget_of(tune) if tune else None)


def predict(
    context: Context,
    task: Task,
    at: datetime | None = None,
    model: str | None = None,
    top: int | None = None,
    rules: Rules | None = None,
) -> pa.Table:
    """Answer at `at` with the newest saved model that knew nothing later; rows of `scores`, `forecasts` or
    `recommendations` (`top`: places per customer; `rules`: what the merchant declares beside the model)."""
    if rules is not None and task.kind != "ranking":
        raise UsageError(f"{task.name} makes no lists, so that no rules hold for it; leave --rules out")
    if task.kind == "path":
        return paths.predict(context, task, at, model)[0]
    if task.kind == "ranking":
        return rankings.predict(context, task, at, model, top, rules)
    return _scored(context, task, at, model).table


def explain(
    context: Context, task: Task, who: str | None = None, at: datetime | None = None, top: int = 100
) -> pa.Table:
    """Why the answers are what they are: of the `top` highest, or of one customer, product or category."""
    if task.kind == "path":
        return paths.explain(context, task, who, at)
    if task.kind == "ranking":
        return rankings.explain(context, task, who, at, top)
    scored = _scored(context, task, at, None)
    one = _prepared(reading(context, [scored.predictor.model]), task, at, fit=False)
    if who is not None:
        return explain_customer(one, scored, who)
    return pa.Table.from_pylist(explain_scores(context, one, scored, top))


def explained_rows(
    context: Context, task: Task, who: str | None = None, at: datetime | None = None
) -> tuple[str, list[Row]]:
    """The rows behind the charts of reasons: of a sample (`contributions`), or the way to one answer (`explained`)."""
    scored = _scored(context, task, at, None)
    one = _prepared(reading(context, [scored.predictor.model]), task, at, fit=False)
    if who is not None:
        return "explained", way_to(one, scored, who)
    explain_scores(context, one, scored)
    found = context.engine.fetch("select * from contributions where task = ?", [task.name])
    return "contributions", found.to_pylist()


def _prepared(context: Context, task: Task, at: datetime | None, fit: bool = True) -> Ready:
    key = (task, at, fit, context.settings.engineered)
    if key not in context.kept:
        context.kept.clear()
        context.kept[key] = ready(context, [task], at, fit=fit)[task.name]
    found: Ready = context.kept[key]
    return found


def _scored(context: Context, task: Task, at: datetime | None, model: str | None) -> Scored:
    cutoff = at or context.clock(context.shape()).end
    predictor = load_predictor(context, task, cutoff, model)
    return predict_task(context, _prepared(reading(context, [predictor.model]), task, at, fit=False), predictor)


def told_fit(task: Task, done: Fitted) -> tuple[Row, str]:
    """What a fit made: as a row, and in words."""
    if isinstance(done, FittedTree):
        row: Row = {
            "task": task.name, "at": done.cutoff, "method": done.method, "losses": dict(done.losses),
            "notes": list(done.notes),
        }  # fmt: skip
        text = f"{task.name}: fitted on what was known before {done.cutoff:%Y-%m-%d}; levels add up by {done.method}"
        return row, "\n".join([text, *(f"mind: {note}" for note in done.notes)])
    if isinstance(done, Ranker):
        row = {
            "task": task.name, "at": done.at, "answer": dict(done.answer), "rehearsed": done.rehearsed,
            "caution": done.caution,
        }  # fmt: skip
        whom = {"cold": "customers who did nothing so far"}
        who = ", ".join(f"{name} answers for {whom.get(way, f'{way} products')}" for way, name in done.answer.items())
        text = f"{task.name}: learnt from what was known before {done.at:%Y-%m-%d}; {who}"
        return row, text + (f"\nmind: {done.caution}" if done.caution else "")
    trained = done.trained
    row = {
        "task": task.name, "model": done.model, "at": trained.at, "rows": trained.rows,
        "customers": trained.customers, "positives": trained.positives, "base_rate": trained.base_rate,
        "calibrated_on": trained.calibrated_on, "caution": done.caution, "settings": done.tuned,
        "weights": done.weights,
    }  # fmt: skip
    text = (
        f"{task.name}: {done.model} learnt from {trained.rows:,} rows of {trained.customers:,} customers "
        f"before {trained.at:%Y-%m-%d}\ncalibrated on {trained.calibrated_on}"
    )
    if done.weights:
        text += "\nweights: " + ", ".join(f"{name} {weight:.2f}" for name, weight in done.weights.items())
    for name, settings in done.tuned.items():
        found = ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in settings.items())
        text += f"\n{name}: {found or 'tuning found nothing better than its own settings'}"
    if trained.selection:
        row["features"] = [i["feature"] for i in trained.selection if i["kept"]]
        text += f"\nreads {len(row['features'])} of {len(trained.selection)} features, the most important first: "
        text += ", ".join(row["features"])
    return row, text + (f"\nmind: {done.caution}" if done.caution else "")
