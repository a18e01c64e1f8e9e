"""What a report shows, gathered by SQL: each table beside the query that makes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from footfall.answers.context import Context, now
from footfall.answers.insights import insight_page_tables, insight_pages
from footfall.answers.keep import read_toml
from footfall.answers.page_forecasts import DECISIONS, FORECASTS, RANKINGS
from footfall.engine import Engine
from footfall.explain import told_pairs
from footfall.report import Headline, Page
from footfall.tables import TABLES
from footfall.tasks import CATALOGUE

_NEWEST = "(task, cutoff, model) in (select (task, cutoff, model) from questions where model is not null)"
_NO_PATH = "task not in (select task from questions where kind in ('path', 'ranking'))"
QUERIES: dict[str, str] = {
    "loads": "select * exclude (fingerprint) from loads\n"
    "qualify row_number() over (partition by source, role, fingerprint order by load_id, file) = 1\n"
    "order by load_id, source, role, file",
    "quality": "select * from quality order by rows desc, table_name, check_name, column_name",
    "quarantine_reasons": "select source, reason, count(*) as rows, min(raw) as example from quarantine\n"
    "group by source, reason order by rows desc, source, reason",
    "questions": "select task, sentence, kind, horizon, population, positives, base_rate, unit, model, caution\n"
    f"from questions order by model is null, list_position({list(CATALOGUE)}, task), task",
    "evaluations": f"select * exclude (level) from evaluations where {_NO_PATH}\n"
    "order by task, cutoff nulls first, model, metric",
    "verdicts": f"select * from verdicts where {_NO_PATH} order by task, model",
    "comparison": "select * from comparison order by task, mean, model",
    "tuning": "with own as (\n"
    "  select task, model, cutoff, losses as own_losses from tuning where state = 'own'\n"
    "), reached as (\n"
    "  select t.*, o.own_losses, '$[' || (json_array_length(losses) - 1) || ']' as place\n"
    "  from tuning t join own o using (task, model, cutoff)\n"
    ")\n"
    "select * exclude (losses, own_losses, place), cast(json_extract_string(losses, place) as double)\n"
    "  / cast(json_extract_string(own_losses, place) as double) - 1 as against\n"
    "from reached order by task, model, cutoff, trial",
    "curves": "select * from curves order by task, model, curve, bin",
    "importances": "select * from importances where rank <= 10 order by task, rank",
    "contributions": "select task, model, feature, label, round(value, 3) as value, text, place,\n"
    "  round(contribution, 4) as contribution, error, sampled\n"
    "from (select *, avg(abs(contribution)) over (partition by task, model, feature) as size from contributions)\n"
    "qualify dense_rank() over (partition by task, model order by size desc, feature) <= 6\n"
    "  and row_number() over (partition by task, model, feature order by hash(customer_id, category)) <= 180\n"
    "order by task, model, feature, contribution",
    "explained": "select * from explained order by task, step",
    "models": "select task, model, cutoff, path, made_at from models order by task, cutoff desc, model",
    "stages": "select * from stages",
    "daily": "select cast(local_time(occurred_at, '{tz}') as date) as date, count(*) as orders,\n"
    "  sum(amount) as revenue, count(distinct customer_id) as customers\nfrom orders group by 1 order by 1",
    "top_scores": "with best as (\n"
    f"  select *, coalesce(chance, amount) as answer from scores where {_NEWEST}\n"
    "  qualify row_number() over (partition by task order by answer desc, customer_id, category) <= 20\n"
    "), why as (\n"
    "  select task, cutoff, model, customer_id, category, string_agg(reason, '; ' order by rank) as reasons\n"
    "  from reasons group by all\n"
    ")\n"
    "select b.task, b.customer_id, b.category, b.chance, b.amount, b.lower, b.upper, w.reasons\n"
    "from best b left join why w on w.task = b.task and w.cutoff = b.cutoff and w.model = b.model\n"
    "  and w.customer_id is not distinct from b.customer_id and w.category is not distinct from b.category\n"
    "order by b.task, b.answer desc, b.customer_id, b.category",
    "score_histogram": "select task, floor(chance * 20) / 20 as bin, count(*) as rows\n"
    f"from scores where chance is not null and {_NEWEST} group by 1, 2 order by 1, 2",
}
_RESOLVED = {
    "customers_count": "select * from customers_count",
    "customers_by_threshold": "select * from customers_by_threshold order by chance",
    "identity_overlaps": "with found as (\n"
    "  select distinct l.customer_id, case when r.kind = 'person' then r.source else r.kind end as place\n"
    "  from record_links l join records r using (record_id)\n"
    "), each as (\n"
    "  select customer_id, string_agg(place, ' + ' order by place) as places from found group by customer_id\n"
    ")\n"
    "select places, count(*) as customers from each group by places order by customers desc, places",
    "review": "select * from review order by worth desc, record_a, record_b",
    "identity_notes": "select * from identity_notes order by kind, note",
    "identity_effect": "select * from identity_effect\n"
    "order by task, measure, list_position(['raw', 'as-of', 'today'], identity)",
}
"""Tables of a shop whose records were resolved."""
_PAIRS = {
    "identity_merges": "select * from matches where linked and how = 'weighed'\n"
    "qualify row_number() over (partition by chance >= 0.5, chance >= 0.9, chance >= 0.99\n"
    "  order by weight, record_a, record_b) <= 2\norder by chance desc, record_a, record_b",
    "identity_misses": "select * from matches where not linked order by chance desc, record_a, record_b limit 20",
}
"""Rows of `matches` that are shown in words."""
PAGE_TABLES = (*QUERIES, *_RESOLVED, *_PAIRS, *FORECASTS, *DECISIONS, *RANKINGS, *insight_page_tables())


def gather(context: Context, title: str = "", shop_toml: Path | None = None) -> Page:
    """The page of this shop as it stands.

    Args:
        title: the page's title; None or empty: the shop's name from `shop.toml`, else a plain one.
        shop_toml: the merchant's texts: goals, success, stakeholders, plan, currency ... (a missing file is silence).

    Raises:
        FootfallError: `shop.toml` is no TOML.
    """
    engine = context.engine
    business = _business(shop_toml)
    currencies = engine.rows("select distinct currency from orders where currency is not null limit 2")
    if len(currencies) == 1:
        business = {"currency": str(currencies[0][0]), **business}
    tables, queries = {}, {}
    for name, sql in QUERIES.items():
        queries[name] = sql.replace("{tz}", context.tz.replace("'", ""))
        tables[name] = engine.fetch(queries[name])
    if engine.has("records"):
        for name, sql in _RESOLVED.items():
            queries[name], tables[name] = sql, engine.fetch(sql)
        for name, sql in _PAIRS.items():
            queries[name], tables[name] = sql, told_pairs(engine, sql)
    if engine.value("select count(*) from forecasts"):
        for name, sql in (FORECASTS | DECISIONS).items():
            queries[name], tables[name] = sql, engine.fetch(sql)
    if engine.value("select count(*) from recommendations"):
        for name, sql in RANKINGS.items():
            queries[name], tables[name] = sql, engine.fetch(sql)
    told, statements = insight_pages(context)
    tables |= told
    queries |= statements
    queries["table_rows"] = _table_rows_sql()
    tables["table_rows"] = engine.fetch(queries["table_rows"])
    title = title or str(business.get("name", "")) or "What the records say"
    asked = engine.value(
        f"select max(local_time(cutoff, '{context.tz}')) from questions where model is not null",
    )
    dated = f"{now():%-d %B %Y}" + (f"; the answers are for the time from {asked:%-d %B %Y} on" if asked else "")
    return Page(title, business, dated, tables, queries, _headlines(engine, str(business.get("currency", ""))))


def _business(path: Path | None) -> dict[str, Any]:
    document = read_toml(path)
    inside = document.pop("business", {})
    return {**document, **(inside if isinstance(inside, dict) else {"about": inside})}


def _table_rows_sql() -> str:
    parts = []
    for table in TABLES.values():
        name = "customer_history" if table.name == "customers" else table.name
        customers = "count(distinct customer_id)" if table.customer else "null"
        dated = f"nullif(min({table.time}), timestamp '1900-01-01'), nullif(max({table.time}), timestamp '1900-01-01')"
        parts.append(
            f"select '{table.name}' as table_name, count(*) as rows, {customers} as customers, "
            + (dated.replace("), n", ") as first, n") + " as last" if table.time else "null as first, null as last")
            + f" from {name}"
        )
    return "select * from (\n  " + "\n  union all ".join(parts) + "\n) where rows > 0 order by rows desc, table_name"


def _headlines(engine: Engine, currency: str) -> list[Headline]:
    """Three to seven numbers in plain words, each from a result table."""
    found = []
    known = engine.value("select count(*) from known_customers") if engine.has("known_customers") else 0
    if known:
        ordered = engine.value("select count(distinct customer_id) from orders")
        found.append(Headline("Customers and visitors known", f"{known:,}", f"{ordered:,} of them have ordered"))
    for task, label in (
        ("buy-30d", "Expected to order within 30 days"),
        ("churn-90d", "Expected to drift away in 90 days"),
    ):
        row = engine.rows(
            f"select sum(chance), sum(lower), sum(upper), count(*) from scores where task = ? and {_NEWEST}", [task]
        )
        if row and row[0][0] is not None:
            total, low, high, n = row[0]
            found.append(Headline(label, f"{total:,.0f}", f"of {n:,}; 95%: {low:,.0f} to {high:,.0f}"))
    row = engine.rows(f"select sum(amount), count(*), max(cutoff) from scores where task = 'spend-90d' and {_NEWEST}")
    if row and row[0][0] is not None:
        total, n, cutoff = row[0]
        unit = f"{currency} " if currency else ""
        # The ends of single intervals do not add up to those of the sum, so the past stands beside it.
        last = engine.value(
            "select coalesce(sum(amount), 0) from orders where customer_id is not null "
            "and occurred_at < ? and occurred_at >= ? - interval 90 days",
            [cutoff, cutoff],
        )
        note = f"by {n:,} customers; in the last 90 days: {last:,.0f}"
        found.append(Headline("Expected spend in 90 days", f"{unit}{total:,.0f}", note))
    row = engine.rows(
        "select t.amount, t.lower_95, t.upper_95 from forecast_totals t join questions q on q.task = t.task "
        "and q.cutoff = t.cutoff and q.model = t.model where t.task = 'revenue-category-30d' and t.level = 'total' "
        "order by t.steps desc limit 1"
    )
    if row:
        unit = f"{currency} " if currency else ""
        note = f"95%: {row[0][1]:,.0f} to {row[0][2]:,.0f}"
        found.append(Headline("Revenue expected in 30 days", f"{unit}{row[0][0]:,.0f}", note))
    # Where the baseline answers itself, the question counts, and as not better.
    told = engine.rows(
        "select count(*), count(*) filter (where better) from (select bool_or(v.verdict = 'yes' and (q.model = v.model "
        "or q.kind = 'ranking')) as better from questions q join verdicts v on v.task = q.task "
        "where q.model is not null group by q.task)"
    )
    if told and told[0][0]:
        found.append(
            Headline(
                "Answers better than the baseline", f"{told[0][1]} of {told[0][0]}", "on later data, beyond chance"
            )
        )
    read, there, aside = engine.rows(
        f"select coalesce(sum(rows_read), 0), coalesce(sum(rows_duplicate), 0), (select count(*) from quarantine)\n"
        f"from ({QUERIES['loads']})"
    )[0]
    if read:
        note = f"{aside:,} set aside, each kept whole; {there:,} copies left out"
        found.append(Headline("Rows read", f"{read:,}", note))
    return found[:7]
