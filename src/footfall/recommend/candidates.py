"""Candidates: what several generators would show each customer, merged into pairs of a customer and a product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from footfall.errors import UsageError, did_you_mean
from footfall.models.ranking import (
    AGAINST,
    RATING,
    SALE,
    Floats,
    Interactions,
    Ints,
    RankModel,
    distinct,
    find_rank_model,
    rank_model_names,
)

ALL, NEW, COLD = "all", "new", "cold"
WAYS = (ALL, NEW)
"""What can be asked for: all products, or those that the customer never bought."""
TAUGHT = (ALL, NEW, COLD)
"""What is learnt apart. `cold`: for customers who did nothing so far, by who they are and what goes on in the shop."""
FIRST = 40
"""Candidates of each generator for customers who did nothing so far, at least: the dial is for the others."""
EASE_LIMIT = 6_000
"""Products up to which EASE is among the generators unless it is asked for: its time grows with the cube."""
DENSE_LIMIT = 20_000
"""Products up to which generators that score every product of every customer are among them."""


@dataclass(frozen=True)
class Spec:
    """One generator among several: how it is called here, its file's name, its settings, how many it may propose."""

    label: str
    name: str
    take: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    personal: bool = True
    """False: proposes without looking at what the customer did."""


def suited(
    interactions: Interactions, dial: float = 1.0, ahead: float = 30.0, labels: Sequence[str] = ()
) -> tuple[Spec, ...]:
    """The generators that suit these interactions, or those of them that `labels` names.

    `dial` multiplies how many candidates each may propose. Raises UsageError for a label that does not suit.
    """
    here = rank_model_names()
    small, middling = interactions.products <= EASE_LIMIT, interactions.products <= DENSE_LIMIT
    thin = {} if middling else {"kept": 50, "latest": 20}
    events = bool(set(interactions.kinds) - {SALE, RATING, *AGAINST})
    found = [
        Spec("own", "own_history", 100, {"way": "frequency"}),
        Spec("due", "own_history", 60, {"way": "rhythm", "ahead": ahead, "prior": 10.0}),
        Spec("together", "covisit", 60, {"source": ("sale",), "lags": 2, **thin}),
        Spec("popular", "popular", 40, {"days": min(30.0, ahead)}, False),
        Spec("rising", "popular", 20, {"way": "rising", "days": 14.0, "before": 60.0}, False),
    ]
    if events:
        found.append(Spec("after_looking", "covisit", 60, {"source": (), "lags": 1, "half_life": 7.0, **thin}))
    if small:
        found.append(Spec("ease", "ease", 80))
        found.append(Spec("ease_lately", "ease", 80, {"half_life": 180.0, "l2": 100.0}))
    if middling and interactions.items:
        found.append(Spec("content", "content", 40))
        found.append(Spec("arrivals", "content", 20, {"newest": 60.0}))
    if interactions.text is not None:
        found.append(Spec("text", "text", 30))
    if interactions.people:
        found.append(Spec("neighbours", "neighbours", 40, {}, False))
    if "implicit" in here and middling:
        found.append(Spec("als", "implicit", 60))
    for label in labels:
        if label not in {s.label for s in found}:
            raise UsageError(
                f"there is no generator '{label}' for this shop{did_you_mean(label, [s.label for s in found])}"
            )
    return tuple(
        Spec(s.label, s.name, max(1, round(s.take * dial)), s.settings, s.personal)
        for s in found
        if not labels or s.label in labels
    )


def fit_generators(interactions: Interactions, specs: Sequence[Spec], seed: int = 0) -> dict[str, RankModel]:
    """Label -> generator, each learnt from the same interactions."""
    return {s.label: find_rank_model(s.name)(seed, **s.settings).fit(interactions) for s in specs}


@dataclass(frozen=True)
class Pool:
    """Pairs of a customer and a product, ordered by both. `scores`: label -> (n,) what each generator says of them
    (NaN for nothing), `places`: label -> (n,) at which place it proposed them, from 0 (NaN where it did not)."""

    row: Ints
    col: Ints
    scores: dict[str, Floats]
    places: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.row)


def gather(
    generators: Mapping[str, RankModel], specs: Sequence[Spec], customers: Ints, products: int, way: str = ALL
) -> Pool:
    """The union of what the generators propose to each customer.

    `way`: `new`, only what they never bought; `cold`, by the generators that do not look at what they did.
    """
    proposed, places = {}, {}
    new = way == NEW
    for spec in specs:
        if (new and spec.name == "own_history") or (way == COLD and spec.personal):
            continue
        take = max(spec.take, FIRST) if way == COLD else spec.take  # few generators must fill a whole list
        items, _ = generators[spec.label].candidates(customers, take, new=new)
        row, place = np.nonzero(items >= 0)
        proposed[spec.label] = customers[row] * products + items[row, place]
        places[spec.label] = place.astype(np.float64)
    keys = distinct(np.concatenate([np.zeros(0, dtype=np.int64), *proposed.values()]))
    row, col = keys // max(products, 1), keys % max(products, 1)
    scores, at = {}, {}
    for spec in specs:
        silent = way == COLD and spec.personal
        said = np.full(len(keys), np.nan) if silent else generators[spec.label].score(row, col)
        scores[spec.label] = np.where(np.isneginf(said), np.nan, said)
        at[spec.label] = np.full(len(keys), np.nan)
        if spec.label in proposed:
            at[spec.label][np.searchsorted(keys, proposed[spec.label])] = places[spec.label]
    return Pool(row, col, scores, at)
