-- revenue-channel-30d: The expected revenue, day by day, in the 30 days from the cutoff, for each channel known before it.
with grid as (
  select * from (values
    (timestamp '2020-05-29 23:00:00', timestamp '2020-05-30 23:00:00'),
    (timestamp '2020-05-30 23:00:00', timestamp '2020-05-31 23:00:00')
  ) as grid(cutoff, until)
),

members as (
  select channel, min(f.occurred_at) as first_at, max(f.occurred_at) as last_at
  from orders f
  where f.occurred_at < timestamp '2020-05-31 23:00:00' and f.known_at < timestamp '2020-05-31 23:00:00' and f.channel is not null
  group by channel
),

kept as (
  select channel, g.cutoff
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

orders_ahead_cells as (
  select
    f.channel, min(f.occurred_at) as first_at, max(f.known_at) as known_at,
    sum(cast(f.amount as decimal(18, 4))) as orders_amount_sum
  from orders f
  where f.channel is not null
  group by f.channel, cast(local_time(f.occurred_at, 'Europe/London') as date), cast(local_time(f.known_at, 'Europe/London') as date)
),

orders_ahead_windows as (
  select
    c.channel, s.cutoff,
    sum(c.orders_amount_sum) filter (where c.first_at < t.next_1d) as orders_amount_sum_next_1d
  from cutoffs s
  join cutoffs t on t.cutoff = s.cutoff
  join orders_ahead_cells c on c.first_at >= s.cutoff
    and c.first_at < t.next_1d
    and c.known_at < timestamp '2020-05-31 23:00:00'
  group by c.channel, s.cutoff
),

beside as (
  select
    s.channel, s.cutoff,
    coalesce(orders_ahead_windows.orders_amount_sum_next_1d, 0) as value
  from spine s
  left join orders_ahead_windows on orders_ahead_windows.channel = s.channel and orders_ahead_windows.cutoff = s.cutoff
),

series as (
  select channel, cutoff as period_start, value
  from beside
)

select * from series
