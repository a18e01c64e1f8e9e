"""A report's page as a shop of some size would fill it: invented numbers, the real schemas."""

from __future__ import annotations

import math
import random
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

from footfall.report import Headline, Page
from report_forecasts import QUESTION, forecasts
from report_insights import insight_tables
from report_laboratory import laboratory_tables

_MADE = datetime(2026, 6, 1, 4, 12, 33)
_CUTOFF = datetime(2026, 6, 1)
_TASKS: list[tuple[str, str, str, str, float, str, str | None]] = [
    ("buy-7d", "Which customers will order within 7 days?", "chance", "7d", 0.061, "yes", None),
    ("buy-30d", "Which customers will order within 30 days?", "chance", "30d", 0.184, "yes", None),
    (
        "churn-90d",
        "Which customers who ordered in the last 365 days will not order within 90 days?",
        "chance",
        "90d",
        0.58,
        "yes",
        None,
    ),
    (
        "become-customer-30d",
        "Which visitors who never ordered will order within 30 days?",
        "chance",
        "30d",
        0.012,
        "cannot tell",
        "Only 214 visitors ever became customers in training: intervals are wide.",
    ),
    ("spend-90d", "How much will each customer spend within 90 days?", "amount", "90d", 38.42, "yes", None),
]
_FEATURES = [
    ("days_since_order", "Days since the last order", -0.7),
    ("orders_365d", "Orders in the last 365 days", 0.8),
    ("gap_ratio", "Days since the last order, over the usual gap", -0.6),
    ("views_7d", "Product views in the last 7 days", 0.66),
    ("carts_7d", "Items put in the basket in the last 7 days", 0.71),
    ("amount_90d", "Spent in the last 90 days", 0.44),
    ("tenure", "Days since the first order", 0.03),
    ("returns_share_365d", "Share of lines returned in the last 365 days", -0.21),
    ("evening_share", "Share of visits after 18:00", 0.06),
    ("satisfaction_latest", "Latest satisfaction score", 0.3),
]
_REASONS = [
    "no order in 64 days (usually 21)",
    "4 products put in the basket this week",
    "12 orders in the last year (median 2)",
    "viewed the same product 9 times",
    "first order only 12 days ago",
    "satisfaction fell from 9 to 4",
]


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows)


def _loads() -> list[dict[str, Any]]:
    files = [
        ("events/2026-05.jsonl.gz", "events", 1_842_377, 1_840_110, 1_932, 335, 8_210, 412_870_114),
        ("events/2026-04.jsonl.gz", "events", 1_790_014, 1_788_450, 1_201, 363, 7_995, 401_002_871),
        ("orders.csv", "orders", 96_204, 95_881, 119, 204, 1_066, 9_144_210),
        ("lines.csv", "lines", 241_775, 241_020, 512, 243, 3_401, 17_230_550),
        ("crm_export.csv", "customers", 21_530, 21_498, 32, 0, 4_120, 3_980_221),
        ("catalogue.csv", "products", 4_811, 4_790, 3, 18, 212, 902_004),
        ("reviews.csv", "reviews", 18_230, 18_221, 9, 0, 77, 5_310_660),
    ]
    names = ["file", "role", "rows_read", "rows_loaded", "rows_quarantined", "rows_duplicate", "rows_repaired", "bytes"]
    return [
        {"load_id": i + 1, "source": "simulated", **dict(zip(names, f, strict=True)), "loaded_at": _MADE}
        for i, f in enumerate(files)
    ]


def _quality() -> list[dict[str, Any]]:
    names = ["table_name", "check_name", "kind", "column_name", "rows", "share", "examples", "action", "effect"]
    rows = [
        ("events", "missing_customer", "missing", "customer_id", 402_118, 0.111, None, "kept",
         "Visits without a login count for products, not for customers: activity is understated."),
        ("orders", "guest_checkout", "missing", "customer_id", 9_820, 0.1024, "order 100231, order 100877", "kept",
         "Guests' orders join a customer only after resolve; repeat purchases are understated until then."),
        ("orders", "date_format", "inconsistent", "occurred_at", 1_066, 0.0111, "03/04/2026, 2026.04.03", "repaired",
         "Nothing left: read as day first, as the other rows of the file."),
        ("products", "brand_spelling", "inconsistent", "brand", 212, 0.0443, "Nordwyn, NORDWYN, nordwyn ", "repaired",
         "Brand features would have been split."),
        ("lines", "negative_price", "inconsistent", "price", 512, 0.0021, "-4.99", "set aside",
         "No sale has a price below nought."),
        ("events", "same_event_twice", "duplicate", "event_id", 698, 0.00019, "e-88123771", "set aside",
         "Views would have been counted twice."),
        ("orders", "late_row", "late", "known_at", 3_122, 0.0325, "order 98110 known 6 days later", "kept",
         "The last days look emptier than they are; features ask when a row was known."),
        ("customers", "impossible_age", "inconsistent", "birth_date", 41, 0.0019, "1890-01-01", "repaired",
         "Age is unknown for them."),
    ]  # fmt: skip
    return [{"load_id": 1, "source": "simulated", **dict(zip(names, r, strict=True))} for r in rows]


def _evaluations(random_: random.Random) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cutoffs: list[datetime | None] = [None, *(datetime(2025, m, 1) for m in (7, 8, 9, 10, 11, 12))]
    for task, _, kind, _, rate, verdict, _ in _TASKS:
        lift = 0.012 if verdict == "cannot tell" else 0.075
        if kind == "chance":
            base = {"auc": 0.701, "average_precision": rate * 2.1, "brier": rate * (1 - rate) * 0.93,
                    "log_loss": 0.21 + rate / 3, "calibration_error": 0.0121, "calibration_floor": 0.0042,
                    "slope": 0.93, "observed_expected": 1.04, "lift": 2.4, "gain": 0.24, "accuracy": 0.91,
                    "precision": 0.31, "recall": 0.28, "f1": 0.294, "threshold": 0.15}  # fmt: skip
        else:
            base = {"mae": 31.2, "rmse": 88.1, "wape": 0.812, "bias": -0.034, "correlation": 0.41, "gini": 0.52}
        down = {"brier", "log_loss", "calibration_error", "mae", "rmse", "wape"}
        for cutoff in cutoffs:
            wobble = random_.gauss(0, 0.008) if cutoff else 0.0
            for model in ("baseline", "logistic", "boosted"):
                gain = {"baseline": 0.0, "logistic": 0.6, "boosted": 1.0}[model] * lift
                for metric, b in base.items():
                    sign = -1 if metric in down else 0 if metric in ("threshold", "calibration_floor") else 1
                    value = b * (1 + sign * gain + (wobble + random_.gauss(0, 0.004)))
                    half = abs(b) * (0.055 if cutoff else 0.02) * (2 if verdict == "cannot tell" else 1)
                    delta = value - b
                    paired = None if model == "baseline" else delta
                    rows.append(
                        {"task": task, "cutoff": cutoff, "model": model, "metric": metric, "value": value,
                         "lower": value - half, "upper": value + half, "difference": paired,
                         "difference_lower": None if paired is None else delta - half * 0.7,
                         "difference_upper": None if paired is None else delta + half * 0.7,
                         "rows": 18_420, "made_at": _MADE}
                    )  # fmt: skip
    return rows


def _curves() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for task, _, kind, _, rate, _, _ in _TASKS:
        for i in range(1, 11):
            x = min(0.97, rate * 0.12 * i**1.4)
            y = min(0.99, x * (1 + 0.12 * math.sin(i)))
            half = 0.3 * math.sqrt(x * (1 - x)) / 8
            point = {"task": task, "bin": i, "rows": 1842, "made_at": _MADE}
            if kind == "chance":
                rows.append({**point, "model": "boosted", "curve": "calibration", "x": x, "y": y,
                             "lower": max(0.0, y - half), "upper": min(1.0, y + half)})  # fmt: skip
            for model, power in (("baseline", 2.0), ("boosted", 3.1)):
                reach = 1 - (1 - i / 10) ** power
                rows.append({**point, "model": model, "curve": "gains", "x": i / 10, "y": reach,
                             "lower": max(0.0, reach - 0.03), "upper": min(1.0, reach + 0.03)})  # fmt: skip
    return rows


def _top(random_: random.Random) -> list[dict[str, Any]]:
    rows = []
    for task, _, kind, _, rate, _, _ in _TASKS:
        for i in range(20):
            high = min(0.97, rate * 6) if kind == "chance" else 940.0
            value = high * (0.97**i)
            rows.append(
                {"task": task, "customer_id": f"C-{random_.randint(1000, 21000)}", "category": None,
                 "chance": value if kind == "chance" else None, "amount": value if kind == "amount" else None,
                 "lower": value * 0.86, "upper": min(value * 1.12, 0.99 if kind == "chance" else 1e9),
                 "reasons": "; ".join(random_.sample(_REASONS, 3))}
            )  # fmt: skip
    return rows


def _daily(random_: random.Random) -> list[dict[str, Any]]:
    rows = []
    for i in range(365):
        at = date(2025, 6, 1) + timedelta(days=i)
        season = 1 + 0.25 * math.sin(i / 58) + (0.9 if at.month == 11 and at.day > 23 else 0)
        orders = int(230 * season * (0.8 + 0.3 * (at.weekday() >= 5)) + random_.gauss(0, 14))
        rows.append({"date": at, "orders": orders, "revenue": orders * random_.gauss(41, 2), "customers": orders - 11})
    return rows


def identity() -> dict[str, pa.Table]:
    """What resolve leaves for the page: 18,420 customers behind 27,960 records."""
    parts = [
        ("customers", 18_420.4, 18_275.0, 18_598.2, "expected number of persons behind the records"),
        ("clusters", 18_511.0, None, None, "customers as linked; the parts below add up to them"),
        ("links missed", 118.3, None, None, "expected links that the records say too little for"),
        ("strangers linked", 27.7, None, None, "expected records that are linked to somebody else"),
        ("identified", 12_004.0, None, None, "known by name, and bought"),
        ("guests only", 4_310.0, None, None, "known from guest checkouts alone"),
        ("ids without details", 803.0, None, None, "ids that bought and stand in no file of customers"),
        ("in CRM only", 512.0, None, None, "known from the CRM alone"),
        ("never purchased", 882.0, None, None, "an account without an order"),
    ]
    counts = [dict(zip(("part", "customers", "lower", "upper", "meaning"), p, strict=True)) for p in parts]
    places = [("account", 8_100), ("guest", 4_310), ("account + crm", 3_600), ("id only", 803),
              ("account + guest", 700), ("crm", 512), ("account + crm + guest", 402), ("crm + guest", 84)]  # fmt: skip
    pairs = [
        ("account 482 Ravi Thorpe, B18 1DT", "CRM 71 Raui Thorpe, B18 1DS", 0.997, True,
         ["first name nearly the same (Ravi / Raui): +4.8", "surname the same, and rare (in 2 of 27,960 records): +9.1",
          "postcode one character off (B18 1DT / B18 1DS): +2.2"]),
        ("account 511 Benjamin Jackson, M70 3SD", "guest checkout Ben Jackson, M703SD", 0.62, True,
         ["surname the same, but common (in 310 of 27,960 records): +5.1", "household discount: -2.2"]),
        ("guest checkout Jack Price, NE3 2UG", "guest checkout John Price, NE3 2UG", 0.41, False,
         ["first name a form of the same name (Jack / John): +1.9"]),
    ]  # fmt: skip
    told = [
        {"first": a, "second": b, "chance": c, "linked": linked, "how": "weighed", "why": why, "record_a": f"a{i}",
         "record_b": f"b{i}"}
        for i, (a, b, c, linked, why) in enumerate(pairs)
    ]  # fmt: skip
    worklist = [
        {"record_a": f"a{i}", "record_b": f"b{i}", "chance": 0.5 + i / 40, "linked": True, "worth": 6.0 - i / 3,
         "first": f"Ann Lee, EX{i} 2AE (guest)", "second": f"Anne Lee, EX{i} 2AF (account {i})", "verdict": None}
        for i in range(14)
    ]  # fmt: skip
    thresholds = [(0.5, 18_511), (0.8, 18_602), (0.9, 18_688), (0.95, 18_790), (0.99, 19_344), (0.999, 20_102)]
    return {
        "customers_count": table(counts),
        "customers_by_threshold": table([{"chance": c, "customers": n} for c, n in thresholds]),
        "identity_overlaps": table([{"places": p, "customers": n} for p, n in places]),
        "identity_merges": table([t for t in told if t["linked"]]),
        "identity_misses": table([t for t in told if not t["linked"]]),
        "review": pa.Table.from_pylist(worklist),
        "identity_effect": table([
            {"task": "buy-30d", "identity": who, "measure": measure, "value": v, "lower": low, "upper": high,
             "made_at": _MADE}
            for who, measure, v, low, high in [
                ("raw", "customers who ordered", 24_870.0, None, None), ("raw", "auc", 0.698, 0.687, 0.709),
                ("today", "customers who ordered", 18_511.0, None, None), ("as-of", "auc", 0.712, 0.701, 0.723),
                ("today", "auc", 0.719, 0.708, 0.73),
            ]
        ]),
        "identity_notes": table([
            {"kind": "fields", "note": "compared by first name, surname, postcode"},
            {"kind": "limit", "note": "one customer holds 210 of 2,000 records: look at it before you trust the count"},
        ]),
    }  # fmt: skip


def tables() -> dict[str, pa.Table]:
    """Every table a page may show, filled."""
    r = random.Random(7)
    questions = [
        {"task": t, "sentence": s, "kind": k, "horizon": h,
         "population": 18_420 if t != "become-customer-30d" else 61_204,
         "positives": int(18_420 * rate) if k == "chance" else None,
         "base_rate": rate, "model": "boosted", "caution": c}
        for t, s, k, h, rate, _, c in _TASKS
    ]  # fmt: skip
    questions.append(QUESTION)
    verdicts = []
    for task, _, kind, _, _, verdict, _ in _TASKS:
        what = "ranks customers" if kind == "chance" else "estimates spending"
        words = {
            "yes": f"Yes: boosted {what} better than the baseline at each of the six test times.",
            "cannot tell": "Cannot tell: the difference to the baseline is within what chance alone would show.",
        }
        verdicts.append({"task": task, "model": "boosted", "metric": "auc" if kind == "chance" else "wape",
                         "verdict": verdict, "sentence": words[verdict], "made_at": _MADE})  # fmt: skip
    importances = [
        {"task": t, "cutoff": _CUTOFF, "model": "boosted", "rank": i + 1, "feature": f, "label": label,
         "importance": 0.62 * 0.78**i, "direction": d if t != "churn-90d" else -d, "rows": 5000, "made_at": _MADE}
        for t, *_ in _TASKS for i, (f, label, d) in enumerate(r.sample(_FEATURES, len(_FEATURES)))
    ]  # fmt: skip
    histogram = [
        {"task": t, "bin": round(i * 0.05, 2), "rows": int(9000 * 0.68**i) + 3}
        for t, _, k, *_ in _TASKS if k == "chance" for i in range(20)
    ]  # fmt: skip
    first, last = datetime(2025, 6, 1), datetime(2026, 5, 31, 23, 58)
    table_rows = [("events", 3_628_560, 17_990), ("orders", 95_881, 16_204), ("lines", 241_020, 16_204),
                  ("customers", 21_498, 21_498), ("products", 4_790, None), ("reviews", 18_221, 6_902)]  # fmt: skip
    stages = [("load", 41.2, "7 files, 4,014,941 rows"), ("check", 3.4, "31 checks"),
              ("features", 28.8, "6 cutoffs, 74 features"), ("fit", 19.3, "5 questions"),
              ("backtest", 88.1, "5 questions, 6 cutoffs, 3 models"), ("predict", 5.1, "18,420 customers"),
              ("explain", 7.7, "top 100 of each list"), ("report", 2.2, "this page")]  # fmt: skip
    timeless = {"products"}
    return {
        "loads": table(_loads()),
        "table_rows": table([
            {"table_name": n, "rows": c, "customers": k,
             "first": None if n in timeless else first, "last": None if n in timeless else last}
            for n, c, k in table_rows
        ]),
        "daily": table(_daily(r)),
        "quality": table(_quality()),
        "quarantine_reasons": table([
            {"source": "simulated", "reason": why, "rows": rows, "example": example}
            for why, rows, example in [
                ("price below nought", 512, "88213,C-1182,P-220,1,-4.99"),
                ("the line is not JSON", 1_932, '{"event": "view", "ite'),
                ("unknown product", 364, "99120,C-4411,P-99999,2,12.00"),
            ]
        ]),
        **identity(),
        **forecasts(),
        **insight_tables(),
        "questions": table(questions),
        "evaluations": table(_evaluations(r)),
        "verdicts": table(verdicts),
        "curves": table(_curves()),
        "importances": table(importances),
        "contributions": table([
            {"task": "buy-7d", "model": "boosted", "feature": f, "label": label, "value": float(i), "text": None,
             "place": i / 11, "contribution": d * (i / 11 - 0.4) * 0.7**j, "error": None, "sampled": 0.1}
            for j, (f, label, d) in enumerate(_FEATURES[:3]) for i in range(12)
        ]),
        "explained": table([
            {"task": "buy-7d", "model": "boosted", "customer_id": "C-1042", "category": None, "step": i + 1,
             "label": label, "kind": kind, "begins": a, "ends": b, "base": -1.5}
            for i, (label, kind, a, b) in enumerate([
                ("The usual answer of the model", "start", -1.5, -1.5), ("last order 3 days ago", "raises", -1.5, 0.9),
                ("no order with a discount", "lowers", 0.9, 0.4), ("The answer: 56.9%", "total", -1.5, 0.4),
            ])
        ]),
        "top_scores": table(_top(r)),
        "score_histogram": table(histogram),
        "models": table([
            {"task": t, "model": "boosted", "cutoff": _CUTOFF, "path": f"models/{t}", "card": "{}", "made_at": _MADE}
            for t, *_ in _TASKS
        ]),
        **laboratory_tables(),
        "stages": table([{"stage": s, "seconds": x, "detail": d, "made_at": _MADE} for s, x, d in stages]),
    }  # fmt: skip


def full_page() -> Page:
    """A page with every table."""
    return Page(
        title="Nordwyn Outdoor, June 2026",
        business={
            "about": "Nordwyn sells outdoor clothing online to 18,000 customers in the British Isles.",
            "goals": [
                "Win back a tenth of the customers who drift away.",
                "Halve the letters that go to nobody's taste.",
            ],
            "success": "The list of 500 reaches at least three times as many buyers as 500 picked at random.",
            "stakeholders": {"Merchant": "decides on offers", "Service": "calls the top 50 each Monday"},
            "currency": "GBP",
        },
        made_at="1 June 2026, from 7 files of records up to 31 May 2026",
        tables=tables(),
        queries={
            "loads": "select * from loads order by load_id",
            "questions": "select * from questions order by task",
            "evaluations": "select task, cutoff, model, metric, value, lower, upper\nfrom evaluations\norder by all",
            "daily": "select cast(occurred_at as date) as date, count(*) as orders\nfrom orders\ngroup by 1",
            "top_scores": "select * from scores\nqualify row_number() over (partition by task order by chance) < 21",
        },
        headlines=[
            Headline("Customers known", "18,420", "16,204 of them have ordered"),
            Headline("Likely to order in 7 days", "1,120", "of 18,420; the best 500 hold 61% of them"),
            Headline("Drifting away", "2,310", "customers with over 80% chance of no order in 90 days"),
            Headline("Expected in 90 days", "£707,700", "between £668,000 and £749,000"),
            Headline("Answers better than a guess", "4 of 5", "one cannot be told yet"),
            Headline("Rows set aside", "2,808", "of 4,014,941 read; all are kept in quarantine"),
        ],
    )
