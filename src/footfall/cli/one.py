"""One new customer on the command line: told as JSON, read from a pipe, or asked for."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from footfall.cli.frame import opened, say
from footfall.shop import read_given

_MEANT = "footfall.one"
"""Where the options of one customer lie while a verb runs."""


def _options(
    for_: Annotated[
        str | None,
        typer.Option("--for", help="One new customer as JSON, as in '{\"age\": 34}'; - reads a pipe, or asks."),
    ] = None,
    ask: Annotated[bool, typer.Option("--ask", help="Ask for what is known of one new customer.")] = False,
) -> None:
    """The options that `ForOne` adds to a verb."""


class ForOne(TyperCommand):
    """A verb that answers for one new customer too: it has `--for` and `--ask`, which `asked_for_one` reads."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        own = typer.Typer(add_completion=False)
        own.command()(_options)
        for option in typer.main.get_command(own).params:
            if option.name in ("for_", "ask"):
                option.expose_value = False
                option.callback = _remember
                self.params.append(option)


def _remember(context: Any, option: Any, value: Any) -> Any:
    context.meta.setdefault(_MEANT, {})[option.name] = value
    return value


def asked_for_one(context: typer.Context) -> bool:
    """Whether the line says `--for` or `--ask`."""
    meant = context.meta.get(_MEANT, {})
    return meant.get("for_") is not None or bool(meant.get("ask"))


def one_customer(context: typer.Context, task: str, at: str | None, model: str | None, top: int) -> None:
    """Answer for one customer: `--for JSON`; `--for -` from a pipe, or asked for on a terminal; `--ask` asked for."""
    given = context.meta.get(_MEANT, {}).get("for_")
    asking = given is None or (given == "-" and sys.stdin.isatty())
    told = None if asking else read_given(sys.stdin.read() if given == "-" else given)
    with opened(context) as shop:
        if told is None:
            typer.echo("what is known of the customer? (nothing: not known)", err=True)
            one = shop.predict_one(task, _ask, at, model, lambda message: typer.echo(message, err=True), top)
        else:
            one = shop.predict_one(task, told, at, model, top=top)
    say(context, one.row, one.text)


def _ask(question: str) -> str:
    return str(typer.prompt(question, default="", show_default=False, err=True))
