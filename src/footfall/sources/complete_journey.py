"""dunnhumby Complete Journey: grocery baskets of households, with demographics, campaigns, coupons, promotions."""

from footfall.sources.declare import Fill, Role, Source, kept, set_aside

_TRANSACTIONS = Role(
    "transactions",
    columns=(
        "household_id",
        "basket_id",
        "product_id",
        "quantity",
        "sales_value",
        "transaction_timestamp",
    ),
    optional=("store_id", "retail_disc", "coupon_disc", "coupon_match_disc"),
    files=("*transactions*",),
    values={
        "customer": "household_id",
        "order_id": "basket_id",
        "product_id": "product_id",
        "store_id": "store_id",
        "quantity": "try_cast(quantity as DOUBLE)",
        "amount": "try_cast(sales_value as DECIMAL(18,4))",
        "discount": """coalesce(try_cast(retail_disc as DECIMAL(18,4)), 0)
            + coalesce(try_cast(coupon_disc as DECIMAL(18,4)), 0)
            + coalesce(try_cast(coupon_match_disc as DECIMAL(18,4)), 0)""",
        "occurred_at": "instant(transaction_timestamp)",
    },
    into="lines",
    checks=(
        set_aside("no readable quantity", "quantity is null", column="quantity"),
        set_aside("no readable amount", "amount is null", column="sales_value"),
        set_aside("quantity of zero", "quantity = 0", column="quantity", effect="nothing changed hands"),
        set_aside("negative quantity or amount", "quantity < 0 or amount < 0", column="quantity"),
        kept("amount of zero", "amount = 0", column="sales_value", effect="free with a coupon: counts as demand"),
        kept("sold by weight or volume", "quantity >= 1000", column="quantity", effect="fuel: units are not pieces"),
    ),
)

_PRODUCTS = Role(
    "products",
    columns=("product_id", "department"),
    optional=("brand", "product_category", "product_type", "package_size", "manufacturer_id"),
    files=("*products*",),
    values={
        "product_id": "product_id",
        "name": "nullif(concat_ws(', ', product_type, package_size), '')",
        "category": "nullif(concat_ws('.', replace(department, '.', ''), replace(product_category, '.', '')), '')",
        "brand": "nullif(concat_ws(' ', brand, manufacturer_id), '')",
    },
    key=("product_id",),
    into="products",
)

_DEMOGRAPHICS = Role(
    "demographics",
    columns=("household_id", "age", "income"),
    optional=("home_ownership", "marital_status", "household_size", "household_comp", "kids_count"),
    files=("*demographics*",),
    values={
        "customer": "household_id",
        # The middle of the bracket; five years above the open one.
        "age": """case when age like '%+' then try_cast(replace(age, '+', '') as INTEGER) + 5
            else round((try_cast(split_part(age, '-', 1) as INTEGER) + try_cast(split_part(age, '-', 2) as INTEGER))
              / 2.0)::INTEGER end""",
        "income": """1000.0 * case
            when income like 'Under%' then try_cast(regexp_extract(income, '[0-9]+') as DOUBLE) / 2
            when income like '%+' then try_cast(regexp_extract(income, '[0-9]+') as DOUBLE) + 25
            else (try_cast(regexp_extract(income, '^([0-9]+)-', 1) as DOUBLE)
              + try_cast(regexp_extract(income, '-([0-9]+)K', 1) as DOUBLE) + 1) / 2 end""",
        "household": """nullif(concat_ws(', ', household_comp, marital_status, home_ownership,
            household_size || ' persons', kids_count || ' children'), '')""",
    },
    key=("customer",),
    into="customers",
    checks=(kept("no readable age", "age is null", "missing", "age"),),
)

_CAMPAIGNS = Role(
    "campaigns",
    columns=("campaign_id", "household_id"),
    files=("*campaigns*",),
    values={"offer": "campaign_id", "customer": "household_id"},
    into="offers",
)

_DESCRIPTIONS = Role(
    "descriptions",
    columns=("campaign_id", "campaign_type", "start_date"),
    files=("*campaign_descriptions*",),
    values={"offer": "campaign_id", "type": "campaign_type", "starts_at": "instant(start_date)"},
    key=("offer",),
)

_COUPONS = Role(
    "coupons",
    columns=("coupon_upc", "product_id", "campaign_id"),
    files=("*coupons*",),
    values={"product_id": "product_id", "offer": "campaign_id"},
    into="offers",
)

_REDEMPTIONS = Role(
    "redemptions",
    columns=("household_id", "coupon_upc", "campaign_id", "redemption_date"),
    files=("*redemptions*",),
    values={"customer": "household_id", "offer": "campaign_id", "occurred_at": "instant(redemption_date)"},
    into="offers",
)

_PROMOTIONS = Role(
    "promotions",
    columns=("product_id", "store_id", "display_location", "mailer_location", "week"),
    files=("*promotions*",),
    values={
        "product_id": "product_id",
        "offer": "'store ' || store_id || ', display ' || display_location || ', mailer ' || mailer_location",
        # Weeks start on Mondays; the first is the one Sunday before.
        "occurred_at": """utc(greatest(timestamp '2017-01-01',
            timestamp '2016-12-26' + to_days(7 * (try_cast(week as INTEGER) - 1))))""",
    },
    into="offers",
)

_STARTED = "coalesce(d.starts_at, always()) as occurred_at"

SOURCE = Source(
    meaning="dunnhumby Complete Journey: baskets, products, demographics, campaigns, coupons, promotions of a grocer",
    home="https://www.dunnhumby.com/source-files/",
    roles=(
        _TRANSACTIONS,
        _PRODUCTS,
        _DEMOGRAPHICS,
        _CAMPAIGNS,
        _DESCRIPTIONS,
        _COUPONS,
        _REDEMPTIONS,
        _PROMOTIONS,
    ),
    fills=(
        Fill("products", "select product_id, name, category, brand, row_hash from new_products"),
        Fill(
            "customers",
            """select customer as source_customer_id, age, income, household, always() as occurred_at, row_hash
               from new_demographics""",
        ),
        Fill(
            "lines",
            """select t.order_id, t.product_id, p.category, p.brand, t.store_id, t.customer as source_customer_id,
                 t.occurred_at, 'sale' as kind, t.quantity, cast(t.amount as DOUBLE) / t.quantity as price, t.amount,
                 t.row_hash
               from new_transactions t
               left join facts.products p on p.source = 'complete_journey' and p.product_id = t.product_id""",
        ),
        Fill(
            "orders",
            """select order_id, min(store_id) as store_id, min(customer) as source_customer_id,
                 min(occurred_at) as occurred_at, sum(amount) as amount, sum(discount) as discount, 'USD' as currency,
                 'shop' as channel
               from staged_transactions
               where order_id in (select order_id from new_transactions) group by order_id""",
            replace=True,
        ),
        Fill(
            "offers",
            f"""select c.offer, 'sent' as kind, c.customer as source_customer_id, {_STARTED}, c.row_hash
               from new_campaigns c left join staged_descriptions d using (offer)""",
        ),
        Fill(
            "offers",
            f"""select c.offer, 'coupon' as kind, c.product_id, {_STARTED}, c.row_hash
               from new_coupons c left join staged_descriptions d using (offer)""",
        ),
        Fill(
            "offers",
            """select offer, 'redeemed' as kind, customer as source_customer_id, occurred_at, row_hash
               from new_redemptions""",
        ),
        Fill(
            "offers",
            "select offer, 'promotion' as kind, product_id, occurred_at, row_hash from new_promotions",
        ),
    ),
)
