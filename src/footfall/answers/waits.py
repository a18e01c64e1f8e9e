"""When each customer's next order comes: prepares, learns, calibrates, checks, answers and writes the tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from footfall.answers.context import Context, now
from footfall.answers.keep import Row, schema_of, write
from footfall.errors import FootfallError
from footfall.tabular import Plan, one_thread, prepare
from footfall.tabular.waits import EDGES, Waits, days, instants
from footfall.tasks import Task
from footfall.windows import orders

TASK = Task("next-order", "customer", orders.any(), f"{EDGES[0]}d", among=orders.any().past())


@dataclass(frozen=True)
class Waited:
    """Rows of `waits` and of `wait_checks`; `words` say how the check went."""

    table: pa.Table
    checks: list[Row]
    words: str


@one_thread()
def wait(context: Context, at: datetime | None = None, model: str = "boosted") -> Waited:
    """Answer for every customer with an order before `at` (default: the end of the data); writes both tables.

    Raises:
        FootfallError: the shop has no orders, the history is too short, or nobody ordered before `at`.
    """
    found = context.shape()
    if not found.has("orders"):
        raise FootfallError("when the next order comes is asked of orders, and the shop has none")
    clock = context.clock(found)
    score = at or clock.end
    grid = instants(TASK, score, clock, context.settings)
    if not grid:
        raise FootfallError(f"the history before {score:%Y-%m-%d} is too short to learn waits from")
    context.progress("features for when the next order comes")
    plan = Plan(TASK, score, tuple(grid), (), score)
    table = prepare(context.engine, [plan], found, context.tz, context.settings)
    waits = Waits(table, TASK, clock, context.settings, score, model)
    context.progress("learning when the next order comes")
    made, before = waits.calibrated(waits.learn(score))
    rows: list[pa.Table] = []
    for matrix in table.chunks(TASK, score):
        within = made.within(matrix)
        low, middle, high = days(within)
        n = matrix.rows
        columns = {
            "cutoff": matrix.table.column("cutoff").cast(pa.timestamp("us")),
            "customer_id": matrix.table.column("customer_id"),
            **{f"within_{edge}d": pa.array(within[:, i]) for i, edge in enumerate(EDGES)},
            "median_days": _open(middle),
            "lower_days": _open(low),
            "upper_days": _open(high),
            "made_at": pa.array([now()] * n, pa.timestamp("us")),
        }
        rows.append(pa.table(columns).select(schema_of("waits").names).cast(schema_of("waits")))
    if not sum(t.num_rows for t in rows):
        raise FootfallError(f"nobody ordered before {score:%Y-%m-%d}")
    told = pa.concat_tables(rows)
    write(context.engine, "waits", told, {"cutoff": score})
    checks: list[Row] = []
    words = "not checked: there is no earlier instant whose 91 days are over and that has a past to learn from"
    if before is not None:
        lines, inside = waits.check(score, before)
        checks = [{"cutoff": before.at, **vars(line), "inside": inside} for line in lines]
        said = ", ".join(f"{c.days} days {c.said:.1%} said, {c.came:.1%} came" for c in lines)
        words = (
            f"the same answer as of {before.at:%Y-%m-%d}, for {lines[0].rows:,} customers: {said}; "
            f"{inside:.0%} of waits lay within their interval (80% is aimed at)"
        )
    write(context.engine, "wait_checks", checks, {})
    return Waited(told, checks, words)


def _open(told: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> pa.Array:
    """Days, null where they lie beyond the last span."""
    return pa.array(told, mask=np.isnan(told))
