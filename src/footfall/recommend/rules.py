"""What the merchant declares beside the model: never show, always show first, at most so many of one kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from footfall.errors import FootfallError, UsageError, did_you_mean
from footfall.models.ranking import Floats, Ints
from footfall.recommend.read import History


@dataclass(frozen=True)
class Rules:
    """Filters of a ranking.

    Args:
        exclude: products never shown. exclude_categories: nor anything of these categories.
        pin: products shown first, in this order, to everyone.
        limit: "category" or "brand" -> at most so many of one value in a list.
        in_stock: leave out what the last stock level says is sold out (where a shop has stock levels).

    Raises:
        UsageError: a limit below one or of something else, or a product both pinned and excluded.
    """

    exclude: Sequence[str] = ()
    exclude_categories: Sequence[str] = ()
    pin: Sequence[str] = ()
    limit: Mapping[str, int] = field(default_factory=dict)
    in_stock: bool = True

    def __post_init__(self) -> None:
        for name, most in self.limit.items():
            if name not in ("category", "brand"):
                raise UsageError(f"a limit is per category or brand, not per '{name}'")
            if most < 1:
                raise UsageError(f"a limit of {most} per {name} leaves nothing to show; use 1 or more")
        both = sorted(set(self.exclude) & set(self.pin))
        if both:
            raise UsageError(f"product '{both[0]}' is both pinned and excluded")


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
    for product in rules.exclude:
        shown[_number(history, product)] = False
    categories = set(history.category.tolist())
    for category in rules.exclude_categories:
        inside = [c for c in categories if c == category or c.startswith(category + ".")]
        if not inside:
            raise FootfallError(f"there is no category '{category}'{did_you_mean(category, categories)}")
        shown &= ~np.isin(history.category.astype(str), inside)
    pinned = np.asarray([_number(history, p) for p in rules.pin], dtype=np.int64)
    limits = []
    for name, most in rules.limit.items():
        if name not in history.interactions.items:
            raise FootfallError(f"the products have no {name} to limit by")
        limits.append((history.interactions.items[name], most))
    return Bound(shown, pinned, tuple(limits))


def _number(history: History, product: str) -> int:
    if product not in history.product_numbers:
        raise FootfallError(
            f"there is no product '{product}'{did_you_mean(product, list(history.product_numbers)[:5000])}"
        )
    return history.product_numbers[product]
