"""Simulated emporiums: does the interval of the number of customers hold the true number?

    python -m benchmarks identity_coverage

`FOOTFALL_BENCH_SEEDS` sets how many shops (default 100).
"""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

import __main__
from benchmarks.data import Result, Table, tell
from benchmarks.identity import guest_links, persons, resolved
from footfall.simulate import write_emporium

SEEDS = int(os.environ.get("FOOTFALL_BENCH_SEEDS", "100"))
CUSTOMERS, LEAST = 1500, 90
ABOUT = (
    f"{SEEDS} simulated emporiums (`footfall.simulate.write_emporium`, seeds 0 to {SEEDS - 1}) of {CUSTOMERS:,} "
    "persons, each resolved with the one automatic configuration: how often the 95% interval of the number of "
    f"customers holds the true number (aim: {LEAST} of 100), how wide it is, and how far off the expected number and "
    "the plain number of clusters are. Links: guests' details to account ids, pairs of all shops together."
)
_LINKS = ("precision, links", "recall, links", "precision, guests", "recall, guests")


@dataclass(frozen=True)
class Shot:
    """One shop: true persons, expected customers, interval, clusters, and how good the links are."""

    seed: int
    true: int
    customers: float
    lower: float
    upper: float
    clusters: int
    links: tuple[float, ...]
    seconds: float

    @property
    def held(self) -> bool:
        return self.lower <= self.true <= self.upper


def shoot(seed: int) -> Shot:
    """Simulate, resolve, compare."""
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as folder:
        made = write_emporium(Path(folder) / "shop", CUSTOMERS, seed)
        with resolved(made.folder, "ebuy_emporium") as (shop, found, seconds):
            told = guest_links(shop, made.truth)
            links = tuple(float(told[name]) for name in _LINKS)
            true = persons(made.truth)
    return Shot(seed, true, found.customers, found.lower, found.upper, found.clusters, links, seconds[1])


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
                tell(f"{len(found)} of {len(seeds)} shops, {sum(s.held for s in found)} held")
    return found


def run() -> Result:
    """Needs no data."""
    return summarise(shots(range(SEEDS), min(2, os.cpu_count() or 1)))


def summarise(found: list[Shot]) -> Result:
    """Shops held, widths and errors."""
    error = np.asarray([s.customers - s.true for s in found])
    plain = np.asarray([s.clusters - s.true for s in found], dtype=float)
    width = np.asarray([s.upper - s.lower for s in found])
    held = sum(s.held for s in found)
    row: dict[str, Any] = {
        "held": held,
        "of": len(found),
        "true": float(np.mean([s.true for s in found])),
        "customers": float(np.mean([s.customers for s in found])),
        "mean width": float(width.mean()),
        "true above upper": sum(s.true > s.upper for s in found),
        "true below lower": sum(s.true < s.lower for s in found),
        "mean error": float(error.mean()),
        "root mean square error": float(np.sqrt(np.mean(error**2))),
        "clusters' mean error": float(plain.mean()),
        "clusters' root mean square error": float(np.sqrt(np.mean(plain**2))),
    }
    links = dict(zip(_LINKS, np.mean([s.links for s in found], axis=0).tolist(), strict=True))
    outside = [
        {"seed": s.seed, "true": s.true, "customers": s.customers, "lower": s.lower, "upper": s.upper}
        for s in found
        if not s.held
    ]
    tables = [Table("shops whose interval holds the true number", [row]), Table("links, mean of the shops", [links])]
    tables += [Table("shops whose interval does not", outside)] if outside else []
    seconds = float(np.mean([s.seconds for s in found]))
    return Result(
        ABOUT,
        0,
        tables,
        {f"held in {held} of {len(found)}": held >= LEAST * len(found) / 100},
        [f"{seconds:.1f} s to resolve a shop, {min(2, os.cpu_count() or 1)} at once"],
    )
