"""CDNOW: purchases of the cohort of early 1997; dates only, no products."""

from footfall.sources.declare import Fill, Role, Source, kept, set_aside

_ORDERS = Role(
    "orders",
    columns=("customer_id", "date", "quantity", "price"),
    values={
        "customer": "trim(customer_id)",
        "occurred_at": "instant(date)",
        "quantity": "try_cast(quantity as DOUBLE)",
        "amount": "try_cast(price as DECIMAL(18,4))",
    },
    into="orders",
    # Two equal orders of one day are two orders: there is no id and no time of day to tell them apart.
    repeats=True,
    checks=(
        set_aside("no customer", "customer is null", "missing", "customer_id"),
        set_aside("no readable quantity", "quantity is null or quantity <= 0", column="quantity"),
        set_aside("no readable amount", "amount is null or amount < 0", column="price"),
        kept("amount of zero", "amount = 0", column="price", effect="an order that cost nothing still counts as one"),
    ),
)

_ORDER = "customer || '-' || strftime(occurred_at, '%Y%m%d') || '-' || lower(to_hex(row_hash))"

SOURCE = Source(
    meaning="CDNOW: customer_id, date, quantity, price (of the whole order)",
    home="https://www.brucehardie.com/datasets/",
    roles=(_ORDERS,),
    fills=(
        Fill(
            "orders",
            f"""select {_ORDER} as order_id, customer as source_customer_id, occurred_at, amount, 'USD' as currency,
                 row_hash from new_orders""",
        ),
        Fill(
            "lines",
            f"""select {_ORDER} as order_id, customer as source_customer_id, occurred_at, 'sale' as kind, quantity,
                 cast(amount as DOUBLE) / quantity as price, amount, row_hash from new_orders""",
        ),
    ),
)
