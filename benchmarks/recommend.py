"""What to show whom: rankings on four real data sets, beside popular, own frequency, EASE and the library implicit."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks.data import Result, Skipped, Table, data_path, shop_of, tell
from footfall import Task, events, lines
from footfall.evaluate.ranking import Catalogue, Measured, Ranked, Shown, measure_rankings
from footfall.models.ranking import Interactions, Ints, best, best_of_rows, csr, without
from footfall.recommend import (
    ALL,
    COLD,
    NEW,
    OWN,
    RERANKED,
    Learning,
    Moment,
    Ranker,
    Scene,
    Trial,
    answers,
    chosen,
    compared,
    fit_ranker,
    fresh,
    just_arrived,
    lesson_of,
    only_products,
    outcome,
    read_history,
    rehearse,
    scene,
    suited,
    taught,
)
from footfall.spans import shift

SEED, DRAWS, K = 0, 500, 20
OURS = "ours"
ITEMS = Task("next-items-30d", "customer", lines.where(kind="sale").distinct("product_id"), "30d")
CATEGORIES = Task("next-categories-30d", "customer", lines.where(kind="sale").distinct("category"), "30d")
LOOKS = Task("next-looks-1d", "customer", events.where(type="view").distinct("product_id"), "1d")
LOOKED = Task("next-looked-categories-1d", "customer", events.where(type="view").distinct("category"), "1d")
SHOWN = ("recall", "ndcg", "precision", "map", "mrr", "hit_rate", "coverage", "novelty", "popularity_bias")
ABOUT = (
    "Full ranking over the catalogue, split by time, no sampled negatives; recall at 20 over min(20, relevant). "
    "`all`: everything a customer took in the horizon; `new`: only what they had never bought. Own frequency: days "
    "on which the customer bought a product, of equals what more customers bought in the last 30 days, and then what "
    "is popular: stronger than a customer's history alone. Ours: candidates of the generators that need no extra "
    "library, put in order by LightGBM's lambdarank taught on earlier cutoffs. Peers on the same matrix: EASE (lambda "
    "200), and implicit's ALS (64 factors), BPR and item neighbours where the library is installed. Intervals: 95%, "
    "customers resampled, differences paired."
)


class _Peers:
    """implicit's models on a matrix of what was ever bought, each fitted once."""

    def __init__(self, interactions: Interactions) -> None:
        self.interactions = interactions
        self.scores: dict[str, Callable[[Ints], Any]] = {}
        if find_spec("implicit") is None:
            return
        history = interactions.owned.astype(np.float32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name, (module, kind, settings) in {
                "implicit ALS": ("implicit.cpu.als", "AlternatingLeastSquares", {"factors": 64, "random_state": SEED}),
                "implicit BPR": (
                    "implicit.cpu.bpr", "BayesianPersonalizedRanking", {"factors": 64, "random_state": SEED},
                ),
                "implicit item cosine": ("implicit.nearest_neighbours", "CosineRecommender", {"K": 200}),
            }.items():  # fmt: skip
                model = getattr(import_module(module), kind)(num_threads=1, **settings)
                model.fit(history, show_progress=False)
                self.scores[name] = _scored(model, history)

    def lists(self, customers: Ints, new: bool) -> dict[str, Ints]:
        out = {}
        for name, score in self.scores.items():
            block = np.asarray(score(customers), dtype=np.float64)
            if new:
                mine = self.interactions.owned[customers].tocoo()
                block[mine.row, mine.col] = -np.inf
            out[name] = best(block, min(K, block.shape[1])).items
        return out


def _scored(model: Any, history: Any) -> Callable[[Ints], Any]:
    if hasattr(model, "user_factors"):
        return lambda customers: model.user_factors[customers] @ model.item_factors.T
    return lambda customers: np.asarray((history[customers] @ model.similarity).todense())


def run() -> Result:
    """Data sets that are absent are left out; Skipped where all of them are."""
    tables: list[Table] = []
    verdicts: dict[str, bool] = {}
    notes: list[str] = []
    for part in (_online_retail, _complete_journey, _movielens, _taobao):
        start = time.perf_counter()
        try:
            part(tables, verdicts, notes)
        except Skipped as reason:
            notes.append(f"left out: {reason}")
        tell(f"{part.__name__}: {time.perf_counter() - start:.0f} s")
    if not tables:
        raise Skipped(notes[0])
    if find_spec("implicit") is None:
        notes.append("implicit is not installed: its rows are left out (footfall[recommend] brings it)")
    else:
        notes.append("implicit " + version("implicit"))
    return Result(ABOUT, SEED, tables, verdicts, notes)


def _online_retail(tables: list[Table], verdicts: dict[str, bool], notes: list[str]) -> None:
    with shop_of(data_path("online_retail"), "online_retail") as shop:
        one = _Test(shop.context.engine, ITEMS, datetime(2011, 11, 10), shop.timezone, Learning(**_learning()))
    both = {way: one.measured(way) for way in (ALL, NEW)}
    tables += [_table(f"online_retail, 30 days from 2011-11-10, {w} items", m, (OWN, "ease")) for w, m in both.items()]
    fresh_ones = one.newcomers()
    tables.append(
        _table("online_retail, products first sold in the 30 days before the cutoff", fresh_ones, ("popular", "ease"))
    )
    less = fresh_ones.models[OURS]["recall", K].less["ease"]
    verdicts["online_retail, newly sold products: recall@20 above EASE"] = less[1] > 0
    notes.append(f"online_retail: {one.told()}")
    everything, new = both[ALL].models[OURS], both[NEW].models[OURS]
    for metric, published in (("recall", 0.357), ("ndcg", 0.348)):
        own = everything[metric, K].less[OWN]
        verdicts[f"online_retail, all: {metric}@20 above own frequency, published {published}"] = (
            own[1] > 0 and everything[metric, K].value > published
        )
    for metric, published in (("recall", 0.126), ("ndcg", 0.105)):
        ease = new[metric, K].less["ease"]
        verdicts[f"online_retail, new: {metric}@20 above EASE, published {published}"] = (
            ease[1] > 0 and new[metric, K].value > published
        )
    notes.append(
        f"online_retail: {one.unknown} pairs of the horizon are of customers or products unknown at the cutoff"
    )


def _complete_journey(tables: list[Table], verdicts: dict[str, bool], notes: list[str]) -> None:
    at = datetime(2017, 12, 2)
    with shop_of(data_path("complete_journey"), "complete_journey") as shop:
        for task, what in ((ITEMS, "products"), (CATEGORIES, "categories")):
            engine = shop.context.engine
            one = _Test(engine, task, at, shop.timezone, Learning(**_learning()))
            plain = _Test(engine, task, at, shop.timezone, Learning(**_learning()), people=False)
            extra = {"ours, without demographics": plain.lists(ALL)[OURS]}
            found = one.measured(ALL, extra, ("popular", OWN, "ours, without demographics"))
            tables.append(_table(f"complete_journey, {what}, 30 days from 2017-12-02", found, (OWN, "popular")))
            ours = found.models[OURS]
            for baseline in ("popular", OWN):
                verdicts[f"complete_journey, {what}: ndcg@20 above {baseline}"] = ours["ndcg", K].less[baseline][1] > 0
            told = ours["ndcg", K].less["ours, without demographics"]
            answer = "better" if told[1] > 0 else "worse" if told[2] < 0 else "no difference that the data can show"
            notes.append(f"complete_journey, {what}: ndcg@20 with demographics less without {_span(told)}: {answer}")
            notes.append(f"complete_journey, {what}: {one.told()}")
            cold = one.nobody()
            tables.append(
                _table(f"complete_journey, {what}, the same customers as if they had no history", cold, ("popular",))
            )
            less = cold.models[OURS]["ndcg", K].less["popular"]
            verdicts[f"complete_journey, {what}, no history: ndcg@20 above popular"] = less[1] > 0


def _movielens(tables: list[Table], verdicts: dict[str, bool], notes: list[str]) -> None:
    """A check of code: the last fifth of each user's ratings, with a user's own share of ratings made as the clock."""
    whole = _ratings()
    edge, ahead = 80.0, 20.0

    def before(cutoff: float) -> Interactions:
        found = whole.take(whole.day < cutoff)
        return Interactions(**{**found.__dict__, "at": cutoff})

    def taken(cutoff: float) -> Any:
        rows = whole.take((whole.day >= cutoff) & (whole.day < cutoff + ahead))
        return csr(np.ones(len(rows)), rows.row, rows.col, (whole.customers, whole.products))

    learning = Learning(**_learning())
    labels = [s.label for s in suited(before(edge)) if s.label != "als"]
    specs = suited(before(edge), ahead=ahead, labels=labels)
    moments = [Moment.at(before(c), specs, ahead, SEED, taken(c)) for c in (60.0, 50.0, 40.0)]
    lessons = {NEW: [lesson_of(m, learning, NEW, i, len(moments)) for i, m in enumerate(moments)]}
    trials = {NEW: [Trial.of(m, NEW, SEED) for m in moments[: learning.rehearsals]]}
    grown, rehearsed = rehearse(trials, lessons, learning, ahead)
    reranker = taught(lessons, learning, ahead, grown)
    now = Moment.at(before(edge), specs, ahead, SEED, taken(edge))
    ranker = Ranker(ITEMS, datetime(1998, 4, 23), specs, reranker, {NEW: chosen(rehearsed[NEW])}, rehearsed)
    truth = without(now.taken, now.interactions.owned)
    users = np.flatnonzero(np.diff(truth.indptr) > 0)
    here: Any = None  # there is no shop: the lists ask nothing of its history
    found_by = compared(Scene(ranker, here, now), users, K, NEW)
    lists = {OURS: found_by[ranker.answer[NEW]], **{n: v for n, v in found_by.items() if n != RERANKED}}
    lists |= _Peers(now.interactions).lists(users, new=True)
    found = _measured(truth, lists, users, now.interactions, ("popular", "ease", *_peer_names(lists)))
    tables.append(_table("movielens_100k, the last fifth of each user's ratings, unseen films", found, ("ease",)))
    ours = found.models[OURS]["ndcg", K]
    for peer in ("ease", *_peer_names(lists)):
        verdicts[f"movielens_100k: ndcg@20 at or above {peer}"] = ours.less[peer][0] >= 0


def _ratings() -> Interactions:
    folder = data_path("movielens_100k")
    rows = np.loadtxt(folder / "ml-100k.inter", skiprows=1, dtype=np.float64)
    users, row = np.unique(rows[:, 0], return_inverse=True)
    films, col = np.unique(rows[:, 1], return_inverse=True)
    order = np.lexsort((col, rows[:, 3], row))
    row, col, stars = row[order], col[order], rows[order, 2]
    counts = np.bincount(row)
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    day = 100.0 * place / counts[row]
    people = {}
    told = [line.split("\t") for line in (folder / "ml-100k.user").read_text().splitlines()[1:]]
    by = {float(t[0]): t for t in told}
    for name, at in (("age_band", 1), ("gender", 2), ("profession", 3)):
        said = [by[u][at] if at > 1 else str(int(by[u][1]) // 10) for u in users]
        people[name] = np.unique(said, return_inverse=True)[1].astype(np.int64)
    none = np.zeros(len(row), dtype=np.int64)
    return Interactions(
        len(users), len(films), row.astype(np.int64), col.astype(np.int64), day, none, stars, 100.0, people=people
    )


def _taobao(tables: list[Table], verdicts: dict[str, bool], notes: list[str]) -> None:
    learning = Learning(**{**_learning(), "step": 1.0})
    with shop_of(data_path("taobao"), "taobao", timezone="Asia/Shanghai") as shop:
        at = datetime(2017, 12, 2, 16)  # midnight of the last day in Shanghai
        for task, what in ((LOOKS, "products"), (LOOKED, "categories")):
            one = _Test(shop.context.engine, task, at, shop.timezone, learning)
            found = one.measured(ALL, baselines=("popular", "together", OWN))
            tables.append(_table(f"taobao, {what} looked at on 2017-12-03", found, ("together", OWN)))
            ours = found.models[OURS]
            for baseline in ("popular", "together"):
                verdicts[f"taobao, {what}: ndcg@20 above {baseline}"] = ours["ndcg", K].less[baseline][1] > 0


class _Test:
    """One task at one cutoff: learnt on what was known before, compared with what then happened."""

    def __init__(self, engine: Any, task: Task, at: datetime, tz: str, learning: Learning, people: bool = True) -> None:
        self.history = read_history(engine, task, at, tz)
        if not people:
            self.history.interactions.people.clear()
        labels = tuple(s.label for s in suited(self.history.interactions) if s.label != "als")
        learning = Learning(**{**learning.__dict__, "generators": labels})
        self.ranker = fit_ranker(engine, task, at, tz, learning, self.history, tell)
        self.scene = scene(self.ranker, self.history)
        later = read_history(engine, task, shift(at, task.span, 1, tz), tz)
        self.truth, self.unknown = outcome(self.history, later, task)
        seen = np.diff(self.history.interactions.owned.indptr) > 0
        self.customers = np.flatnonzero((np.diff(self.truth.indptr) > 0) & seen)

    def lists(self, way: str) -> dict[str, Ints]:
        found = compared(self.scene, self.customers, K, way)
        ours = found.pop(RERANKED)
        if self.ranker.answer[way] != RERANKED:
            ours = found[self.ranker.answer[way]]
        return {OURS: ours, **found}

    def told(self) -> str:
        """What the rehearsal chose."""
        grown = self.ranker.reranker.grown
        return "; ".join(f"{way}: {who} ({grown.get(way, '')})" for way, who in self.ranker.answer.items())

    def nobody(self) -> Measured:
        """The lists that the customers would get if nothing were known but who they are."""
        moment, lists = self.scene.moment, dict[str, list[Ints]]()
        for start in range(0, len(self.customers), 4_000):
            part = self.customers[start : start + 4_000]
            pool, values = moment.pool(part, COLD)
            for label in (RERANKED, *(s.label for s in moment.specs if not s.personal)):
                score = answers(self.ranker.reranker, label, values, COLD)
                said = np.isfinite(score)
                shape = (len(part), moment.interactions.products)
                rows = csr(score[said], np.searchsorted(part, pool.row[said]), pool.col[said], shape)
                lists.setdefault(label, []).append(best_of_rows(rows, K).items)
        whole = {label: np.concatenate(parts) for label, parts in lists.items()}
        ours = whole.pop(RERANKED)
        if self.ranker.answer[COLD] != RERANKED:
            ours = whole[self.ranker.answer[COLD]]
        shown = {OURS: ours, **whole}
        return _measured(self.truth, shown, self.customers, self.history.interactions, ("popular",))

    def newcomers(self) -> Measured:
        """Lists of products new to the customer, judged on those that are new to the shop too."""
        truth = only_products(fresh(self.truth, self.history), just_arrived(self.history))
        kept = np.diff(truth[self.customers].indptr) > 0
        lists = {name: one[kept] for name, one in self.lists(NEW).items()}
        return _measured(truth, lists, self.customers[kept], self.history.interactions, ("popular", "ease"))

    def measured(
        self, way: str, extra: Mapping[str, Ints] | None = None, baselines: tuple[str, ...] = ("popular", OWN, "ease")
    ) -> Measured:
        lists = {**self.lists(way), **(extra or {})}
        if self.history.interactions.products <= 10_000:
            lists |= _Peers(self.history.interactions).lists(self.customers, way == NEW)
        truth = self.truth if way == ALL else fresh(self.truth, self.history)
        return _measured(truth, lists, self.customers, self.history.interactions, (*baselines, *_peer_names(lists)))


def _peer_names(lists: Mapping[str, Any]) -> list[str]:
    return [n for n in lists if n.startswith("implicit")]


def _measured(
    truth: Any, lists: Mapping[str, Ints], customers: Ints, known: Interactions, baselines: tuple[str, ...]
) -> Measured:
    sold = np.asarray(known.owned.sum(axis=0)).ravel()
    part = Shown(truth[customers], lists, customers, Catalogue(sold, known.customers, known.items.get("category")))
    return measure_rankings([part], (K,), baselines, DRAWS, SEED)


def _learning() -> dict[str, Any]:
    return {"seed": SEED}


def _table(title: str, found: Measured, against: tuple[str, ...]) -> Table:
    rows = []
    order = sorted(found.models, key=lambda m: -found.models[m]["ndcg", K].value)
    for name in order:
        one = found.models[name]
        row: dict[str, Any] = {"model": name}
        row |= {m: one[m, K].value if (m, K) in one else None for m in SHOWN}
        for other in against:
            told = one["ndcg", K].less.get(other)
            row[f"ndcg less {other}"] = "" if told is None else _span(told)
        rows.append(row)
    return Table(f"{title}, n = {found.customers}, at {K}", rows)


def _span(told: tuple[float, float, float] | Ranked) -> str:
    return f"{told[0]:+.4f} ({told[1]:+.4f} .. {told[2]:+.4f})"
