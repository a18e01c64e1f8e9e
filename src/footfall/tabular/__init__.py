"""Chance and amount: task, features and cutoffs -> matrix; matrix and model -> predictor."""

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
from footfall.tabular.store import FeatureTable, Matrix, prepare, thin
from footfall.tabular.threads import one_thread
from footfall.tabular.trainer import Trainer

__all__ = [
    "RUN_BUDGET",
    "Answers",
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
    "learn",
    "learn_encoder",
    "lighter",
    "make_clock",
    "make_plan",
    "one_thread",
    "origins",
    "prepare",
    "thin",
    "training_cutoffs",
]
