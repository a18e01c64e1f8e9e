"""RetailRocket events: the original CSV (ms, words) and the coded Parquet sample (0 view, 1 cart, 2 transaction)."""

from footfall.sources.declare import Fill, Role, Source, set_aside

_EVENTS = Role(
    "events",
    columns=("timestamp", "visitorid", "event", "itemid"),
    optional=("transactionid", "session_id"),
    files=("*events*",),
    values={
        "occurred_at": """case when regexp_full_match("timestamp", '[0-9]+')
            then make_timestamp(try_cast("timestamp" as BIGINT) * 1000) else instant("timestamp") end""",
        "type": """case event when '0' then 'view' when 'view' then 'view' when '1' then 'add_to_cart'
            when 'addtocart' then 'add_to_cart' when '2' then 'purchase' when 'transaction' then 'purchase' end""",
        "product_id": "itemid",
        "customer": "visitorid",
        "session_id": "session_id",
        "order_id": "transactionid",
    },
    into="events",
    checks=(
        set_aside("unknown event", "type is null", column="event"),
        set_aside("no customer", "customer is null", "missing", "visitorid"),
        set_aside("purchase without transaction", "type = 'purchase' and order_id is null", "missing"),
    ),
)

SOURCE = Source(
    meaning="RetailRocket events: timestamp, visitorid, event, itemid, transactionid; no prices",
    home="https://www.kaggle.com/datasets/retailrocket/ecommerce-dataset",
    roles=(_EVENTS,),
    fills=(
        Fill(
            "events",
            """select occurred_at, type, product_id, session_id, customer as source_customer_id, row_hash
               from new_events""",
        ),
        Fill(
            "lines",
            """select order_id, product_id, occurred_at, 'sale' as kind, 1 as quantity,
                 customer as source_customer_id, row_hash
               from new_events where type = 'purchase'""",
        ),
        Fill(
            "orders",
            """select order_id, min(source_customer_id) as source_customer_id, min(occurred_at) as occurred_at,
                 'web' as channel
               from facts.lines
               where source = 'retailrocket' and order_id in (select order_id from new_events)
               group by order_id""",
            replace=True,
        ),
        Fill("products", "select distinct product_id from new_events where product_id is not null"),
    ),
)
