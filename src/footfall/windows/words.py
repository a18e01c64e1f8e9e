"""Features in the merchant's words."""

from __future__ import annotations

from dataclasses import dataclass

from footfall.windows.declare import Aggregate, Fact, Past, Ratio, Upcoming

_NOUNS = {
    "orders": ("order", "orders"),
    "lines": ("order line", "order lines"),
    "events": ("visit event", "visit events"),
    "reviews": ("review", "reviews"),
    "satisfaction": ("satisfaction score", "satisfaction scores"),
    "customers": ("record", "records"),
    "offers": ("offer", "offers"),
}
_EVENTS = {
    "view": ("product view", "product views"),
    "click": ("click", "clicks"),
    "add_to_cart": ("addition to the cart", "additions to the cart"),
    "remove_from_cart": ("removal from the cart", "removals from the cart"),
    "search": ("search", "searches"),
    "favourite": ("favourite", "favourites"),
    "purchase": ("purchase", "purchases"),
}
_COLUMNS = {
    "amount": "spend",
    "quantity": "units",
    "product_id": "products",
    "session_id": "visits",
    "day": "days",
}


@dataclass(frozen=True)
class Words:
    """`label` names the feature; `phrase` says one value (`{value}`); `missing` says that there is none."""

    label: str
    phrase: str
    missing: str


def noun(fact: Fact, within: str = "") -> tuple[str, str]:
    """Singular and plural of what a fact's rows are."""
    kinds = {c.column: c.value for c in fact.conditions if c.operator == "="}
    if fact.table == "events" and kinds.get("type") in _EVENTS:
        one, many = _EVENTS[str(kinds["type"])]
    elif fact.table == "events" and "type" in kinds:
        kind = str(kinds["type"]).replace("_", " ")
        one, many = f"'{kind}' event", f"'{kind}' events"
    elif kinds.get("kind") == "return":
        one, many = "return", "returns"
    else:
        one, many = _NOUNS.get(fact.table, (fact.table, fact.table))
    if fact.per is None:
        tail = _place(within, "this") if within else ""
    else:
        others = [k.removesuffix("_id") for k in fact.per if k != "customer_id"]
        tail = f"{_place(' and '.join(others), 'the')}, by anyone" if others else ""
    return one + tail, many + tail


def _place(what: str, which: str) -> str:
    return f" {'in' if what == 'category' else 'of'} {which} {what}"


def words(window: Past | Ratio | Upcoming, within: str = "") -> Words:
    """The words of one feature; `within` names what a window of a pair is about, as in "category"."""
    if isinstance(window, Upcoming):
        label = f"{window.column} days in the next {window.span.words}"
        return Words(label, f"{{value}} {label}", f"no {label}")
    if isinstance(window, Ratio):
        return _ratio(window, within)
    when = f" in the last {window.span.words}" if window.span else " so far"
    return _aggregate(window.aggregate, when, within)


def _aggregate(aggregate: Aggregate, when: str, within: str) -> Words:
    one, many = noun(aggregate.fact, within)
    column = _COLUMNS.get(aggregate.column or "", (aggregate.column or "").replace("_", " "))
    none = f"no {many}{when}"
    match aggregate.function:
        case "count":
            return Words(f"{many}{when}", f"{{value}} {many}{when}", none)
        case "any" | "none":
            return Words(f"{aggregate.function} {one}{when}", f"{aggregate.function} {one}{when}: {{value}}", none)
        case "sum":
            return Words(f"{column} of {many}{when}", f"{column} of {{value}} in {many}{when}", none)
        case "mean":
            return Words(f"mean {column} of {many}{when}", f"mean {column} of {{value}} per {one}{when}", none)
        case "min" | "max":
            word = "smallest" if aggregate.function == "min" else "largest"
            label = f"{word} {column} of {many}{when}"
            return Words(label, f"{label}: {{value}}", none)
        case "latest" | "earliest":
            if aggregate.fact.table == "customers":
                return Words(column, f"{column}: {{value}}", f"{column} unknown")
            word = "last" if aggregate.function == "latest" else "first"
            return Words(f"{column} of the {word} {one}", f"{column} of the {word} {one}: {{value}}", f"no {one} yet")
        case "nunique":
            return Words(f"different {column} in {many}{when}", f"{{value}} different {column} in {many}{when}", none)
        case "most_common" | "distinct":
            label = f"most frequent {column} in {many}{when}"
            return Words(label, f"{label}: {{value}}", none)
        case "share":
            what = " ".join(c.name.replace("_", " ") for c in aggregate.conditions)
            label = f"share of {many} with {what}{when}"
            return Words(label, f"{label}: {{value}}", none)
        case "recency":
            return Words(f"days since the last {one}", f"last {one} {{value}} days ago", f"no {one} yet")
        case "tenure":
            return Words(f"days since the first {one}", f"first {one} {{value}} days ago", f"no {one} yet")
        case "gap":
            return Words(
                f"usual days between {many}",
                f"usually {{value}} days between {many}",
                f"fewer than two {many}",
            )


def _ratio(window: Ratio, within: str) -> Words:
    one, many = noun(window.top.aggregate.fact, within)
    if window.top.aggregate.function == "recency" and window.bottom.aggregate.function == "gap":
        label = f"time since the last {one}, in usual gaps"
        return Words(label, f"{{value}} usual gaps since the last {one}", f"fewer than two {many}")
    if window.top.aggregate == window.bottom.aggregate and window.top.span and window.bottom.span:
        label = f"pace of {many}: last {window.top.span.words} against {window.bottom.span.words}"
        return Words(label, f"{label}: {{value}} times", f"no {many} in {window.bottom.span.words}")
    top, bottom = words(window.top, within).label, words(window.bottom, within).label
    return Words(f"{top} per {bottom}", f"{top} per {bottom}: {{value}}", f"no {bottom}")
