"""Errors a user meets. Each names the thing, the place and the mend."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class FootfallError(Exception):
    """The data or the question is at fault; the message is one clear line."""


class UsageError(FootfallError):
    """The command or the call is wrong (exit code 2 on the command line)."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'amount'?` when something known is close to `word`, else the list of what is known."""
    choices = sorted({str(k) for k in known})
    close = get_close_matches(str(word), choices, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known: {', '.join(choices)}" if choices else ""
