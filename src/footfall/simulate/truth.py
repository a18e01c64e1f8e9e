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

from footfall.simulate import words
from footfall.simulate.catalogue import Catalogue
from footfall.simulate.clicks import Clicks
from footfall.simulate.days import PEAK_DAY, WEEK, YEAR, Days
from footfall.simulate.dials import Dials
from footfall.simulate.exports import order_names
from footfall.simulate.files import Writer, parquet
from footfall.simulate.hazard import MOODS
from footfall.simulate.people import People
from footfall.simulate.propensity import UNITS_PER_LINE, coupon_effect, expect
from footfall.simulate.records import Accounts
from footfall.simulate.sales import Orders, Visits
from footfall.simulate.shelves import LEAD_DAYS, REVIEW_DAYS, SWITCH, Ledger

Array = np.ndarray[Any, Any]
HOLDING = 0.25
"""What a year on the shelf costs, as a share of a unit's cost."""


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


def write_demand(world: tuple[Days, Catalogue, Ledger], wish: Array, writer: Writer, path: Path) -> int:
    """Write `demand.csv`, one row a product and day on sale: product_id, category, date,

    expected (units wanted in the mean, given who is there that morning and in what mood), wanted (first choices), sold,
    second_choice (of them, to customers who wanted another product), on_hand (in the morning, after deliveries),
    stock_out (the shelf is empty in the evening), promotion. `wish` are the lines expected by day and category.
    """
    days, catalogue, shelf = world
    day, product = np.nonzero(np.arange(days.count)[:, None] >= shelf.on_sale)
    expected = UNITS_PER_LINE * wish[:, catalogue.category] * catalogue.share[catalogue.period]
    codes = [words.CATEGORIES[int(c)][0] for c in catalogue.category]
    cells: dict[str, Array] = {"wanted": shelf.wanted, "sold": shelf.sold, "second": shelf.second}
    table = pa.table(
        {
            "product_id": pa.array(catalogue.ids).take(pa.array(product)),
            "category": pa.array(codes).take(pa.array(product)),
            "date": pa.array(np.array(days.start, "datetime64[D]") + day, pa.date32()),
            "expected": expected[day, product],
            **{name: values[day, product] for name, values in cells.items()},
            "on_hand": shelf.on_hand[day, product],
            "stock_out": shelf.left[day, product] == 0,
            "promotion": days.cut[day] > 0,
        }
    )
    sql = """select product_id, category, date, round(expected, 6) as expected, wanted, sold, second as second_choice,
      on_hand, stock_out, promotion from t"""
    return writer.csv(sql, path, t=table)


def write_costs(rng: np.random.Generator, catalogue: Catalogue, writer: Writer, path: Path) -> int:
    """Write `costs.csv`: product_id, unit_cost, margin (at its mean list price), holding_a_week (of a unit)."""
    mean = catalogue.list_price.mean(axis=0)
    cost = np.round(mean * rng.uniform(0.45, 0.75, len(mean)))
    table = pa.table({"product_id": catalogue.ids, "cost": cost, "margin": mean - cost, "holding": cost * HOLDING / 52})
    sql = """select product_id, money(cost) as unit_cost, money(margin) as margin,
      cast(holding / 100 as decimal(12, 4)) as holding_a_week from t"""
    return writer.csv(sql, path, t=table)


def write_facts(path: Path, arguments: dict[str, Any], dials: Dials, days: Days) -> None:
    """Write `simulation.json`: the arguments, the span of days, and the waves of the log purchase rate."""
    last = datetime.combine(days.date(days.count), time()).replace(tzinfo=UTC)
    text = {
        **arguments,
        "dials": {k: v if isinstance(v, int | float) else str(v) for k, v in asdict(dials).items()},
        "first_day": str(days.start),
        "end": str(last.date()),
        "end_utc": str(days.instant(days.count)),
        "waves": {
            "weekday": [dials.season * lift for lift in WEEK],
            "year": {"amplitude": dials.season * YEAR, "peak_day_of_year": PEAK_DAY},
            "holidays": {str(days.date(i)): float(days.feast[i]) for i in np.flatnonzero(days.feast).tolist()},
            "promotions": {str(days.date(i)): float(days.cut[i]) for i in np.flatnonzero(days.cut).tolist()},
            "trend_a_year": dials.trend,
        },
        "supply": {
            "lead_days": LEAD_DAYS,
            "review_days": REVIEW_DAYS,
            "holding_a_year": HOLDING,
            "chance_of_another_product": SWITCH,
        },
    }
    path.write_text(json.dumps(text, indent=2) + "\n", encoding="utf-8")
