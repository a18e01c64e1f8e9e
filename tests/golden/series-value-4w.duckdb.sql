-- series-value-4w: The expected value of series, week by week, in the 4 weeks from the cutoff, for each series known before it.
with grid as (
  select * from (values
    (timestamp '2020-05-17 23:00:00', timestamp '2020-05-24 23:00:00'),
    (timestamp '2020-05-24 23:00:00', timestamp '2020-05-31 23:00:00')
  ) as grid(cutoff, until)
),

members as (
  select series, min(f.occurred_at) as first_at, max(f.occurred_at) as last_at
  from series f
  where f.occurred_at < timestamp '2020-05-31 23:00:00' and f.known_at < timestamp '2020-05-31 23:00:00' and f.series is not null
  group by series
),

kept as (
  select series, g.cutoff
  from members m
  join grid g on g.until > m.first_at
  where m.last_at >= timestamp '2020-05-17 23:00:00'
),

cutoffs as (
  select * from (values
    (timestamp '2020-05-17 23:00:00', timestamp '2020-05-24 23:00:00'),
    (timestamp '2020-05-24 23:00:00', timestamp '2020-05-31 23:00:00')
  ) as cutoff(cutoff, next_7d)
),

spine as (
  select * from kept
),

series_ahead_cells as (
  select
    f.series, min(f.occurred_at) as first_at, max(f.known_at) as known_at,
    sum(cast(f.value as decimal(18, 4))) as series_value_sum,
    count(*) as series_n
  from series f
  where f.series is not null
  group by f.series, cast(local_time(f.occurred_at, 'Europe/London') as date), cast(local_time(f.known_at, 'Europe/London') as date)
),

series_ahead_windows as (
  select
    c.series, s.cutoff,
    sum(c.series_value_sum) filter (where c.first_at < t.next_7d) as series_value_sum_next_7d,
    cast(coalesce(sum(c.series_n) filter (where c.first_at < t.next_7d), 0) as bigint) as series_count_next_7d
  from cutoffs s
  join cutoffs t on t.cutoff = s.cutoff
  join series_ahead_cells c on c.first_at >= s.cutoff
    and c.first_at < t.next_7d
    and c.known_at < timestamp '2020-05-31 23:00:00'
  group by c.series, s.cutoff
),

beside as (
  select
    s.series, s.cutoff,
    coalesce(series_ahead_windows.series_value_sum_next_7d, 0) as value,
    coalesce(series_ahead_windows.series_count_next_7d, 0) as rows
  from spine s
  left join series_ahead_windows on series_ahead_windows.series = s.series and series_ahead_windows.cutoff = s.cutoff
),

series as (
  select series, cutoff as period_start, case when rows > 0 then value end as value
  from beside
)

select * from series
