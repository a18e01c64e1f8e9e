"""Days that are missing, thin, cut short or far from all others: what lost files and wrong clocks leave behind."""

from __future__ import annotations

from footfall.quality.declare import QueryCheck

_CALENDAR = """
with days as (select * from quality_days where table_name = '{table}'),
ends as (
  select source, min(day) as first, max(day) as last, avg(rows) as usual from days where bulk group by source
),
calendar as (
  select source, usual, unnest(range(first::timestamp, last::timestamp + interval 1 day, interval 1 day))::date as day
  from ends
),
filled as (
  select c.source, c.day, c.usual, coalesce(d.rows, 0) as rows
  from calendar c left join days d on d.source = c.source and d.day = c.day
),
weekdays as (
  select source, weekday(day) as weekday, avg((rows > 0)::int) < 0.1 and count(*) >= 3 as closed
  from filled group by all
),
opened as (
  select f.source, f.day, f.usual, f.rows, row_number() over (partition by f.source order by f.day) as place
  from filled f join weekdays w on w.source = f.source and w.weekday = weekday(f.day) where not w.closed
)"""
# A run of empty days is told only where chance would hardly make one: ten rows or more would have been usual.
_GAPS = (
    _CALENDAR
    + """,
empty as (
  select *, place - row_number() over (partition by source order by day) as run from opened where rows = 0
),
runs as (
  select source, run, min(day) as first, max(day) as last, count(*) as days
  from empty group by source, run having count(*) * any_value(usual) >= 10
)
select r.source, sum(r.days) as rows, any_value(o.looked_at) as looked_at,
       min(case when r.first = r.last then r.first::varchar
                else r.first::varchar || ' to ' || r.last::varchar end, 3) as examples
from runs r join (select source, count(*) as looked_at from opened group by source) o using (source)
group by r.source"""
)
_DROPS = (
    _CALENDAR
    + """,
usual as (
  select source, day, rows, day = max(day) over (partition by source) as is_last,
         median(rows) over before as usual, count(*) over before as weeks
  from opened where rows > 0
  window before as (partition by source, weekday(day) order by day rows between 4 preceding and 1 preceding)
)
select source, count(*) filter (where thin) as rows, count(*) as looked_at,
       min(day::varchar || ': ' || rows::varchar || ', usually ' || printf('%.0f', usual), 3)
         filter (where thin) as examples
from (select *, not is_last and weeks >= 3 and usual >= 50 and rows < 0.2 * usual as thin from usual)
group by source"""
)
_PARTIAL = """
with days as (
  select *, row_number() over (partition by source order by day desc) as back
  from quality_days where table_name = '{table}' and bulk
),
usual as (
  select source, min(last_slot) as last_slot, median(rows) as rows
  from days where back between 2 and 29 group by source having count(*) >= 7 and max(last_slot) > interval 0 hours
)
select d.source, d.rows, t.looked_at, [d.day::varchar || ': last row about ' || d.last_slot::varchar] as examples
from days d join usual u on u.source = d.source
join (select source, sum(rows)::bigint as looked_at from days group by source) t on t.source = d.source
where d.back = 1 and d.last_slot < u.last_slot - interval 30 minutes and d.rows < u.rows"""
_STRAY = """
with days as (select * from quality_days where table_name = '{table}'),
ends as (
  select source, min(day) as first, max(day) as last, ((max(day) - min(day)) + 2)::integer as length
  from days where bulk group by source
)
select d.source, sum(d.rows) as rows, any_value(t.looked_at) as looked_at,
       min(d.day::varchar || ' (' || d.rows::varchar || ')', 3) as examples
from days d join ends e on e.source = d.source
join (select source, sum(rows) as looked_at from days group by source) t on t.source = d.source
where d.day < e.first - e.length or d.day > e.last + e.length
group by d.source"""

DAYS = tuple(
    check
    for table, words in {"events": "events", "orders": "orders"}.items()
    for check in (
        QueryCheck(
            "days_without_rows",
            table,
            "occurred_at",
            "missing",
            f"days without any {words} amid the data, weekdays that are always closed apart",
            "a missing file or an outage: customers look inactive, and forecasts see a slump",
            needs=(table,),
            sql=_GAPS.replace("{table}", table),
        ),
        QueryCheck(
            "days_thin",
            table,
            "occurred_at",
            "missing",
            f"days with less than a fifth of the {words} of the same weekday before",
            "lost data, an outage or a holiday: short windows that hold such a day are too low",
            needs=(table,),
            sql=_DROPS.replace("{table}", table),
        ),
        QueryCheck(
            "last_day_partial",
            table,
            "occurred_at",
            "missing",
            f"{words} of a last day that ends earlier than any of the four weeks before",
            "that day is not whole: answers start from the midnight before it",
            needs=(table,),
            sql=_PARTIAL.replace("{table}", table),
        ),
        QueryCheck(
            "time_far_off",
            table,
            "occurred_at",
            "inconsistent",
            f"{words} dated further from the bulk of the data than the bulk is long",
            "wrong clocks: such a row can move the default cutoff or stretch a customer's history; set --at by hand",
            needs=(table,),
            sql=_STRAY.replace("{table}", table),
        ),
    )
)
