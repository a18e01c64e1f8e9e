"""The same thing twice, under two ids or two spellings. All are kept: only the merchant knows which is too many."""

from __future__ import annotations

from footfall.quality.declare import QueryCheck

LETTERS = "regexp_replace(lower(nfc_normalize({value})), '[^\\p{L}\\p{N}]', '', 'g')"
"""A name without case, spaces and punctuation."""

_NAME, _BRAND = LETTERS.replace("{value}", "name"), LETTERS.replace("{value}", "coalesce(brand, '')")

# A source of dates puts a whole day on one instant: there, two rows at one instant say nothing.
_CLOCKED = "local_time(occurred_at, {tz}) <> date_trunc('day', local_time(occurred_at, {tz}))"
_SAME_EVENT = "hash(source, source_customer_id, type, product_id, epoch_us(occurred_at) // 1000000)"
_EVENT = "source_customer_id is not null and product_id is not null and occurred_at is not null"
_SHOWN = "coalesce(event_id, concat_ws(' ', source_customer_id, type, product_id, 'at', occurred_at))"

DUPLICATE = (
    QueryCheck(
        "event_twice",
        "events",
        "event_id",
        "duplicate",
        "events that repeat another of the same visitor, kind and product within the same second, under another id",
        "interest counts double; ratios such as views per order shift",
        needs=("events",),
        sql=f"""
        with twice as (
          select {_SAME_EVENT} as same, count(*) as times
          from facts.events where {_EVENT} group by same having count(*) > 1
        ), members as (
          select source, {_SAME_EVENT} as same, min({_SHOWN}) as example, count(*) as times
          from facts.events where {_EVENT} and {_CLOCKED} and {_SAME_EVENT} in (select same from twice) group by all
        )
        select m.source, sum(m.times - 1) as rows, any_value(e.looked_at) as looked_at, min(m.example, 3) as examples
        from members m join (select source, count(*) as looked_at from facts.events group by source) e using (source)
        group by m.source""",
    ),
    QueryCheck(
        "order_twice",
        "orders",
        "order_id",
        "duplicate",
        "orders of one customer, second and amount under several ids",
        "spend and the number of purchases count double",
        needs=("orders",),
        sql=f"""
        with same as (
          select source, min(order_id) as first, min(order_id, 2) as pair, count(*) as times
          from facts.orders
          where source_customer_id is not null and amount is not null and {_CLOCKED}
          group by source, source_customer_id, amount, epoch_us(occurred_at) // 1000000
        )
        select source, sum(times - 1) as rows, sum(times) as looked_at,
               min(pair[1] || ' and ' || pair[2], 3) filter (where times > 1) as examples
        from same group by source""",
    ),
    QueryCheck(
        "line_twice",
        "lines",
        "order_id",
        "duplicate",
        "lines that repeat another of the same order: product, quantity and price",
        "demand and revenue count double, unless the till writes one line per item scanned",
        needs=("lines",),
        sql="""
        with same as (
          select source, order_id, product_id, count(*) as times from facts.lines
          where order_id is not null and product_id is not null
          group by source, order_id, product_id, kind, quantity, price, occurred_at
        )
        select source, sum(times - 1) as rows, sum(times) as looked_at,
               min(order_id || ' ' || product_id, 3) filter (where times > 1) as examples
        from same group by source""",
    ),
    QueryCheck(
        "product_twice",
        "products",
        "product_id",
        "duplicate",
        "products listed again under another id: the same name and brand but for case, spaces and punctuation "
        "(a name of more than three is taken for a kind of product)",
        "demand, stock and recommendations split over two products",
        needs=("products",),
        sql=f"""
        with same as (
          select source, min(product_id, 2) as pair, min(name) as name, count(distinct product_id) as times
          from facts.products where product_id is not null and {_NAME} <> '' group by source, {_NAME}, {_BRAND}
        )
        select source, coalesce(sum(times - 1) filter (where times <= 3), 0) as rows, sum(times) as looked_at,
               min(pair[1] || ' and ' || pair[2] || ': ' || name, 3) filter (where times in (2, 3)) as examples
        from same group by source""",
    ),
    QueryCheck(
        "product_id_twice",
        "products",
        "product_id",
        "duplicate",
        "rows of the catalogue that give an id again, with other content",
        "joins by product may count twice, and which name or category holds is open",
        needs=("products",),
        sql="""
        with same as (
          select source, product_id, count(*) as times
          from facts.products where product_id is not null group by source, product_id
        )
        select source, sum(times - 1) as rows, sum(times) as looked_at,
               min(product_id, 3) filter (where times > 1) as examples
        from same group by source""",
    ),
    QueryCheck(
        "review_twice",
        "reviews",
        "review_id",
        "duplicate",
        "reviews with the text of another of the same product",
        "one opinion counts twice in mean ratings",
        needs=("reviews",),
        sql="""
        with same as (
          select source, min(review_id, 2) as pair, count(*) as times
          from facts.reviews where length(text) >= 20 group by source, product_id, text
        )
        select source, sum(times - 1) as rows, sum(times) as looked_at,
               min(pair[1] || ' and ' || pair[2], 3) filter (where times > 1) as examples
        from same group by source""",
    ),
    QueryCheck(
        "email_twice",
        "customers",
        "email",
        "duplicate",
        "customers' ids that share their e-mail address with another id of the source",
        "one person counts as several customers until records are resolved; churn comes out too high",
        needs=("customers",),
        sql="""
        with same as (
          select source, min(source_customer_id, 2) as pair, count(distinct source_customer_id) as times
          from facts.customers where email is not null and source_customer_id is not null
          group by source, lower(trim(email))
        )
        select source, sum(times - 1) as rows, sum(times) as looked_at,
               min(pair[1] || ' and ' || pair[2], 3) filter (where times > 1) as examples
        from same group by source""",
    ),
)
