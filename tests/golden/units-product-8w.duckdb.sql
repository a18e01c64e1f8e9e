-- units-product-8w: The expected units sold, week by week, in the 8 weeks from the cutoff, for each product known before it.
with grid as (
  select * from (values
    (timestamp '2020-05-17 23:00:00', timestamp '2020-05-24 23:00:00'),
    (timestamp '2020-05-24 23:00:00', timestamp '2020-05-31 23:00:00')
  ) as grid(cutoff, until)
),

members as (
  select product_id, min(f.occurred_at) as first_at, max(f.occurred_at) as last_at
  from lines f
  where f.occurred_at < timestamp '2020-05-31 23:00:00' and f.known_at < timestamp '2020-05-31 23:00:00' and f.kind = 'sale' and f.product_id is not null
  group by product_id
),

kept as (
  select product_id, g.cutoff
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

lines_ahead_cells as (
  select
    f.product_id, min(f.occurred_at) as first_at, max(f.known_at) as known_at,
    sum(cast(f.quantity as decimal(18, 4))) filter (where f.kind = 'sale') as lines_sale_quantity_sum
  from lines f
  where f.product_id is not null
  group by f.product_id, cast(local_time(f.occurred_at, 'Europe/London') as date), cast(local_time(f.known_at, 'Europe/London') as date)
),

lines_ahead_windows as (
  select
    c.product_id, s.cutoff,
    sum(c.lines_sale_quantity_sum) filter (where c.first_at < t.next_7d) as lines_sale_quantity_sum_next_7d
  from cutoffs s
  join cutoffs t on t.cutoff = s.cutoff
  join lines_ahead_cells c on c.first_at >= s.cutoff
    and c.first_at < t.next_7d
    and c.known_at < timestamp '2020-05-31 23:00:00'
  group by c.product_id, s.cutoff
),

beside as (
  select
    s.product_id, s.cutoff,
    coalesce(lines_ahead_windows.lines_sale_quantity_sum_next_7d, 0) as value
  from spine s
  left join lines_ahead_windows on lines_ahead_windows.product_id = s.product_id and lines_ahead_windows.cutoff = s.cutoff
),

series as (
  select product_id, cutoff as period_start, value
  from beside
)

select * from series
