"""Simulates a messy shop: raw files as a real online business exports them, and their truth, apart."""

from __future__ import annotations

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from footfall.errors import UsageError
from footfall.simulate import clicks, exports, records, sales, truth
from footfall.simulate.catalogue import make_catalogue
from footfall.simulate.days import make_days
from footfall.simulate.dials import Dials
from footfall.simulate.files import Writer
from footfall.simulate.hazard import BLOCK, live
from footfall.simulate.people import make_people
from footfall.simulate.propensity import plan_cutoffs
from footfall.simulate.shelves import serve

MARK = "simulation.json"


@dataclass(frozen=True)
class Simulated:
    """What `simulate` wrote.

    `files`: the raw files; `rows`: rows by file name without its ending (all event files together as `events`);
    `truth`: the folder of the truth; `planted`: rows of planted mess by `file:kind`; `seconds`: wall time by step.
    """

    folder: Path
    files: tuple[Path, ...]
    rows: dict[str, int]
    truth: Path
    planted: dict[str, int]
    seconds: dict[str, float]


def simulate(
    out: str | Path, customers: int = 2000, days: int = 365, seed: int = 7, dials: Dials | None = None
) -> Simulated:
    """Write a shop of `customers` web customers over `days` days to `out`, and its truth to `<out>-truth`.

    The same arguments give the same bytes. Earlier files of a simulation in `out` are replaced.

    Raises:
        UsageError: numbers out of range, or `out` holds files that no simulation wrote.
    """
    dials = dials or Dials()
    _check("customers", customers, 10, 5_000_000)
    _check("days", days, 28, 3_650)
    _check("seed", seed, 0, 2**63 - 1)
    shop_days = make_days(days, dials)
    wanted = [(d - dials.start).days for d in dials.cutoffs]
    for day, cutoff in zip(wanted, dials.cutoffs, strict=True):
        if not 14 <= day <= days - 7:
            first, last = shop_days.date(14), shop_days.date(days - 7)
            raise UsageError(f"dial 'cutoffs' holds {cutoff}; these days leave room for cutoffs from {first} to {last}")
    folder = Path(out) if Path(out).name not in ("", "..") else Path(out).resolve()
    hidden = folder.parent / (folder.name + "-truth")
    _prepare(folder, hidden)
    clock = _Clock()
    truth.write_facts(hidden / MARK, {"customers": customers, "days": days, "seed": seed}, dials, shop_days)
    cutoffs = plan_cutoffs(shop_days, wanted)
    marks = sorted({*cutoffs, *shop_days.campaign_starts})
    people = make_people(np.random.default_rng([seed, 1]), customers, shop_days, dials)
    catalogue = make_catalogue(np.random.default_rng([seed, 2]), shop_days, dials)
    clock.lap("people")

    workers = os.cpu_count() or 2
    blocks = [slice(a, min(a + BLOCK, people.count)) for a in range(0, people.count, BLOCK)]
    with ThreadPoolExecutor(workers) as pool:
        lives = list(
            pool.map(
                lambda b: live(people, shop_days, b, np.random.default_rng([seed, 3, b.start]), marks, dials.moods),
                blocks,
            )
        )
        clock.lap("lives")
        state = np.concatenate([b.state for b in lives], axis=1)
        left = np.concatenate([b.left for b in lives])
        rng = np.random.default_rng([seed, 4])
        visits = sales.make_visits(rng, people, shop_days, lives, dials)
        orders = sales.make_orders(rng, people, shop_days, lives, visits, dials)
        wanted_lines = sales.make_lines(rng, people, shop_days, catalogue, orders)
        own = np.random.default_rng([seed, 6])
        lines, ledger, served = serve(own, catalogue, orders, wanted_lines, days, dials.stock_outs)
        catalogue = replace(catalogue, served=served)
        voices = sales.make_voices(rng, people, shop_days, catalogue, orders, lines)
        wish = np.sum([b.wish for b in lives], axis=0)
        del lives
        clock.lap("sales")

        named = np.append(~orders.guest, False)
        stage = clicks.Stage(people, shop_days, catalogue, lines, named, dials, seed, workers)
        written = clicks.write_clicks(folder, visits, stage)
        clock.lap("events")

        writer = Writer()
        books = exports.Books(people, shop_days, catalogue, orders, lines, voices, dials, ledger)
        rows = {"events": written.rows}
        rng = np.random.default_rng([seed, 5])
        extra = round(customers * dials.crm_only)
        records.keep_people(writer, rng, people, extra, shop_days)
        accounts = records.make_accounts(rng, people, shop_days, visits, orders, dials)
        twins = int(accounts.twin.sum())
        names = [f"C{100_000 + people.count + i}" for i in rng.permutation(twins).tolist()]
        ids = [*people.ids, *names]
        rows["accounts"] = records.write_accounts(writer, accounts, ids, dials, folder)
        holders = np.unique(accounts.person)
        known = np.concatenate([holders[rng.random(len(holders)) < dials.crm], people.count + np.arange(extra)])
        rows["crm_export"] = records.write_crm(writer, rng, known, shop_days, folder, dials)
        rows["orders"], planted = exports.write_orders(writer, rng, books, folder)
        rows["order_lines"], more = exports.write_lines(writer, rng, books, folder)
        rows["products"], odd = exports.write_products(writer, books, folder)
        planted += more + odd
        rows["stock"] = exports.write_stock(writer, books, folder)
        rows["reviews"], rows["satisfaction"] = exports.write_voices(writer, books, folder)
        rows["offers"] = exports.write_offers(writer, books, folder)
        rows["calendar"] = exports.write_calendar(writer, books, folder)
        clock.lap("tables")

        chosen = [marks.index(c) for c in cutoffs]
        opened = accounts.registered[accounts.twin]
        world = (people, shop_days, catalogue)
        truth.write_propensity(
            world, cutoffs, state[chosen], (names, opened), (pool, blocks, dials.moods), hidden / "propensity.parquet"
        )
        begun = [marks.index(c) for c in shop_days.campaign_starts]
        truth.write_coupons(people, shop_days, state[begun], blocks, dials.moods, hidden / "discounts.parquet")
        truth.write_customers(people, shop_days, left, hidden / "customers.parquet")
        truth.write_persons(writer, accounts, ids, people, orders, hidden / "persons.parquet")
        truth.write_demand((shop_days, catalogue, ledger), wish, writer, hidden / "demand.csv")
        truth.write_costs(np.random.default_rng([seed, 7]), catalogue, writer, hidden / "costs.csv")
        counts = truth.write_planted(writer, planted, written, visits, hidden)
        writer.close()
        clock.lap("truth")
    files = (*written.files, *(folder / f"{n}.csv" for n in rows if n != "events"), folder / "prices.csv")
    return Simulated(folder, files, rows, hidden, counts, clock.laps)


class _Clock:
    """Wall seconds by step."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self.laps[step], self._last = round(now - self._last, 3), now


def _check(name: str, value: int, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UsageError(f"{name} is {value!r}; it takes a whole number from {low} to {high}")


def _prepare(folder: Path, hidden: Path) -> None:
    """Make the folders, emptied of an earlier simulation and of nothing else."""
    for place in (folder, hidden):
        if place.exists() and not place.is_dir():
            raise UsageError(f"'{place}' is a file; name a folder to write the shop to")
    if folder.exists() and any(folder.iterdir()):
        if not (hidden / MARK).exists():
            raise UsageError(f"'{folder}' holds files already; name a new or empty folder")
        for file in [*folder.glob("events-*.jsonl*"), *folder.glob("*.csv")]:
            file.unlink()
    if hidden.exists():
        if any(hidden.iterdir()) and not (hidden / MARK).exists():
            raise UsageError(f"'{hidden}' holds files already; the truth goes there")
        shutil.rmtree(hidden)
    folder.mkdir(parents=True, exist_ok=True)
    hidden.mkdir(parents=True)
