"""Metrics, intervals and backtests over rolling cutoffs; always beside a baseline."""

from footfall.evaluate.backtest import BASELINE, Backtest, backtest
from footfall.evaluate.bootstrap import Estimate, Part, bootstrap, bootstrap_cutoffs, verdict
from footfall.evaluate.metrics import (
    AMOUNT_METRICS,
    CHANCE_METRICS,
    METRICS,
    Metric,
    amount_metrics,
    calibration_curve,
    chance_metrics,
    gains_curve,
)

__all__ = [
    "AMOUNT_METRICS",
    "BASELINE",
    "CHANCE_METRICS",
    "METRICS",
    "Backtest",
    "Estimate",
    "Metric",
    "Part",
    "amount_metrics",
    "backtest",
    "bootstrap",
    "bootstrap_cutoffs",
    "calibration_curve",
    "chance_metrics",
    "gains_curve",
    "verdict",
]
