"""What contradicts itself or the world: impossible times, ages, prices and quantities; sums that do not agree."""

from __future__ import annotations

from footfall.quality.declare import QueryCheck, RowCheck

_WHEN = {
    "events": ("events", "concat_ws(' ', event_id, 'at', occurred_at)"),
    "orders": ("orders", "concat_ws(' ', order_id, 'at', occurred_at)"),
    "lines": ("order lines", "concat_ws(' ', order_id, product_id, 'at', occurred_at)"),
    "reviews": ("reviews", "concat_ws(' ', review_id, 'at', occurred_at)"),
    "satisfaction": ("satisfaction scores", "concat_ws(' ', source_customer_id, 'at', occurred_at)"),
}

TIMES = tuple(
    check
    for table, (words, example) in _WHEN.items()
    for check in (
        RowCheck(
            "time_too_old",
            table,
            "occurred_at",
            "inconsistent",
            f"{words} dated before 1990",
            "they would stretch the history by decades and spoil how long customers have been with the shop",
            "set aside",
            where="occurred_at < timestamp '1990-01-01' and occurred_at <> timestamp '1900-01-01'",
            example=example,
        ),
        RowCheck(
            "time_in_future",
            table,
            "occurred_at",
            "inconsistent",
            f"{words} dated more than a day after they were loaded",
            "they would move the default cutoff into the future, where nothing is known",
            "set aside",
            where="occurred_at > horizon",
            example=example,
        ),
        RowCheck(
            "known_before_happened",
            table,
            "known_at",
            "inconsistent",
            f"{words} known to the business before they happened",
            "one of the two clocks is wrong; features count them from when they happened",
            where="known_at < occurred_at",
            example=example,
        ),
    )
)

_LINE = "concat_ws(' ', order_id, product_id, 'quantity', quantity, 'price', price)"

GOODS = (
    RowCheck(
        "negative_sale_price",
        "lines",
        "price",
        "inconsistent",
        "lines sold at a negative price",
        "corrections of the books, not sales: they would count as purchases and lower revenue",
        "set aside",
        where="kind = 'sale' and price < 0",
        example=_LINE,
    ),
    RowCheck(
        "zero_quantity",
        "lines",
        "quantity",
        "inconsistent",
        "lines of no units and no amount",
        "nothing was sold, yet they would count as a purchase of the product",
        "set aside",
        where="quantity = 0 and coalesce(amount, 0) = 0",
        example=_LINE,
    ),
    RowCheck(
        "amount_without_quantity",
        "lines",
        "quantity",
        "inconsistent",
        "lines of no units that still carry an amount",
        "revenue counts them, demand does not",
        where="quantity = 0 and amount <> 0",
        example=f"{_LINE} || ' amount ' || amount::varchar",
    ),
    RowCheck(
        "negative_sale_quantity",
        "lines",
        "quantity",
        "inconsistent",
        "lines sold with a negative quantity",
        "probably returns that the source does not call so: demand and spend are understated",
        where="kind = 'sale' and quantity < 0",
        example=_LINE,
    ),
    RowCheck(
        "positive_return",
        "lines",
        "quantity",
        "inconsistent",
        "lines returned with a positive quantity",
        "the return would add to demand instead of taking from it",
        where="kind = 'return' and quantity > 0",
        example=_LINE,
    ),
    RowCheck(
        "free_line",
        "lines",
        "price",
        "inconsistent",
        "lines sold at a price of zero",
        "gifts, samples or errors: they count as demand but bring nothing; the mean price falls",
        where="kind = 'sale' and price = 0",
        example=_LINE,
    ),
    RowCheck(
        "line_amount_differs",
        "lines",
        "amount",
        "inconsistent",
        "lines whose amount is not quantity times price",
        "spend follows the amount, features of prices follow the price",
        where="abs(amount - quantity * price) > greatest(0.02, 0.01 * abs(amount))",
        among="amount is not null and quantity is not null and price is not null",
        example=f"{_LINE} || ' amount ' || amount::varchar",
    ),
    RowCheck(
        "returned",
        "lines",
        "kind",
        "inconsistent",
        "lines that are returns or cancellations",
        "spend and demand to come count sales only; a return takes effect when the business knew of it",
        where="kind = 'return'",
        example=_LINE,
        covers=("return", "cancellation"),
    ),
    RowCheck(
        "no_product",
        "lines",
        "category",
        "inconsistent",
        "lines whose code is no product (postage, fees, corrections)",
        "they count in what an order cost, but would mislead demand and recommendations",
        where="category = 'non-product'",
        example="concat_ws(' ', order_id, product_id)",
        covers=("code that is no product",),
    ),
    RowCheck(
        "negative_order_amount",
        "orders",
        "amount",
        "inconsistent",
        "orders of a negative amount",
        "they lower a customer's spend though nothing was bought",
        where="amount < 0",
        example="order_id || ' ' || amount::varchar",
    ),
    RowCheck(
        "negative_shown_price",
        "events",
        "price",
        "inconsistent",
        "events that show a negative price",
        "features of prices looked at are too low",
        where="price < 0",
        example="concat_ws(' ', event_id, price)",
    ),
    RowCheck(
        "negative_list_price",
        "prices",
        "price",
        "inconsistent",
        "list prices below zero",
        "price features and offers for the product are wrong",
        where="price < 0",
        example="concat_ws(' ', product_id, price)",
    ),
    RowCheck(
        "negative_stock",
        "stock",
        "quantity",
        "inconsistent",
        "stock levels below zero",
        "back orders or a count that went wrong; taken as sold out",
        where="quantity < 0",
        example="concat_ws(' ', product_id, quantity)",
    ),
)

PEOPLE = (
    RowCheck(
        "impossible_age",
        "customers",
        "age",
        "inconsistent",
        "customers of 5 years or less, or over 110",
        "a made-up age would put them into the wrong group; they count as of unknown age",
        "repaired",
        where="age <= 5 or age > 110",
        among="age is not null",
        example="concat_ws(' ', source_customer_id, 'age', age)",
    ),
    RowCheck(
        "impossible_birth_date",
        "customers",
        "birth_date",
        "inconsistent",
        "customers born in the future, or who would be 5 or less, or over 110",
        "a made-up age would put them into the wrong group; they count as of unknown age",
        "repaired",
        where="birth_date > present - interval 5 years or birth_date < present - interval 111 years",
        among="birth_date is not null",
        example="concat_ws(' ', source_customer_id, 'born', birth_date)",
    ),
    RowCheck(
        "no_email",
        "customers",
        "email",
        "inconsistent",
        "e-mail addresses that cannot be one",
        "they tie no records together and cannot be written to",
        where="not regexp_full_match(trim(email), '[^@\\s]+@[^@\\s]+\\.[^@\\s]+')",
        among="email is not null",
        example="concat_ws(' ', source_customer_id, email)",
    ),
    RowCheck(
        "rating_off_scale",
        "reviews",
        "rating",
        "inconsistent",
        "ratings below 0 or above 10",
        "mean ratings are wrong",
        where="rating < 0 or rating > 10",
        among="rating is not null",
        example="concat_ws(' ', review_id, rating)",
    ),
)

TOGETHER = (
    QueryCheck(
        "category_id_ambiguous",
        "products",
        "category_id",
        "inconsistent",
        "products whose category id stands for several categories",
        "sales and interest of one category are divided among several names",
        needs=("products",),
        sql="""
        with ids as (
          select source, category_id, min(category, 2) as names, count(distinct category) as times,
                 count(distinct product_id) as products
          from facts.products where category_id is not null group by source, category_id
        ), pairs as (
          select source, category_id, min(category) as first, max(category) as last
          from facts.products where category_id is not null group by source, category_id
        )
        select source, coalesce(sum(products) filter (where times > 1), 0) as rows, sum(products) as looked_at,
               min(category_id || ': ' || first || ' and ' || last, 3) filter (where times > 1) as examples
        from ids join pairs using (source, category_id) group by source""",
    ),
    QueryCheck(
        "currencies_mixed",
        "orders",
        "currency",
        "inconsistent",
        "orders in another currency than the source's most frequent one",
        "Footfall does not convert: spend adds up amounts of different currencies",
        needs=("orders",),
        sql="""
        with counted as (
          select source, currency, count(*) as rows from facts.orders where currency is not null group by all
        ), ranked as (
          select *, row_number() over (partition by source order by rows desc, currency) as rank from counted
        )
        select source, coalesce(sum(rows) filter (where rank > 1), 0) as rows, sum(rows) as looked_at,
               min(currency || ' (' || rows::varchar || ')', 3) filter (where rank > 1) as examples
        from ranked group by source""",
    ),
    QueryCheck(
        "order_amount_differs",
        "orders",
        "amount",
        "inconsistent",
        "orders whose amount is not what their lines sold come to, even less the discount",
        "spend per order and revenue per product do not add up to the same total",
        needs=("orders", "lines"),
        sql="""
        with sold as (
          select source, order_id, sum(amount) as amount from facts.lines
          where kind = 'sale' and order_id is not null group by source, order_id
        ), both_sides as (
          select o.source, o.order_id, o.amount, s.amount as sold, o.discount,
                 abs(o.amount - s.amount) > 0.05
                 and coalesce(abs(abs(o.amount - s.amount) - abs(o.discount)) > 0.05, true) as differs
          from facts.orders o join sold s on s.source = o.source and s.order_id = o.order_id
          where o.amount is not null and s.amount is not null
        )
        select source, count(*) filter (where differs) as rows, count(*) as looked_at,
               min(order_id || ': ' || amount::varchar || ', lines ' || sold::varchar, 3)
                 filter (where differs) as examples
        from both_sides group by source""",
    ),
    QueryCheck(
        "order_extreme",
        "orders",
        "amount",
        "inconsistent",
        "orders of more than 100 times the usual (median) amount",
        "a single one can rule mean spend and the customer's features; often an error that is cancelled later",
        needs=("orders",),
        sql="""
        with usual as (
          select source, median(amount::double) as amount, count(*) as looked_at
          from facts.orders where amount > 0 group by source having count(*) >= 20
        )
        select o.source, count(*) filter (where o.amount > 100 * u.amount) as rows,
               any_value(u.looked_at) as looked_at,
               (list(o.order_id || ' ' || o.amount::varchar order by o.amount desc, o.order_id)
                  filter (where o.amount > 100 * u.amount))[:3] as examples
        from facts.orders o join usual u using (source) group by o.source""",
    ),
    QueryCheck(
        "bots",
        "events",
        "source_customer_id",
        "inconsistent",
        "events of visitors with more than 1,000 events in a day",
        "programs rather than people: they swell views and interest, and never buy",
        needs=("events",),
        sql="""
        with busy as (
          select source, source_customer_id from quality_visitors where rows > 1000
        ), days as (
          select e.source, e.source_customer_id, e.occurred_at::date as day, count(*) as rows
          from facts.events e join busy b on b.source = e.source and b.source_customer_id = e.source_customer_id
          where e.occurred_at is not null group by all having count(*) > 1000
        )
        select d.source, sum(d.rows) as rows, any_value(v.looked_at) as looked_at,
               min(source_customer_id || ': ' || d.rows::varchar || ' on ' || day::varchar, 3) as examples
        from days d join (select source, sum(rows) as looked_at from quality_visitors group by source) v
          on v.source = d.source
        group by d.source""",
    ),
)

INCONSISTENT = (*TIMES, *GOODS, *PEOPLE, *TOGETHER)
