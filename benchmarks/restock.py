"""Restocking: what orders cost that follow the forecast, beside reordering what sold last month."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from benchmarks.data import Result, Table, tell
from footfall import Shop
from footfall.decide import Restocking, restock
from footfall.errors import FootfallError
from footfall.simulate import Dials, simulate
from footfall.tables import create_tables, publish_views, refresh_known
from footfall.tabular import Settings

Array = NDArray[Any]
SEED, SHOPS, SIMULATED, DRAWS = 0, 3, 2, 2000
CUSTOMERS = 3000
PRODUCTS, PAST, REVIEWS = 120, 104, 26
START = date(2023, 1, 2)
TASK = "units-product-8w"
REFIT = 8
LEADS = (7, 14, 21)
PLANNED = 26
"""Weeks that promotions are known ahead."""
OURS, KNOWING = "footfall", "all-knowing"
MONTHLY, WEEKLY = "last month's sales, each month", "up to last month's sales, each week"
PADDED = "last month's pace over the lead time, and half more"
KINDS = ("steady", "seasonal", "promoted", "trending", "intermittent")
ABOUT = (
    f"{SHOPS} drawn shops of {PRODUCTS} products, {REVIEWS} weeks each after {PAST} weeks of history. Their demand "
    "knows nothing of what forecasts it: a mean with a weekday pattern and, by kind of product, a wave over the year, "
    f"promotions (known {PLANNED} weeks ahead), a trend, or a few pieces now and then, times a gamma-distributed mood "
    "of the week, then Poisson. What cannot be sold is lost and stands in no record: the forecast sees sales and stock "
    "levels alone. Orders are placed each Monday before opening and come after 7, 14 or 21 days, by product. A piece "
    "kept costs a quarter of its cost a year, a lost sale its margin. All rules start from one stock, meet one "
    "demand, and are charged the same; stock that is left is charged for as long as it lies. "
    f"`{OURS}`: fitted every {REFIT} weeks (and when the plan of promotions asks for it), predicted each week on the "
    "sales of its own replay, order-up-to level by the newsvendor's ratio. "
    f"`{MONTHLY}`: every fourth Monday, as many pieces as were sold in the four weeks before. "
    f"`{WEEKLY}`: each Monday, up to that many in stock and on the way. `{PADDED}`: each Monday, up to that pace times "
    f"lead time and review, times 1.5. `{KNOWING}`: as {OURS}, told the true distribution of the demand: what a "
    "perfect forecast would bring. "
    f"Beside these, {SIMULATED} shops of `footfall simulate` ({CUSTOMERS:,} customers, no stock-outs of its own): "
    "what its customers wanted, its own costs, its lead time of a week for all, and its first stock of what is new. "
    "Intervals: 95%, products resampled within shops."
)


@dataclass(frozen=True)
class World:
    """One shop's truth: `mean` and `demand` (days, products), the products' terms, and the days of promotions."""

    mean: Array
    demand: Array
    kind: Array
    lead: Array
    cost: Array
    margin: Array
    promoted: Array
    names: tuple[str, ...] = KINDS
    launched: Mapping[int, tuple[Array, Array]] = field(default_factory=dict)
    """Day -> products that go on sale then, and the pieces that come with them, whatever the rule."""

    @property
    def days(self) -> int:
        return len(self.demand)

    @property
    def products(self) -> int:
        return int(self.demand.shape[1])


def world(seed: int) -> World:
    """Everything that will be wanted, drawn once."""
    rng = np.random.default_rng([SEED, seed])
    days, n = 7 * (PAST + REVIEWS), PRODUCTS
    kind = rng.integers(0, len(KINDS), n)
    day = np.arange(days)[:, None]
    base = np.where(kind == 4, rng.uniform(0.03, 0.35, n), rng.lognormal(0.6, 0.9, n))
    week = np.array([0.9, 0.85, 0.9, 1.0, 1.2, 1.35, 0.8])[day % 7]
    wave = np.where(kind == 1, rng.uniform(0.3, 0.8, n), 0.1) * np.sin(
        2 * np.pi * (day / 365.25 - rng.uniform(0, 1, n))
    )
    trend = np.where(kind == 3, rng.normal(0, 0.5, n), 0.0) * day / 365.25
    weeks = PAST + REVIEWS + PLANNED
    starts = rng.choice(np.arange(weeks), weeks // 7, replace=False)
    promoted = np.isin(np.arange(7 * weeks) // 7, starts)
    lift = 1 + np.where(kind == 2, rng.uniform(0.5, 2.0, n), 0.0) * promoted[:days, None]
    mean = base * week * np.exp(wave + trend) * lift
    shape = rng.uniform(8, 40, n)
    mood = rng.gamma(shape, 1 / shape, (days // 7, n)).repeat(7, axis=0)
    bought = rng.poisson(mean * mood)
    # A purchase of an intermittent product is of one piece or a few.
    pieces = np.where(kind == 4, bought + rng.binomial(bought * 2, 0.25), bought)
    cost = np.round(rng.lognormal(2.0, 0.7, n), 2)
    margin = np.round(cost * rng.uniform(0.25, 0.9, n), 2)
    return World(np.where(kind == 4, 1.5, 1.0) * mean, pieces, kind, rng.choice(LEADS, n), cost, margin, promoted)


def simulated(seed: int) -> World:
    """The shop of `footfall simulate`: what its customers wanted, its costs, its lead time, from its own truth."""
    dials = Dials(products=PRODUCTS, start=START, stock_outs=0.0)
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as folder:
        simulate(Path(folder) / "shop", CUSTOMERS, 7 * (PAST + REVIEWS), SEED + seed, dials)
        truth = Path(folder) / "shop-truth"
        told = csv.read_csv(truth / "demand.csv")
        costs = {r["product_id"]: r for r in csv.read_csv(truth / "costs.csv").to_pylist()}
        lead = json.loads((truth / "simulation.json").read_text(encoding="utf-8"))["supply"]["lead_days"]
    ids, product = np.unique(told.column("product_id").to_numpy(zero_copy_only=False), return_inverse=True)
    day = (told.column("date").to_numpy().astype("datetime64[D]") - np.datetime64(START)).astype(int)
    size = 7 * (PAST + REVIEWS), len(ids)
    mean, demand = np.zeros(size), np.zeros(size, dtype=np.int64)
    mean[day, product] = told.column("expected").to_numpy()
    demand[day, product] = told.column("wanted").to_numpy()
    promoted = np.zeros(7 * (PAST + REVIEWS + PLANNED), dtype=bool)
    promoted[day] |= told.column("promotion").to_numpy(zero_copy_only=False)
    opening, stock = np.full(len(ids), size[0]), told.column("on_hand").to_numpy()
    np.minimum.at(opening, product, day)
    fresh = np.flatnonzero(day == opening[product])
    launched = {int(d): (product[r := fresh[day[fresh] == d]], stock[r]) for d in np.unique(opening)}
    of = dict(zip(told.column("product_id").to_pylist(), told.column("category").to_pylist(), strict=True))
    names, kind = np.unique([of[i] for i in ids], return_inverse=True)
    cost, margin = (np.asarray([float(costs[i][k]) for i in ids]) for k in ("unit_cost", "margin"))
    terms = (np.full(len(ids), lead), cost, margin)
    return World(mean, demand, kind, *terms, promoted, tuple(names), launched)


@dataclass
class Replay:
    """One rule in one world, from the morning of `day` on: the stock, what is on its way, and what it cost so far."""

    of: World
    stock: Array
    coming: Array
    day: int = 0
    sold: list[Array] = field(default_factory=list)
    counts: list[tuple[int, Array, Array]] = field(default_factory=list)
    """(hour since the start, products, their level)"""

    def __post_init__(self) -> None:
        self.holding, self.lost, self.short = (np.zeros(self.of.products) for _ in range(3))

    @property
    def position(self) -> Array:
        return np.asarray(self.stock + self.coming.sum(axis=0))

    def order(self, units: Array) -> None:
        at = np.minimum(self.day + self.of.lead, len(self.coming) - 1)
        np.add.at(self.coming, (at, np.arange(self.of.products)), np.maximum(units, 0))

    def week(self, charged: bool = True) -> None:
        """Seven days of deliveries, sales and counts."""
        w = self.of
        for _ in range(7):
            come = self.coming[self.day].copy()
            if self.day in w.launched:
                which, pieces = w.launched[self.day]
                come[which] += pieces
            self.coming[self.day] = 0
            self.stock = self.stock + come
            seen = np.flatnonzero((come > 0) | (self.day % 7 == 0))
            self.counts.append((24 * self.day + 6, seen, self.stock[seen]))
            wanted = w.demand[self.day]
            sold = np.minimum(wanted, self.stock)
            self.stock = self.stock - sold
            empty = np.flatnonzero((self.stock == 0) & (sold > 0))
            self.counts.append((24 * self.day + 18, empty, self.stock[empty]))
            self.sold.append(sold)
            if charged:
                self.holding += self.stock * w.cost * 0.25 / 365.25
                self.lost += (wanted - sold) * w.margin
                self.short += wanted - sold
            self.day += 1

    def month(self) -> Array:
        """What was sold in the last four weeks."""
        return np.asarray(np.sum(self.sold[-28:], axis=0))


def before(w: World) -> Replay:
    """The history that all rules share: orders by last month's pace and a margin, one in ten forgotten."""
    rng = np.random.default_rng([SEED, 7, w.days])
    first = np.ceil(6 * 7 * w.mean[:28].mean(axis=0)) * (not w.launched)
    one = Replay(w, first.astype(np.int64), np.zeros((w.days + max(LEADS) + 1, w.products), dtype=np.int64))
    for _ in range(PAST):
        if one.day >= 28:
            need = one.month() / 28 * (7 + w.lead)
            level = np.ceil(need + 2 * np.sqrt(need) + 1)
            one.order(np.where(rng.random(w.products) < 0.9, level - one.position, 0).astype(np.int64))
        one.week(charged=False)
    return one


def copied(one: Replay) -> Replay:
    return Replay(one.of, one.stock.copy(), one.coming.copy(), one.day, sold=list(one.sold), counts=list(one.counts))


@contextmanager
def records() -> Iterator[Shop]:
    """An empty shop to write sales and counts to."""
    with (
        tempfile.TemporaryDirectory(prefix="footfall-bench-") as folder,
        Shop(Path(folder) / "shop.duckdb", Settings(seed=SEED)) as shop,
    ):
        create_tables(shop.context.engine)
        yield shop


def instant(hour: int) -> datetime:
    return datetime.combine(START, time()) + timedelta(hours=int(hour))


def write(shop: Shop, one: Replay, since: int, counts: int) -> None:
    """Add the sales from day `since` on, and the counts from number `counts` on."""
    day, product = np.nonzero(np.asarray(one.sold[since:]))
    units = np.asarray(one.sold[since:])[day, product]
    when = [instant(24 * (since + d) + 12) for d in day]
    names = [f"P{p:03}" for p in product]
    lines = {"product_id": names, "occurred_at": when, "known_at": when, "quantity": units.astype(float)}
    kept = [
        ("sale", "bench", f"{n}-{d:%y%m%d}", one.of.names[one.of.kind[p]])
        for n, d, p in zip(names, when, product, strict=True)
    ]
    for name, column in zip(("kind", "source", "order_id", "category"), zip(*kept, strict=True), strict=True):
        lines[name] = list(column)
    shop.context.engine.append("facts.lines", pa.table(lines))
    told = [
        (f"P{p:03}", float(q), instant(h)) for h, ps, qs in one.counts[counts:] for p, q in zip(ps, qs, strict=True)
    ]
    names, levels, times = (list(c) for c in zip(*told, strict=True))
    same = {"source": ["bench"] * len(told), "known_at": times}
    table = pa.table({"product_id": names, "quantity": levels, "occurred_at": times, **same})
    shop.context.engine.append("facts.stock", table)


def calendar(shop: Shop, w: World) -> None:
    """The promotions, as they are planned."""
    days = [START + timedelta(days=d) for d in range(len(w.promoted))]
    table = {
        "date": days, "promotion": ["sale" if p else None for p in w.promoted], "source": ["bench"] * len(days),
        "known_at": [datetime.combine(d, time()) - timedelta(weeks=PLANNED) for d in days],
    }  # fmt: skip
    shop.context.engine.append("facts.calendar", pa.table(table))


def ours(start: Replay) -> Replay:
    """Footfall's rule: its tables are made by its own verbs from what this replay sold and counted."""
    one, w = copied(start), start.of
    terms = {
        f"P{p:03}": {
            "lead_time": f"{w.lead[p]}d", "holding_cost": float(0.25 * w.cost[p]), "lost_sale_cost": float(w.margin[p])
        }
        for p in range(w.products)
    }  # fmt: skip
    with records() as shop:
        calendar(shop, w)
        engine, days, counts = shop.context.engine, 0, 0
        for review in range(REVIEWS):
            write(shop, one, days, counts)
            days, counts = one.day, len(one.counts)
            if not review:
                publish_views(engine)
                refresh_known(engine)
            at = instant(24 * one.day)
            told = review % REFIT > 0
            try:
                if told:
                    shop.predict(TASK, at=at)
            except FootfallError:  # a column of the calendar came or went since the fit
                told = False
            if not told:
                shop.fit(TASK, at=at)
                shop.predict(TASK, at=at)
            coming = one.coming.sum(axis=0)
            on_order = {name: {**t, "on_order": float(coming[int(name[1:])])} for name, t in terms.items()}
            engine.execute("delete from restock")
            rows = restock(engine, Restocking("7d", "7d", products=on_order))
            units = np.zeros(w.products, dtype=np.int64)
            for row in rows:
                units[int(row["product_id"][1:])] = int(row["order_now"] or 0)
            one.order(units)
            one.week()
    return one


def monthly(start: Replay) -> Replay:
    one = copied(start)
    for review in range(REVIEWS):
        if review % 4 == 0:
            one.order(one.month())
        one.week()
    return one


def weekly(start: Replay) -> Replay:
    one = copied(start)
    for _ in range(REVIEWS):
        one.order(one.month() - one.position)
        one.week()
    return one


def padded(start: Replay) -> Replay:
    one = copied(start)
    for _ in range(REVIEWS):
        one.order(np.ceil(1.5 * one.month() * (7 + one.of.lead) / 28 - one.position).astype(np.int64))
        one.week()
    return one


def knowing(start: Replay) -> Replay:
    """The same rule, told the true distribution: quantiles of demand drawn again from the world's own laws."""
    one, w = copied(start), start.of
    rng = np.random.default_rng([SEED, 99])
    kept = 0.25 * w.cost * 7 / 365.25
    ratio = w.margin / (w.margin + kept)
    for _ in range(REVIEWS):
        level = np.zeros(w.products)
        for p in range(w.products):
            span = slice(one.day, min(one.day + 7 + w.lead[p], w.days))
            mean = w.mean[span, p].sum() * (7 + w.lead[p]) / (span.stop - span.start)
            weeks = (7 + w.lead[p]) / 7
            wide = rng.gamma(20 * weeks, 1 / (20 * weeks), 4000)
            each = 1.5 if w.kind[p] == 4 else 1.0
            bought = rng.poisson(mean / each * wide)
            drawn = bought + rng.binomial(bought * 2, 0.25) if w.kind[p] == 4 else bought
            level[p] = np.quantile(drawn, ratio[p], method="higher")
        one.order((level - one.position).astype(np.int64))
        one.week()
    return one


RULES = {MONTHLY: monthly, WEEKLY: weekly, PADDED: padded, OURS: ours, KNOWING: knowing}


def run() -> Result:
    """Replay every rule in every shop."""
    tables, verdicts = [], {}
    for what, make, count in (("drawn shops", world, SHOPS), ("shops of `footfall simulate`", simulated, SIMULATED)):
        worlds = [make(seed) for seed in range(count)]
        rules = {name: rule for name, rule in RULES.items() if make is world or name != KNOWING}
        found: dict[str, list[Replay]] = {name: [] for name in rules}
        for i, w in enumerate(worlds):
            start = before(w)
            for name, rule in rules.items():
                one = rule(start)
                found[name].append(one)
                tell(f"{what} {i}, {name}: {one.holding.sum() + one.lost.sum():,.0f}")
        told, met = _tables(what, worlds, found)
        tables += told
        verdicts |= met
    return Result(ABOUT, SEED, tables, verdicts)


def _tables(what: str, worlds: list[World], found: dict[str, list[Replay]]) -> tuple[list[Table], dict[str, bool]]:
    cost = {name: [r.holding + r.lost for r in replays] for name, replays in found.items()}
    wanted = float(sum(w.demand[7 * PAST :].sum() for w in worlds))
    rows = [
        {
            "rule": name, "cost": float(sum(c.sum() for c in cost[name])),
            "of it, keeping": float(sum(r.holding.sum() for r in replays)),
            "of it, lost sales": float(sum(r.lost.sum() for r in replays)),
            "pieces not sold for want of stock, %": 100 * float(sum(r.short.sum() for r in replays)) / wanted,
        }
        for name, replays in found.items()
    ]  # fmt: skip
    paired, verdicts = [], {}
    for other in (n for n in found if n != OURS):
        ratio, low, high = compared(cost[OURS], cost[other])
        paired.append({"beside": other, "cost of footfall over its cost": ratio, "95%": f"{low:.3f} .. {high:.3f}"})
        if other != KNOWING:
            verdicts[f"{what}: costs less than {other}, interval clear of 1"] = high < 1
    by_shop = [{"shop": i} | {name: float(cost[name][i].sum()) for name in found} for i in range(len(worlds))]
    tables = [Table(f"{what}: cost of each rule", rows), Table(f"{what}: paired", paired)]
    if worlds[0].names == KINDS:
        kind, flat = np.concatenate([w.kind for w in worlds]), {n: np.concatenate(c) for n, c in cost.items()}
        by_kind = [
            {"kind": word, "products": int((kind == k).sum())} | {n: float(flat[n][kind == k].sum()) for n in found}
            for k, word in enumerate(KINDS)
        ]
        tables.append(Table(f"{what}: by kind of product", by_kind))
    return [*tables, Table(f"{what}: by shop", by_shop)], verdicts


def compared(ours: list[Array], theirs: list[Array]) -> tuple[float, float, float]:
    """The ratio of the sums with its 95% interval: products are drawn with replacement within their shops."""
    rng = np.random.default_rng(SEED)
    ratios = []
    for _ in range(DRAWS):
        picks = [rng.integers(0, len(c), len(c)) for c in ours]
        top, bottom = (sum(float(c[p].sum()) for c, p in zip(of, picks, strict=True)) for of in (ours, theirs))
        ratios.append(top / bottom)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return sum(float(c.sum()) for c in ours) / sum(float(c.sum()) for c in theirs), float(low), float(high)
