"""What two records are compared by: each field's levels of agreement, best first, as Splink states them.

A comparison is chosen by the columns that have values; nothing here is tuned to one data set. The share of matching
and of unrelated pairs at each level is learnt from the data (`weigh.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import splink.comparison_level_library as level
from splink.comparison_library import CustomComparison
from splink.internals.comparison_level_creator import ComparisonLevelCreator

HELD = ("first", "surname", "postcode")
"""Key columns of which `<column>_held` tells how many records hold the value."""
RARER = 4
"""How many times more rarely a value is written than one nearly equal to it, to be a slip of the pen."""
_SHARED = {"duckdb": "len(list_intersect({a}, {b}))", "spark": "size(array_intersect({a}, {b}))"}
"""How many words two lists share, by dialect."""


@dataclass(frozen=True)
class Field:
    """One thing that records are compared by.

    Args:
        name: of the comparison.
        says: in the merchant's words.
        needs: the key columns it reads; left out where these are empty.
        make: the Splink comparison, for a dialect.
        alone: columns that narrow well by themselves, so that parameters can be learnt within their blocks.
    """

    name: str
    says: str
    needs: tuple[str, ...]
    make: Callable[[str], CustomComparison]
    alone: tuple[str, ...] = ()


def _exact(column: str, label: str = "the same") -> ComparisonLevelCreator:
    """Equal values; the rarer the value, the more it says.

    For the best level alone: a term frequency is that of all who have the value, not of those who differ otherwise.
    """
    return level.ExactMatchLevel(column, term_frequency_adjustments=True).configure(label_for_charts=label)


def _when(condition: str, label: str) -> ComparisonLevelCreator:
    return level.CustomLevel(condition, label_for_charts=label)


def _edits(column: str, most: int) -> ComparisonLevelCreator:
    """At most so many edits (Damerau and Levenshtein). What such strings must share is asked first, being cheaper."""
    shared = f"abs(length({column}_l) - length({column}_r)) <= {most}"
    if most == 1:
        shared += f" and {_ends(column)}"
    return level.And(_when(shared, "as long"), level.DamerauLevenshteinLevel(column, most))


def _ends(column: str) -> str:
    """The first letter or the last one stands as it was, but in words of two letters swapped.

    One edit leaves it so, and whatever else looks alike but long words with slips at both ends.
    """
    first, last = (f"{side}({column}_l, 1) = {side}({column}_r, 1)" for side in ("left", "right"))
    return f"({first} or {last} or length({column}_l) < 3)"


def _digits(most: int) -> ComparisonLevelCreator:
    """Birth dates at most so many digits apart. Of year, month and day all but so many stand as they were."""
    parts = ("left(birth_{}, 4)", "substr(birth_{}, 6, 2)", "right(birth_{}, 2)")
    same = " + ".join(f"cast({part.format('l')} = {part.format('r')} as integer)" for part in parts)
    return level.And(_when(f"{same} >= {3 - most}", "parts"), level.DamerauLevenshteinLevel("birth", most))


def _near(column: str, edits: int, likeness: float) -> ComparisonLevelCreator:
    close = level.Or(_edits(column, edits), level.JaroWinklerLevel(column, likeness))
    return level.And(_when(_ends(column), "ends"), close).configure(label_for_charts="nearly the same")


def _slip(column: str, near: ComparisonLevelCreator) -> ComparisonLevelCreator:
    """Nearly equal, and one of the two is written far more rarely: a slip of the pen, not another value of its kind."""
    rarer = f"greatest({column}_held_l, {column}_held_r) >= {RARER} * least({column}_held_l, {column}_held_r)"
    return level.And(_when(rarer, "rarer"), near).configure(label_for_charts="nearly the same, one hardly ever written")


def _alike(column: str, likeness: float) -> ComparisonLevelCreator:
    """Like enough to be a bad slip of the pen: two letters off in a long name, or by Jaro and Winkler's measure."""
    slips = level.And(_when(f"length({column}_l) >= 6", "long"), _edits(column, 2))
    close = level.Or(slips, level.JaroWinklerLevel(column, likeness))
    return level.And(_when(_ends(column), "ends"), close).configure(label_for_charts="alike")


def _comparison(name: str, null: ComparisonLevelCreator, *levels: ComparisonLevelCreator) -> CustomComparison:
    last = level.ElseLevel().configure(label_for_charts="different")
    return CustomComparison([null, *levels, last], output_column_name=name)


# `given` and `family` repeat `first` and `surname`: a comparison that reads a column cannot be learnt within its
# blocks.


def _swapped(first: str, last: str) -> str:
    """One name stands in the other's place, and what stands in its own begins alike."""
    return " or ".join(
        f"{first}_{x} = {last}_{y} and left({last}_{x}, 1) = left({first}_{y}, 1)" for x, y in (("l", "r"), ("r", "l"))
    )


def _first(dialect: str) -> CustomComparison:
    del dialect
    return _comparison(
        "first",
        level.NullLevel("first"),
        _exact("first"),
        _when("formal_l = formal_r", "a form of the same name"),
        _slip("first", _near("first", 1, 0.92)),
        _near("first", 1, 0.92),
        _when(_swapped("first", "family"), "first name and surname swapped"),
        _alike("first", 0.8),
        _when("left(first_l, 1) = left(first_r, 1)", "same initial"),
    )


def _surname(dialect: str) -> CustomComparison:
    del dialect
    return _comparison(
        "surname",
        level.NullLevel("surname"),
        _exact("surname"),
        _slip("surname", _near("surname", 1, 0.94)),
        _near("surname", 1, 0.94),
        _when(_swapped("given", "surname"), "first name and surname swapped"),
        _alike("surname", 0.86),
    )


def _later(dialect: str) -> CustomComparison:
    shared = _SHARED[dialect]
    cross = f"{shared.format(a='later_l', b='words_r')} + {shared.format(a='words_l', b='later_r')}"
    return _comparison(
        "later",
        level.NullLevel("later"),
        _when(f"{shared.format(a='words_l', b='words_r')} >= 3", "three names in common"),
        _when(f"{cross} >= 1", "a further name in common"),
    )


def _birth(dialect: str) -> CustomComparison:
    del dialect
    return _comparison(
        "birth",
        level.NullLevel("birth"),
        _exact("birth"),
        _digits(1).configure(label_for_charts="one digit off"),
        _when("birth_year_l = birth_year_r", "same year"),
        _digits(2).configure(label_for_charts="two digits off"),
        _when("abs(birth_year_l - birth_year_r) <= 10", "within ten years"),
    )


def _age(dialect: str) -> CustomComparison:
    del dialect
    return _comparison(
        "age",
        level.NullLevel("age"),
        _when("age_l = age_r", "the same"),
        _when("abs(age_l - age_r) <= 1", "within a year"),
        _when("abs(age_l - age_r) <= 5", "within five years"),
    )


def _postcode(dialect: str) -> CustomComparison:
    del dialect
    return _comparison(
        "postcode",
        level.NullLevel("postcode"),
        _exact("postcode"),
        _slip("postcode", _edits("postcode", 1)),
        _edits("postcode", 1).configure(label_for_charts="one character off"),
        _when("district_l = district_r", "same district"),
        _when("area_l = area_r", "same area"),
    )


def _email(dialect: str) -> CustomComparison:
    del dialect
    return _comparison(
        "email",
        level.NullLevel("email"),
        _exact("email"),
        _edits("email", 1).configure(label_for_charts="one character off"),
        _when("email_local_l = email_local_r", "same name at another provider"),
        level.JaroWinklerLevel("email_local", 0.92).configure(label_for_charts="alike"),
    )


def _phone(dialect: str) -> CustomComparison:
    del dialect
    return _comparison(
        "phone",
        level.NullLevel("phone"),
        _exact("phone"),
        _edits("phone", 1).configure(label_for_charts="one digit off"),
    )


def _address(dialect: str) -> CustomComparison:
    shared = _SHARED[dialect].format(a="address_words_l", b="address_words_r")
    return _comparison(
        "address",
        level.NullLevel("address"),
        _exact("address"),
        level.JaroWinklerLevel("address", 0.92).configure(label_for_charts="nearly the same"),
        _when(f"{shared} >= 3", "three words in common"),
        _when(f"{shared} >= 1", "a word in common"),
    )


def _place(dialect: str) -> CustomComparison:
    del dialect
    return _comparison(
        "birth_place", level.NullLevel("birth_place"), _exact("birth_place"), _near("birth_place", 1, 0.9)
    )


def _plain(name: str, near: bool = False) -> Callable[[str], CustomComparison]:
    def make(dialect: str) -> CustomComparison:
        del dialect
        levels = [_exact(name)]
        if near:
            one = _edits(name, 1).configure(label_for_charts="one character off")
            levels.append(level.And(one, _when(f"length({name}_l) > 3", "long enough")))
        return _comparison(name, level.NullLevel(name), *levels)

    return make


FIELDS: tuple[Field, ...] = (
    Field("first", "first name", ("first", "formal", "first_held", "family"), _first),
    Field("surname", "surname", ("surname", "surname_held", "given"), _surname),
    Field("later", "further names", ("later", "words"), _later),
    Field("email", "e-mail", ("email", "email_local"), _email, ("email",)),
    Field("phone", "phone", ("phone",), _phone, ("phone",)),
    Field("postcode", "postcode", ("postcode", "district", "postcode_held", "area"), _postcode, ("postcode",)),
    Field("address", "address", ("address", "address_words"), _address, ("address",)),
    Field("birth", "birth date", ("birth", "birth_year"), _birth, ("birth",)),
    Field("age", "age", ("age",), _age),
    Field("gender", "gender", ("gender",), _plain("gender")),
    Field("birth_place", "birth place", ("birth_place",), _place),
    Field("profession", "profession", ("profession",), _plain("profession")),
)
FURTHER = "further_"
"""How the key columns of a file's further columns begin."""


def fields_for(filled: Mapping[str, int], rows: int) -> tuple[Field, ...]:
    """The comparisons that the data allow.

    Args:
        filled: key column -> records with a value.
        rows: records.
    """
    enough = max(2, rows // 1000)
    found = [f for f in FIELDS if filled.get(f.needs[0], 0) >= enough and filled.get(f.needs[-1], 0) > 0]
    if any(f.name == "birth" for f in found):
        # An age is the birth date told worse; it counts only where no birth date is known at all.
        found = [f for f in found if f.name != "age"]
    for column in sorted(c for c in filled if c.startswith(FURTHER)):
        if filled[column] >= max(2, rows // 10):
            says = column.removeprefix(FURTHER).replace("_", " ")
            found.append(Field(column, says, (column,), _plain(column, near=True), (column,)))
    return tuple(found)
