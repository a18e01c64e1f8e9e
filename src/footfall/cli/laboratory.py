"""Models side by side and settings sought, on the command line: `--folds`, `--tune`, and what a comparison prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from footfall.cli.aside import aside, said
from footfall.cli.features import feature_options
from footfall.cli.frame import Tune, draw
from footfall.report.terminal import beside

FOLDS = 5
"""Groups of customers held out in turn where models are named and nothing else is said."""


def _folds(
    folds: Annotated[
        int | None,
        typer.Option(min=0, help="Groups of customers held out in turn, a check of stability; with --models: 5."),
    ] = None,
) -> None:
    """The option of a comparison."""


def _tune(tune: Tune = None) -> None:
    """The option of a search for settings."""


COMPARED, TUNED = aside(feature_options, _folds, _tune), aside(feature_options, _tune)
"""Verbs with the options of features, of a search for settings and, the first, of a comparison."""


def folds_of(context: typer.Context, task: Any, models: str | None) -> int:
    """How many groups of customers are held out in turn."""
    asked = said(context, "folds")
    return (FOLDS if models and task.kind in ("chance", "amount") else 0) if asked is None else int(asked)


def tell_comparison(rows: Sequence[dict[str, Any]]) -> None:
    """Print models side by side, with the trade-off of each in words; nothing where there is nothing to choose."""
    if len(rows) < 3:
        return
    typer.echo("\nside by side, the best first (differences to the best single model, picked with hindsight):")
    draw(beside(rows), len(rows))
    if any(row["folds"] for row in rows):
        typer.echo(
            "held out: customers in turn, within the dates learnt from; tells how steady a fit is, and is no verdict: "
            "nothing in it lies in the future"
        )
    for row in rows:
        typer.echo(row["words"])
