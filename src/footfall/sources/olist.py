"""Olist: orders, items, customers and products of a Brazilian marketplace, joined by id.

An order reaches the business when its payment is approved: `known_at`. The data do not say when an order was
cancelled; the return stands at the promised delivery date, by when it was known not to come.
"""

from footfall.sources.declare import Fill, Role, Source, kept, set_aside

_CUSTOMERS = Role(
    "customers",
    columns=("customer_id", "customer_unique_id"),
    optional=("customer_zip_code_prefix", "customer_city", "customer_state"),
    files=("*customers*",),
    values={
        "customer_id": "customer_id",
        "customer": "customer_unique_id",
        # Five digits; a spreadsheet eats the leading zero.
        "postcode": "lpad(customer_zip_code_prefix, 5, '0')",
        "location": "nullif(concat_ws(', ', customer_city, customer_state), '')",
    },
    key=("customer_id",),
    into="customers",
    checks=(set_aside("no customer id", "customer_id is null or customer is null", "missing", "customer_id"),),
    required=True,
)

_ORDERS = Role(
    "orders",
    columns=("order_id", "customer_id", "order_status", "order_purchase_timestamp"),
    optional=("order_approved_at", "order_delivered_customer_date", "order_estimated_delivery_date"),
    files=("*orders*",),
    values={
        "order_id": "order_id",
        "customer_id": "customer_id",
        "status": "lower(order_status)",
        "occurred_at": "instant(order_purchase_timestamp)",
        "approved_at": "instant(order_approved_at)",
        "promised_at": "instant(order_estimated_delivery_date)",
        "delivered_at": "instant(order_delivered_customer_date)",
    },
    key=("order_id",),
    into="orders",
    checks=(
        set_aside("no order id", "order_id is null", "missing", "order_id"),
        set_aside("approved before it was placed", "approved_at < occurred_at", column="order_approved_at"),
        kept(
            "cancelled or unavailable",
            "status in ('canceled', 'unavailable')",
            column="order_status",
            effect="its lines come back as returns, at the promised delivery date",
        ),
        kept("never approved", "approved_at is null", "missing", effect="known from the purchase on"),
        kept("approved after a day or more", "approved_at >= occurred_at + interval 1 day", "late"),
    ),
    required=True,
)

_ITEMS = Role(
    "items",
    columns=("order_id", "order_item_id", "product_id", "price"),
    optional=("seller_id", "freight_value"),
    files=("*order_items*",),
    values={
        "order_id": "order_id",
        "item": "order_item_id",
        "product_id": "product_id",
        "price": "try_cast(price as DECIMAL(18,4))",
    },
    key=("order_id", "item"),
    into="lines",
    checks=(
        set_aside("no order id", "order_id is null", "missing", "order_id"),
        set_aside("no readable price", "price is null or price < 0", column="price"),
        set_aside(
            "item of an unknown order",
            "not exists (select 1 from staged_orders o where o.order_id = file.order_id)",
            column="order_id",
        ),
    ),
    required=True,
)

_PRODUCTS = Role(
    "products",
    columns=("product_id", "product_category_name"),
    files=("*products*",),
    values={"product_id": "product_id", "category": "product_category_name"},
    key=("product_id",),
    into="products",
    checks=(
        set_aside("no product id", "product_id is null", "missing", "product_id"),
        kept("no category", "category is null", "missing", effect="in no category's answers"),
    ),
)

_WORDS = Role(
    "translation",
    columns=("product_category_name", "product_category_name_english"),
    files=("*translation*",),
    values={"category": "product_category_name", "english": "product_category_name_english"},
    key=("category",),
)

SOURCE = Source(
    meaning="Olist: orders, order items, customers and products of a Brazilian marketplace, joined by id",
    home="https://www.kaggle.com/datasets/olistbr/brazilian-ecommerce",
    roles=(_CUSTOMERS, _ORDERS, _ITEMS, _PRODUCTS, _WORDS),
    fills=(
        Fill(
            "products",
            """select p.product_id, coalesce(w.english, p.category) as category, p.category as category_id, p.row_hash
               from new_products p left join staged_translation w on w.category = p.category""",
        ),
        Fill(
            "customers",
            """select c.customer as source_customer_id, c.postcode, c.location, 'web' as channel,
                 coalesce(o.occurred_at, always()) as occurred_at, coalesce(o.occurred_at, always()) as registered_at,
                 c.row_hash
               from new_customers c
               left join (select customer_id, min(occurred_at) as occurred_at from staged_orders group by all) o
                 on o.customer_id = c.customer_id""",
        ),
        Fill(
            "orders",
            """select o.order_id, c.customer as source_customer_id, o.occurred_at, o.approved_at as known_at,
                 i.amount, 'BRL' as currency, 'web' as channel, o.row_hash
               from new_orders o
               left join staged_customers c on c.customer_id = o.customer_id
               left join (select order_id, sum(price) as amount from staged_items group by all) i
                 on i.order_id = o.order_id""",
        ),
        Fill(
            "lines",
            """select i.order_id, i.product_id, p.category, c.customer as source_customer_id, o.occurred_at,
                 o.approved_at as known_at, 'sale' as kind, 1 as quantity, i.price, i.price as amount, i.row_hash
               from new_items i
               join staged_orders o on o.order_id = i.order_id
               left join staged_customers c on c.customer_id = o.customer_id
               left join facts.products p on p.source = 'olist' and p.product_id = i.product_id""",
        ),
        Fill(
            "lines",
            """select i.order_id, i.product_id, p.category, c.customer as source_customer_id,
                 greatest(coalesce(o.promised_at, o.occurred_at), o.approved_at) as occurred_at,
                 'return' as kind, -1 as quantity, i.price, -i.price as amount,
                 hash('return', i.row_hash) as row_hash
               from new_items i
               join staged_orders o on o.order_id = i.order_id and o.status in ('canceled', 'unavailable')
               left join staged_customers c on c.customer_id = o.customer_id
               left join facts.products p on p.source = 'olist' and p.product_id = i.product_id""",
        ),
    ),
)
