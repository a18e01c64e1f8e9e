"""A saved model for users of scikit-learn."""

from __future__ import annotations

from pathlib import Path

from footfall.answers.context import Context
from footfall.answers.keep import load_predictor
from footfall.errors import UsageError
from footfall.tabular.estimator import FittedEstimator, export
from footfall.tasks import Task


def as_estimator(context: Context, task: Task, model: str | None = None, out: Path | None = None) -> FittedEstimator:
    """The newest saved model of a task (of that name) as a fitted estimator; `out` writes it by joblib as well.

    Raises:
        UsageError: the task asks for a path or a ranking.
        FootfallError: there is no such saved model, or `out` cannot be written.
    """
    if task.kind not in ("chance", "amount"):
        raise UsageError(f"{task.name} asks for a {task.kind}; an estimator answers chances and amounts")
    predictor = load_predictor(context, task, None, model)
    if out is not None:
        export(predictor, out)
    return FittedEstimator(predictor)
