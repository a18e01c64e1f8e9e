"""Chance and amount: task, features and cutoffs -> matrix; matrix and model -> predictor."""

from footfall.tabular.blend import ENGINEERED, SELECTED, TUNED, Blend, bare, blend_of, engineers
from footfall.tabular.encode import Encoder, learn_encoder
from footfall.tabular.learner import Learner, learn
from footfall.tabular.plan import (
    RUN_BUDGET,
    Clock,
    Plan,
    Settings,
    lighter,
    make_clock,
    make_plan,
    origins,
    training_cutoffs,
)
from footfall.tabular.predictor import Answers, Predictor, Trained
from footfall.tabular.reading import read_reviews
from footfall.tabular.space import Budget, budget_of, space_of
from footfall.tabular.store import FeatureTable, Matrix, prepare, thin
from footfall.tabular.threads import one_thread
from footfall.tabular.trainer import Trainer
from footfall.tabular.tune import Trial, Tuning, tune

__all__ = [
    "ENGINEERED",
    "RUN_BUDGET",
    "SELECTED",
    "TUNED",
    "Answers",
    "Blend",
    "Budget",
    "Clock",
    "Encoder",
    "FeatureTable",
    "Learner",
    "Matrix",
    "Plan",
    "Predictor",
    "Settings",
    "Trained",
    "Trainer",
    "Trial",
    "Tuning",
    "bare",
    "blend_of",
    "budget_of",
    "engineers",
    "learn",
    "learn_encoder",
    "lighter",
    "make_clock",
    "make_plan",
    "one_thread",
    "origins",
    "prepare",
    "read_reviews",
    "space_of",
    "thin",
    "training_cutoffs",
    "tune",
]
