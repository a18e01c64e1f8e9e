"""Walmart weekly, a quarter ahead: 13 weeks from four origins 13 weeks apart, Christmas among them."""

from __future__ import annotations

from benchmarks.data import Result
from benchmarks.walmart import ABOUT as ABOUT_MONTH
from benchmarks.walmart import SEED, run_ahead

STEPS = 13
ABOUT = ABOUT_MONTH.format(steps=STEPS)

__all__ = ["ABOUT", "SEED", "run"]


def run() -> Result:
    """As `benchmarks.walmart`, a quarter ahead."""
    return run_ahead(STEPS)
