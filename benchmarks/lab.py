"""The laboratory: every model, voting and stacking side by side, and FLAML given the same matrix and as much time.

FLAML needs its own environment, see `peer_flaml.py`; without it our own models are still compared.
`FOOTFALL_BENCH_LAB` names the questions to ask, with commas (default: all).
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import peer_flaml
from benchmarks.data import Result, Skipped, Table, data_path, shop_of, span, tell
from footfall import Task, orders
from footfall.answers import ready
from footfall.answers.work import models_for
from footfall.errors import FootfallError, UsageError
from footfall.evaluate import Part, backtest
from footfall.evaluate.bootstrap import bootstrap_all
from footfall.tabular import Trainer, blend_of, one_thread

SEED, DRAWS, TESTS = 0, 300, 3
SECONDS = 20.0
"""FLAML may search so long at each test date, and never less than our own learnings took there."""
SINGLES = ("logistic", "tree", "forest", "boosted", "bgnbd")
BLENDS = ("voting", "stacking")
OURS = "ours by default"
BUY = Task("buy-30d", "customer", orders.any(), "30d", among=orders.any().past())
SPEND = Task("spend-30d", "customer", orders.sum("amount"), "30d", among=orders.any().past())
SHOPS = ("online_retail", "complete_journey")
DECIDES = {"chance": ("log_loss", "auc"), "amount": ("rmse", "mae")}
ABOUT = (
    f"Online Retail and the Complete Journey: who orders in 30 days, and for how much; {TESTS} test dates, models with "
    "default settings, fitted and calibrated as of each date. `ours by default` is, at each date, whichever of the "
    "models that compete by default had the least loss in the rehearsals BEFORE that date: nobody looks at the test to "
    "choose it; its seconds are all the learnings this takes, rehearsals included, two at a time. FLAML gets the "
    f"matrix of that date (same rows, columns and weights), two cores and {SECONDS:.0f} s, or as long as ours took if "
    "that is longer, and answers for the same rows; twice, with its own split and with one by time. `best single` is "
    "picked with hindsight among our single models, so voting and stacking are measured against what nobody could "
    "have known; who votes and is stacked by default was settled with rehearsals of Online Retail's buy-30d in view, "
    "and of no other question. FLAML's chances are judged as they come: it does not calibrate. Intervals: 95%, "
    "customers resampled with all their rows, paired."
)
Floats = NDArray[np.float64]


@dataclass
class _Found:
    """What one question came to."""

    parts: list[Part] = field(default_factory=list)
    dates: list[datetime] = field(default_factory=list)
    chosen: list[str] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    theirs: dict[str, list[float]] = field(default_factory=dict)


def run() -> Result:
    """Skipped where the data is absent."""
    tables: list[Table] = []
    verdicts: dict[str, bool] = {}
    notes: list[str] = []
    try:
        peer_flaml.search()
        peers = list(peer_flaml.SPLITS)
    except Skipped as why:
        peers = []
        notes.append(str(why))
    asked = os.environ.get("FOOTFALL_BENCH_LAB", "").split(",")
    for source in SHOPS:
        folder = data_path(source)
        with shop_of(folder, source) as shop:
            for task in (BUY, SPEND):
                name = f"{source} {task.name}"
                if asked != [""] and name not in asked:
                    continue
                one = ready(shop.context, [task], tests=TESTS)[task.name]
                names = _able(one.trainer, one.plan.test, notes, name)
                tested = backtest(one.trainer, names, one.plan.test, DRAWS, tell)
                found = _answers(one.trainer, one.plan.test, names, peers)
                tables += [
                    _side_by_side(name, tested.comparison),
                    _table(name, task.kind, found),
                    _choices(name, found),
                ]
                notes += [f"{name}: {row['words']}" for row in tested.comparison]
                verdicts |= _worth(name, tested.comparison) | _beside_peer(name, task.kind, found, peers)
    return Result(ABOUT, SEED, tables, verdicts, notes)


def _able(trainer: Trainer, tests: tuple[datetime, ...], notes: list[str], name: str) -> list[str]:
    """Our models that can be learnt here: optional ones may be missing, and some answer only some questions."""
    mean = [m for m in models_for(trainer.task) if not blend_of(m).single]
    found = []
    for model in (*SINGLES, *mean, *BLENDS):
        try:
            trainer.fit(model, tests[0])
            found.append(model)
        except (FootfallError, UsageError) as why:
            notes.append(f"{name}: {model} is left out: {why}")
    return found


@one_thread()
def _answers(trainer: Trainer, tests: tuple[datetime, ...], names: list[str], peers: list[str]) -> _Found:
    found = _Found()
    defaults = models_for(trainer.task)
    with trainer.table.remembering():
        for at in tests:
            matrix = trainer.test(at)
            assert matrix.y is not None
            chosen = min(defaults, key=lambda m, at=at: trainer.rehearsed_loss(m, at))  # type: ignore[misc]
            answers = {m: trainer.fit(m, at).predict(matrix).value for m in dict.fromkeys(["baseline", *names])}
            answers[OURS] = trainer.fit(chosen, at).predict(matrix).value
            parts = {p for m in defaults for p in trainer.blend(m).members}
            learnt = [trainer.seconds[p, o] for p in parts for o in (at, *trainer.origins(at))]
            took = sum(learnt) / max(trainer.settings.workers, 1)
            for peer in peers:
                tell(f"{trainer.task.name} at {at:%Y-%m-%d}: {peer}")
                start = time.perf_counter()
                answers[peer] = _peer(trainer, at, matrix, peer, max(SECONDS, took))
                found.theirs.setdefault(peer, []).append(time.perf_counter() - start)
            y = matrix.y if trainer.task.kind == "chance" else np.maximum(matrix.y, 0.0)
            found.parts.append(Part(y, answers, matrix.clusters, matrix.weight))
            found.dates.append(at)
            found.chosen.append(chosen)
            found.ours.append(took)
    return found


def _peer(trainer: Trainer, at: datetime, matrix: Any, peer: str, seconds: float) -> Floats:
    training = trainer.training(at)
    assert training.y is not None
    encoder = training.encoding.learn(training.table, trainer.table.numeric, trainer.table.text)
    chance = trainer.task.kind == "chance"
    y = training.y if chance else np.maximum(training.y, 0.0)
    data = (encoder.encode(training.table), y, training.weight)
    return peer_flaml.answer(data, encoder.encode(matrix.table), chance, seconds, peer)


def _table(name: str, kind: str, found: _Found) -> Table:
    metrics = DECIDES[kind]
    against = {m: bootstrap_all(metrics, found.parts, m, DRAWS, SEED) for m in (OURS,)}[OURS]
    rows = []
    for model in found.parts[0].predictions:
        row: dict[str, Any] = {"model": model}
        for metric, estimates in zip(metrics, against, strict=True):
            e = estimates[model]
            row[metric] = e.value
            row[f"{metric} less ours"] = "" if model == OURS else f"{e.diff:+.4f} ({span(e.diff_lower, e.diff_upper)})"
        seconds = found.theirs.get(model) or (found.ours if model == OURS else None)
        row["seconds a date"] = float(np.mean(seconds)) if seconds else None
        rows.append(row)
    return Table(f"{name}: mean over {len(found.parts)} test dates", sorted(rows, key=lambda r: float(r[metrics[0]])))


def _choices(name: str, found: _Found) -> Table:
    rows = [
        {"test date": f"{at:%Y-%m-%d}", "rows": len(part.y), "chosen before it": model, "seconds of ours": took}
        for at, part, model, took in zip(found.dates, found.parts, found.chosen, found.ours, strict=True)
    ]
    return Table(f"{name}: what `{OURS}` was", rows)


def _side_by_side(name: str, comparison: list[dict[str, Any]]) -> Table:
    rows = [
        {
            "model": r["model"], r["metric"]: r["mean"], "spread over dates": r["spread"],
            "less best single": f"{r['difference']:+.4f} ({span(r['difference_lower'], r['difference_upper'])})",
            "better": r["better"] or "best single", "learnt in s": r["fit_seconds"],
            "answers in s": r["predict_seconds"], "kB": r["size_bytes"] / 1000,
        }
        for r in comparison
    ]  # fmt: skip
    return Table(f"{name}: the comparison a backtest prints", rows)


def _worth(name: str, comparison: list[dict[str, Any]]) -> dict[str, bool]:
    """Voting or stacking as good as the best single model within the interval; else the comparison must say no."""
    found = {}
    by = {r["model"]: r for r in comparison if r["model"] in BLENDS}
    for model, r in by.items():
        interval = span(r["difference_lower"], r["difference_upper"])
        within = r["better"] != "no"
        said = "worth it" in r["words"] and ("not worth it" in r["words"]) == (r["better"] != "yes")
        how = "within the interval" if within else "it is worse, and the comparison says it is not worth it"
        aim = f"at least as good as the best single model ({r['best']}), or said not to be worth it"
        found[f"{name}: {model} {aim}: {r['difference']:+.4f} ({interval}); {how}"] = said
    return found


def _beside_peer(name: str, kind: str, found: _Found, peers: list[str]) -> dict[str, bool]:
    if not peers:
        return {}
    metrics = DECIDES[kind]
    verdicts = {}
    for metric, estimates in zip(metrics, bootstrap_all(metrics, found.parts, OURS, DRAWS, SEED), strict=True):
        sign = 1 if metric == "auc" else -1
        best = max(peers, key=lambda p, e=estimates, s=sign: s * e[p].value)  # type: ignore[misc]
        ours, theirs = estimates[OURS].value, estimates[best].value
        interval = span(-estimates[best].diff_upper, -estimates[best].diff_lower)
        aim = f"{name}: ours by default at or above the better FLAML in {metric.replace('_', ' ')}"
        verdicts[f"{aim} ({ours:.4f}, {theirs:.4f}; ours less theirs {ours - theirs:+.4f}, {interval})"] = (
            sign * ours >= sign * theirs
        )
    return verdicts
