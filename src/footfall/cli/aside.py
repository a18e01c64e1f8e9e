"""Options that stand aside: a verb with many takes some of them from the context instead of as parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand

_KEPT = "footfall.aside"


def aside(*declared: Callable[..., None]) -> type[TyperCommand]:
    """A class of verbs that have the options of all `declared` besides their own; `said` reads them."""

    class Aside(TyperCommand):
        """A verb with further options."""

        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            for one in declared:
                own = typer.Typer(add_completion=False)
                own.command()(one)
                for option in typer.main.get_command(own).params:
                    if option.name in one.__annotations__:
                        option.expose_value = False
                        option.callback = _keep
                        self.params.append(option)

    return Aside


def _keep(context: Any, option: Any, value: Any) -> Any:
    context.meta.setdefault(_KEPT, {})[option.name] = value
    return value


def said(context: typer.Context, name: str) -> Any:
    """What the line says for an option that stands aside; None where the verb has none of that name."""
    return context.meta.get(_KEPT, {}).get(name)
