"""When each category sells: months and weekdays beside its own mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from footfall.engine import Query, literal
from footfall.insights.insight import Chart, Ground, Insight, Row

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SEASONAL = 12
_HEAT = {"across": "", "down": "", "format": ".2f"}


def sales_sql(ground: Ground) -> str:
    """The sales up to the end of the history, each with its month and weekday on the local clock."""
    local = f"local_time(occurred_at, {literal(ground.tz)})"
    return (
        "select order_id, customer_id, product_id, category, brand, occurred_at,\n"
        "  cast(quantity as decimal(18, 4)) as quantity,\n"
        "  cast(coalesce(amount, 0) as decimal(18, 4)) as amount, price,\n"
        f"  cast(date_trunc('month', {local}) as date) as month, weekday(cast({local} as date)) as weekday\n"
        f"from lines\nwhere kind = 'sale' and occurred_at < {literal(ground.end)}"
    )


def seasonality(ground: Ground) -> str:
    """Each category's revenue by calendar month and weekday, beside its own mean; and the same of the whole shop."""
    whole = f"cast(date_trunc('month', local_time({literal(ground.end)}, {literal(ground.tz)})) as date)"
    begun = f"cast(date_trunc('month', local_time({literal(ground.first)}, {literal(ground.tz)})) as date)"
    query = (
        Query()
        .then("sales", sales_sql(ground))
        .then(
            "largest",
            "select category\nfrom sales\nwhere category is not null\ngroup by category\n"
            f"order by sum(amount) desc, category limit {_SEASONAL}",
        )
        .then(
            "told",
            "select category, month, weekday, amount, occurred_at\nfrom sales\njoin largest using (category)\n"
            "union all\nselect 'all', month, weekday, amount, occurred_at\nfrom sales",
        )
        .then(
            "months",
            "-- whole months only; the days of a month are taken out\n"
            "select category, 'month' as dimension, month(month) as period,\n"
            "  sum(amount) / day(last_day(month)) as a_day\nfrom told\n"
            f"where month > {begun} and month < {whole}\ngroup by category, month",
        )
        .then(
            "weekdays",
            "select category, 'weekday' as dimension, weekday as period, sum(amount) as a_day\nfrom told\n"
            "group by category, weekday",
        )
        .then("parts", "select * from months union all select * from weekdays")
        .then(
            "answer",
            "select category, dimension, period, count(*) as seen,\n"
            "  round(avg(a_day) / nullif(avg(avg(a_day)) over (partition by category, dimension), 0), 9) as index\n"
            "from parts\ngroup by category, dimension, period",
        )
    )
    return f"{query.sql()}\norder by category <> 'all', category, dimension, period"


def season_names(rows: list[Row], ground: Ground) -> list[Row]:
    del ground
    names = {"month": MONTHS, "weekday": DAYS}
    return [{**r, "name": names[r["dimension"]][r["period"] - 1]} for r in rows]


def season_words(rows: Sequence[Row], ground: Ground) -> str:
    months = {(r["category"], r["name"]): r["index"] for r in rows if r["dimension"] == "month" and r["index"]}
    told = [r for r in rows if r["dimension"] == "weekday" and r["category"] == "all" and r["index"]]
    days = {r["name"]: r["index"] for r in told}
    if len(days) < 7:
        return "There is no season to tell. The history holds no whole week of sales, or no amounts."
    best = max(days, key=lambda k: days[k])
    first = f"The strongest weekday is {best} with {days[best]:.2f} times the mean day."
    by = [(v, k) for k, v in months.items() if k[0] != "all"]
    if not by:
        return f"{first} The history holds no whole months to compare."
    value, (category, month) = max(by)
    caution = "" if ground.shape.days >= 700 else " (with under two years, a season cannot be told from a trend)"
    return (
        f"{first} The strongest month of any category is {month} for '{category}': {value:.2f} times its mean{caution}."
    )


def _seasons(dimension: str) -> Callable[[Sequence[Row]], Sequence[Row]]:
    return lambda rows: [
        {"x": r["name"], "y": r["category"], "value": r["index"]} for r in rows if r["dimension"] == dimension
    ]


SEASONALITY = Insight(
    "seasonality",
    "When does each category sell?",
    """
    category VARCHAR category; `all` is the whole shop
    dimension VARCHAR month or weekday
    period INTEGER 1 is January or Monday
    name VARCHAR name of it
    seen BIGINT months of that name in the history (weekdays: 1)
    index DOUBLE revenue a day beside the category's own mean: 1 is average
    """,
    seasonality,
    season_words,
    ("lines.category",),
    season_names,
    charts=(
        Chart("heat", "Revenue a day by month, 1 is the mean", _seasons("month"), _HEAT),
        Chart("heat", "Revenue by weekday, 1 is the mean", _seasons("weekday"), _HEAT),
    ),
)
