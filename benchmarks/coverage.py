"""Simulated shops: does the interval of the probability hold the known propensity at its stated rate?

    python -m benchmarks coverage

For each seed a small shop is simulated, `buy-30d` is fitted as of a month before its end, and the mean interval,
from mean `lower` to mean `upper`, is compared with the mean known chance of the same customers.
"""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from multiprocessing import get_context
from pathlib import Path

import duckdb
import numpy as np

import __main__
from benchmarks.data import Result, Table, shop_of, tell
from footfall.answers import ready
from footfall.simulate import Dials, simulate
from footfall.tabular import Settings
from footfall.tasks import CATALOGUE

SEEDS, CUSTOMERS, DAYS, HORIZON = 100, 800, 300, 30
LEAST = 90
START = date(2025, 6, 1)
AT = datetime.combine(START + timedelta(days=DAYS - HORIZON), time())
SETTINGS = Settings(cutoffs=16, rehearsals=4, workers=1)
FIFTHS = 5
ABOUT = (
    f"{SEEDS} simulated shops ({CUSTOMERS} customers, {DAYS} days), `buy-30d`, model `boosted`, fitted and scored as "
    f"of {HORIZON} days before the end. A shop counts as held when the mean known chance (from the hidden states, "
    "which no part of Footfall reads) lies between the mean `lower` and the mean `upper`: of all customers asked "
    "about, or of one fifth of them by score, drawn by the seed."
)


@dataclass(frozen=True)
class Shot:
    """One shop: per group (all, then each fifth from the lowest scores) mean lower, chance, upper, known; the share of
    customers whose own known chance lies in their own interval."""

    seed: int
    lower: tuple[float, ...]
    value: tuple[float, ...]
    upper: tuple[float, ...]
    known: tuple[float, ...]
    alone: float
    fifth: int

    def held(self, group: int) -> bool:
        """`group` 0: all customers; 1 to 5: a fifth."""
        return self.lower[group] <= self.known[group] <= self.upper[group]


def shoot(seed: int) -> Shot:
    """Simulate, fit, score, compare. Deterministic."""
    with tempfile.TemporaryDirectory(prefix="footfall-coverage-") as folder:
        dials = Dials(events_per_customer=15, products=60, cutoffs=(AT.date(),))
        made = simulate(Path(folder) / "shop", CUSTOMERS, DAYS, seed, dials)
        truth = dict(
            duckdb.sql(f"""select customer_id, chance from '{made.truth}/propensity.parquet'
                where cutoff = timestamp '{AT}' and horizon_days = {HORIZON}""").fetchall()
        )
        task = CATALOGUE["buy-30d"]
        with shop_of(made.folder, "simulated", settings=SETTINGS) as shop:
            one = ready(shop.context, [task], at=AT)[task.name]
            matrix = one.table.matrix(task, [AT], target=False)
            answers = one.trainer.fit("boosted", AT).predict(matrix)
    known = np.asarray([truth[c] for c in matrix.table.column("customer_id").to_pylist()])
    groups = [np.arange(len(known)), *np.array_split(np.argsort(answers.value, kind="stable"), FIFTHS)]

    def means(x: np.ndarray) -> tuple[float, ...]:
        return tuple(float(x[g].mean()) for g in groups)

    alone = float(((answers.lower <= known) & (known <= answers.upper)).mean())
    fifth = int(np.random.default_rng(seed).integers(1, FIFTHS + 1))
    return Shot(seed, means(answers.lower), means(answers.value), means(answers.upper), means(known), alone, fifth)


def _quiet() -> None:
    # A spawned process has no main file; DuckDB takes that for somebody at a prompt, and draws its progress bars.
    __main__.__file__ = __file__


def shots(seeds: range, workers: int) -> list[Shot]:
    """Several seeds, in order, over processes."""
    if workers == 1:
        return [shoot(s) for s in seeds]
    found = []
    with ProcessPoolExecutor(workers, get_context("spawn"), _quiet) as pool:
        for shot in pool.map(shoot, seeds):
            found.append(shot)
            if len(found) % 10 == 0:
                tell(f"{len(found)} of {len(seeds)} shops")
    return found


def run() -> Result:
    """Needs no data."""
    return summarise(shots(range(SEEDS), min(2, os.cpu_count() or 1)))


def summarise(found: list[Shot]) -> Result:
    """The table: seeds held by group, widths, and what lies behind."""
    rows = []
    for group in range(FIFTHS + 1):
        error = np.asarray([s.value[group] - s.known[group] for s in found])
        rows.append(_row("all" if group == 0 else f"fifth {group} by score", found, [group] * len(found), error))
    drawn = [s.fifth for s in found]
    error = np.asarray([s.value[s.fifth] - s.known[s.fifth] for s in found])
    rows.insert(1, _row("one fifth, drawn", found, drawn, error))
    verdicts = {
        f"{r['customers']}: held in {r['held']} of {r['of']}": r["held"] >= LEAST * r["of"] / 100 for r in rows[:2]
    }
    alone = float(np.mean([s.alone for s in found]))
    notes = [
        f"a single customer's own known chance lies in the interval for {alone:.0%}: it is the interval of customers "
        "with such features, and hidden moods differ among them"
    ]
    return Result(ABOUT, 0, [Table("seeds whose interval holds the known chance", rows)], verdicts, notes)


def _row(name: str, found: list[Shot], groups: list[int], error: np.ndarray) -> dict[str, object]:
    pairs = list(zip(found, groups, strict=True))
    return {
        "customers": name,
        "held": sum(s.held(g) for s, g in pairs),
        "of": len(found),
        "known": float(np.mean([s.known[g] for s, g in pairs])),
        "stated": float(np.mean([s.value[g] for s, g in pairs])),
        "mean width": float(np.mean([s.upper[g] - s.lower[g] for s, g in pairs])),
        "known above upper": sum(s.known[g] > s.upper[g] for s, g in pairs),
        "root mean square error": float(np.sqrt(np.mean(error**2))),
    }
