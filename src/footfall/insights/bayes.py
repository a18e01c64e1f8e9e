"""Which category follows interest in it: Bayes' theorem from counted parts, in the three-table names.

The statements run as they stand in DuckDB, SQLite and PostgreSQL: no date arithmetic (every boundary is written out),
no function that one of them lacks. Instants in SQLite are texts such as `2026-05-01 12:00:00`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from footfall.engine import Query
from footfall.errors import FootfallError
from footfall.insights.insight import Chart, Ground, Insight, Row
from footfall.insights.pooling import interval, pool
from footfall.spans import Span, shift, span

MONTH = span("30d")
"""The past month, and the month after the cutoff."""
MORE_THAN = 3
CUTOFFS = 6


@dataclass(frozen=True)
class Months:
    """Boundaries in order: interactions of month i lie before boundary i (a cutoff), purchases of month i + 1 after it.

    The months tile: each fact lies in one of them, so no interaction is counted at two cutoffs.
    """

    bounds: tuple[datetime, ...]

    @property
    def cutoffs(self) -> tuple[datetime, ...]:
        return self.bounds[1:-1]

    def case(self, column: str) -> str:
        """The number of a row's month: 0 is all time before the first month."""
        whens = "\n".join(f"    when {column} < {moment(b)} then {i}" for i, b in enumerate(self.bounds))
        return f"case\n{whens}\n  end"


def moment(at: datetime) -> str:
    """An instant as a text that all three databases compare with a date or a timestamp; a midnight is its date."""
    return f"'{at:%Y-%m-%d}'" if (at.hour, at.minute, at.second) == (0, 0, 0) else f"'{at:%Y-%m-%d %H:%M:%S}'"


def months(ground: Ground, month: Span = MONTH, cutoffs: int = CUTOFFS) -> Months:
    """The last months of the history, at most `cutoffs` + 1. Raises FootfallError when it holds no two of them."""
    bounds = [ground.end]
    while len(bounds) < cutoffs + 2 and (earlier := shift(bounds[0], month, -1, ground.tz)) >= ground.first:
        bounds.insert(0, earlier)
    if len(bounds) < 3:
        raise FootfallError(
            f"the shop's history of {ground.shape.days:.0f} days is too short: interactions of {month.words} and "
            f"purchases of the {month.words} after them take {2 * month.days:.0f} days"
        )
    return Months(tuple(bounds))


def counts(of: Months, often: bool) -> Query:
    """The steps both statements share: who did what in which month, and whose purchases came after it.

    `often`: only those with more than 3 interactions are counted.
    """
    having = f"\nhaving count(*) > {MORE_THAN}" if often else ""
    last = len(of.cutoffs)
    seen = [
        f'select "Customer ID" as customer, min("{at}") as seen_at\nfrom {table}\n'
        f'where "Customer ID" is not null and "{at}" < {moment(until)}\ngroup by 1'
        for table, at, until in (
            ("Customer_Interactions", "Interaction Date", of.cutoffs[-1]),
            ("Transactions", "Transaction Date", of.bounds[-1]),
        )
    ]
    return (
        Query()
        .then(
            "interactions",
            "-- interactions of each customer with each category, by month\n"
            'select "Customer ID" as customer, "Product Category" as category,\n'
            f"  {of.case(chr(34) + 'Interaction Date' + chr(34))} as month,\n  count(*) as n\n"
            "from Customer_Interactions\n"
            'where "Customer ID" is not null and "Product Category" is not null\n'
            f'  and "Interaction Date" >= {moment(of.bounds[0])} and "Interaction Date" < {moment(of.cutoffs[-1])}\n'
            f"group by 1, 2, 3{having}",
        )
        .then(
            "purchases",
            'select "Customer ID" as customer, "Product Category" as category,\n'
            f"  {of.case(chr(34) + 'Transaction Date' + chr(34))} as month\n"
            "from Transactions\n"
            'where "Customer ID" is not null and "Product Category" is not null\n'
            f'  and "Transaction Date" >= {moment(of.bounds[1])} and "Transaction Date" < {moment(of.bounds[-1])}\n'
            "group by 1, 2, 3",
        )
        .then(
            "seen",
            "-- the month in which each customer was first seen; month 0 is all time before the first\n"
            f"select customer, {of.case('min(seen_at)')} as since\n"
            f"from (\n{seen[0]}\nunion all\n{seen[1]}\n) as facts\ngroup by customer",
        )
        .then(
            "everyone",
            f"-- pairs of a customer and a cutoff (the end of months 1 to {last}) after the first sight of them\n"
            f"select 1.0 * sum(case when since = 0 then {last} else {last} + 1 - since end) as pairs\n"
            f"from seen\nwhere since <= {last}",
        )
        .then(
            "bought",
            "-- who bought from which category in the month after which cutoff, having been seen before it\n"
            "select p.customer, p.category, p.month - 1 as cutoff\n"
            "from purchases p\njoin seen s on s.customer = p.customer and s.since < p.month",
        )
        .then(
            "each",
            "-- each customer's cutoffs with 1, 2, 3 and more than 3 (written 4) interactions in the month before,\n"
            "-- and those of them that were followed by a purchase\n"
            f"select i.category, i.customer, case when i.n > {MORE_THAN} then {MORE_THAN + 1} else i.n end "
            "as interactions,\n  1.0 * count(*) as pairs, 1.0 * count(b.customer) as buyers\n"
            "from interactions i\n"
            "left join bought b on b.customer = i.customer and b.category = i.category and b.cutoff = i.month\n"
            "group by 1, 2, 3",
        )
        .then(
            "counted",
            "-- size: pairs of the customer behind a pair, on average; spread: how far customers differ from their\n"
            "-- category's share; plain: how far independent pairs would\n"
            "select category, interactions, sum(pairs) as pairs, sum(buyers) as buyers,\n"
            "  sum(pairs * pairs) / sum(pairs) as size,\n"
            "  sum(buyers * buyers) - 2 * sum(buyers) / sum(pairs) * sum(buyers * pairs)\n"
            "    + sum(buyers) / sum(pairs) * sum(buyers) / sum(pairs) * sum(pairs * pairs) as spread,\n"
            "  sum(buyers) * (1 - sum(buyers) / sum(pairs)) as plain\n"
            "from each\ngroup by category, interactions",
        )
        .then(
            "unbiased",
            "-- the share was taken from the same pairs: what that hides of both is put back\n"
            "select interactions, size, spread * pairs / (pairs - size) as spread,\n"
            "  plain * pairs / (pairs - 1) as plain\nfrom counted\nwhere pairs > size",
        )
        .then(
            "alike",
            "-- how alike the pairs of one customer are: 0 not at all, 1 wholly\n"
            "select interactions, case when sum(spread) <= sum(plain) or sum(plain * (size - 1)) <= 0 then 0.0\n"
            "    when sum(spread - plain) >= sum(plain * (size - 1)) then 1.0\n"
            "    else sum(spread - plain) / sum(plain * (size - 1)) end as likeness\n"
            "from unbiased\ngroup by interactions",
        )
        .then(
            "weighed",
            "-- effect: one customer at several cutoffs says less than several; pairs count as pairs / effect\n"
            "select c.*, 1 + (c.size - 1) * coalesce(a.likeness, 0) as effect\n"
            "from counted c\nleft join alike a on a.interactions = c.interactions",
        )
        .then("totals", "select category, 1.0 * count(*) as buyers\nfrom bought\ngroup by category")
    )


def category_bayes(ground: Ground) -> str:
    """Prior, likelihood, evidence and posterior of each category, and the posterior mean drawn to the others."""
    return _statement(
        counts(months(ground), often=True)
        .then(
            "shares",
            "select category, buyers / pairs as share, pairs / effect as n,\n"
            "  pairs / (select sum(pairs) from weighed) as weight,\n"
            "  (select sum(buyers) / sum(pairs) from weighed) as mean\nfrom weighed",
        )
        .then(
            "moments",
            "-- how much the categories' shares differ beyond chance, by moments (Kleinman 1973)\n"
            "select max(mean) as mean, sum(weight * (share - mean) * (share - mean)) as variance,\n"
            "  max(mean * (1 - mean)) as alone, sum(weight * (1 - weight)) as w,\n"
            "  sum(weight * (1 - weight) / n) as v, sum(n) as total\n"
            "from shares",
        )
        .then(
            "fitted",
            "-- the prior of all categories, Beta(size * mean, size * (1 - mean)): a category of `size` pairs\n"
            "-- is drawn half-way; categories that differ no more than by chance are drawn together whole\n"
            "select mean, case when variance > alone * v and variance < alone * w\n"
            "    then alone * (w - v) / (variance - alone * v) - 1\n"
            "    when variance >= alone * w then 0.0 else total end as size\n"
            "from moments",
        )
        .then(
            "answer",
            "select c.category, e.pairs, coalesce(t.buyers, 0) as buyers, c.pairs as interested,\n"
            "  c.buyers as interested_buyers,\n"
            "  coalesce(t.buyers, 0) / e.pairs as prior,\n"
            "  c.buyers / t.buyers as likelihood,\n"
            "  c.pairs / e.pairs as evidence,\n"
            "  -- Bayes' theorem: likelihood times prior over evidence\n"
            "  coalesce(c.buyers / t.buyers * (t.buyers / e.pairs) / (c.pairs / e.pairs), 0) as posterior,\n"
            "  c.effect as design_effect,\n"
            "  (c.buyers / c.effect + f.size * f.mean) / (c.pairs / c.effect + f.size) as by_moments\n"
            "from weighed c\ncross join everyone e\ncross join fitted f\n"
            "left join totals t on t.category = c.category",
        ),
        "order by by_moments desc, category",
    )


def category_odds(ground: Ground) -> str:
    """Pairs and buyers of each category by number of interactions in the month before."""
    return _statement(
        counts(months(ground), often=False)
        .then(
            "touched",
            "select category, sum(pairs) as pairs\nfrom counted\ngroup by category",
        )
        .then(
            "untouched",
            "-- buyers with no interaction in the month before\n"
            "select b.category, b.customer, 1.0 * count(*) as buyers\nfrom bought b\n"
            "left join interactions i on i.customer = b.customer and i.category = b.category and i.month = b.cutoff\n"
            "where i.customer is null\ngroup by 1, 2",
        )
        .then(
            "unmoved",
            "-- few of them buy, so that how often one buyer does is how alike they are\n"
            "select category, sum(buyers) as buyers, sum(buyers * buyers) as spread\nfrom untouched\ngroup by category",
        )
        .then("categories", "select category from touched union select category from totals")
        .then(
            "answer",
            "select category, interactions, pairs, buyers, effect\nfrom weighed\nunion all\n"
            "-- with no interaction: everyone else\n"
            "select k.category, 0, e.pairs - coalesce(c.pairs, 0), coalesce(u.buyers, 0),\n"
            "  coalesce((select sum(spread) / sum(buyers) from unmoved), 1)\n"
            "from categories k\ncross join everyone e\n"
            "left join touched c on c.category = k.category\nleft join unmoved u on u.category = k.category\n"
            "where e.pairs > coalesce(c.pairs, 0)",
        ),
        "order by category, interactions",
    )


def _statement(query: Query, order: str) -> str:
    return f"{query.sql()}\n{order}"


def with_intervals(rows: list[Row], ground: Ground) -> list[Row]:
    """Lift over the prior, and the 95% interval of the pooled chance."""
    del ground
    if not rows:
        return rows
    hits, pairs = (np.array([r[k] / r["design_effect"] for r in rows]) for k in ("interested_buyers", "interested"))
    a, b = pool(hits, pairs)
    lower, upper = interval(a, b)
    told: list[Row] = [
        {**r, "pooled": p, "lift": p / float(r["prior"]) if r["prior"] else None, "lower": low, "upper": high}
        for r, p, low, high in zip(rows, (a / (a + b)).tolist(), lower.tolist(), upper.tolist(), strict=True)
    ]
    return sorted(told, key=lambda r: (-r["pooled"], r["category"]))


def with_odds(rows: list[Row], ground: Ground) -> list[Row]:
    """Chance and odds with their 95% intervals; categories are pooled among those of as many interactions."""
    del ground
    done: dict[int, Row] = {}
    for bucket in {r["interactions"] for r in rows}:
        group = [r for r in rows if r["interactions"] == bucket]
        hits, pairs = (np.array([r[k] / r["effect"] for r in group]) for k in ("buyers", "pairs"))
        a, b = pool(hits, pairs)
        for r, chance, low, high in zip(group, a / (a + b), *interval(a, b), strict=True):
            odds = {"chance": chance, "odds": chance / (1 - chance)}
            done[id(r)] = {**odds, "lower": low / (1 - low), "upper": high / (1 - high)}
    base = {r["category"]: done[id(r)]["odds"] for r in rows if r["interactions"] == 0 and id(r) in done}
    nothing: Row = dict.fromkeys(("chance", "odds", "lower", "upper"))
    told = []
    for r in rows:
        found = done.get(id(r), nothing)
        none = base.get(r["category"])
        ratio = float(found["odds"] / none) if none and found["odds"] is not None else None
        told.append({**r, **{k: None if v is None else float(v) for k, v in found.items()}, "odds_ratio": ratio})
    return told


def _times(ground: Ground) -> str:
    cut = months(ground).cutoffs
    when = f"{len(cut)} cutoffs from {cut[0]:%Y-%m-%d} to" if len(cut) > 1 else "one cutoff,"
    return (
        f"Interactions are counted in the {MONTH.words} before a cutoff and purchases in the {MONTH.words} after it, "
        f"over {when} {cut[-1]:%Y-%m-%d}, among all customers seen before the cutoff."
    )


def bayes_words(rows: Sequence[Row], ground: Ground) -> str:
    if not rows:
        return f"No customer had more than {MORE_THAN} interactions with a category in a month. {_times(ground)}"
    best = rows[0]
    lift = f", {best['lift']:.1f} times the {best['prior']:.2%} of all customers" if best["lift"] else ""
    return (
        f"After more than {MORE_THAN} interactions with '{best['category']}' in a month, {best['pooled']:.1%} of "
        f"customers buy from it in the next one (95%: {best['lower']:.1%} to {best['upper']:.1%}){lift}. "
        f"{_times(ground)}"
    )


def odds_words(rows: Sequence[Row], ground: Ground) -> str:
    told = {
        n: (sum(float(r["buyers"]) for r in of), sum(float(r["pairs"]) for r in of))
        for n in range(MORE_THAN + 2)
        if (of := [r for r in rows if r["interactions"] == n])
    }
    if len(told) < 2:
        return f"There are no interactions with a category to tell apart. {_times(ground)}"
    none, most = (told[n] for n in (min(told), max(told)))
    chance = [k / n if n else 0.0 for k, n in (none, most)]
    return (
        f"Over all categories, {chance[0]:.2%} of customers with no interaction with a category buy from it in the "
        f"next month, and {chance[1]:.2%} of those with more than {MORE_THAN}. {_times(ground)}"
    )


def _ends(row: Row) -> Row:
    return {"lower": row["lower"], "upper": row["upper"]}


_NEEDS = ("events.category", "lines.category")
INSIGHTS = (
    Insight(
        "category-bayes",
        "How likely is a purchase in a category, given more than 3 interactions with it in the past month?",
        """
        category VARCHAR product category
        pairs DOUBLE pairs of a customer and a cutoff
        buyers DOUBLE pairs that bought from the category in the month after the cutoff
        interested DOUBLE pairs with more than 3 interactions with the category in the month before it
        interested_buyers DOUBLE pairs that are both
        prior DOUBLE P(purchase) = buyers / pairs
        likelihood DOUBLE P(more than 3 interactions | purchase) = interested_buyers / buyers
        evidence DOUBLE P(more than 3 interactions) = interested / pairs
        posterior DOUBLE P(purchase | more than 3 interactions) = likelihood * prior / evidence
        design_effect DOUBLE how many of its pairs say as much as one independent one
        by_moments DOUBLE the posterior, drawn towards the likeliest common prior of all categories (in SQL alone)
        pooled DOUBLE the same, over all common priors that the counts allow
        lift DOUBLE pooled / prior
        lower DOUBLE lower end of the 95% interval of the pooled chance
        upper DOUBLE upper end
        """,
        category_bayes,
        bayes_words,
        _NEEDS,
        with_intervals,
        charts=(
            Chart(
                "ranges",
                "Chance of a purchase after more than 3 interactions",
                lambda rows: [
                    {"label": r["category"], "value": r["pooled"], "other": r["prior"], **_ends(r)} for r in rows[:20]
                ],
                {"title": "Chance of a purchase in the next month", "beside": "of all customers"},
            ),
        ),
    ),
    Insight(
        "category-odds",
        "How do the odds of a purchase in a category rise with the number of interactions?",
        """
        category VARCHAR product category
        interactions INTEGER interactions with it in the month before the cutoff: 0, 1, 2, 3; 4 is more than 3
        pairs DOUBLE pairs of a customer and a cutoff
        buyers DOUBLE of them bought from it in the month after
        chance DOUBLE chance of a purchase, drawn towards the other categories as far as it rests on few pairs
        odds DOUBLE chance / (1 - chance)
        lower DOUBLE lower end of the 95% interval of the odds
        upper DOUBLE upper end
        odds_ratio DOUBLE odds beside those with no interaction
        """,
        category_odds,
        odds_words,
        _NEEDS,
        with_odds,
        charts=(
            Chart(
                "heat",
                "Chance of a purchase by number of interactions",
                lambda rows: [
                    {"x": "more than 3" if n == MORE_THAN + 1 else str(n), "y": r["category"], "value": r["chance"]}
                    for n in range(MORE_THAN + 2)
                    for r in rows
                    if r["interactions"] == n
                ],
                {"across": "interactions in the month before", "down": "", "format": ".1%"},
            ),
        ),
    ),
)
