"""A random split beside a split by time; and outcomes that are not over when the prediction is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from footfall.audit.copies import by_time
from footfall.audit.finding import CLEAN, LEAK, NOT_RUN, SUSPECT, Finding
from footfall.audit.rows import FOLDS, Mask, Rows, encoder_of, fitted_and_asked
from footfall.audit.single import LEAST
from footfall.evaluate import Part, bootstrap_cutoffs
from footfall.spans import Span, shift

GAP = 0.02
"""A random split that flatters by more than this, with 95% certainty, is no way to tell how good an answer is."""
DRAWS = 200
AGAIN = 3
LATER_SHARE = 0.3
"""About this share of the rows, the latest, is tested on where no split is stated."""


@dataclass(frozen=True)
class Compared:
    """One figure each, of the same rows, and how far the random one lies above, with its 95% interval."""

    temporal: float
    random: float
    gap: float
    lower: float
    upper: float
    rows: int
    steady: bool = True
    """Whether the gap is still there with other rows to learn from: an interval knows of those asked about alone."""


def compare(rows: Rows, learnt: Mask, tested: Mask, seed: int = 0) -> Compared:
    """As `compared_once`; a gap that looks like one is looked for again with parts of the rows to learn from."""
    first = compared_once(rows, learnt, tested, seed)
    if first.lower <= GAP:
        return first
    dice = np.random.default_rng(seed)
    parts = [learnt & (dice.random(rows.n) < 0.7) for _ in range(AGAIN)]
    return replace(
        first, steady=all(compared_once(rows, part, tested, i + 1).gap > GAP for i, part in enumerate(parts))
    )


def compared_once(rows: Rows, learnt: Mask, tested: Mask, seed: int = 0) -> Compared:
    """The same model asked about the same rows: once learnt from `learnt`, which lie before; once from as many rows
    drawn from both, as a random split deals them. Differences are paired, customers are resampled whole."""
    X = encoder_of(rows).encode(rows.numbers)
    before, asked = np.flatnonzero(learnt), np.flatnonzero(tested)
    temporal = fitted_and_asked(rows, before, asked, X)
    dice = np.random.default_rng(seed)
    fold = dice.permutation(len(asked)) % FOLDS
    random = np.zeros(len(asked))
    for k in range(FOLDS):
        pool = np.concatenate([before, asked[fold != k]])
        drawn = dice.choice(pool, size=min(len(before), len(pool)), replace=False)
        random[fold == k] = fitted_and_asked(rows, np.sort(drawn), asked[fold == k], X)
    answers = {"temporal": temporal, "random": random}
    part = Part(rows.y[asked], answers, rows.clusters[asked], rows.weights[asked])
    found = bootstrap_cutoffs(rows.metric, [part], "temporal", DRAWS, seed)
    told = found["random"]
    return Compared(found["temporal"].value, told.value, told.diff, told.diff_lower, told.diff_upper, len(asked))


def split_told(rows: Rows, compared: Compared, ours: bool) -> Finding:
    """What the comparison says. `ours`: the answers are tested by time, so that a random split misleads nobody."""
    name = "AUC" if rows.kind == "chance" else "Gini"
    words = (
        f"the same model on the same {compared.rows:,} rows: {name} {compared.temporal:.3f} split by time, "
        f"{compared.random:.3f} split at random; a random split says {compared.gap:+.3f} "
        f"(95%: {compared.lower:+.3f} to {compared.upper:+.3f}) of what is not there when it is used"
    )
    if compared.lower <= 0 <= compared.upper:
        words = words.replace("of what is not there when it is used", "more, which may be chance")
    flatters = compared.lower > GAP and compared.steady
    verdict = CLEAN
    if ours:
        words += "; here the test is by time"
    elif flatters:
        at_random = rows.tested is not None and not by_time(rows)
        verdict = LEAK if at_random else CLEAN if by_time(rows) else SUSPECT
        words += "" if by_time(rows) else "; split by time"
    return Finding("split", verdict, words, None, compared.gap, GAP, compared.lower, compared.upper)


def split(rows: Rows, horizon: Span | None, seed: int = 0) -> tuple[list[Finding], float]:
    """Findings on the split of rows with cutoffs, and the figure of the whole model by time (NaN where none is)."""
    if rows.cutoff is None:
        words = "no column says up to when each row's history goes (--cutoff-column): a split by time cannot be made"
        return [Finding("split", NOT_RUN, words)], float("nan")
    learnt, tested = time_split(rows, horizon)
    for part, what in ((learnt, "earlier"), (tested, "later")):
        some = int((rows.y[part] > 0).sum())
        if min(some, int(part.sum()) - some) < LEAST:
            words = (
                f"split by time, the {what} rows have the outcome {some} times of {int(part.sum()):,}: "
                "there is nothing to compare"
            )
            return [Finding("split", NOT_RUN, words)], float("nan")
    compared = compare(rows, learnt, tested, seed)
    return [split_told(rows, compared, ours=False)], compared.temporal


def time_split(rows: Rows, horizon: Span | None) -> tuple[Mask, Mask]:
    """Rows to learn from, whose outcomes are over, and the later ones to ask about."""
    assert rows.cutoff is not None
    known = rows.cutoff[~np.isnat(rows.cutoff)]
    if not len(known):
        return np.zeros(rows.n, dtype=bool), np.zeros(rows.n, dtype=bool)
    edges = np.unique(known)
    later = [e for e in edges[1:] if (known >= e).mean() <= LATER_SHARE] or list(edges[-1:])
    tested = rows.cutoff >= later[0]
    learnt = ends(rows.cutoff, horizon) <= later[0]
    return learnt & ~tested, tested


def ends(cutoff: NDArray[np.datetime64], horizon: Span | None) -> NDArray[np.datetime64]:
    """When each row's outcome is over."""
    if horizon is None:
        return np.asarray(cutoff)
    unique, back = np.unique(cutoff, return_inverse=True)
    over = [np.datetime64(shift(u.item(), horizon, 1), "us") if not np.isnat(u) else u for u in unique]
    return np.array(over, dtype="datetime64[us]")[back]


def overlap(rows: Rows, horizon: Span | None) -> Finding:
    """Whether outcomes that are learnt from reach past the instant at which others are predicted."""
    if rows.cutoff is None or horizon is None:
        missing = "--cutoff-column" if rows.cutoff is None else "the horizon (--with horizon=30d)"
        return Finding("overlap", NOT_RUN, f"when outcomes are over is not known: name {missing}")
    over = ends(rows.cutoff, horizon)
    if rows.tested is None:
        steps = np.diff(np.unique(rows.cutoff)) / np.timedelta64(1, "D")
        near = f"; the cutoffs lie as near as {steps.min():.3g} days to each other" if len(steps) else ""
        words = f"which rows are tested on is not stated (--with split=COLUMN){near}; outcomes take {horizon.words}"
        return Finding("overlap", NOT_RUN, words)
    first = rows.cutoff[rows.tested].min() if rows.tested.any() else np.datetime64("NaT")
    late = over[~rows.tested] > first
    share = float(late.mean()) if len(late) else 0.0
    if share > 0:
        words = (
            f"{share:.1%} of the rows learnt from have an outcome that is over only after {str(first)[:10]}, when the "
            "first prediction of the test is made: it knows what it is asked"
        )
        return Finding("overlap", LEAK, words, None, share, 0.0)
    words = f"every outcome learnt from is over by {str(first)[:10]}, when the first prediction of the test is made"
    return Finding("overlap", CLEAN, words, None, 0.0, 0.0)


def overlapping(cutoffs: Sequence[datetime], horizon: Span, at: datetime, tz: str = "UTC") -> list[datetime]:
    """The training cutoffs whose outcome is not over at the instant of the prediction."""
    return [c for c in cutoffs if shift(c, horizon, 1, tz) > at]
