"""The functions we name ourselves: each dialect spells all of them, in SQL its own parser reads."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from footfall.engine import DIALECTS, dialect
from footfall.errors import UsageError


def test_every_dialect_spells_the_same_functions_with_the_same_parameters() -> None:
    spelled = {name: {f: d.functions[f].parameters for f in d.functions} for name, d in DIALECTS.items()}
    assert spelled["duckdb"] == {
        "local_time": ("ts", "tz"),
        "weekday": ("day",),
        "days_between": ("a", "b"),
        "unicode_nfc": ("written",),
    }
    for name, functions in spelled.items():
        assert functions == spelled["duckdb"], name


@pytest.mark.parametrize("name", DIALECTS)
def test_every_body_parses_and_uses_each_parameter(name: str) -> None:
    for function in DIALECTS[name].functions.values():
        tree = sqlglot.parse_one(function.body, read=DIALECTS[name].name)
        assert {c.name for c in tree.find_all(exp.Column)} == set(function.parameters)


def test_a_dialect_is_found_by_its_name() -> None:
    assert all(dialect(name).name == name for name in DIALECTS)
    with pytest.raises(UsageError, match="no SQL dialect 'oracle'; known: duckdb, spark"):
        dialect("oracle")
