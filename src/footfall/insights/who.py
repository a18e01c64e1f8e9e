"""Who the customers are: what is stated of them, segments by recency, frequency and spend, cohorts, concentration.

Customers are those with an order or a record of their own; mere visitors and guest checkouts are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from footfall.engine import Query, literal
from footfall.insights.insight import Chart, Ground, Insight, Row

SEGMENTS = {
    "champions": "bought lately, often and for much",
    "loyal": "buy regularly",
    "new": "first order, lately",
    "promising": "bought lately, not yet often",
    "cooling": "bought a while ago, seldom",
    "at risk": "used to buy regularly, now silent",
    "cannot lose": "used to buy most, now silent",
    "lost": "seldom bought, and long ago",
}
"""RFM segments and what they mean, best first."""
_STATED = ("gender", "location", "profession", "loyalty_tier", "household", "channel")
_MOST = 12
AGES = (18, 25, 35, 45, 55, 65)


def _orders(ground: Ground) -> str:
    amount = "amount" if ground.shape.has("orders", "amount") else "null"
    return (
        "select customer_id, order_id, occurred_at, "
        f"cast(coalesce({amount}, 0) as decimal(18, 4)) as amount\n"
        f"from orders\nwhere customer_id is not null and occurred_at < {literal(ground.end)}"
    )


def _month(ground: Ground) -> str:
    return f"cast(date_trunc('month', local_time(occurred_at, {literal(ground.tz)})) as date)"


def _this_month(ground: Ground) -> str:
    """The month that the history's end lies in: it is not over."""
    return f"cast(date_trunc('month', local_time({literal(ground.end)}, {literal(ground.tz)})) as date)"


# --- what is stated of them -----------------------------------------------------------------------------------------


def ages(ground: Ground) -> str | None:
    """SQL for a customer's age in years, from the birth date where there is one; None where a shop knows neither."""
    parts = []
    if ground.shape.has("customers", "birth_date"):
        parts.append(f"date_sub('year', c.birth_date, {literal(ground.end.date())})")
    if ground.shape.has("customers", "age"):
        parts.append("c.age")
    return f"coalesce({', '.join(parts)})" if parts else None


def age_group(age: str) -> str:
    """SQL for the group of an age: `under 18`, `18 to 24`, ..., `65 and over`."""
    bands = [f"when {age} < {AGES[0]} then 'under {AGES[0]}'"]
    bands += [f"when {age} < {b} then '{a} to {b - 1}'" for a, b in pairwise(AGES)]
    return f"case when {age} is null then null {' '.join(bands)} else '{AGES[-1]} and over' end"


def stated(ground: Ground) -> dict[str, str]:
    """What customers state of themselves: dimension -> SQL over `customers c`."""
    found = {}
    age = ages(ground)
    if age:
        found["age"] = age_group(age)
    found |= {column: f"c.{column}" for column in _STATED if ground.shape.has("customers", column)}
    return found


def details_sql(ground: Ground) -> str:
    """The columns of `customers` that are looked at, read once."""
    columns = [c for c in ("birth_date", "age", *_STATED) if ground.shape.has("customers", c)]
    return f"select {', '.join(['customer_id', *columns])}\nfrom customers"


def customers_by(ground: Ground) -> str:
    """Customers and what they spent by each thing stated of them; rare values are one line."""
    query = (
        Query()
        .then("placed", _orders(ground))
        .then(
            "spent",
            "select customer_id, count(*) as orders, sum(amount) as amount\nfrom placed\ngroup by customer_id",
        )
        .then("details", details_sql(ground))
        .then("everyone", "select customer_id from details\nunion\nselect customer_id from spent")
    )
    dimensions = stated(ground)
    selects = [
        f"select {literal(name)} as dimension, cast({sql} as varchar) as value, o.orders, o.amount\n"
        "from everyone e\nleft join details c on c.customer_id = e.customer_id\n"
        "left join spent o on o.customer_id = e.customer_id"
        for name, sql in dimensions.items()
    ]
    query = query.then("told", "\nunion all\n".join(selects) or "select '' as dimension, '' as value, 0, 0 limit 0")
    query = query.then(
        "ranked",
        "select dimension, value, count(*) as customers, count(orders) as buyers,\n"
        "  coalesce(sum(orders), 0) as orders, coalesce(sum(amount), 0) as amount,\n"
        "  row_number() over (partition by dimension order by value is null, count(*) desc, value) as place\n"
        "from told\ngroup by dimension, value",
    ).then(
        "answer",
        "select dimension,\n"
        f"  case when value is null then 'not stated' when place > {_MOST} then 'all others' else value end as value,\n"
        "  sum(customers) as customers, sum(buyers) as buyers, sum(orders) as orders,\n"
        "  cast(sum(amount) as double) as amount,\n"
        "  sum(customers) / sum(sum(customers)) over (partition by dimension) as share,\n"
        "  cast(sum(amount) as double) / nullif(sum(buyers), 0) as amount_per_buyer\n"
        "from ranked\ngroup by 1, 2",
    )
    order = f"list_position({list(dimensions)}, dimension), value = 'not stated', value = 'all others'"
    return f"{query.sql()}\norder by {order}, case when dimension = 'age' then value = 'under 18' end desc, " + (
        "case when dimension = 'age' then value end, customers desc, value"
    )


def customers_words(rows: Sequence[Row], ground: Ground) -> str:
    del ground
    known = [r for r in rows if r["value"] not in ("not stated", "all others") and r["dimension"] != "channel"]
    if not known:
        return "There is nothing to tell. Nothing is stated of the customers."
    largest = max(known, key=lambda r: (r["share"], r["dimension"]))
    paying = [r for r in known if r["amount_per_buyer"] and r["buyers"] >= 30]
    first = (
        f"The largest group of customers by anything stated of them is {_group(largest)}: {largest['share']:.0%} of "
        f"{round(largest['customers'] / largest['share']):,} customers."
    )
    if not paying:
        return first
    best = max(paying, key=lambda r: (r["amount_per_buyer"], r["dimension"]))
    return (
        f"{first} Those who spend most each, among groups of at least 30 buyers, are {_group(best)}: "
        f"{best['amount_per_buyer']:,.2f} a buyer."
    )


def _group(row: Row) -> str:
    return f"{str(row['dimension']).replace('_', ' ')} '{row['value']}'"


# --- recency, frequency, spend --------------------------------------------------------------------------------------


def rfm(ground: Ground) -> str:
    """Fifths of recency, frequency and spend, and the segment they make; equal values are in one fifth."""
    fifth = "least(5, 1 + cast(floor(5 * percent_rank() over (order by {0})) as integer)) as {1}"
    names = list(SEGMENTS)
    query = (
        Query()
        .then("placed", _orders(ground))
        .then(
            "each",
            "select customer_id, max(occurred_at) as latest, count(*) as orders, sum(amount) as amount,\n"
            f"  days_between(max(occurred_at), {literal(ground.end)}) as days_since\n"
            "from placed\ngroup by customer_id",
        )
        .then(
            "scored",
            f"select *,\n  {fifth.format('latest', 'recency')},\n  {fifth.format('orders', 'frequency')},\n"
            f"  {fifth.format('amount', 'spend')}\nfrom each",
        )
        .then(
            "named",
            "select *, case\n"
            "  when recency >= 4 and frequency + spend >= 8 then 'champions'\n"
            "  when recency >= 4 and orders = 1 then 'new'\n"
            "  when recency >= 3 and frequency + spend >= 6 then 'loyal'\n"
            "  when recency >= 4 then 'promising'\n"
            "  when recency = 3 then 'cooling'\n"
            "  when frequency + spend >= 9 then 'cannot lose'\n"
            "  when frequency + spend >= 6 then 'at risk'\n"
            "  else 'lost' end as segment\nfrom scored",
        )
        .then(
            "answer",
            "select segment, count(*) as customers, count(*) / sum(count(*)) over () as share,\n"
            "  cast(sum(amount) as double) as amount,\n"
            "  cast(sum(amount) as double) / nullif(cast(sum(sum(amount)) over () as double), 0) as amount_share,\n"
            "  sum(orders) / count(*) as orders_each, cast(sum(amount) as double) / count(*) as amount_each,\n"
            "  median(days_since) as days_since\nfrom named\ngroup by segment",
        )
    )
    return f"{query.sql()}\norder by list_position({names}, segment)"


def rfm_finish(rows: list[Row], ground: Ground) -> list[Row]:
    del ground
    return [{**r, "meaning": SEGMENTS[r["segment"]]} for r in rows]


def rfm_words(rows: Sequence[Row], ground: Ground) -> str:
    del ground
    if not rows:
        return "There are no segments to tell. No customer has ordered yet."
    by = {r["segment"]: r for r in rows}
    best = max(rows, key=lambda r: (r["amount"] or 0, r["customers"]))
    silent = [by[s] for s in ("at risk", "cannot lose") if s in by]
    first = (
        f"The segment '{best['segment']}' ({SEGMENTS[best['segment']]}) is {best['share']:.0%} of the customers and "
        f"{(best['amount_share'] or 0):.0%} of all they ever spent."
    )
    if not best["amount"]:
        first = f"Of {sum(r['customers'] for r in rows):,} buyers, {rows[0]['share']:.0%} are '{rows[0]['segment']}'."
        return f"{first} Orders have no amounts, so that only recency and frequency tell buyers apart."
    if not silent:
        return f"{first} Nobody who used to buy regularly has gone silent."
    return (
        f"{first} {sum(r['customers'] for r in silent):,} customers who used to buy regularly have gone silent; they "
        f"make {sum(r['amount_share'] or 0 for r in silent):.0%} of what was ever spent."
    )


# --- cohorts, new and returning -------------------------------------------------------------------------------------


def cohorts(ground: Ground) -> str:
    """Customers by the month of their first order, and the share that ordered again in each month since."""
    query = (
        Query()
        .then("placed", _orders(ground))
        .then("active", f"select distinct customer_id, {_month(ground)} as month\nfrom placed")
        .then("born", "select customer_id, min(month) as cohort\nfrom active\ngroup by customer_id")
        .then("sizes", "select cohort, count(*) as customers\nfrom born\ngroup by cohort")
        .then(
            "ages",
            "-- every month since that is over (the month of the last fact is not)\n"
            "select cohort, customers, unnest(generate_series(0, date_diff('month', cohort, "
            f"{_this_month(ground)}) - 1)) as months_since\nfrom sizes",
        )
        .then(
            "returned",
            "select b.cohort, date_diff('month', b.cohort, a.month) as months_since, count(*) as active\n"
            "from active a\njoin born b on b.customer_id = a.customer_id\ngroup by 1, 2",
        )
        .then(
            "answer",
            "select a.cohort, a.months_since, a.customers, coalesce(r.active, 0) as active,\n"
            "  coalesce(r.active, 0) / a.customers as retention\n"
            "from ages a\nleft join returned r on r.cohort = a.cohort and r.months_since = a.months_since",
        )
    )
    return f"{query.sql()}\norder by cohort, months_since"


def cohort_words(rows: Sequence[Row], ground: Ground) -> str:
    del ground
    later = {n: [r for r in rows if r["months_since"] == n] for n in (1, 3, 6)}
    told = {n: sum(r["active"] for r in of) / sum(r["customers"] for r in of) for n, of in later.items() if of}
    if not told:
        return "There are no cohorts to tell. The history holds no whole month after a first order yet."
    shares = ", ".join(f"{share:.0%} in month {n}" for n, share in told.items())
    months = len({r["cohort"] for r in rows})
    return (
        f"Of the customers who first ordered in a month, this share ordered again so many months later: {shares}. "
        f"Counted over {months} months of first orders; a month that is not over is left out."
    )


def new_and_returning(ground: Ground) -> str:
    """By whole month: customers, orders and spend of those whose first order fell in it, and of the others."""
    query = (
        Query()
        .then("placed", f"select *, {_month(ground)} as month\nfrom (\n{_orders(ground)}\n) as o")
        .then("born", "select customer_id, min(month) as cohort\nfrom placed\ngroup by customer_id")
        .then(
            "answer",
            "select p.month, count(distinct p.customer_id) filter (where p.month = b.cohort) as new_customers,\n"
            "  count(distinct p.customer_id) filter (where p.month > b.cohort) as returning_customers,\n"
            "  count(*) filter (where p.month = b.cohort) as new_orders,\n"
            "  count(*) filter (where p.month > b.cohort) as returning_orders,\n"
            "  cast(coalesce(sum(p.amount) filter (where p.month = b.cohort), 0) as double) as new_amount,\n"
            "  cast(coalesce(sum(p.amount) filter (where p.month > b.cohort), 0) as double) as returning_amount,\n"
            "  cast(coalesce(sum(p.amount) filter (where p.month > b.cohort), 0) as double)"
            " / nullif(cast(sum(p.amount) as double), 0) as returning_share\n"
            f"from placed p\njoin born b on b.customer_id = p.customer_id\nwhere p.month < {_this_month(ground)}\n"
            "group by p.month",
        )
    )
    return f"{query.sql()}\norder by month"


def returning_words(rows: Sequence[Row], ground: Ground) -> str:
    del ground
    if not rows:
        return "There is nothing to compare. No month with an order is over yet."
    last, share = rows[-1], rows[-1]["returning_share"] or 0.0
    first = (
        f"In {last['month']:%B %Y}, {last['returning_customers']:,} customers came back and {last['new_customers']:,} "
        f"were new; those who came back made {share:.0%} of what known customers spent."
    )
    if last["returning_share"] is None:
        return f"{first.partition(';')[0]}. Orders have no amounts to share out."
    before = [r["returning_share"] for r in rows[-7:-1] if r["returning_share"] is not None]
    if not before:
        return f"{first} There is no earlier month to compare it with."
    return f"{first} In the {len(before)} months before it was {sum(before) / len(before):.0%} on average."


# --- concentration --------------------------------------------------------------------------------------------------

_TOPS = (1, 5, 10, 20, 50, 80, 100)


def concentration(ground: Ground) -> str:
    """What share of the spend the top customers make, and the Gini coefficient of all."""
    query = (
        Query()
        .then("placed", _orders(ground))
        .then(
            "each",
            "select customer_id, greatest(sum(amount), 0) as amount\nfrom placed\ngroup by customer_id",
        )
        .then(
            "ranked",
            "select cast(amount as double) as amount,\n"
            "  row_number() over (order by amount desc, customer_id) as place,\n"
            "  count(*) over () as customers, cast(sum(amount) over () as double) as total\nfrom each",
        )
        .then("tops", f"select unnest({list(_TOPS)}) as top")
        .then(
            "gini",
            "-- from the places of the customers in order of spend\n"
            "select (max(customers) + 1 - 2 * sum(place * (amount / nullif(total, 0)))) / max(customers) as gini\n"
            "from ranked",
        )
        .then(
            "answer",
            "select t.top / 100.0 as top, count(*) as customers, sum(r.amount) as amount,\n"
            "  sum(r.amount) / nullif(max(r.total), 0) as amount_share, max(g.gini) as gini\n"
            "from tops t\njoin ranked r on r.place <= ceil(r.customers * t.top / 100.0)\ncross join gini g\n"
            "group by t.top",
        )
    )
    return f"{query.sql()}\norder by top"


def concentration_words(rows: Sequence[Row], ground: Ground) -> str:
    del ground
    told = {round(100 * r["top"]): r for r in rows}
    if 20 not in told or told[20]["amount_share"] is None:
        return "There is nothing to share out. No customer has spent anything yet."
    return (
        f"The top 20% of buyers make {told[20]['amount_share']:.0%} of what known customers spent, and the top 1% "
        f"make {told[1]['amount_share']:.0%}. The Gini coefficient is {told[20]['gini']:.2f}: 0 is all alike, 1 is one "
        "buyer who spends it all."
    )


INSIGHTS = (
    Insight(
        "customers",
        "Who are the customers, by what they state of themselves?",
        """
        dimension VARCHAR age, gender, location, profession, ...
        value VARCHAR group; rare ones together as `all others`
        customers BIGINT customers with a record or an order
        buyers BIGINT of them with an order
        orders BIGINT their orders
        amount DOUBLE what they spent
        share DOUBLE share of all customers
        amount_per_buyer DOUBLE amount / buyers
        """,
        customers_by,
        customers_words,
        ("customers",),
        charts=(
            Chart(
                "bars",
                "Customers by {dimension}",
                lambda rows: [{"label": r["value"], "value": r["customers"]} for r in rows],
                {"title": "Customers"},
                "dimension",
            ),
        ),
    ),
    Insight(
        "rfm",
        "Which customers are worth most, and which are slipping away?",
        """
        segment VARCHAR name of the segment
        meaning VARCHAR what it means
        customers BIGINT customers
        share DOUBLE share of all buyers
        amount DOUBLE what they ever spent
        amount_share DOUBLE share of what all ever spent
        orders_each DOUBLE mean orders of one
        amount_each DOUBLE mean spend of one
        days_since DOUBLE median days since the last order
        """,
        rfm,
        rfm_words,
        ("orders",),
        rfm_finish,
        charts=(
            Chart(
                "bars",
                "Customers by segment",
                lambda rows: [{"label": f"{r['segment']}: {r['meaning']}", "value": r["customers"]} for r in rows],
                {"title": "Customers"},
            ),
        ),
    ),
    Insight(
        "cohorts",
        "How many customers come back, by the month they first bought?",
        """
        cohort DATE month of the first order
        months_since INTEGER whole months after it
        customers BIGINT customers of the cohort
        active BIGINT of them ordered in that month
        retention DOUBLE active / customers
        """,
        cohorts,
        cohort_words,
        ("orders",),
        charts=(
            Chart(
                "heat",
                "Share of customers who order again",
                lambda rows: [
                    {"x": r["months_since"], "y": f"{r['cohort']:%b %Y}", "value": r["retention"]}
                    for r in rows
                    if r["months_since"] > 0
                ],
                {"across": "months after the first order", "down": "first order"},
            ),
        ),
    ),
    Insight(
        "new-and-returning",
        "How much comes from new customers, and how much from those who return?",
        """
        month DATE month that is over
        new_customers BIGINT customers whose first order fell in it
        returning_customers BIGINT customers who had ordered in an earlier month
        new_orders BIGINT orders of the new
        returning_orders BIGINT orders of the returning
        new_amount DOUBLE spend of the new
        returning_amount DOUBLE spend of the returning
        returning_share DOUBLE share of the spend by the returning
        """,
        new_and_returning,
        returning_words,
        ("orders",),
        charts=(
            Chart(
                "trend",
                "Share of the spend by customers who returned",
                lambda rows: [{"date": r["month"], "share": r["returning_share"]} for r in rows],
                {"value": "share", "title": "Share of spend"},
            ),
        ),
    ),
    Insight(
        "concentration",
        "How much hangs on a few customers?",
        """
        top DOUBLE share of the buyers, those who spent most first
        customers BIGINT buyers in it
        amount DOUBLE what they spent
        amount_share DOUBLE share of what all spent
        gini DOUBLE Gini coefficient over all buyers: 0 all alike, 1 one spends it all
        """,
        concentration,
        concentration_words,
        ("orders",),
        charts=(
            Chart(
                "bars",
                "Share of the spend by the top buyers, in per cent",
                lambda rows: [
                    {"label": f"top {100 * r['top']:.0f}%", "value": 100 * (r["amount_share"] or 0)} for r in rows
                ],
                {"title": "Share of spend, %"},
            ),
        ),
    ),
)
