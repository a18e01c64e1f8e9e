"""Features in the merchant's words."""

from __future__ import annotations

from dataclasses import dataclass

from footfall.windows.declare import Aggregate, Fact, Past, Ratio, Upcoming

_NOUNS = {
    "orders": ("order", "orders"),
    "lines": ("order line", "order lines"),
    "events": ("visit", "actions on the site"),
    "reviews": ("review", "reviews"),
    "satisfaction": ("satisfaction score", "satisfaction scores"),
    "customers": ("record", "records"),
    "offers": ("offer", "offers"),
}
_LINES = {"sale": ("item bought", "items bought"), "return": ("return", "returns")}
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
    "amount": "value",
    "quantity": "units",
    "product_id": "products",
    "customer_id": "customers",
    "session_id": "visits",
    "day": "days",
    "length": "characters",
    "category": "categories",
    "brand": "brands",
}
_SHARES = {
    ("orders", "discount_above_0"): "orders with a discount",
    ("orders", "weekday_6_or_7"): "orders at the weekend",
    ("orders", "hour_from_18"): "orders in the evening",
    ("lines", "return"): "items sent back",
}
_SOUNDS = {
    "mean": "stars that reviews sound like, on average",
    "min": "stars that the worst sounding review sounds like",
    "max": "stars that the best sounding review sounds like",
    "latest": "stars that the last review sounds like",
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
    elif fact.table == "lines" and kinds.get("kind") in _LINES:
        one, many = _LINES[str(kinds["kind"])]
    else:
        one, many = _NOUNS.get(fact.table, (fact.table, fact.table))
    tail = _tail(fact, within)
    return one + tail, many + tail


def _tail(fact: Fact, within: str) -> str:
    """Where: in this category (of a pair), in the category by all customers, or nothing."""
    if fact.per is None:
        return _place(within, "this") if within else ""
    others = [k.removesuffix("_id") for k in fact.per if k != "customer_id"]
    return f"{_place(' and '.join(others), 'the')} by all customers" if others else ""


def _place(what: str, which: str) -> str:
    return f" {'in' if what == 'category' else 'of'} {which} {what}"


def _last(window: Past) -> str:
    """`in the last 30 days`, `in the last day`."""
    return f"in the last {window.span.words.removeprefix('1 ')}" if window.span else "so far"


def words(window: Past | Ratio | Upcoming, within: str = "") -> Words:
    """The words of one feature; `within` names what a window of a pair is about, as in "category"."""
    if isinstance(window, Upcoming):
        what = "holidays" if window.column == "holiday" else f"{window.column} days"
        label = f"{what} in the next {window.span.words}"
        return Words(label, f"{{value}} {label}", f"no {label}")
    if isinstance(window, Ratio):
        return _ratio(window, within)
    return _aggregate(window.aggregate, f" {_last(window)}", within)


def _aggregate(aggregate: Aggregate, when: str, within: str) -> Words:
    one, many = noun(aggregate.fact, within)
    column = (aggregate.column or "").replace("_", " ")
    none = f"no {many}{when}"
    if aggregate.column == "sentiment" and aggregate.function in _SOUNDS:
        return _named(_SOUNDS[aggregate.function] + when, f"no review read{when}")
    match aggregate.function:
        case "count":
            return Words(f"{many}{when}", f"{{value}} {many}{when}", none)
        case "any" | "none":
            return Words(f"{aggregate.function} {one}{when}", f"{aggregate.function} {one}{when}: {{value}}", none)
        case "sum":
            return _sum(aggregate, when, within, none)
        case "mean" | "min" | "max":
            word = {"mean": "average", "min": "smallest", "max": "largest"}[aggregate.function]
            return _named(f"{word} {_of(aggregate, one)}{when}", none)
        case "latest" | "earliest":
            if (aggregate.fact.table, aggregate.column) == ("customers", "birth_date"):
                return Words("age by birth date", "aged {value}", "birth date unknown")
            if aggregate.fact.table == "customers":
                return Words(column, f"{column}: {{value}}", f"{column} unknown")
            word = "last" if aggregate.function == "latest" else "first"
            if _is_the_row(aggregate):
                return _named(f"{word} {one}", f"no {one} yet")
            what = _COLUMNS.get(aggregate.column or "", column)
            return _named(f"{what} of the {word} {one}", f"no {one} yet")
        case "nunique":
            label = _different(aggregate, one, many)
            return Words(f"{label}{when}", f"{{value}} {label}{when}", none)
        case "most_common" | "distinct":
            return _named(f"most frequent {column} in {many}{when}", none)
        case "share":
            what = " ".join(c.name for c in aggregate.conditions)
            known = _SHARES.get((aggregate.fact.table, what)) if not aggregate.fact.conditions else None
            if aggregate.fact.table == "reviews" and what.startswith("topic_"):
                known = f"reviews about {what.replace('_', ' ')}"
            told = f"{known}{_tail(aggregate.fact, within)}" if known else f"{many} with {what.replace('_', ' ')}"
            return Words(f"share of {told}{when}", f"{{value}} of {told}{when}", none)
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


def _named(label: str, missing: str) -> Words:
    return Words(label, f"{label}: {{value}}", missing)


def _is_the_row(aggregate: Aggregate) -> bool:
    """A satisfaction score has a score: the row and the number are one."""
    return (aggregate.fact.table, aggregate.column) == ("satisfaction", "score")


def _of(aggregate: Aggregate, one: str) -> str:
    """`order value`, `rating of a review`."""
    if _is_the_row(aggregate):
        return one
    if (aggregate.fact.table, aggregate.column) == ("orders", "amount"):
        return one.replace("order", "order value", 1)
    column = (aggregate.column or "").replace("_", " ")
    return f"{_COLUMNS.get(aggregate.column or '', column)} per {one}"


def _sum(aggregate: Aggregate, when: str, within: str, none: str) -> Words:
    fact, many = aggregate.fact, noun(aggregate.fact, within)[1]
    sold = not fact.conditions or {c.value for c in fact.conditions} == {"sale"}
    if aggregate.column == "amount" and fact.table in ("orders", "lines") and sold:
        where = (" on items" if fact.table == "lines" else "") + _tail(fact, within) + when
        return Words(f"spend{where}", f"spend of {{value}}{where}", none)
    if aggregate.column == "quantity" and fact.table == "lines" and many.startswith("items bought"):
        label = many.replace("items", "units", 1) + when
        return Words(label, f"{{value}} {label}", none)
    column = _COLUMNS.get(aggregate.column or "", (aggregate.column or "").replace("_", " "))
    return Words(f"{column} of {many}{when}", f"{column} of {{value}} in {many}{when}", none)


def _different(aggregate: Aggregate, one: str, many: str) -> str:
    """`days with an order`, `visits`, `different products bought`."""
    column = aggregate.column or ""
    plain = {c.column for c in aggregate.fact.conditions} <= {"kind"}
    things = _COLUMNS.get(column, f"{column.replace('_', ' ')} values")
    if column == "session_id" and plain:
        return many.replace("actions on the site", "visits", 1)
    if column in ("day", "session_id"):
        return f"{things} with {'an' if one[0] in 'aeiou' else 'a'} {one}"
    if many.startswith("items bought"):
        if column == "customer_id":
            return f"customers who {many.removeprefix('items ').removesuffix(' by all customers')}"
        return many.replace("items", f"different {things}", 1)
    if aggregate.fact.table == "events" and plain:
        return many.replace("actions on the site", f"different {things} looked at", 1)
    return f"different {things} in {many}"


def _ratio(window: Ratio, within: str) -> Words:
    one, many = noun(window.top.aggregate.fact, within)
    top, bottom = window.top, window.bottom
    if top.aggregate.function == "recency" and bottom.aggregate.function == "gap":
        label = f"time since the last {one}, in usual gaps"
        return Words(label, f"{{value}} times the usual gap since the last {one}", f"fewer than two {many}")
    if top.aggregate == bottom.aggregate and top.span and bottom.span:
        pace = words(top, within).label
        label = f"pace of {many}: {top.span.words} against {bottom.span.words}"
        return Words(label, f"{pace}: {{value}} times the pace of the last {bottom.span.words}",
                     words(bottom, within).missing)  # fmt: skip
    over, under = words(top, within).label, words(bottom, within).label
    return Words(f"{over} per {under}", f"{over} per {under}: {{value}}", f"no {under}")
