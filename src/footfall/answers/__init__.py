"""Carries tasks out on a shop: prepares, fits, tests, scores, explains, and writes the result tables."""

from footfall.answers.context import Context, Progress
from footfall.answers.customer import tell_customer
from footfall.answers.identity import backtest_as, identity_effect
from footfall.answers.keep import best_model, check_ending, load_predictor, saved_models, write_file, write_text
from footfall.answers.page import QUERIES, gather
from footfall.answers.run import Before, Ran, run
from footfall.answers.work import (
    MODELS,
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
    "Before",
    "Context",
    "Progress",
    "Ran",
    "Ready",
    "Scored",
    "backtest_as",
    "backtest_task",
    "best_model",
    "check_ending",
    "explain_customer",
    "explain_scores",
    "fit_task",
    "gather",
    "identity_effect",
    "load_predictor",
    "predict_task",
    "ready",
    "run",
    "saved_models",
    "tell_customer",
    "write_file",
    "write_text",
]
