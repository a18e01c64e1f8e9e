"""The verb about saved models: list, card, compare, promote, remove, add."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pyarrow as pa
import typer

from footfall.cli.frame import app, opened, say
from footfall.errors import UsageError
from footfall.shop import Shop

ACTIONS = ("list", "card", "compare", "promote", "remove", "add")
NEWEST = "newest"
At = Annotated[str | None, typer.Option(help="Of models of one name: the one trained on history before this day.")]


@app.command()
def models(
    context: typer.Context,
    action: Annotated[str, typer.Argument(help="list, card, compare, promote, remove or add; or a task.")] = "list",
    task: Annotated[str | None, typer.Argument(help="The task; of add: the folder of a saved model.")] = None,
    model: Annotated[
        str | None, typer.Argument(help="The saved model's name, as list tells it; promote newest: the newest again.")
    ] = None,
    at: At = None,
    promoted: Annotated[bool, typer.Option("--promoted", help="Of remove: also when it is the promoted one.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Of remove: do not ask.")] = False,
) -> None:
    """The saved models: list them, show a card, compare, choose which one predict uses, remove, bring one in."""
    if action not in ACTIONS:
        action, task, model = "list", action, task  # `footfall models buy-30d`
    if action != "list" and task is None:
        what = (
            "the folder: footfall models add FOLDER" if action == "add" else f"the task: footfall models {action} TASK"
        )
        raise UsageError(f"say {what}")
    with opened(context) as shop:
        if action == "list":
            _list(context, shop, task)
        elif action == "card":
            card, text = shop.models_card(str(task), model, at)
            say(context, card, text)
        elif action == "compare":
            say(context, shop.models_compare(str(task)))
        elif action == "promote":
            _promote(context, shop, str(task), _needed(model, "promote", str(task)), at)
        elif action == "remove":
            _remove(context, shop, (str(task), _needed(model, "remove", str(task)), at), promoted, yes)
        else:
            added = shop.models_add(Path(str(task)))
            said = {k: added[k] for k in ("task", "model", "cutoff", "path")}
            say(context, said, f"{added['task']}: {added['model']} of {added['cutoff']:%Y-%m-%d} is in the shop")


def _needed(model: str | None, action: str, task: str) -> str:
    if model is None:
        raise UsageError(f"say which: footfall models {action} {task} MODEL (footfall models list {task} names them)")
    return model


def _list(context: typer.Context, shop: Shop, task: str | None) -> None:
    if task is not None:
        shop.task(task)
    found = shop.models(task)
    if context.obj.json or found.num_rows == 0:
        say(context, found)
        return
    rows = [
        {
            "task": r["task"], "model": r["model"], "cutoff": r["cutoff"], "promoted": "yes" if r["promoted"] else "",
            "size": f"{r['bytes'] / 1e6:.1f} MB", "path": r["path"],
        }
        for r in found.to_pylist()
    ]  # fmt: skip
    say(context, pa.Table.from_pylist(rows))


def _promote(context: typer.Context, shop: Shop, task: str, model: str, at: str | None) -> None:
    done = shop.models_promote(task, None if model == NEWEST else model, at)
    if done is None:
        say(context, {"task": task, "promoted": None}, f"{task}: the newest saved model answers")
        return
    said = {k: done[k] for k in ("task", "model", "cutoff", "path", "promoted")}
    say(context, said, f"{task}: {done['model']} of {done['cutoff']:%Y-%m-%d} answers from now on")


def _remove(context: typer.Context, shop: Shop, which: tuple[str, str, str | None], promoted: bool, yes: bool) -> None:
    task, model, at = which
    if not yes and not typer.confirm(f"remove the saved model {model} of {task}? It cannot be brought back", err=True):
        raise typer.Abort
    gone, left = shop.models_remove(task, model, at, promoted)
    answers = f"{left['model']} of {left['cutoff']:%Y-%m-%d} answers" if left else "no saved model of it is left"
    said = {"removed": gone["path"], "answers": left["path"] if left else None}
    say(context, said, f"{task}: {model} of {gone['cutoff']:%Y-%m-%d} is removed; {answers}")
