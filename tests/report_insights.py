"""The tables of insights on the example page: a few rows each, with every column."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pyarrow as pa

from footfall.insights import KEPT, catalogue
from footfall.insights.catalogue import _arrow


def _rows() -> dict[str, list[dict[str, Any]]]:
    months = [date(2026, m, 1) for m in range(1, 7)]
    sold = [
        {"name": n, "units": 90.0 - 9 * i, "orders": 60 - i, "customers": 50 - i, "amount": 4000.0 - 300 * i,
         "share": 0.3 - 0.02 * i, "now_amount": 900.0, "before_amount": 800.0, "year_before_amount": 700.0,
         "growth": 0.125, "year_growth": 0.286}
        for i, n in enumerate(("tents", "boots", "stoves"))
    ]  # fmt: skip
    return {
        "category-bayes": [
            {"category": c, "pairs": 9000.0, "buyers": 200.0, "interested": 300.0, "interested_buyers": 60.0,
             "prior": 0.022, "likelihood": 0.3, "evidence": 0.033, "posterior": 0.2, "design_effect": 1.3,
             "by_moments": 0.19, "pooled": 0.191 - 0.01 * i, "lift": 8.6, "lower": 0.15, "upper": 0.24}
            for i, c in enumerate(("tents", "boots", "stoves"))
        ],
        "category-odds": [
            {"category": c, "interactions": n, "pairs": 100.0, "buyers": 5.0, "chance": 0.05, "odds": 0.0526 * (n + 1),
             "lower": 0.03, "upper": 0.09, "odds_ratio": n + 1.0}
            for c in ("tents", "boots") for n in range(5)
        ],
        "categories": sold, "brands": sold, "products": sold,
        "growth": [
            {"month": m, "amount": 5000.0 + 300 * i, "orders": 90, "customers": 80, "amount_per_order": 60.0,
             "growth": 0.06, "year_growth": None}
            for i, m in enumerate(months)
        ],
        "baskets": [
            {"products": p, "least": n, "orders": 50, "share": 0.5, "units_each": 1.4, "amount_each": 40.0,
             "amount_share": 0.5}
            for n, p in ((1, "1"), (2, "2"))
        ],
        "bought-together": [
            {"one": "tent", "other": "pegs", "orders": 40, "by_chance": 8.0, "lift": 5.0, "of_the_rarer": 0.4},
            {"one": "boots", "other": "socks", "orders": 30, "by_chance": 9.0, "lift": 3.3, "of_the_rarer": 0.3},
        ],
        "price-bands": [
            {"band": i + 1, "low": 10.0 * i, "high": 10.0 * i + 9, "units": 40.0, "amount": 900.0, "unit_share": 0.2,
             "amount_share": 0.2}
            for i in range(5)
        ],
        "seasonality": [
            {"category": c, "dimension": d, "period": i + 1, "name": n, "seen": 1, "index": 0.8 + 0.05 * i}
            for c in ("all", "tents")
            for d, names in (("month", "Jan Feb Mar Apr May Jun"), ("weekday", "Mon Tue Wed Thu"))
            for i, n in enumerate(names.split())
        ],
        "customers": [
            {"dimension": d, "value": v, "customers": 90, "buyers": 60, "orders": 120, "amount": 4800.0, "share": 0.3,
             "amount_per_buyer": 80.0}
            for d, values in (("gender", "female,male,not stated"), ("age", "18 to 24,25 to 34,35 to 44"))
            for v in values.split(",")
        ],
        **{
            f"satisfaction-by-{by}": [
                {"measure": m, "dimension": by, "value": v, "customers": 90, "answers": 200, "mean": 4.1 - 0.1 * i,
                 "lower": 3.9 - 0.1 * i, "upper": 4.3 - 0.1 * i, "chance": 0.03}
                for m in ("rating", "score") for i, v in enumerate(groups.split(","))
            ]
            for by, groups in (("age", "18 to 24,25 to 34,35 to 44"), ("spend", "lowest fourth,highest fourth"))
        },
        "rfm": [
            {"segment": s, "meaning": "buy regularly", "customers": 90, "share": 0.2, "amount": 4000.0,
             "amount_share": 0.4, "orders_each": 5.5, "amount_each": 380.0, "days_since": 12.0}
            for s in ("champions", "loyal", "lost")
        ],
        "cohorts": [
            {"cohort": m, "months_since": n, "customers": 100, "active": 40 - 3 * n, "retention": 0.4 - 0.03 * n}
            for i, m in enumerate(months) for n in range(6 - i)
        ],
        "new-and-returning": [
            {"month": m, "new_customers": 20, "returning_customers": 60, "new_orders": 22, "returning_orders": 90,
             "new_amount": 900.0, "returning_amount": 4000.0, "returning_share": 0.7 + 0.02 * i}
            for i, m in enumerate(months)
        ],
        "concentration": [
            {"top": t, "customers": round(400 * t), "amount": 9000.0 * t, "amount_share": t**0.5, "gini": 0.6}
            for t in (0.01, 0.05, 0.1, 0.2, 0.5, 1.0)
        ],
        "funnel": [
            {"dimension": d, "segment": s, "looked": 900, "carted": 110, "bought": 20, "bought_without_cart": 9,
             "look_to_cart": 0.122, "cart_to_purchase": 0.18, "look_to_purchase": 0.03, "hours_to_cart": 0.4,
             "hours_to_purchase": 60.0}
            for d, s in (("all", "all"), ("category", "tents"), ("customer", "ordered before"))
        ],
        "buyers-differ": [
            {"feature": f"f{i}", "label": label, "buyers": 300, "others": 900, "buyers_mean": 9.0, "others_mean": 4.0,
             "buyers_median": 7.0, "others_median": 2.0, "more_often": 0.68 - 0.02 * i, "lower": 0.64 - 0.02 * i,
             "upper": 0.72 - 0.02 * i, "p_value": 0.0001, "adjusted_p": 0.002, "sure": True}
            for i, label in enumerate(("visits in the last 30 days", "orders so far", "spend so far"))
        ],
        "explore-columns": [
            {"table_name": "orders", "column_name": c, "type": "DOUBLE", "rows": 900_000, "read": 500_000,
             "missing": 0.1, "values_about": 40, "low": "1", "quarter": "2", "middle": "3", "three_quarters": "4",
             "high": "9", "mean": 3.4, "often": None}
            for c in ("amount", "discount", "channel")
        ],
        "explore-distributions": [
            {"table_name": "orders", "column_name": c, "place": i + first, "bin": b, "rows": 90 - i}
            for c, first, bins in (("amount", 0, "0 10 20 30"), ("channel", 1, "web app shop"))
            for i, b in enumerate(bins.split())
        ],
        "explore-correlations": [
            {"table_name": "orders", "one": "amount", "other": "discount", "kind": "ranks", "rows": 900,
             "strength": 0.4},
            {"table_name": "orders", "one": "amount", "other": "channel", "kind": "ranks by group", "rows": 900,
             "strength": 0.2},
        ],
    }  # fmt: skip


def insight_tables() -> dict[str, pa.Table]:
    """One table an insight, and their words."""
    rows = _rows()
    known = catalogue()
    assert set(rows) == set(known)
    kept = [
        {"insight": n, "question": i.question, "words": f"What {n} says. And what it means.",
         "table_name": i.table.name, "sql": "select 1", "made_at": datetime(2026, 6, 1)}
        for n, i in known.items()
    ]  # fmt: skip
    told = {known[n].table.name: _arrow(known[n].table, of) for n, of in rows.items()}
    return {KEPT.name: _arrow(KEPT, kept).drop_columns(["sql"]), **told}
