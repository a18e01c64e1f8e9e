"""The tables that "when will the next order come" is answered in."""

from __future__ import annotations

from footfall.tables.canonical import Table, _columns

WAITS: list[Table] = [
    Table(
        "waits",
        "when each customer's next order comes: the chance by each of five spans, and days",
        _columns("""
    cutoff TIMESTAMP first instant not known
    customer_id VARCHAR customer
    within_7d DOUBLE chance of an order in the 7 days from the cutoff
    within_14d DOUBLE in the 14 days from it
    within_28d DOUBLE in the 28 days from it
    within_56d DOUBLE in the 56 days from it
    within_91d DOUBLE in the 91 days from it
    median_days DOUBLE days by which it has come with chance a half; null: more than 91
    lower_days DOUBLE days by which it has come with chance 0.1; null: more than 91
    upper_days DOUBLE days by which it has come with chance 0.9; null: more than 91
    made_at TIMESTAMP when
    """),
    ),
    Table(
        "wait_checks",
        "the same answer given at an earlier instant, against what then happened",
        _columns("""
    cutoff TIMESTAMP the earlier instant; nothing of it or later was known
    days INTEGER span
    said DOUBLE mean chance said
    came DOUBLE share that came
    brier DOUBLE mean squared error of the chances
    brier_base DOUBLE that of the share known before, for everybody
    inside DOUBLE share of waits between lower_days and upper_days; 0.8 is aimed at
    rows BIGINT customers
    made_at TIMESTAMP when
    """),
    ),
]
