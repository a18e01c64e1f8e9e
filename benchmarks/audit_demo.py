"""A study with an AUC of .98 that is worth nothing, what the audit names in it, and the honest figure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.data import Result, Table, shop_of, tell
from footfall.answers import Audit
from footfall.audit import CHECKS, figure, rows_of
from footfall.audit.rows import dealt, out_of_fold
from footfall.audit.table import Roles
from footfall.evaluate import Backtest
from footfall.shop import Shop
from footfall.simulate import simulate

TASK = "become-customer-30d"
STUDY = Path(__file__).with_name("will_become_customer.sql")
CUSTOMERS, DAYS, SEED = 2_000, 365, 7
TESTS = 4
PLANTED = {
    "future": "recency is counted to today, for those too whose history ended at a purchase",
    "late": "facts count from when they happened, not from when they were known",
    "history": "the history of a buyer ends at the first purchase, that of the others today",
    "overlap": "a random split learns from outcomes that were not over when the others were asked about",
    "split": "rows are dealt at random, and the same question is never asked ahead",
}
MODELS = ("logistic", "boosted")
ABOUT = (
    f"A simulated shop of {CUSTOMERS:,} customers over {DAYS} days (seed {SEED}), events of visitors with and without "
    "orders. The study `will_become_customer.sql` repeats the mistakes of a well-known one on cosmetics clicks "
    "(published: logistic .889, XGBoost .968): histories of buyers cut at their first purchase, recency to today, "
    f"rows split at random. `footfall audit {TASK} --table will_become_customer.sql` looks for the leaks; "
    f"`footfall backtest {TASK}` asks the question as it will be used: all visitors without an order, at one cutoff, "
    f"about the 30 days after, at {TESTS} dates."
)


@dataclass(frozen=True)
class Shown:
    """What the demonstration came to: AUC of the study by model, its audit, that of the task, and the backtest."""

    study: dict[str, float]
    rows: tuple[int, int]
    audit: Audit
    clean: Audit
    honest: Backtest


def demonstrate(shop: Shop, tests: int = TESTS, models: tuple[str, ...] = MODELS) -> Shown:
    """The study as it is told, what the audit says of it, and the honest figure."""
    roles = {"split": "split"}
    told = Roles.told("target", {**roles, "cutoff": "cutoff"})
    rows = rows_of(shop.engine.fetch(STUDY.read_text(encoding="utf-8")), told, STUDY.name)
    study = {model: figure(rows, out_of_fold(rows, dealt(rows, 0), model)) for model in models}
    tell("the audit of the study")
    audit = shop.audited(TASK, STUDY, roles=roles)
    tell("the audit of the task, and its backtest")
    clean = shop.audited(TASK)
    return Shown(study, (rows.n, rows.positives), audit, clean, shop.backtested(TASK, models, tests))


def run() -> Result:
    """Simulates, loads, audits and tests; some minutes."""
    with TemporaryDirectory(prefix="footfall-bench-") as folder:
        simulate(Path(folder) / "raw", CUSTOMERS, DAYS, SEED)
        with shop_of(Path(folder) / "raw", "simulated") as shop:
            shown = demonstrate(shop)
    return result(shown)


def result(shown: Shown) -> Result:
    """The demonstration as tables."""
    honest = {r["model"]: r for r in shown.honest.evaluations if r["cutoff"] is None and r["metric"] == "auc"}
    (again,) = [f for f in shown.audit.findings if f.check == "split"]
    best = honest[shown.honest.best]
    named = {f.check for f in shown.audit.found}
    n, positives = shown.rows
    return Result(
        ABOUT,
        SEED,
        [
            Table(
                f"The study as it is told: {n:,} visitors, {positives:,} of them customers, rows dealt at random",
                [{"model": model, "auc": auc} for model, auc in shown.study.items()],
            ),
            Table("What the audit names in it", [_check(shown.audit, check) for check in CHECKS]),
            Table("Its own figure when it is used", [{"check": "split", "words": again.words, "gap": again.value}]),
            Table(
                f"The question asked honestly: backtest {TASK}, mean of {len(shown.honest.cutoffs)} dates",
                [{"model": m, "auc": r["value"], "lower": r["lower"], "upper": r["upper"]} for m, r in honest.items()],
            ),
            Table("The audit of the task itself", [_check(shown.clean, check) for check in CHECKS]),
        ],
        {
            f"the study's AUC comes out near the published .97: {shown.study['boosted']:.3f}": shown.study["boosted"]
            >= 0.95,
            f"the audit names each of the {len(PLANTED)} leaks: {', '.join(PLANTED)}": set(PLANTED) <= named,
            "it is silent on the task of the house": not shown.clean.found,
            f"the honest AUC is another: {best['value']:.3f} ({best['lower']:.3f} to {best['upper']:.3f})": best[
                "upper"
            ]
            < shown.study["boosted"],
        },
        [f"{check}: {what}" for check, what in PLANTED.items()],
    )


def _check(audit: Audit, check: str) -> dict[str, Any]:
    """One line per check: the verdict, the features named, and the words of the strongest."""
    told = [f for f in audit.findings if f.check == check]
    found = [f for f in told if f.found]
    features = ", ".join(dict.fromkeys(f.feature for f in found if f.feature))
    return {
        "check": check,
        "verdict": (found or told)[0].verdict,
        "features": features,
        "words": (found or told)[0].words,
    }
