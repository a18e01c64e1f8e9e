"""What is told of one customer, judged field by field: each fault is one clear line."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from footfall.answers.context import Context
from footfall.errors import UsageError, did_you_mean
from footfall.spans import instant
from footfall.tables import TABLES
from footfall.tabular.single import past_of_customers
from footfall.tasks import Task
from footfall.windows import Feature, Past, Ratio

NEW = "new customer"
HISTORY = ("orders", "lines", "events", "reviews", "satisfaction")
"""Tables whose rows may be told as lists; a table that is not told is not known."""
_ATTRIBUTES = (
    "age", "birth_date", "income", "gender", "location", "profession", "loyalty_tier", "household", "channel",
)  # fmt: skip
_RANGES = {"age": (0.0, 120.0), "income": (0.0, math.inf)}
_ALIASES = {"at": "occurred_at", "date": "occurred_at"}


@dataclass(frozen=True)
class Told:
    """What is told of a customer, judged: attributes, values of features, rows of tables, and the key beside them."""

    attributes: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    history: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)


def judged(context: Context, task: Task, known: Sequence[Feature], given: Mapping[str, Any], cutoff: datetime) -> Told:
    """What is told, field by field. Raises UsageError for what cannot be meant."""
    told = Told()
    by_name = {f.name: f for f in known}
    others = [k for k in task.keys if k != "customer_id"]
    for name, value in given.items():
        if name in others:
            told.keys[name] = _member(context, name, value)
        elif name in _ATTRIBUTES:
            if value is not None:
                told.attributes[name] = _attribute(name, value, cutoff)
        elif name in HISTORY:
            told.history[name] = _rows(context, name, value, cutoff)
        elif name in by_name:
            if value is not None:
                told.values[name] = _feature(by_name[name], value)
        else:
            raise UsageError(_unknown(name, by_name, others))
    for key in others:
        if key not in told.keys:
            raise UsageError(f'{task.name} asks per {key.removesuffix("_id")}: say which, as in {{"{key}": "..."}}')
    _nested(context, told, cutoff)
    return told


def _unknown(name: str, by_name: Mapping[str, Feature], others: Sequence[str]) -> str:
    plain = [*_ATTRIBUTES, *HISTORY, *others]
    near = did_you_mean(name, [*plain, *by_name])
    if "did you mean" in near:
        return f"there is no field '{name}'{near}"
    return (
        f"there is no field '{name}'; known: {', '.join(plain)}, and the features by name "
        "(docs/reference/features.md lists them)"
    )


def _member(context: Context, key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{key} is a text, not {_kind(value)}")
    if not context.engine.value(f"select count(*) from lines where {key} = ?", [value]):
        found = context.engine.rows(
            f"select {key} from lines where {key} is not null group by 1 order by count(*) desc limit 200"
        )
        names = [str(r[0]) for r in found]
        near = did_you_mean(value, names)
        known = near if "did you mean" in near else f"; the busiest: {', '.join(names[:8])}"
        raise UsageError(f"the shop has sold nothing of the {key.removesuffix('_id')} '{value}'{known}")
    return value


def _attribute(name: str, value: Any, cutoff: datetime) -> Any:
    if name == "birth_date":
        try:
            born = date.fromisoformat(value) if isinstance(value, str) else value
            assert isinstance(born, date)
        except (ValueError, AssertionError):
            raise UsageError(f"birth_date is a day such as 1990-05-17, not {_shown(value)}") from None
        if not 0 <= (cutoff.date() - born).days / 365.25 <= 120:
            raise UsageError(f"birth_date {born} makes nobody of 0 to 120 years on {cutoff:%Y-%m-%d}")
        return born
    if name in _RANGES:
        return _number(name, value, *_RANGES[name])
    if not isinstance(value, str):
        raise UsageError(f"{name} is a text, not {_kind(value)}")
    return value


def _feature(feature: Feature, value: Any) -> Any:
    name = feature.name
    if feature.text:
        if not isinstance(value, str):
            raise UsageError(f"{name} is a text, not {_kind(value)}")
        return value
    if isinstance(value, bool) and not isinstance(feature.window, Past):
        raise UsageError(f"{name} is a number, not {_kind(value)}")
    window = feature.window
    function = (
        window.aggregate.function if isinstance(window, Past) else "ratio" if isinstance(window, Ratio) else "count"
    )
    if function in ("any", "none"):
        if not isinstance(value, bool):
            raise UsageError(f"{name} is true or false, not {_kind(value)}")
        return value
    column = past_of_customers(feature)
    low, high = _RANGES.get(column or "", (-math.inf, math.inf))
    if function in ("count", "nunique", "recency", "tenure", "gap", "ratio"):
        low = 0.0
    elif function == "share":
        low, high = 0.0, 1.0
    return _number(name, value, low, high)


def _number(name: str, value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UsageError(f"{name} is a number, not {_kind(value)}")
    if not low <= value <= high:
        span = f"{low:g} to {high:g}" if math.isfinite(high) else f"{low:g} or more"
        raise UsageError(f"{name} is {span}, not {value:g}")
    return float(value)


def _kind(value: Any) -> str:
    kinds: dict[type, str] = {
        str: f"the text '{value}'", bool: str(value).lower(), list: "a list", dict: "an object", type(None): "nothing",
    }  # fmt: skip
    return kinds.get(type(value), f"{value}")


def _shown(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else _kind(value)


def _rows(context: Context, table: str, value: Any, cutoff: datetime) -> list[dict[str, Any]]:
    """Rows of a table, each dated before the cutoff. Raises UsageError for what the table cannot hold."""
    if not isinstance(value, list):
        raise UsageError(f'{table} is a list of objects, as in [{{"at": "2026-05-17"}}], not {_kind(value)}')
    types = {c.name: c.type for c in TABLES[table].columns}
    rows = []
    for number, one in enumerate(value, start=1):
        place = f"{table}, {number}"
        if not isinstance(one, dict):
            raise UsageError(f"{place}: an object is wanted, not {_kind(one)}")
        row: dict[str, Any] = {}
        for name, cell in one.items():
            column = _ALIASES.get(name, name)
            if table == "orders" and column == "lines":
                row["lines"] = cell
                continue
            if column not in types:
                raise UsageError(f"{place}: there is no field '{name}'{did_you_mean(name, ['at', *types])}")
            row[column] = _cell(context, f"{place}: {name}", types[column], cell)
        if "occurred_at" not in row:
            raise UsageError(f'{place}: say when it was, as in "at": "2026-05-17"')
        if row["occurred_at"] >= cutoff:
            raise UsageError(
                f"{place}: {row['occurred_at']:%Y-%m-%d %H:%M} is not before {cutoff:%Y-%m-%d}, which is answered for"
            )
        row["known_at"] = row.get("known_at") or row["occurred_at"]
        rows.append(_filled(table, number, row))
    return rows


def _filled(table: str, number: int, row: dict[str, Any]) -> dict[str, Any]:
    """What a row has in any shop, though nobody would say it."""
    if table == "orders":
        row.setdefault("order_id", f"{NEW} {number}")
    elif table == "lines":
        row.setdefault("kind", "sale")
        row.setdefault("quantity", 1.0)
    elif table == "events":
        row.setdefault("event_id", f"{NEW} {number}")
        row.setdefault("type", "view")
        row.setdefault("session_id", f"{NEW} {row['occurred_at']:%Y-%m-%d}")
    return row


def _cell(context: Context, place: str, type_: str, value: Any) -> Any:
    if value is None:
        return None
    if type_.startswith("TIMESTAMP"):
        if not isinstance(value, str):
            raise UsageError(f"{place} is an instant such as 2026-05-17 or 2026-05-17 14:30, not {_kind(value)}")
        return instant(value, context.tz)
    if type_ == "VARCHAR":
        if not isinstance(value, str):
            raise UsageError(f"{place} is a text, not {_kind(value)}")
        return value
    return _number(place, value, -math.inf, math.inf)


def _nested(context: Context, told: Told, cutoff: datetime) -> None:
    """Lines told inside their orders become rows of `lines`; no orders at all means no lines either."""
    orders = told.history.get("orders")
    if orders is None:
        return
    inside: list[dict[str, Any]] = []
    for order in orders:
        for line in order.pop("lines", None) or []:
            if not isinstance(line, dict):
                raise UsageError(f"orders: lines hold objects, not {_kind(line)}")
            inside += _rows(context, "lines", [line], cutoff) if "at" in line else _dated(context, line, order, cutoff)
    if inside or not orders:
        told.history["lines"] = [*told.history.get("lines", []), *inside]


def _dated(context: Context, line: dict[str, Any], order: Mapping[str, Any], cutoff: datetime) -> list[dict[str, Any]]:
    """A line without an instant of its own has its order's."""
    (row,) = _rows(context, "lines", [{**line, "at": "1900-01-01"}], cutoff)
    return [{**row, "occurred_at": order["occurred_at"], "known_at": order["known_at"], "order_id": order["order_id"]}]


def read_given(text: str) -> dict[str, Any]:
    """The JSON object of `--for`. Raises UsageError, saying where it breaks."""
    try:
        given = json.loads(text)
    except ValueError as error:
        raise UsageError(
            f'what is told of the customer is no JSON ({error}); write it as in \'{{"age": 34, "gender": "F"}}\''
        ) from None
    if not isinstance(given, dict):
        raise UsageError(f"what is told of the customer is a JSON object, not {_kind(given)}")
    return given
