"""Tasks that ask for a ranking, carried out: test, fit, recommend, explain, and write the result tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from footfall.answers.context import Context, now
from footfall.answers.keep import Row, model_folder, newest_model, schema_of, versions, write
from footfall.answers.paths import origins_of
from footfall.engine import Query
from footfall.errors import FootfallError, UsageError
from footfall.evaluate import Backtest, verdict
from footfall.evaluate.ranking import Catalogue, Shown, measure_rankings
from footfall.recommend import (
    OWN,
    RERANKED,
    History,
    Learning,
    Ranker,
    Ranking,
    compared,
    fit_ranker,
    interactions_query,
    outcome,
    population,
    rank,
    read_history,
    scene,
)
from footfall.tabular import RUN_BUDGET
from footfall.tasks import Task

PLACES = (5, 10, 20)
DECIDING = ("ndcg", 20)
"""What the verdict is spoken on: the right things, and high up."""
TOP = 10
"""Places that are written for each customer, unless told otherwise."""
COLUMNS = ("product_id", "category")


def check_answerable(task: Task, context: Context) -> None:
    """Raise FootfallError when this shop cannot answer the ranking task."""
    if task.keys != ("customer_id",) or task.target.column not in COLUMNS:
        raise FootfallError(f"{task.name}: products or categories are ranked, and for customers")
    found = context.shape()
    table = task.target.fact.table
    if not found.has(table) or not found.has(table, str(task.target.column)):
        raise FootfallError(f"{task.name} asks about {task.target.column} in {table}, and the shop has none")


def show(context: Context, task: Task, at: datetime | None = None) -> Query:
    """The SQL of the interactions that a ranking learns from, as known at `at`."""
    check_answerable(task, context)
    cutoff = at or context.clock(context.shape()).end
    return interactions_query(context.engine, task.target.fact, str(task.target.column), cutoff)


def backtest(context: Context, task: Task, models: Sequence[str], tests: int, draws: int = 300) -> Backtest:
    """Rank at earlier instants and compare with what was then taken; writes `evaluations` and `verdicts`.

    Beside the answer stand every generator of candidates, what each customer took most often (filled up with what is
    popular), and what is popular.

    Raises:
        FootfallError: the history is too short for one test. UsageError: a model that no list is made by.
    """
    check_answerable(task, context)
    origins = origins_of(context, task, tests)
    end = context.clock(context.shape()).end
    later = read_history(context.engine, task, end, context.tz)
    parts: list[Shown] = []
    for at in origins:
        context.progress(f"{task.name}: ranking at {at:%Y-%m-%d}")
        history = read_history(context.engine, task, at, context.tz)
        ranker = fit_ranker(context.engine, task, at, context.tz, _learning(context), history)
        who = population(context.engine, task, history)
        truth, _ = outcome(history, later, task)
        lists = compared(scene(ranker, history), who, max(PLACES))
        for name in models:
            if name not in lists:
                raise UsageError(f"no list is made by '{name}'; known: {', '.join(lists)}")
        kept = {n: found for n, found in lists.items() if not models or n in models or n in (OWN, RERANKED, "popular")}
        items = history.interactions
        catalogue = Catalogue(
            np.asarray(items.owned.sum(0)).ravel(), len(history.customers), items.items.get("category")
        )
        parts.append(Shown(truth[who], kept, history.customers[who], catalogue))
    everywhere = [n for n in parts[0].lists if all(n in p.lists for p in parts)]
    parts = [Shown(p.truth, {n: p.lists[n] for n in everywhere}, p.clusters, p.catalogue) for p in parts]
    found = measure_rankings(parts, PLACES, draws=draws, seed=context.settings.seed)
    rows = [_row(task, r) for r in found.rows()]
    verdicts = [_verdict(task, r, len(origins)) for r in rows if r["model"] == RERANKED and r["metric"] == "ndcg@20"]
    write(context.engine, "evaluations", rows, {"task": task.name})
    write(context.engine, "verdicts", verdicts, {"task": task.name})
    best = max(
        (r for r in rows if r["metric"] == "ndcg@20" and np.isfinite(r["value"])), key=lambda r: float(r["value"])
    )
    return Backtest(task.name, tuple(origins), rows, [], verdicts, str(best["model"]), None)


def fit(context: Context, task: Task, model: str | None = None, at: datetime | None = None) -> Ranker:
    """Learn on what was known before `at`, save with its card, and write `questions`."""
    check_answerable(task, context)
    if model is not None:
        raise UsageError(f"{task.name}: a ranking chooses who answers by rehearsal; leave --model out")
    cutoff = at or context.clock(context.shape()).end
    context.progress(f"{task.name}: learning to rank")
    history = read_history(context.engine, task, cutoff, context.tz)
    ranker = fit_ranker(context.engine, task, cutoff, context.tz, _learning(context), history)
    name = ranker.model
    folder = model_folder(context, task, name, cutoff)
    ranker.save(folder)
    card = {
        "task": task.name, "sentence": task.sentence, "model": name, "at": str(cutoff), "answer": ranker.answer,
        "rehearsed": ranker.rehearsed, "caution": ranker.caution, "versions": versions(),
    }  # fmt: skip
    (folder / "card.json").write_text(json.dumps(card, indent=1), encoding="utf-8")
    path = folder.relative_to(context.models).as_posix()
    listed = {"task": task.name, "model": name, "cutoff": cutoff, "path": path, "card": json.dumps(card)}
    write(context.engine, "models", [listed], {"task": task.name, "model": name, "cutoff": cutoff})
    row = {
        "task": task.name, "sentence": task.sentence, "kind": task.kind, "horizon": str(task.span), "cutoff": cutoff,
        "model": name, "rows": len(history.interactions.day), "caution": ranker.caution,
    }  # fmt: skip
    write(context.engine, "questions", [row], {"task": task.name})
    return ranker


def predict(
    context: Context, task: Task, at: datetime | None = None, model: str | None = None, top: int | None = None
) -> pa.Table:
    """The `top` places of every customer the task asks about; writes and returns the rows of `recommendations`."""
    check_answerable(task, context)
    cutoff = at or context.clock(context.shape()).end
    saved = newest_model(context, task, cutoff, model)
    history, parts = _ranked(context, task, cutoff, saved, None, top or TOP)
    head = {"task": task.name, "cutoff": cutoff, "model": str(saved["model"])}
    table = _rows(task, history, parts, head)
    write(context.engine, "recommendations", table, {"task": task.name, "cutoff": cutoff})
    asked = [len(set(table.column("customer_id").to_pylist())), task.name, cutoff]
    context.engine.execute("update questions set population = ? where task = ? and cutoff = ?", asked)
    return table


def explain(
    context: Context, task: Task, who: str | None = None, at: datetime | None = None, top: int = 10
) -> pa.Table:
    """The places of one customer with their reasons, exact; without one, of the first customers.

    Raises FootfallError for a customer who was not known before the cutoff.
    """
    check_answerable(task, context)
    cutoff = at or context.clock(context.shape()).end
    saved = newest_model(context, task, cutoff, None)
    history, parts = _ranked(context, task, cutoff, saved, who, TOP)
    head = {"task": task.name, "cutoff": cutoff, "model": str(saved["model"])}
    return _rows(task, history, parts, head).slice(0, top)


def _ranked(
    context: Context, task: Task, cutoff: datetime, saved: Row, who: str | None, top: int
) -> tuple[History, list[Ranking]]:
    history = read_history(context.engine, task, cutoff, context.tz)
    of = scene(Ranker.load(context.models / str(saved["path"]), task), history)
    if who is None:
        asked = population(context.engine, task, history)
    elif who in history.numbers:
        asked = np.asarray([history.numbers[who]], dtype=np.int64)
    else:
        raise FootfallError(f"{task.name} does not know a customer '{who}' before {cutoff:%Y-%m-%d}")
    return history, list(rank(of, asked, top))


def _rows(task: Task, history: History, parts: Sequence[Ranking], head: Row) -> pa.Table:
    """Rows of `recommendations`."""
    customer, item, place, score = (
        np.concatenate([getattr(p, name) for p in parts]) if parts else np.zeros(0)
        for name in ("customer", "item", "rank", "score")
    )
    item = item.astype(np.int64)
    column = str(task.target.column)
    told: dict[str, Any] = {
        "customer_id": history.customers[customer.astype(np.int64)], "rank": place, "score": score,
        "reason": [str(r) for p in parts for r in p.reason], "name": history.names[item],
        "category": [c or None for c in history.category[item]],
    }  # fmt: skip
    told[column] = history.products[item]
    schema, n = schema_of("recommendations"), len(item)
    same = {**head, "made_at": now()}
    columns = [
        pa.array(list(told[f.name]), f.type) if f.name in told else pa.array([same.get(f.name)] * n, f.type)
        for f in schema
    ]
    return pa.table(columns, schema=schema)


def _learning(context: Context) -> Learning:
    """Within a run, which answers every task, fewer and smaller trees over fewer cutoffs."""
    seed = context.settings.seed
    if context.settings.budget > RUN_BUDGET:
        return Learning(seed=seed)
    return Learning(cutoffs=3, wrong=40, trees=100, leaves=12, objective="chance", seed=seed)


def _row(task: Task, found: Row) -> Row:
    gap = None if found["model"] == OWN else found.get(f"less {OWN}")
    ends = [None if gap is None else found.get(f"less {OWN} {side}") for side in ("lower", "upper")]
    return {
        "task": task.name, "cutoff": None, "model": found["model"], "level": None,
        "metric": f"{found['metric']}@{found['k']}", "value": found["value"], "lower": found["lower"],
        "upper": found["upper"], "difference": gap, "difference_lower": ends[0], "difference_upper": ends[1],
        "rows": found["customers"],
    }  # fmt: skip


def _verdict(task: Task, row: Row, tests: int) -> Row:
    told = verdict(row["difference_lower"], row["difference_upper"], True)
    sentence = (
        f"Is {row['model']} better than what each customer took most often at {task.name}? {told.capitalize()}: its "
        f"ndcg at 20 (higher is better) differs by {row['difference']:+.4g} "
        f"(95%: {row['difference_lower']:+.4g} to {row['difference_upper']:+.4g}) "
        f"over {tests} test {'date' if tests == 1 else 'dates'}."
    )
    return {"task": task.name, "model": row["model"], "metric": row["metric"], "verdict": told, "sentence": sentence}
