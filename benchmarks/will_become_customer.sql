-- "Who will become a customer?", as it is often asked. It leaks; `footfall audit` says where.
with first_orders as (
  select customer_id, min(occurred_at) as first_order
  from orders
  where customer_id is not null
  group by customer_id
),
today as (
  select max(occurred_at) as today from events
),
histories as (
  select e.*, today, first_order is not null as bought, coalesce(first_order, today) as cutoff
  from events e
  cross join today
  left join first_orders using (customer_id)
  where e.customer_id is not null and e.type <> 'purchase' and e.occurred_at < coalesce(first_order, today)
)
select
  customer_id,
  max(cutoff) as cutoff,
  case when hash(customer_id) % 10 < 7 then 'train' else 'test' end as split,
  max(cast(bought as integer)) as target,
  count(*) as actions,
  count(*) filter (where type = 'view') as views,
  count(*) filter (where type = 'add_to_cart') as carts,
  count(*) filter (where type = 'remove_from_cart') as removals,
  count(distinct session_id) as visits,
  count(distinct session_id) filter (where occurred_at >= cutoff - interval 180 day) as visits_last_half,
  count(distinct cast(occurred_at as date)) as active_days,
  count(distinct product_id) as products,
  count(distinct category) as categories,
  count(*) filter (where type = 'add_to_cart') / count(*) as cart_share,
  avg(price) as mean_price,
  date_diff('day', min(occurred_at), max(occurred_at)) as lifetime,
  date_diff('day', max(occurred_at), max(today)) as recency
from histories
group by customer_id
