"""What the dates in a table give away, where its facts are not at hand: signs of a history cut by the label."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr

from footfall.audit.finding import CLEAN, LEAK, NOT_RUN, Finding
from footfall.audit.rows import DAY, Rows, as_instants
from footfall.audit.single import LEAST
from footfall.evaluate import METRICS
from footfall.tabular.encode import to_floats

TELLS = 0.75
"""Where the end of the history alone reaches this AUC (Gini), it tells the outcome."""
ALLOWED = 0.001
"""Share of rows with a date after their cutoff that may be a slip of the pen."""
TODAY = 0.99
"""Share of rows in which a number of days must reach over the whole way from the cutoff to the last one."""
NO_CUTOFF = "no column says up to when each row's history goes; name it with --cutoff-column"


def history(rows: Rows) -> list[Finding]:
    """Does the outcome decide where a history ends? The end alone must not tell it."""
    if rows.cutoff is None:
        return [Finding("history", NOT_RUN, NO_CUTOFF)]
    if len(np.unique(rows.cutoff)) < 2:
        return [Finding("history", CLEAN, f"all histories end on {str(rows.cutoff[0])[:10]}", None, 0.5, TELLS)]
    if min(rows.positives, rows.n - rows.positives) < LEAST:
        return [Finding("history", NOT_RUN, f"only {rows.positives} of {rows.n} rows have the outcome")]
    at = rows.cutoff.astype(np.int64).astype(np.float64)
    of = METRICS[rows.metric].function
    value = float(max(of(rows.y, at, rows.weights), of(rows.y, -at, rows.weights)))
    name = "AUC" if rows.kind == "chance" else "Gini"
    middle = [np.sort(rows.cutoff[mask])[int(mask.sum()) // 2] for mask in (rows.y > 0, ~(rows.y > 0))]
    words = (
        f"histories end on {str(middle[0])[:10]} (median) for rows with the outcome and on {str(middle[1])[:10]} for "
        f"those without; where a history ends tells the outcome with {name} {value:.3f}"
    )
    if value >= TELLS:
        words += ": it was cut by the outcome, and every count and age in it says so"
        return [Finding("history", LEAK, words, None, value, TELLS)]
    return [Finding("history", CLEAN, words, None, value, TELLS)]


def future(rows: Rows) -> list[Finding]:
    """Dates after a row's cutoff, and numbers of days that are counted to one day for all instead of to the cutoff."""
    if rows.cutoff is None:
        return [Finding("future", NOT_RUN, f"{NO_CUTOFF}; and the facts behind a table cannot be scrambled")]
    found = []
    for name in rows.instants:
        late = as_instants(rows.table.column(name)) >= rows.cutoff
        if late.mean() > ALLOWED:
            words = f"{name} lies at or after the row's cutoff in {late.mean():.1%} of the rows"
            found.append(Finding("future", LEAK, words, name, float(late.mean()), ALLOWED))
    found += [
        f for name in rows.numbers.column_names if name not in (*rows.text, *rows.instants) for f in _today(rows, name)
    ]
    if found:
        return found
    words = "no date in a row lies after its cutoff, and no number of days is counted past it"
    more = "; what else a feature knows, the facts would tell (--table FILE.sql over a shop)"
    return [Finding("future", CLEAN, words + more, None, 0.0, ALLOWED)]


def _today(rows: Rows, name: str) -> list[Finding]:
    """Days counted to today: never fewer than those from the row's cutoff to the last one, and rising with them."""
    assert rows.cutoff is not None
    away = (rows.cutoff.max() - rows.cutoff) / DAY
    days = to_floats(rows.numbers.column(name))
    known = ~np.isnan(days)
    far = known & (away > 7)
    if far.sum() < max(LEAST, 0.02 * rows.n) or np.unique(days[far]).size < LEAST or np.unique(away[far]).size < 3:
        return []
    reach = float((days[far] >= away[far] - 1).mean())
    rises = float(spearmanr(days[far], away[far]).statistic)
    if reach < TODAY or rises < 0.5:
        return []
    words = (
        f"{name} is counted to one day for all: it is never less than the days from the row's cutoff to "
        f"{str(rows.cutoff.max())[:10]}, and rises with them (rank correlation {rises:.2f}); count it to the cutoff"
    )
    return [Finding("future", LEAK, words, name, rises, 0.5)]
