"""How content customers are: mean rating and mean satisfaction score by age, and by what they spend or earn.

A customer's answers hang together, so an interval is that of a ratio over customers (linearised), not over answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from footfall.engine import Query, literal
from footfall.errors import FootfallError
from footfall.insights.insight import Chart, Ground, Insight, Row
from footfall.insights.who import age_group, ages, details_sql

Z = 1.959964
FEW = 10
"""Groups of fewer customers are shown, and not spoken of."""
SURE = 0.05
_NAMES = {"rating": "average rating", "score": "average satisfaction score"}
FOURTHS = ("lowest fourth", "second fourth", "third fourth", "highest fourth")
_COLUMNS = """
        measure VARCHAR rating (of reviews) or score (of satisfaction)
        dimension VARCHAR what customers are grouped by
        value VARCHAR group
        customers BIGINT customers with an answer
        answers BIGINT their reviews or scores
        mean DOUBLE mean over all answers
        lower DOUBLE lower end of its 95% interval, customers being drawn and not answers
        upper DOUBLE upper end
        chance DOUBLE chance that groups so different come of groups that are alike (chi-squared)
        """


def _voices(ground: Ground) -> str:
    """Every rating and every score of a known customer, as one column."""
    parts = []
    if ground.shape.has("reviews", "rating"):
        parts.append("select customer_id, 'rating' as measure, rating as answer, occurred_at\nfrom reviews")
    if ground.shape.has("satisfaction"):
        parts.append("select customer_id, 'score' as measure, score as answer, occurred_at\nfrom satisfaction")
    if not parts:
        raise FootfallError("satisfaction needs ratings (reviews) or scores (satisfaction), which the shop has not")
    return "\nunion all\n".join(parts)


def _grouped(ground: Ground, members: str, order: str) -> str:
    """Means by group; `members` selects customer_id, dimension, value and place."""
    query = (
        Query()
        .then("voices", _voices(ground))
        .then(
            "each_customer",
            "select customer_id, measure, sum(cast(answer as decimal(18, 4))) as total, count(*) as answers\n"
            "from voices\nwhere customer_id is not null and answer is not null "
            f"and occurred_at < {literal(ground.end)}\ngroup by customer_id, measure",
        )
        .then("members", members)
        .then(
            "beside",
            "select e.customer_id, e.measure, m.dimension, m.value, m.place, e.total, e.answers,\n"
            "  cast(sum(e.total) over w as double) / cast(sum(e.answers) over w as double) as mean\n"
            "from each_customer e\njoin members m on m.customer_id = e.customer_id\n"
            "window w as (partition by e.measure, m.dimension, m.value)",
        )
        .then(
            "counted",
            "select measure, dimension, value, min(place) as place, count(*) as customers, sum(answers) as answers,\n"
            "  min(mean) as mean,\n"
            "  -- customers are drawn with all their answers: the spread of what each adds to or takes from the mean\n"
            "  sqrt(sum(cast(round((cast(total as double) - mean * answers) * (cast(total as double) - mean * answers),"
            " 6) as decimal(18, 6)))\n"
            "    * count(*) / nullif(count(*) - 1, 0)) / sum(answers) as error\n"
            "from beside\ngroup by measure, dimension, value",
        )
        .then(
            "answer",
            "select measure, dimension, value, customers, answers, mean,\n"
            f"  mean - {Z} * error as lower, mean + {Z} * error as upper, place\nfrom counted",
        )
    )
    return f"{query.sql()}\norder by {order}"


def by_age(ground: Ground) -> str:
    """The statement of `satisfaction-by-age`. Raises FootfallError where no age is known, or no answer."""
    age = ages(ground)
    if not age:
        raise FootfallError("satisfaction by age needs customers' ages or birth dates, which the shop has not")
    members = (
        f"select customer_id, 'age' as dimension, {age_group(age)} as value, {age} as place\n"
        f"from (\n{details_sql(ground)}\n) as c\nwhere {age} is not null"
    )
    return _grouped(ground, members, "measure, place")


def by_spend(ground: Ground) -> str:
    """The statement of `satisfaction-by-spend`: fourths of what customers spent so far and, where known, of income."""
    parts = []
    if ground.shape.has("orders", "amount"):
        parts.append(
            "select customer_id, 'spend' as dimension, cast(sum(cast(amount as decimal(18, 4))) as double) as worth\n"
            f"from orders\nwhere customer_id is not null and occurred_at < {literal(ground.end)}\ngroup by customer_id"
        )
    if ground.shape.has("customers", "income"):
        parts.append(
            "select customer_id, 'income' as dimension, income as worth\nfrom customers\nwhere income is not null"
        )
    if not parts:
        raise FootfallError(
            "satisfaction by spend needs amounts of orders or customers' income, which the shop has not"
        )
    union = "\nunion all\n".join(parts)
    named = " ".join(f"when {i} then '{name}'" for i, name in enumerate(FOURTHS))
    members = (
        f"select customer_id, dimension, case place {named} end as value, place\nfrom (\n"
        "select customer_id, dimension, least(3, cast(floor(4 * percent_rank() over (partition by dimension"
        f" order by worth)) as integer)) as place\nfrom (\n{union}\n) as w\n) as p"
    )
    return _grouped(ground, members, "measure, dimension desc, place")


def _finish(rows: list[Row], ground: Ground) -> list[Row]:
    """With the chance that the groups are alike (Cochran's Q over groups of at least `FEW` customers)."""
    del ground
    found = []
    for row in rows:
        mine = [r for r in _sure(rows) if (r["measure"], r["dimension"]) == (row["measure"], row["dimension"])]
        found.append({k: v for k, v in row.items() if k != "place"} | {"chance": _alike(mine)})
    return found


def _sure(rows: Sequence[Row]) -> list[Row]:
    return [r for r in rows if r["customers"] >= FEW and r["lower"] is not None and r["upper"] > r["lower"]]


def _alike(rows: Sequence[Row]) -> float | None:
    from scipy.stats import chi2

    if len(rows) < 2:
        return None
    weight = [(2 * Z / (r["upper"] - r["lower"])) ** 2 for r in rows]
    middle = sum(w * r["mean"] for w, r in zip(weight, rows, strict=True)) / sum(weight)
    q = sum(w * (r["mean"] - middle) ** 2 for w, r in zip(weight, rows, strict=True))
    return float(chi2.sf(q, len(rows) - 1))


def _words(rows: Sequence[Row], ground: Ground) -> str:
    """Of the first measure and dimension that has two groups large enough: the extremes, and whether they differ."""
    del ground
    for measure, dimension in dict.fromkeys((r["measure"], r["dimension"]) for r in rows):
        mine = _sure([r for r in rows if (r["measure"], r["dimension"]) == (measure, dimension)])
        if len(mine) < 2:
            continue
        best, worst = max(mine, key=lambda r: r["mean"]), min(mine, key=lambda r: r["mean"])
        chance = mine[0]["chance"]
        many = sum(r["customers"] for r in mine)
        first = (
            f"By {dimension}, the {_NAMES[measure]} is highest for {_group(best)} ({_told(best)}) and lowest for "
            f"{_group(worst)} ({_told(worst)})."
        )
        if chance is not None and chance < SURE:
            return (
                f"{first} Over the answers of {many:,} customers these groups differ by more than chance would have it."
            )
        return f"{first} Over the answers of {many:,} customers such differences come by chance alone, too."
    return f"There are too few answers to tell groups apart. A group wants {FEW} customers who answered."


def _group(row: Row) -> str:
    return f"ages {row['value']}" if row["dimension"] == "age" else f"the {row['value']}"


def _told(row: Row) -> str:
    return f"{row['mean']:.2f}, 95%: {row['lower']:.2f} to {row['upper']:.2f}"


def _points(rows: Sequence[Row]) -> list[dict[str, Any]]:
    known = [r for r in rows if r["lower"] is not None]
    return [
        {"label": r["value"], "value": r["mean"], "lower": r["lower"], "upper": r["upper"]} for r in known
    ] if len(known) > 1 else []  # fmt: skip


_CHART = Chart(
    "ranges",
    "Average {measure} by {dimension}",
    _points,
    {"title": "Average, 95% interval", "format": ".2~f", "zero": False},
    "measure dimension",
)

INSIGHTS = (
    Insight(
        "satisfaction-by-age", "Which ages are content, and which are not?", _COLUMNS, by_age, _words, ("customers",),
        _finish, charts=(_CHART,),
    ),
    Insight(
        "satisfaction-by-spend", "Are those who spend or earn more the more content?", _COLUMNS, by_spend, _words, (),
        _finish, charts=(_CHART,),
    ),
)  # fmt: skip
