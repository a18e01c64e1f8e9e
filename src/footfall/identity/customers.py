"""Clusters become customers: ids that stay, links to the facts, a golden record, and what changed since last time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import minimum_spanning_tree

from footfall.engine import Engine
from footfall.identity.linkage import Linkage
from footfall.identity.records import DETAILS

Array = np.ndarray[Any, Any]
_HISTORY = pa.schema(
    [("record_id", pa.string()), ("customer_id", pa.string()), ("from_at", pa.timestamp("us")),
     ("to_at", pa.timestamp("us"))]
)  # fmt: skip
SURE = 1000.0
"""Weight of pairs that are one by an exact identifier."""


@dataclass(frozen=True)
class Tree:
    """The links that hold the clusters together: of each cluster, the strongest that span it.

    Attributes:
        a, b: positions of the two records, a < b.
        weight: in bits; `SURE` where an exact identifier makes the link.
        how: 0 for a weighed pair, else 1 + the place of the identifier in `Linkage.sure`.
    """

    a: Array
    b: Array
    weight: Array
    how: Array


def spanning(linkage: Linkage) -> Tree:
    """The maximum spanning tree of every cluster, over exact identifiers and weighed pairs."""
    one = [linkage.pairs.a, linkage.around.a, *(s[0] for s in linkage.sure)]
    other = [linkage.pairs.b, linkage.around.b, *(s[1] for s in linkage.sure)]
    weight = [linkage.pairs.weight, linkage.around.weight, *(np.full(len(s[0]), SURE) for s in linkage.sure)]
    how = [np.full(len(x), number) for number, x in zip([0, 0, *range(1, len(linkage.sure) + 1)], one, strict=True)]
    a, b, w, kind = (np.concatenate(x) for x in (one, other, weight, how))
    a, b = np.minimum(a, b), np.maximum(a, b)
    inside = linkage.label[a] == linkage.label[b]
    a, b, w, kind = a[inside], b[inside], w[inside], kind[inside]
    # One entry per pair, the strongest: a sparse matrix would add them up.
    order = np.lexsort((-w, b, a))
    first = np.ones(len(order), bool)
    first[1:] = (a[order][1:] != a[order][:-1]) | (b[order][1:] != b[order][:-1])
    a, b, w, kind = (x[order][first] for x in (a, b, w, kind))
    rows = len(linkage.label)
    # Distances are positive and the smaller the stronger; equal ones are told apart by their place.
    rank = np.empty(len(w))
    rank[np.argsort(-w, kind="stable")] = np.arange(1, len(w) + 1)
    tree = minimum_spanning_tree(coo_matrix((rank, (a, b)), shape=(rows, rows)).tocsr()).tocoo()
    kept = np.sort(np.searchsorted(a * rows + b, tree.row.astype(np.int64) * rows + tree.col))
    return Tree(a[kept], b[kept], w[kept], kind[kept])


def name_customers(engine: Engine, linkage: Linkage) -> None:
    """Write `record_links` (record -> customer), keeping ids, and tell what changed in `identity_changes`.

    A cluster keeps the id of the customer whose records it holds most of (ties: the lower number); ids are never used
    twice.
    """
    records = engine.fetch("select record_id, known_at from records order by record_id")
    label = pa.table({"record_id": records["record_id"], "cluster": linkage.label, "known_at": records["known_at"]})
    engine.materialise("select record_id, customer_id from record_links", "links_before")
    # Columns by name: DuckDB 2.0.0 loses sight of rows appended to a table made by `as select ... limit 0` in one
    # transaction, from 122,880 rows on two threads.
    engine.execute("create or replace temp table cluster_of (record_id VARCHAR, cluster BIGINT, known_at TIMESTAMP)")
    engine.append("cluster_of", label)
    engine.execute("""
        create or replace temp table named as
        with shared as (
          select c.cluster, b.customer_id, count(*) as n, cast(substr(b.customer_id, 3) as BIGINT) as number
          from cluster_of c join links_before b using (record_id) group by all
        ),
        wanted as (
          select *, row_number() over (partition by customer_id order by n desc, cluster) as claim from shared
        ),
        first_choice as (
          select cluster, customer_id from wanted where claim = 1
          qualify row_number() over (partition by cluster order by n desc, number) = 1
        ),
        -- An id whose first claimant keeps another goes to who holds most of the rest.
        left_over as (
          select *, row_number() over (partition by customer_id order by n desc, cluster) as claim from shared
          where cluster not in (select cluster from first_choice)
            and customer_id not in (select customer_id from first_choice)
        ),
        kept as (
          select * from first_choice
          union all
          select cluster, customer_id from left_over where claim = 1
          qualify row_number() over (partition by cluster order by n desc, number) = 1
        ),
        fresh as (
          select cluster, (select coalesce(max(cast(value as BIGINT)), 0) from settings where name = 'customers named')
            + row_number() over (order by min(record_id)) as number
          from cluster_of where cluster not in (select cluster from kept) group by cluster
        )
        select cluster, customer_id from kept
        union all select cluster, 'C-' || number as customer_id from fresh""")
    engine.execute("""
        insert or replace into settings
        select 'customers named', cast(max(cast(substr(customer_id, 3) as BIGINT)) as VARCHAR) from named
        having count(*) > 0 and max(cast(substr(customer_id, 3) as BIGINT)) > coalesce(
          (select cast(value as BIGINT) from settings where name = 'customers named'), 0)""")
    engine.execute("delete from record_links")
    engine.execute(
        "insert into record_links select c.record_id, n.customer_id, c.known_at "
        "from cluster_of c join named n using (cluster) order by c.record_id"
    )


def note_changes(engine: Engine) -> None:
    """Write what became of the customers of the last time: merged, split, new, gone. Nothing on the first time."""
    if not engine.value("select count(*) from links_before"):
        return
    engine.execute("""
        insert into identity_changes
        with both_times as (
          select b.customer_id as old, a.customer_id as new, count(*) as records
          from links_before b join record_links a using (record_id) group by all
        ),
        told as (
          select new as customer_id, 'merged' as change, old as other_id, records from both_times
          where old <> new and old not in (select customer_id from record_links)
          union all
          select new, 'split', old, records from both_times
          where old <> new and old in (select customer_id from record_links)
          union all
          select customer_id, 'new', null, count(*) from record_links
          where customer_id not in (select new from both_times) group by customer_id
          union all
          select old, 'gone', null, count(*) from (
            select b.customer_id as old from links_before b
            where b.customer_id not in (select old from both_times)
          ) group by old
        )
        select customer_id, change, other_id, records, cast(now() at time zone 'UTC' as TIMESTAMP)
        from told order by all""")


def write_links(engine: Engine) -> None:
    """Re-key the facts: `links` for accounts (by their first record), `guest_links` for guest checkouts."""
    engine.execute("delete from links")
    engine.execute("""
        insert into links
        select r.source, r.source_customer_id, record_id, l.customer_id, l.known_at
        from records r join record_links l using (record_id)
        where r.source_customer_id is not null
        qualify row_number() over (
          partition by r.source, r.source_customer_id order by l.known_at, l.customer_id, record_id) = 1
        order by 1, 2""")
    engine.execute("delete from guest_links")
    same = " and ".join(f"r.{c} is not distinct from o.guest_{c}" for c in ("first_name", "surname", "postcode"))
    engine.execute(f"""
        insert into guest_links
        select o.source, o.order_id, record_id, l.customer_id, greatest(l.known_at, o.known_at)
        from facts.orders o
        join records r on r.kind = 'guest' and r.source = o.source and {same}
        join record_links l using (record_id)
        where o.source_customer_id is null
        qualify row_number() over (partition by o.source, o.order_id order by r.orders desc, record_id) = 1
        order by 1, 2""")


def write_history(engine: Engine, tree: Tree, ids: pa.Table) -> None:
    """`record_history`: which customer each record belonged to by the links known at the time.

    Links become known one after the other; each joins two parts, and the records of the smaller part move to the name
    of the larger one, so that a record moves at most log2(n) times. A part bears the customer's id with a number
    behind it until it is joined to the part whose name stays.
    """
    names = dict(engine.rows("select record_id, customer_id from record_links"))
    record = ids["record_id"].to_pylist()
    known = ids["known_at"].to_pylist()
    alone = np.ones(len(record), bool)
    alone[tree.a] = alone[tree.b] = False
    history: list[tuple[str, str, Any, Any]] = [
        (record[i], names[record[i]], known[i], None) for i in np.flatnonzero(alone)
    ]
    members = {i: [i] for i in np.flatnonzero(~alone).tolist()}
    home = {i: i for i in members}
    since = {i: known[i] for i in members}
    moves: list[tuple[int, int, Any, Any]] = []
    edges = sorted(
        (max(known[a], known[b]), int(a), int(b)) for a, b in zip(tree.a.tolist(), tree.b.tolist(), strict=True)
    )
    for at, a, b in edges:
        keep, go = sorted((home[a], home[b]), key=lambda part: (-len(members[part]), part))
        for one in members.pop(go):
            if since[one] < at:
                moves.append((one, go, since[one], at))
            home[one], since[one] = keep, at
            members[keep].append(one)
    moves += [(one, part, since[one], None) for part, them in members.items() for one in them]
    last = set(members)
    part_names: dict[int, str] = {}
    seen: dict[str, int] = {}
    for _, part, _, _ in sorted(moves, key=lambda m: (m[1] not in last, m[1])):
        if part not in part_names:
            customer = names[record[part]]
            seen[customer] = seen.get(customer, 0) + 1
            part_names[part] = customer if seen[customer] == 1 else f"{customer}~{seen[customer]}"
    history += [(record[one], part_names[part], start, end) for one, part, start, end in moves]
    history.sort(key=lambda h: (h[0], h[2]))
    engine.execute("delete from record_history")
    names_of = ("record_id", "customer_id", "from_at", "to_at")
    engine.append(
        "record_history", pa.Table.from_pylist([dict(zip(names_of, h, strict=True)) for h in history], _HISTORY)
    )


def write_golden(engine: Engine) -> None:
    """The golden record: of each field the value that most records of the customer state, and where it is from.

    Ties go to the value last seen.
    """
    parts = [
        f"select l.customer_id, '{c}' as field, cast(r.{c} as VARCHAR) as value, r.record_id, r.source, r.last_seen "
        f"from record_links l join records r using (record_id) where r.{c} is not null"
        for c in DETAILS
    ]
    engine.execute("delete from golden_records")
    engine.execute(
        "insert into golden_records\n"
        "with told as (\n" + "\nunion all\n".join(parts) + "\n),\n"
        "counted as (select *, count(*) over (partition by customer_id, field, lower(value)) as records,\n"
        "  count(*) over (partition by customer_id, field, value) as so_spelled from told)\n"
        "select customer_id, field, value, source, record_id, records from counted\n"
        "qualify row_number() over (partition by customer_id, field "
        "order by records desc, so_spelled desc, value in (lower(value), upper(value)), last_seen desc nulls last, "
        "value desc, record_id) = 1\n"
        "order by customer_id, field"
    )
