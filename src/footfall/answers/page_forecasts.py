"""What a report shows of forecasts, decisions and rankings: the query of each table."""

from __future__ import annotations

_PATHS = "(select task from questions where kind = 'path')"
_ASKED = "(t.task, t.cutoff, t.model) in (select (task, cutoff, model) from questions where kind = 'path')"
_SAME = "h.task = t.task and h.cutoff = t.cutoff and h.level = t.level" + "".join(
    f" and h.{key} is not distinct from t.{key}" for key in ("product_id", "category", "brand", "store_id", "channel")
)

FORECASTS: dict[str, str] = {
    "forecasts": f"""
select * from forecasts t where {_ASKED}
order by task, level, product_id, category, brand, store_id, channel, step""",
    "forecast_history": """
select t.* from forecast_history t
join questions q on q.task = t.task and q.cutoff = t.cutoff and q.kind = 'path'
where level = 'total' order by task, period_start""",
    "forecast_totals": f"""
with sums as (
  select * from forecast_totals t where {_ASKED} qualify steps = max(steps) over (partition by task, level)
), spans as (
  select *, cutoff - (period_end - cutoff) as before_at, cutoff - interval 364 day as year_at,
    period_end - interval 364 day as year_end
  from sums
), past as (
  select t.*, h.amount as was, h.period_start, min(h.period_start) over (partition by t.task, t.level) as first_at
  from spans t left join forecast_history h on {_SAME}
), summed as (
  select p.* exclude (before_at, year_at, year_end, was, period_start, first_at), any_value(n.name) as name,
    coalesce(sum(was) filter (where period_start >= before_at), 0) as before,
    case when min(first_at) <= any_value(year_at)
      then coalesce(sum(was) filter (where period_start >= year_at and period_start < year_end), 0) end as year_ago
  from past p left join products n on n.product_id = p.product_id
  group by all
)
select * from summed order by task, level <> 'total', amount desc, level, product_id, category""",
    "forecast_words": f"""
select t.level, t.product_id, t.category, t.brand, t.store_id, t.channel, t.words, t.task, s.amount, n.name
from forecast_parts t
join forecast_totals s on s.task = t.task and s.cutoff = t.cutoff and s.model = t.model and s.level = t.level
  and s.product_id is not distinct from t.product_id and s.category is not distinct from t.category
  and s.brand is not distinct from t.brand and s.store_id is not distinct from t.store_id
  and s.channel is not distinct from t.channel
left join products n on n.product_id = t.product_id
where t.part = 'change' and {_ASKED}
qualify s.steps = max(s.steps) over (partition by t.task, t.level)
order by t.task, t.level <> 'total', s.amount desc""",
    "forecast_evaluations": f"""
select * from evaluations where task in {_PATHS} and cutoff is null
order by task, level nulls first, metric, model""",
    "forecast_verdicts": f"select * from verdicts where task in {_PATHS} order by task, model",
    "anomalies": """
select t.*, n.name from anomalies t
join questions q on q.task = t.task and q.cutoff = t.cutoff and q.kind = 'path'
left join products n on n.product_id = t.product_id
order by t.task, abs(t.score) desc, t.period_start""",
}
"""Tables of a shop that forecasts. A year ago is 52 weeks ago, so that weekdays match."""
FORECASTS = {name: sql.strip() for name, sql in FORECASTS.items()}

DECISIONS: dict[str, str] = {
    "restock": """
select * from restock where cutoff = (select max(cutoff) from restock)
order by action <> 'order', action, case when action = 'order' then days_of_cover end,
  case when action = 'promote' then on_hand else demand end desc, product_id""",
    "restock_actions": """
select action, count(*) as products, sum(order_now) as pieces,
  cast(sum(cast(order_now * unit_cost as decimal(18, 4))) as double) as cost
from restock where cutoff = (select max(cutoff) from restock) group by action order by action""",
    "demand_leads": """
select d.*, p.name, count(*) over () as looked_at from demand_leads d
left join (select product_id, max(name) as name from products group by product_id) p using (product_id)
qualify d.rising or row_number() over (order by d.adjusted_p, d.product_id) <= 50
order by d.rising desc, case when d.rising then -d.lower end, d.adjusted_p, d.product_id""",
    "agreement": """
select *, gap - newcomers - guests as unexplained,
  forecast - (gap - newcomers - guests) between forecast_lower and forecast_upper as inside
from agreement order by forecast desc, category""",
}
"""Tables of what is decided from forecasts."""
DECISIONS = {name: sql.strip() for name, sql in DECISIONS.items()}

_RANKED = "(select task from questions where kind = 'ranking')"
_TOLD = "metric in ('ndcg@20', 'recall@20', 'precision@20', 'map@20', 'mrr@20', 'hit_rate@20', 'recall@5', " + (
    "'hit_rate@5', 'coverage@20', 'novelty@20', 'diversity@20', 'popularity_bias@20')"
)
RANKINGS: dict[str, str] = {
    "recommended": """
with busiest as (
  select customer_id, count(*) as orders from orders where customer_id is not null
  group by customer_id order by orders desc, customer_id limit 4
)
select r.task, r.customer_id, r.rank, coalesce(r.name, r.product_id, r.category) as what, r.category, r.reason
from recommendations r
join busiest b on b.customer_id = r.customer_id
join questions q on q.task = r.task and q.cutoff = r.cutoff and q.kind = 'ranking'
where r.rank <= 5
order by r.task, b.orders desc, r.customer_id, r.rank""",
    "ranking_evaluations": f"""
select * exclude (level) from evaluations
where task in {_RANKED} and cutoff is null and level is null and {_TOLD}
order by task, max(value) filter (where metric = 'ndcg@20') over (partition by task, model) desc, model, metric""",
    "ranking_parts": f"""
select e.*, p.value as less_popular, p.lower as less_popular_lower, p.upper as less_popular_upper
from evaluations e
left join evaluations p on p.task = e.task and p.model = e.model and p.level = e.level and p.cutoff is null
  and p.metric = e.metric || ' less popular'
where e.task in {_RANKED} and e.cutoff is null and e.level is not null and e.metric in ('ndcg@20', 'recall@20')
order by e.task, e.level, e.model = 'answer' desc, e.value desc, e.model, e.metric""",
    "ranking_verdicts": f"select * from verdicts where task in {_RANKED} order by task, model",
    "pairs_together": """
select b.*, count(*) over () as pairs from bought_together b
where product_id < other_id or not exists (
  select 1 from bought_together o where o.product_id = b.other_id and o.other_id = b.product_id
)
order by lower desc, product_id, other_id limit 10""",
}
"""Tables of a shop that recommends."""
RANKINGS = {name: sql.strip() for name, sql in RANKINGS.items()}
