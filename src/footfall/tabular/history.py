"""Which features say how a customer bought so far, for models that ask (`asks`, see `footfall.models.contract`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from footfall.tasks import Task
from footfall.windows import orders

_BOUGHT = (orders.nunique("day"), orders.recency(), orders.tenure())


def told(task: Task, names: Sequence[str]) -> dict[str, Any]:
    """Settings for a model that asks: the horizon in days, the features of the history, and what the target is of it.

    Empty where the target is not a customer's buying as such (a category's, an event), or a feature is not there.
    """
    aggregate = task.target
    counted = aggregate.function in ("any", "none", "count", "nunique", "sum")
    named = dict(zip(("frequency", "recency", "tenure"), (a.past().name for a in _BOUGHT), strict=True))
    of_orders = aggregate.fact.table == "orders" and not aggregate.fact.conditions
    if task.keys != ("customer_id",) or not counted or not of_orders or not set(named.values()) <= set(names):
        return {}
    found = {**named, "horizon": float(task.span.days), "none": aggregate.function == "none"}
    if aggregate.past().name in names:
        found["measure"] = aggregate.past().name
    # Who was chosen by what they bought lately has not a typical history.
    chosen = [p for p in task.population if p.span is not None or p.minimum is not None or p.aggregate.fact.conditions]
    return {**found, "histories": not chosen}
