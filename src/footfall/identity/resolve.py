"""Many records to one customer: the whole of it, and the tables it writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from footfall.engine import Engine, literal
from footfall.errors import FootfallError
from footfall.identity import customers, telling
from footfall.identity.cluster import components
from footfall.identity.comparisons import fields_for
from footfall.identity.linkage import Linkage, Policy, Sure, exact, link, rules_for, start_of
from footfall.identity.records import Keys, build_keys, build_records
from footfall.identity.weigh import Weigher
from footfall.tables import publish_views, refresh_known

Array = np.ndarray[Any, Any]
Progress = Callable[[str], None]
REVIEWED = 200
"""Pairs in the worklist."""
FEW = 20
"""Records below which nothing can be learnt from the data, and only exact identifiers link."""


@dataclass(frozen=True)
class Resolved:
    """How many customers there are: expectation and 95% interval, records they come from, seconds."""

    customers: float
    lower: float
    upper: float
    clusters: int
    records: int
    notes: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The answer in one line."""
        return (
            f"{self.customers:,.0f} customers (95%: {self.lower:,.0f} to {self.upper:,.0f}) "
            f"behind {self.records:,} records; linked, they make {self.clusters:,}"
        )


def resolve(
    engine: Engine,
    policy: Policy | None = None,
    reviewed: str | Path | None = None,
    only_new: bool = False,
    progress: Progress = lambda message: None,
) -> Resolved:
    """Link the records of persons and re-key all facts to the customers found.

    Args:
        engine: of the shop.
        policy: rules of the business; None: those of the last time.
        reviewed: CSV with record_a, record_b, verdict (same or different), as `review` is exported.
        only_new: leave the customers there are as they are, and link only records that came since.
        progress: told of each step.

    Raises:
        FootfallError: no records of persons, or a review that cannot be read.
        UsageError: a rule about a source that is not there.
    """
    progress("collecting the records of persons")
    if not build_records(engine):
        raise FootfallError("there are no records of persons: load customers, or orders with ids or guests' details")
    if reviewed is not None:
        read_reviews(engine, Path(reviewed))
    progress("bringing names, postcodes and the rest to one form")
    keys = build_keys(engine)
    ids = engine.fetch("select record_id, source, source_customer_id, known_at from records order by record_id")
    sources = {str(s) for s in ids["source"].to_pylist()}
    if policy is not None:
        policy.check(sources)
    asked = _policy(engine, policy)
    same, never = _judged(engine, ids)
    sure: Sure = (
        (*exact(keys.table, asked), *((*same, "judged the same"),)) if len(same[0]) else exact(keys.table, asked)
    )
    rules = rules_for(keys.table, _accounts_of(ids), asked, never)
    rows = keys.table.num_rows
    start = start_of(keys.table, sure, rules)
    new = None
    if only_new:
        start, new = _as_before(engine, ids, start)
        rules = replace(rules, held=_held(start, new))
    weigher = _trained(engine, keys, asked, progress)
    try:
        linkage = link(start, rules, weigher, progress, sure, new, keys.copy)
        progress("writing customers and links")
        with engine.transaction():
            _write(engine, keys, linkage, weigher, ids)
    finally:
        if weigher is not None:
            weigher.close()
    publish_views(engine)
    refresh_known(engine)
    count = linkage.count
    notes = tuple(str(n) for (n,) in engine.rows("select note from identity_notes order by kind, note"))
    return Resolved(count.customers, count.lower, count.upper, int(linkage.label.max()) + 1, rows, notes)


def telling_persons(engine: Engine) -> bool:
    """Whether the shop holds what tells persons apart beyond ids: names, e-mails or phones, or guests' details."""
    persons = "select 1 from facts.customers where surname is not null or email is not null or phone is not null"
    guests = "select 1 from facts.orders where source_customer_id is null and guest_surname is not null"
    return bool(engine.value(f"select count(*) from (({persons} limit 1) union all ({guests} limit 1))"))


def _policy(engine: Engine, given: Policy | None) -> Policy:
    """The policy given, kept for the next time; or that of the last time."""
    if given is not None:
        engine.execute("insert or replace into settings values ('identity policy', ?)", [json.dumps(asdict(given))])
        return given
    kept: dict[str, Any] = json.loads(
        engine.value("select value from settings where name = 'identity policy'") or json.dumps(asdict(Policy()))
    )
    return Policy(tuple(kept["unique"]), kept["age_gap"], kept["households"], tuple(kept["verified"]))


def _trained(engine: Engine, keys: Keys, policy: Policy, progress: Progress) -> Weigher | None:
    """A weigher that has learnt from the records; None where they say too little to compare."""
    fields = fields_for(keys.filled, keys.table.num_rows)
    if keys.table.num_rows < FEW or len(fields) < 2:
        return None
    memory, threads = engine.rows("select current_setting('memory_limit'), current_setting('threads')")[0]
    weigher = Weigher(keys.table, fields, policy.households, str(memory).replace(" ", ""), int(threads))
    if not weigher.keys:
        weigher.close()
        return None
    weigher.train(progress)
    if not weigher.shares:
        weigher.close()
        return None
    return weigher


def _as_before(engine: Engine, ids: pa.Table, start: Array) -> tuple[Array, Array]:
    """The clusters of the last time, and the records that were not among them."""
    before = dict(engine.rows("select record_id, customer_id from record_links"))
    names = [before.get(r) for r in ids["record_id"].to_pylist()]
    new = np.array([n is None for n in names])
    known = np.flatnonzero(~new)
    _, code = np.unique(np.array([names[i] for i in known], str), return_inverse=True) if len(known) else (None, known)
    order = np.argsort(code, kind="stable")
    same = code[order][1:] == code[order][:-1]
    a, b = known[order[:-1][same]], known[order[1:][same]]
    label = components(len(start), a, b)
    merged = components(int(label.max(initial=-1)) + 1, label, label[_first_of(start)])[label]
    return merged, np.flatnonzero(new)


def _held(start: Array, new: Array) -> Array:
    """The cluster of each record whose cluster holds one that is not new; -1 for the others."""
    old = np.ones(len(start), bool)
    old[new] = False
    known = np.zeros(int(start.max(initial=-1)) + 1, bool)
    known[start[old]] = True
    return np.where(known[start], start, -1)


def _accounts_of(ids: pa.Table) -> Array:
    """The source of each record that bears an account's id; empty for guests, of whom a source may know several."""
    source, account = (ids[c].to_numpy(zero_copy_only=False) for c in ("source", "source_customer_id"))
    return np.array([s if a is not None else "" for s, a in zip(source, account, strict=True)], dtype=str)


def _first_of(start: Array) -> Array:
    """The first record of each record's cluster."""
    first = np.full(int(start.max(initial=-1)) + 1, -1, np.int64)
    first[start[::-1]] = np.arange(len(start))[::-1]
    return first[start]


def read_reviews(engine: Engine, file: Path) -> None:
    """Add the verdicts of a reviewed worklist to the table `judged_pairs`.

    Raises FootfallError for a file that is none.
    """
    if not file.exists():
        raise FootfallError(f"there is no file '{file}'")
    try:
        engine.execute(
            "create or replace temp table given as "
            f"select * from read_csv({literal(str(file))}, all_varchar = true, header = true)"
        )
    except FootfallError as error:
        raise FootfallError(f"cannot read '{file}' as a reviewed worklist: {error}") from None
    lost = [c for c in ("record_a", "record_b", "verdict") if c not in engine.columns("given")]
    if lost:
        raise FootfallError(
            f"'{file}' has no column '{lost[0]}'; export the table review and fill in its column verdict"
        )
    wrong = engine.rows("select verdict from given where lower(trim(verdict)) not in ('same', 'different', '') limit 1")
    if wrong:
        raise FootfallError(f"'{file}': a verdict is 'same', 'different' or empty, not '{wrong[0][0]}'")
    unknown = engine.rows(
        "select r from (select record_a as r from given union select record_b from given) "
        "where r not in (select record_id from records) limit 1"
    )
    if unknown:
        raise FootfallError(f"'{file}': there is no record '{unknown[0][0]}'; was the worklist made of another shop?")
    engine.execute(
        "delete from judged_pairs r using given g where trim(g.verdict) <> '' and "
        "least(r.record_a, r.record_b) = least(g.record_a, g.record_b) and "
        "greatest(r.record_a, r.record_b) = greatest(g.record_a, g.record_b)"
    )
    engine.execute(
        "insert into judged_pairs select record_a, record_b, lower(trim(verdict)) "
        "from given where trim(verdict) <> '' order by all"
    )


def _judged(engine: Engine, ids: pa.Table) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Pairs of records judged the same, and judged different."""
    place = {r: i for i, r in enumerate(ids["record_id"].to_pylist())}
    found: dict[str, list[tuple[int, int]]] = {"same": [], "different": []}
    for a, b, verdict in engine.rows("select record_a, record_b, verdict from judged_pairs order by all"):
        if a in place and b in place:
            found[verdict].append((place[a], place[b]))
    same, never = (np.array(found[v], np.int64).reshape(-1, 2) for v in ("same", "different"))
    return (same[:, 0], same[:, 1]), (never[:, 0], never[:, 1])


def _write(engine: Engine, keys: Keys, linkage: Linkage, weigher: Weigher | None, ids: pa.Table) -> None:
    customers.name_customers(engine, linkage)
    customers.note_changes(engine)
    customers.write_links(engine)
    customers.write_golden(engine)
    tree = customers.spanning(linkage)
    customers.write_history(engine, tree, ids)
    telling.write_matches(engine, linkage, tree, weigher, ids)
    telling.write_review(engine, REVIEWED)
    telling.write_counts(engine, linkage)
    telling.write_notes(engine, keys, linkage, weigher)
