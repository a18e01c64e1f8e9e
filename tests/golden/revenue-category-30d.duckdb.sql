-- revenue-category-30d: The expected revenue, day by day, in the 30 days from the cutoff, for each category known before it.
with grid as (
  select * from (values
    (timestamp '2020-05-29 23:00:00', timestamp '2020-05-30 23:00:00'),
    (timestamp '2020-05-30 23:00:00', timestamp '2020-05-31 23:00:00')
  ) as grid(cutoff, until)
),

members as (
  select category, min(f.occurred_at) as first_at, max(f.occurred_at) as last_at
  from lines f
  where f.occurred_at < timestamp '2020-05-31 23:00:00' and f.known_at < timestamp '2020-05-31 23:00:00' and f.category is not null
  group by category
),

kept as (
  select category, g.cutoff
  from members m
  join grid g on g.until > m.first_at
  where m.last_at >= timestamp '2020-05-29 23:00:00'
),

cutoffs as (
  select * from (values
    (timestamp '2020-05-29 23:00:00', timestamp '2020-05-30 23:00:00'),
    (timestamp '2020-05-30 23:00:00', timestamp '2020-05-31 23:00:00')
  ) as cutoff(cutoff, next_1d)
),

spine as (
  select * from kept
),

lines_ahead_cells as (
  select
    f.category, min(f.occurred_at) as first_at, max(f.known_at) as known_at,
    sum(cast(f.amount as decimal(18, 4))) as lines_amount_sum
  from lines f
  where f.category is not null
  group by f.category, cast(local_time(f.occurred_at, 'Europe/London') as date), cast(local_time(f.known_at, 'Europe/London') as date)
),

lines_ahead_windows as (
  select
    c.category, s.cutoff,
    sum(c.lines_amount_sum) filter (where c.first_at < t.next_1d) as lines_amount_sum_next_1d
  from cutoffs s
  join cutoffs t on t.cutoff = s.cutoff
  join lines_ahead_cells c on c.first_at >= s.cutoff
    and c.first_at < t.next_1d
    and c.known_at < timestamp '2020-05-31 23:00:00'
  group by c.category, s.cutoff
),

beside as (
  select
    s.category, s.cutoff,
    coalesce(lines_ahead_windows.lines_amount_sum_next_1d, 0) as value
  from spine s
  left join lines_ahead_windows on lines_ahead_windows.category = s.category and lines_ahead_windows.cutoff = s.cutoff
),

series as (
  select category, cutoff as period_start, value
  from beside
)

select * from series
