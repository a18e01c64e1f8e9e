"""A shop made by `footfall simulate`: web events, orders, accounts, a CRM export, catalogue and the rest, as files.

All stamps are UTC. Web ids are account numbers or cookie ids; CRM records get ids `crm:<id>`; guest checkouts
have no customer, but a name and a postcode, until `resolve` finds out whose they are.
"""

from footfall.sources.declare import Fill, Role, Source, kept, repaired, set_aside

_ITEM = "STRUCT(product_id VARCHAR, category VARCHAR, brand VARCHAR, price VARCHAR, quantity VARCHAR)[]"


def _name_sql(column: str) -> str:
    """One-word names in one spelling: `SMITH` and `smith` are `Smith`."""
    text = f"trim({column})"
    return f"""case when {text} = lower({text}) or ({text} = upper({text}) and length({text}) > 1)
        then upper(left({text}, 1)) || lower(substr({text}, 2)) else {text} end"""


def _brand_sql(column: str) -> str:
    """A brand without legal form, in one spelling."""
    text = f"trim({column})"
    bare = f"(case when {text} like '% Ltd' then left({text}, length({text}) - 4) else {text} end)"
    return f"upper(left({bare}, 1)) || lower(substr({bare}, 2))"


def _time_sql(column: str) -> str:
    return f"coalesce(try_cast({column} as timestamp), try_strptime({column}, '%d/%m/%Y %H:%M:%S'))"


def _birth_sql(column: str) -> str:
    day = f"cast(coalesce(try_cast({column} as date), try_strptime({column}, ['%d/%m/%Y', '%d %b %Y'])) as date)"
    return f"case when {day} between date '1900-01-01' and current_date then {day} end"


_SPELT = "letter case or spaces that differ are no other person"
_NAMES = {
    "first_name": _name_sql("first_name"),
    "surname": _name_sql("surname"),
    "email": "lower(trim(email))",
    "phone": "trim(phone)",
    "postcode": "upper(trim(postcode))",
    "address": "trim(address)",
    "birth_date": _birth_sql("birth_date"),
}
_PERSON_CHECKS = (
    repaired("first name in capitals or small letters", "raw_first_name <> first_name", column="first_name"),
    repaired("surname in capitals or small letters", "raw_surname <> surname", column="surname", effect=_SPELT),
    repaired("postcode in small letters", "raw_postcode <> postcode", column="postcode", effect=_SPELT),
    repaired(
        "birth date in another format",
        "birth_date is not null and raw_birth_date not like '____-__-__'",
        column="birth_date",
    ),
    repaired(
        "impossible birth date",
        "birth_date is null and raw_birth_date is not null",
        column="birth_date",
        effect="the age counts as unknown",
    ),
    kept("no birth date", "raw_birth_date is null", "missing", "birth_date", effect="age says nothing about them"),
    kept("no e-mail address", "email is null", "missing", "email", effect="harder to recognise again"),
)

_EVENTS = Role(
    "events",
    columns=("event_id", "ts", "user", "session", "type", "items"),
    optional=("received_at",),
    files=("events*",),
    types={"items": _ITEM},
    values={
        "event_id": "event_id",
        "customer": '"user"',
        "session_id": "session",
        "type": '"type"',
        "occurred_at": "try_cast(ts as timestamp)",
        "known_at": "try_cast(received_at as timestamp)",
        "product_id": "items[1].product_id",
        "category": "items[1].category",
        "brand": _brand_sql("items[1].brand"),
        "price": "try_cast(items[1].price as DECIMAL(18,4))",
        "more": "case when len(items) > 1 then items[2:] end",
    },
    key=("event_id",),
    into="events",
    checks=(
        set_aside("no event id", "event_id is null", "missing", "event_id"),
        set_aside("no visitor", "customer is null", "missing", "user"),
        set_aside("negative price", "price < 0", column="items"),
        repaired("brand in another spelling", "raw_items[1].brand <> brand"),
        kept(
            "late",
            "known_at > occurred_at + interval 1 hour",
            "late",
            "received_at",
            effect="not part of any history before it was received",
        ),
    ),
)
_ORDERS = Role(
    "orders",
    columns=("order_id", "customer_id", "ordered_at", "amount"),
    optional=(
        "received_at",
        "currency",
        "discount",
        "coupon",
        "channel",
        "payment_method",
        "shipping_address",
        "guest_first_name",
        "guest_surname",
        "guest_postcode",
    ),
    files=("orders*",),
    values={
        "order_id": "trim(order_id)",
        "customer": "trim(customer_id)",
        "occurred_at": _time_sql("ordered_at"),
        "known_at": _time_sql("received_at"),
        "amount": "try_cast(amount as DECIMAL(18,4))",
        "currency": "upper(trim(currency))",
        "discount": "try_cast(discount as DECIMAL(18,4))",
        "channel": "lower(trim(channel))",
        "payment_method": "lower(trim(payment_method))",
        "shipping_address": "trim(shipping_address)",
        "guest_first_name": _name_sql("guest_first_name"),
        "guest_surname": _name_sql("guest_surname"),
        "guest_postcode": "upper(trim(guest_postcode))",
    },
    key=("order_id",),
    into="orders",
    checks=(
        set_aside("no order id", "order_id is null", "missing", "order_id"),
        set_aside("no readable amount", "amount is null", column="amount"),
        set_aside("negative amount", "amount < 0", column="amount"),
        repaired("date in another format", "raw_ordered_at not like '____-__-__T%'", column="ordered_at"),
        repaired("currency in small letters", "raw_currency <> currency", column="currency"),
        repaired("payment method in capitals", "raw_payment_method <> payment_method", column="payment_method"),
        kept(
            "late",
            "known_at > occurred_at + interval 1 hour",
            "late",
            "received_at",
            effect="not part of any history before it was received",
        ),
        kept(
            "guest checkout",
            "customer is null",
            "missing",
            "customer_id",
            effect="counts in demand, and for no customer: nobody knows yet whose it is",
        ),
    ),
)
_LINES = Role(
    "lines",
    columns=("order_id", "line_number", "kind", "product_id", "quantity", "price", "occurred_at"),
    optional=("amount", "received_at"),
    files=("order_lines*",),
    values={
        "order_id": "trim(order_id)",
        "line_number": "trim(line_number)",
        "kind": "lower(trim(kind))",
        "product_id": "trim(product_id)",
        "quantity": "try_cast(quantity as DOUBLE)",
        "price": "try_cast(price as DECIMAL(18,4))",
        "occurred_at": _time_sql("occurred_at"),
        "known_at": _time_sql("received_at"),
    },
    key=("order_id", "line_number"),
    into="lines",
    checks=(
        set_aside("no readable quantity", "quantity is null", column="quantity"),
        set_aside("no readable price", "price is null or price < 0", column="price"),
        set_aside("neither sale nor return", "kind is null or kind not in ('sale', 'return')", column="kind"),
        set_aside("sale of a negative quantity", "kind = 'sale' and quantity <= 0", column="quantity"),
        kept("return", "kind = 'return'", column="kind", effect="acts from its own time on"),
    ),
)
_ACCOUNTS = Role(
    "accounts",
    columns=("customer_id", "first_name", "surname", "postcode", "registered_at"),
    optional=(
        "email",
        "phone",
        "address",
        "gender",
        "birth_date",
        "location",
        "profession",
        "income",
        "loyalty_tier",
        "updated_at",
    ),
    files=("accounts*",),
    values={
        "customer": "trim(customer_id)",
        **_NAMES,
        "gender": "lower(trim(gender))",
        "location": _name_sql("location"),
        "profession": "lower(trim(profession))",
        "income": "try_cast(income as DOUBLE)",
        "loyalty_tier": "lower(trim(loyalty_tier))",
        "registered_at": _time_sql("registered_at"),
        "occurred_at": f"coalesce({_time_sql('updated_at')}, {_time_sql('registered_at')})",
    },
    into="customers",
    checks=(
        set_aside("no customer id", "customer is null", "missing", "customer_id"),
        *_PERSON_CHECKS,
        repaired("gender in capitals", "raw_gender <> gender", column="gender"),
        repaired("town in capitals or small letters", "raw_location <> location", column="location"),
        repaired("profession in capitals", "raw_profession <> profession", column="profession"),
        repaired(
            "registration in another format",
            "registered_at is not null and raw_registered_at not like '____-__-__T%'",
            column="registered_at",
        ),
        kept("no income", "income is null", "missing", "income"),
    ),
)
_CRM = Role(
    "crm",
    columns=("crm_id", "first_name", "surname", "postcode"),
    optional=("email", "phone", "address", "birth_date", "updated_at"),
    files=("crm*",),
    values={"customer": "'crm:' || trim(crm_id)", **_NAMES, "occurred_at": _time_sql("updated_at")},
    into="customers",
    checks=(set_aside("no CRM id", "customer is null", "missing", "crm_id"), *_PERSON_CHECKS),
)
_PRODUCTS = Role(
    "products",
    columns=("product_id", "name", "category", "brand"),
    optional=("category_id", "price"),
    files=("products*",),
    values={
        "product_id": "trim(product_id)",
        "name": "trim(name)",
        "category_id": "trim(category_id)",
        "category": "lower(trim(category))",
        "brand": _brand_sql("brand"),
    },
    key=("product_id",),
    into="products",
    checks=(
        set_aside("no product id", "product_id is null", "missing", "product_id"),
        repaired("brand in another spelling", "raw_brand <> brand", column="brand"),
    ),
)
_PRICES = Role(
    "prices",
    columns=("product_id", "price", "valid_from"),
    files=("prices*",),
    values={
        "product_id": "trim(product_id)",
        "price": "try_cast(price as DECIMAL(18,4))",
        "occurred_at": _time_sql("valid_from"),
    },
    into="prices",
    checks=(set_aside("no readable price", "price is null or price < 0", column="price"),),
)
_STOCK = Role(
    "stock",
    columns=("product_id", "quantity", "counted_at"),
    files=("stock*",),
    values={
        "product_id": "trim(product_id)",
        "quantity": "try_cast(quantity as DOUBLE)",
        "occurred_at": _time_sql("counted_at"),
    },
    into="stock",
    checks=(set_aside("no readable quantity", "quantity is null", column="quantity"),),
)
_REVIEWS = Role(
    "reviews",
    columns=("review_id", "customer_id", "product_id", "reviewed_at", "rating"),
    optional=("title", "text"),
    files=("reviews*",),
    values={
        "review_id": "trim(review_id)",
        "customer": "trim(customer_id)",
        "product_id": "trim(product_id)",
        "occurred_at": _time_sql("reviewed_at"),
        "rating": "try_cast(rating as DOUBLE)",
        "title": "title",
        "text": '"text"',
    },
    key=("review_id",),
    into="reviews",
    checks=(set_aside("no rating from 1 to 5", "rating is null or rating not between 1 and 5", column="rating"),),
)
_SATISFACTION = Role(
    "satisfaction",
    columns=("customer_id", "answered_at", "score"),
    files=("satisfaction*",),
    values={
        "customer": "trim(customer_id)",
        "occurred_at": _time_sql("answered_at"),
        "score": "try_cast(score as DOUBLE)",
    },
    into="satisfaction",
    checks=(set_aside("no score from 0 to 10", "score is null or score not between 0 and 10", column="score"),),
)
_OFFERS = Role(
    "offers",
    columns=("customer_id", "offer", "kind", "occurred_at"),
    files=("offers*",),
    values={
        "customer": "trim(customer_id)",
        "offer": "trim(offer)",
        "kind": "lower(trim(kind))",
        "occurred_at": _time_sql("occurred_at"),
    },
    into="offers",
)
_CALENDAR = Role(
    "calendar",
    columns=("date", "holiday", "promotion"),
    files=("calendar*",),
    values={"date": 'try_cast("date" as date)', "holiday": "holiday", "promotion": "promotion"},
    key=("date",),
    into="calendar",
    checks=(set_aside("no readable date", "date is null", column="date"),),
)

_PERSON = (
    "select customer as source_customer_id, occurred_at, first_name, surname, email, phone, postcode, address, "
    "birth_date, row_hash"
)
_EVENT = "occurred_at, known_at, session_id, type"

SOURCE = Source(
    meaning="a shop made by `footfall simulate`",
    timezone="UTC",
    roles=(
        _PRODUCTS,
        _PRICES,
        _STOCK,
        _ORDERS,
        _LINES,
        _ACCOUNTS,
        _CRM,
        _EVENTS,
        _REVIEWS,
        _SATISFACTION,
        _OFFERS,
        _CALENDAR,
    ),
    fills=(
        Fill("products", "select product_id, name, category_id, category, brand, row_hash from new_products"),
        Fill("prices", "select product_id, price, occurred_at, row_hash from new_prices"),
        Fill("stock", "select product_id, quantity, occurred_at, row_hash from new_stock"),
        Fill(
            "orders",
            """select order_id, customer as source_customer_id, occurred_at, known_at, amount, currency, discount,
                 channel, payment_method, shipping_address, guest_first_name, guest_surname, guest_postcode, row_hash
               from new_orders""",
        ),
        Fill(
            "lines",
            """select l.order_id, l.product_id, p.category, p.brand, l.occurred_at, l.known_at, l.kind, l.quantity,
                 l.price, cast(l.quantity as DECIMAL(18,4)) * l.price as amount, o.source_customer_id, l.row_hash
               from new_lines l
               left join facts.orders o on o.source = 'simulated' and o.order_id = l.order_id
               left join facts.products p on p.source = 'simulated' and p.product_id = l.product_id""",
        ),
        Fill(
            "customers",
            f"""{_PERSON}, registered_at, gender, location, profession, income, loyalty_tier, 'web' as channel
               from new_accounts""",
        ),
        Fill("customers", f"{_PERSON}, 'crm' as channel from new_crm"),
        Fill(
            "events",
            f"""select event_id, customer as source_customer_id, {_EVENT}, product_id, category, brand, price, row_hash
               from new_events
               union all
               select event_id || '#' || k, customer, {_EVENT}, more[k - 1].product_id, more[k - 1].category,
                 {_brand_sql("more[k - 1].brand")}, try_cast(more[k - 1].price as DECIMAL(18,4)), row_hash
               from (select *, unnest(range(2, len(more) + 2)) as k from new_events where more is not null)""",
        ),
        Fill(
            "reviews",
            """select r.review_id, r.customer as source_customer_id, r.product_id, p.category, r.occurred_at,
                 r.rating, r.title, r.text, r.row_hash
               from new_reviews r
               left join facts.products p on p.source = 'simulated' and p.product_id = r.product_id""",
        ),
        Fill(
            "satisfaction",
            "select customer as source_customer_id, occurred_at, score, row_hash from new_satisfaction",
        ),
        Fill(
            "offers",
            "select customer as source_customer_id, offer, kind, occurred_at, row_hash from new_offers",
        ),
        Fill("calendar", "select date, holiday, promotion, always() as known_at, row_hash from new_calendar"),
    ),
)
