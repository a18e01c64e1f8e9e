"""Engineered and selected features beside the plain ones, and what reviews sound like."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.data import Result, Skipped, Table, data_path, shop_of, span, tell
from footfall.answers import ready
from footfall.evaluate import Part, bootstrap_cutoffs
from footfall.shop import Shop
from footfall.tabular import Settings
from footfall.tabular.reading import readings
from footfall.tasks import CATALOGUE, Task

SEED, DRAWS, TESTS = 11, 500, 3
SETTINGS = Settings(budget=25_000, test_budget=10_000, cutoffs=12, engineered=True)
PLAIN = ("linear", "logistic", "boosted")
HEADS = ("engineered:", "selected:", "selected:engineered:")
ABOUT = (
    "Each model with the plain catalogue of features, with engineered ones (interactions, log and rank scales, "
    "shares and hashes of categories, what reviews say), with those alone that permutation importance kept, and "
    "with both. The same customers and test dates for all; differences are paired with the plain model, customers "
    "resampled with all their rows. Selection looks at rehearsals before each test date, never at a test date. "
    "Reviews: Women's Clothing E-Commerce Reviews in the order of the file; each is read by words learnt from those"
    " before it."
)
_METRICS = {"chance": ("log_loss", "auc"), "amount": ("rmse", "mae", "r2")}


def run() -> Result:
    """Parts whose data is absent are left out, with a note."""
    tables: list[Table] = []
    verdicts: dict[str, bool] = {}
    notes: list[str] = []
    for name in ("online_retail", "complete_journey"):
        try:
            with shop_of(data_path(name), name, settings=SETTINGS) as shop:
                compared(shop, CATALOGUE["buy-30d"], name, TESTS, (tables, verdicts))
        except Skipped as reason:
            notes.append(str(reason))
    try:
        tables.append(_reviews(verdicts))
    except Skipped as reason:
        notes.append(str(reason))
    return Result(ABOUT, SEED, tables, verdicts, notes)


def compared(shop: Shop, task: Task, name: str, tests: int, into: tuple[list[Table], dict[str, bool]]) -> None:
    tables, verdicts = into
    models = ["baseline", *PLAIN, *(h + m for h in HEADS for m in PLAIN)]
    one = ready(shop.context, [task], tests=tests)[task.name]
    parts = []
    for at in one.plan.test:
        tell(f"{name}: {task.name} at {at:%Y-%m-%d}")
        matrix = one.trainer.test(at)
        answers = {}
        for model in models:
            answers[model] = one.trainer.fit(model, at).predict(matrix).value
        parts.append(Part(matrix.y, answers, matrix.clusters, matrix.weight))
    rows = []
    for model in models:
        plain = model.rpartition(":")[2]
        row: dict[str, Any] = {"model": model}
        for metric in _METRICS[task.kind]:
            e = bootstrap_cutoffs(metric, parts, plain, DRAWS, SEED)[model]
            row[metric] = e.value
            row[f"{metric} 95%"] = span(e.lower, e.upper)
            if metric == _METRICS[task.kind][0]:
                told = f"{e.diff:+.4f} ({span(e.diff_lower, e.diff_upper)})"
                row[f"{metric} less plain"] = "" if model == plain else told
                row["better than plain"] = "" if model == plain else _told(e.diff_lower, e.diff_upper)
        kept = [sum(i.kept for i in found) for (m, _), found in one.trainer.chosen.items() if m == model]
        row["features kept"] = "" if not kept else f"{np.mean(kept):.0f}"
        rows.append(row)
    tables.append(Table(f"{name}: {task.name}, mean over {len(parts)} test dates, {_rows(parts):,} rows", rows))
    by = {str(r["model"]): r for r in rows}
    lost = by["engineered:boosted"]["better than plain"]
    verdicts[
        f"{name}, {task.name}: engineered features do not better boosted trees beyond chance, so plain is right"
    ] = lost != "yes"


def _rows(parts: Sequence[Part]) -> int:
    return sum(len(p.y) for p in parts)


def _told(lower: float, upper: float) -> str:
    return "yes" if upper < 0 else "no" if lower > 0 else "cannot tell"


def _reviews(verdicts: dict[str, bool]) -> Table:
    (file,) = data_path("womens_clothing_reviews").glob("*.csv*")
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        rows = [r for r in csv.DictReader(lines) if r["Review Text"].strip()]
    tell(f"{len(rows):,} reviews")
    start = datetime(2020, 1, 1)
    at = [start + timedelta(minutes=i) for i in range(len(rows))]
    rating = np.asarray([float(r["Rating"]) for r in rows])
    texts = [r["Review Text"] for r in rows]
    given = pa.table({"text": texts, "read_at": pa.array(at, pa.timestamp("us")), "rating": rating})
    read = {(r["text"], r["read_at"]): r["sentiment"] for r in readings(given).to_pylist()}
    said = np.asarray([read.get((t, a), np.nan) for t, a in zip(texts, at, strict=True)])
    found: list[dict[str, Any]] = []
    for first, last in ((200, 1_000), (1_000, 5_000), (5_000, len(rows))):
        here = np.arange(len(rows))
        kept = (here >= first) & (here < last) & ~np.isnan(said)
        y, p = rating[kept], said[kept]
        known = float(rating[:first].mean())
        found.append(
            {
                "reviews known before": f"{first:,} to {last:,}", "reviews read": int(kept.sum()),
                "r2": 1 - float(((y - p) ** 2).sum() / ((y - known) ** 2).sum()), "mae": float(np.abs(y - p).mean()),
                "mae of the mean so far": float(np.abs(y - known).mean()),
            }
        )  # fmt: skip
    verdicts[f"reviews: what they sound like explains over a third of the ratings ({found[-1]['r2']:.3f})"] = (
        float(found[-1]["r2"]) > 1 / 3
    )
    return Table("Women's clothing: the rating that a review sounds like, by words of those before it", found)
