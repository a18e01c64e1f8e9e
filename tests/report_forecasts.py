"""The tables of forecasts, and of what is decided from them, as a shop would fill them: invented, the real columns."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

TASK, CUTOFF, MADE, STEPS = "revenue-category-30d", datetime(2026, 6, 1), datetime(2026, 6, 1, 4, 12, 33), 30
QUESTION = {
    "task": TASK, "sentence": "The expected revenue, day by day, in the 30 days from the cutoff, for each category.",
    "kind": "path", "horizon": "30d", "population": 2, "positives": None, "base_rate": None, "model": "automatic",
    "caution": "category: the median of lagged and moving_average answers; the levels add up bottom-up",
}  # fmt: skip
MEMBERS = [("total", None, 400.0), ("category", "outdoor.tents", 260.0), ("category", "outdoor.boots", 140.0)]


def _bands(amount: float) -> dict[str, float]:
    return {
        "amount": amount, "lower_80": amount * 0.8, "upper_80": amount * 1.25, "lower_95": amount * 0.6,
        "upper_95": amount * 1.5,
    }  # fmt: skip


def _head(level: str, category: str | None, model: bool = True) -> dict[str, Any]:
    named = {"task": TASK, "cutoff": CUTOFF, **({"model": "automatic"} if model else {})}
    return {**named, "level": level, "product_id": None, "category": category, "brand": None, "store_id": None}


def _ranked(model: str, metric: str, value: float, level: str | None = None) -> dict[str, Any]:
    return {
        "task": "next-items-30d", "cutoff": None, "model": model, "level": level, "metric": metric, "value": value,
        "lower": value - 0.02, "upper": value + 0.02, "difference": None if model == "own frequency" else 0.06,
        "difference_lower": None if model == "own frequency" else 0.01,
        "difference_upper": None if model == "own frequency" else 0.11, "rows": 900, "made_at": MADE,
    }  # fmt: skip


def forecasts() -> dict[str, pa.Table]:
    """Every table that the sections on forecasts and decisions show."""
    day = timedelta(days=1)
    steps, sums, words = [], [], []
    for level, category, size in MEMBERS:
        for step in range(STEPS):
            wave = size * (1.3 if step % 7 == 5 else 1.0)
            start = CUTOFF + step * day
            row = {"step": step + 1, "period_start": start, "period_end": start + day, **_bands(wave), "made_at": MADE}
            steps.append({**_head(level, category), **row})
        whole = {"steps": STEPS, "period_end": CUTOFF + STEPS * day, **_bands(size * 31.2), "made_at": MADE}
        named = {"name": None, "before": size * 29.0, "year_ago": size * 24.0}
        sums.append({**_head(level, category), **whole, **named})
        told = "8% above the last 30 days: trend +5%, promotion +3%; 30% above the same 30 days last year: trend +30%"
        words.append({**_head(level, category), "words": told, "amount": size * 31.2, "name": None})
    past = [
        {**_head("total", None, model=False), "period_start": CUTOFF - k * day, "amount": 380.0 + 9 * (k % 7),
         "censored": k == 40, "made_at": MADE}
        for k in range(200, 0, -1)
    ]  # fmt: skip
    evaluations = [
        {"task": TASK, "cutoff": None, "model": model, "level": level, "metric": metric, "value": value,
         "lower": value * 0.9, "upper": value * 1.1, "difference": None if model == "seasonal_naive" else -0.1,
         "difference_lower": None if model == "seasonal_naive" else -0.15,
         "difference_upper": None if model == "seasonal_naive" else -0.05, "rows": 240, "made_at": MADE}
        for level in (None, "total") for model in ("automatic", "moving_average", "seasonal_naive")
        for metric, value in [("wape", 0.31), ("mase", 0.82), ("coverage_80", 0.79), ("coverage_95", 0.94)]
    ]  # fmt: skip
    sentence = "Is automatic better than the same time a season ago at revenue-category-30d? Yes: by a tenth."
    verdict = {"task": TASK, "model": "automatic", "metric": "wape", "verdict": "yes", "sentence": sentence}
    spike = {
        **_head("category", "outdoor.tents", model=False), "period_start": CUTOFF - 60 * day, "kind": "spike",
        "actual": 1_900.0, "expected": 260.0, "score": 9.0, "words": "1,900 where 260 would have been usual",
        "name": None, "made_at": MADE,
    }  # fmt: skip
    order = {
        "product_id": "P-1", "name": "Two-person tent", "category": "outdoor.tents", "cutoff": CUTOFF, "on_hand": 3.0,
        "on_order": 0.0, "demand": 12.0, "lower_80": 8.0, "upper_80": 16.0, "days_of_cover": 3.5, "order_now": 15.0,
        "order_up_to": 18.0, "service_level": 0.95, "lead_days": 7.0, "review_days": 7.0, "unit_cost": 40.0,
        "action": "order", "note": "sells out in 4 days", "made_at": MADE,
    }  # fmt: skip
    much = order | {"product_id": "P-2", "name": "Old boots", "on_hand": 300.0, "days_of_cover": 400.0,
                    "order_now": 0.0, "action": "promote", "note": "300 on hand; 40 sell in 8 weeks"}  # fmt: skip
    rising = {
        "task": "units-product-8w", "cutoff": CUTOFF, "product_id": "P-1", "category": "outdoor.tents",
        "before_units": 20.0, "now_units": 60.0, "growth": 1.9, "lower": 0.9, "upper": 3.3, "p_value": 0.0004,
        "adjusted_p": 0.012, "rising": True, "words": "60 sold after 20", "made_at": MADE, "name": "Two-person tent",
        "looked_at": 400,
    }  # fmt: skip
    agree = {
        "category": "outdoor.tents", "cutoff": CUTOFF, "horizon": "30d", "forecast": 8_112.0,
        "forecast_lower": 4_900.0, "forecast_upper": 12_200.0, "customers": 6_900.0, "gap": 1_212.0,
        "newcomers": 800.0, "guests": 200.0, "words": "1,212 more than known customers are expected to spend.",
        "made_at": MADE, "unexplained": 212.0, "inside": True,
    }  # fmt: skip
    actions = [
        {"action": a, "products": n, "pieces": p, "cost": c}
        for a, n, p, c in [("order", 1, 15.0, 600.0), ("promote", 1, 0.0, 0.0)]
    ]
    shown = [
        {"task": "next-items-30d", "customer_id": "C-1042", "rank": k, "what": f"Tent {k}", "category": "outdoor.tents",
         "reason": "you looked at it 3 days ago"}
        for k in range(1, 6)
    ]  # fmt: skip
    lists = [_ranked(model, metric, value) for model, value in [("answer", 0.21), ("own frequency", 0.15)]
             for metric in ("ndcg@20", "recall@20", "coverage@20")]  # fmt: skip
    parts = [
        _ranked(model, metric, value, level) | {"less_popular": 0.08, "less_popular_lower": 0.02,
                                                "less_popular_upper": 0.14}
        for level in ("age: 30-39", "bought on 1 day", "new items", "customers without any history")
        for model, value in [("answer", 0.21), ("popular", 0.13), ("content", 0.16)]
        for metric in ("ndcg@20", "recall@20")
    ]  # fmt: skip
    pair = {"product_id": "P-1", "other_id": "P-2", "name": "Two-person tent", "other_name": "Pegs", "baskets": 31,
            "support": 0.01, "confidence": 0.4, "lift": 9.0, "lower": 5.5, "upper": 14.0, "rank": 1, "cutoff": CUTOFF,
            "made_at": MADE, "pairs": 12}  # fmt: skip
    said = "Is the answer better than what each customer took most often at next-items-30d? Yes."
    ranked = {"task": "next-items-30d", "model": "answer", "metric": "ndcg@20", "verdict": "yes", "sentence": said}
    rows: dict[str, list[dict[str, Any]]] = {
        "forecasts": steps, "forecast_history": past, "forecast_totals": sums, "forecast_words": words,
        "forecast_evaluations": evaluations, "forecast_verdicts": [verdict], "anomalies": [spike],
        "restock": [order, much], "restock_actions": actions, "demand_leads": [rising], "agreement": [agree],
        "recommended": shown, "ranking_evaluations": lists, "ranking_verdicts": [ranked],
        "ranking_parts": parts, "pairs_together": [pair],
    }  # fmt: skip
    return {name: pa.Table.from_pylist(each) for name, each in rows.items()}
