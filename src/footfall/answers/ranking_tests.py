"""Rankings tested: lists made at earlier instants beside what was then taken; by parts, and cold starts apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from footfall.answers.context import Context
from footfall.answers.keep import Row, write
from footfall.answers.paths import origins_of
from footfall.answers.rankings import check_answerable, learning
from footfall.errors import UsageError, did_you_mean
from footfall.evaluate import Backtest, verdict
from footfall.evaluate.ranking import Catalogue, Shown, measure_rankings
from footfall.recommend import (
    ALL,
    NEW,
    OWN,
    RERANKED,
    History,
    Scene,
    compared,
    fit_ranker,
    fresh,
    outcome,
    population,
    read_history,
    scene,
)
from footfall.recommend.compare import NEW_ITEMS, NEW_PRODUCTS, cold_starts, just_arrived, only_products, parts_of
from footfall.tasks import Task
from footfall.windows import IDENTITIES, identity_as

PLACES = (5, 10, 20)
APART = (20,)
"""Places at which parts of the customers are measured."""
POPULAR = "popular"
CHOSEN_COLD = "cold"
ANSWER = "answer"
"""Who would have been asked: the whole, or who beat it in the rehearsal."""
TESTED = 20_000
"""Customers with something to find that a test date looks at; of more, so many are drawn."""
LEAST = 30
"""Customers below which a part is too small to be told apart."""


def backtest(
    context: Context, task: Task, models: Sequence[str], tests: int, identity: str = "today", draws: int = 300
) -> Backtest:
    """Rank at earlier instants and compare with what was then taken; writes `evaluations` and `verdicts`.

    Beside the answer stand the whole, every generator of candidates, what each customer took most often (filled up
    with what is popular), and what is popular. `level` of the rows: null for everyone who was asked about; products
    that the customers had never bought (`new items`); values of age, gender and activity; customers without a purchase
    and without anything known; products that had hardly been sold.

    `identity`: whose facts are one customer's: by all links ("today"), those known at each instant ("as-of"), or by
    the sources' own ids ("raw").

    Raises:
        FootfallError: the history is too short for one test.
        UsageError: a model that no list is made by, or an identity there is not.
    """
    check_answerable(task, context)
    if identity not in IDENTITIES:
        raise UsageError(f"there is no identity '{identity}'{did_you_mean(identity, IDENTITIES)}")
    origins = origins_of(context, task, tests)
    end = context.clock(context.shape()).end
    later = read_history(context.engine, task, end, context.tz) if identity == "today" else None
    levels: dict[str | None, list[Shown]] = {}
    for at in origins:
        context.progress(f"{task.name}: ranking at {at:%Y-%m-%d}")
        with identity_as(context.engine, identity, at):
            then = later or read_history(context.engine, task, end, context.tz)
            for level, part in _one_date(context, task, at, then, models).items():
                levels.setdefault(level, []).append(part)
    rows: list[Row] = []
    for level, parts in levels.items():
        rows += _measured(context, task, level, parts, draws)
    verdicts = [
        _verdict(task, rows, len(origins)) for r in rows if (r["model"], r["metric"], r["level"]) == _DECIDES
    ]  # fmt: skip
    write(context.engine, "evaluations", rows, {"task": task.name})
    write(context.engine, "verdicts", verdicts, {"task": task.name})
    best = max(
        (r for r in rows if r["metric"] == "ndcg@20" and r["level"] is None and np.isfinite(r["value"])),
        key=lambda r: float(r["value"]),
    )
    return Backtest(task.name, tuple(origins), rows, [], verdicts, str(best["model"]), None)


_DECIDES = (ANSWER, "ndcg@20", None)


def _one_date(
    context: Context, task: Task, at: datetime, later: History, models: Sequence[str]
) -> dict[str | None, Shown]:
    """Level -> lists and truth of it at one test date."""
    history = read_history(context.engine, task, at, context.tz)
    ranker = fit_ranker(context.engine, task, at, context.tz, learning(context), history)
    of = scene(ranker, history)
    truth, _ = outcome(history, later, task)
    some = np.diff(truth.indptr) > 0
    asked = population(context.engine, task, history)
    whole = _shown(of, truth, _drawn(asked[some[asked]], context), models, ALL)
    out: dict[str | None, Shown] = {None: whole}
    new = fresh(truth, history)
    eager = np.diff(new.indptr) > 0
    out[NEW_ITEMS] = _shown(of, new, _drawn(asked[eager[asked]], context), models, NEW)
    few = replace(whole, lists=_few(whole.lists))
    customers = np.asarray([history.numbers[str(c)] for c in whole.clusters], dtype=np.int64)
    for label, mask in parts_of(history, customers).items():
        out[label] = few.among(mask)
    for label, cold in cold_starts(history).items():
        one = _shown(of, truth, _drawn(cold[some[cold]], context), models, ALL)
        out[label] = replace(one, lists=_few(one.lists, (*_FEW, "neighbours")))
    out[NEW_PRODUCTS] = replace(
        whole,
        truth=only_products(whole.truth, just_arrived(history)),
        lists=_few(whole.lists, (*_FEW, "content", "rising")),
    )
    return out


_FEW = (ANSWER, RERANKED, OWN, POPULAR)


def _few(lists: Mapping[str, Any], names: Sequence[str] = _FEW) -> dict[str, Any]:
    return {n: found for n, found in lists.items() if n in names}


def _drawn(customers: Any, context: Context) -> Any:
    if len(customers) <= TESTED:
        return customers
    return np.sort(np.random.default_rng(context.settings.seed).choice(customers, TESTED, replace=False))


def _shown(of: Scene, truth: Any, who: Any, models: Sequence[str], way: str) -> Shown:
    """The lists of these customers by everyone who makes them, and what they took."""
    history = of.history
    found = compared(of, who, max(PLACES), way)
    lists = {ANSWER: _answer(of, found, who, way), **found}
    for name in models:
        if name not in lists and way == ALL and len(who):
            raise UsageError(f"no list is made by '{name}'; known: {', '.join(lists)}")
    kept = {n: items for n, items in lists.items() if not models or n in models or n in _FEW}
    items = history.interactions
    catalogue = Catalogue(np.asarray(items.owned.sum(0)).ravel(), len(history.customers), items.items.get("category"))
    return Shown(truth[who], kept, history.customers[who], catalogue)


def _answer(of: Scene, found: Mapping[str, Any], who: Any, way: str) -> Any:
    """(customers, places) the lists of who answers: for those who did nothing so far, another may."""
    if not len(who):
        return np.zeros((0, max(PLACES)), dtype=np.int64)
    chosen = of.ranker.answer
    told = np.bincount(of.history.interactions.row, minlength=len(of.history.customers))[who] > 0
    cold = found.get(chosen.get(CHOSEN_COLD, RERANKED), found[RERANKED])
    return np.where(told[:, None], found[chosen[way]], cold)


def _measured(context: Context, task: Task, level: str | None, parts: Sequence[Shown], draws: int) -> list[Row]:
    """Rows of `evaluations` of one level; none where it has too few customers."""
    parts = [p for p in parts if p.truth.nnz]
    found = sum(int((np.diff(p.truth.indptr) > 0).sum()) for p in parts)
    if not parts or (level is not None and found < LEAST):
        return []
    everywhere = [n for n in parts[0].lists if all(n in p.lists for p in parts)]
    parts = [replace(p, lists={n: p.lists[n] for n in everywhere}) for p in parts]
    whole = level is None or level == NEW_ITEMS
    measured = measure_rankings(parts, PLACES if whole else APART, draws=draws, seed=context.settings.seed)
    rows = []
    for row in measured.rows():
        if not whole and row["metric"] == "coverage":
            continue  # of a part it says how many customers it has
        rows += _rows(task, level, row)
    return rows


def _rows(task: Task, level: str | None, found: Row) -> list[Row]:
    """One row, with its difference to own frequency (of new items to what is popular); the other difference as a
    metric of its own, `ndcg@20 less popular`."""
    first = OWN if f"less {OWN}" in found or found["model"] == OWN else POPULAR
    metric = f"{found['metric']}@{found['k']}"

    def ends(against: str) -> tuple[Any, Any, Any]:
        gap, lower, upper = (found.get(f"less {against}{side}") for side in ("", " lower", " upper"))
        return gap, lower, upper

    row: Row = {
        "task": task.name, "cutoff": None, "model": found["model"], "level": level, "metric": metric,
        "value": found["value"], "lower": found["lower"], "upper": found["upper"], "rows": found["customers"],
    }  # fmt: skip
    out = [row | dict(zip(("difference", "difference_lower", "difference_upper"), ends(first), strict=True))]
    told = ends(POPULAR)
    if first != POPULAR and told[0] is not None and found["k"] == max(PLACES):
        none = dict.fromkeys(("difference", "difference_lower", "difference_upper"))
        less = dict(zip(("value", "lower", "upper"), told, strict=True))
        out.append(row | none | {"metric": f"{metric} less {POPULAR}"} | less)
    return out


def _verdict(task: Task, rows: Sequence[Row], tests: int) -> Row:
    """In one sentence: beside own frequency, which decides, and beside what is popular."""
    mine = {r["metric"]: r for r in rows if r["model"] == ANSWER and r["level"] is None}
    row, less = mine["ndcg@20"], mine.get(f"ndcg@20 less {POPULAR}")
    told = verdict(row["difference_lower"], row["difference_upper"], True)
    sentence = (
        f"Is the answer better than what each customer took most often at {task.name}? {told.capitalize()}: its "
        f"ndcg at 20 (higher is better) differs by {row['difference']:+.4g} "
        f"(95%: {row['difference_lower']:+.4g} to {row['difference_upper']:+.4g}) "
        f"over {tests} test {'date' if tests == 1 else 'dates'}"
    )
    if less is not None:
        sentence += (
            f"; from what is popular it differs by {less['value']:+.4g} "
            f"(95%: {less['lower']:+.4g} to {less['upper']:+.4g})"
        )
    return {"task": task.name, "model": ANSWER, "metric": row["metric"], "verdict": told, "sentence": sentence + "."}
