"""The differences between engines, as data.

SQL is written in DuckDB's spelling. What sqlglot cannot translate is a small set of named functions, which
each dialect spells out: on DuckDB they are macros of the connection, elsewhere they are rewritten in place.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from footfall.errors import UsageError, did_you_mean


@dataclass(frozen=True)
class Function:
    """A function we name ourselves: its parameters and its body in the dialect's own SQL."""

    parameters: tuple[str, ...]
    body: str


@dataclass(frozen=True)
class Dialect:
    """One engine's spelling: sqlglot's name for it, and the bodies of our named functions."""

    name: str
    functions: dict[str, Function] = field(default_factory=dict)


_TS = ("ts", "tz")
DIALECTS: dict[str, Dialect] = {
    "duckdb": Dialect(
        "duckdb",
        {
            "local_time": Function(_TS, "timezone(tz, timezone('UTC', ts))"),
            "weekday": Function(("day",), "isodow(day)"),
            "days_between": Function(
                ("a", "b"),
                "(epoch_us(cast(b as timestamp)) - epoch_us(cast(a as timestamp))) / 86400000000.0",
            ),
            "unicode_nfc": Function(("written",), "nfc_normalize(written)"),
        },
    ),
    "spark": Dialect(
        "spark",
        {
            "local_time": Function(_TS, "from_utc_timestamp(ts, tz)"),
            "weekday": Function(("day",), "weekday(day) + 1"),
            "days_between": Function(
                ("a", "b"),
                "(unix_micros(cast(b as timestamp)) - unix_micros(cast(a as timestamp))) / 86400000000.0",
            ),
            # Spark has no Unicode normalisation: text in other scripts must come composed there.
            "unicode_nfc": Function(("written",), "written"),
        },
    ),
}


def dialect(name: str) -> Dialect:
    """The dialect called `name`. Raises UsageError for an unknown one."""
    if name not in DIALECTS:
        raise UsageError(f"there is no SQL dialect '{name}'{did_you_mean(name, DIALECTS)}")
    return DIALECTS[name]
