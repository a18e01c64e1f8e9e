"""REES46 clickstreams (multi-category store, cosmetics shop): one event a row."""

from footfall.sources.declare import Fill, Role, Source, kept, repaired, set_aside

_WORDS = """case lower(trim(event_type)) when 'cart' then 'add_to_cart' when 'remove_from_cart' then 'remove_from_cart'
    else lower(trim(event_type)) end"""

_EVENTS = Role(
    "events",
    columns=("event_time", "event_type", "product_id", "user_id"),
    optional=("category_id", "category_code", "brand", "price", "user_session"),
    values={
        "occurred_at": """case when event_time like '____-__-__ __:__:__ UTC'
            then try_cast(event_time as timestamp) else instant(event_time) end""",
        "type": _WORDS,
        "product_id": "product_id",
        "category_id": "category_id",
        "category": "lower(category_code)",
        "brand": "lower(trim(brand))",
        "price": "try_cast(price as DECIMAL(18,4))",
        "customer": "user_id",
        "session_id": "user_session",
    },
    into="events",
    checks=(
        set_aside("no event type", "type is null", "missing", "event_type"),
        set_aside("no customer", "customer is null", "missing", "user_id"),
        set_aside("no readable price", "price is null and raw_price is not null", column="price"),
        set_aside("negative price", "price < 0", column="price", effect="refunds in disguise: out of all sums"),
        kept(
            "unknown event type",
            "type not in ('view', 'add_to_cart', 'remove_from_cart', 'purchase')",
            column="event_type",
        ),
        kept("no category", "category is null", "missing", effect="in no category's answers"),
        kept("no session", "session_id is null", "missing", "user_session"),
        repaired("brand in mixed letter case", "raw_brand <> brand", column="brand"),
    ),
)

_ORDER = "customer || '-' || epoch(occurred_at)::BIGINT || coalesce('-' || left(session_id, 8), '')"

SOURCE = Source(
    meaning="REES46 clickstream: event_time, event_type, product_id, ..., user_id, user_session",
    home="https://www.kaggle.com/mkechinov/ecommerce-behavior-data-from-multi-category-store",
    roles=(_EVENTS,),
    fills=(
        Fill(
            "events",
            """select occurred_at, type, product_id, category, brand, price, session_id,
                 customer as source_customer_id, row_hash
               from new_events""",
        ),
        Fill(
            "lines",
            f"""select {_ORDER} as order_id, product_id, category, brand, occurred_at, 'sale' as kind, 1 as quantity,
                 price, price as amount, customer as source_customer_id, row_hash
               from new_events where type = 'purchase'""",
        ),
        Fill(
            "orders",
            f"""select order_id, min(source_customer_id) as source_customer_id, min(occurred_at) as occurred_at,
                 sum(amount) as amount, 'web' as channel
               from facts.lines
               where source = 'rees46'
                 and order_id in (select {_ORDER} from new_events where type = 'purchase')
               group by order_id""",
            replace=True,
        ),
        Fill(
            "products",
            """select product_id, category_id, category, brand from (
                 select product_id, category_id, category, brand, count(*) as n
                 from new_events where product_id is not null group by all
               ) qualify row_number() over (
                 partition by product_id order by n desc, category_id, category, brand) = 1""",
            replace=True,
        ),
    ),
)
