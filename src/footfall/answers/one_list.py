"""What to show one new customer, from who they are and from what they did."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from footfall.answers.context import Context
from footfall.answers.keep import newest_model
from footfall.answers.one import as_learnt, own_shop
from footfall.answers.rankings import TOP, check_answerable, rules_for, scene_of
from footfall.answers.telling import NEW as NEWCOMER
from footfall.answers.telling import Told, judged
from footfall.errors import did_you_mean
from footfall.recommend import ALL, COLD, NEW, History, clock_days, interactions_query, rank, scene
from footfall.tables import TABLES
from footfall.tasks import Task


@dataclass(frozen=True)
class OneList:
    """The list for one customer: `rows` with rank, what is shown, name, score and reason; `notes` what to mind."""

    task: str
    sentence: str
    model: str
    at: datetime
    rows: list[dict[str, Any]]
    notes: list[str]

    @property
    def row(self) -> dict[str, Any]:
        """As a document, as `--json` prints it."""
        return {"task": self.task, "model": self.model, "at": self.at, "rows": self.rows, "notes": self.notes}

    @property
    def text(self) -> str:
        """In words."""
        lines = [self.sentence, f"  from {self.at:%Y-%m-%d} on, says {self.model}", ""]
        for r in self.rows:
            name = f" ({r['name']})" if r["name"] != r["shown"] else ""
            lines.append(f"  {r['rank']:>2}  {r['shown']}{name}: {r['reason']}")
        if self.notes:
            lines += ["", *(f"mind: {n}" for n in self.notes)]
        return "\n".join(lines)


def rank_one(
    context: Context,
    task: Task,
    given: Mapping[str, Any],
    at: datetime | None = None,
    model: str | None = None,
    top: int = TOP,
) -> OneList:
    """The `top` places of the saved ranking for one customer whom the shop does not know; the shop's rules hold.

    `given`: attributes (`age`, `gender`, ...) and lists of what they did (`lines`, `events`, ...: each with `at`). Who
    did nothing is shown what people like them take.

    Raises:
        UsageError: an unknown field, or a value that cannot be meant; the message names it.
        FootfallError: the task has no saved ranking.
    """
    check_answerable(task, context)
    cutoff = at or context.clock(context.shape()).end
    saved = newest_model(context, task, cutoff, model)
    told = judged(context, task, (), given, cutoff)
    of = scene_of(context, task, cutoff, saved)
    notes: list[str] = []
    joined = _joined(context, task, of.history, told, notes)
    rules = rules_for(context)
    number = np.asarray([len(of.history.customers)])
    way = NEW if rules.new else ALL
    (found,) = rank(scene(of.ranker, joined), number, top, way, rules)
    if len(joined.interactions) == len(of.history.interactions) and COLD in of.ranker.reranker.boosters:
        way = COLD  # who did nothing is answered by what was taught apart
    column = str(task.target.column)
    rows: list[dict[str, Any]] = [
        {
            "rank": int(place), column: str(joined.products[item]), "shown": str(joined.products[item]),
            "name": str(joined.names[item]), "score": float(score), "reason": reason,
        }
        for item, place, score, reason in zip(found.item, found.rank, found.score, found.reason, strict=True)
    ]  # fmt: skip
    if not rows:
        notes.append("there is nothing to show: the rules leave nothing over")
    if of.ranker.caution:
        notes.append(of.ranker.caution)
    return OneList(task.name, task.sentence, of.ranker.answer[way], cutoff, rows, notes)


def _joined(context: Context, task: Task, history: History, told: Told, notes: list[str]) -> History:
    """The history with one more customer, the last one."""
    rows = _rows(context, task, history, told, notes)
    old = history.interactions
    new = len(history.customers)
    kinds = {kind: i for i, kind in enumerate(old.kinds)}
    item, kind, weight, day = ([r[i] for r in rows] for i in range(4))
    people = _people(history, told, notes)
    more = {"row": [new] * len(rows), "col": item, "kind": [kinds[str(k)] for k in kind], "weight": weight, "day": day}
    columns: dict[str, Any] = {
        n: np.append(getattr(old, n), np.asarray(v, dtype=getattr(old, n).dtype)) for n, v in more.items()
    }
    stated = {name: np.append(codes, people[name]) for name, codes in old.people.items()}
    both = replace(old, customers=new + 1, people=stated, **columns)
    known = np.append(history.known, columns["day"][len(old) :])
    return replace(history, customers=np.append(history.customers, NEWCOMER), interactions=both, known=known)


def _people(history: History, told: Told, notes: list[str]) -> dict[str, int]:
    """Feature of customers -> the code of this one; -1 where it is not told, or told of nobody."""
    words: dict[str, str] = {name: str(value) for name, value in told.attributes.items()}
    age = told.attributes.get("age")
    if age is None and "birth_date" in told.attributes:
        age = math.floor((history.at.date() - told.attributes["birth_date"]).days / 365.25)
    if age is not None:
        decade = int(age) // 10 * 10
        words["age"] = f"{decade}-{decade + 9}"
    words.pop("birth_date", None)
    codes = dict.fromkeys(history.interactions.people, -1)
    for name, word in words.items():
        values = history.values.get(name, ())
        if name == "income" or name not in codes:
            notes.append(f"{name} is told, but these lists do not look at it: it changes nothing")
            continue
        value = as_learnt(name, word, values, notes)
        if value in values:
            codes[name] = values.index(value)
    return codes


def _rows(
    context: Context, task: Task, history: History, told: Told, notes: list[str]
) -> list[tuple[int, str, float, float]]:
    """Number of the item, kind, weight and day of what this customer did, of what the shop knows."""
    column = str(task.target.column)
    done = {
        table: _described(context, rows, column) if any(c.name == column for c in TABLES[table].columns) else rows
        for table, rows in told.history.items()
    }
    engine = own_shop(replace(told, history=done))
    try:
        query = interactions_query(engine, task.target.fact, column, history.at)
        found = engine.rows(query.sql("duckdb") + "\norder by occurred_at, item")
    finally:
        engine.close()
    out, strange = [], set()
    for _, item, kind, weight, when, _ in found:
        if item not in history.product_numbers:
            strange.add(str(item))
        elif kind in history.interactions.kinds:
            day = min(clock_days(when, context.tz), history.interactions.at - 1e-6)
            out.append((history.product_numbers[item], str(kind), float(weight or 1.0), day))
    for item in sorted(strange):
        near = did_you_mean(item, [str(p) for p in history.products])
        notes.append(f"the shop knows no {column.removesuffix('_id')} '{item}'{near}: it changes nothing")
    return sorted(out, key=lambda row: (row[0], row[3], row[1]))


def _described(context: Context, rows: Sequence[dict[str, Any]], column: str) -> list[dict[str, Any]]:
    """The rows with what is ranked (a category, a brand) as the shop knows it of their products."""
    if column == "product_id":
        return list(rows)
    goods = sorted({str(r["product_id"]) for r in rows if r.get("product_id") and not r.get(column)})
    listed = f"select product_id, max({column}) from products where list_contains(?, product_id) group by 1"
    known = dict(context.engine.rows(listed, [goods])) if goods else {}
    return [r if r.get(column) else {**r, column: known.get(str(r.get("product_id")))} for r in rows]
