"""The same question asked of customers as resolved, as known at the time, and as the sources number them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from footfall.answers.context import Context
from footfall.answers.keep import Row, write
from footfall.answers.work import backtest_task, reading, ready
from footfall.errors import UsageError, did_you_mean
from footfall.evaluate import Backtest
from footfall.tabular import Budget
from footfall.tasks import Task
from footfall.windows import IDENTITIES, identity_as

TOLD = ("auc", "average_precision", "log_loss", "rmse", "wape", "total_bias")


def backtest_as(
    context: Context,
    task: Task,
    models: Sequence[str],
    tests: int,
    identity: str,
    folds: int = 0,
    budget: Budget | None = None,
) -> Backtest:
    """Backtest a task with facts keyed by an identity, see `IDENTITIES`; the rest as `backtest_task`.

    Raises:
        UsageError: there is no such identity.
        FootfallError: the history is too short.
    """
    if identity not in IDENTITIES:
        raise UsageError(f"there is no identity '{identity}'{did_you_mean(identity, IDENTITIES)}")
    keyed = reading(replace(context, settings=replace(context.settings, identity=identity)), models)
    return backtest_task(keyed, ready(keyed, [task], tests=tests)[task.name], models, folds=folds, budget=budget)


def identity_effect(context: Context, task: Task, tests: int, model: str = "boosted") -> pa.Table:
    """Write and return `identity_effect`: customers, repeat rate and the metrics of one model, by each identity.

    Customers and repeat rate are of today's orders; "as-of" has today's there, since its cutoff is the end of the data.
    The evaluations that stay are today's.
    """
    rows: list[Row] = []
    for identity in ("raw", "as-of", "today"):
        done = backtest_as(context, task, ["baseline", model], tests, identity)
        with identity_as(context.engine, identity, None if identity == "today" else context.clock(context.shape()).end):
            counted = context.engine.rows(
                "select count(*), avg(cast(n > 1 as integer)) from "
                "(select count(distinct order_id) as n from orders where customer_id is not null group by customer_id)"
            )[0]
        told: Row = {"task": task.name, "identity": identity}
        rows += [told | {"measure": "customers who ordered", "value": float(counted[0])}]
        rows += [told | {"measure": "of them, who ordered again", "value": float(counted[1] or 0)}]
        rows += [
            told | {"measure": e["metric"], "value": e["value"], "lower": e["lower"], "upper": e["upper"]}
            for e in done.evaluations
            if e["cutoff"] is None and e["model"] == model and e["metric"] in TOLD
        ]
    write(context.engine, "identity_effect", rows, {"task": task.name})
    name = task.name.replace("'", "''")
    return context.engine.fetch(f"select * from identity_effect where task = '{name}' order by measure, identity")
