"""Carries tasks out on a shop: prepares, fits, tests, scores, explains, and writes the result tables."""

from footfall.answers.audit import Audit, audit
from footfall.answers.beside import Wish, recommend
from footfall.answers.context import Context, Progress
from footfall.answers.customer import tell_customer
from footfall.answers.decisions import decide, restock_shop
from footfall.answers.drawn import draw_explanation
from footfall.answers.estimator import as_estimator
from footfall.answers.identity import backtest_as, identity_effect
from footfall.answers.insights import Insighted, explore_page, tell_insights
from footfall.answers.keep import best_model, check_ending, load_predictor, saved_models, write_file, write_text
from footfall.answers.models import add_model, compare_models, list_models, model_card, promote_model, remove_model
from footfall.answers.one import One, predict_one, prompted
from footfall.answers.one_list import OneList, rank_one
from footfall.answers.page import QUERIES, gather
from footfall.answers.rankings import Ruling, rules_for
from footfall.answers.run import Ran, Step, run
from footfall.answers.telling import read_given
from footfall.answers.verbs import Fitted, backtest, explain, fit, predict, show, told_fit
from footfall.answers.waits import Waited, wait
from footfall.answers.work import MODELS, Ready, Scored, backtest_task, fit_task, ready, variants

__all__ = [
    "MODELS", "QUERIES",
    "Audit", "Context", "Fitted", "Insighted", "One", "OneList", "Progress", "Ran", "Ready", "Ruling", "Scored", "Step",
    "Waited", "Wish",
    "add_model", "as_estimator", "audit", "backtest", "backtest_as", "backtest_task", "best_model", "check_ending",
    "compare_models",
    "decide", "draw_explanation", "explain", "explore_page", "fit", "fit_task", "gather", "identity_effect",
    "list_models", "load_predictor", "model_card", "predict", "predict_one", "promote_model", "prompted", "rank_one",
    "read_given", "ready", "recommend", "remove_model", "restock_shop", "rules_for", "run", "saved_models", "show",
    "tell_customer", "tell_insights", "told_fit", "variants", "wait", "write_file", "write_text",
]  # fmt: skip
