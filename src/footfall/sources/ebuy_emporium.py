"""Ebuy Emporium: an account database, a CRM export, and purchases of which many are guest checkouts.

An order is a session of a customer or of a guest. Where the purchases themselves are not at hand, two lists stand in
for them, undated: the guests' distinct details (customers' records of channel `guest`, without an id) and the account
ids that purchased (channel `purchase`, nothing but the id). They make no orders: nothing is counted that is not there.
"""

from footfall.sources.declare import Fill, Role, Source, kept, set_aside


def _text(column: str) -> str:
    return f"nullif(trim({column}), '')"


_ID = "nullif(regexp_replace(trim(customer_id), '[.]0$', ''), '')"
_AGE = "try_cast(age as DOUBLE)"
_KEPT = "kept as it is: a parent's account for a child, or a slip"


def _accounts(name: str, pattern: str) -> Role:
    return Role(
        name,
        columns=("customer_id", "first_name", "surname", "postcode"),
        optional=("age",),
        files=(pattern,),
        values={
            "customer": _ID,
            "first_name": _text("first_name"),
            "surname": _text("surname"),
            "postcode": _text("postcode"),
            "age": f"case when {_AGE} between 0 and 120 then {_AGE}::INTEGER end",
        },
        into="customers",
        checks=(
            set_aside("no customer id", "customer is null", "missing", "customer_id"),
            kept("no name", "first_name is null and surname is null", "missing", "surname"),
            kept("no postcode", "postcode is null", "missing", "postcode"),
            kept("under 16 years", "age < 16", "inconsistent", "age", _KEPT),
            kept("no readable age", "age is null and raw_age is not null", "inconsistent", "age", "taken as unknown"),
        ),
    )


_GUEST = ("guest_first_name", "guest_surname", "guest_postcode")
_NOBODY = kept(
    "nobody's purchase",
    "customer is null and guest_first_name is null and guest_surname is null and guest_postcode is null",
    "missing",
    "customer_id",
    "counts in demand, and for no customer",
)

_PURCHASES = Role(
    "purchases",
    columns=("event_time", "product_id", "price", "session_id", "customer_id", *_GUEST),
    optional=("category_id", "category_code", "brand"),
    files=("*purchase*", "*transaction*", "*event*", "*order*"),
    values={
        "occurred_at": "instant(event_time)",
        "product_id": _text("product_id"),
        "category_id": _text("category_id"),
        "category": "lower(nullif(trim(category_code), ''))",
        "brand": "lower(nullif(trim(brand), ''))",
        "price": "try_cast(price as DECIMAL(18,4))",
        "session_id": _text("session_id"),
        "customer": _ID,
        **{c: f"case when {_ID} is null then {_text(c)} end" for c in _GUEST},
    },
    into="lines",
    checks=(
        set_aside("no product", "product_id is null", "missing", "product_id"),
        set_aside("no readable price", "price is null", column="price"),
        set_aside("negative price", "price < 0", column="price", effect="refunds in disguise: out of all sums"),
        kept("no session", "session_id is null", "missing", "session_id", "each instant is an order of its own"),
        kept("no category", "category is null", "missing", effect="in no category's answers"),
        kept(
            "guest checkout",
            "customer is null",
            "missing",
            "customer_id",
            "counts in demand; for a customer once records are resolved",
        ),
        _NOBODY,
        kept(
            "customer with a guest's details",
            f"customer is not null and coalesce({', '.join(f'raw_{c}' for c in _GUEST)}) is not null",
            column="guest_surname",
            effect="the customer's id counts",
        ),
    ),
)

_GUESTS = Role(
    "guests",
    columns=_GUEST,
    files=("*guest*",),
    values={c: _text(c) for c in _GUEST},
    key=_GUEST,
    into="customers",
    checks=(kept("no name", "guest_first_name is null and guest_surname is null", "missing", "guest_surname"),),
)

_PURCHASERS = Role(
    "purchasers",
    columns=("customer_id",),
    files=("*purchaser*",),
    values={"customer": _ID},
    key=("customer",),
    into="customers",
    checks=(set_aside("no customer id", "customer is null", "missing", "customer_id"),),
)

_ORDER = """coalesce(session_id, epoch(occurred_at)::BIGINT::VARCHAR) || '-' || coalesce(customer,
    'guest-' || left(md5(concat_ws(chr(31), guest_first_name, guest_surname, guest_postcode)), 12))"""
_PERSON = "select customer as source_customer_id, always() as occurred_at"

SOURCE = Source(
    meaning="Ebuy Emporium: account database, CRM export, purchases with guest checkouts (or lists of their persons)",
    roles=(
        _accounts("database", "*customer_database*"),
        _accounts("crm", "*crm*"),
        _PURCHASES,
        _GUESTS,
        _PURCHASERS,
    ),
    fills=(
        Fill(
            "customers",
            f"{_PERSON}, first_name, surname, postcode, age, 'web' as channel, row_hash from new_database",
        ),
        Fill("customers", f"{_PERSON}, first_name, surname, postcode, age, 'crm' as channel, row_hash from new_crm"),
        Fill(
            "customers",
            """select null::VARCHAR as source_customer_id, always() as occurred_at, guest_first_name as first_name,
                 guest_surname as surname, guest_postcode as postcode, 'guest' as channel, row_hash
               from new_guests""",
        ),
        Fill("customers", f"{_PERSON}, 'purchase' as channel, row_hash from new_purchasers"),
        Fill(
            "lines",
            f"""select {_ORDER} as order_id, product_id, category, brand, occurred_at, 'sale' as kind, 1 as quantity,
                 price, price as amount, customer as source_customer_id, row_hash
               from new_purchases""",
        ),
        Fill(
            "orders",
            f"""select order_id, source_customer_id, occurred_at, amount, 'web' as channel, guest_first_name,
                 guest_surname, guest_postcode
               from (
                 select order_id, min(source_customer_id) as source_customer_id, min(occurred_at) as occurred_at,
                   sum(amount) as amount
                 from facts.lines where source = 'ebuy_emporium' group by order_id
               )
               join (
                 select {_ORDER} as order_id, min(guest_first_name) as guest_first_name,
                   min(guest_surname) as guest_surname, min(guest_postcode) as guest_postcode
                 from new_purchases group by order_id
               ) using (order_id)""",
            replace=True,
        ),
        Fill(
            "products",
            """select product_id, category_id, category, brand from (
                 select product_id, category_id, category, brand, count(*) as n
                 from new_purchases where product_id is not null group by all
               ) qualify row_number() over (
                 partition by product_id order by n desc, category_id, category, brand) = 1""",
            replace=True,
        ),
    ),
)
