"""The verb about waiting: when."""

from __future__ import annotations

from typing import Annotated

import typer

from footfall.cli.frame import At, Out, app, opened, say

_SHOWN = ["customer_id", "within_7d", "within_28d", "within_91d", "median_days", "lower_days", "upper_days"]


@app.command()
def when(
    context: typer.Context,
    at: At = None,
    model: Annotated[str, typer.Option(help="The model that learns the hazard.")] = "boosted",
    out: Out = None,
) -> None:
    """When each customer's next order comes: the chance by each of five spans, the median and an interval in days."""
    with opened(context) as shop:
        waited = shop.when(at, model, out)
    rows = waited.table.sort_by([("within_28d", "descending"), ("customer_id", "ascending")])
    say(context, rows if context.obj.json else rows.select(_SHOWN))
    if not context.obj.json:
        typer.echo(f"\n{waited.words}")
        typer.echo("the rows are in the tables waits and wait_checks" + (f" and in {out}" if out else ""))
