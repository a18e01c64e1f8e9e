"""What is bought: categories, brands and products, growth, baskets, prices and the seasons.

Sales are the order lines of kind `sale`, those of guests among them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from footfall.engine import Query, literal
from footfall.insights.insight import Chart, Ground, Insight, Row
from footfall.insights.seasons import SEASONALITY, sales_sql
from footfall.spans import shift, span

QUARTER = span("90d")
_MOST, _BUSIEST, _TOGETHER = 30, 300, 10


# --- categories, brands, products -----------------------------------------------------------------------------------


def sold_by(column: str) -> Callable[[Ground], str]:
    """Sales by the values of a column, the last 90 days beside the 90 before and beside the same days a year ago."""

    def sql(ground: Ground) -> str:
        now = shift(ground.end, QUARTER, -1, ground.tz)
        before = shift(now, QUARTER, -1, ground.tz)
        year = [shift(at, span("12mo"), -1, ground.tz) for at in (ground.end, now)]
        within = "coalesce(sum(amount) filter (where occurred_at >= {} and occurred_at < {}), 0)"
        then = within.format(literal(year[1]), literal(year[0])) if year[1] >= ground.first else "null"
        prior = within.format(literal(before), literal(now)) if before >= ground.first else "null"
        name = f"coalesce(any_value(p.name), s.{column})" if column == "product_id" else f"s.{column}"
        join = f"left join products p on p.{column} = s.{column}\n" if column == "product_id" else ""
        query = (
            Query()
            .then("sales", sales_sql(ground))
            .then(
                "answer",
                f"select {name} as name, sum(quantity) as units, count(distinct s.order_id) as orders,\n"
                "  count(distinct customer_id) as customers, cast(sum(amount) as double) as amount,\n"
                "  cast(sum(amount) as double) / nullif(cast(sum(sum(amount)) over () as double), 0) as share,\n"
                f"  cast({within.format(literal(now), literal(ground.end))} as double) as now_amount,\n"
                f"  cast({prior} as double) as before_amount, cast({then} as double) as year_before_amount\n"
                f"from sales s\n{join}where s.{column} is not null\ngroup by s.{column}",
            )
        )
        return f"{query.sql()}\norder by amount desc, orders desc, name limit {_MOST}"

    return sql


def with_growth(rows: list[Row], ground: Ground) -> list[Row]:
    del ground

    def growth(now: float | None, before: float | None) -> float | None:
        return (now or 0.0) / before - 1 if before else None

    return [
        {
            **r,
            "growth": growth(r["now_amount"], r["before_amount"]),
            "year_growth": growth(r["now_amount"], r["year_before_amount"]),
        }
        for r in rows
    ]


def sold_words(one: str, many: str) -> Callable[[Sequence[Row], Ground], str]:
    def words(rows: Sequence[Row], ground: Ground) -> str:
        del ground
        if not rows:
            return f"There are no {many} to tell. Nothing was sold that has a {one}."
        best = rows[0]
        if not best["share"]:
            return f"'{best['name']}' stands in most order lines. They have no amounts to compare."
        first = f"'{best['name']}' sells most: {best['share']:.0%} of the revenue of all {many}."
        moved = [r for r in rows if r["growth"] is not None and (r["share"] or 0) >= 0.005]
        if len(moved) < 2:
            return f"{first} The history is too short to say which grow."
        up, down = max(moved, key=lambda r: r["growth"]), min(moved, key=lambda r: r["growth"])
        return (
            f"{first} In the last {QUARTER.words}, of those with at least 0.5% of the revenue, '{up['name']}' did "
            f"best ({up['growth']:+.0%} on the {QUARTER.words} before) and '{down['name']}' worst "
            f"({down['growth']:+.0%})."
        )

    return words


_SOLD = """
    name VARCHAR {0}
    units DOUBLE units sold
    orders BIGINT orders with it
    customers BIGINT customers who bought it
    amount DOUBLE revenue
    share DOUBLE share of the revenue of all
    now_amount DOUBLE revenue of the last 90 days
    before_amount DOUBLE revenue of the 90 days before; null where the history does not reach
    year_before_amount DOUBLE revenue of the same days a year before; null where the history does not reach
    growth DOUBLE now_amount / before_amount - 1
    year_growth DOUBLE now_amount / year_before_amount - 1
"""


def _sold(name: str, question: str, column: str, one: str) -> Insight:
    return Insight(
        name,
        question,
        _SOLD.format(one),
        sold_by(column),
        sold_words(one, name),
        ("lines", f"lines.{column}"),
        with_growth,
        charts=(
            Chart(
                "bars",
                f"Revenue by {one}",
                lambda rows: [{"label": r["name"], "value": r["amount"]} for r in rows[:15]],
                {"title": "Revenue"},
            ),
        ),
    )


# --- growth ---------------------------------------------------------------------------------------------------------


def growth(ground: Ground) -> str:
    """Revenue, orders and customers of each whole month, beside the month and the year before."""
    whole = f"cast(date_trunc('month', local_time({literal(ground.end)}, {literal(ground.tz)})) as date)"
    query = (
        Query()
        .then("sales", sales_sql(ground))
        .then(
            "months",
            "select month, cast(sum(amount) as double) as amount, count(distinct order_id) as orders,\n"
            f"  count(distinct customer_id) as customers\nfrom sales\nwhere month < {whole}\ngroup by month",
        )
        .then(
            "answer",
            "select m.month, m.amount, m.orders, m.customers, m.amount / m.orders as amount_per_order,\n"
            "  m.amount / nullif(b.amount, 0) - 1 as growth, m.amount / nullif(y.amount, 0) - 1 as year_growth\n"
            "from months m\nleft join months b on b.month = m.month - interval 1 month\n"
            "left join months y on y.month = m.month - interval 12 month",
        )
    )
    return f"{query.sql()}\norder by month"


def growth_words(rows: Sequence[Row], ground: Ground) -> str:
    del ground
    if not rows:
        return "There is no growth to tell. No month is over yet."
    last = rows[-1]
    if not last["amount"]:
        return (
            f"In {last['month']:%B %Y} there were {last['orders']:,} orders. The order lines have no amounts to add up."
        )
    first = f"In {last['month']:%B %Y} the revenue was {last['amount']:,.0f} from {last['orders']:,} orders"
    first += f", {last['growth']:+.0%} on the month before." if last["growth"] is not None else "."
    if last["year_growth"] is not None:
        return f"{first} On the same month a year before it is {last['year_growth']:+.0%}."
    if len(rows) >= 6:
        recent, earlier = (sum(r["amount"] for r in part) for part in (rows[-3:], rows[-6:-3]))
        if earlier:
            return f"{first} The last three months together are {recent / earlier - 1:+.0%} on the three before."
    return f"{first} The history is too short for a comparison with a year before."


# --- baskets --------------------------------------------------------------------------------------------------------


def baskets(ground: Ground) -> str:
    """Orders by how many different products they hold."""
    bands = {"1": 1, "2": 2, "3": 3, "4 to 5": 5, "6 to 10": 10}
    case = " ".join(f"when products <= {most} then {literal(name)}" for name, most in bands.items())
    query = (
        Query()
        .then("sales", sales_sql(ground))
        .then(
            "each",
            "select order_id, count(distinct coalesce(product_id, category)) as products,\n"
            "  sum(quantity) as units, sum(amount) as amount\nfrom sales\nwhere order_id is not null\n"
            "group by order_id",
        )
        .then(
            "answer",
            f"select case {case} else 'more than 10' end as products, min(products) as least, count(*) as orders,\n"
            "  count(*) / sum(count(*)) over () as share, sum(units) / count(*) as units_each,\n"
            "  cast(sum(amount) as double) / count(*) as amount_each,\n"
            "  cast(sum(amount) as double) / nullif(cast(sum(sum(amount)) over () as double), 0) as amount_share\n"
            "from each\ngroup by 1",
        )
    )
    return f"{query.sql()}\norder by least"


def basket_words(rows: Sequence[Row], ground: Ground) -> str:
    del ground
    if not rows:
        return "There are no baskets to tell. No order has lines."
    orders = sum(r["orders"] for r in rows)
    single = next((r for r in rows if r["products"] == "1"), None)
    large = [r for r in rows if r["least"] > 3]
    mean = sum(r["amount_each"] * r["orders"] for r in rows) / orders
    if not mean:
        alone = single["share"] if single else 0
        return f"Of {orders:,} orders, {alone:.0%} hold a single product. The order lines have no amounts to add up."
    return (
        f"Of {orders:,} orders, {(single['share'] if single else 0):.0%} hold a single product; the mean order is "
        f"worth {mean:,.2f}. Orders of more than 3 products are {sum(r['share'] for r in large):.0%} of all and make "
        f"{sum(r['amount_share'] or 0 for r in large):.0%} of the revenue."
    )


def together(ground: Ground) -> str:
    """Pairs of products in one order, beside what chance would bring together."""
    query = (
        Query()
        .then("sales", sales_sql(ground))
        .then(
            "busiest",
            "select product_id, count(distinct order_id) as orders\nfrom sales\n"
            "where product_id is not null and order_id is not null\n"
            f"group by product_id\norder by orders desc, product_id limit {_BUSIEST}",
        )
        .then("held", "select distinct s.order_id, s.product_id\nfrom sales s\njoin busiest b using (product_id)")
        .then("everything", "select count(distinct order_id) as orders from sales")
        .then(
            "pairs",
            "select a.product_id as one, b.product_id as other, count(*) as orders\nfrom held a\n"
            "join held b on b.order_id = a.order_id and b.product_id > a.product_id\ngroup by 1, 2\n"
            f"having count(*) >= {_TOGETHER}",
        )
        .then("names", "select product_id, any_value(name) as name\nfrom products\ngroup by product_id")
        .then(
            "answer",
            "select coalesce(n.name, p.one) as one, coalesce(m.name, p.other) as other, p.orders,\n"
            "  x.orders * y.orders / e.orders as by_chance, p.orders * e.orders / (x.orders * y.orders) as lift,\n"
            "  p.orders / least(x.orders, y.orders) as of_the_rarer\n"
            "from pairs p\ncross join everything e\njoin busiest x on x.product_id = p.one\n"
            "join busiest y on y.product_id = p.other\nleft join names n on n.product_id = p.one\n"
            "left join names m on m.product_id = p.other\nwhere p.orders > x.orders * y.orders / e.orders",
        )
    )
    # Fewer pairs surely above chance stand before many that may be chance: the gap in standard errors.
    return f"{query.sql()}\norder by (orders - by_chance) / sqrt(by_chance) desc, one, other limit {_MOST}"


def together_words(rows: Sequence[Row], ground: Ground) -> str:
    del ground
    if not rows:
        return f"No two products stand in one order at least {_TOGETHER} times and more often than by chance."
    best = rows[0]
    return (
        f"'{best['one']}' and '{best['other']}' are in one order {best['orders']:,} times, {best['lift']:.1f} times as "
        f"often as by chance. Looked at are the {_BUSIEST} most frequent products, and pairs in at least {_TOGETHER} "
        "orders."
    )


# --- prices ---------------------------------------------------------------------------------------------------------


def price_bands(ground: Ground) -> str:
    """Sales by the price of a unit: the bands hold a fifth of the units each, as far as equal prices allow."""
    query = (
        Query()
        .then("sales", sales_sql(ground))
        .then(
            "priced",
            "select cast(coalesce(price, amount / nullif(quantity, 0)) as decimal(18, 4)) as price, quantity, amount,\n"
            "  customer_id\nfrom sales\nwhere quantity > 0",
        )
        .then(
            "spread",
            "select price, sum(quantity) as units, sum(amount) as amount, count(distinct customer_id) as customers\n"
            "from priced\nwhere price is not null\ngroup by price",
        )
        .then(
            "placed",
            "select *, least(4, cast(floor(5 * (sum(units) over (order by price) - units / 2) / sum(units) over ())\n"
            "  as integer)) as band\nfrom spread",
        )
        .then(
            "answer",
            "select 1 + band as band, cast(min(price) as double) as low, cast(max(price) as double) as high,\n"
            "  sum(units) as units, cast(sum(amount) as double) as amount,\n"
            "  sum(units) / sum(sum(units)) over () as unit_share,\n"
            "  cast(sum(amount) as double) / nullif(cast(sum(sum(amount)) over () as double), 0) as amount_share\n"
            "from placed\ngroup by band",
        )
    )
    return f"{query.sql()}\norder by band"


def price_words(rows: Sequence[Row], ground: Ground) -> str:
    del ground
    if not any(r["amount_share"] for r in rows):
        return "There are no price bands to tell. The order lines have no prices."
    best = max(rows, key=lambda r: (r["amount_share"] or 0, r["band"]))
    low, high = rows[0], rows[-1]
    return (
        f"Most revenue comes at {best['low']:,.2f} to {best['high']:,.2f} a unit: {(best['amount_share'] or 0):.0%} "
        f"from {best['unit_share']:.0%} of the units. The cheapest band, up to {low['high']:,.2f}, makes "
        f"{(low['amount_share'] or 0):.0%} and the dearest, from {high['low']:,.2f}, {(high['amount_share'] or 0):.0%}."
    )


INSIGHTS = (
    _sold("categories", "Which categories sell, and which grow?", "category", "category"),
    _sold("brands", "Which brands sell, and which grow?", "brand", "brand"),
    _sold("products", "Which products sell, and which grow?", "product_id", "product"),
    Insight(
        "growth",
        "How does the revenue develop, month by month?",
        """
        month DATE month that is over
        amount DOUBLE revenue
        orders BIGINT orders
        customers BIGINT customers who ordered
        amount_per_order DOUBLE amount / orders
        growth DOUBLE on the month before
        year_growth DOUBLE on the same month a year before
        """,
        growth,
        growth_words,
        ("lines",),
        charts=(
            Chart(
                "trend",
                "Revenue by month",
                lambda rows: [{"date": r["month"], "amount": r["amount"]} for r in rows] if len(rows) > 2 else [],
                {"value": "amount", "title": "Revenue"},
            ),
        ),
    ),
    Insight(
        "baskets",
        "How many products are in an order?",
        """
        products VARCHAR different products in the order
        least INTEGER the least number of them
        orders BIGINT orders
        share DOUBLE share of all orders
        units_each DOUBLE mean units
        amount_each DOUBLE mean value of an order
        amount_share DOUBLE share of the revenue
        """,
        baskets,
        basket_words,
        ("lines",),
        charts=(
            Chart(
                "bars",
                "Orders by number of different products",
                lambda rows: [{"label": r["products"], "value": r["orders"]} for r in rows],
                {"title": "Orders"},
            ),
        ),
    ),
    Insight(
        "bought-together",
        "Which products are bought together?",
        """
        one VARCHAR product
        other VARCHAR product
        orders BIGINT orders with both
        by_chance DOUBLE orders with both if the two had nothing to do with each other
        lift DOUBLE orders / by_chance
        of_the_rarer DOUBLE share of the rarer product's orders that hold the other too
        """,
        together,
        together_words,
        ("lines.product_id",),
    ),
    Insight(
        "price-bands",
        "At which prices does the revenue come in?",
        """
        band INTEGER band, 1 the cheapest
        low DOUBLE lowest price of a unit in it
        high DOUBLE highest price of a unit in it
        units DOUBLE units sold
        amount DOUBLE revenue
        unit_share DOUBLE share of all units
        amount_share DOUBLE share of the revenue
        """,
        price_bands,
        price_words,
        ("lines",),
        charts=(
            Chart(
                "bars",
                "Revenue by price of a unit",
                lambda rows: [{"label": f"{r['low']:,.2f} to {r['high']:,.2f}", "value": r["amount"]} for r in rows],
                {"title": "Revenue"},
            ),
        ),
    ),
    SEASONALITY,
)
