"""Satisfaction of a simulated shop: lines against trees, with plain, engineered and selected features."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.data import Result, Table, shop_of
from benchmarks.features import compared
from footfall.simulate import Dials, simulate
from footfall.tabular import Settings
from footfall.tasks import CATALOGUE

SEED, TESTS = 11, 4
SETTINGS = Settings(budget=40_000, test_budget=10_000, cutoffs=20, engineered=True)
ABOUT = (
    "A simulated shop of 6,000 customers over 540 days, where a customer's leniency is drawn once, each product has"
    " a quality, and some orders go wrong; ratings of 1 to 5 and scores of 0 to 10 are rounded, with noise on top. "
    "Targets: the mean rating, and the mean score, of the 90 days after each test date, of those who then said "
    "something; asked of everyone with an order in the 90 days before. Baseline: the customer's own mean so far, "
    "drawn towards everyone's. Differences are paired with the plain model of the same kind; customers resampled "
    "with all their rows."
)


def run() -> Result:
    tables: list[Table] = []
    verdicts: dict[str, bool] = {}
    dials = Dials(events_per_customer=8, orders_per_year=9, products=150)
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as folder:
        raw = simulate(Path(folder) / "raw", customers=6_000, days=540, seed=SEED, dials=dials)
        with shop_of(raw.folder, "simulated", settings=SETTINGS) as shop:
            for name in ("satisfaction-90d", "satisfaction-score-90d"):
                task = CATALOGUE[name]
                compared(shop, task, "simulated", TESTS, (tables, verdicts))
                by = {str(r["model"]): r for r in tables[-1].rows}
                for model in ("linear", "boosted"):
                    ours, base = float(by[model]["r2"]), float(by["baseline"]["r2"])
                    said = f"{name}: {model} explains more than the customer's own mean so far ({ours:.4f}, {base:.4f})"
                    verdicts[said] = ours > base
    return Result(ABOUT, SEED, tables, verdicts)
