"""What the merchant declares beside the model: never show, always show first, at most so many of one kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footfall.errors import FootfallError, UsageError, did_you_mean
from footfall.models.ranking import Floats, Ints
from footfall.recommend.read import History

LIMITED = ("category", "brand")
NAMED = 20_000
"""Names among which a near one is looked for."""


@dataclass(frozen=True)
class Rules:
    """Filters of a ranking.

    Args:
        exclude: products never shown. exclude_categories: nor anything of these categories.
        pin: products shown first, in this order, to everyone.
        limit: "category" or "brand" -> at most so many of one value in a list.
        in_stock: leave out what the last stock level says is sold out (where a shop has stock levels).
        new: only products that the customer never bought; what is pinned is shown all the same.

    A ranking of categories heeds `exclude_categories` and `new`.

    Raises:
        UsageError: a limit below one or of something else, or a product both pinned and excluded.
    """

    exclude: Sequence[str] = ()
    exclude_categories: Sequence[str] = ()
    pin: Sequence[str] = ()
    limit: Mapping[str, int] = field(default_factory=dict)
    in_stock: bool = True
    new: bool = False

    def __post_init__(self) -> None:
        for name, most in self.limit.items():
            if name not in LIMITED:
                raise UsageError(f"a limit is per category or brand, not per '{name}'")
            if most < 1:
                raise UsageError(f"a limit of {most} per {name} leaves nothing to show; use 1 or more")
        both = sorted(set(self.exclude) & set(self.pin))
        if both:
            raise UsageError(f"product '{both[0]}' is both pinned and excluded")

    def told(self) -> dict[str, Any]:
        """What is declared and not as without rules, for a model's card."""
        return {name: value for name, value in asdict(self).items() if value != getattr(Rules(), name)}


def declared(document: Mapping[str, Any], where: str) -> Rules:
    """The rules of a document such as

        exclude = ["P-7"]
        exclude_categories = ["tobacco"]
        pin = ["P-1"]
        in_stock = true
        new = false
        limit = { category = 2, brand = 3 }

    `where` names it in errors. Raises FootfallError for a word or a value that is no rule, or rules at odds.
    """
    known = {f.name: f for f in fields(Rules)}
    found: dict[str, Any] = {}
    for name, value in document.items():
        if name not in known:
            raise FootfallError(f"{where} has no rule '{name}'{did_you_mean(name, known)}")
        if name in ("in_stock", "new"):
            right, wanted = isinstance(value, bool), "true or false"
        elif name == "limit":
            right = isinstance(value, Mapping) and all(type(most) is int for most in value.values())
            wanted = "whole numbers, as in { category = 2 }"
        else:
            value = [value] if isinstance(value, str) else value
            right = isinstance(value, list | tuple) and all(isinstance(v, str) for v in value)
            wanted = "a list of texts"
        if not right:
            raise FootfallError(f"{where}: {name} is {wanted}, not {value!r}")
        found[name] = tuple(value) if isinstance(value, list) else value
    try:
        return Rules(**found)
    except UsageError as error:
        raise FootfallError(f"{where}: {error}") from None


@dataclass(frozen=True)
class Bound:
    """Rules in the numbers of a history: `shown` (products,) what may be shown, `pinned` numbers, `limits` codes
    (products,) with how many of each may stand in a list."""

    shown: NDArray[np.bool_]
    pinned: Ints
    limits: tuple[tuple[Ints, int], ...]

    def keep(self, items: Ints, scores: Floats, k: int) -> tuple[Ints, Floats]:
        """One customer's candidates, best first, as the rules let them stand: at most `k`, pinned ones first.

        A pinned product that is no candidate has the score of the best one.
        """
        pinned = self.pinned[:k]
        rest = ~np.isin(items, self.pinned) & self.shown[items]
        items, scores, top = items[rest], scores[rest], scores.max(initial=0.0)
        counts: list[dict[int, int]] = [{} for _ in self.limits]
        kept: list[int] = []
        for i in range(len(items)) if self.limits else ():
            if len(kept) + len(pinned) >= k:
                break
            at = [int(codes[items[i]]) for codes, _ in self.limits]
            full = [c >= 0 and n.get(c, 0) >= most for c, n, (_, most) in zip(at, counts, self.limits, strict=True)]
            if not any(full):
                kept.append(i)
                for c, n in zip(at, counts, strict=True):
                    n[c] = n.get(c, 0) + 1
        chosen = np.asarray(kept, dtype=np.int64) if self.limits else np.arange(min(len(items), k - len(pinned)))
        return (
            np.concatenate([pinned, items[chosen]]),
            np.concatenate([np.full(len(pinned), top), scores[chosen]]),
        )


def bind(rules: Rules, history: History) -> Bound:
    """The rules in a history's numbers. Raises FootfallError, with the nearest name, for what it does not have."""
    shown = np.ones(len(history.products), dtype=bool)
    if rules.in_stock:
        shown &= ~history.gone
    products = history.column == "product_id"
    category = (history.category if products else history.products).astype(str)
    categories = set(category.tolist()) - {""}
    for name in rules.exclude_categories:
        inside = [c for c in categories if c == name or c.startswith(name + ".")]
        if not inside:
            raise FootfallError(f"there is no category '{name}'{_near(name, categories)}")
        shown &= ~np.isin(category, inside)
    if not products:
        return Bound(shown, np.zeros(0, dtype=np.int64), ())
    pinned = np.asarray([number_of(history, p) for p in rules.pin], dtype=np.int64)
    if rules.in_stock:
        pinned = pinned[~history.gone[pinned]]
    for product in rules.exclude:
        shown[number_of(history, product)] = False
    limits = []
    for name, most in rules.limit.items():
        if name not in history.interactions.items:
            raise FootfallError(f"the products have no {name} to limit by")
        limits.append((history.interactions.items[name], most))
    return Bound(shown, pinned, tuple(limits))


def number_of(history: History, product: str) -> int:
    """A product's number. Raises FootfallError, with the nearest id, for one that was not there before the cutoff."""
    found = history.product_numbers.get(product)
    if found is None:
        near = _near(product, history.product_numbers)
        raise FootfallError(f"there is no product '{product}' before {history.at:%Y-%m-%d}{near}")
    return found


def _near(word: str, known: Iterable[str]) -> str:
    """The nearest of many; without a near one, how many there are instead of all their names."""
    choices = list(known)
    close = did_you_mean(word, choices[:NAMED])
    return close if close.startswith("; did") else f"; there are {len(choices):,}, and none is called alike"
