"""The re-ranker: boosted trees over the candidates' features, taught by what customers did after earlier cutoffs.

At each training cutoff the generators are learnt from what was known then, propose their candidates, and the products
that the customer then took are the right ones. LightGBM's `lambdarank` (Burges 2010) learns their order; `chance`
(log loss) learns who takes what. One booster is taught for all products, one on products that the customer never
bought, and one for customers who did nothing so far: it is taught on customers whose history is held back from it.

How the trees grow (`Trees`) and who answers (the re-ranker, one generator or own frequency filled up with popular
ones) is rehearsed at the newest training cutoffs, with re-rankers taught on the older ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from footfall.errors import FootfallError, UsageError
from footfall.models.ranking import Floats, Interactions, Ints, csr, looked_up
from footfall.recommend.candidates import ALL, COLD, NEW, TAUGHT, WAYS, Pool, Spec, fit_generators, gather
from footfall.recommend.features import Known, pair_features

__all__ = ["ALL", "COLD", "NEW", "TAUGHT", "WAYS", "Learning", "Lesson", "Moment", "Reranker", "Trees", "teach"]
FIRSTS = 300
OBJECTIVES = ("rehearsed", "lambdarank", "chance")


@dataclass(frozen=True)
class Trees:
    """How a booster grows: what it learns by, and how many trees of how many leaves."""

    objective: str = "lambdarank"
    trees: int = 150
    leaves: int = 31

    def __str__(self) -> str:
        return f"{self.objective}, {self.trees} trees of {self.leaves} leaves"


@dataclass(frozen=True)
class Learning:
    """How a re-ranker is taught.

    Args:
        cutoffs: training cutoffs, the newest ones. step: days between them.
        rows: about so many pairs to learn from, per booster; customers are sampled to get there.
        wrong: at most so many candidates per customer that were not taken, drawn at random, so that `rows` hold more
            customers; None: all of them.
        trees, leaves, rate: of the boosted trees; a small sample gets smaller ones.
        objective: `lambdarank` or `chance`; `rehearsed`: large trees by the one or small trees by the other,
            whichever did better at the newest training cutoffs.
        rehearsals: how many of the newest training cutoffs are rehearsed at, each with what up to `older` older ones
            teach.
        among: at a training cutoff the generators are learnt from at most so many customers, drawn at random.
        decays: half-lives of the generators are chosen on at most so many customers, drawn at random; 0: the usual.
        dial: how many candidates the generators may propose, as a multiple of the usual number.
        generators: labels of those to use (see `suited`); none: all that suit the shop.
        threads: of LightGBM; the bits do not depend on it.

    Raises:
        UsageError: an objective there is not.
    """

    cutoffs: int = 6
    step: float = 15.0
    rows: int = 300_000
    wrong: int | None = 40
    trees: int = 150
    leaves: int = 31
    rate: float = 0.06
    objective: str = "rehearsed"
    rehearsals: int = 1
    older: int = 3
    among: int = 200_000
    decays: int = 20_000
    dial: float = 1.0
    generators: tuple[str, ...] = ()
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise UsageError(f"a re-ranker learns by {' or '.join(OBJECTIVES)}, not '{self.objective}'")

    @property
    def plain(self) -> Trees:
        """How trees grow where nothing is rehearsed."""
        by = "lambdarank" if self.objective == "rehearsed" else self.objective
        return Trees(by, self.trees, self.leaves)

    @property
    def tried(self) -> tuple[Trees, ...]:
        """What is rehearsed: large trees that learn an order, and small ones that learn chances."""
        if self.objective != "rehearsed":
            return (self.plain,)
        return self.plain, Trees("chance", min(self.trees, 100), min(self.leaves, 12))


@dataclass(frozen=True)
class Lesson:
    """Candidates of one training cutoff: `values` name -> (pairs,), `right` (pairs,), `group` pairs per customer.

    Only customers who took at least one candidate are in it: the others teach no order.
    """

    values: Mapping[str, Floats]
    right: NDArray[np.bool_]
    group: Ints

    def __len__(self) -> int:
        return len(self.right)


@dataclass
class Reranker:
    """Fitted trees: way -> booster, and the features they read, in order. Without a booster: the first generator's
    places decide."""

    features: list[str]
    learning: Learning
    ahead: float
    boosters: dict[str, Any] = field(default_factory=dict)
    learnt: dict[str, dict[str, float]] = field(default_factory=dict)
    """Way -> rows, customers, right ones, cutoffs it was taught on."""
    grown: dict[str, Trees] = field(default_factory=dict)
    """Way -> how its trees grew."""

    def matrix(self, values: Mapping[str, Floats]) -> NDArray[np.float32]:
        """(pairs, features); what is not there now is missing."""
        n = len(next(iter(values.values()), np.zeros(0)))
        made = np.full((n, len(self.features)), np.nan, dtype=np.float32)  # as the lessons were
        for i, name in enumerate(self.features):
            if name in values:
                made[:, i] = values[name]
        return made

    def score(self, values: Mapping[str, Floats], way: str = ALL) -> Floats:
        """(pairs,) higher is better; comparable within a customer (with `chance`, between customers too)."""
        n = len(next(iter(values.values()), np.zeros(0)))
        booster = self.boosters.get(way)
        if booster is None or not n:
            places = [v for name, v in values.items() if name.endswith(" place")]
            stacked = np.stack([np.where(np.isnan(p), 0.0, 1.0 / (60.0 + p)) for p in places], axis=0)
            return np.asarray(stacked.sum(axis=0))  # reciprocal rank fusion (Cormack et al. 2009)
        raw = booster.predict(self.matrix(values), raw_score=True, num_threads=max(1, self.learning.threads))
        return np.asarray(raw, dtype=np.float64)

    def contributions(self, values: Mapping[str, Floats], way: str = ALL) -> Floats:
        """(pairs, features + 1) TreeSHAP values of the score, the last column the base; zeros without a booster."""
        booster = self.boosters.get(way)
        n = len(next(iter(values.values()), np.zeros(0)))
        if booster is None or not n:
            return np.zeros((n, len(self.features) + 1))
        return np.asarray(booster.predict(self.matrix(values), pred_contrib=True), dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Boosters as LightGBM's text, the rest as JSON; never a pickle."""
        folder.mkdir(parents=True, exist_ok=True)
        for way, booster in self.boosters.items():
            (folder / f"{way}.txt").write_text(booster.model_to_string(), encoding="utf-8")
        body = {"features": self.features, "learning": asdict(self.learning), "ahead": self.ahead,
                "ways": list(self.boosters), "learnt": self.learnt,
                "grown": {way: asdict(one) for way, one in self.grown.items()}}  # fmt: skip
        (folder / "reranker.json").write_text(json.dumps(body, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote. Raises FootfallError when there is none."""
        import lightgbm as lgb

        try:
            body = json.loads((folder / "reranker.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise FootfallError(f"there is no saved re-ranker in {folder}; fit it first") from None
        boosters = {
            way: lgb.Booster(model_str=(folder / f"{way}.txt").read_text(encoding="utf-8")) for way in body["ways"]
        }
        learning = Learning(**{**body["learning"], "generators": tuple(body["learning"]["generators"])})
        grown = {way: Trees(**one) for way, one in body["grown"].items()}
        return cls(body["features"], learning, body["ahead"], boosters, body["learnt"], grown)


@dataclass(frozen=True)
class Moment:
    """One cutoff: what was known, the generators learnt from it, and (of the past) what was then taken."""

    interactions: Interactions
    specs: Sequence[Spec]
    generators: Mapping[str, Any]
    ahead: float
    taken: Any = None

    @classmethod
    def at(
        cls, interactions: Interactions, specs: Sequence[Spec], ahead: float, seed: int = 0, taken: Any = None
    ) -> Self:
        return cls(interactions, specs, fit_generators(interactions, specs, seed), ahead, taken)

    @cached_property
    def known(self) -> Known:
        """What the candidates' features are looked up in."""
        return Known(self.interactions, self.ahead)

    def pool(self, customers: Ints, way: str = ALL) -> tuple[Pool, dict[str, Floats]]:
        """The candidates of these customers and their features."""
        found = gather(self.generators, self.specs, customers, self.interactions.products, way)
        return found, pair_features(self.known, found, way == COLD)

    @cached_property
    def told(self) -> NDArray[np.bool_]:
        """(customers,) did anything so far."""
        return np.bincount(self.interactions.row, minlength=self.interactions.customers) > 0

    def lesson(self, customers: Ints, way: str, wrong: int | None = None, seed: int = 0) -> Lesson:
        """What these customers' candidates teach. The moment lies in the past."""
        pool, values = self.pool(customers, way)
        right = ~np.isneginf(looked_up(self.taken, pool.row, pool.col))
        whom, inverse, group = np.unique(pool.row, return_inverse=True, return_counts=True)
        some = np.bincount(inverse, right, len(whom)) > 0
        kept = some[inverse]
        if wrong is not None:
            dice = np.where(right, -1.0, np.random.default_rng(seed).random(len(pool)))
            order = np.lexsort((dice, inverse))
            place = np.empty(len(pool), dtype=np.int64)
            place[order] = np.arange(len(pool)) - np.searchsorted(inverse, np.arange(len(whom)))[inverse[order]]
            kept &= place < wrong + np.bincount(inverse, right, len(whom))[inverse]
            group = np.bincount(inverse[kept], minlength=len(whom))
        return Lesson({n: v[kept].astype(np.float32) for n, v in values.items()}, right[kept], group[some])

    def eager(self, most: int, seed: int, way: str = ALL) -> Ints:
        """As `eager`, of what was known and taken at this cutoff."""
        return eager(self.interactions, self.taken, most, seed, way)


def eager(known: Interactions, taken: Any, most: int, seed: int, way: str = ALL) -> Ints:
    """Customers who took something (of a way: something new to them), at most `most`, the same on every run.

    Of the way `cold`, those who took their first; where they are few, everyone, as if it had been their first.
    """
    if way == NEW:
        rows = taken.tocoo()
        fresh = np.isneginf(looked_up(known.owned, rows.row, rows.col))
        taken = csr(rows.data[fresh], rows.row[fresh], rows.col[fresh], taken.shape)
    some = np.flatnonzero(np.diff(taken.indptr) > 0)
    if way == COLD:
        told = np.bincount(known.row, minlength=known.customers) > 0
        some = some[~told[some]] if (~told[some]).sum() >= FIRSTS else some
    if len(some) <= most:
        return some
    return np.sort(np.random.default_rng(seed).choice(some, most, replace=False))


def teach(
    moments: Sequence[Moment],
    learning: Learning,
    ways: Sequence[str] = WAYS,
    grown: Mapping[str, Trees] | None = None,
) -> Reranker:
    """A re-ranker from the lessons of these moments. A way without a lesson gets no booster."""
    lessons = {way: [lesson_of(m, learning, way, i, len(moments)) for i, m in enumerate(moments)] for way in ways}
    return taught(lessons, learning, moments[0].ahead if moments else 30.0, grown)


def taught(
    lessons: Mapping[str, Sequence[Lesson | None]],
    learning: Learning,
    ahead: float,
    grown: Mapping[str, Trees] | None = None,
) -> Reranker:
    """A re-ranker from lessons by way. `grown`: how the trees of a way grow, where it is not as `learning` says."""
    made = Reranker([], learning, ahead)
    made.features = sorted({n for some in lessons.values() for one in some if one for n in one.values})
    for way, some in lessons.items():
        held = [one for one in some if one]
        if not held:
            continue
        made.grown[way] = (grown or {}).get(way, learning.plain)
        made.boosters[way] = _boosted(made, held, made.grown[way])
        made.learnt[way] = {
            "pairs": float(sum(len(one) for one in held)), "cutoffs": float(len(held)),
            "customers": float(sum(len(one.group) for one in held)),
            "right": float(sum(one.right.sum() for one in held)),
        }  # fmt: skip
    return made


def lesson_of(moment: Moment, learning: Learning, way: str, place: int, many: int) -> Lesson | None:
    """The lesson of the moment at `place` among `many`; None where it teaches nothing."""
    each = max(1, learning.rows // many)
    width = sum(s.take for s in moment.specs if _proposes(s, way))
    # Generators agree on about half of what they propose.
    each_has = width / 2 if learning.wrong is None else min(width / 2, learning.wrong + 5)
    customers = moment.eager(max(30, int(each / max(1.0, each_has))), learning.seed + place, way)
    if not len(customers):
        return None
    one = moment.lesson(customers, way, learning.wrong, learning.seed + place)
    return one if len(one) and not one.right.all() else None


def _proposes(spec: Spec, way: str) -> bool:
    return spec.personal is False if way == COLD else way == ALL or spec.name != "own_history"


def _boosted(made: Reranker, lessons: Sequence[Lesson], grown: Trees) -> Any:
    import lightgbm as lgb

    learning = made.learning
    X = np.concatenate([np.stack([_of(one, f) for f in made.features], axis=1) for one in lessons])
    y = np.concatenate([one.right for one in lessons]).astype(np.float64)
    group = np.concatenate([one.group for one in lessons])
    n = len(y)
    parameters: dict[str, Any] = {
        "learning_rate": learning.rate, "num_leaves": int(np.clip(0.1 * np.sqrt(n), 4, grown.leaves)),
        "min_data_in_leaf": int(np.clip(n / 2_000, 5, 200)), "feature_fraction": 0.5, "bagging_fraction": 0.7,
        "bagging_freq": 1, "lambda_l2": 10.0, "max_bin": 63, "num_threads": learning.threads, "deterministic": True,
        "force_col_wise": True, "verbosity": -1, "seed": learning.seed + 1,
    }  # fmt: skip
    if grown.objective == "lambdarank":
        parameters |= {"objective": "lambdarank", "lambdarank_truncation_level": 30, "label_gain": [0, 1]}
    else:
        parameters["objective"] = "binary"
    data = lgb.Dataset(X, y, group=group, feature_name=[f"f{i}" for i in range(X.shape[1])], params=parameters)
    booster = lgb.train(parameters, data, num_boost_round=grown.trees)
    return lgb.Booster(model_str=booster.model_to_string())  # what ranks now is what will be loaded later


def _of(lesson: Lesson, feature: str) -> Floats:
    found = lesson.values.get(feature)
    return np.full(len(lesson), np.nan, dtype=np.float32) if found is None else np.asarray(found)
