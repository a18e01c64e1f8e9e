"""What sells next: the items of a real shop, and a simulated one whose true demand is known, stock-outs included."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from benchmarks.data import Result, Skipped, Table, data_path, shop_of, span, tell
from footfall import lines
from footfall.forecast import AUTOMATIC, BASELINE, Origin, TestedLevel, Told, backtest_tree, measure
from footfall.models.panel import Floats
from footfall.shop import Shop
from footfall.simulate import Dials, simulate
from footfall.spans import month_start, shift
from footfall.tasks import Task

SEED, DRAWS, ORIGINS = 7, 1000, 4
ITEMS, LONDON = 50, "Europe/London"
REAL_END = datetime(2011, 12, 9)
CUSTOMERS, WEEKS, START = 20_000, 104, date(2024, 6, 3)
DIALS = Dials(events_per_customer=3, products=200, stock_outs=0.1, start=START)
RECENT = 13
"""Weeks before an origin within which a stock-out still colours what a forecast learns."""
Flags = NDArray[np.bool_]
COMPARED = (AUTOMATIC, "moving_average", "lagged")
ORACLE = "truth (expected demand)"
ABOUT = (
    f"Four origins, a horizon apart, each forecast with what was known then. online_retail: the {ITEMS} items that "
    "sold most units before the first origin, by week (4 weeks ahead) and by month (1 ahead), and the whole shop; it "
    "has no categories, and a year of history, so that seasonal naive repeats the last period. The simulated shop: "
    f"{CUSTOMERS:,} customers, {WEEKS} weeks, {DIALS.products} products, waves by week and year, promotions, growth, "
    f"and stock-outs in {DIALS.stock_outs:.0%} of all product-weeks. Its truth is the expected demand: the units that "
    "customers would want in the mean, given who is there that morning and in what mood; as a forecast of what was "
    "sold it is about the floor below which no forecast gets. WAPE over all rows; MASE by seasonal naive's error in "
    "the past; intervals: 95%, paired, series resampled (where there are fewer than eight: weeks). Coverage of "
    "`wanted` counts what customers wanted, sold or not. Out of stock of late: for most of a week within the last "
    f"{RECENT} before the origin. The automatic answer chooses its models and the way levels add up anew where it is "
    "told nothing of stock, so that it may differ for other products too; the single models do not."
)


@dataclass(frozen=True)
class _Truth:
    """By product and day (P x D): units expected, wanted, and whether the shelf was empty in the evening."""

    products: dict[str, int]
    categories: dict[str, str]
    expected: Floats
    wanted: Floats
    out: Floats

    def weeks(self, values: Floats, at: datetime, steps: int) -> Floats:
        """(P, steps) sums of the weeks from `at` on; negative: of those before."""
        day = (at.date() - START).days
        part = values[:, day : day + 7 * steps] if steps > 0 else values[:, day + 7 * steps : day]
        return np.asarray(part.reshape(len(part), -1, 7).sum(axis=2))

    def of(self, level: TestedLevel, origin: Origin, values: Floats) -> Floats:
        """(n, h) sums of products by the members of a level."""
        assert origin.members is not None
        if not level.keys:
            return np.asarray(values.sum(axis=0, keepdims=True))
        if level.keys == ("product_id",):
            return values[[self.products[m] for (m,) in origin.members]]
        of = np.asarray([self.categories[p] for p in self.products])
        return np.stack([values[of == m].sum(axis=0) for (m,) in origin.members])


def run() -> Result:
    """The real shop is left out where its data is absent, and a note says so."""
    tables: list[Table] = []
    verdicts: dict[str, bool] = {}
    notes: list[str] = []
    try:
        _real(tables, verdicts, notes)
    except Skipped as reason:
        notes.append(f"online_retail left out: {reason}")
    _simulated(tables, verdicts, notes)
    return Result(ABOUT, SEED, tables, verdicts, notes)


def _real(tables: list[Table], verdicts: dict[str, bool], notes: list[str]) -> None:
    with shop_of(data_path("online_retail"), "online_retail", LONDON) as shop:
        first = REAL_END - timedelta(days=28 * ORIGINS)
        items = shop.context.engine.rows(
            "select product_id from lines where kind = 'sale' and category is null and occurred_at < ? "
            f"group by 1 order by sum(quantity) desc, 1 limit {ITEMS}",
            [first],
        )
        mine = lines.where(product_id=[i for (i,) in items])
        sold = mine.where(kind="sale").sum("quantity")
        whole = {"units": lines.where(kind="sale").sum("quantity"), "revenue": lines.sum("amount")}
        for step, horizon in (("7d", "4w"), ("1mo", "1mo")):
            asked = {
                "units per item": Task(f"units-item-{horizon}", "product", sold.every(step), horizon),
                "revenue per item": Task(f"revenue-item-{horizon}", "product", mine.sum("amount").every(step), horizon),
                **{
                    f"{name} in total": Task(f"{name}-total-{horizon}", "all", what.every(step), horizon)
                    for name, what in whole.items()
                },
            }
            for name, task in asked.items():
                tested = _tested(shop, task, REAL_END, LONDON, notes)
                word = f"online_retail, {name}, by {'month' if step == '1mo' else 'week'}"
                tables.append(Table(word, [row for level in tested for row in _rows(level)]))
                if task.keys:
                    verdicts |= _verdicts(word, tested[-1])
                else:
                    low = _gap(tested[-1].origins, AUTOMATIC, tested[-1].origins, BASELINE)[1]
                    verdicts[f"{word}: not worse than seasonal naive, as far as the interval tells"] = low <= 0


def _tested(shop: Shop, task: Task, end: datetime, tz: str, notes: list[str]) -> list[TestedLevel]:
    last = month_start(end, tz) if task.span.unit == "mo" else end
    origins = [shift(last, task.span, -k, tz) for k in range(ORIGINS, 0, -1)]
    start = time.perf_counter()
    tested = backtest_tree(shop.context.engine, task, origins, tz)
    seconds = (time.perf_counter() - start) / ORIGINS
    tell(f"{task.name}: {seconds:.0f} s an origin")
    series = len(tested[-1].origins[-1].panel)
    notes.append(f"{task.name}: {series} series, {seconds:.1f} s an origin, made to add up by {_ways(tested[-1])}")
    return tested


def _ways(level: TestedLevel) -> str:
    return ", ".join(sorted(set(level.methods)))


def _rows(level: TestedLevel) -> list[dict[str, Any]]:
    """Each model at one level."""
    found = measure(level.origins, draws=2, seed=SEED)
    rows = []
    for model in _models(found):
        m = found[model]
        cover = {f"covers {n}%": m[f"coverage_{n}"].value if f"coverage_{n}" in m else None for n in (80, 95)}
        rows.append(
            {"level": level.name, "model": model, "WAPE": m["wape"].value, "MASE": m["mase"].value}
            | {"bias": m["bias"].value, **cover, "WAPE less naive's": _told(level.origins, model)}
        )
    return rows


def _models(found: Sequence[str] | dict[str, Any]) -> list[str]:
    """The answer first, then the baselines and the others."""
    first = [AUTOMATIC, BASELINE, "moving_average"]
    return [m for m in first if m in found] + sorted(m for m in found if m not in first)


def _told(origins: Sequence[Origin], model: str) -> str:
    if model == BASELINE:
        return ""
    value, low, high = _gap(origins, model, origins, BASELINE)
    return f"{value:+.4f} ({span(low, high)})"


def _gap(
    mine: Sequence[Origin], model: str, theirs: Sequence[Origin], other: str, kept: Sequence[Flags] = ()
) -> tuple[float, float, float]:
    """WAPE of `model` less that of `other` over the same rows (those `kept`), and its paired 95% interval.

    Drawn are series by name, or weeks where there are fewer than eight series.
    """
    names: dict[Any, int] = {}
    codes, parts = [], []
    for k, (a, b) in enumerate(zip(mine, theirs, strict=True)):
        n, h = a.actual.shape
        members = a.members or tuple((str(i),) for i in range(n))
        few = n < 8
        which: list[Any] = [(k, s) for s in range(h)] * n if few else [m for m in members for _ in range(h)]
        here = np.isfinite(a.actual) & (kept[k][:, None] if kept else True)
        size = [a.actual, a.actual - a.told[model].point, a.actual - b.told[other].point]
        parts.append(np.stack([np.where(here, np.abs(s), 0.0).ravel() for s in size]))
        codes.append([names.setdefault(w, len(names)) for w in which])
    code, table = np.concatenate(codes).astype(int), np.concatenate(parts, axis=1)
    base, ours, others = (np.bincount(code, row, len(names)) for row in table)
    weight = np.random.default_rng(SEED).multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS)
    drawn = (weight @ (ours - others)) / np.maximum(weight @ base, 1e-12)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float((ours - others).sum() / base.sum()), float(low), float(high)


def _verdicts(word: str, level: TestedLevel) -> dict[str, bool]:
    found = measure(level.origins, draws=2, seed=SEED)[AUTOMATIC]
    better = _gap(level.origins, AUTOMATIC, level.origins, BASELINE)[2] < 0
    return {
        f"{word}: better than seasonal naive, interval clear of zero": better,
        **{
            f"{word}: the {n}% band covers within 3 points": abs(found[f"coverage_{n}"].value - n / 100) < 0.03
            for n in (80, 95)
        },
    }


def _simulated(tables: list[Table], verdicts: dict[str, bool], notes: list[str]) -> None:
    sold = lines.where(kind="sale").sum("quantity").every("7d")
    units = Task("units-product-4w", "product", sold, "4w")
    money = Task("revenue-category-4w", "category", lines.sum("amount").every("7d"), "4w")
    end = datetime.combine(START, datetime.min.time()) + timedelta(weeks=WEEKS)
    with tempfile.TemporaryDirectory(prefix="footfall-forecast-") as folder:
        made = simulate(Path(folder) / "shop", CUSTOMERS, 7 * WEEKS, SEED, DIALS)
        with shop_of(made.folder, "simulated") as shop:
            truth = _truth(made.truth / "demand.csv", shop)
            revenue = _tested(shop, money, end, "UTC", notes)
            tested = _tested(shop, units, end, "UTC", notes)
            shop.context.engine.execute("delete from facts.stock")
            blind = _tested(shop, replace(units, name="units-product-4w without stock"), end, "UTC", notes)
    tables.append(Table("simulated shop, revenue by week", [row for level in revenue for row in _rows(level)]))
    beside = [_with_oracle(level, truth) for level in tested]
    tables.append(Table("simulated shop, units by week: what was sold", [r for level in beside for r in _rows(level)]))
    tables.append(
        Table("simulated shop, units by week: the truth", [r for level in tested for r in _against(level, truth)])
    )
    for level in tested[1:]:
        verdicts |= _verdicts(f"simulated, units per {level.name}", level)
    for level in tested[1:]:
        wanted = measure(_beside(level, truth, truth.wanted), draws=2, seed=SEED)[AUTOMATIC]
        for n in (80, 95):
            near = abs(wanted[f"coverage_{n}"].value - n / 100) < 0.03
            verdicts[f"simulated, {level.name}: the {n}% band covers what was wanted within 3 points"] = near
    rows, helps = _censored(tested[-1], blind[-1], truth, notes)
    tables.append(Table("units per product against the truth, told of stock-outs or not", rows))
    verdicts |= {f"stock-outs leave less bias where forecasts are told of them: {m}": met for m, met in helps.items()}


def _truth(file: Path, shop: Shop) -> _Truth:
    found = duckdb.sql(
        f"select product_id, date_diff('day', date '{START}', date) as day, expected, wanted, stock_out from '{file}'"
    ).fetchnumpy()
    names, row = np.unique(np.asarray(found["product_id"], dtype=str), return_inverse=True)
    shape = len(names), 7 * WEEKS
    values = []
    for column in ("expected", "wanted", "stock_out"):
        one = np.zeros(shape)
        one[row, found["day"]] = found[column]
        values.append(one)
    categories = dict(shop.context.engine.rows("select product_id, category from products"))
    return _Truth({str(n): i for i, n in enumerate(names)}, categories, *values)


def _with_oracle(level: TestedLevel, truth: _Truth) -> TestedLevel:
    """The level with the truth as one more forecast of what was sold."""
    origins = []
    for at, o in zip(level.cutoffs, level.origins, strict=True):
        expected = truth.of(level, o, truth.weeks(truth.expected, at, o.actual.shape[1]))
        origins.append(replace(o, told={**o.told, ORACLE: Told(expected, {})}))
    return replace(level, origins=origins)


def _beside(level: TestedLevel, truth: _Truth, values: Floats) -> list[Origin]:
    """The level's origins, with `values` of the truth as what came."""
    return [
        replace(o, actual=truth.of(level, o, truth.weeks(values, at, o.actual.shape[1])))
        for at, o in zip(level.cutoffs, level.origins, strict=True)
    ]


def _against(level: TestedLevel, truth: _Truth) -> list[dict[str, Any]]:
    """Each model at one level against the expected demand, and how often its bands hold what was wanted."""
    expected = _beside(level, truth, truth.expected)
    found = measure(expected, draws=2, seed=SEED)
    wanted = measure(_beside(level, truth, truth.wanted), draws=2, seed=SEED)
    rows = []
    for model in _models(found):
        cover = {f"covers {n}% of wanted": wanted[model][f"coverage_{n}"].value for n in (80, 95)}
        rows.append(
            {"level": level.name, "model": model, "WAPE": found[model]["wape"].value}
            | {"bias": found[model]["bias"].value, **cover, "WAPE less naive's": _told(expected, model)}
        )
    return rows


def _censored(
    level: TestedLevel, blind: TestedLevel, truth: _Truth, notes: list[str]
) -> tuple[list[dict[str, Any]], dict[str, bool]]:
    """Answers with and without the stock table, for products that ran out shortly before and for the others; and, by
    model, whether the bias that stock-outs leave (beyond that of the others) is smaller with it, clear of zero."""
    pairs = [
        _common(a, b) for a, b in zip(*(_beside(one, truth, truth.expected) for one in (level, blind)), strict=True)
    ]
    seeing, other = [a for a, _ in pairs], [b for _, b in pairs]
    short: list[Flags] = []
    for at, o in zip(level.cutoffs, seeing, strict=True):
        empty = truth.of(level, o, truth.weeks(truth.out, at, -RECENT))
        short.append(np.asarray((empty >= 4).any(axis=1)))
    rows, helps = [], {}
    for model in COMPARED:
        told, untold = _excess(seeing, model, short), _excess(other, model, short)
        for word, kept in (("out of stock of late", short), ("others", [~s for s in short])):
            with_it, without = (
                measure([_only(o, k) for o, k in zip(side, kept, strict=True)], draws=2, seed=SEED)[model]
                for side in (seeing, other)
            )
            value, low, high = _gap(seeing, model, other, model, kept)
            rows.append(
                {"model": model, "products": word, "rows": int(sum(k.sum() for k in kept))}
                | {"WAPE, told": with_it["wape"].value, "WAPE, not told": without["wape"].value}
                | {"WAPE told less not told": f"{value:+.4f} ({span(low, high)})"}
                | {"bias, told": with_it["bias"].value, "bias, not told": without["bias"].value}
            )
        smaller = np.abs(told) - np.abs(untold)
        low, high = np.quantile(smaller[1:], [0.025, 0.975])
        rows.append(
            {"model": model, "products": "first less second", "rows": None}
            | {"WAPE, told": None, "WAPE, not told": None, "WAPE told less not told": None}
            | {"bias, told": float(told[0]), "bias, not told": float(untold[0])}
        )
        helps[model] = bool(high < 0)
        size = f"{smaller[0]:+.3f} ({span(low, high, 3)})"
        notes.append(f"{model}: size of the bias that stock-outs leave, told less not told: {size}")
    return rows, helps


def _excess(origins: Sequence[Origin], model: str, short: Sequence[Flags]) -> Floats:
    """(1 + DRAWS,) bias of the series that are `short` less that of the others: as it is, then series drawn by name."""
    names: dict[Any, int] = {}
    parts = []
    for o, flag in zip(origins, short, strict=True):
        assert o.members is not None
        code = np.asarray([names.setdefault(m, len(names)) for m in o.members])
        error, base = (o.told[model].point - o.actual).sum(axis=1), o.actual.sum(axis=1)
        parts.append(np.stack([code, np.where(flag, error, 0), np.where(flag, base, 0), error, base]))
    table = np.concatenate(parts, axis=1)
    code = table[0].astype(int)
    err, size, all_err, all_size = (np.bincount(code, row, len(names)) for row in table[1:])
    draws = np.random.default_rng(SEED).multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS)
    weight = np.concatenate([np.ones((1, len(names))), draws])
    return np.asarray((weight @ err) / (weight @ size) - (weight @ (all_err - err)) / (weight @ (all_size - size)))


def _common(a: Origin, b: Origin) -> tuple[Origin, Origin]:
    """Both with the members that both have, in one order."""
    assert a.members is not None and b.members is not None
    at = {m: i for i, m in enumerate(b.members)}
    mine = [i for i, m in enumerate(a.members) if m in at]
    return _only(a, np.asarray(mine)), _only(b, np.asarray([at[a.members[i]] for i in mine]))


def _only(o: Origin, rows: NDArray[Any]) -> Origin:
    """Some of the series."""
    index = np.flatnonzero(rows) if rows.dtype == bool else rows
    told = {
        name: Told(t.point[index], {n: (low[index], high[index]) for n, (low, high) in t.bands.items()})
        for name, t in o.told.items()
    }
    members = None if o.members is None else tuple(o.members[i] for i in index)
    return Origin(o.panel.only(index), o.actual[index], told, members)
