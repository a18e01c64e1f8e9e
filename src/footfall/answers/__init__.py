"""Carries tasks out on a shop: prepares, fits, tests, scores, explains, and writes the result tables."""

from footfall.answers.context import Context, Progress
from footfall.answers.keep import best_model, check_ending, load_predictor, saved_models, write_file, write_text
from footfall.answers.page import QUERIES, gather
from footfall.answers.run import MODELS, Ran, run
from footfall.answers.work import (
    Ready,
    Scored,
    backtest_task,
    explain_customer,
    explain_scores,
    fit_task,
    predict_task,
    ready,
)

__all__ = [
    "MODELS",
    "QUERIES",
    "Context",
    "Progress",
    "Ran",
    "Ready",
    "Scored",
    "backtest_task",
    "best_model",
    "check_ending",
    "explain_customer",
    "explain_scores",
    "fit_task",
    "gather",
    "load_predictor",
    "predict_task",
    "ready",
    "run",
    "saved_models",
    "write_file",
    "write_text",
]
