"""What to show beside a customer's own list: in a running session, like a product, with it, and to whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from footfall.answers.context import Context, now
from footfall.answers.keep import newest_model, schema_of, write
from footfall.answers.rankings import check_answerable, rules_for, scene_of
from footfall.errors import FootfallError, UsageError, did_you_mean
from footfall.recommend import (
    ALL,
    NEW,
    History,
    Rules,
    Running,
    bought_together,
    number_of,
    read_history,
    running,
    similar,
    who_would_want,
)
from footfall.tasks import CATALOGUE, Task

ITEMS = CATALOGUE["next-items-30d"]
"""Whose lists are meant where nothing else is said."""
BASKETS = 5
"""Baskets with both products below which a pair is no rule."""
PAIRS = 100_000
"""Pairs kept, the surest ones."""


@dataclass(frozen=True)
class Wish:
    """How a recommendation is asked for: places, the instant (None: the end of the data), the rules, the task."""

    top: int = 10
    at: datetime | None = None
    rules: Rules | None = None
    task: Task = ITEMS

    def __post_init__(self) -> None:
        if self.top < 1:
            raise UsageError(f"{self.top} places show nothing; ask for 1 or more")


def recommend(context: Context, how: str, what: str | Sequence[str] | None, wish: Wish) -> pa.Table:
    """`session` (products looked at, in order), `like`, `together` (without a product: all pairs) or `who`.

    Raises:
        UsageError: no such way, or nothing named.
        FootfallError: an unknown product, or a shop that cannot tell.
    """
    if how not in WAYS:
        raise UsageError(f"there is no way '{how}' to recommend{did_you_mean(how, WAYS)}")
    named = [what] if isinstance(what, str) else list(what or [])
    if not named and how != "together":
        raise UsageError(f"recommend {how} wants a product, as in: footfall recommend {how} P-12")
    if len(named) > 1 and how != "session":
        raise UsageError(f"recommend {how} wants one product, and {len(named)} are named")
    return WAYS[how](context, named, wish)


def _session(context: Context, session: Sequence[str], wish: Wish) -> pa.Table:
    """The next items of a running session. What answers is loaded the first time and kept."""
    key = ("sessions", wish.at, repr(wish.rules))
    if key not in context.kept:
        context.kept.clear()
        context.progress("sessions: loading")
        rules = wish.rules or rules_for(context)
        context.kept[key] = running(context.engine, _history(context, wish), rules)
    loaded: Running = context.kept[key]
    found = loaded.next(session, wish.top)
    history, items = loaded.history, [one.item for one in found]
    return pa.table(
        {
            "rank": pa.array(range(1, len(items) + 1), pa.int32()),
            "product_id": pa.array([str(history.products[i]) for i in items], pa.string()),
            "name": pa.array([str(history.names[i]) for i in items], pa.string()),
            "category": pa.array([history.category[i] or None for i in items], pa.string()),
            "score": pa.array([one.score for one in found], pa.float64()),
            "reason": pa.array([one.reason for one in found], pa.string()),
        }
    )


def _like(context: Context, named: Sequence[str], wish: Wish) -> pa.Table:
    """Writes and returns rows of `similar_products`."""
    history = _history(context, wish)
    found = similar(history, named[0], wish.top, wish.rules or rules_for(context))
    table = _rows(
        "similar_products",
        {
            "product_id": [named[0]] * len(found.item), "rank": list(range(1, len(found.item) + 1)),
            "similar_id": history.products[found.item].tolist(), "name": history.names[found.item].tolist(),
            "category": [c or None for c in history.category[found.item]], "score": found.score.tolist(),
            "reason": found.reason, "cutoff": [history.at] * len(found.item),
        },
    )  # fmt: skip
    write(context.engine, "similar_products", table, {"product_id": named[0]})
    return table


def _together(context: Context, named: Sequence[str], wish: Wish) -> pa.Table:
    """Writes `bought_together` anew; returns the rows of one product, or the surest pairs of all."""
    history = _history(context, wish)
    if named:
        number_of(history, named[0])
    table = together_table(context, history)
    if named:
        table = table.filter(pa.compute.equal(table.column("product_id"), named[0]))
    return table.slice(0, wish.top)


def together_table(context: Context, history: History) -> pa.Table:
    """Write and return `bought_together` as of a history."""
    found = bought_together(history.interactions, BASKETS, PAIRS)
    order = np.lexsort((np.arange(len(found.first)), found.first))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - np.searchsorted(found.first[order], found.first[order]) + 1
    told: dict[str, Any] = {
        "product_id": history.products[found.first].tolist(), "other_id": history.products[found.second].tolist(),
        "name": history.names[found.first].tolist(), "other_name": history.names[found.second].tolist(),
        "rank": rank, "cutoff": [history.at] * len(rank),
    }  # fmt: skip
    told |= {n: getattr(found, n) for n in ("baskets", "support", "confidence", "lift", "lower", "upper")}
    table = _rows("bought_together", told)
    write(context.engine, "bought_together", table, {})
    return table


def _who(context: Context, named: Sequence[str], wish: Wish) -> pa.Table:
    """Writes and returns rows of `prospects`: whom to tell about a product."""
    task = wish.task
    if task.kind != "ranking" or task.target.column != "product_id":
        raise UsageError(f"{task.name} ranks no products; recommend who asks a task such as {ITEMS.name}")
    check_answerable(task, context)
    cutoff = wish.at or context.clock(context.shape()).end
    of = scene_of(context, task, cutoff, newest_model(context, task, cutoff, None))
    rules = wish.rules or rules_for(context)
    if named[0] in rules.exclude:
        raise FootfallError(f"the rules exclude product '{named[0]}': it is shown to nobody")
    way = NEW if rules.new else ALL
    found = who_would_want(of, named[0], wish.top, way, sold_out=not rules.in_stock)
    n = len(found.customer)
    table = _rows(
        "prospects",
        {
            "product_id": [named[0]] * n, "rank": list(range(1, n + 1)), "place": found.place, "score": found.score,
            "customer_id": [str(c) for c in of.history.customers[found.customer]], "reason": found.reason,
            "task": [task.name] * n, "cutoff": [cutoff] * n, "model": [of.ranker.answer[way]] * n,
        },
    )  # fmt: skip
    write(context.engine, "prospects", table, {"product_id": named[0], "task": task.name})
    return table


WAYS: dict[str, Callable[[Context, Sequence[str], Wish], pa.Table]] = {
    "session": _session, "like": _like, "together": _together, "who": _who,
}  # fmt: skip


def _history(context: Context, wish: Wish) -> History:
    """The shop as known at the instant; that of the lists made last where it is the same."""
    for key, kept in context.kept.items():
        if key[0] == "scene" and key[1] == ITEMS and key[2] == (wish.at or context.clock(context.shape()).end):
            found: History = kept.history
            return found
    return read_history(context.engine, ITEMS, wish.at or context.clock(context.shape()).end, context.tz)


def _rows(table: str, told: dict[str, Any]) -> pa.Table:
    schema, stamp = schema_of(table), now()
    n = len(told["product_id"])
    columns = [pa.array(list(told[f.name]) if f.name in told else [stamp] * n, f.type) for f in schema]
    return pa.table(columns, schema=schema)
