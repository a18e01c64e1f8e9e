"""What is true of the simulated shop, in a folder of its own that no other part reads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import asdict
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from footfall.simulate.catalogue import Catalogue
from footfall.simulate.clicks import Clicks
from footfall.simulate.days import Days
from footfall.simulate.dials import Dials
from footfall.simulate.exports import order_names
from footfall.simulate.files import Writer, parquet
from footfall.simulate.hazard import MOODS
from footfall.simulate.people import People
from footfall.simulate.propensity import coupon_effect, expect
from footfall.simulate.records import Accounts
from footfall.simulate.sales import Orders, Visits

Array = np.ndarray[Any, Any]


def write_propensity(
    world: tuple[People, Days, Catalogue],
    cutoffs: list[int],
    state: Array,
    twins: tuple[list[str], Array],
    run: tuple[Executor, list[slice], float],
    path: Path,
) -> int:
    """Write `propensity.parquet`: for each customer id the shop has seen before a cutoff, and each horizon that fits,

    customer_id, cutoff (UTC), horizon_days, chance (any order under this id in [cutoff, cutoff + horizon)),
    chance_any (guest checkouts of the same person included), spend (expected, under this id), alive (at the cutoff),
    stays (chance to be still there at the horizon's end), mood and aggrieved (the hidden state).
    `twins` are second accounts nobody uses (ids, and when each was opened): their chance is 0.
    """
    people, days, _ = world
    pool, blocks, moods = run
    ids = pa.array([*people.ids, *twins[0]])
    rows, writer = 0, None
    for k, cutoff in enumerate(cutoffs):
        done = list(pool.map(lambda b: expect(world, b, cutoff, state[k, b], moods), blocks))  # noqa: B023
        seen = np.flatnonzero(state[k] != 7)
        unused = np.flatnonzero(twins[1] < days.midnight[cutoff] // 1_000_000) + people.count
        zero, who = np.zeros(len(unused), dtype=np.float32), np.concatenate([seen, unused])
        living = np.append(state[k, seen] < 6, zero > 0)
        mood = pa.array(np.append(state[k, seen] % 3, zero).astype(np.int32), mask=~living)
        columns: dict[str, list[Array]] = {n: [] for n in ("chance", "chance_any", "spend", "alive")}
        for h in range(len(done[0][0])):
            for name, values in columns.items():
                values.append(np.append(np.concatenate([getattr(d[1], name)[h] for d in done])[seen], zero))
        for h, horizon in enumerate(done[0][0]):
            table = pa.table(
                {
                    "customer_id": ids.take(pa.array(who)),
                    "cutoff": pa.array([days.instant(cutoff)] * len(who), pa.timestamp("us")),
                    "horizon_days": pa.array(np.full(len(who), horizon, dtype=np.int32)),
                    "chance": columns["chance"][h],
                    "chance_any": columns["chance_any"][h],
                    "spend": columns["spend"][h],
                    "alive": living,
                    "stays": columns["alive"][h],
                    "mood": pa.DictionaryArray.from_arrays(mood, pa.array(MOODS)).cast(pa.string()),
                    "aggrieved": np.append((state[k, seen] // 3 == 1), zero > 0),
                }
            )
            writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd", compression_level=1)
            writer.write_table(table)
            rows += len(who)
    if writer:
        writer.close()
    return rows


def write_coupons(people: People, days: Days, states: Array, blocks: Iterable[slice], moods: float, path: Path) -> int:
    """Write `discounts.parquet`: chance of any order within each campaign's days with and without its coupon."""
    tables = []
    for number, first in enumerate(days.campaign_starts):
        halves = [coupon_effect(people, days, b, moods, (first, states[number, b])) for b in blocks]
        seen = np.flatnonzero((states[number] != 7) & people.account)
        tables.append(
            pa.table(
                {
                    "customer_id": pa.array(people.ids).take(pa.array(seen)),
                    "campaign": pa.array([f"SAVE10-{number + 1}"] * len(seen)),
                    "start": pa.array([days.instant(first)] * len(seen), pa.timestamp("us")),
                    "treated": people.treated[number][seen],
                    "chance_treated": np.concatenate([h[0] for h in halves])[seen],
                    "chance_untreated": np.concatenate([h[1] for h in halves])[seen],
                }
            )
        )
    return parquet(pa.concat_tables(tables), path) if tables else 0


def write_customers(people: People, days: Days, left: Array, path: Path) -> int:
    """Write `customers.parquet`: the hidden parameters of each web customer, and the day of leaving (null: stays)."""
    gone = left < days.count
    dates = np.array(days.start, "datetime64[D]") + np.maximum(left, 0)
    first = np.array(days.start, "datetime64[D]") + np.maximum(people.arrival, 0)
    kind = np.where(people.bot, "bot", np.where(people.account, "account", "visitor"))
    table = pa.table(
        {
            "customer_id": people.ids,
            "kind": pa.array(kind.tolist()),
            "first_visit_on": pa.array(first, pa.date32(), mask=people.arrival < 0),
            "left_on": pa.array(dates, pa.date32(), mask=~gone),
            "daily_rate": np.exp(people.rate),
            "daily_churn": people.churn,
            "chance_of_grievance": people.bad,
            "guest_share": people.guest,
            "visits_a_day": people.browse,
            "promotion_reaction": people.sense,
            "coupon_reaction": people.coupon,
            "rhythm_days": pa.array(people.every, mask=people.every == 0),
            "lines_beyond_first": people.basket,
            "age": people.age,
            "income": people.income,
        }
    )
    return parquet(table, path)


def write_persons(
    writer: Writer, accounts: Accounts, ids: list[str], people: People, orders: Orders, path: Path
) -> int:
    """Write `persons.parquet`: record_kind (account, crm, guest), record_id, person. Needs the table `crm_keys`."""
    who, at = np.unique(accounts.account, return_index=True)
    guests = np.flatnonzero(orders.guest)
    visitors = np.flatnonzero(~np.isin(np.arange(people.count), who))
    table = writer.fetch(
        """select 'account' as record_kind, id as record_id, person from a
        union all select 'visitor', id, person from v
        union all select 'crm', key, person from crm_keys
        union all select 'guest', id, person from g order by 1, 2""",
        a=pa.table({"id": pa.array(ids).take(pa.array(who)), "person": accounts.person[at].astype(np.int64)}),
        v=pa.table({"id": pa.array(people.ids).take(pa.array(visitors)), "person": visitors.astype(np.int64)}),
        g=pa.table(
            {
                "id": order_names(len(orders.person)).take(pa.array(guests)),
                "person": orders.person[guests].astype(np.int64),
            }
        ),
    )
    return parquet(table, path)


def write_planted(
    writer: Writer, planted: list[pa.Table], clicks: Clicks, visits: Visits, folder: Path
) -> dict[str, int]:
    """Write `planted.parquet`, what mess was made: file, kind, key, field, truth, written, rows; and its counts.

    Keys are order ids, `order/line`, account, CRM and event ids; for late events the visit (its `rows` events).
    """
    late = np.flatnonzero(visits.received > 0)
    events = writer.fetch(
        """select 'events' as file, 'duplicate' as kind, 'e' || event as key, null::varchar as field,
          null::varchar as truth, null::varchar as written, 1::bigint as rows from twice
        union all select 'events', 'late', 's' || visit, null, null, null, length::bigint from late""",
        twice=pa.table({"event": clicks.repeated}),
        late=pa.table({"visit": late + 1, "length": visits.length[late]}),
    )
    sql = "select file, kind, key, field, truth, written, rows::bigint as rows from {}"
    changes = [writer.fetch(sql.format(f"planted_{n}")) for n in ("accounts", "crm", "guests")]
    table = pa.concat_tables([*planted, events, *changes], promote_options="permissive")
    ordered = writer.fetch("select * from t order by file, kind, key, field", t=table)
    parquet(ordered, folder / "planted.parquet")
    counts = "select file, kind, sum(rows)::bigint as rows from t group by all order by 1, 2"
    writer.csv(counts, folder / "planted_counts.csv", t=table)
    found = writer.fetch(counts, t=table).to_pylist()
    return {f"{r['file']}:{r['kind']}": int(r["rows"]) for r in found}


def write_facts(path: Path, arguments: dict[str, Any], dials: Dials, days: Days) -> None:
    """Write `simulation.json`: the arguments and the span of days."""
    last = datetime.combine(days.date(days.count), time()).replace(tzinfo=UTC)
    text = {
        **arguments,
        "dials": {k: v if isinstance(v, int | float) else str(v) for k, v in asdict(dials).items()},
        "first_day": str(days.start),
        "end": str(last.date()),
        "end_utc": str(days.instant(days.count)),
    }
    path.write_text(json.dumps(text, indent=2) + "\n", encoding="utf-8")
