-- next-categories-30d: Which categories among items bought in the 30 days from the cutoff, for each customer with an order before it.
with rows_known as (
  select f.customer_id, f.category as item, 'sale' as kind, f.quantity as weight, f.occurred_at, f.known_at from lines f
  where f.occurred_at < timestamp '2020-05-31 23:00:00' and f.known_at < timestamp '2020-05-31 23:00:00' and f.customer_id is not null and f.category is not null and f.kind = 'sale' and f.category is distinct from 'non-product'
  union all
  select f.customer_id, f.category as item, f.type as kind, 1.0 as weight, f.occurred_at, f.known_at from events f
  where f.occurred_at < timestamp '2020-05-31 23:00:00' and f.known_at < timestamp '2020-05-31 23:00:00' and f.customer_id is not null and f.category is not null and f.type = 'add_to_cart'
  union all
  select f.customer_id, f.category as item, f.type as kind, 1.0 as weight, f.occurred_at, f.known_at from events f
  where f.occurred_at < timestamp '2020-05-31 23:00:00' and f.known_at < timestamp '2020-05-31 23:00:00' and f.customer_id is not null and f.category is not null and f.type = 'view'
  union all
  select f.customer_id, f.category as item, 'rating' as kind, f.rating as weight, f.occurred_at, f.known_at from reviews f
  where f.occurred_at < timestamp '2020-05-31 23:00:00' and f.known_at < timestamp '2020-05-31 23:00:00' and f.customer_id is not null and f.category is not null and f.rating is not null
  union all
  select f.customer_id, f.category as item, 'return' as kind, abs(f.quantity) as weight, f.occurred_at, f.known_at from lines f
  where f.occurred_at < timestamp '2020-05-31 23:00:00' and f.known_at < timestamp '2020-05-31 23:00:00' and f.customer_id is not null and f.category is not null and f.kind = 'return' and f.category is distinct from 'non-product'
)

select * from rows_known
