"""The verb about products beside products: recommend."""

from __future__ import annotations

from typing import Annotated

import typer

from footfall.cli.frame import At, Out, Ruled, app, opened, say, words

_SHOWN = {
    "session": ["rank", "product_id", "name", "category", "reason"],
    "like": ["rank", "similar_id", "name", "category", "reason"],
    "together": ["product_id", "name", "other_id", "other_name", "baskets", "confidence", "lift", "lower", "upper"],
    "who": ["rank", "customer_id", "place", "reason"],
}
_KEPT = {"like": "similar_products", "together": "bought_together", "who": "prospects"}
_NOTHING = {
    "session": "no product may be shown",
    "like": "no other product is like it",
    "together": "nothing stands together with it in 5 baskets or more",
    "who": "it stands in nobody's list",
}


@app.command()
def recommend(
    context: typer.Context,
    how: Annotated[
        str, typer.Argument(help="session: what comes next; like: alike; together: bought with it; who: for whom.")
    ],
    what: Annotated[
        str | None, typer.Argument(help="A product; of a session those looked at, with commas; together: none is all.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many.")] = 10,
    at: At = None,
    rules: Ruled = None,
    out: Out = None,
) -> None:
    """What to show in a running session, beside a product or with it, and who would want a product."""
    named = words(what or "") if how == "session" else what
    with opened(context) as shop:
        rows = shop.recommend(how, named, top, at, rules, out)
    if context.obj.json or rows.num_rows:
        say(context, rows if context.obj.json else rows.select(_SHOWN[how]))
    else:
        typer.echo(_NOTHING[how])
    if how in _KEPT and not context.obj.json:
        typer.echo(f"\nthe rows are in the table {_KEPT[how]}" + (f" and in {out}" if out else ""))
