"""The three tables of a "Data Insights" exercise: Transactions, Customer_Interactions, Customer_Details."""

from footfall.sources.declare import Fill, Role, Source, kept, repaired, set_aside


def _time(column: str) -> str:
    """ISO first; with slashes the month comes first unless that cannot be."""
    formats = "['%m/%d/%Y %H:%M:%S', '%m/%d/%Y %H:%M', '%m/%d/%Y', '%d/%m/%Y %H:%M:%S', '%d/%m/%Y %H:%M', '%d/%m/%Y']"
    return f'coalesce(instant("{column}"), utc(try_strptime("{column}", {formats})))'


def _slashes(column: str) -> str:
    return f"\"raw_{column}\" like '%/%'"


_TRANSACTIONS = Role(
    "transactions",
    columns=(
        "Customer ID",
        "Transaction ID",
        "Transaction Date",
        "Product Category",
        "Product ID",
        "Quantity",
        "Transaction Amount",
    ),
    values={
        "customer": 'trim("Customer ID")',
        "order_id": 'trim("Transaction ID")',
        "occurred_at": _time("Transaction Date"),
        "category": 'trim("Product Category")',
        "product_id": 'trim("Product ID")',
        "quantity": "try_cast(Quantity as DOUBLE)",
        "amount": "try_cast(regexp_replace(\"Transaction Amount\", '[$€£, ]', '', 'g') as DECIMAL(18,4))",
    },
    into="lines",
    checks=(
        set_aside("no transaction id", "order_id is null", "missing", "Transaction ID"),
        set_aside("no readable quantity", "quantity is null or quantity = 0", column="Quantity"),
        set_aside("no readable amount", "amount is null", column="Transaction Amount"),
        repaired("date with slashes", _slashes("Transaction Date"), column="Transaction Date"),
        kept("no customer", "customer is null", "missing", "Customer ID"),
        kept("return", "quantity < 0 or amount < 0", column="Quantity"),
    ),
)

_INTERACTIONS = Role(
    "interactions",
    columns=(
        "Customer ID",
        "Interaction ID",
        "Interaction Date",
        "Interaction Type",
        "Product ID",
        "Product Category",
    ),
    values={
        "customer": 'trim("Customer ID")',
        "event_id": 'trim("Interaction ID")',
        "occurred_at": _time("Interaction Date"),
        "type": "regexp_replace(lower(trim(\"Interaction Type\")), '[^a-z]+', '_', 'g')",
        "product_id": 'trim("Product ID")',
        "category": 'trim("Product Category")',
    },
    key=("event_id",),
    into="events",
    checks=(
        set_aside("no interaction id", "event_id is null", "missing", "Interaction ID"),
        set_aside("no interaction type", "type is null", "missing", "Interaction Type"),
        repaired("date with slashes", _slashes("Interaction Date"), column="Interaction Date"),
    ),
)

_DETAILS = Role(
    "details",
    columns=("Customer ID", "Age", "Gender", "Location", "Income", "Profession"),
    values={
        "customer": 'trim("Customer ID")',
        "age": "case when try_cast(Age as DOUBLE) between 0 and 120 then try_cast(Age as DOUBLE)::INTEGER end",
        "gender": "lower(trim(Gender))",
        "location": "trim(Location)",
        "income": "try_cast(regexp_replace(Income, '[$€£, ]', '', 'g') as DOUBLE)",
        "profession": "trim(Profession)",
    },
    into="customers",
    checks=(
        set_aside("no customer id", "customer is null", "missing", "Customer ID"),
        repaired("impossible age", "age is null and raw_Age is not null", column="Age", effect="taken as unknown"),
        repaired("income not a number", "income is null and raw_Income is not null", column="Income"),
    ),
)

_WORDS = """case type when 'cart' then 'add_to_cart' when 'addtocart' then 'add_to_cart'
    when 'page_view' then 'view' when 'product_view' then 'view' when 'wishlist' then 'favourite' else type end"""

SOURCE = Source(
    meaning="three tables: Transactions, Customer_Interactions, Customer_Details",
    roles=(_TRANSACTIONS, _INTERACTIONS, _DETAILS),
    fills=(
        Fill(
            "lines",
            """select order_id, product_id, category, customer as source_customer_id, occurred_at,
                 case when quantity < 0 or amount < 0 then 'return' else 'sale' end as kind,
                 case when amount < 0 then -abs(quantity) else quantity end as quantity,
                 abs(cast(amount as DOUBLE) / quantity) as price,
                 case when quantity < 0 then -abs(amount) else amount end as amount, row_hash
               from new_transactions""",
        ),
        Fill(
            "orders",
            """select order_id, min(source_customer_id) as source_customer_id, min(occurred_at) as occurred_at,
                 sum(amount) as amount
               from facts.lines
               where source = 'data_insights' and kind = 'sale'
                 and order_id in (select order_id from new_transactions)
               group by order_id""",
            replace=True,
        ),
        Fill(
            "events",
            f"""select event_id, {_WORDS} as type, product_id, category, customer as source_customer_id, occurred_at,
                 row_hash from new_interactions""",
        ),
        Fill(
            "customers",
            """select customer as source_customer_id, age, gender, location, income, profession,
                 always() as occurred_at, row_hash
               from new_details""",
        ),
        Fill(
            "products",
            """select product_id, category from (
                 select product_id, category, count(*) as n from (
                   select product_id, category from new_transactions
                   union all select product_id, category from new_interactions
                 ) where product_id is not null group by all
               ) qualify row_number() over (partition by product_id order by n desc, category) = 1""",
            replace=True,
        ),
    ),
)
