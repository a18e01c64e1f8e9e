"""`"orders.any().past('365d')"` as text, read without running it."""

from __future__ import annotations

import ast
from typing import Any

from footfall.errors import UsageError, did_you_mean
from footfall.windows import FACTS, Aggregate, Fact, Past, fact

_FACT_METHODS = (
    "where", "by", "any", "none", "count", "sum", "mean", "min", "max", "latest", "earliest", "distinct", "nunique",
    "most_common", "share", "recency", "tenure", "gap",
)  # fmt: skip
_METHODS: dict[type, tuple[str, ...]] = {
    Fact: _FACT_METHODS,
    Aggregate: ("past", "every", "each"),
    Past: ("at_least",),
}


def parse_expression(text: str) -> Any:
    """A fact, aggregate or window of the past from its text. Raises UsageError, naming the place, when it is none."""
    if not isinstance(text, str):
        raise UsageError(f'cannot read {text!r}; write a chain as text, such as "orders.any()"')
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        return _value(tree, text)
    except SyntaxError as error:
        raise UsageError(f"cannot read '{text}': {error.msg} at character {error.offset}") from None
    except (ValueError, RecursionError, MemoryError):
        raise UsageError(
            f"cannot read '{text[:80]}'; write a chain such as orders.where(channel='web').any()"
        ) from None


def _value(node: ast.expr, text: str) -> Any:
    if isinstance(node, ast.Name):
        if node.id not in FACTS:
            raise UsageError(f"in '{text}': there is no fact '{node.id}'{did_you_mean(node.id, FACTS)}")
        return fact(node.id)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        owner = _value(node.func.value, text)
        methods = _METHODS.get(type(owner), ())
        if node.func.attr not in methods:
            raise UsageError(f"in '{text}': no '.{node.func.attr}()' here{did_you_mean(node.func.attr, methods)}")
        try:
            arguments = [ast.literal_eval(a) for a in node.args]
            named = {str(k.arg): ast.literal_eval(k.value) for k in node.keywords}
        except (ValueError, TypeError):
            raise UsageError(f"in '{text}': only plain values may stand as arguments") from None
        try:
            return getattr(owner, node.func.attr)(*arguments, **named)
        except TypeError as error:
            raise UsageError(f"in '{text}': {error}") from None
    raise UsageError(f"cannot read '{text}'; write a chain such as orders.where(channel='web').any()")
