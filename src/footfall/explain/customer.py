"""Who a customer is: the records behind it, the links that hold them together, and what was left apart, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import log2
from typing import Any

import pyarrow as pa

from footfall.engine import Engine, literal
from footfall.errors import FootfallError, UsageError
from footfall.explain.likeness import Part, told_parts

_TITLES = {
    "first_name": "first name", "later_names": "further names", "email": "e-mail", "birth_date": "birth date",
    "birth_place": "birth place",
}  # fmt: skip
_ORDER = (
    "first_name", "later_names", "surname", "email", "phone", "postcode", "address", "birth_date", "age", "gender",
    "profession", "birth_place",
)  # fmt: skip
_KINDS = {"guest": "guest checkout", "id only": "id without details", "crm": "CRM record", "person": "record"}
_MISSES = 5
_SHOWN = 20
"""Records and links that the text tells of; a story as tables has all of them."""
_AGAINST = "their other records, or a rule, speak against it"
_WANTING = "no other customer fits it better"
ROUNDED = 0.05
"""Bits below which a part that no field accounts for is a matter of rounding."""


@dataclass(frozen=True)
class Golden:
    """The value that stands for a customer: `records` of its records say the same; it is taken from `record_id`."""

    field: str
    value: str
    source: str
    record_id: str
    records: int

    @property
    def says(self) -> str:
        return _TITLES.get(self.field, self.field.replace("_", " "))


@dataclass(frozen=True)
class Record:
    """What one source says of one person. Times are of the shop's zone; None where the source gives none."""

    record_id: str
    kind: str
    source: str
    source_id: str | None
    details: str
    first_seen: datetime | None
    last_seen: datetime | None
    orders: int

    @property
    def name(self) -> str:
        """`account 482 Ravi Palmer, B181DT, age 29`."""
        kind = _KINDS.get(self.kind, self.kind).replace("CRM record", "CRM")
        return " ".join(x for x in (kind, self.source_id or "", self.details) if x)

    @property
    def says(self) -> str:
        """One line: which record of which source, what it states, when it was seen, its orders."""
        kind = " ".join(x for x in (_KINDS.get(self.kind, self.kind), self.source_id or "") if x)
        bought = "" if not self.orders else "1 order" if self.orders == 1 else f"{self.orders:,} orders"
        rest = ", ".join(x for x in (bought, self.seen) if x)
        return f"{kind} of {self.source}: {self.details or 'no details'}" + (f"; {rest}" if rest else "")

    @property
    def seen(self) -> str:
        if self.first_seen is None:
            return ""
        first, last = _day(self.first_seen), _day(self.last_seen or self.first_seen)
        return f"seen {first}" if first == last else f"seen {first} to {last}"


@dataclass(frozen=True)
class Link:
    """A pair of records: linked, or a near miss.

    Attributes:
        first, second: the records in words.
        other: of a near miss, the customer that the second record belongs to.
        how: by which identifier, or "weighed".
        weight: base-2 log of the likelihood ratio; None for an exact identifier.
        chance: that the two, looked at alone, are one person.
        even: the weight of even odds; None where the shop tells none.
        parts: what the weight is made of.
        judged: whether a person has said so.
    """

    record_a: str
    record_b: str
    first: str
    second: str
    other: str
    how: str
    weight: float | None
    chance: float
    even: float | None
    parts: tuple[Part, ...]
    judged: bool = False

    @property
    def steps(self) -> tuple[dict[str, Any], ...]:
        """The way from two records at random to this chance, as bars: label, kind, start, end (bits from even odds)."""
        if self.weight is None or self.even is None:
            return ()
        rows, at = [_step("Two records at random", "start", 0.0, -self.even)], -self.even
        for part in self.parts:
            rows.append(_step(part.says, "raises" if part.bits > 0 else "lowers", at, at + part.bits))
            at += part.bits
        end = self.weight - self.even
        if abs(end - at) > ROUNDED:
            rows.append(_step("the rest", "raises" if end > at else "lowers", at, end))
        rows.append(_step(f"Together: a chance of {percent(self.chance)}", "total", 0.0, end))
        return tuple(rows)

    @property
    def lines(self) -> list[str]:
        """In words: what is linked by what, then each part of the weight."""
        if self.weight is None:
            return [f"{self.first} = {self.second}: {self.how}"]
        head = f"{self.first} = {self.second}: chance {percent(self.chance)}"
        if self.other:
            head = f"{self.first} / {self.second} ({self.other}): chance {percent(self.chance)}"
            if self.judged:
                head += ", judged different by hand"
            elif self.chance > 0.5:
                head += f" for the pair alone; {_AGAINST}"
        elif self.chance < 0.5:
            head += f" for the pair alone; {_WANTING}"
        start = [] if self.even is None else [f"  two records at random: {-self.even:+.1f}"]
        end = [] if self.even is None else [f"  together: {self.weight - self.even:+.1f}"]
        return [head, *start, *(f"  {p.says}: {p.bits:+.1f}" for p in self.parts), *end]


def _step(label: str, kind: str, start: float, end: float) -> dict[str, Any]:
    return {"label": label, "kind": kind, "start": start, "end": end, "bits": end - start}


@dataclass(frozen=True)
class CustomerStory:
    """Who a customer is.

    Attributes:
        chance: that all of its records are one person: the product of its links' chances, those of links that were made
            for want of a better one taken as a half; 1.0 where nothing was weighed.
        least: whether `chance` holds such a half and is the least it can be.
    """

    customer_id: str
    golden: tuple[Golden, ...]
    records: tuple[Record, ...]
    links: tuple[Link, ...]
    misses: tuple[Link, ...]
    changes: tuple[tuple[datetime, str], ...]
    chance: float
    least: bool = field(default=False)

    @property
    def sentence(self) -> str:
        """`C-1042 is one person behind 4 records (chance 99.7%)`."""
        if len(self.records) == 1:
            return f"{self.customer_id} is one person known from 1 record; nothing was linked to it"
        weighed = any(link.weight is not None for link in self.links)
        least = "at least " if self.least else ""
        sure = f"chance {least}{percent(self.chance)}" if weighed else "by exact identifiers"
        return f"{self.customer_id} is one person behind {len(self.records):,} records ({sure})"

    def text(self) -> list[str]:
        """The whole story in lines."""
        lines = [self.sentence, *([""] if self.golden else [])]
        for g in self.golden:
            of = f", as {g.records} of its records say" if g.records > 1 else ""
            lines.append(f"  {g.says}: {g.value} (from {g.source}{of})")
        lines += ["", "Records", *(f"  {r.says}" for r in self.records[:_SHOWN])]
        if len(self.records) > _SHOWN:
            lines.append(f"  and {len(self.records) - _SHOWN:,} more")
        if self.links:
            lines += ["", "What links them"]
            if len(self.links) > _SHOWN:
                lines.append(f"  {len(self.links) - _SHOWN:,} surer links are not shown")
            lines += [f"  {line}" for link in self.links[-_SHOWN:] for line in link.lines]
            if any(link.parts for link in self.links):
                lines.append("  (each +1 doubles the odds that the two are one person; 0 is even odds)")
        if self.misses:
            lines += ["", "Left apart, though alike"]
            lines += [f"  {line}" for link in self.misses for line in link.lines]
        if self.changes:
            lines += ["", "What changed", *(f"  {_day(at)}: {what}" for at, what in self.changes)]
        return lines

    def tables(self) -> dict[str, pa.Table]:
        """The story as tables for a page: story, golden, records, links, steps, misses, changes."""
        words = [{"sentence": self.sentence, "chance": self.chance, "records": len(self.records)}]
        golden = [
            {"field": g.says, "value": g.value, "source": g.source, "record_id": g.record_id, "records": g.records}
            for g in self.golden
        ]
        records = [
            {"record_id": r.record_id, "kind": _KINDS.get(r.kind, r.kind), "source": r.source, "source_id": r.source_id,
             "details": r.details, "first_seen": r.first_seen, "last_seen": r.last_seen, "orders": r.orders}
            for r in self.records
        ]  # fmt: skip
        steps = [
            {"link": number, **step}
            for number, link in enumerate((*self.links, *self.misses), start=1)
            for step in link.steps
        ]
        changes = [{"made_at": at, "change": what} for at, what in self.changes]
        links = [_row(n, link) for n, link in enumerate(self.links, start=1)]
        misses = [_row(n, link) for n, link in enumerate(self.misses, start=len(self.links) + 1)]
        given = {"story": words, "golden": golden, "records": records, "links": links, "steps": steps,
                 "misses": misses, "changes": changes}  # fmt: skip
        return {name: pa.Table.from_pylist(rows) for name, rows in given.items() if rows}


def _row(number: int, link: Link) -> dict[str, Any]:
    why = "; ".join(f"{p.says}: {p.bits:+.1f}" for p in link.parts)
    return {
        "link": number, "first": link.first, "second": link.second, "customer_id": link.other or None, "how": link.how,
        "weight": link.weight, "chance": link.chance, "why": why or None, "record_a": link.record_a,
        "record_b": link.record_b,
    }  # fmt: skip


def customer_story(engine: Engine, customer_id: str) -> CustomerStory:
    """Who a customer is.

    Raises:
        FootfallError: no customers were found yet: `resolve` has not run.
        UsageError: no such customer; the message names the nearest, or what became of it.
    """
    if not engine.has("records") or not engine.value("select count(*) from record_links"):
        raise FootfallError("no records are linked to customers yet; run `footfall resolve` first")
    found = engine.rows("select record_id from record_links where customer_id = ?", [customer_id])
    if not found:
        raise UsageError(f"there is no customer '{customer_id}'{_instead(engine, customer_id)}")
    records = _records(engine, [str(r) for (r,) in found])
    links, misses = _links(engine, customer_id)
    weighed = [link.chance for link in links if link.weight is not None]
    chance = 1.0
    for each in weighed:
        chance *= max(each, 0.5)
    golden = engine.rows(
        "select field, value, source, record_id, records from golden_records where customer_id = ? "
        f"order by list_position({list(_ORDER)}, field)",
        [customer_id],
    )
    return CustomerStory(
        customer_id,
        tuple(Golden(*row) for row in golden),
        tuple(sorted(records.values(), key=lambda r: (_rank(r.kind), -r.orders, r.record_id))),
        links,
        misses,
        _changes(engine, customer_id),
        chance,
        any(each < 0.5 for each in weighed),
    )


def told_pairs(engine: Engine, query: str) -> pa.Table:
    """Pairs of records in words: `query` selects rows of `matches`; first, second, chance, linked, how, why, ids.

    `why` is a list of texts, one per part of the weight. No row where `resolve` has not run.
    """
    empty = pa.schema(
        [("first", pa.string()), ("second", pa.string()), ("chance", pa.float64()), ("linked", pa.bool_()),
         ("how", pa.string()), ("why", pa.list_(pa.string())), ("record_a", pa.string()), ("record_b", pa.string())]
    )  # fmt: skip
    if not engine.has("records"):
        return empty.empty_table()
    rows = engine.fetch(query).to_pylist()
    names = _records(engine, [r[side] for r in rows for side in ("record_a", "record_b")])
    parts = told_parts(engine, [(r["record_a"], r["record_b"], r["parts"]) for r in rows])
    told = [
        {**{k: r[k] for k in ("chance", "linked", "how", "record_a", "record_b")},
         "first": names[r["record_a"]].name, "second": names[r["record_b"]].name,
         "why": [*(f"{p.says}: {p.bits:+.1f}" for p in parts.get((r["record_a"], r["record_b"]), ())),
                 *([_WANTING] if r["linked"] and r["chance"] < 0.5 else []),
                 *([_AGAINST] if not r["linked"] and r["chance"] > 0.5 else [])]}
        for r in rows
    ]  # fmt: skip
    return pa.Table.from_pylist(told, empty)


def percent(chance: float) -> str:
    """A chance as percent; never 100% or 0% where it is not."""
    x = 100 * chance
    if x >= 99.9 and chance < 1:
        return "over 99.9%"
    if 0 < x < 0.1:
        return "under 0.1%"
    return f"{x:.0f}%" if 20 <= x < 99 or x in (0, 100) else f"{x:.1f}%"


def _day(value: datetime) -> str:
    return f"{value.day} {value:%b %Y}"


def _rank(kind: str) -> int:
    order = ("account", "person", "crm", "guest", "id only")
    return order.index(kind) if kind in order else len(order)


def _instead(engine: Engine, customer_id: str) -> str:
    """What to ask for in place of a customer that is not there."""
    rows = engine.rows(
        "select customer_id, made_at from identity_changes where other_id = ? and change = 'merged' "
        "and customer_id in (select customer_id from record_links) order by made_at desc limit 1",
        [customer_id],
    )
    if rows:
        return f"; it was merged into {rows[0][0]}"
    account = engine.rows(
        "select customer_id from record_links join records using (record_id) where source_customer_id = ? "
        "group by 1 order by 1 limit 2",
        [customer_id],
    )
    if account:
        return f"; the account '{customer_id}' belongs to {' and '.join(str(c) for (c,) in account)}"
    near = engine.rows(
        "select customer_id, levenshtein(upper(customer_id), upper(?)) as far from record_links group by customer_id "
        "order by far, length(customer_id), customer_id limit 1",
        [customer_id],
    )[0]
    if near[1] <= 2:
        return f"; did you mean '{near[0]}'?"
    return f"; customers are called as in '{near[0]}'"


def _records(engine: Engine, ids: Sequence[str]) -> dict[str, Record]:
    if not ids:
        return {}
    zone = literal(str(engine.value("select value from settings where name = 'timezone'") or "UTC"))
    details = (
        "concat_ws(', ', nullif(concat_ws(' ', first_name, later_names, surname), ''), postcode, address, email, "
        "phone, case when birth_date is not null then 'born ' || strftime(birth_date, '%-d %b %Y') end, "
        "case when age is not null then 'age ' || age end)"
    )
    rows = engine.rows(
        f"select record_id, kind, source, source_customer_id, {details}, local_time(first_seen, {zone}), "
        f"local_time(last_seen, {zone}), orders from records where record_id in ({', '.join(map(literal, ids))})"
    )
    return {str(row[0]): Record(*row) for row in rows}


def _even(engine: Engine) -> float | None:
    """The weight of even odds, from any link that tells both its weight and its chance."""
    row = engine.rows(
        "select weight, chance from matches where weight is not null order by abs(chance - 0.5), record_a limit 1"
    )
    if not row or not 0 < row[0][1] < 1:
        return None
    weight, chance = row[0]
    return float(weight) - log2(chance / (1 - chance))


def _links(engine: Engine, customer_id: str) -> tuple[tuple[Link, ...], tuple[Link, ...]]:
    """The links within a customer, and the nearest pairs to others; the customer's own record stands first."""
    shown = (
        "select record_a, record_b, weight, chance, how, parts, l.customer_id as one, r.customer_id as other\n"
        "from matches m join record_links l on l.record_id = m.record_a "
        "join record_links r on r.record_id = m.record_b\n"
    )
    me = literal(customer_id)
    near = f"where not m.linked and (one = {me} or other = {me}) and one <> other"
    held = f"where m.linked and one = {me} and other = {me}"
    rows = engine.rows(shown + held + " order by weight is not null, weight desc, 1, 2")
    rows += engine.rows(shown + near + f" order by chance desc, 1, 2 limit {_MISSES}")
    names = _records(engine, [r for row in rows for r in row[:2]])
    first = {(a, b): _stands_first(names[a], names[b], one, other, customer_id) for a, b, *_, one, other in rows}
    turned = {(a, b) for (a, b), mine in first.items() if mine != a}
    parts = told_parts(engine, [(a, b, told) for a, b, _, _, _, told, *_ in rows], turned)
    apart = engine.rows("select record_a, record_b from judged_pairs where verdict = 'different'")
    judged = {frozenset(pair) for pair in apart}
    even = _even(engine)
    links: tuple[list[Link], list[Link]] = ([], [])
    for a, b, weight, chance, how, _, one, other in rows:
        mine, theirs, missed = first[a, b], b if first[a, b] == a else a, one != other
        link = Link(
            a, b, names[mine].name, names[theirs].name, (other if one == customer_id else one) if missed else "", how,
            weight, chance, even, parts.get((a, b), ()), frozenset((a, b)) in judged,
        )  # fmt: skip
        links[missed].append(link)
    return tuple(links[0]), tuple(links[1])


def _stands_first(a: Record, b: Record, one: str, other: str, customer_id: str) -> str:
    """Which record of a pair is told first: the customer's own, or of two of its own, an account before a guest."""
    if one != other:
        return a.record_id if one == customer_id else b.record_id
    return min((a, b), key=lambda r: (_rank(r.kind), r.record_id)).record_id


def _changes(engine: Engine, customer_id: str) -> tuple[tuple[datetime, str], ...]:
    rows = engine.rows(
        "select customer_id, change, other_id, records, made_at from identity_changes "
        "where customer_id = ? or other_id = ? order by made_at, change, customer_id, other_id",
        [customer_id, customer_id],
    )
    told = []
    for customer, change, other, records, made_at in rows:
        many = "1 record" if records == 1 else f"{records:,} records"
        mine = customer == customer_id
        if change == "merged":
            what = f"took in {other}, with {many}" if mine else f"was taken into {customer}, with {many}"
        elif change == "split":
            what = f"got {many} that were {other}'s" if mine else f"lost {many} to {customer}"
        else:
            what = f"{change}, with {many}"
        told.append((made_at, what))
    return tuple(told)
