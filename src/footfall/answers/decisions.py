"""What to do about the answers: what to order, what to promote, and whether forecast and customers agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from footfall.answers.context import Context
from footfall.answers.keep import Row, read_toml, write
from footfall.decide import Sides, agreement, demand_leads, restock, restocking
from footfall.errors import FootfallError


def restock_shop(context: Context, given: Mapping[str, Any], shop_toml: Path) -> list[Row]:
    """Write and return `restock`: by the settings `given`, before those of `[restock]` in `shop.toml`.

    Raises:
        UsageError: a setting that makes no sense.
        FootfallError: no forecast per product yet, or `shop.toml` is no TOML.
    """
    found = read_toml(shop_toml).get("restock", {})
    said = dict(found) if isinstance(found, Mapping) else {}
    if {"holding_cost", "lost_sale_cost"} & set(given):
        said.pop("service_level", None)
    elif "service_level" in given:
        said = {k: v for k, v in said.items() if k not in ("holding_cost", "lost_sale_cost")}
    rows = restock(context.engine, restocking({**said, **given}))
    write(context.engine, "restock", rows, {})
    return rows


def decide(context: Context, shop_toml: Path) -> dict[str, str]:
    """Write `restock`, `demand_leads` and `agreement`; table -> why it could not be, of those that could not."""
    missing: dict[str, str] = {}
    try:
        restock_shop(context, {}, shop_toml)
    except FootfallError as error:
        missing["restock"] = str(error)
    works: dict[str, Callable[[], list[Row]]] = {
        "demand_leads": lambda: demand_leads(context.engine),
        "agreement": lambda: agreement(context.engine, Sides(tz=context.tz)),
    }
    for table, work in works.items():
        try:
            write(context.engine, table, work(), {})
        except FootfallError as error:
            missing[table] = str(error)
    return missing
