"""In what two records agree, in words: the same levels of agreement that their weight was added up from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from math import log2
from typing import Any

from footfall.engine import Engine, literal
from footfall.identity.comparisons import FIELDS, FURTHER, Field, fields_for

RARE = 1.0
"""Bits by which sharing one value says more, or less, than sharing any value of the field does, for it to be told."""
RAW = {"first": "first_name", "later": "later_names", "birth": "birth_date"}
"""Comparisons whose column of `records` has another name."""
_BETTER = {
    "same initial": "with the same initial",
    "same year": "in the same year",
    "same district": "in the same district",
    "same area": "in the same area",
    "three words in common": "with three words in common",
    "a word in common": "with a word in common",
    "three names in common": "with three in common",
    "a further name in common": "with one in common",
    "same name at another provider": "with the same name at another provider",
}
_SHOWN = ("first", "surname", "later", "email", "phone", "postcode", "birth", "age", "gender", "profession")
_OTHER = "_and_"


@dataclass(frozen=True)
class Part:
    """One part of a weight: what it is, in words, and what it adds, in bits (one bit doubles the odds)."""

    says: str
    bits: float


def told_parts(
    engine: Engine, links: Sequence[tuple[str, str, str | None]], turned: Set[tuple[str, str]] = frozenset()
) -> dict[tuple[str, str], tuple[Part, ...]]:
    """The parts of weighed links in words, in the order of the fields.

    Args:
        links: record, record, and the parts of the weight as `matches` holds them (JSON of field -> bits).
        turned: pairs whose second record's values are said first.

    A field that one of the two records does not state takes no part and is left out.
    """
    bits = {(a, b): json.loads(parts) for a, b, parts in links if parts}
    names = {name for each in bits.values() for name in each}
    fields = _fields(names)
    levels = _levels(engine, fields, list(bits))
    rare = {f.name: _rarity(engine, f, levels) for f in fields}
    found = {}
    for pair, each in bits.items():
        told = []
        for name, value in each.items():
            level = levels.get(pair, {}).get(name)
            if name in levels.get(pair, {}):
                field = next(f for f in fields if f.name == name)
                if level is not None:
                    told.append(Part(_words(field, level, rare[name], pair in turned), float(value)))
            elif value and _OTHER in name:
                told.append(Part(f"household discount on {_together(name)}", float(value)))
            elif value:
                told.append(Part(name.removeprefix(FURTHER).replace("_", " "), float(value)))
        found[pair] = tuple(told)
    return found


def _together(name: str) -> str:
    says = {f.name: f.says for f in FIELDS}
    return " and ".join(says.get(part, part) for part in name.split(_OTHER))


def _fields(names: set[str]) -> tuple[Field, ...]:
    """The comparisons of these names."""
    further = {n for n in names if n.startswith(FURTHER) and _OTHER not in n}
    columns = {c for f in FIELDS if f.name in names for c in f.needs} | further
    return fields_for(dict.fromkeys(columns, 10), 10)


@dataclass(frozen=True)
class _Level:
    says: str
    value: str
    one: str
    other: str


def _levels(
    engine: Engine, fields: Sequence[Field], pairs: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], dict[str, _Level | None]]:
    """Pair -> comparison -> the level of agreement it shows; None where a value is missing."""
    if not pairs or not fields:
        return {}
    asked = ", ".join(f"({literal(a)}, {literal(b)})" for a, b in pairs)
    keys = list(engine.columns("record_keys"))
    twin = ", ".join(f"{side}.{c} as {c}_{end}" for side, end in (("x", "l"), ("y", "r")) for c in keys)
    shown = ", ".join(
        f"struct_pack(says := {_case(f)}, value := {_text(f.needs[0] + '_l')}, "
        f"one := {_raw(engine, f, 'p')}, other := {_raw(engine, f, 'q')}) as {f.name}"
        for f in fields
    )
    rows = engine.fetch(
        f"with asked(a, b) as (values {asked}),\n"
        f"both_sides as (select a, b, {twin} from asked join record_keys x on x.record_id = a "
        "join record_keys y on y.record_id = b)\n"
        f"select a, b, {shown} from both_sides join records p on p.record_id = a join records q on q.record_id = b"
    ).to_pylist()
    return {
        (r["a"], r["b"]): {
            f.name: None
            if r[f.name]["says"] is None
            else _Level(*(str(r[f.name][k] or "") for k in ("says", "value", "one", "other")))
            for f in fields
        }
        for r in rows
    }


def _case(field: Field) -> str:
    """The level of a comparison as SQL: its words, null where a value is missing."""
    whens, last = [], "different"
    for level in _stated(field):
        condition, says = level["sql_condition"], level.get("label_for_charts", "")
        if level.get("is_null_level"):
            whens.append(f"when {condition} then null")
        elif condition.strip().upper() == "ELSE":
            last = says
        else:
            whens.append(f"when {condition} then {literal(says)}")
    return f"case {' '.join(whens)} else {literal(last)} end"


def _stated(field: Field) -> list[dict[str, Any]]:
    comparison: Any = field.make("duckdb").get_comparison("duckdb")
    return list(comparison.as_dict()["comparison_levels"])


def _text(column: str) -> str:
    return f"cast({column} as varchar)"


def _raw(engine: Engine, field: Field, side: str) -> str:
    column = RAW.get(field.name, field.name)
    return _text(f"{side}.{column}") if column in engine.columns("records") else "null"


def _rarity(engine: Engine, field: Field, levels: dict[tuple[str, str], dict[str, _Level | None]]) -> dict[str, str]:
    """Value of a field in which rare values count for more -> how rare it is, in words."""
    column = field.needs[0]
    if not any(level.get("tf_adjustment_column") for level in _stated(field)):
        return {}
    told: Iterable[_Level | None] = (each.get(field.name) for each in levels.values())
    same = sorted({level.value for level in told if level is not None and level.says == "the same"})
    if not same:
        return {}
    given = ", ".join(literal(v) for v in same)
    counted = f"select {column} as value, count(*) as n from record_keys where {column} is not null group by 1"
    rows = engine.rows(
        f"with counted as ({counted}), every as (select sum(n) as n, sum(n * n) as pairs from counted)\n"
        f"select {_text('value')}, c.n, e.n, e.pairs from counted c, every e where {_text('value')} in ({given})"
    )
    found = {}
    for value, n, every, pairs in rows:
        bits = log2(float(pairs) / float(every) / float(n))
        word = "and rare" if bits >= RARE else "but common" if bits <= -RARE else ""
        found[str(value)] = f"{word} (in {int(n):,} of {int(every):,} records)" if word else ""
    return found


def _words(field: Field, level: _Level, rare: dict[str, str], turned: bool) -> str:
    says = f"{field.says} {_BETTER.get(level.says, level.says)}"
    if level.says == "the same":
        word = rare.get(level.value, "")
        return f"{says}, {word}" if word else says
    if field.name in _SHOWN and level.one and level.other:
        one, other = (level.other, level.one) if turned else (level.one, level.other)
        return f"{says} ({one} / {other})"
    return says
