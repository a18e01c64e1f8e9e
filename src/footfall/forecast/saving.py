"""Fitted levels in a folder: JSON and arrays, and each model as it writes itself. Never a pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from footfall.errors import FootfallError
from footfall.forecast.choose import Choice, Rehearsal
from footfall.forecast.fitting import FittedLevel
from footfall.models.panel import find_path_model

BODY = "tree.json"


def write_levels(folder: Path, levels: Sequence[FittedLevel], body: Mapping[str, Any]) -> None:
    """`tree.json`, and a folder per level with `arrays.npz` and its models."""
    folder.mkdir(parents=True, exist_ok=True)
    told = []
    for i, level in enumerate(levels):
        part = folder / str(i)
        part.mkdir(exist_ok=True)
        arrays = {"coherent": level.coherent, "group": level.choice.group}
        arrays |= {f"groups {name}": codes for name, codes in level.groups.items()}
        if level.rehearsal is not None:
            arrays["actual"] = level.rehearsal.actual
            arrays |= {f"told {name}": one for name, one in level.rehearsal.told.items()}
        np.savez(part / "arrays.npz", allow_pickle=False, **arrays)
        for name, model in level.models.items():
            model.save(part / name)
        told.append(
            {
                "name": level.name, "members": level.members, "models": list(level.models),
                "origins": None if level.rehearsal is None else level.rehearsal.origins,
                "choice": {"members": level.choice.members, "guarded": level.choice.guarded,
                           "losses": level.choice.losses},
            }
        )  # fmt: skip
    text = json.dumps({**body, "levels": told}, ensure_ascii=False)
    (folder / BODY).write_text(text, encoding="utf-8")


def read_levels(folder: Path, task: str) -> tuple[dict[str, Any], tuple[FittedLevel, ...]]:
    """What `write_levels` wrote. Raises FootfallError when `folder` holds no tree of `task`."""
    try:
        body = json.loads((folder / BODY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        body = {}
    if body.get("task") != task:
        raise FootfallError(f"there is no fitted forecast of '{task}' in {folder}; fit it first")
    return body, tuple(_level(folder / str(i), one) for i, one in enumerate(body["levels"]))


def _level(folder: Path, body: Mapping[str, Any]) -> FittedLevel:
    with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
        found = {name: arrays[name] for name in arrays.files}

    def of(kind: str) -> dict[str, Any]:
        return {name.removeprefix(f"{kind} "): one for name, one in found.items() if name.startswith(f"{kind} ")}

    rehearsal = None
    if body["origins"] is not None:
        said = of("told")
        rehearsal = Rehearsal(tuple(body["origins"]), found["actual"], {name: said[name] for name in body["models"]})
    told = body["choice"]
    choice = Choice(found["group"], tuple(map(tuple, told["members"])), tuple(told["guarded"]), tuple(told["losses"]))
    models = {name: find_path_model(name).load(folder / name) for name in body["models"]}
    members = tuple(map(tuple, body["members"]))
    return FittedLevel(body["name"], members, of("groups"), models, rehearsal, choice, found["coherent"])
