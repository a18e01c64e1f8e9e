"""The shop's tables as CSV files: orders, lines, products, stock, reviews, satisfaction, calendar, offers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from footfall.simulate import words
from footfall.simulate.catalogue import Catalogue
from footfall.simulate.days import CAMPAIGN_DAYS, Days, make_days
from footfall.simulate.dials import Dials
from footfall.simulate.files import Writer
from footfall.simulate.people import People
from footfall.simulate.sales import Lines, Orders, Voices
from footfall.simulate.shelves import Ledger

Array = np.ndarray[Any, Any]
DAY = 86_400
PLANNED = 91
"""Days past the last one for which holidays and sales stand in the calendar: a shop plans a quarter ahead."""


@dataclass(frozen=True)
class Books:
    """What the CSV files are written from."""

    people: People
    days: Days
    catalogue: Catalogue
    orders: Orders
    lines: Lines
    voices: Voices
    dials: Dials
    ledger: Ledger


def _repeated(rng: np.random.Generator, key: Array, rate: float, until: int) -> tuple[Array, Array]:
    """Rows by `key` (when they were received) with some repeated up to two days later; and which are repeats."""
    extra = np.flatnonzero(rng.random(len(key)) < rate)
    later = np.minimum(key[extra] + rng.integers(0, 2 * DAY, len(extra)), until)
    rows = np.concatenate([np.arange(len(key)), extra])
    order = np.argsort(np.concatenate([key, later]), kind="stable")
    return rows[order], extra


def _names(choices: tuple[str, ...] | list[str], index: Array) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32)), pa.array(list(choices)))


def order_names(count: int) -> pa.Array:
    """Order ids by row."""
    return pa.array([f"O{i + 1:07d}" for i in range(count)])


def write_orders(writer: Writer, rng: np.random.Generator, books: Books, out: Path) -> tuple[int, list[pa.Table]]:
    """Write `orders.csv`, in the order in which orders were received. Needs the table `people`."""
    orders, lines, dials = books.orders, books.lines, books.dials
    n = len(orders.person)
    amount = np.bincount(lines.order, lines.quantity * lines.price, n).astype(np.int64)
    full = np.bincount(lines.order, lines.quantity * lines.list_price, n).astype(np.int64)
    forms = np.where(rng.random(n) < dials.rate("date_formats"), rng.integers(1, 3, n), 0)
    odd_case = rng.random(n) < dials.rate("letter_case")
    ids = order_names(n)
    table = pa.table(
        {
            "key": ids,
            "person": orders.person,
            "customer_id": pa.array(books.people.ids).take(pa.array(orders.person)),
            "guest": orders.guest,
            "time": orders.time,
            "received": orders.received,
            "form": forms,
            "amount": amount,
            "discount": full - amount,
            "channel": _names(words.CHANNELS, (rng.random(n) < 0.35).astype(int)),
            "paid": _names(words.PAYMENTS, rng.choice(4, n, p=[0.62, 0.25, 0.1, 0.03])),
            "odd": odd_case,
            "coupon": orders.coupon,
        }
    )
    rows, extra = _repeated(rng, orders.received, dials.rate("duplicates"), int(orders.received.max(initial=0)))
    missing = dials.rate("missing")
    writer.keep("order_rows", table)
    writer.keep(
        "order_written",
        f"""select o.*, p.first_name, p.surname, p.postcode,
          {_guest_sql("first_name", dials)}, {_guest_sql("surname", dials)},
          lower(replace({_guest_text("postcode", dials)}, ' ', '')) as g_postcode,
          if(roll(hash(key || 'ship')) < {missing / 3}, null, address || ', ' || location || ' ' || p.postcode) as ship
        from order_rows o left join people p using (person) order by key""",
    )
    writer.keep(
        "planted_guests",
        "\nunion all ".join(
            f"select 'orders.csv' as file, 'typo' as kind, key, 'guest_{f}' as field, {f} as truth, "
            f"g_{f} as written, 1 as rows from order_written where guest "
            f"and lower(replace({f}, ' ', '')) <> lower(g_{f})"
            for f in ("first_name", "surname", "postcode")
        ),
    )
    names = ["key", "customer_id", "guest", "time", "received", "form", "amount", "discount", "channel"]
    names += ["paid", "odd", "coupon", "g_first_name", "g_surname", "g_postcode", "ship"]
    ready = writer.fetch(f"select {', '.join(names)} from order_written order by key").take(pa.array(rows))
    written = writer.csv(
        """select key as order_id, if(guest, null, customer_id) as customer_id,
          written_time(time, form) as ordered_at, iso(received) as received_at, money(amount) as amount,
          if(odd, 'gbp', 'GBP') as currency, money(discount) as discount,
          if(coupon, 'SAVE10', null) as coupon, channel, if(odd, upper(paid), paid) as payment_method,
          ship as shipping_address, if(guest, g_first_name, null) as guest_first_name,
          if(guest, g_surname, null) as guest_surname, if(guest, g_postcode, null) as guest_postcode from batch""",
        out / "orders.csv",
        batch=ready,
    )
    late = np.flatnonzero(orders.late)
    planted = [
        _list("orders.csv", "duplicate", ids.take(pa.array(extra))),
        _list("orders.csv", "late", ids.take(pa.array(late))),
        _list("orders.csv", "date_format", ids.take(pa.array(np.flatnonzero(forms)))),
    ]
    return written, planted


def _guest_text(field: str, dials: Dials) -> str:
    typos = dials.rate("typos")
    return f"if(roll(hash(key || '{field}')) < {typos}, typo(p.{field}, hash(key || '{field}')), p.{field})"


def _guest_sql(field: str, dials: Dials) -> str:
    case = dials.rate("letter_case") * 3
    text = _guest_text(field, dials)
    return f"if(roll(hash(key || 'case')) < {case}, lower({text}), {text}) as g_{field}"


def _list(file: str, kind: str, keys: pa.Array) -> pa.Table:
    n = len(keys)
    blank = pa.nulls(n, pa.string())
    return pa.table(
        {
            "file": pa.array([file] * n, pa.string()),
            "kind": pa.array([kind] * n, pa.string()),
            "key": keys.cast(pa.string()),
            "field": blank,
            "truth": blank,
            "written": blank,
            "rows": pa.array(np.ones(n, dtype=np.int64)),
        }
    )


def write_lines(writer: Writer, rng: np.random.Generator, books: Books, out: Path) -> tuple[int, list[pa.Table]]:
    """Write `order_lines.csv`: sales, and returns as lines of their own with a later date."""
    lines, orders = books.lines, books.orders
    back = np.flatnonzero(lines.returned)
    row = np.concatenate([np.arange(len(lines.order)), back])
    kind = np.repeat([0, 1], [len(lines.order), len(back)])
    time = np.where(kind == 1, lines.returned[row], orders.time[lines.order[row]])
    received = np.where(kind == 1, time, orders.received[lines.order[row]])
    sign = np.where(kind == 1, -1, 1)
    key = np.where(kind == 1, 100 + lines.number[row], lines.number[row])
    ids = order_names(len(orders.person)).take(pa.array(lines.order[row]))
    table = pa.table(
        {
            "order_id": ids,
            "line": key,
            "kind": _names(["sale", "return"], kind),
            "product": pa.array(books.catalogue.ids).take(pa.array(lines.product[row])),
            "quantity": sign * lines.quantity[row],
            "price": lines.price[row],
            "amount": sign * lines.quantity[row] * lines.price[row],
            "time": time,
            "received": received,
        }
    )
    rate = books.dials.rate("duplicates")
    rows, extra = _repeated(rng, received, rate, int(received.max(initial=0)))
    written = writer.csv(
        """select order_id, line as line_number, kind, product as product_id, quantity, money(price) as price,
        money(amount) as amount, iso(time) as occurred_at, iso(received) as received_at from batch""",
        out / "order_lines.csv",
        batch=table.take(pa.array(rows)),
    )
    keys = writer.fetch("select order_id || '/' || line as key from again", again=table.take(pa.array(extra)))
    return written, [_list("order_lines.csv", "duplicate", keys["key"])]


def write_products(writer: Writer, books: Books, out: Path) -> tuple[int, list[pa.Table]]:
    """Write `products.csv` and `prices.csv` (each list price from when it holds)."""
    c = books.catalogue
    ids = [f"{1000 + int(k)}" for k in c.category]
    table = pa.table(
        {
            "product_id": c.ids,
            "name": c.names,
            "category_id": ids,
            "category": c.written_category,
            "brand": c.written_brands,
            "price": c.list_price[-1],
        }
    )
    count = writer.csv(
        "select product_id, name, category_id, category, brand, money(price) as price from t",
        out / "products.csv",
        t=table,
    )
    lists = [int(r) for r, d in enumerate(c.period_start) if r == 0 or (c.list_price[r] != c.list_price[r - 1]).any()]
    prices = pa.table(
        {
            "product_id": np.tile(np.array(c.ids, dtype=object), len(lists)).tolist(),
            "price": c.list_price[lists].ravel(),
            "since": np.repeat(books.days.midnight[c.period_start[lists]] // 1_000_000, len(c.ids)),
        }
    )
    writer.csv(
        "select product_id, money(price) as price, iso(since) as valid_from from t",
        out / "prices.csv",
        t=prices,
    )
    odd = [i for i, b in enumerate(c.written_brands) if b != c.brands[i]]
    true_code = [words.CATEGORIES[int(k)][0] for k in c.category]
    split = [i for i, code in enumerate(c.written_category) if code != true_code[i]]
    twins = np.flatnonzero(c.twin_of >= 0).tolist()
    planted = [
        _changes("brand_spelling", [(c.ids[i], "brand", c.brands[i], c.written_brands[i]) for i in odd]),
        _changes("category_code", [(c.ids[i], "category", true_code[i], c.written_category[i]) for i in split]),
        _changes("twin_product", [(c.ids[i], "product_id", c.ids[int(c.twin_of[i])], c.ids[i]) for i in twins]),
    ]
    return count, planted


def _changes(kind: str, rows: list[tuple[str, str, str, str]]) -> pa.Table:
    table = _list("products.csv", kind, pa.array([r[0] for r in rows], pa.string()))
    for place, name in ((1, "field"), (2, "truth"), (3, "written")):
        column = pa.array([r[place] for r in rows], pa.string())
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


def write_stock(writer: Writer, books: Books, out: Path) -> int:
    """Write `stock.csv`: product levels every seventh morning, when delivered, and when they reach 0."""
    days, shelf, ids = books.days, books.ledger, books.catalogue.ids
    opening = days.midnight[:-1] // 1_000_000
    counted = shelf.delivered | (np.arange(days.count) % 7 == 0)[:, None]
    counted &= np.arange(days.count)[:, None] >= shelf.on_sale
    day, product = np.nonzero(counted)
    gone_day, gone = np.nonzero(shelf.drained)
    row = np.concatenate([product, gone])
    since = np.concatenate([opening[day], shelf.drained[gone_day, gone]])
    order = np.lexsort((row, since))
    table = pa.table(
        {
            "product_id": pa.array(ids).take(pa.array(row[order])),
            "quantity": np.concatenate([shelf.on_hand[day, product], np.zeros_like(gone)])[order],
            "since": since[order],
        }
    )
    return writer.csv("select product_id, quantity, iso(since) as counted_at from t", out / "stock.csv", t=table)


def write_voices(writer: Writer, books: Books, out: Path) -> tuple[int, int]:
    """Write `reviews.csv` and `satisfaction.csv`."""
    v, orders, lines = books.voices, books.orders, books.lines
    ids = pa.array(books.people.ids)
    texts = [*words.COMPLAINTS, *[""] * 5, *words.MIDDLING, *[""] * 6, *words.PRAISE]
    place = np.where(v.text < 0, len(texts), v.text)
    titles = ("Terrible", "Poor", "OK", "Good", "Excellent")
    table = pa.table(
        {
            "customer_id": ids.take(pa.array(orders.person[lines.order[v.line]])),
            "product_id": pa.array(books.catalogue.ids).take(pa.array(lines.product[v.line])),
            "rating": v.rating,
            "time": v.review_time,
            "title": _names(titles, v.rating - 1),
            "text": pa.array([*texts, None]).take(pa.array(place)),
        }
    )
    order = np.argsort(v.review_time, kind="stable")
    reviews = writer.csv(
        """select 'R' || row_number() over () as review_id, customer_id, product_id, iso(time) as reviewed_at,
        rating, title, text from t""",
        out / "reviews.csv",
        t=table.take(pa.array(order)),
    )
    table = pa.table(
        {
            "customer_id": ids.take(pa.array(orders.person[v.order])),
            "time": v.survey_time,
            "score": v.score,
        }
    )
    order = np.argsort(v.survey_time, kind="stable")
    sql = "select customer_id, iso(time) as answered_at, score from t"
    surveys = writer.csv(sql, out / "satisfaction.csv", t=table.take(pa.array(order)))
    return reviews, surveys


def write_calendar(writer: Writer, books: Books, out: Path) -> int:
    """Write `calendar.csv`, one row a day; holidays and sales are planned for `PLANNED` days more."""
    d = make_days(books.days.count + PLANNED, books.dials)
    table = pa.table(
        {
            "date": [d.date(i) for i in range(d.count)],
            "holiday": [h or None for h in d.holiday],
            "promotion": [p or None for p in d.promotion],
        }
    )
    return writer.csv("select * from t", out / "calendar.csv", t=table)


def write_offers(writer: Writer, books: Books, out: Path) -> int:
    """Write `offers.csv`: who was sent which coupon when, and who used it. Sent at random to half of the accounts."""
    days, people, orders = books.days, books.people, books.orders
    who, campaign, kind, time = [], [], [], []
    for number, first in enumerate(days.campaign_starts):
        sent = np.flatnonzero(people.treated[number] & (people.arrival < first))
        who.append(sent)
        campaign.append(np.full(len(sent), number))
        kind.append(np.zeros(len(sent), dtype=int))
        time.append(np.full(len(sent), days.midnight[first] // 1_000_000))
        used = np.flatnonzero(
            orders.coupon & ~orders.guest & (orders.day >= first) & (orders.day < first + CAMPAIGN_DAYS)
        )
        who.append(orders.person[used])
        campaign.append(np.full(len(used), number))
        kind.append(np.ones(len(used), dtype=int))
        time.append(orders.time[used])
    if not who:
        empty = pa.table({"customer_id": pa.array([], pa.string()), "offer": pa.array([], pa.string())})
        sql = "select customer_id, offer, '' as kind, '' as occurred_at from t"
        return writer.csv(sql, out / "offers.csv", t=empty)
    table = pa.table(
        {
            "customer_id": pa.array(people.ids).take(pa.array(np.concatenate(who))),
            "offer": pa.array([f"SAVE10-{k + 1}" for k in range(len(days.campaign_starts))]).take(
                pa.array(np.concatenate(campaign))
            ),
            "kind": _names(["sent", "redeemed"], np.concatenate(kind)),
            "time": np.concatenate(time),
        }
    )
    sql = "select customer_id, offer, kind, iso(time) as occurred_at from t"
    return writer.csv(sql, out / "offers.csv", t=table)
