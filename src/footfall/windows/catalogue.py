"""The catalogue of features: one line adds one. It adapts to what the shop has and to the entity's keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from footfall.errors import UsageError
from footfall.spans import span
from footfall.windows.declare import (
    Fact,
    Future,
    Past,
    Ratio,
    Upcoming,
    customers,
    events,
    lines,
    orders,
    reviews,
    satisfaction,
)
from footfall.windows.shape import Shape
from footfall.windows.words import Words, words

_CATEGORIES = ("gender", "location", "profession", "loyalty_tier", "household", "channel")


@dataclass(frozen=True)
class Feature:
    """A window of the past, with its words. `text` says that its values are words, not numbers; `within` names the
    category, product, ... that a window of a pair (a customer and a category) is about; `engineered` that only models
    read it that ask for engineered features.

    Raises:
        UsageError: the window looks ahead.
    """

    window: Past | Ratio | Upcoming
    text: bool = False
    within: str = ""
    engineered: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.window, Future):
            raise UsageError(f"a feature looks back; '{self.window.name}' looks ahead")

    @property
    def name(self) -> str:
        return self.window.name

    @property
    def words(self) -> Words:
        return words(self.window, self.within)


def _rhythm(fact: Fact) -> Iterator[Past | Ratio]:
    recency, gap = fact.recency().past(), fact.gap().past()
    yield recency
    yield fact.tenure().past()
    yield gap
    yield Ratio(recency, gap, 1.0, f"{fact.name}_recency_in_gaps")


def _counts(fact: Fact, *spans: str) -> Iterator[Past]:
    for one in spans:
        yield fact.count().past(one)


def _order_features(shop: Shape, by: Callable[[Fact], Fact]) -> Iterator[Past | Ratio]:
    o = by(orders)
    yield from _rhythm(o)
    yield from _counts(o, "7d", "14d", "30d", "60d", "90d", "180d", "365d")
    yield o.count().past()
    yield o.count().trend("30d", "90d")
    yield o.count().trend("90d", "365d")
    yield o.nunique("day").past("90d")
    yield o.nunique("day").past()
    if shop.has("orders", "amount"):
        yield o.sum("amount").past("30d")
        yield o.sum("amount").past("90d")
        yield o.sum("amount").past("365d")
        yield o.sum("amount").past()
        yield o.mean("amount").past()
        yield o.mean("amount").past("90d")
        yield o.max("amount").past()
        yield o.latest("amount").past()
    if shop.has("orders", "discount"):
        yield o.share("discount", ">", 0).past()
    yield o.share(weekday=(6, 7)).past()
    yield o.share("hour", ">=", 18).past()


def _line_features(shop: Shape, by: Callable[[Fact], Fact]) -> Iterator[Past | Ratio]:
    sold = by(lines).where(kind="sale")
    yield sold.count().past("90d")
    yield sold.count().past()
    yield sold.sum("quantity").past("90d")
    yield sold.sum("quantity").past()
    if shop.has("lines", "product_id"):
        yield sold.nunique("product_id").past("90d")
        yield sold.nunique("product_id").past()
    if shop.has("lines", "category"):
        yield sold.nunique("category").past("365d")
    if shop.returns:
        back = by(lines).where(kind="return")
        yield back.recency().past()
        yield back.count().past("90d")
        yield back.count().past()
        yield by(lines).share(kind="return").past()


def _event_features(shop: Shape, by: Callable[[Fact], Fact]) -> Iterator[Past | Ratio]:
    e = by(events)
    yield e.recency().past()
    yield e.tenure().past()
    yield e.count().past()
    yield e.count().trend("7d", "30d")
    # Distinct counts over events are the dearest windows there are: visits stand for days, products for categories.
    if shop.has("events", "session_id"):
        yield e.nunique("session_id").past("7d")
        yield e.nunique("session_id").past("30d")
    else:
        yield e.nunique("day").past("30d")
    if shop.has("events", "product_id"):
        yield e.nunique("product_id").past("7d")
        yield e.nunique("product_id").past("30d")
    elif shop.has("events", "category"):
        yield e.nunique("category").past("30d")
    for kind in shop.event_types:
        of = e.where(type=kind)
        yield of.recency().past()
        yield from _counts(of, "1d", "3d", "7d", "14d", "30d", "90d")


def _opinion_features(shop: Shape, by: Callable[[Fact], Fact]) -> Iterator[Past | Ratio]:
    if shop.has("reviews"):
        yield by(reviews).count().past()
        if shop.has("reviews", "rating"):
            yield by(reviews).mean("rating").past()
            yield by(reviews).latest("rating").past()
    if shop.has("satisfaction"):
        yield by(satisfaction).mean("score").past()
        yield by(satisfaction).latest("score").past()


def _attributes(shop: Shape, by: Callable[[Fact], Fact]) -> Iterator[Feature]:
    for column in ("age", "birth_date", "income"):
        if shop.has("customers", column):
            window = by(customers).latest(column).past()
            yield Feature(window)
    for column in _CATEGORIES:
        if shop.has("customers", column):
            yield Feature(by(customers).latest(column).past(), text=True)


def _pair_features(shop: Shape, keys: tuple[str, ...]) -> Iterator[Past | Ratio]:
    """Of one customer in one category (or product, store, ...)."""
    sold = lines.where(kind="sale")
    yield from _rhythm(sold)
    yield from _counts(sold, "30d", "90d", "365d")
    yield sold.sum("amount").past("365d")
    if all(k == "customer_id" or shop.has("events", k) for k in keys):
        yield events.recency().past()
        yield from _counts(events, "7d", "30d", "90d")
        for kind in shop.event_types:
            if kind in ("add_to_cart", "favourite"):
                yield from _counts(events.where(type=kind), "7d", "30d")


def _group_features(shop: Shape, key: str) -> Iterator[Past | Ratio]:
    """Of a product, category, brand or store, over all customers."""
    sold = lines.by(key).where(kind="sale")
    yield from _counts(sold, "7d", "30d", "90d")
    yield sold.sum("amount").past("90d")
    yield sold.nunique("customer_id").past("90d")
    yield sold.count().trend("30d", "90d")


def features(shop: Shape, keys: tuple[str, ...] = ("customer_id",)) -> list[Feature]:
    """The features of an entity with these key columns, for a shop of this shape.

    For several keys: those of the customer, those of each other key, and those of the pair.
    """
    pair = len(keys) > 1

    def by(fact: Fact) -> Fact:
        return fact.by("customer_id") if pair else fact

    found: list[Feature] = []
    windows: list[Past | Ratio] = []
    if "customer_id" in keys:
        if shop.has("orders"):
            windows += _order_features(shop, by)
        if shop.has("lines"):
            windows += _line_features(shop, by)
        if shop.has("events"):
            windows += _event_features(shop, by)
        windows += _opinion_features(shop, by)
        found += _attributes(shop, by)
    for key in keys:
        if key != "customer_id" and shop.has("lines"):
            windows += _group_features(shop, key)
    found = [Feature(w) for w in windows if _reaches(w, shop)] + found
    if pair and shop.has("lines"):
        within = " and ".join(k.removesuffix("_id") for k in keys if k != "customer_id")
        found += [Feature(w, within=within) for w in _pair_features(shop, keys) if _reaches(w, shop)]
    for column in ("holiday", "promotion"):
        if shop.has("calendar", column):
            found += [Feature(Upcoming(column, span(s))) for s in ("7d", "30d")]
    return found


TOPICS = 5
"""Topics that reviews are sorted into."""


def engineered(shop: Shape, keys: tuple[str, ...] = ("customer_id",)) -> list[Feature]:
    """Windows of a customer that only models read which ask for engineered features: what reviews say, and categories
    of many values. They are prepared where such a model is asked for."""
    if "customer_id" not in keys:
        return []

    def own(fact: Fact) -> Fact:
        return fact.by("customer_id") if len(keys) > 1 else fact

    found = []
    if shop.has("reviews", "text"):
        wrote = own(reviews)
        found += [Feature(wrote.mean("length").past(), engineered=True)]
        if shop.has("reviews", "rating"):
            found += [Feature(w, engineered=True) for w in _readings(wrote)]
    sold = own(lines).where(kind="sale")
    for column in ("category", "product_id", "brand"):
        if shop.has("lines", column):
            found.append(Feature(sold.most_common(column).past(), text=True, engineered=True))
    return found


def _readings(wrote: Fact) -> Iterator[Past]:
    yield wrote.mean("sentiment").past()
    yield wrote.min("sentiment").past()
    yield wrote.latest("sentiment").past()
    for topic in range(1, TOPICS + 1):
        yield wrote.share(topic=topic).past()


def _reaches(window: Past | Ratio, shop: Shape) -> bool:
    """False for a span of which the shop's history holds less than half: it repeats the shorter ones."""
    spans = [window.top.span, window.bottom.span] if isinstance(window, Ratio) else [window.span]
    return all(s is None or s.days <= 2 * max(shop.days, 1) for s in spans)
