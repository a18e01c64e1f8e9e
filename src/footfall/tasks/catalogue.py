"""The catalogue of tasks; one line adds one. A user's `tasks.toml` beside the shop adds more."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

from footfall.errors import FootfallError, UsageError, did_you_mean
from footfall.tasks.expression import parse_expression
from footfall.tasks.task import Task
from footfall.windows import Past, lines, orders, reviews, satisfaction, series

CATALOGUE: dict[str, Task] = {
    t.name: t
    for t in [
        Task("buy-7d", "customer", orders.any(), "7d", among=orders.any().past()),
        Task("buy-30d", "customer", orders.any(), "30d", among=orders.any().past()),
        Task(
            "buy-category-30d",
            ("customer", "category"),
            lines.where(kind="sale").any(),
            "30d",
            among=orders.by("customer_id").any().past("365d"),
        ),
        Task("churn-90d", "customer", orders.none(), "90d", among=orders.any().past("365d")),
        Task("become-customer-30d", "customer", orders.any(), "30d", among=orders.none().past()),
        Task("spend-90d", "customer", orders.sum("amount"), "90d", among=orders.any().past()),
        Task("satisfaction-90d", "customer", reviews.mean("rating"), "90d", among=orders.any().past("90d")),
        Task("satisfaction-score-90d", "customer", satisfaction.mean("score"), "90d", among=orders.any().past("90d")),
        Task(
            "next-items-30d",
            "customer",
            lines.where(kind="sale").distinct("product_id"),
            "30d",
            among=orders.any().past(),
        ),
        Task(
            "next-categories-30d",
            "customer",
            lines.where(kind="sale").distinct("category"),
            "30d",
            among=orders.any().past(),
        ),
        Task("revenue-total-90d", "all", lines.sum("amount").every("1d"), "90d"),
        Task("revenue-category-30d", "category", lines.sum("amount").every("1d"), "30d"),
        Task("revenue-channel-30d", "channel", orders.sum("amount").every("1d"), "30d"),
        Task("units-category-4w", "category", lines.where(kind="sale").sum("quantity").every("7d"), "4w"),
        Task("series-value-4w", "series", series.sum("value").every("7d"), "4w"),
        Task("units-product-8w", "product", lines.where(kind="sale").sum("quantity").every("7d"), "8w"),
    ]
}


def find_task(name: str, more: Iterable[Task] = ()) -> Task:
    """The task called `name`. Raises UsageError, with the nearest name, when there is none."""
    known = {**CATALOGUE, **{t.name: t for t in more}}
    if name not in known:
        raise UsageError(f"there is no task '{name}'{did_you_mean(name, known)}")
    return known[name]


def tasks_from_toml(path: Path) -> list[Task]:
    """The tasks of a file such as

        [tasks.big-order-30d]
        entity = "customer"                       # or ["customer", "category"]
        target = "orders.where('amount', '>=', 100).any()"
        horizon = "30d"
        among = "orders.any().past('365d')"       # or a list of them; left out: everyone known before the cutoff

    Raises:
        FootfallError: the file is no TOML, or a task lacks a part.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FootfallError(f"cannot read '{path}': {error}") from None
    parts = {"entity", "target", "horizon", "among"}
    found = []
    for word in document:
        if word != "tasks":
            raise FootfallError(f"{path}: there is no part '{word}'{did_you_mean(word, ['tasks'])}")
    tasks = document.get("tasks", {})
    if not isinstance(tasks, dict):
        raise FootfallError(f"{path}: 'tasks' holds tables such as [tasks.big-order-30d]")
    for name, body in tasks.items():
        if not isinstance(body, dict):
            raise FootfallError(f"{path}: 'tasks' holds tables such as [tasks.big-order-30d], not {name} = {body!r}")
        missing = sorted({"entity", "target", "horizon"} - set(body))
        if missing:
            raise FootfallError(f"{path}: task '{name}' lacks {', '.join(missing)}")
        for part in body:
            if part not in parts:
                raise FootfallError(f"{path}: task '{name}' has no part '{part}'{did_you_mean(part, parts)}")
        among = body.get("among", [])
        texts = among if isinstance(among, list) else [among]
        entity = tuple(str(e) for e in (body["entity"] if isinstance(body["entity"], list) else [body["entity"]]))
        try:
            conditions: tuple[Past, ...] = tuple(parse_expression(t) for t in texts)
            found.append(Task(name, entity, parse_expression(body["target"]), body["horizon"], conditions))
        except UsageError as error:
            place = "" if f"task '{name}'" in str(error) else f"task '{name}': "
            raise FootfallError(f"{path}: {place}{error}") from None
    return found
