"""How a kind of raw data is declared.

To add a source, write ONE file in this folder with a module-level `SOURCE`; its file name is its name:

    SOURCE = Source(
        meaning="orders of the Acme till",
        roles=(
            Role(
                "tickets",                                       # -> tables staged_tickets and new_tickets
                columns=("Ticket", "When", "Client", "Total"),   # must be in the file; `_`, space and case are one
                values={                                         # SQL over the file's columns, all of them text
                    "order_id": "Ticket", "customer": "Client",
                    "occurred_at": "instant(\"When\")",          # -> UTC; unreadable times are set aside by themselves
                    "amount": "try_cast(Total as DECIMAL(18,4))",
                },
                key=("order_id",),                               # tells two rows apart; none: the whole row does
                into="orders",                                   # the table that keeps each row's row_hash
                checks=(set_aside("no readable amount", "amount is null", column="Total"),),
            ),
        ),
        fills=(Fill("orders", "select order_id, customer as source_customer_id, occurred_at, amount, row_hash "
                              "from new_tickets"),),
    )

`values` see the file's columns by their declared names; `checks` see the values, and the file's columns as
`raw_<name>`. `staged_<role>` holds each good row once, `new_<role>` those not loaded before: fills insert from
`new_`, and look up in `staged_`. A fill that selects `row_hash` is inserted as it is; one that does not gets the
hash of its table's key, and is inserted where that key is new (or, with `replace`, in the old row's place).
The loader adds `source` and `load_id`, and `known_at` (= `occurred_at`) where a fill does not say.
SQL functions of a load: `instant(text)`, `utc(local timestamp)`, `always()`; see `staging.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Action = Literal["set aside", "repaired", "kept"]


@dataclass(frozen=True)
class Check:
    """One thing that rows of a role can have, as a SQL predicate, and what is done about it.

    Set aside: the first check that holds sends the row to `quarantine`. Repaired: the `values` mend it; counted.
    Kept: counted only. All of them become findings in `quality`.
    """

    name: str
    when: str
    action: Action
    kind: str = "inconsistent"
    column: str = ""
    effect: str = ""


def set_aside(name: str, when: str, kind: str = "inconsistent", column: str = "", effect: str = "") -> Check:
    return Check(name, when, "set aside", kind, column, effect)


def repaired(name: str, when: str, kind: str = "inconsistent", column: str = "", effect: str = "") -> Check:
    return Check(name, when, "repaired", kind, column, effect)


def kept(name: str, when: str, kind: str = "inconsistent", column: str = "", effect: str = "") -> Check:
    return Check(name, when, "kept", kind, column, effect)


def _none() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Role:
    """One kind of file of a source.

    Args:
        name: of the role; the staged tables are `staged_<name>` and `new_<name>`.
        columns: columns the file must have. For a file without header: all of its columns, in order.
        values: staged column -> SQL over the file's columns.
        optional: columns the file may have; NULL where it has not.
        aliases: declared column -> other names it goes by, with `|` between.
        files: patterns of file names; several roles may share one, and are then told apart by their columns.
        header: whether the first line names the columns.
        key: staged columns that are a row's identity (none: all of its content).
        into: the canonical table whose `row_hash` tells which rows were loaded before (none: a look-up).
        checks: in order.
        types: file column -> SQL type, for nested JSON (default: text).
        nulls: texts that mean "nothing" beside the empty one.
        repeats: equal rows are different happenings (no id, no time of day), not copies of one.
        required: a load of this source without such a file is refused.
        rest: name under which `values` see the file's undeclared columns, as one JSON text (none: left out).
    """

    name: str
    columns: tuple[str, ...]
    values: Mapping[str, str]
    optional: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=_none)
    files: tuple[str, ...] = ("*",)
    header: bool = True
    key: tuple[str, ...] = ()
    into: str = ""
    checks: tuple[Check, ...] = ()
    types: Mapping[str, str] = field(default_factory=_none)
    nulls: tuple[str, ...] = ()
    repeats: bool = False
    required: bool = False
    rest: str = ""

    @property
    def all_columns(self) -> tuple[str, ...]:
        return (*self.columns, *self.optional)

    def names_of(self, column: str) -> tuple[str, ...]:
        """The names under which the declared `column` may stand in a file."""
        return (column, *[a for a in self.aliases.get(column, "").split("|") if a])


@dataclass(frozen=True)
class Fill:
    """Which canonical table is filled with which select over the staged tables (and `facts.*`)."""

    table: str
    select: str
    replace: bool = False


@dataclass(frozen=True)
class Source:
    """A kind of raw data: its files by role, and the tables they fill, in this order."""

    meaning: str
    roles: tuple[Role, ...]
    fills: tuple[Fill, ...]
    home: str = ""
    timezone: str = ""
    """The zone of the stamps where the source itself fixes it (its own documentation says so)."""
