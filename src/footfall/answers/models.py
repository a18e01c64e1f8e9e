"""Saved models: listed, compared, promoted, removed, and brought in from another machine."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

from footfall.answers.cards import limits, span_of, told
from footfall.answers.context import Context, now
from footfall.answers.keep import Row, saved_models, write
from footfall.errors import FootfallError, UsageError, did_you_mean
from footfall.tasks import Task

_METRICS = ("log_loss", "auc", "calibration_error", "rmse", "mae", "wape", "mase", "ndcg@20", "recall@20")
"""Those of a backtest that a comparison shows."""


def list_models(context: Context, task: str | None = None) -> list[Row]:
    """Saved models, newest first, with whether `predict` uses them and the folder's size in bytes."""
    return [{**m, "bytes": _size(context.models / str(m["path"]))} for m in saved_models(context.engine, task)]


def compare_models(context: Context, task: Task) -> list[Row]:
    """The task's saved models side by side: what each learnt from, its size, and its metrics.

    Metrics are those of the task's last backtest, by the model's name; where that has not tested it, those on its card.

    Raises:
        FootfallError: the task has no saved model.
    """
    found = list_models(context, task.name)
    if not found:
        raise FootfallError(f"no saved model of {task.name}; run: footfall fit {task.name}")
    tested: dict[str, dict[str, float]] = {}
    for model, metric, value in context.engine.rows(
        "select model, metric, value from evaluations where task = ? and cutoff is null and level is null", [task.name]
    ):
        tested.setdefault(str(model), {})[str(metric)] = value
    rows = []
    for one in found:
        card = card_of(context, one)
        mine = tested.get(str(one["model"])) or card.get("metrics") or {}
        trained = card.get("trained") or {}
        first, last = span_of(card)
        rows.append(
            {
                "model": one["model"],
                "cutoff": one["cutoff"],
                "promoted": one["promoted"],
                "tested": "the last backtest" if str(one["model"]) in tested else "its card" if mine else "never",
                "learnt_from": first,
                "learnt_to": last,
                "rows": trained.get("rows"),
                "customers": trained.get("customers"),
                "features": len(card.get("features") or []) or None,
                "bytes": one["bytes"],
                **{m: mine[m] for m in _METRICS if m in mine},
            }
        )
    names = list(dict.fromkeys(k for r in rows for k in r))
    return [{n: r.get(n) for n in names} for r in rows]


def card_of(context: Context, saved: Row) -> dict[str, Any]:
    """The card of a row of `models`, with its limits in words."""
    kept = context.engine.value(
        "select card from models where task = ? and model = ? and cutoff = ?",
        [saved["task"], saved["model"], saved["cutoff"]],
    )
    card: dict[str, Any] = json.loads(kept or "{}")
    return {"task": saved["task"], "model": saved["model"], **card, "limits": limits(card)}


def model_card(
    context: Context, task: Task, model: str | None = None, at: datetime | None = None
) -> tuple[dict[str, Any], str]:
    """The card of one saved model (without a name: of the one that `predict` uses), as a document and as text."""
    card = card_of(context, _chosen(context, task, model, at))
    return card, told(card)


def promote_model(context: Context, task: Task, model: str | None, at: datetime | None = None) -> Row | None:
    """From now on `predict` and `explain` use this saved model where it knew nothing later; None: the newest again.

    Raises:
        FootfallError: there is no such saved model.
        UsageError: several are meant.
    """
    if model is None:
        context.engine.execute("delete from promotions where task = ?", [task.name])
        return None
    chosen = _single(context, task, model, at)
    row = {"task": task.name, "model": chosen["model"], "cutoff": chosen["cutoff"]}
    write(context.engine, "promotions", [row], {"task": task.name})
    return {**chosen, "promoted": True}


def remove_model(
    context: Context, task: Task, model: str, at: datetime | None = None, promoted: bool = False
) -> tuple[Row, Row | None]:
    """Delete one saved model, its folder and its row. Returns it, and the one that `predict` uses from now on.

    Args:
        promoted: also when it is the promoted one; then the newest of those left answers.

    Raises:
        FootfallError: there is no such saved model, or it is the promoted one and `promoted` does not say so.
        UsageError: several are meant.
    """
    chosen = _single(context, task, model, at)
    if chosen["promoted"] and not promoted:
        raise FootfallError(
            f"{task.name}: {_named(chosen)} is the promoted one, which predict uses; promote another first "
            f"(footfall models promote {task.name} MODEL), or say --promoted to remove it all the same"
        )
    where = [chosen["task"], chosen["model"], chosen["cutoff"]]
    with context.engine.transaction():
        for table in ("models", "promotions"):
            context.engine.execute(f"delete from {table} where task = ? and model = ? and cutoff = ?", where)
    folder = _inside(context, str(chosen["path"]))
    rmtree(folder, ignore_errors=True)
    for parent in (folder.parent, folder.parent.parent):
        if parent != context.models and parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()
    left = saved_models(context.engine, task.name)
    return chosen, next((m for m in left if m["promoted"]), left[0] if left else None)


def add_model(context: Context, tasks: list[Task], folder: Path) -> Row:
    """Bring in a model that was saved elsewhere: its folder is copied beside this shop and listed.

    Nothing in the folder is run: models are kept as text, JSON and npz.

    Raises:
        FootfallError: the folder holds no saved model, or one of a task that this shop does not know.
    """
    try:
        card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        name, model = str(card["task"]), str(card["model"])
        at = datetime.fromisoformat(str((card.get("trained") or card)["at"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise FootfallError(f"'{folder}' holds no saved model (card.json is missing or broken)") from None
    if name not in {t.name for t in tasks}:
        raise FootfallError(
            f"the model in '{folder}' answers '{name}', a task this shop does not know"
            f"{did_you_mean(name, [t.name for t in tasks])}; put the task into tasks.toml beside the shop"
        )
    path = f"{name}/{model}/{at:%Y-%m-%dT%H%M%S}"
    target = _inside(context, path)
    if target.resolve() != folder.resolve():
        rmtree(target, ignore_errors=True)
        copytree(folder, target)
    row = {"task": name, "model": model, "cutoff": at, "path": path, "card": json.dumps(card)}
    write(context.engine, "models", [row], {"task": name, "model": model, "cutoff": at})
    return {**row, "made_at": now(), "promoted": False}


def _chosen(context: Context, task: Task, model: str | None, at: datetime | None) -> Row:
    """The saved model meant; without a name the promoted one, else the newest."""
    found = saved_models(context.engine, task.name)
    fitting = [m for m in found if model in (None, m["model"]) and at in (None, m["cutoff"])]
    if not fitting:
        kind = f" called {model}" if model else ""
        when = f" of {at:%Y-%m-%d}" if at else ""
        have = "; there are " + ", ".join(_named(m) for m in found[:6]) if found else ""
        raise FootfallError(f"no saved model of {task.name}{kind}{when}{have or f'; run: footfall fit {task.name}'}")
    return next((m for m in fitting if m["promoted"] and model is None), fitting[0])


def _single(context: Context, task: Task, model: str, at: datetime | None) -> Row:
    """The one saved model of that name. Raises UsageError when several were saved and `at` does not tell which."""
    _chosen(context, task, model, at)
    fitting = [m for m in saved_models(context.engine, task.name) if m["model"] == model and at in (None, m["cutoff"])]
    if len(fitting) > 1:
        dates = ", ".join(f"{m['cutoff']:%Y-%m-%d}" for m in fitting)
        raise UsageError(f"{task.name}: {model} was saved of {dates}; say which with --at DATE")
    return fitting[0]


def _named(saved: Row) -> str:
    return f"{saved['model']} of {saved['cutoff']:%Y-%m-%d}"


def _inside(context: Context, path: str) -> Path:
    """A folder below that of the models. Raises FootfallError for a path that leads out of it."""
    found = (context.models / path).resolve()
    if not found.is_relative_to(context.models.resolve()) or found == context.models.resolve():
        raise FootfallError(f"the model's path '{path}' leads out of '{context.models}'")
    return found


def _size(folder: Path) -> int:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
