"""The whole: learn a ranking task at a cutoff, and rank for customers as of a cutoff."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from footfall.engine import Engine
from footfall.errors import FootfallError, UsageError, did_you_mean
from footfall.models.ranking import Floats, Interactions, Ints, csr
from footfall.recommend.candidates import ALL, COLD, TAUGHT, WAYS, Pool, Spec, suited
from footfall.recommend.decay import paced
from footfall.recommend.features import places_of
from footfall.recommend.quick import quick_reasons
from footfall.recommend.read import History, clock_days, read_history
from footfall.recommend.reasons import EXACT, reasons
from footfall.recommend.rehearse import MOST, OWN, RERANKED, Trial, answers, chosen, part_of, rehearse
from footfall.recommend.rerank import Learning, Lesson, Moment, Reranker, eager, lesson_of, taught
from footfall.recommend.rules import Bound, Rules, bind
from footfall.spans import shift, span
from footfall.tasks import Task

__all__ = ["OWN", "RERANKED", "Ranker", "Ranking", "Scene", "answers", "fit_ranker", "rank", "scene", "sides"]
CHUNK = 2_000
"""Customers ranked at a time."""
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
    mean ndcg at 20 of the rehearsal (empty: the history has no room for one). `paced`: label -> half-life in days ->
    share found at an earlier cutoff, for generators whose half-life was chosen so.
    """

    task: Task
    at: datetime
    specs: tuple[Spec, ...]
    reranker: Reranker
    answer: dict[str, str]
    rehearsed: dict[str, dict[str, float]] = field(default_factory=dict)
    caution: str = ""
    paced: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """What the column `model` of the results says."""
        return self.answer.get(ALL, RERANKED)

    @property
    def told(self) -> str:
        """How it came about, for people."""
        grown = self.reranker.grown.get(ALL)
        return f"{self.model} ({grown})" if grown and self.model == RERANKED else self.model

    def save(self, folder: Path) -> None:
        """JSON and LightGBM's text. The task itself is not written: `load` is given it."""
        self.reranker.save(folder)
        body = {
            "task": self.task.name, "at": self.at.isoformat(), "answer": self.answer, "rehearsed": self.rehearsed,
            "caution": self.caution, "specs": [asdict(s) for s in self.specs], "paced": self.paced,
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
        told = body["answer"], body["rehearsed"], body["caution"], body.get("paced", {})
        return cls(task, at, specs, Reranker.load(folder), *told)


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
    cutoffs = training_cutoffs(history, task, learning)
    tried: dict[str, dict[str, float]] = {}
    if learning.decays and len(cutoffs) > 1:
        say(f"{task.name}: half-lives as of {cutoffs[1]:%Y-%m-%d}")
        specs, tried = _paced(history, task, cutoffs[1], specs, learning)
    lessons: dict[str, list[Lesson | None]] = {way: [] for way in TAUGHT}
    trials: dict[str, list[Trial | None]] = {way: [] for way in TAUGHT}
    for cutoff in cutoffs:
        say(f"{task.name}: candidates as of {cutoff:%Y-%m-%d}")
        one = past_moment(history, task, cutoff, specs, learning)
        if not one.taken.nnz:
            continue
        place = len(lessons[ALL])
        for way in TAUGHT:
            lessons[way].append(lesson_of(one, learning, way, place, len(cutoffs)))
            if place < learning.rehearsals and len(cutoffs) > 1:
                trials[way].append(Trial.of(one, way, learning.seed))
        del one  # a moment of a large shop holds gigabytes
    many = len(lessons[ALL])
    if many > 1:
        say(f"{task.name}: rehearsing the newest of {many} training dates")
    grown, rehearsed = rehearse(trials, lessons, learning, ahead) if many > 1 else ({}, {})
    del trials
    answer = {way: chosen(rehearsed.get(way, {})) for way in TAUGHT}
    say(f"{task.name}: learning the order of candidates on {many} training dates")
    reranker = taught(lessons, learning, ahead, grown)
    caution = "" if reranker.boosters else "too little history to learn from: the generators' own places are merged"
    return Ranker(task, at, specs, reranker, answer, rehearsed, caution, tried)


def _paced(
    history: History, task: Task, cutoff: datetime, specs: tuple[Spec, ...], learning: Learning
) -> tuple[tuple[Spec, ...], dict[str, dict[str, float]]]:
    """Half-lives chosen at a cutoff older than the one that is rehearsed at."""
    known, taken = _past(history, task, cutoff, learning.decays, learning.seed)
    whom = eager(known, taken, MOST, learning.seed)
    chosen_so, found = paced(known, taken, whom, specs, learning.seed)
    return chosen_so, {name: {f"{days:g}": share for days, share in its.items()} for name, its in found.items()}


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


def past_moment(
    history: History, task: Task, cutoff: datetime, specs: tuple[Spec, ...], learning: Learning | None = None
) -> Moment:
    """What was known at an earlier cutoff, and what was taken in the horizon from there.

    In a shop of more customers than `learning.among`, of so many of them, drawn at random.
    """
    learning = learning or Learning()
    known, truth = _past(history, task, cutoff, learning.among, learning.seed)
    return Moment.at(known, specs, float(task.span.days), learning.seed, truth)


def _past(history: History, task: Task, cutoff: datetime, among: int, seed: int) -> tuple[Interactions, Any]:
    """What was known, and (customers, products) what was then taken, of at most about `among` customers."""
    known, taken = history.before(cutoff), history.after(cutoff, task.span)
    told = np.bincount(known.row, minlength=known.customers) > 0
    if told.sum() > among:
        kept = np.random.default_rng(seed).random(known.customers) < among / told.sum()
        known, taken = known.take(kept[known.row]), taken.take(kept[taken.row])
    return known, csr(np.ones(len(taken)), taken.row, taken.col, (taken.customers, taken.products))


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
    threads: int = 1,
) -> Iterator[Ranking]:
    """The `k` products for each customer (numbers; None: all), a chunk of customers at a time.

    `way`: `all`, or `new` for products that the customer never bought. `threads`: chunks ranked at once; the rows and
    their order do not depend on it.

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
    parts = [asked[start : start + CHUNK] for start in range(0, len(asked), CHUNK)]
    threads = min(max(1, threads), len(parts))
    if threads < 2:
        yield from (_ranked(of, part, k, (way, explained), bound) for part in parts)
        return
    _ = of.moment.known, of.moment.told  # made once, before the threads share them
    with ThreadPoolExecutor(threads) as pool:
        ahead = deque(pool.submit(_ranked, of, part, k, (way, explained), bound) for part in parts[: threads + 1])
        for i in range(len(parts)):
            if i + threads + 1 < len(parts):
                ahead.append(pool.submit(_ranked, of, parts[i + threads + 1], k, (way, explained), bound))
            yield ahead.popleft().result()


class Side(NamedTuple):
    """Customers ranked by one way, in order, their candidates, and the candidates' features."""

    way: str
    customers: Ints
    pool: Pool
    values: dict[str, Floats]


def sides(of: Scene, customers: Ints, way: str) -> Iterator[Side]:
    """Those of the customers who did something so far, ranked by `way`, and those who did nothing, ranked by `cold`
    where that was learnt."""
    whom = np.unique(customers)
    apart = COLD in of.ranker.reranker.boosters
    told = of.moment.told[whom] if apart else np.ones(len(whom), dtype=bool)
    for some, which in ((whom[told], way), (whom[~told], COLD)):
        if len(some):
            yield Side(which, some, *of.moment.pool(some, which))


def _ranked(of: Scene, asked: Ints, k: int, how: tuple[str, str], bound: Bound) -> Ranking:
    found = [_side(of, side, k, how[1], bound) for side in sides(of, asked, how[0])]
    row, col, place, said = (np.concatenate([np.asarray(p[i]) for p in found]) for i in range(4))
    words = [w for p in found for w in p[4]]
    if len(found) > 1:
        order = np.lexsort((place, row))
        row, col, place, said = row[order], col[order], place[order], said[order]
        words = [words[i] for i in order]
    return Ranking(row, col, place, said, words)


def _side(of: Scene, side: Side, k: int, explained: str, bound: Bound) -> Ranking:
    ranker, history = of.ranker, of.history
    way, whom, pool, values = side
    score = answers(ranker.reranker, ranker.answer.get(way, RERANKED), values, way)
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
        shown = part_of(values, at[there])
        spoke = _who_spoke(of, way)
        if explained == "exactly":
            booster = way if ranker.answer.get(way, RERANKED) == RERANKED else ""
            told = reasons(spoke, history, ranker.reranker, (row[there], col[there]), shown, booster)
        else:
            told = quick_reasons(spoke, history, (row[there], col[there]), shown)
        words = ["the shop shows it to everyone"] * len(row)
        for i, text in zip(there, told, strict=True):
            words[i] = text
    return Ranking(row, col, place.astype(np.int64), said, words)


def _who_spoke(of: Scene, way: str) -> Moment:
    """The moment with only the generators that had a say in the answer: the others give no reasons."""
    label = of.ranker.answer.get(way, RERANKED)
    if label == RERANKED:
        heard_of = [s for s in of.moment.specs if way != COLD or not s.personal]
        return replace(of.moment, specs=tuple(heard_of))
    heard = ("own", "popular") if label == OWN else (label,)
    return replace(of.moment, specs=tuple(s for s in of.moment.specs if s.label in heard))
