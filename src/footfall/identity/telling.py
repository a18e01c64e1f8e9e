"""What resolve tells: the links and near misses, the worklist, the counts, and what it found out about the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from footfall.engine import Engine
from footfall.identity.customers import Tree
from footfall.identity.doubt import Pairs
from footfall.identity.linkage import Linkage
from footfall.identity.records import Keys
from footfall.identity.weigh import NEVER, Weigher

Array = np.ndarray[Any, Any]
MISSES = 2_000
"""Pairs that were not linked and are told of, those nearest to even odds."""
NEAR = 6.0
"""Bits from even odds within which a pair that was not linked is a near miss."""


def write_matches(engine: Engine, linkage: Linkage, tree: Tree, weigher: Weigher | None, ids: pa.Table) -> None:
    """The table `matches`: each customer's spanning links, and the nearest pairs that were left apart."""
    miss_a, miss_b, miss_weight = _misses(linkage)
    a, b = np.concatenate([tree.a, miss_a]), np.concatenate([tree.b, miss_b])
    exact = np.concatenate([tree.how > 0, np.zeros(len(miss_a), bool)])
    weight = np.concatenate([tree.weight, miss_weight])
    hows = np.array(["weighed", *(s[2] for s in linkage.sure)], dtype=object)
    record = np.asarray(ids["record_id"].to_pylist(), dtype=object)
    told = pa.table(
        {
            "a": a,
            "b": b,
            "record_a": pa.array(record[a], pa.string()),
            "record_b": pa.array(record[b], pa.string()),
            "weight": pa.array(weight, mask=exact),
            "chance": np.where(exact, 1.0, linkage.chance(Pairs(a, b, weight))),
            "linked": np.concatenate([np.ones(len(tree.a), bool), np.zeros(len(miss_a), bool)]),
            "how": pa.array(np.concatenate([hows[tree.how], np.full(len(miss_a), "weighed", object)]), pa.string()),
        }
    )
    parts = weigher.parts(a[~exact], b[~exact]) if weigher is not None and (~exact).any() else _no_parts()
    engine.execute("create or replace temp table told_pairs (a BIGINT, b BIGINT, record_a VARCHAR, record_b VARCHAR, "
                   "weight DOUBLE, chance DOUBLE, linked BOOLEAN, how VARCHAR)")  # fmt: skip
    engine.append("told_pairs", told)
    engine.execute("create or replace temp table told_parts (a BIGINT, b BIGINT, parts VARCHAR)")
    engine.append("told_parts", parts.select(["a", "b", "parts"]))
    engine.execute("delete from matches")
    engine.execute("""
        insert into matches
        select t.record_a, t.record_b, t.weight, t.chance, t.linked, t.how, p.parts, greatest(x.known_at, y.known_at)
        from told_pairs t
        left join told_parts p using (a, b)
        join records x on x.record_id = t.record_a join records y on y.record_id = t.record_b
        order by t.linked desc, t.record_a, t.record_b""")


def _no_parts() -> pa.Table:
    return pa.table({"a": pa.array([], pa.int64()), "b": pa.array([], pa.int64()), "parts": pa.array([], pa.string())})


def _misses(linkage: Linkage) -> tuple[Array, Array, Array]:
    """The strongest pair between clusters left apart, where it lies near even odds; those nearest first."""
    pairs, label = linkage.pairs, linkage.label
    near = (np.abs(pairs.weight - linkage.even) <= NEAR) & (label[pairs.a] != label[pairs.b]) & (pairs.weight > NEVER)
    a, b, weight = pairs.a[near], pairs.b[near], pairs.weight[near]
    low, high = np.minimum(label[a], label[b]), np.maximum(label[a], label[b])
    order = np.lexsort((b, a, -weight, high, low))
    first = np.ones(len(order), bool)
    first[1:] = (low[order][1:] != low[order][:-1]) | (high[order][1:] != high[order][:-1])
    best = order[first]
    nearest = best[np.argsort(np.abs(weight[best] - linkage.even), kind="stable")][:MISSES]
    return a[nearest], b[nearest], weight[nearest]


def write_review(engine: Engine, most: int) -> None:
    """The worklist: pairs whose verdict would settle most, by how open they are and how many orders hang on them."""
    engine.execute("delete from review")
    details = (
        "concat_ws(', ', nullif(concat_ws(' ', {r}.first_name, {r}.later_names, {r}.surname), ''), {r}.postcode, "
        "{r}.address, {r}.email, {r}.phone, cast({r}.birth_date as VARCHAR), "
        "case when {r}.age is not null then 'age ' || {r}.age end) || ' (' || {r}.kind "
        "|| coalesce(' ' || {r}.source_customer_id, '') || ')'"
    )
    engine.execute(f"""
        insert into review
        select m.record_a, m.record_b, m.chance, m.linked,
          m.chance * (1 - m.chance) * (1 + x.orders + y.orders) as worth,
          {details.format(r="x")}, {details.format(r="y")}, null
        from matches m join records x on x.record_id = m.record_a join records y on y.record_id = m.record_b
        where m.how = 'weighed' and m.chance between 0.01 and 0.99
          and (m.record_a, m.record_b) not in (select record_a, record_b from judged_pairs)
        order by worth desc, m.record_a, m.record_b limit {most}""")


def write_counts(engine: Engine, linkage: Linkage) -> None:
    """`customers_count` and `customers_by_threshold`."""
    count = linkage.count
    rows: list[tuple[str, float, float | None, float | None, str]] = [
        ("customers", count.customers, count.lower, count.upper, "expected number of persons behind the records"),
        (
            "clusters",
            float(linkage.label.max(initial=-1) + 1),
            None,
            None,
            "customers as linked; the parts below add up to them",
        ),
        ("links missed", count.missed, None, None, "expected links that the records say too little for"),
        ("strangers linked", count.wrong, None, None, "expected records that are linked to somebody else"),
    ]
    kinds = engine.rows(f"""
        with each as (
          select customer_id, bool_or(kind = 'guest') as guest, bool_or(kind = 'id only') as bare,
            bool_or(kind = 'crm') as crm, bool_or(kind in ('account', 'person')) as account, {_BOUGHT} as bought
          from record_links join records using (record_id) group by customer_id
        ),
        parted as (
          select case when guest and not bare and not crm and not account then 'guests only'
            when bare and not guest and not crm and not account then 'ids without details'
            when crm and not guest and not bare and not account then 'in CRM only'
            when not bought then 'never purchased' else 'identified' end as part
          from each
        )
        select part, count(*) from parted group by part""")
    found = {str(part): float(n) for part, n in kinds}
    rows += [(part, found.get(part, 0.0), None, None, meaning) for part, meaning in PARTS.items()]
    engine.execute("delete from customers_count")
    names = ("part", "customers", "lower", "upper", "meaning")
    engine.append("customers_count", pa.Table.from_pylist([dict(zip(names, r, strict=True)) for r in rows], _COUNTS))
    engine.execute("delete from customers_by_threshold")
    table = pa.table({"chance": list(linkage.thresholds), "customers": list(linkage.thresholds.values())})
    engine.append("customers_by_threshold", table)


_BOUGHT = "bool_or(orders > 0 or kind in ('guest', 'id only'))"
PARTS = {
    "identified": "known by name from an account or a person's record, and bought "
    "(or where no purchases are at hand, may have)",
    "guests only": "known from guest checkouts alone",
    "ids without details": "ids that bought and stand in no file of customers",
    "in CRM only": "known from the CRM alone",
    "never purchased": "an account without an order",
}
"""Parts of the customers as linked; each customer is in one of them."""
_COUNTS = pa.schema(
    [("part", pa.string()), ("customers", pa.float64()), ("lower", pa.float64()), ("upper", pa.float64()),
     ("meaning", pa.string())]
)  # fmt: skip


def write_notes(engine: Engine, keys: Keys, linkage: Linkage, weigher: Weigher | None) -> None:
    """`identity_notes`: what was compared, what was left out, where the data end."""
    notes: list[tuple[str, str]] = []
    if weigher is None:
        notes.append(("limit", "too few records or columns to compare by: only exact identifiers were used"))
    else:
        notes.append(("fields", "compared by " + ", ".join(f.says for f in weigher.fields)))
        crowded = [k for k in weigher.keys if k.crowded]
        for key in sorted(crowded, key=lambda k: -k.crowded)[:3]:
            notes.append(
                (
                    "left out",
                    f"{key.crowded:,} records share their {' and '.join(key.parts)} "
                    "with too many others to be compared by it",
                )
            )
    if keys.copies:
        notes.append(
            ("limit", f"{keys.copies:,} records are the same in every detail as another and were taken as its copies")
        )
    for field, value, rows in keys.common:
        notes.append(("common value", f"{field} '{value}' stands in {rows:,} records and was taken as missing"))
    largest = int(np.bincount(linkage.label).max(initial=0))
    if largest > max(50, len(linkage.label) // 20):
        notes.append(
            (
                "limit",
                f"one customer holds {largest:,} of {len(linkage.label):,} records: "
                "look at it before you trust the count",
            )
        )
    engine.execute("delete from identity_notes")
    if notes:
        engine.append("identity_notes", pa.table({"kind": [n[0] for n in notes], "note": [n[1] for n in notes]}))
