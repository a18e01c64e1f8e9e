"""Carries tasks out on a shop: prepares, fits, tests, scores, explains, and writes the result tables."""

from footfall.answers.context import Context, Progress
from footfall.answers.customer import tell_customer
from footfall.answers.decisions import decide, restock_shop
from footfall.answers.identity import backtest_as, identity_effect
from footfall.answers.insights import Answer as Insighted
from footfall.answers.insights import explore_page, tell_insights
from footfall.answers.keep import best_model, check_ending, load_predictor, saved_models, write_file, write_text
from footfall.answers.page import QUERIES, gather
from footfall.answers.run import Ran, Step, run
from footfall.answers.verbs import Fitted, backtest, explain, fit, predict, show, told_fit
from footfall.answers.work import MODELS, Ready, Scored, backtest_task, fit_task, ready

__all__ = [
    "MODELS", "QUERIES",
    "Context", "Fitted", "Insighted", "Progress", "Ran", "Ready", "Scored", "Step",
    "backtest", "backtest_as", "backtest_task", "best_model", "check_ending", "decide", "explain", "explore_page",
    "fit", "fit_task", "gather", "identity_effect", "load_predictor", "predict", "ready", "restock_shop", "run",
    "saved_models", "show", "tell_customer", "tell_insights", "told_fit", "write_file", "write_text",
]  # fmt: skip
