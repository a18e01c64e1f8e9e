"""How much of which product to order now, and which to promote: from the demand's distribution and the stock.

Periodic review with an order-up-to level: an order placed now must last until the order of the **next** review arrives,
so the level is a quantile of the demand over lead time and review together. The quantile is the service level, or the
critical ratio of the newsvendor (cost of a lost sale against cost of keeping a piece until the next review).

Sources: Arrow, Harris and Marschak (1951) for the newsvendor; Silver, Pyke and Thomas, Inventory and Production
Management in Supply Chains, chapter 7, for (R, S) policies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from footfall.decide.demand import Demand, demand
from footfall.engine import Engine, literal
from footfall.errors import FootfallError, UsageError, did_you_mean
from footfall.spans import Span, span

Row = dict[str, Any]
TASK = "units-product-8w"
SERVICE = 0.95
STALE = 28.0
"""Days after which a count of the stock is called old."""
WANTED = "load a file with the columns product_id, quantity and counted_at (table stock)"


@dataclass(frozen=True)
class Restocking:
    """How a shop orders. `products` holds settings of single products by their id, which go before the others.

    Args:
        lead_time: from an order to its arrival.
        review: from one order to the next.
        service_level: chance aimed at that the demand until the next arrival is met; 0.95 where nothing is said.
        holding_cost: cost of keeping one piece for a year; with `lost_sale_cost` it takes the place of `service_level`.
        lost_sale_cost: what one sale that is lost costs: its margin, and goodwill.
        pack: pieces are ordered in packs of so many.
        on_order: pieces that are on their way already.
        unit_cost: cost of a piece, to be shown.
        overstock: span in which the stock should have sold; None: the forecast's horizon.
        certainty: chance from which on left-over stock is called too much.

    Raises:
        UsageError: a value that makes no sense, a service level beside costs, or an `overstock` that is shorter than
            lead time and review together.
    """

    lead_time: str | Span = "7d"
    review: str | Span = "7d"
    service_level: float | None = None
    holding_cost: float | None = None
    lost_sale_cost: float | None = None
    pack: int = 1
    on_order: float = 0.0
    unit_cost: float | None = None
    overstock: str | Span | None = None
    certainty: float = 0.9
    products: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lead_time", span(self.lead_time))
        object.__setattr__(self, "review", span(self.review))
        if self.overstock is not None:
            object.__setattr__(self, "overstock", span(self.overstock))
        for name in ("service_level", "certainty"):
            value = getattr(self, name)
            if value is not None and not (_number(value) and 0 < value < 1):
                raise UsageError(f"{name} is a chance between 0 and 1, as 0.95, not {value!r}")
        for name in ("holding_cost", "lost_sale_cost"):
            value = getattr(self, name)
            if value is not None and not (_number(value) and value > 0):
                raise UsageError(f"{name} is a cost above 0, not {value!r}")
        for name in ("on_order", "unit_cost"):
            value = getattr(self, name)
            if value is not None and not (_number(value) and value >= 0):
                raise UsageError(f"{name} is a number from 0 up, not {value!r}")
        if not isinstance(self.pack, int) or isinstance(self.pack, bool) or self.pack < 1:
            raise UsageError(f"pack is a whole number of pieces from 1 up, not {self.pack!r}")
        if (self.holding_cost is None) != (self.lost_sale_cost is None):
            raise UsageError("holding_cost and lost_sale_cost weigh against each other; give both")
        if self.service_level is not None and self.holding_cost is not None:
            raise UsageError("give either a service_level, or holding_cost and lost_sale_cost")
        if self.overstock is not None and span(self.overstock).days < self.lead_days + self.review_days:
            raise UsageError(
                f"overstock {self.overstock} is shorter than lead time and review together "
                f"({self.lead_days + self.review_days:g} days), which the stock must last in any case"
            )
        for product in self.products:
            self.of(product)

    @property
    def lead_days(self) -> float:
        return span(self.lead_time).days

    @property
    def review_days(self) -> float:
        return span(self.review).days

    @property
    def level(self) -> float:
        """The service level; from costs, the newsvendor's ratio: lost / (lost + kept until the next review)."""
        if self.holding_cost is None or self.lost_sale_cost is None:
            return SERVICE if self.service_level is None else self.service_level
        kept = self.holding_cost * self.review_days / 365.25
        return self.lost_sale_cost / (self.lost_sale_cost + kept)

    def of(self, product: str) -> Restocking:
        """The settings of one product."""
        own = self.products.get(product)
        if own is None:
            return self
        if not isinstance(own, Mapping):
            raise UsageError(f"product {product}: settings are names and values, not {own!r}")
        known = {f.name for f in fields(self)} - {"products"}
        for name in own:
            if name not in known:
                raise UsageError(f"product {product}: there is no setting '{name}'{did_you_mean(name, known)}")
        rest: dict[str, Any] = {"products": {}}
        if "service_level" in own:
            rest |= {"holding_cost": None, "lost_sale_cost": None}
        elif "holding_cost" in own or "lost_sale_cost" in own:
            rest |= {"service_level": None}
        try:
            return replace(self, **{**rest, **own})
        except UsageError as error:
            raise UsageError(f"product {product}: {error}") from None


def restocking(settings: Mapping[str, Any]) -> Restocking:
    """The settings of a table such as `[restock]` in TOML, with single products in `[restock.products.ID]`.

    Raises UsageError for an unknown name or a value that makes no sense.
    """
    known = {f.name for f in fields(Restocking)}
    for name in settings:
        if name not in known:
            raise UsageError(f"restock has no setting '{name}'{did_you_mean(name, known)}")
    products = settings.get("products", {})
    if not isinstance(products, Mapping):
        raise UsageError("the products of restock are tables, as in [restock.products.P100]")
    return Restocking(**{**settings, "products": {str(k): v for k, v in products.items()}})


@dataclass(frozen=True)
class Stock:
    """Stock of one product at the cutoff: the newest count, and what was sold since (taken off already)."""

    on_hand: float
    counted: datetime
    sold_since: float


def stock_at(engine: Engine, cutoff: datetime) -> dict[str, Stock]:
    """The stock of each product as known at `cutoff`: the newest count per store, summed, less what was sold since.

    Where a product's newest count is of all stores, counts of single stores do not count, and the other way round.
    """
    at = literal(cutoff)
    found = engine.rows(f"""
with known as (
  select product_id, store_id, quantity, occurred_at, known_at from stock
  where occurred_at < {at} and known_at < {at} and product_id is not null and quantity is not null
), kind as (
  select product_id, arg_max(store_id is null, occurred_at) as whole from known group by product_id
), newest as (
  select k.* from known k join kind using (product_id) where (k.store_id is null) = kind.whole
  qualify row_number() over (
    partition by k.product_id, k.store_id order by k.occurred_at desc, k.known_at desc, k.quantity) = 1
), since as (
  select n.product_id, n.store_id, sum(cast(l.quantity as decimal(18, 4))) as sold
  from newest n join lines l on l.product_id = n.product_id and (n.store_id is null or l.store_id = n.store_id)
  where l.kind = 'sale' and l.occurred_at >= n.occurred_at and l.occurred_at < {at} and l.known_at < {at}
  group by n.product_id, n.store_id
), each as (
  select n.product_id, n.occurred_at, coalesce(s.sold, 0) as sold, cast(n.quantity as decimal(18, 4)) as quantity
  from newest n left join since s on s.product_id = n.product_id and s.store_id is not distinct from n.store_id
)
select product_id, cast(sum(case when quantity > 0 then greatest(quantity - sold, 0) else quantity end) as double),
  min(occurred_at), cast(sum(sold) as double)
from each group by product_id order by product_id""")
    return {str(p): Stock(float(on_hand), counted, float(sold)) for p, on_hand, counted, sold in found}


def restock(engine: Engine, settings: Restocking | None = None, task: str = TASK) -> list[Row]:
    """Rows of the table `restock`, by product: what to order now, what is enough, what to promote.

    Args:
        task: a task of units per product; its newest forecast is read from the tables.

    Raises:
        FootfallError: no such forecast, or it does not look as far ahead as lead time and review reach.
        UsageError: a product is named that nobody knows.
    """
    settings = settings or Restocking()
    told = demand(engine, task)
    stock = stock_at(engine, told.of.cutoff)
    names = _named(engine)
    for product in settings.products:
        if product not in names and product not in stock and product not in told.products:
            raise UsageError(f"restock has settings for product '{product}', which the shop does not know")
    rows = [_forecast_row(told, i, settings, stock.get(p), bool(stock)) for i, p in enumerate(told.products)]
    rows += _rest(engine, told, settings, stock)
    for row in rows:
        row["name"], row["category"] = names.get(row["product_id"], (None, None))
    return sorted(rows, key=lambda r: str(r["product_id"]))


def _forecast_row(told: Demand, i: int, settings: Restocking, stock: Stock | None, counted: bool) -> Row:
    product = told.products[i]
    own = settings.of(product)
    sums = told.over(_reach(told, own, product))
    level = min(max(own.level, told.levels[0]), told.levels[-1])
    up_to = _packs(sums.at(i, level), 1)
    row = {
        **_terms(told, own, product), "demand": float(sums.expected[i]), "lower_80": sums.at(i, 0.1),
        "upper_80": sums.at(i, 0.9), "order_up_to": float(up_to), "service_level": level,
    }  # fmt: skip
    notes = []
    if level != own.level:
        notes.append(f"a service level of {own.level:.4g} is beyond what the forecast tells; {level:g} is used")
    if stock is None:
        lost = "of this product" if counted else "at all"
        notes.insert(0, f"no stock {lost} is known: {WANTED}. Until then: {up_to:,} pieces would be enough with "
                        f"a chance of {level:.0%}")  # fmt: skip
        return row | {"action": "unknown stock", "note": "; ".join(notes)}
    wanted = up_to - stock.on_hand - own.on_order
    order = _packs(wanted, own.pack) if wanted > 0 else 0
    row |= {
        "on_hand": stock.on_hand, "order_now": float(order), "days_of_cover": told.lasting(i, max(0.0, stock.on_hand)),
        "action": "order" if order else "enough",
    }  # fmt: skip
    if order:
        notes.insert(0, _short(row["days_of_cover"], own))
    else:
        over = _overstock(told, i, own, stock)
        if over:
            row["action"] = "promote"
            notes.insert(0, over)
    return row | {"note": "; ".join([*notes, *_count_notes(stock, told.of.cutoff)]) or None}


def _reach(told: Demand, own: Restocking, product: str) -> float:
    """Days that an order placed now must last."""
    days = own.lead_days + own.review_days
    if days > told.reach + 0.05:
        raise FootfallError(
            f"{told.of.task} looks {told.reach:g} days ahead, and lead time and review of product {product} are "
            f"{days:g} days; forecast over a longer horizon"
        )
    return days


def _short(cover: float | None, own: Restocking) -> str:
    """In words, why something is to be ordered."""
    lead, last = own.lead_days, own.lead_days + own.review_days
    if cover == 0:
        words = "nothing in stock: sales are likely to be lost until goods arrive"
    elif cover is not None and cover < lead:
        words = f"lasts about {_days(cover)} and an order takes {_days(lead)}: sales are likely to be lost"
    elif cover is not None and cover < last:
        words = f"lasts about {_days(cover)}; the next order arrives in {_days(last)}"
    else:
        words = "lasts on average; the order is for the case that more is wanted"
    return words + (f"; {own.on_order:,.0f} are on their way" if own.on_order else "")


def _overstock(told: Demand, i: int, own: Restocking, stock: Stock) -> str:
    """In words, when there is more than will sell in the span with the asked certainty; else empty."""
    days = told.reach if own.overstock is None else span(own.overstock).days
    sums = told.over(days)
    most = sums.at(i, own.certainty)
    if stock.on_hand <= most:
        return ""
    left = stock.on_hand - sums.expected[i]
    return (
        f"more than will sell in {_days(days)} with a chance of {own.certainty:.0%} ({most:,.0f}): "
        f"about {left:,.0f} pieces would be left"
    )


def _rest(engine: Engine, told: Demand, settings: Restocking, stock: Mapping[str, Stock]) -> list[Row]:
    """Products in stock that are not forecast: those that stopped selling are to be promoted."""
    at, forecast = literal(told.of.cutoff), set(told.products)
    sold = dict(
        engine.rows(
            "select product_id, max(occurred_at) from lines where kind = 'sale' and product_id is not null "
            f"and occurred_at < {at} and known_at < {at} group by product_id"
        )
    )
    first = dict(
        engine.rows(
            "select product_id, min(occurred_at) from stock where product_id is not null "
            f"and occurred_at < {at} and known_at < {at} group by product_id"
        )
    )
    rows = []
    for product, have in stock.items():
        if product in forecast or have.on_hand <= 0:
            continue
        last = sold.get(product)
        row = _terms(told, settings.of(product), product) | {"on_hand": have.on_hand}
        silent = (told.of.cutoff - (last or first[product])).days
        left = f"{have.on_hand:,.0f} pieces are left"
        if last is None and silent < told.reach:
            note = "new in stock and not sold yet; no forecast"
            rows.append(row | {"action": "enough", "order_now": 0.0, "note": note})
        elif silent < min(told.reach, STALE):
            note = "no forecast: too little is known of its sales; look at it by hand"
            rows.append(row | {"action": "enough", "order_now": 0.0, "note": note})
        else:
            how = f"not sold for {silent:,} days" if last else f"in stock for {silent:,} days and never sold"
            row |= {"action": "promote", "order_now": 0.0, "note": f"{how}, and {left}: clear it"}
            rows.append(row)
    return rows


def _terms(told: Demand, own: Restocking, product: str) -> Row:
    return {
        "product_id": product, "cutoff": told.of.cutoff, "on_hand": None, "on_order": own.on_order, "demand": None,
        "lower_80": None, "upper_80": None, "days_of_cover": None, "order_now": None, "order_up_to": None,
        "service_level": own.level, "lead_days": own.lead_days, "review_days": own.review_days,
        "unit_cost": own.unit_cost, "note": None,
    }  # fmt: skip


def _named(engine: Engine) -> dict[str, tuple[str | None, str | None]]:
    """product -> name, category: of the catalogue, else of its newest lines."""
    found = engine.rows(
        "select product_id, max(name), max(category) from products where product_id is not null group by product_id"
    )
    lines = engine.rows(
        "select product_id, arg_max(category, occurred_at) from lines where product_id is not null group by product_id"
    )
    sold = {str(p): category for p, category in lines}
    listed = {str(p): (name, category) for p, name, category in found}
    return {
        p: (listed.get(p, (None, None))[0], listed.get(p, (None, None))[1] or sold.get(p)) for p in {*listed, *sold}
    }


def _count_notes(stock: Stock, cutoff: datetime) -> list[str]:
    notes = []
    age = cutoff - stock.counted
    if stock.on_hand < 0:
        notes.append("the stock is below nought: more was sold than there was")
    if stock.sold_since > 0:
        notes.append(f"counted on {stock.counted:%Y-%m-%d}; the {stock.sold_since:,.0f} sold since are taken off")
    if age > timedelta(days=STALE):
        notes.append(f"the last count is {age.days} days old")
    return notes


def _packs(units: float, pack: int) -> int:
    """Whole pieces in whole packs, never fewer than asked (a rounding error apart)."""
    return ceil(units / pack - 1e-9) * pack


def _days(days: float | None) -> str:
    rounded = round(days or 0)
    return f"{rounded:,} day{'' if rounded == 1 else 's'}"


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
