"""The re-ranker: boosted trees over the candidates' features, taught by what customers did after earlier cutoffs.

At each training cutoff the generators are learnt from what was known then, propose their candidates, and the products
that the customer then took are the right ones. LightGBM's `lambdarank` (Burges 2010) learns their order; `chance`
(log loss) learns who takes what and is taught in half the time. A second booster is taught on products that the
customer never bought, for rankings of new ones.

Which answers (the re-ranker, one generator or own frequency filled up with popular ones) is rehearsed at the newest
training cutoff, with a re-ranker taught on the older ones.
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
from footfall.recommend.candidates import Pool, Spec, fit_generators, gather
from footfall.recommend.features import Known, pair_features

ALL, NEW = "all", "new"
WAYS = (ALL, NEW)
OBJECTIVES = ("lambdarank", "chance")


@dataclass(frozen=True)
class Learning:
    """How a re-ranker is taught.

    Args:
        cutoffs: training cutoffs, the newest ones. step: days between them.
        rows: about so many pairs to learn from, per booster; customers are sampled to get there.
        wrong: at most so many candidates per customer that were not taken, drawn at random, so that `rows` hold more
            customers; None: all of them.
        trees, leaves, rate: of the boosted trees; a small sample gets smaller ones.
        objective: `lambdarank` or `chance`.
        dial: how many candidates the generators may propose, as a multiple of the usual number.
        generators: labels of those to use (see `suited`); none: all that suit the shop.
        threads: of LightGBM; the bits do not depend on it.

    Raises:
        UsageError: an objective there is not.
    """

    cutoffs: int = 5
    step: float = 15.0
    rows: int = 400_000
    wrong: int | None = None
    trees: int = 150
    leaves: int = 31
    rate: float = 0.06
    objective: str = "lambdarank"
    dial: float = 1.0
    generators: tuple[str, ...] = ()
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise UsageError(f"a re-ranker learns by {' or '.join(OBJECTIVES)}, not '{self.objective}'")


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

    def matrix(self, values: Mapping[str, Floats]) -> Floats:
        """(pairs, features); what is not there now is missing."""
        n = len(next(iter(values.values()), np.zeros(0)))
        return np.stack([values.get(f, np.full(n, np.nan)) for f in self.features], axis=1)

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
                "ways": list(self.boosters), "learnt": self.learnt}  # fmt: skip
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
        return cls(body["features"], learning, body["ahead"], boosters, body["learnt"])


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
        found = gather(self.generators, self.specs, customers, self.interactions.products, way == NEW)
        return found, pair_features(self.known, found)

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
        """Customers who took something (of a way: something new to them), at most `most`, the same on every run."""
        taken = self.taken
        if way == NEW:
            rows = taken.tocoo()
            fresh = np.isneginf(looked_up(self.interactions.owned, rows.row, rows.col))
            taken = csr(rows.data[fresh], rows.row[fresh], rows.col[fresh], taken.shape)
        some = np.flatnonzero(np.diff(taken.indptr) > 0)
        if len(some) <= most:
            return some
        return np.sort(np.random.default_rng(seed).choice(some, most, replace=False))


def teach(moments: Sequence[Moment], learning: Learning, ways: Sequence[str] = WAYS) -> Reranker:
    """A re-ranker from the lessons of these moments. A way without a lesson gets no booster."""
    made = Reranker([], learning, moments[0].ahead if moments else 30.0)
    for way in ways:
        lessons = _lessons(moments, learning, way)
        if not lessons:
            continue
        if not made.features:
            names = {n for one in lessons for n in one.values}
            made.features = sorted(names)
        made.boosters[way] = _boosted(made, lessons, way)
        made.learnt[way] = {
            "pairs": float(sum(len(one) for one in lessons)), "cutoffs": float(len(lessons)),
            "customers": float(sum(len(one.group) for one in lessons)),
            "right": float(sum(one.right.sum() for one in lessons)),
        }  # fmt: skip
    return made


def _lessons(moments: Sequence[Moment], learning: Learning, way: str) -> list[Lesson]:
    if not moments:
        return []
    each = max(1, learning.rows // len(moments))
    lessons = []
    for i, moment in enumerate(moments):
        width = sum(s.take for s in moment.specs if way == ALL or s.name != "own_history")
        # Generators agree on about half of what they propose.
        each_has = width / 2 if learning.wrong is None else min(width / 2, learning.wrong + 5)
        customers = moment.eager(max(30, int(each / max(1.0, each_has))), learning.seed + i, way)
        if len(customers):
            one = moment.lesson(customers, way, learning.wrong, learning.seed + i)
            if len(one) and not one.right.all():
                lessons.append(one)
    return lessons


def _boosted(made: Reranker, lessons: Sequence[Lesson], way: str) -> Any:
    import lightgbm as lgb

    learning = made.learning
    X = np.concatenate([np.stack([_of(one, f) for f in made.features], axis=1) for one in lessons])
    y = np.concatenate([one.right for one in lessons]).astype(np.float64)
    group = np.concatenate([one.group for one in lessons])
    n = len(y)
    parameters: dict[str, Any] = {
        "learning_rate": learning.rate, "num_leaves": int(np.clip(0.1 * np.sqrt(n), 4, learning.leaves)),
        "min_data_in_leaf": int(np.clip(n / 2_000, 5, 200)), "feature_fraction": 0.5, "bagging_fraction": 0.7,
        "bagging_freq": 1, "lambda_l2": 10.0, "max_bin": 63, "num_threads": learning.threads, "deterministic": True,
        "force_col_wise": True, "verbosity": -1, "seed": learning.seed + 1,
    }  # fmt: skip
    if learning.objective == "lambdarank":
        parameters |= {"objective": "lambdarank", "lambdarank_truncation_level": 30, "label_gain": [0, 1]}
    else:
        parameters["objective"] = "binary"
    data = lgb.Dataset(X, y, group=group, feature_name=[f"f{i}" for i in range(X.shape[1])], params=parameters)
    booster = lgb.train(parameters, data, num_boost_round=learning.trees)
    return lgb.Booster(model_str=booster.model_to_string())  # what ranks now is what will be loaded later


def _of(lesson: Lesson, feature: str) -> Floats:
    found = lesson.values.get(feature)
    return np.full(len(lesson), np.nan, dtype=np.float32) if found is None else np.asarray(found)
