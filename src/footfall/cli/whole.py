"""Verbs about the whole: run, restock, report."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from footfall.cli.frame import Out, app, model_names, opened, say


@app.command()
def run(
    context: typer.Context,
    models: Annotated[str | None, typer.Option(help="Models that compete, with commas; default: what suits.")] = None,
) -> None:
    """All of it, in order, only what is stale: check, test, fit, score, explain."""
    with opened(context) as shop:
        done = shop.run(model_names(models))
    lines = [f"{name:<40}{seconds:>8.1f} s" for name, seconds in done.seconds.items()]
    lines.append(f"{'in all':<40}{sum(done.seconds.values()):>8.1f} s" if done.fresh else "nothing is stale")
    lines += [f"answered: {', '.join(done.answered) or 'nothing'}"]
    lines += [f"not answered: {why}" for why in done.unanswered.values()]
    say(context, {"answered": done.answered, "unanswered": done.unanswered, "seconds": done.seconds}, "\n".join(lines))


@app.command()
def restock(
    context: typer.Context,
    lead_time: Annotated[str | None, typer.Option(help="From an order to its arrival, as in 14d; default 7d.")] = None,
    review: Annotated[str | None, typer.Option(help="From one order to the next; default 7d.")] = None,
    service_level: Annotated[
        float | None, typer.Option(help="Chance aimed at that demand is met; default 0.95.")
    ] = None,
    holding_cost: Annotated[float | None, typer.Option(help="Cost of keeping one piece for a year.")] = None,
    lost_sale_cost: Annotated[float | None, typer.Option(help="What one lost sale costs.")] = None,
    out: Out = None,
) -> None:
    """What to order now and what to promote, from the forecast per product (units-product-8w) and the stock."""
    given = {
        "lead_time": lead_time, "review": review, "service_level": service_level, "holding_cost": holding_cost,
        "lost_sale_cost": lost_sale_cost,
    }  # fmt: skip
    with opened(context) as shop:
        rows = shop.restock(out, **{name: value for name, value in given.items() if value is not None})
    keep = ["product_id", "name", "on_hand", "demand", "upper_80", "days_of_cover", "order_now", "action"]
    say(context, rows if context.obj.json else rows.select(keep))
    if not context.obj.json:
        counts = Counter(rows.column("action").to_pylist())
        typer.echo("\n" + ", ".join(f"{action}: {n:,}" for action, n in counts.most_common()))


@app.command()
def report(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(help="The HTML file to write.")],
    title: Annotated[str, typer.Option(help="Title of the page.")] = "",
) -> None:
    """One page a merchant understands; opens offline. Its tables lie beside it as CSV."""
    with opened(context) as shop:
        path = shop.report(out, title)
    say(context, {"report": str(path)}, f"the report lies in {path}")
