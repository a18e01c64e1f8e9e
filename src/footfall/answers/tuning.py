"""Tuning on behalf of a shop: searches before an instant, the table `tuning`, and settings found earlier."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from footfall.answers.context import Context
from footfall.answers.keep import Row, write
from footfall.errors import UsageError
from footfall.tabular import TUNED, Budget, Trainer, Tuning, bare, space_of, tune
from footfall.tasks import Task


def tune_models(
    context: Context, trainer: Trainer, models: Sequence[str], instants: Sequence[datetime], budget: Budget
) -> list[Tuning]:
    """Tune each model anew before each instant, from what was known then, and write `tuning`.

    A time is shared among all these searches; of trials, each search has its own.

    Raises:
        UsageError: a model has no setting to tune.
        FootfallError: the history is too short, or Optuna is not there.
    """
    task, each = trainer.task, budget.shared(len(models) * len(instants))
    folder = context.models / task.name / "tuning"
    found = []
    for at in instants:
        for model in models:
            context.progress(f"{task.name}: tuning {model} before {at:%Y-%m-%d}, {each.words}")
            done = tune(trainer, model, at, each, folder, context.progress)
            context.progress(done.words)
            write(context.engine, "tuning", _rows(done), {"task": task.name, "model": done.model, "cutoff": at})
            found.append(done)
    return found


def tunable(trainer: Trainer, models: Sequence[str]) -> list[str]:
    """The single models among these, and the members of the means, that have settings to tune.

    Raises UsageError when there is none.
    """
    parts = dict.fromkeys(bare(p) for m in models for p in trainer.blend(m).members)
    found = [p for p in parts if space_of(p)]
    if not found:
        raise UsageError(
            f"{' and '.join(parts)} {'has' if len(parts) == 1 else 'have'} no setting to tune; name another"
        )
    return found


def as_tuned(trainer: Trainer, model: str) -> str:
    """The name of a model once it is tuned: `tuned:boosted`, `stacking:tuned:logistic+tuned:boosted`."""
    blend = trainer.blend(model)
    parts = "+".join(TUNED + bare(p) if space_of(p) else p for p in blend.members)
    head = model.partition(":")[0]
    return parts if blend.single or head not in ("voting", "stacking") else f"{head}:{parts}"


def recall(context: Context, trainer: Trainer, model: str, at: datetime) -> None:
    """Settings that tuning found for `model` at or before `at`, for its parts called `tuned:`; told to the trainer.

    Raises UsageError where there are none.
    """
    for part in trainer.blend(model).members:
        if part.startswith(TUNED) and (bare(part), at) not in trainer.tuned:
            settings = _found(context, trainer.task, bare(part), at)
            if settings is None:
                raise UsageError(
                    f"{bare(part)} was not tuned for {trainer.task.name} before {at:%Y-%m-%d}; "
                    f"run: footfall fit {trainer.task.name} --model {bare(part)} --tune 5m"
                )
            trainer.tuned[bare(part), at] = settings


def _found(context: Context, task: Task, model: str, at: datetime) -> dict[str, object] | None:
    rows = context.engine.rows(
        "select settings from tuning where task = ? and model = ? and chosen and cutoff <= ? "
        "order by cutoff desc limit 1",
        [task.name, model, at],
    )
    return dict(json.loads(rows[0][0])) if rows else None


def _rows(done: Tuning) -> list[Row]:
    return [
        {
            "task": done.task, "model": done.model, "cutoff": done.at, "trial": t.number, "state": t.state,
            "settings": json.dumps(t.settings, sort_keys=True), "loss": t.loss, "losses": json.dumps(t.losses),
            "difference": t.difference, "error": t.error, "seconds": t.seconds, "chosen": t.number == done.chosen,
        }
        for t in done.trials
    ]  # fmt: skip
