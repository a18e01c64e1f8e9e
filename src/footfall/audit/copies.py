"""The same people twice: a model that has seen a row knows its copy by heart."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from footfall.audit.finding import CLEAN, LEAK, NOT_RUN, SUSPECT, Finding
from footfall.audit.rows import Rows

ALLOWED = 0.005
"""Share of rows that may have a copy by accident."""


def copies(rows: Rows) -> list[Finding]:
    """Rows with the outcome that agree with another in every feature, to the last digit, and not by accident.

    With a stated split, only pairs that lie on both sides count; and a customer on both sides of a random one.
    """
    twins = _twins(rows)
    if twins is None:
        words = "no feature tells rows apart, so that equal rows say nothing"
        return [Finding("copies", NOT_RUN, words), *_same_customer(rows)]
    having = rows.y > 0
    share, every = float(twins[having].mean()) if having.any() else 0.0, float(twins.mean())
    across = "in training and in test" if rows.tested is not None else "twice or more"
    if share > ALLOWED:
        words = (
            f"{share:.1%} of the rows with the outcome stand there {across}, equal in every feature though under "
            "another name: the same people under several ids? Resolve them, or keep them on one side"
        )
        return [Finding("copies", LEAK, words, None, share, ALLOWED), *_same_customer(rows)]
    words = f"{share:.1%} of the rows with the outcome agree with another in every feature"
    if every > ALLOWED:
        words += f" ({every:.1%} of all rows: people with a second, idle account?)"
    return [Finding("copies", CLEAN, words, None, share, ALLOWED), *_same_customer(rows)]


def _twins(rows: Rows) -> NDArray[np.bool_] | None:
    """(n,) whether another row is equal (with a split: one on the other side); None where that says nothing.

    Equal rows are no accident where some value of theirs stands in no other row. Whole numbers repeat of themselves.
    """
    columns = {name: rows.table.column(name).to_pylist() for name in rows.table.column_names}
    telling = {c: Counter(v for v in x if v is not None) for c, x in columns.items() if c not in rows.text}
    if not any(len(count) > rows.n / 4 for count in telling.values()):
        return None
    at = [0] * rows.n if rows.cutoff is None else rows.cutoff.tolist()
    signs = [hash(sign) for sign in zip(at, *columns.values(), strict=True)]
    size = Counter(signs)
    rare = np.zeros(rows.n, dtype=bool)
    for name, count in telling.items():
        for i, value in enumerate(columns[name]):
            rare[i] |= value is not None and 1 < size[signs[i]] == count[value]
    if rows.tested is None:
        return rare
    sides: list[set[int]] = [set(), set()]
    for sign, side in zip(signs, rows.tested, strict=True):
        sides[int(side)].add(sign)
    both = sides[0] & sides[1]
    return np.asarray(rare & np.array([s in both for s in signs]))


def _same_customer(rows: Rows) -> list[Finding]:
    """Customers on both sides of a split that is not by time; and one customer twice at one cutoff."""
    if rows.who is None:
        return []
    at = np.zeros(rows.n, dtype=np.int64) if rows.cutoff is None else rows.cutoff.astype(np.int64)
    pairs = Counter(zip(rows.who.tolist(), at.tolist(), strict=True))
    double = sum(n for n in pairs.values() if n > 1) / max(rows.n, 1)
    if double > ALLOWED:
        words = f"{double:.1%} of the rows are about a customer who has another row at the same cutoff"
        return [Finding("copies", LEAK, words, None, double, ALLOWED)]
    if rows.tested is None or by_time(rows):
        return []
    shared = np.isin(rows.who[rows.tested], rows.who[~rows.tested]).mean() if rows.tested.any() else 0.0
    if shared > ALLOWED:
        words = (
            f"{shared:.1%} of the rows tested on are about customers learnt from as well, and the split is not by time"
        )
        return [Finding("copies", SUSPECT, words, None, float(shared), ALLOWED)]
    return []


def by_time(rows: Rows) -> bool:
    """Whether all rows tested on come after all rows learnt from."""
    if rows.tested is None or rows.cutoff is None or rows.tested.all() or not rows.tested.any():
        return False
    return bool(rows.cutoff[rows.tested].min() > rows.cutoff[~rows.tested].max())
