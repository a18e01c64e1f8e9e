"""Shops of persons for the tests of identity: rows straight into the facts, and a crowd to learn from."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from footfall.engine import DuckDBEngine
from footfall.tables import create_tables, publish_views, refresh_known

Person = Mapping[str, Any]
DETAILS = (
    "first_name", "later_names", "surname", "email", "phone", "postcode", "address", "birth_date", "age", "gender",
    "profession", "birth_place", "further",
)  # fmt: skip
_CUSTOMERS = pa.schema(
    [(c, pa.string()) for c in ("source", "source_customer_id", "channel", "occurred_at", "known_at", *DETAILS)]
)
_ORDERS = pa.schema(
    [(c, pa.string()) for c in ("source", "source_customer_id", "order_id", "occurred_at", "known_at", "channel",
                                "guest_first_name", "guest_surname", "guest_postcode")]
)  # fmt: skip
ALWAYS = "1900-01-01"
FIRSTS = tuple(
    a + b
    for a in ("al", "ber", "cor", "dan", "el", "fri")
    for b in ("ma", "ric", "dus", "na", "vin", "sa", "go", "lis")
)
SURNAMES = tuple(
    a + b + c
    for a in ("ba", "co", "di", "fen", "gul", "har", "jo", "kin")
    for b in ("lem", "mor", "nat", "pel", "ros", "sten", "tur", "wal")
    for c in ("son", "ley", "ton")
)


def shop_of(customers: Iterable[Person], orders: Iterable[Person] = ()) -> DuckDBEngine:
    """A shop in memory that holds these rows of persons and orders."""
    engine = DuckDBEngine(threads=2)
    create_tables(engine)
    add(engine, customers, orders)
    return engine


def add(engine: DuckDBEngine, customers: Iterable[Person] = (), orders: Iterable[Person] = ()) -> None:
    """More rows; `id` is the source's own id, `known` since when the row has been known."""
    people = [_row(r, r.get("channel"), ALWAYS) for r in customers]
    bought = [{**_row(r, "web", "2024-05-01"), "order_id": str(r.get("order", f"o{n}"))} for n, r in enumerate(orders)]
    for name, rows, schema in (("customers", people, _CUSTOMERS), ("orders", bought, _ORDERS)):
        engine.append(f"facts.{name}", pa.Table.from_pylist(rows, schema))
    publish_views(engine)
    refresh_known(engine)


def _row(row: Person, channel: str | None, at: str) -> dict[str, Any]:
    given = {k: None if v is None else str(v) for k, v in row.items()}
    at = given.get("at") or at
    rest = {"source": "till", "channel": channel, "occurred_at": at, "known_at": given.get("known") or at}
    return {**rest, "source_customer_id": given.get("id"), **given}


def crowd(persons: int = 300, seed: int = 1, slips: float = 0.15) -> list[dict[str, Any]]:
    """Two accounts each of persons of whom no two bear one name, for the model to learn from: ids `<n>a` and `<n>b`."""
    rng = random.Random(seed)
    names = rng.sample([(f, s) for f in FIRSTS for s in SURNAMES], persons)
    rows: list[dict[str, Any]] = []
    for number, (first, surname) in enumerate(names):
        postcode = f"{rng.choice('EMNS')}{rng.randrange(1, 60)} {rng.randrange(1, 9)}AB"
        birth = f"{rng.randrange(1940, 2005)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
        for copy in "ab":
            name = first if rng.random() > slips else _slip(rng, first)
            rows.append({"id": f"{number}{copy}", "first_name": name, "surname": surname, "postcode": postcode,
                         "birth_date": birth if rng.random() < 0.8 else None})  # fmt: skip
    return rows


def _slip(rng: random.Random, text: str) -> str:
    place = rng.randrange(1, len(text))
    return text[:place] + rng.choice("qxz") + text[place + 1 :]


def customer_of(engine: DuckDBEngine) -> dict[str, str]:
    """Account id -> customer; for guests, `first surname` -> customer."""
    rows = engine.rows(
        "select coalesce(r.source_customer_id, concat_ws(' ', r.first_name, r.surname)), l.customer_id "
        "from records r join record_links l using (record_id)"
    )
    return dict(rows)


def clusters(engine: DuckDBEngine) -> set[frozenset[str]]:
    """The records, by their ids, that are one customer."""
    found: dict[str, set[str]] = {}
    for record, customer in customer_of(engine).items():
        found.setdefault(customer, set()).add(record)
    return {frozenset(c) for c in found.values()}


def pairs(groups: Iterable[Iterable[Any]]) -> set[frozenset[Any]]:
    """The pairs within groups."""
    found = set()
    for group in groups:
        members: Sequence[Any] = list(group)
        found |= {frozenset((a, b)) for i, a in enumerate(members) for b in members[:i]}
    return found
