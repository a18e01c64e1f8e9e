"""Taobao UserBehavior: user, item, category, behaviour, unix time; no header.

The times are true unix seconds; the days of the data set are those of Beijing (UTC+8), 2017-11-25 to 2017-12-03.
"""

from footfall.sources.declare import Fill, Role, Source, set_aside

_EVENTS = Role(
    "events",
    columns=("user", "item", "category", "behaviour", "time"),
    header=False,
    values={
        "occurred_at": "make_timestamp(try_cast(time as BIGINT) * 1000000)",
        "type": """case behaviour when 'pv' then 'view' when 'cart' then 'add_to_cart' when 'fav' then 'favourite'
            when 'buy' then 'purchase' end""",
        "product_id": "item",
        "category": "category",
        "customer": '"user"',
    },
    into="events",
    checks=(
        set_aside(
            "time outside the nine days",
            "occurred_at < timestamp '2017-11-23 16:00' or occurred_at >= timestamp '2017-12-04 16:00'",
            column="time",
            effect="more than a day before or after all others: the clock was wrong",
        ),
        set_aside("unknown behaviour", "type is null", column="behaviour"),
        set_aside("no customer", "customer is null", "missing", "user"),
    ),
)

_ORDER = "customer || '-' || epoch(occurred_at)::BIGINT"

SOURCE = Source(
    meaning="Taobao UserBehavior: user, item, category, behaviour (pv, cart, fav, buy), unix time; no header",
    home="https://tianchi.aliyun.com/dataset/649",
    roles=(_EVENTS,),
    fills=(
        Fill(
            "events",
            """select occurred_at, type, product_id, category, customer as source_customer_id, row_hash
               from new_events""",
        ),
        Fill(
            "lines",
            f"""select {_ORDER} as order_id, product_id, category, occurred_at, 'sale' as kind, 1 as quantity,
                 customer as source_customer_id, row_hash
               from new_events where type = 'purchase'""",
        ),
        Fill(
            "orders",
            f"""select {_ORDER} as order_id, customer as source_customer_id, min(occurred_at) as occurred_at
               from new_events where type = 'purchase' group by all""",
        ),
        Fill(
            "products",
            """select product_id, category, category as category_id from (
                 select product_id, category, count(*) as n from new_events group by all
               ) qualify row_number() over (partition by product_id order by n desc, category) = 1""",
            replace=True,
        ),
    ),
)
