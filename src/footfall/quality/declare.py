"""A check is one declaration. Three shapes: of a row, of values' spelling, of several rows together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["missing", "inconsistent", "duplicate", "late"]
Action = Literal["repaired", "set aside", "kept"]


@dataclass(frozen=True)
class Finding:
    """One row of the table `quality`.

    `load_id` is None for a check of the whole shop. `rows` counts what the check counts and `share` is its part of
    what was looked at (0..1). `examples` is a JSON list of at most three texts.
    """

    load_id: int | None
    source: str
    table_name: str
    check_name: str
    kind: str
    column_name: str
    rows: int
    share: float
    examples: str
    action: str
    effect: str


@dataclass(frozen=True)
class Check:
    """What every check states: its name, the column it speaks of, what it counts, and what that does to the answers.

    `table` is the canonical table looked at. `action` is what is done to the rows counted when repairs are asked for.
    `covers` names findings of loads that say the same of one load: they are told once, by this check (`once.py`).
    """

    name: str
    table: str
    column: str
    kind: Kind
    counts: str
    effect: str
    action: Action = "kept"
    covers: tuple[str, ...] = ()


@dataclass(frozen=True)
class RowCheck(Check):
    """A predicate of one row; all those of a table run in one scan.

    `where` and `among` (rows looked at) are SQL over the table's stored columns; rows to be repaired or set aside may
    also ask `horizon` (a day after the row's load) and `present` (the last moment of the shop's own data).
    `example` is a scalar that shows one row, `summary` an aggregate that shows them together instead.
    With `unless_all`, a source where every row trips is passed over: it does not have the column.
    A repair sets `column` to NULL; a row set aside goes to `quarantine`.
    """

    where: str = "false"
    among: str = "true"
    example: str = ""
    summary: str = ""
    unless_all: bool = False


@dataclass(frozen=True)
class SpellingCheck(Check):
    """Values that are one value in several spellings: `normal` is the same SQL of `{value}` for all of them.

    `places` are the (table, column) pairs that share the vocabulary; all take the spelling found most often.
    """

    normal: str = "{value}"
    places: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class QueryCheck(Check):
    """A select of `source, rows, looked_at, examples` (a list of texts), one row per source that trips.

    Beside `facts.*` it may read the roll-ups of `footfall.quality.rollup`. `needs` are tables without which there
    is nothing to ask.
    """

    sql: str = ""
    needs: tuple[str, ...] = ()
