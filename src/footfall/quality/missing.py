"""What is not there: empty columns, and rows that should have a counterpart."""

from __future__ import annotations

from footfall.quality.declare import QueryCheck, RowCheck

EXAMPLE = {
    "events": "coalesce(event_id, concat_ws(' ', source_customer_id, occurred_at))",
    "orders": "coalesce(order_id, concat_ws(' ', source_customer_id, occurred_at))",
    "lines": "concat_ws(' ', order_id, product_id)",
    "products": "coalesce(product_id, name)",
    "customers": "coalesce(source_customer_id, email)",
    "reviews": "coalesce(review_id, concat_ws(' ', source_customer_id, occurred_at))",
    "prices": "product_id",
    "stock": "product_id",
}
"""What names one row of a table, for examples."""


_TOLD = {
    "source_customer_id": ("no customer",),
    "session_id": ("no session",),
    "category": ("no category",),
    "email": ("no e-mail address",),
    "age": ("no readable age", "no birth date"),
    "income": ("no income",),
}
"""Column -> how sources call its absence when they load."""


def _empty(table: str, column: str, effect: str, among: str = "true", value: str = "") -> RowCheck:
    return RowCheck(
        f"missing_{column}",
        table,
        column,
        "missing",
        f"rows of {table} without {column.replace('_', ' ')}",
        effect,
        where=f"{value or column} is null",
        among=among,
        example=EXAMPLE[table],
        unless_all=True,
        covers=_TOLD.get(column, ()),
    )


_OF_PRODUCTS = "type in ('view', 'add_to_cart', 'remove_from_cart', 'favourite', 'purchase')"
_GOODS = "category is distinct from 'non-product'"
_BLIND = "models see 'unknown' for these customers and lean on what they did instead"
_UNMATCHABLE = "fewer clues to tell that two records are one customer: the count of customers comes out too high"
_UNCATEGORISED = "answers per category leave these out"
_TIMES = {
    "events": "visit events",
    "orders": "orders",
    "lines": "order lines",
    "reviews": "reviews",
    "satisfaction": "satisfaction scores",
    "offers": "offers",
}

COLUMNS = (
    _empty("events", "source_customer_id", "these visits belong to nobody: no customer's features count them"),
    _empty("events", "session_id", "features per visit leave these events out"),
    _empty("events", "product_id", "interest in a product is understated", among=_OF_PRODUCTS),
    _empty("events", "category", _UNCATEGORISED, among="product_id is not null"),
    _empty("events", "brand", "answers per brand leave these out", among="product_id is not null"),
    _empty("events", "price", "features of prices looked at leave these out", among="product_id is not null"),
    _empty("orders", "order_id", "lines cannot be joined to these orders"),
    _empty("orders", "amount", "spend is understated"),
    _empty("orders", "currency", "their amounts are taken as if in the shop's main currency"),
    _empty("orders", "payment_method", "answers per payment method leave these out"),
    _empty("orders", "channel", "answers per channel leave these out"),
    _empty("lines", "order_id", "these lines count as demand but belong to no order"),
    _empty("lines", "product_id", "demand per product is understated"),
    _empty("lines", "category", _UNCATEGORISED, among=_GOODS),
    _empty("lines", "brand", "answers per brand leave these out"),
    _empty("lines", "quantity", "demand is understated"),
    _empty("lines", "price", "features of prices paid leave these out"),
    _empty("lines", "amount", "revenue is understated"),
    _empty("products", "product_id", "the product cannot be joined to what was sold"),
    _empty("products", "name", "reports show a code in place of the name"),
    _empty("products", "category", _UNCATEGORISED, among=_GOODS),
    _empty("products", "brand", "answers per brand leave these out"),
    _empty("customers", "email", _UNMATCHABLE),
    _empty("customers", "surname", _UNMATCHABLE),
    _empty("customers", "postcode", _UNMATCHABLE),
    _empty("customers", "gender", _BLIND),
    _empty("customers", "age", _BLIND, value="coalesce(age::varchar, birth_date::varchar)"),
    _empty("customers", "location", _BLIND),
    _empty("customers", "profession", _BLIND),
    _empty("customers", "income", _BLIND),
    _empty("customers", "loyalty_tier", _BLIND),
    _empty("customers", "registered_at", "how long they have been customers counts from the first order or visit"),
    _empty("reviews", "product_id", "the review says nothing about a product"),
    _empty("reviews", "rating", "mean ratings leave these out"),
    _empty("reviews", "text", "features of the text leave these out"),
    _empty("prices", "price", "the product's price is unknown from then on"),
    _empty("stock", "quantity", "a sell-out cannot be told from low demand"),
    *(
        RowCheck(
            "missing_time",
            table,
            "occurred_at",
            "missing",
            f"{words} without a time",
            "no answer can use them: they are neither before nor after any cutoff",
            where="occurred_at is null",
            example=EXAMPLE.get(table, "source_customer_id"),
        )
        for table, words in _TIMES.items()
    ),
    RowCheck(
        "orders_without_customer",
        "orders",
        "source_customer_id",
        "missing",
        "orders of guests, without a customer's id",
        "they count as demand, but for no customer until records are resolved: repeat purchases are understated",
        where="source_customer_id is null",
        example="order_id",
        covers=("no customer", "guest checkout"),
    ),
)

_PLACEHOLDER = "lower(trim({0})) in ('', 'unknown', 'n/a', 'na', 'none', 'null', 'nan', '(not set)', '-', '?')"

PLACEHOLDERS = tuple(
    RowCheck(
        f"placeholder_{column}",
        table,
        column,
        "missing",
        f"rows of {table} whose {column} is a word for nothing ('unknown', 'n/a')",
        f"the word becomes a {column} of its own in answers",
        where=_PLACEHOLDER.format(column),
        example=f"concat_ws(' ', {EXAMPLE[table]}, '''' || {column} || '''')",
    )
    for table, column in [
        ("products", "name"),
        ("products", "category"),
        ("products", "brand"),
        ("customers", "gender"),
        ("customers", "location"),
        ("customers", "profession"),
    ]
)

UNMATCHED = (
    QueryCheck(
        "orders_without_lines",
        "orders",
        "order_id",
        "missing",
        "orders of which no line is there, in sources that have lines",
        "their amount counts as spend, but no product or category is known",
        needs=("orders", "lines"),
        sql="""
        select o.source, count(*) filter (where l.order_id is null) as rows, count(*) as looked_at,
               min(o.order_id, 3) filter (where l.order_id is null) as examples
        from facts.orders o
        left join (select distinct source, order_id from facts.lines) l
          on l.source = o.source and l.order_id = o.order_id
        where o.source in (select source from facts.lines) and o.order_id is not null
        group by o.source""",
    ),
    QueryCheck(
        "lines_without_order",
        "lines",
        "order_id",
        "missing",
        "lines sold whose order is not there, in sources that have orders",
        "they count as demand and in features of lines, but not as a purchase",
        needs=("orders", "lines"),
        sql="""
        select l.source, count(*) filter (where o.order_id is null) as rows, count(*) as looked_at,
               min(l.order_id, 3) filter (where o.order_id is null) as examples
        from facts.lines l
        left join (select distinct source, order_id from facts.orders) o
          on o.source = l.source and o.order_id = l.order_id
        where l.source in (select source from facts.orders) and l.kind = 'sale' and l.order_id is not null
        group by l.source""",
    ),
    QueryCheck(
        "sold_not_in_catalogue",
        "lines",
        "product_id",
        "missing",
        "lines of products that the source's catalogue does not list",
        "their name and brand are unknown; per category they count only where the line itself names one",
        needs=("lines", "products"),
        sql="""
        select l.source, count(*) filter (where p.product_id is null) as rows, count(*) as looked_at,
               min(l.product_id, 3) filter (where p.product_id is null) as examples
        from (select source, product_id, order_id from facts.lines
              where product_id is not null and category is distinct from 'non-product') l
        left join (select distinct source, product_id from facts.products) p
          on p.source = l.source and p.product_id = l.product_id
        where l.source in (select source from facts.products)
        group by l.source""",
    ),
    QueryCheck(
        "viewed_not_in_catalogue",
        "events",
        "product_id",
        "missing",
        "events on products that the source's catalogue does not list",
        "interest in them cannot be told by category, and they cannot be recommended",
        needs=("events", "products"),
        sql="""
        select i.source, coalesce(sum(i.rows) filter (where p.product_id is null), 0) as rows,
               sum(i.rows) as looked_at, min(i.product_id, 3) filter (where p.product_id is null) as examples
        from quality_items i
        left join (select distinct source, product_id from facts.products) p
          on p.source = i.source and p.product_id = i.product_id
        where i.product_id is not null and i.source in (select source from facts.products)
        group by i.source""",
    ),
    QueryCheck(
        "customers_without_record",
        "orders",
        "source_customer_id",
        "missing",
        "customers who ordered but have no record, in sources that have customers' records",
        "age, income and the like are unknown for them; they are scored by what they did",
        needs=("orders", "customers"),
        sql="""
        select o.source, count(*) filter (where c.source_customer_id is null) as rows, count(*) as looked_at,
               min(o.source_customer_id, 3) filter (where c.source_customer_id is null) as examples
        from (select distinct source, source_customer_id from facts.orders where source_customer_id is not null) o
        left join (select distinct source, source_customer_id from facts.customers) c
          on c.source = o.source and c.source_customer_id = o.source_customer_id
        where o.source in (select source from facts.customers where source_customer_id is not null)
        group by o.source""",
    ),
    QueryCheck(
        "visitors_without_record",
        "events",
        "source_customer_id",
        "missing",
        "visitors who have no customer's record, in sources that have customers' records",
        "mostly people who have not signed in: customers-to-be, of whom age, income and the like are unknown",
        needs=("events", "customers"),
        sql="""
        select v.source, count(*) filter (where c.source_customer_id is null) as rows, count(*) as looked_at,
               min(v.source_customer_id, 3) filter (where c.source_customer_id is null) as examples
        from quality_visitors v
        left join (select distinct source, source_customer_id from facts.customers) c
          on c.source = v.source and c.source_customer_id = v.source_customer_id
        where v.source in (select source from facts.customers where source_customer_id is not null)
        group by v.source""",
    ),
)

MISSING = (*COLUMNS, *PLACEHOLDERS, *UNMATCHED)
