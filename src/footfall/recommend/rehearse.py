"""The rehearsal: at the newest training cutoffs, who would have ranked best, learnt only from older ones?

What is compared are the re-ranker with its trees grown in several ways, every generator, and own frequency filled up
with popular products. The measure is ndcg at 20 over customers who then took something.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from footfall.models.ranking import Floats, Ints, without
from footfall.recommend.candidates import ALL, COLD, NEW, Spec
from footfall.recommend.features import places_of
from footfall.recommend.rerank import Learning, Lesson, Moment, Reranker, Trees, taught

RERANKED, OWN = "reranked", "own frequency"
PLACES = 20
MOST = 3_000
"""Customers on whom a rehearsal is measured."""


@dataclass(frozen=True)
class Trial:
    """The candidates of a way at a moment, and what was then taken.

    `row`, `col`, `values`, `right`: per candidate. `customers`: in order; `many`: how much each of them took.
    """

    way: str
    labels: tuple[str, ...]
    row: Ints
    col: Ints
    values: dict[str, Floats]
    right: NDArray[np.bool_]
    customers: Ints
    many: Ints

    @classmethod
    def of(cls, moment: Moment, way: str, seed: int) -> Self | None:
        """None where nobody took anything."""
        customers = moment.eager(MOST, seed, way)
        if not len(customers):
            return None
        pool, values = moment.pool(customers, way)
        truth = moment.taken[customers].tocoo()
        if way == NEW:
            truth = without(moment.taken[customers], moment.interactions.owned[customers]).tocoo()
        keys = np.sort(customers[truth.row] * moment.interactions.products + truth.col)
        right = places_of(keys, pool.row * moment.interactions.products + pool.col) >= 0
        labels = ([OWN] if way == ALL else []) + [s.label for s in moment.specs if _answers(s, way)]
        many = np.bincount(truth.row, minlength=len(customers))
        held = {name: value.astype(np.float32) for name, value in values.items()}
        return cls(way, tuple(labels), pool.row, pool.col, held, right, customers, many)  # type: ignore[arg-type]

    def ndcg(self, label: str, reranker: Reranker) -> float:
        """Mean over the customers, for one who answers."""
        score = answers(reranker, label, self.values, self.way)
        order = np.lexsort((self.col, -score, self.row))
        order = order[np.isfinite(score[order])]
        rows = self.row[order]
        place = np.arange(len(order)) - np.searchsorted(rows, rows)
        top = (place < PLACES) & self.right[order]
        gain = 1.0 / np.log2(2.0 + np.arange(PLACES))
        made = np.bincount(np.searchsorted(self.customers, rows[top]), gain[place[top]], len(self.customers))
        ideal = np.concatenate([[0.0], np.cumsum(gain)])[np.minimum(self.many, PLACES)]
        return float(np.mean(made[ideal > 0] / ideal[ideal > 0]))


def answers(reranker: Reranker, label: str, values: Mapping[str, Floats], way: str) -> Floats:
    """(pairs,) the scores of one who answers; -inf where it has nothing to say."""
    if label == RERANKED:
        return reranker.score(values, way)
    if label == OWN:
        own, popular = (values[f"{one} score"] for one in ("own", "popular"))
        top = np.nanmax(popular, initial=1.0)
        # Own purchases first, then what is popular.
        return np.where(np.isnan(own), np.nan_to_num(popular, nan=-1.0) / (2 * top) - 1.0, own)
    said = np.where(np.isnan(values[f"{label} place"]), np.nan, values[f"{label} score"])
    return np.where(np.isnan(said), -np.inf, said)


def rehearse(
    trials: Mapping[str, Sequence[Trial | None]],
    lessons: Mapping[str, Sequence[Lesson | None]],
    learning: Learning,
    ahead: float,
) -> tuple[dict[str, Trees], dict[str, dict[str, float]]]:
    """Way -> how trees shall grow, and way -> who answers -> mean ndcg at 20; a way without room for it is left out.

    `trials`, `lessons`: by way, newest cutoff first; a trial is judged by re-rankers taught on older lessons.
    """
    grown: dict[str, Trees] = {}
    rehearsed: dict[str, dict[str, float]] = {}
    for way, some in trials.items():
        older = [lessons[way][i + 1 : i + 1 + learning.older] for i in range(len(some))]
        room = [(t, its) for t, its in zip(some, older, strict=True) if t and any(its)]
        if not room:
            continue
        found: dict[Trees, tuple[float, list[Reranker]]] = {}
        for one in learning.tried if way != COLD else learning.tried[-1:]:
            made = [taught({way: its}, learning, ahead, {way: one}) for _, its in room]
            found[one] = _mean([(t, t.ndcg(RERANKED, r)) for (t, _), r in zip(room, made, strict=True)]), made
        grown[way] = max(found, key=lambda g: found[g][0])
        value, made = found[grown[way]]
        rehearsed[way] = {RERANKED: value}
        for label in room[0][0].labels:
            told = [(t, t.ndcg(label, r)) for (t, _), r in zip(room, made, strict=True) if label in t.labels]
            rehearsed[way][label] = _mean(told)
        for one, (its, _) in found.items():
            rehearsed[way][f"trees: {one}"] = its
    return grown, rehearsed


def chosen(found: Mapping[str, float]) -> str:
    """The re-ranker unless a simpler one did better in the rehearsal."""
    who = [label for label in found if not label.startswith("trees: ")]
    return max(who, key=lambda label: (found[label], label == RERANKED)) if who else RERANKED


def _mean(told: list[tuple[Trial, float]]) -> float:
    """Each trial counts by its customers."""
    many = sum(len(t.customers) for t, _ in told)
    return sum(len(t.customers) * value for t, value in told) / many


def _answers(spec: Spec, way: str) -> bool:
    if way == COLD:
        return not spec.personal
    return not (way == NEW and spec.name == "own_history")


def part_of(values: Mapping[str, Floats], rows: Any) -> dict[str, Floats]:
    """The features of some of the pairs."""
    return {name: value[rows] for name, value in values.items()}
