"""Tasks that ask for a ranking, carried out: fit, recommend, explain, and write the result tables."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from footfall.answers.context import Context, now
from footfall.answers.keep import Row, model_folder, newest_model, read_toml, versions, write
from footfall.answers.ranking_rows import RankingRows
from footfall.engine import Query
from footfall.errors import FootfallError, UsageError
from footfall.recommend import (
    ALL,
    NEW,
    History,
    Learning,
    Ranker,
    Ranking,
    Rules,
    Scene,
    declared,
    fit_ranker,
    interactions_query,
    population,
    rank,
    read_history,
    scene,
)
from footfall.tabular import RUN_BUDGET
from footfall.tasks import Task

Ruling = Rules | Mapping[str, Any] | str | Path | None
"""Rules as they may be given: themselves, a document, a file of TOML or JSON; None: those of `shop.toml`."""
TOP = 10
"""Places that are written for each customer, unless told otherwise."""
COLUMNS = ("product_id", "category")
CROWD, BUSY, SPARSE = 100_000, 20_000, 0.4
"""Customers above which fewer candidates are looked at for each (`BUSY`: within a run), and how many, as a multiple of
the usual number."""
RETURNED = 2_000_000
"""Rows of lists up to which all of them are returned; more stand in the shop's table only."""


def check_answerable(task: Task, context: Context) -> None:
    """Raise FootfallError when this shop cannot answer the ranking task."""
    if task.keys != ("customer_id",) or task.target.column not in COLUMNS:
        raise FootfallError(f"{task.name}: products or categories are ranked, and for customers")
    table, column = task.target.fact.table, str(task.target.column)
    there = context.shape().has(table) and context.engine.rows(
        f"select 1 from {table} where {column} is not null limit 1"
    )
    if not there:
        raise FootfallError(f"{task.name} asks about {column} in {table}, and the shop has none")


def show(context: Context, task: Task, at: datetime | None = None) -> Query:
    """The SQL of the interactions that a ranking learns from, as known at `at`."""
    check_answerable(task, context)
    cutoff = at or context.clock(context.shape()).end
    return interactions_query(context.engine, task.target.fact, str(task.target.column), cutoff)


def rules_for(context: Context, given: Ruling = None) -> Rules:
    """The rules that hold: those of `[recommend]` in the `shop.toml` beside the shop, those given before them.

    `given`: rules, a document of them, the same as text in TOML (`new = true`), or a file of TOML or JSON, which takes
    the place of `shop.toml`'s.

    Raises:
        FootfallError: a file that cannot be read, or a word in it that is no rule.
    """
    if isinstance(given, Rules):
        return given
    beside = context.models.with_name("shop.toml") if context.models.suffix == ".models" else None
    said, where = read_toml(beside).get("recommend", {}), "shop.toml, [recommend]"
    if isinstance(given, Mapping):
        return declared({**_document(said, where), **given}, "rules")
    if isinstance(given, str) and "=" in given and not Path(given).exists():
        try:
            return declared({**_document(said, where), **tomllib.loads(given)}, "rules")
        except tomllib.TOMLDecodeError as error:
            raise FootfallError(f"cannot read the rules '{given}': {error}") from None
    if given is not None:
        found = _read_rules(Path(given))
        said, where = found.get("recommend", found), str(given)
    return declared(_document(said, where), where)


def _document(said: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(said, Mapping):
        raise FootfallError(f"{where} holds rules such as exclude = ['P-7'], not {said!r}")
    return said


def _read_rules(path: Path) -> Mapping[str, Any]:
    if not path.exists():
        raise FootfallError(f"there is no file '{path}'; rules themselves are said as in 'new = true'")
    if path.suffix.lower() != ".json":
        return read_toml(path)
    try:
        return _document(json.loads(path.read_text(encoding="utf-8")), str(path))
    except (OSError, ValueError) as error:
        raise FootfallError(f"cannot read '{path}': {error}") from None


def fit(
    context: Context, task: Task, model: str | None = None, at: datetime | None = None, dial: float | None = None
) -> Ranker:
    """Learn on what was known before `at`, save with its card, and write `questions`.

    `dial`: candidates looked at for each customer, as a multiple of the usual number (default: by the customers).
    """
    check_answerable(task, context)
    if model is not None:
        raise UsageError(f"{task.name}: a ranking chooses who answers by rehearsal; leave --model out")
    rules = rules_for(context)
    cutoff = at or context.clock(context.shape()).end
    context.progress(f"{task.name}: learning to rank")
    history = read_history(context.engine, task, cutoff, context.tz)
    how = learning(context, dial)
    ranker = fit_ranker(context.engine, task, cutoff, context.tz, how, history, context.progress)
    name = ranker.model
    folder = model_folder(context, task, name, cutoff)
    ranker.save(folder)
    card = {
        "task": task.name, "sentence": task.sentence, "model": name, "at": str(cutoff), "answer": ranker.answer,
        "rehearsed": ranker.rehearsed, "told": ranker.told, "half_lives": ranker.paced, "declared": rules.told(),
        "caution": ranker.caution, "versions": versions(),
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
    context: Context,
    task: Task,
    at: datetime | None = None,
    model: str | None = None,
    top: int | None = None,
    rules: Rules | None = None,
) -> pa.Table:
    """The `top` places of every customer the task asks about; writes and returns the rows of `recommendations`.

    They are written a few thousand customers at a time. Of more than `RETURNED` rows the first are returned.

    `rules` (default: those of `shop.toml`) are kept in the model's card. With the rule `new` the rows are of the task
    `NAME-new`, so that both kinds of list stand in the table.

    Raises FootfallError where nobody is asked about.
    """
    check_answerable(task, context)
    held = rules or rules_for(context)
    cutoff = at or context.clock(context.shape()).end
    saved = newest_model(context, task, cutoff, model)
    of = scene_of(context, task, cutoff, saved)
    asked = population(context.engine, task, of.history)
    if not len(asked):
        raise FootfallError(f"{task.name}: nobody belongs to its population at {cutoff:%Y-%m-%d}")
    way, name = (NEW, f"{task.name}-new") if held.new else (ALL, task.name)
    head = {"task": name, "cutoff": cutoff, "model": of.ranker.answer[way], "made_at": now()}
    kept: list[pa.Table] = []
    many = done = 0
    writing = RankingRows(task, of.history, head)
    with context.engine.transaction():
        write(context.engine, "recommendations", [], {"task": name, "cutoff": cutoff})
        for part in rank(of, asked, top or TOP, way, held, threads=os.cpu_count() or 1):
            rows = writing.table(part)
            context.engine.append("recommendations", rows)
            many += rows.num_rows
            before, done = done, done + len(np.unique(part.customer))
            if len(asked) > CROWD and 10 * done // len(asked) > 10 * before // len(asked):
                context.progress(f"{name}: lists of {done:,} of {len(asked):,} customers")
            if many <= RETURNED:
                kept.append(rows)
    _keep_rules(context, saved, held)
    if not held.new:
        at_once = [len(asked), task.name, cutoff]
        context.engine.execute("update questions set population = ? where task = ? and cutoff = ?", at_once)
    if many > RETURNED:
        context.progress(f"{name}: {many:,} rows are in the table recommendations; the first of them are returned")
    return pa.concat_tables(kept) if kept else writing.table(None)


def _keep_rules(context: Context, saved: Row, rules: Rules) -> None:
    """Put the rules that were applied into the card of the model, where they are others."""
    folder = context.models / str(saved["path"])
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    told = json.loads(json.dumps(rules.told()))
    if card.get("declared") == told:
        return
    card["declared"] = told
    (folder / "card.json").write_text(json.dumps(card, indent=1), encoding="utf-8")
    key = [saved[name] for name in ("task", "model", "cutoff")]
    context.engine.execute(
        "update models set card = ? where task = ? and model = ? and cutoff = ?", [json.dumps(card), *key]
    )


def explain(
    context: Context, task: Task, who: str | None = None, at: datetime | None = None, top: int = 10
) -> pa.Table:
    """The places of one customer with their reasons, exact; without one, of the first customers.

    Raises FootfallError for a customer who was not known before the cutoff.
    """
    check_answerable(task, context)
    cutoff = at or context.clock(context.shape()).end
    saved = newest_model(context, task, cutoff, None)
    of = scene_of(context, task, cutoff, saved)
    asked = population(context.engine, task, of.history) if who is None else one_customer(task, of.history, who)
    held = rules_for(context)
    way = NEW if held.new else ALL
    head = {"task": task.name, "cutoff": cutoff, "model": of.ranker.answer[way]}
    return _rows(task, of.history, list(rank(of, asked, TOP, way, held)), head).slice(0, top)


def one_customer(task: Task, history: History, who: str) -> Any:
    """The number of a customer, as an array. Raises FootfallError for one who was not known before the cutoff."""
    if who not in history.numbers:
        raise FootfallError(f"{task.name} does not know a customer '{who}' before {history.at:%Y-%m-%d}")
    return np.asarray([history.numbers[who]], dtype=np.int64)


def scene_of(context: Context, task: Task, cutoff: datetime, saved: Row) -> Scene:
    """The saved ranking at a cutoff, its generators learnt from what was known then; kept for the next verb."""
    key = ("scene", task, cutoff, str(saved["path"]), saved.get("made_at"))
    if key not in context.kept:
        context.kept.clear()
        history = read_history(context.engine, task, cutoff, context.tz)
        context.kept[key] = scene(Ranker.load(context.models / str(saved["path"]), task), history)
    found: Scene = context.kept[key]
    return found


def _rows(task: Task, history: History, parts: Sequence[Ranking], head: Row) -> pa.Table:
    """Rows of `recommendations`."""
    writing = RankingRows(task, history, {"made_at": now(), **head})
    return pa.concat_tables([writing.table(p) for p in parts] or [writing.table(None)])


def learning(context: Context, dial: float | None = None) -> Learning:
    """Within a run, which answers every task, fewer and smaller trees over fewer cutoffs; in a shop of very many
    customers too, and fewer candidates for each (`dial`, a multiple of the usual number)."""
    seed = context.settings.seed
    customers = int(context.engine.value("select count(*) from known_customers") or 0)
    running = context.settings.budget <= RUN_BUDGET
    many = customers > (BUSY if running else CROWD)
    if dial is None:
        dial = SPARSE if many else 1.0
    if not running and not many:
        return Learning(seed=seed, dial=dial)
    return Learning(
        cutoffs=2 if many else 3, wrong=40, trees=100, leaves=12, objective="chance", rehearsals=1,
        seed=seed, dial=dial,
    )  # fmt: skip
