"""The verb that looks for leaks: audit."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from footfall.cli.frame import Out, app, opened, say, words
from footfall.errors import UsageError


@app.command()
def audit(
    context: typer.Context,
    task: Annotated[
        str | None, typer.Argument(help="A task of the house, or the one that a study in SQL means to answer.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option(help="Features and outcome of your own: .csv or .parquet, or .sql over the shop.")
    ] = None,
    target: Annotated[str, typer.Option(help="Column of the outcome: 0 and 1, two words, or an amount.")] = "target",
    cutoff_column: Annotated[
        str | None, typer.Option(help="Column that says up to when the row's history goes; of a study: cutoff.")
    ] = None,
    with_: Annotated[
        str | None,
        typer.Option(
            "--with",
            help="More of your table, with commas: customer=COLUMN, split=COLUMN, horizon=30d, at=2026-06-01, "
            "ignore=COLUMN+COLUMN.",
        ),
    ] = None,
    out: Out = None,
) -> None:
    """Look for leaks: what an answer knows and could not have known; of a task, or of a table of your own."""
    roles = {}
    for word in words(with_ or ""):
        name, equals, value = word.partition("=")
        if not equals or not value:
            raise UsageError(f"cannot read --with '{word}'; write NAME=VALUE, as in horizon=30d")
        roles[name.strip()] = value.strip()
    if cutoff_column:
        roles["cutoff"] = cutoff_column
    own = table is not None and table.suffix.lower() != ".sql"
    with opened(context, new=own) as shop:
        done = shop.audited(task, table, target, roles)
        if out is not None:
            shop.sql(f"select * from audit where task = {_quoted(done.name)}", out)
    if context.obj.json:
        say(context, done.rows())
        return
    for finding in done.findings:
        typer.echo(
            f"{finding.verdict.upper() if finding.found else finding.verdict:<8} {finding.check:<9}{finding.words}"
        )
    counts = Counter(f.verdict for f in done.findings)
    told = ", ".join(f"{n} {verdict}" for verdict, n in counts.items())
    typer.echo(f"\n{done.name}: {done.words} ({told})")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
