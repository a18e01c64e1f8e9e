"""What a shop is made of. Names follow the field (GA4, Segment, dbt)."""

from __future__ import annotations

from dataclasses import dataclass

from footfall.errors import UsageError, did_you_mean

MONEY = "DECIMAL(18,4)"


@dataclass(frozen=True)
class Column:
    """One column: its name, SQL type and meaning."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """One canonical table.

    `key` are the columns that tell two rows apart within one source (none: the whole row does).
    `time` is when a row happened or took effect; a table without one is timeless.
    `customer` says that the rows belong to a customer and carry `source_customer_id`.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    time: str | None = None
    customer: bool = False

    @property
    def stored(self) -> tuple[Column, ...]:
        """The columns as stored: the meaning's own, then where the row came from."""
        extra = [Column("source", "VARCHAR", "name of the load's source")]
        if self.customer:
            extra.append(Column("source_customer_id", "VARCHAR", "the customer's id as the source wrote it"))
        extra.append(Column("load_id", "BIGINT", "the load that brought the row"))
        extra.append(Column("row_hash", "UBIGINT", "hash of the row's identity; the same row is loaded once"))
        return (*self.columns, *extra)

    def column(self, name: str) -> Column:
        """The column `name`. Raises UsageError, with the nearest name, when there is none."""
        for column in self.stored:
            if column.name == name:
                return column
        raise UsageError(f"{self.name} has no column '{name}'{did_you_mean(name, [c.name for c in self.stored])}")


def _columns(text: str) -> tuple[Column, ...]:
    rows = [line.strip().split(None, 2) for line in text.splitlines() if line.strip()]
    return tuple(Column(n, MONEY if t == "MONEY" else t, m) for n, t, m in rows)


_TIMES = """
    occurred_at TIMESTAMP when it happened (UTC)
    known_at TIMESTAMP when the row reached the business (UTC); occurred_at where a source does not say
"""

TABLES: dict[str, Table] = {
    t.name: t
    for t in [
        Table(
            "customers",
            "what the business knows of a customer, each version dated",
            _columns(
                _TIMES
                + """
    registered_at TIMESTAMP when the account was opened
    first_name VARCHAR first name
    later_names VARCHAR middle names
    surname VARCHAR family name
    email VARCHAR e-mail address
    phone VARCHAR telephone
    postcode VARCHAR postcode
    address VARCHAR street and house
    gender VARCHAR gender as stated
    birth_date DATE date of birth
    birth_place VARCHAR place of birth
    age INTEGER age in years, where no birth date is known
    location VARCHAR town, region or country
    profession VARCHAR occupation
    income DOUBLE yearly income, or the middle of its bracket
    loyalty_tier VARCHAR tier of the loyalty programme
    household VARCHAR make-up of the household
    channel VARCHAR where the record comes from: web, crm, guest, ...
    further VARCHAR further columns of the person's row, as JSON
    """
            ),
            time="occurred_at",
            customer=True,
        ),
        Table(
            "products",
            "the catalogue",
            _columns("""
    product_id VARCHAR product
    name VARCHAR name
    description VARCHAR description
    category_id VARCHAR id of the category
    category VARCHAR category, from wide to narrow with dots between
    brand VARCHAR brand
    """),
            key=("product_id",),
        ),
        Table(
            "prices",
            "list prices, each from when it holds",
            _columns(
                "product_id VARCHAR product\nstore_id VARCHAR store; null for all\nprice MONEY list price" + _TIMES
            ),
            time="occurred_at",
        ),
        Table(
            "stock",
            "stock levels, each from when it holds",
            _columns(
                "product_id VARCHAR product\nstore_id VARCHAR store; null for all\nquantity DOUBLE on hand" + _TIMES
            ),
            time="occurred_at",
        ),
        Table(
            "events",
            "what visitors did on the site",
            _columns(
                "event_id VARCHAR event"
                + _TIMES
                + """
    session_id VARCHAR visit
    type VARCHAR view, click, add_to_cart, remove_from_cart, search, favourite, purchase, ...
    product_id VARCHAR product
    category VARCHAR category
    brand VARCHAR brand
    price MONEY price shown
    """
            ),
            key=("event_id",),
            time="occurred_at",
            customer=True,
        ),
        Table(
            "orders",
            "sales, one row an order",
            _columns(
                "order_id VARCHAR order"
                + _TIMES
                + """
    store_id VARCHAR store
    amount MONEY what the lines sold come to
    currency VARCHAR ISO code
    discount MONEY how much was taken off
    channel VARCHAR web, app, shop, ...
    payment_method VARCHAR how it was paid
    shipping_address VARCHAR where to
    guest_first_name VARCHAR guest checkout: first name
    guest_surname VARCHAR guest checkout: family name
    guest_postcode VARCHAR guest checkout: postcode
    """
            ),
            key=("order_id",),
            time="occurred_at",
            customer=True,
        ),
        Table(
            "lines",
            "what was sold or returned, one row a line",
            _columns(
                """
    order_id VARCHAR order
    product_id VARCHAR product
    category VARCHAR category
    brand VARCHAR brand
    store_id VARCHAR store
    """
                + _TIMES
                + """
    kind VARCHAR sale or return
    quantity DOUBLE units; negative for a return
    price MONEY price of one unit
    amount MONEY quantity times price; negative for a return
    """
            ),
            time="occurred_at",
            customer=True,
        ),
        Table(
            "reviews",
            "what customers wrote and rated",
            _columns(
                "review_id VARCHAR review\nproduct_id VARCHAR product\ncategory VARCHAR category"
                + _TIMES
                + """
    rating DOUBLE stars
    title VARCHAR title
    text VARCHAR text
    """
            ),
            time="occurred_at",
            customer=True,
        ),
        Table(
            "satisfaction",
            "satisfaction scores a shop records",
            _columns(_TIMES + "score DOUBLE score"),
            time="occurred_at",
            customer=True,
        ),
        Table(
            "calendar",
            "outside data by day",
            _columns("""
    date DATE day
    store_id VARCHAR store; null for all
    holiday VARCHAR name of the holiday
    promotion VARCHAR name of the promotion
    known_at TIMESTAMP when the business knew
    """),
            key=("date", "store_id"),
        ),
        Table(
            "outside",
            "outside data in numbers, by day: temperature, fuel price, a competitor's price, ...",
            _columns("""
    date DATE day
    store_id VARCHAR store; null for all
    product_id VARCHAR product; null for all
    name VARCHAR what it is
    value DOUBLE its value
    known_at TIMESTAMP when the business knew
    """),
            key=("date", "store_id", "product_id", "name"),
        ),
        Table(
            "series",
            "ready-made series; outside columns as JSON",
            _columns(
                """
    series VARCHAR name of the series' set
    keys VARCHAR the keys as JSON
    date DATE start of the period
    value DOUBLE value
    outside VARCHAR outside columns as JSON
    store_id VARCHAR store, where the keys name one
    category VARCHAR category or department, where the keys name one
    product_id VARCHAR product, where the keys name one
    brand VARCHAR brand, where the keys name one
    channel VARCHAR channel, where the keys name one
    occurred_at TIMESTAMP when the period begins (UTC)
    known_at TIMESTAMP as occurred_at; a cutoff lies where a period begins, so that the ones before it are over
    """
            ),
            key=("series", "keys", "date"),
            time="occurred_at",
        ),
        Table(
            "offers",
            "campaigns, coupons and their use",
            _columns(
                _TIMES + "offer VARCHAR campaign or coupon\nkind VARCHAR sent, redeemed\nproduct_id VARCHAR product"
            ),
            time="occurred_at",
            customer=True,
        ),
    ]
}


def table(name: str) -> Table:
    """The canonical table `name`. Raises UsageError for an unknown one."""
    if name not in TABLES:
        raise UsageError(f"there is no table '{name}'{did_you_mean(name, TABLES)}")
    return TABLES[name]
