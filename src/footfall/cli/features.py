"""Which features models read, on the command line: `--engineer` and `--select`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from footfall.cli.aside import said
from footfall.shop import variants


def feature_options(
    engineer: Annotated[
        bool, typer.Option("--engineer", help="Engineered features too: interactions, other scales, what reviews say.")
    ] = False,
    select: Annotated[
        bool, typer.Option("--select", help="Only features whose importance, on dates before, is surely above zero.")
    ] = False,
) -> None:
    """The options that a verb about models has besides its own."""


def with_features(context: typer.Context, task: Any, models: Sequence[str]) -> list[str]:
    """The models, and where the line says so, beside each single one itself with other features, the fullest last.

    `task`: None for a single model to fit, boosted trees unless it is named.
    """
    engineer, select = bool(said(context, "engineer")), bool(said(context, "select"))
    if not engineer and not select:
        return list(models)
    return variants(task, models if task or models else ["boosted"], engineer, select)
