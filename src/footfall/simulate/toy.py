"""A tiny shop with known answers, in the files of the simulator.

All instants are UTC; each order is at noon. What holds by construction:

- each of `REGULARS` orders each `EVERY` days exactly, the n-th of them from day n on, for `BASKET` each time;
- each of `CHURNERS` orders each 7 days from day 0 on, last on day `LAST_DAY`, never after;
- `DAILY` orders each day; `WAVE_PRODUCT` sells `WAVE[weekday]` units that day (Monday first), to nobody else;
- `VISITORS` look around each 7 days and never order; `NEWCOMER` looks around from day 90 and orders on day 100;
- `LATE_ORDER` happens on day 60 and reaches the shop on day 75;
- `REPEATED_ORDER` stands twice in `orders.csv`, and one event twice in the event files;
- `TYPOS` lists the CRM's people: their CRM id, the account of the same person, and the first name, surname and
  postcode as the CRM has them; `GUEST_ORDER` is a guest checkout of the person with account `GUEST_IS`;
- `RETURNED_ORDER` comes back in full on day `RETURN_DAY`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

START = date(2025, 1, 6)
"""Day 0, a Monday."""
DAYS = 140
EVERY = 14
BASKET = 25
LAST_DAY = 70
WAVE = (10, 11, 12, 13, 14, 20, 4)
WAVE_PRODUCT = "P3"
REGULARS = tuple(f"R{i:02d}" for i in range(10))
CHURNERS = tuple(f"X{i:02d}" for i in range(10))
DAILY = "D00"
VISITORS = tuple(f"v{i:08x}" for i in range(5))
NEWCOMER = "v000000ff"
LATE_CUSTOMER = "L00"
LATE_ORDER = "LATE-1"
LATE_DAY, LATE_KNOWN_DAY = 60, 75
REPEATED_ORDER = "R00-1"
GUEST_ORDER = "GUEST-1"
GUEST_IS = "R03"
RETURNED_ORDER = "R04-2"
RETURN_DAY = 40
TYPOS = (
    ("9001", "R00", "Jon", "Smith", "LS1 4AP"),
    ("9002", "R01", "Anna", "Joness", "M2 5BQ"),
    ("9003", "R02", "Peter", "Taylor", "BS3 6CR"),
    ("9004", "X00", "MARY", "BROWN", "E17 2DS"),
    ("9005", None, "Gwen", "Price", "CF5 1AA"),
)
PRODUCTS = (
    ("P1", "Norvik Classic mugs 1", "1008", "home.kitchen.mugs", "Norvik", "12.50"),
    ("P2", "Halden Light lamps 2", "1011", "home.lighting.lamps", "Halden", "40.00"),
    ("P3", "Quill Soft beans 3", "1020", "food.coffee.beans", "Quill", "6.00"),
)
_NAMES = {
    "R00": ("John", "Smith", "LS1 4AP"),
    "R01": ("Anna", "Jones", "M2 5BQ"),
    "R02": ("Peter", "Taylor", "BS3 6CR"),
    "R03": ("Laura", "Evans", "G4 7DT"),
    "X00": ("Mary", "Brown", "E17 2DS"),
}


@dataclass(frozen=True)
class Order:
    """One order of the toy: all of one product."""

    order_id: str
    customer: str
    day: int
    product: str
    quantity: int
    known_day: int | None = None


def toy_orders() -> list[Order]:
    """Every order once, by day."""
    found = [
        Order(f"{c}-{k}", c, day, "P1", 2)
        for i, c in enumerate(REGULARS)
        for k, day in enumerate(range(i, DAYS, EVERY))
    ]
    found += [Order(f"{c}-{k}", c, d, "P2", 1) for c in CHURNERS for k, d in enumerate(range(0, LAST_DAY + 1, 7))]
    found += [Order(f"{DAILY}-{d}", DAILY, d, WAVE_PRODUCT, WAVE[d % 7]) for d in range(DAYS)]
    found += [Order(LATE_ORDER, LATE_CUSTOMER, LATE_DAY, "P2", 1, LATE_KNOWN_DAY)]
    found += [Order(f"{LATE_CUSTOMER}-0", LATE_CUSTOMER, 5, "P1", 1), Order(f"{NEWCOMER}-0", NEWCOMER, 100, "P1", 1)]
    found += [Order(GUEST_ORDER, "", 33, "P2", 2)]
    return sorted(found, key=lambda o: (o.day, o.order_id))


def at(day: int, hour: int = 12, minute: int = 0) -> datetime:
    """The instant `hour:minute` of `day`, naive UTC."""
    return datetime(START.year, START.month, START.day, hour, minute) + timedelta(days=day)


def _iso(moment: datetime) -> str:
    return moment.isoformat() + "Z"


def write_toy(out: str | Path) -> Path:
    """Write the toy shop's files to the folder `out` (made when absent) and return it."""
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    _write_sales(folder)
    _write_people(folder)
    _write_events(folder)
    price = {p[0]: p[5] for p in PRODUCTS}
    _csv(folder / "products.csv", "product_id,name,category_id,category,brand,price", PRODUCTS)
    _csv(folder / "prices.csv", "product_id,price,valid_from", [(p, price[p], _iso(at(0, 0))) for p in price])
    stock = [(p, 100 - week, _iso(at(7 * week, 0))) for week in range(DAYS // 7) for p in price]
    _csv(folder / "stock.csv", "product_id,quantity,counted_at", stock)
    _csv(
        folder / "reviews.csv",
        "review_id,customer_id,product_id,reviewed_at,rating,title,text",
        [("1", "R00", "P1", _iso(at(3)), 5, "Excellent", "Love it"), ("2", "X00", "P2", _iso(at(60)), 1, "Poor", "")],
    )
    scores = [(c, _iso(at(65)), 2) for c in CHURNERS] + [(c, _iso(at(65)), 9) for c in REGULARS]
    _csv(folder / "satisfaction.csv", "customer_id,answered_at,score", scores)
    _csv(folder / "offers.csv", "customer_id,offer,kind,occurred_at", [("R00", "SAVE10-1", "sent", _iso(at(20, 0)))])
    days = [
        (START + timedelta(days=d), "Spring Day" if d == 75 else "", "Sale" if d == 50 else "") for d in range(DAYS)
    ]
    _csv(folder / "calendar.csv", "date,holiday,promotion", days)
    return folder


def _csv(path: Path, header: str, rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)


def _write_sales(folder: Path) -> None:
    price = {p[0]: float(p[5]) for p in PRODUCTS}
    orders, lines = [], []
    for o in toy_orders():
        known = at(o.known_day) if o.known_day is not None else at(o.day, 12, 1)
        total = f"{price[o.product] * o.quantity:.2f}"
        guest = ("laura", "Evans", "g47dt") if not o.customer else ("", "", "")
        row = (o.order_id, o.customer, _iso(at(o.day)), _iso(known), total, "GBP", "0.00", "", "web", "card", "")
        orders.append((known, (*row, *guest)))
        sale = (o.order_id, 1, "sale", o.product, o.quantity, f"{price[o.product]:.2f}", total)
        lines.append((known, (*sale, _iso(at(o.day)), _iso(known))))
        if o.order_id == REPEATED_ORDER:
            orders.append((known, (*row, *guest)))
        if o.order_id == RETURNED_ORDER:
            back = (o.order_id, 101, "return", o.product, -o.quantity, f"{price[o.product]:.2f}", f"-{total}")
            lines.append((at(RETURN_DAY), (*back, _iso(at(RETURN_DAY)), _iso(at(RETURN_DAY)))))
    orders.sort(key=lambda r: r[0])
    lines.sort(key=lambda r: r[0])
    _csv(
        folder / "orders.csv",
        "order_id,customer_id,ordered_at,received_at,amount,currency,discount,coupon,channel,payment_method,"
        "shipping_address,guest_first_name,guest_surname,guest_postcode",
        [r for _, r in orders],
    )
    _csv(
        folder / "order_lines.csv",
        "order_id,line_number,kind,product_id,quantity,price,amount,occurred_at,received_at",
        [r for _, r in lines],
    )


def _write_people(folder: Path) -> None:
    rows = []
    for number, customer in enumerate([*REGULARS, *CHURNERS, DAILY, LATE_CUSTOMER, NEWCOMER]):
        first, last, postcode = _NAMES.get(customer, (f"First{number}", f"Last{number}", f"N{number} 1AA"))
        opened = _iso(at(100) if customer == NEWCOMER else at(-30))
        email = f"{first}.{last}@example.org".lower()
        gender = "female" if number % 2 else "male"
        phone = f"0700000{number:04d}"
        born = f"{1960 + number}-02-03"
        row = (customer, first, last, email, phone, postcode, f"{number} Mill Lane", gender, born)
        income = 20_000 + 1_000 * number
        rows.append((*row, "Leeds", "nurse", income, "bronze", opened, opened))
        if customer == "R00":
            rows.append((*row, "Leeds", "nurse", income, "silver", opened, _iso(at(56))))
    _csv(
        folder / "accounts.csv",
        "customer_id,first_name,surname,email,phone,postcode,address,gender,birth_date,location,profession,income,"
        "loyalty_tier,registered_at,updated_at",
        rows,
    )
    _csv(
        folder / "crm_export.csv",
        "crm_id,first_name,surname,email,phone,postcode,address,birth_date,updated_at",
        [(k, first, last, "", "", code, "", "", str(START)) for k, _, first, last, code in TYPOS],
    )


def _write_events(folder: Path) -> None:
    sessions: list[tuple[int, str, str, int]] = [(o.day, o.customer, o.product, o.quantity) for o in toy_orders()]
    sessions += [(d, v, "P2", 0) for v in VISITORS for d in range(0, DAYS, 7)]
    sessions += [(d, NEWCOMER, "P1", 0) for d in range(90, 100)]
    lines: dict[str, list[str]] = {}
    details = {p[0]: p for p in PRODUCTS}
    number = 0
    for session, (day, user, product, quantity) in enumerate(sorted(s for s in sessions if s[1])):
        p = details[product]
        item = {"product_id": product, "category": p[3], "brand": p[4], "price": float(p[5]), "quantity": 1}
        kinds = [("view", 50), ("add_to_cart", 55), ("purchase", 60)] if quantity else [("search", 49), ("view", 50)]
        for kind, minute in kinds:
            number += 1
            moment = at(day, 11) + timedelta(minutes=minute)
            event = {
                "event_id": f"t{number}",
                "ts": _iso(moment),
                "received_at": _iso(moment + timedelta(seconds=2)),
                "user": user,
                "session": f"s{session}",
                "type": kind,
                "items": [] if kind == "search" else [{**item, "quantity": max(1, quantity)}],
            }
            month = lines.setdefault(moment.strftime("%Y-%m"), [])
            month += [json.dumps(event, separators=(",", ":"))] * (2 if number == 7 else 1)
    for label, rows in lines.items():
        (folder / f"events-{label}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
