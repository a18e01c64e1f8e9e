"""The whole: learn a ranking task at a cutoff, and rank for customers as of a cutoff."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from footfall.engine import Engine
from footfall.errors import FootfallError, UsageError, did_you_mean
from footfall.models.ranking import Floats, Ints, csr, without
from footfall.recommend.candidates import Spec, suited
from footfall.recommend.features import places_of
from footfall.recommend.read import History, clock_days, read_history
from footfall.recommend.reasons import EXACT, reasons
from footfall.recommend.rerank import ALL, NEW, WAYS, Learning, Moment, Reranker, teach
from footfall.recommend.rules import Bound, Rules, bind
from footfall.spans import shift, span
from footfall.tasks import Task

RERANKED, OWN = "reranked", "own frequency"
CHUNK = 4_000
"""Customers ranked at a time."""
PLACES = 20
Progress = Callable[[str], None]


class Ranking(NamedTuple):
    """Rows ordered by customer and rank: numbers of customer and product, rank from 1, score, reason in words."""

    customer: Ints
    item: Ints
    rank: Ints
    score: Floats
    reason: list[str]


@dataclass(frozen=True)
class Ranker:
    """A learnt ranking.

    `answer`: way -> who answers (`reranked`, `own frequency`, or a generator's label). `rehearsed`: way -> label ->
    mean ndcg at 20 of the rehearsal (empty: the history has no room for one).
    """

    task: Task
    at: datetime
    specs: tuple[Spec, ...]
    reranker: Reranker
    answer: dict[str, str]
    rehearsed: dict[str, dict[str, float]] = field(default_factory=dict)
    caution: str = ""

    @property
    def model(self) -> str:
        """What the column `model` of the results says."""
        return self.answer.get(ALL, RERANKED)

    def save(self, folder: Path) -> None:
        """JSON and LightGBM's text. The task itself is not written: `load` is given it."""
        self.reranker.save(folder)
        body = {
            "task": self.task.name, "at": self.at.isoformat(), "answer": self.answer, "rehearsed": self.rehearsed,
            "caution": self.caution, "specs": [asdict(s) for s in self.specs],
        }  # fmt: skip
        (folder / "ranker.json").write_text(json.dumps(body, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """What `save` wrote. Raises FootfallError when `folder` holds no ranker of the task."""
        try:
            body = json.loads((folder / "ranker.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            body = {}
        if body.get("task") != task.name:
            raise FootfallError(f"there is no fitted ranking of '{task.name}' in {folder}; fit it first")
        specs = tuple(Spec(**{**s, "settings": _settings(s["settings"])}) for s in body["specs"])
        at = datetime.fromisoformat(body["at"])
        return cls(task, at, specs, Reranker.load(folder), body["answer"], body["rehearsed"], body["caution"])


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}


def fit_ranker(
    engine: Engine,
    task: Task,
    at: datetime,
    tz: str = "UTC",
    learning: Learning | None = None,
    history: History | None = None,
    progress: Progress | None = None,
) -> Ranker:
    """Learn a ranking task from what was known before `at` (naive UTC); nothing at or after it is read.

    `history`: as `read_history` gave it for the same instant, where it is at hand. With too little history for one
    training cutoff, generators' places are merged without learning, and `caution` says so.

    Raises:
        FootfallError: no ranking task, or nothing to rank.
    """
    learning = learning or Learning()
    say = progress or (lambda _: None)
    history = history or read_history(engine, task, at, tz)
    ahead = float(task.span.days)
    specs = suited(history.interactions, learning.dial, ahead, learning.generators)
    moments = []
    for cutoff in training_cutoffs(history, task, learning):
        say(f"{task.name}: candidates as of {cutoff:%Y-%m-%d}")
        one = past_moment(history, task, cutoff, specs, learning.seed)
        if one.taken.nnz:
            moments.append(one)
    answer = dict.fromkeys(WAYS, RERANKED)
    rehearsed: dict[str, dict[str, float]] = {}
    if len(moments) > 1:
        say(f"{task.name}: rehearsing the newest of {len(moments)} training dates")
        tried = teach(moments[1:], learning)
        rehearsed = {way: _rehearse(moments[0], tried, way, learning) for way in WAYS}
        answer = {way: _chosen(found) for way, found in rehearsed.items()}
    say(f"{task.name}: learning the order of candidates on {len(moments)} training dates")
    reranker = teach(moments, learning)
    reranker.ahead = ahead
    caution = "" if reranker.boosters else "too little history to learn from: the generators' own places are merged"
    return Ranker(task, at, specs, reranker, answer, rehearsed, caution)


def training_cutoffs(history: History, task: Task, learning: Learning) -> list[datetime]:
    """The newest first: cutoffs whose whole target lies before the history's, with at least a horizon behind them."""
    found: list[datetime] = []
    step = span(f"{max(1, round(learning.step))}d")
    newest = shift(history.at, task.span, -1, history.tz)
    least = history.first + min(28.0, task.span.days)
    for k in range(learning.cutoffs):
        cutoff = shift(newest, step, -k, history.tz)
        if clock_days(cutoff, history.tz) < least:
            break
        found.append(cutoff)
    return found


def past_moment(history: History, task: Task, cutoff: datetime, specs: tuple[Spec, ...], seed: int = 0) -> Moment:
    """What was known at an earlier cutoff, and what was taken in the horizon from there."""
    taken = history.after(cutoff, task.span)
    shape = (taken.customers, taken.products)
    truth = csr(np.ones(len(taken)), taken.row, taken.col, shape)
    return Moment.at(history.before(cutoff), specs, float(task.span.days), seed, truth)


@dataclass(frozen=True)
class Scene:
    """A learnt ranking, the history of the instant it answers for, and the generators as of it."""

    ranker: Ranker
    history: History
    moment: Moment


def scene(ranker: Ranker, history: History) -> Scene:
    """The generators learnt anew from the history, as they must be for another instant than that of the fit."""
    ahead, seed = float(ranker.task.span.days), ranker.reranker.learning.seed
    return Scene(ranker, history, Moment.at(history.interactions, ranker.specs, ahead, seed))


def rank(
    of: Scene,
    customers: Ints | None = None,
    k: int = 10,
    way: str = ALL,
    rules: Rules | None = None,
    reasoned: bool = True,
) -> Iterator[Ranking]:
    """The `k` products for each customer (numbers; None: all), a chunk of customers at a time.

    `way`: `all`, or `new` for products that the customer never bought.

    Raises:
        UsageError: another way, or k below one. FootfallError: a rule that names what the shop does not have.
    """
    if way not in WAYS:
        raise UsageError(f"a ranking is of {' or '.join(WAYS)} products, not '{way}'{did_you_mean(way, WAYS)}")
    if k < 1:
        raise UsageError(f"a ranking of {k} products shows nothing; ask for 1 or more")
    bound = bind(rules or Rules(), of.history)
    asked = np.arange(len(of.history.customers)) if customers is None else np.asarray(customers, dtype=np.int64)
    explained = "" if not reasoned else "exactly" if len(asked) * k <= EXACT else "by place"
    for start in range(0, len(asked), CHUNK):
        yield _ranked(of, asked[start : start + CHUNK], k, (way, explained), bound)


def _ranked(of: Scene, asked: Ints, k: int, how: tuple[str, str], bound: Bound) -> Ranking:
    ranker, history, moment = of.ranker, of.history, of.moment
    way, explained = how
    whom = np.unique(asked)
    pool, values = moment.pool(whom, way)
    score = answers(moment, ranker.reranker, ranker.answer[way], (pool.row, pool.col), values, way)
    order = np.lexsort((pool.col, -score, pool.row))
    order = order[bound.shown[pool.col[order]] & np.isfinite(score[order])]
    if len(bound.pinned) or bound.limits:
        parts = []
        edges = np.searchsorted(pool.row[order], np.append(whom, len(history.customers)))
        for customer, first, last in zip(whom, edges[:-1], edges[1:], strict=True):
            mine = order[first:last]
            items, scores = bound.keep(pool.col[mine], score[mine], k)
            parts.append((np.full(len(items), customer), items, np.arange(1, len(items) + 1), scores))
        row, col, place, said = (np.concatenate(p) for p in zip(*parts, strict=True))
        at = places_of(pool.row * len(history.products) + pool.col, row * len(history.products) + col)
    else:
        row = pool.row[order]
        starts = np.searchsorted(row, row)
        place = np.arange(len(order)) - starts + 1
        at = order[place <= k]
        row, col, place, said = pool.row[at], pool.col[at], place[place <= k], score[at]
    words = [""] * len(row)
    if explained:
        there = np.flatnonzero(at >= 0)
        shown = {name: value[at[there]] for name, value in values.items()}
        speaks = ranker.answer[way] == RERANKED
        booster = way if speaks and explained == "exactly" else ""
        told = reasons(_who_spoke(of, way), history, ranker.reranker, (row[there], col[there]), shown, booster)
        words = ["the shop shows it to everyone"] * len(row)
        for i, text in zip(there, told, strict=True):
            words[i] = text
    return Ranking(row, col, place.astype(np.int64), said, words)


def _who_spoke(of: Scene, way: str) -> Moment:
    """The moment with only the generators that had a say in the answer: the others give no reasons."""
    label = of.ranker.answer[way]
    if label == RERANKED:
        return of.moment
    heard = ("own", "popular") if label == OWN else (label,)
    return replace(of.moment, specs=tuple(s for s in of.moment.specs if s.label in heard))


def answers(
    moment: Moment, reranker: Reranker, label: str, pairs: tuple[Ints, Ints], values: Mapping[str, Floats], way: str
) -> Floats:
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


def _rehearse(moment: Moment, reranker: Reranker, way: str, learning: Learning) -> dict[str, float]:
    """Label -> mean ndcg at 20 over customers who took something, at a moment the re-ranker was not taught on."""
    customers = moment.eager(3_000, learning.seed, way)
    if not len(customers):
        return {}
    pool, values = moment.pool(customers, way)
    labels = [RERANKED, *([OWN] if way == ALL else []), *(s.label for s in moment.specs if _answers(s, way))]
    truth = moment.taken[customers].tocoo()
    if way == NEW:
        truth = without(moment.taken[customers], moment.interactions.owned[customers]).tocoo()
    keys = np.sort(customers[truth.row] * moment.interactions.products + truth.col)
    many = np.bincount(truth.row, minlength=len(customers))
    right = places_of(keys, pool.row * moment.interactions.products + pool.col) >= 0
    out = {}
    for label in labels:
        score = answers(moment, reranker, label, (pool.row, pool.col), values, way)
        out[label] = _ndcg(pool.row, pool.col, score, right, (customers, many))
    return out


def _answers(spec: Spec, way: str) -> bool:
    return not (way == NEW and spec.name == "own_history")


def _ndcg(row: Ints, col: Ints, score: Floats, right: Any, asked: tuple[Ints, Ints]) -> float:
    customers, many = asked
    order = np.lexsort((col, -score, row))
    order = order[np.isfinite(score[order])]
    sorted_rows = row[order]
    place = np.arange(len(order)) - np.searchsorted(sorted_rows, sorted_rows)
    top = (place < PLACES) & right[order]
    gain = 1.0 / np.log2(2.0 + np.arange(PLACES))
    made = np.bincount(np.searchsorted(customers, sorted_rows[top]), gain[place[top]], len(customers))
    ideal = np.concatenate([[0.0], np.cumsum(gain)])[np.minimum(many, PLACES)]
    return float(np.mean(made[ideal > 0] / ideal[ideal > 0]))


def _chosen(found: Mapping[str, float]) -> str:
    """The re-ranker unless a simpler one did better in the rehearsal."""
    return max(found, key=lambda label: (found[label], label == RERANKED)) if found else RERANKED
