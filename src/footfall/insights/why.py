"""Why a purchase comes about or not: the way from a first look to the purchase, and what distinguishes buyers.

One journey is a customer and a product (or a category, where events name no products): from the first look in the
span, over the cart, to the purchase. All journeys get the same time, so that late ones do not count as given up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from footfall.engine import Query, literal
from footfall.errors import FootfallError
from footfall.insights.differences import BUYERS_DIFFER
from footfall.insights.insight import Chart, Ground, Insight, Row
from footfall.insights.who import age_group, ages, details_sql
from footfall.spans import shift, span

TIME = span("14d")
"""How long a journey may take from the first look."""
LOOKS = span("90d")
"""Over how long first looks are counted."""
_CART, _LOOKING = ("add_to_cart", "favourite"), ("view", "click")
_MOST = 10


def cart_step(ground: Ground) -> str:
    """The event that stands for the cart: `add_to_cart`, else `favourite`. Raises FootfallError without either."""
    for kind in _CART:
        if kind in ground.shape.event_types:
            return kind
    raise FootfallError("the shop's events have no step between a look and a purchase (add_to_cart or favourite)")


def _look(ground: Ground) -> str:
    for kind in _LOOKING:
        if kind in ground.shape.event_types:
            return kind
    raise FootfallError("the shop's events hold no looks (view or click)")


def _thing(ground: Ground) -> str:
    has = ground.shape.has
    for column in ("product_id", "category"):
        if has("events", column) and (has("lines", column) or "purchase" in ground.shape.event_types):
            return column
    raise FootfallError("neither products nor categories stand in both events and order lines")


def _purchases(ground: Ground, thing: str) -> str:
    if ground.shape.has("lines", thing):
        return f"select customer_id, {thing} as thing, occurred_at\nfrom lines\nwhere kind = 'sale'"
    return f"select customer_id, {thing} as thing, occurred_at\nfrom events\nwhere type = 'purchase'"


def journeys(ground: Ground) -> Query:
    """Steps up to `journeys`: customer_id, thing, category, seen_at, carted_at, bought_at (each after the one before).

    `straight_at` is a purchase after the look whether or not it went over the cart.
    """
    look, cart, thing = _look(ground), cart_step(ground), _thing(ground)
    last = shift(ground.end, TIME, -1, ground.tz)
    first = shift(last, LOOKS, -1, ground.tz)
    category = "any_value(category)" if ground.shape.has("events", "category") else "null"
    within = f"and occurred_at >= {literal(first)} and occurred_at < {literal(ground.end)}"
    deadline = f"j.seen_at + to_days({round(TIME.days)})"
    return (
        Query()
        .then(
            "looked",
            f"-- first looks between {first:%Y-%m-%d} and {last:%Y-%m-%d}\n"
            f"select customer_id, {thing} as thing, min(occurred_at) as seen_at, {category} as category\nfrom events\n"
            f"where type = '{look}' and customer_id is not null and {thing} is not null\n"
            f"  and occurred_at >= {literal(first)} and occurred_at < {literal(last)}\ngroup by 1, 2",
        )
        .then(
            "carted",
            "select j.customer_id, j.thing, min(e.occurred_at) as carted_at\nfrom looked j\n"
            f"join events e on e.customer_id = j.customer_id and e.{thing} = j.thing\n"
            f"  and e.occurred_at >= j.seen_at and e.occurred_at < {deadline}\n"
            f"where e.type = '{cart}' {within.replace('occurred_at', 'e.occurred_at')}\ngroup by 1, 2",
        )
        .then("purchases", f"{_purchases(ground, thing)} and customer_id is not null {within}")
        .then(
            "bought",
            "select j.customer_id, j.thing, min(p.occurred_at) as straight_at,\n"
            "  min(case when p.occurred_at >= c.carted_at then p.occurred_at end) as bought_at\n"
            "from looked j\njoin purchases p on p.customer_id = j.customer_id and p.thing = j.thing\n"
            f"  and p.occurred_at >= j.seen_at and p.occurred_at < {deadline}\n"
            "left join carted c on c.customer_id = j.customer_id and c.thing = j.thing\ngroup by 1, 2",
        )
        .then(
            "journeys",
            "select j.*, c.carted_at, b.bought_at, b.straight_at\nfrom looked j\n"
            "left join carted c on c.customer_id = j.customer_id and c.thing = j.thing\n"
            "left join bought b on b.customer_id = j.customer_id and b.thing = j.thing",
        )
    )


def funnel(ground: Ground) -> str:
    """Journeys that reach each step, by segment, with the median hours between the steps."""
    query = journeys(ground).then(
        "firsts", "select customer_id, min(occurred_at) as first_order\nfrom orders\ngroup by customer_id"
    )
    parts = {"all": "'all'"}
    if ground.shape.has("events", "category"):
        parts["category"] = "j.category"
    parts["customer"] = "case when f.first_order < j.seen_at then 'ordered before' else 'no order before' end"
    age = ages(ground)
    if age:
        parts["age"] = age_group(age)
    for column in ("gender", "loyalty_tier", "channel"):
        if ground.shape.has("customers", column):
            parts[column] = f"c.{column}"
    selects = [
        f"select {literal(name)} as dimension, coalesce(cast({sql} as varchar), 'not stated') as segment, j.*\n"
        "from journeys j\n"
        "left join firsts f on f.customer_id = j.customer_id\n"
        + ("left join details c on c.customer_id = j.customer_id\n" if "c." in sql else "")
        for name, sql in parts.items()
    ]
    hours = "median(days_between({}, {})) * 24"
    if "age" in parts or any("c." in sql for sql in parts.values()):
        query = query.then("details", details_sql(ground))
    query = query.then("split", "\nunion all\n".join(s.strip() for s in selects)).then(
        "answer",
        "select dimension, segment, count(*) as looked, count(carted_at) as carted,\n"
        "  count(bought_at) as bought, count(straight_at) - count(bought_at) as bought_without_cart,\n"
        "  count(carted_at) / count(*) as look_to_cart,\n"
        "  count(bought_at) / nullif(count(carted_at), 0) as cart_to_purchase,\n"
        "  count(straight_at) / count(*) as look_to_purchase,\n"
        f"  {hours.format('seen_at', 'carted_at')} as hours_to_cart,\n"
        f"  {hours.format('carted_at', 'bought_at')} as hours_to_purchase\n"
        "from split\ngroup by 1, 2\n"
        f"qualify row_number() over (partition by dimension order by count(*) desc, segment) <= {_MOST}",
    )
    return f"{query.sql()}\norder by list_position({list(parts)}, dimension), looked desc, segment"


def funnel_words(rows: Sequence[Row], ground: Ground) -> str:
    thing = "product" if _thing(ground) == "product_id" else "category"
    cart = "favourite" if cart_step(ground) == "favourite" else "cart"
    if not rows:
        return f"There is no way to tell of. Nobody looked at a {thing} in the {LOOKS.words} counted."
    whole = rows[0]
    first = (
        f"Of {whole['looked']:,} first looks of a customer at a {thing}, {whole['look_to_cart']:.1%} led to the {cart} "
        f"and {(whole['cart_to_purchase'] or 0):.1%} of those to a purchase, within {TIME.words}"
    )
    lost = whole["looked"] - whole["carted"], whole["carted"] - whole["bought"]
    where = "before the cart" if lost[0] * (whole["carted"] or 1) > lost[1] * whole["looked"] else "in the cart"
    pace = ""
    if whole["hours_to_purchase"] is not None:
        pace = f"; from cart to purchase half take under {_long(whole['hours_to_purchase'])}"
    return f"{first}{pace}. The larger share is lost {where}; {whole['bought_without_cart']:,} bought without a cart."


def _long(hours: float) -> str:
    if hours < 2:
        minutes = max(1, math.ceil(60 * hours))
        return "a minute" if minutes == 1 else f"{minutes} minutes"
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"


def _steps(rows: Sequence[Row]) -> Sequence[Row]:
    whole = [r for r in rows if r["dimension"] == "all"]
    return [{"label": step, "value": r[step]} for r in whole for step in ("looked", "carted", "bought")]


INSIGHTS = (
    Insight(
        "funnel",
        "Where are customers lost between a look and a purchase?",
        """
        dimension VARCHAR what the journeys are split by: all, category, customer, age, ...
        segment VARCHAR segment of it
        looked BIGINT journeys: a customer's first look at a product
        carted BIGINT of them went on to the cart
        bought BIGINT of those went on to buy
        bought_without_cart BIGINT of the journeys that bought without the cart
        look_to_cart DOUBLE carted / looked
        cart_to_purchase DOUBLE bought / carted
        look_to_purchase DOUBLE all purchases / looked
        hours_to_cart DOUBLE median hours from look to cart
        hours_to_purchase DOUBLE median hours from cart to purchase
        """,
        funnel,
        funnel_words,
        ("events", "lines"),
        charts=(Chart("bars", "From look to purchase", _steps, {"title": "Journeys"}),),
    ),
    BUYERS_DIFFER,
)
