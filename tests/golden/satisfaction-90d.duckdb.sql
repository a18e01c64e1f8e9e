-- satisfaction-90d: The expected average rating per review in the 90 days from the cutoff, should there be any, for each customer with an order in the 90 days before it.
with cutoffs as (
  select * from (values
    (timestamp '2020-03-31 23:00:00', timestamp '2020-03-30 23:00:00', timestamp '2020-03-29 00:00:00', timestamp '2020-03-25 00:00:00', timestamp '2020-03-18 00:00:00', timestamp '2020-03-02 00:00:00', timestamp '2020-02-01 00:00:00', timestamp '2020-01-02 00:00:00', timestamp '2019-10-03 23:00:00', timestamp '2019-04-01 23:00:00', timestamp '2020-04-07 23:00:00', timestamp '2020-04-30 23:00:00', timestamp '2020-06-29 23:00:00'),
    (timestamp '2020-05-31 23:00:00', timestamp '2020-05-30 23:00:00', timestamp '2020-05-28 23:00:00', timestamp '2020-05-24 23:00:00', timestamp '2020-05-17 23:00:00', timestamp '2020-05-01 23:00:00', timestamp '2020-04-01 23:00:00', timestamp '2020-03-03 00:00:00', timestamp '2019-12-04 00:00:00', timestamp '2019-06-01 23:00:00', timestamp '2020-06-07 23:00:00', timestamp '2020-06-30 23:00:00', timestamp '2020-08-29 23:00:00')
  ) as cutoff(cutoff, past_1d, past_3d, past_7d, past_14d, past_30d, past_60d, past_90d, past_180d, past_365d, next_7d, next_30d, next_90d)
),

known as (
  select k.customer_id, t.cutoff
  from cutoffs t
  join known_customers k on k.known_from < t.cutoff
),

spine as (
  select known.customer_id, known.cutoff
  from known
),

orders_cells as (
  select
    f.customer_id, min(f.occurred_at) as first_at, max(f.known_at) as known_at,
    max(f.occurred_at) as orders_max_at,
    min(f.occurred_at) as orders_min_at,
    count(*) as orders_n,
    sum(cast(f.amount as decimal(18, 4))) as orders_amount_sum,
    count(f.amount) as orders_amount_n,
    max(f.amount) as orders_amount_max,
    max(struct_pack(at := f.occurred_at, item := f.amount)) filter (where f.amount is not null) as orders_amount_latest,
    count(*) filter (where f.discount > 0) as orders_discount_above_0_share_n,
    count(*) filter (where weekday(cast(local_time(f.occurred_at, 'Europe/London') as date)) in (6, 7)) as orders_weekday_6_or_7_share_n,
    count(*) filter (where extract(hour from local_time(f.occurred_at, 'Europe/London')) >= 18) as orders_hour_from_18_share_n
  from orders f
  where f.customer_id is not null
  group by f.customer_id, cast(local_time(f.occurred_at, 'Europe/London') as date), cast(local_time(f.known_at, 'Europe/London') as date)
),

orders_windows as (
  select
    s.customer_id, s.cutoff,
    days_between(max(c.orders_max_at), max(t.cutoff)) as orders_recency,
    days_between(min(c.orders_min_at), max(t.cutoff)) as orders_tenure,
    days_between(min(c.orders_min_at), max(c.orders_max_at)) / cast(nullif(sum(c.orders_n) - 1, 0) as double) as orders_gap,
    cast(coalesce(sum(c.orders_n) filter (where c.first_at >= t.past_7d), 0) as bigint) as orders_count_7d,
    cast(coalesce(sum(c.orders_n) filter (where c.first_at >= t.past_14d), 0) as bigint) as orders_count_14d,
    cast(coalesce(sum(c.orders_n) filter (where c.first_at >= t.past_30d), 0) as bigint) as orders_count_30d,
    cast(coalesce(sum(c.orders_n) filter (where c.first_at >= t.past_60d), 0) as bigint) as orders_count_60d,
    cast(coalesce(sum(c.orders_n) filter (where c.first_at >= t.past_90d), 0) as bigint) as orders_count_90d,
    cast(coalesce(sum(c.orders_n) filter (where c.first_at >= t.past_180d), 0) as bigint) as orders_count_180d,
    cast(coalesce(sum(c.orders_n) filter (where c.first_at >= t.past_365d), 0) as bigint) as orders_count_365d,
    cast(coalesce(sum(c.orders_n), 0) as bigint) as orders_count,
    sum(c.orders_amount_sum) filter (where c.first_at >= t.past_30d) as orders_amount_sum_30d,
    sum(c.orders_amount_sum) filter (where c.first_at >= t.past_90d) as orders_amount_sum_90d,
    sum(c.orders_amount_sum) filter (where c.first_at >= t.past_365d) as orders_amount_sum_365d,
    sum(c.orders_amount_sum) as orders_amount_sum,
    cast(sum(c.orders_amount_sum) as double) / cast(nullif(sum(c.orders_amount_n), 0) as double) as orders_amount_mean,
    cast(sum(c.orders_amount_sum) filter (where c.first_at >= t.past_90d) as double) / cast(nullif(sum(c.orders_amount_n) filter (where c.first_at >= t.past_90d), 0) as double) as orders_amount_mean_90d,
    max(c.orders_amount_max) as orders_amount_max,
    (max(c.orders_amount_latest)).item as orders_amount_latest,
    cast(sum(c.orders_discount_above_0_share_n) as double) / cast(nullif(sum(c.orders_n), 0) as double) as orders_discount_above_0_share,
    cast(sum(c.orders_weekday_6_or_7_share_n) as double) / cast(nullif(sum(c.orders_n), 0) as double) as orders_weekday_6_or_7_share,
    cast(sum(c.orders_hour_from_18_share_n) as double) / cast(nullif(sum(c.orders_n), 0) as double) as orders_hour_from_18_share,
    cast(coalesce(sum(c.orders_n) filter (where c.first_at >= t.past_90d), 0) as bigint) as orders_any_90d
  from spine s
  join cutoffs t on t.cutoff = s.cutoff
  join orders_cells c on c.customer_id = s.customer_id
    and c.first_at < s.cutoff
    and c.known_at < s.cutoff
  group by s.customer_id, s.cutoff
),

lines_cells as (
  select
    f.customer_id, min(f.occurred_at) as first_at, max(f.known_at) as known_at,
    count(*) filter (where f.kind = 'sale') as lines_sale_n,
    sum(cast(f.quantity as decimal(18, 4))) filter (where f.kind = 'sale') as lines_sale_quantity_sum,
    max(f.occurred_at) filter (where f.kind = 'return') as lines_return_max_at,
    count(*) filter (where f.kind = 'return') as lines_return_n,
    count(*) filter (where f.kind = 'return') as lines_return_share_n,
    count(*) as lines_n
  from lines f
  where f.customer_id is not null
  group by f.customer_id, cast(local_time(f.occurred_at, 'Europe/London') as date), cast(local_time(f.known_at, 'Europe/London') as date)
),

lines_windows as (
  select
    s.customer_id, s.cutoff,
    cast(coalesce(sum(c.lines_sale_n) filter (where c.first_at >= t.past_90d), 0) as bigint) as lines_sale_count_90d,
    cast(coalesce(sum(c.lines_sale_n), 0) as bigint) as lines_sale_count,
    sum(c.lines_sale_quantity_sum) filter (where c.first_at >= t.past_90d) as lines_sale_quantity_sum_90d,
    sum(c.lines_sale_quantity_sum) as lines_sale_quantity_sum,
    days_between(max(c.lines_return_max_at), max(t.cutoff)) as lines_return_recency,
    cast(coalesce(sum(c.lines_return_n) filter (where c.first_at >= t.past_90d), 0) as bigint) as lines_return_count_90d,
    cast(coalesce(sum(c.lines_return_n), 0) as bigint) as lines_return_count,
    cast(sum(c.lines_return_share_n) as double) / cast(nullif(sum(c.lines_n), 0) as double) as lines_return_share
  from spine s
  join cutoffs t on t.cutoff = s.cutoff
  join lines_cells c on c.customer_id = s.customer_id
    and c.first_at < s.cutoff
    and c.known_at < s.cutoff
  group by s.customer_id, s.cutoff
),

events_cells as (
  select
    f.customer_id, min(f.occurred_at) as first_at, max(f.known_at) as known_at,
    max(f.occurred_at) as events_max_at,
    min(f.occurred_at) as events_min_at,
    count(*) as events_n,
    max(f.occurred_at) filter (where f.type = 'view') as events_view_max_at,
    count(*) filter (where f.type = 'view') as events_view_n,
    max(f.occurred_at) filter (where f.type = 'add_to_cart') as events_add_to_cart_max_at,
    count(*) filter (where f.type = 'add_to_cart') as events_add_to_cart_n
  from events f
  where f.customer_id is not null
  group by f.customer_id, cast(local_time(f.occurred_at, 'Europe/London') as date), cast(local_time(f.known_at, 'Europe/London') as date)
),

events_windows as (
  select
    s.customer_id, s.cutoff,
    days_between(max(c.events_max_at), max(t.cutoff)) as events_recency,
    days_between(min(c.events_min_at), max(t.cutoff)) as events_tenure,
    cast(coalesce(sum(c.events_n), 0) as bigint) as events_count,
    cast(coalesce(sum(c.events_n) filter (where c.first_at >= t.past_7d), 0) as bigint) as events_count_7d,
    cast(coalesce(sum(c.events_n) filter (where c.first_at >= t.past_30d), 0) as bigint) as events_count_30d,
    days_between(max(c.events_view_max_at), max(t.cutoff)) as events_view_recency,
    cast(coalesce(sum(c.events_view_n) filter (where c.first_at >= t.past_1d), 0) as bigint) as events_view_count_1d,
    cast(coalesce(sum(c.events_view_n) filter (where c.first_at >= t.past_3d), 0) as bigint) as events_view_count_3d,
    cast(coalesce(sum(c.events_view_n) filter (where c.first_at >= t.past_7d), 0) as bigint) as events_view_count_7d,
    cast(coalesce(sum(c.events_view_n) filter (where c.first_at >= t.past_14d), 0) as bigint) as events_view_count_14d,
    cast(coalesce(sum(c.events_view_n) filter (where c.first_at >= t.past_30d), 0) as bigint) as events_view_count_30d,
    cast(coalesce(sum(c.events_view_n) filter (where c.first_at >= t.past_90d), 0) as bigint) as events_view_count_90d,
    days_between(max(c.events_add_to_cart_max_at), max(t.cutoff)) as events_add_to_cart_recency,
    cast(coalesce(sum(c.events_add_to_cart_n) filter (where c.first_at >= t.past_1d), 0) as bigint) as events_add_to_cart_count_1d,
    cast(coalesce(sum(c.events_add_to_cart_n) filter (where c.first_at >= t.past_3d), 0) as bigint) as events_add_to_cart_count_3d,
    cast(coalesce(sum(c.events_add_to_cart_n) filter (where c.first_at >= t.past_7d), 0) as bigint) as events_add_to_cart_count_7d,
    cast(coalesce(sum(c.events_add_to_cart_n) filter (where c.first_at >= t.past_14d), 0) as bigint) as events_add_to_cart_count_14d,
    cast(coalesce(sum(c.events_add_to_cart_n) filter (where c.first_at >= t.past_30d), 0) as bigint) as events_add_to_cart_count_30d,
    cast(coalesce(sum(c.events_add_to_cart_n) filter (where c.first_at >= t.past_90d), 0) as bigint) as events_add_to_cart_count_90d
  from spine s
  join cutoffs t on t.cutoff = s.cutoff
  join events_cells c on c.customer_id = s.customer_id
    and c.first_at < s.cutoff
    and c.known_at < s.cutoff
  group by s.customer_id, s.cutoff
),

reviews_cells as (
  select
    f.customer_id, min(f.occurred_at) as first_at, max(f.known_at) as known_at,
    count(*) as reviews_n,
    sum(cast(f.rating as decimal(18, 4))) as reviews_rating_sum,
    count(f.rating) as reviews_rating_n,
    max(struct_pack(at := f.occurred_at, item := f.rating)) filter (where f.rating is not null) as reviews_rating_latest
  from reviews f
  where f.customer_id is not null
  group by f.customer_id, cast(local_time(f.occurred_at, 'Europe/London') as date), cast(local_time(f.known_at, 'Europe/London') as date)
),

reviews_windows as (
  select
    s.customer_id, s.cutoff,
    cast(coalesce(sum(c.reviews_n), 0) as bigint) as reviews_count,
    cast(sum(c.reviews_rating_sum) as double) / cast(nullif(sum(c.reviews_rating_n), 0) as double) as reviews_rating_mean,
    (max(c.reviews_rating_latest)).item as reviews_rating_latest
  from spine s
  join cutoffs t on t.cutoff = s.cutoff
  join reviews_cells c on c.customer_id = s.customer_id
    and c.first_at < s.cutoff
    and c.known_at < s.cutoff
  group by s.customer_id, s.cutoff
),

satisfaction_cells as (
  select
    f.customer_id, min(f.occurred_at) as first_at, max(f.known_at) as known_at,
    sum(cast(f.score as decimal(18, 4))) as satisfaction_score_sum,
    count(f.score) as satisfaction_score_n,
    max(struct_pack(at := f.occurred_at, item := f.score)) filter (where f.score is not null) as satisfaction_score_latest
  from satisfaction f
  where f.customer_id is not null
  group by f.customer_id, cast(local_time(f.occurred_at, 'Europe/London') as date), cast(local_time(f.known_at, 'Europe/London') as date)
),

satisfaction_windows as (
  select
    s.customer_id, s.cutoff,
    cast(sum(c.satisfaction_score_sum) as double) / cast(nullif(sum(c.satisfaction_score_n), 0) as double) as satisfaction_score_mean,
    (max(c.satisfaction_score_latest)).item as satisfaction_score_latest
  from spine s
  join cutoffs t on t.cutoff = s.cutoff
  join satisfaction_cells c on c.customer_id = s.customer_id
    and c.first_at < s.cutoff
    and c.known_at < s.cutoff
  group by s.customer_id, s.cutoff
),

customers_cells as (
  select
    f.customer_id, min(f.occurred_at) as first_at, max(f.known_at) as known_at,
    max(struct_pack(at := f.occurred_at, item := f.age)) filter (where f.age is not null) as customers_age_latest,
    max(struct_pack(at := f.occurred_at, item := f.birth_date)) filter (where f.birth_date is not null) as customers_birth_date_latest,
    max(struct_pack(at := f.occurred_at, item := f.income)) filter (where f.income is not null) as customers_income_latest,
    max(struct_pack(at := f.occurred_at, item := f.gender)) filter (where f.gender is not null) as customers_gender_latest,
    max(struct_pack(at := f.occurred_at, item := f.location)) filter (where f.location is not null) as customers_location_latest,
    max(struct_pack(at := f.occurred_at, item := f.profession)) filter (where f.profession is not null) as customers_profession_latest,
    max(struct_pack(at := f.occurred_at, item := f.loyalty_tier)) filter (where f.loyalty_tier is not null) as customers_loyalty_tier_latest,
    max(struct_pack(at := f.occurred_at, item := f.household)) filter (where f.household is not null) as customers_household_latest,
    max(struct_pack(at := f.occurred_at, item := f.channel)) filter (where f.channel is not null) as customers_channel_latest
  from customer_history f
  where f.customer_id is not null
  group by f.customer_id, cast(local_time(f.occurred_at, 'Europe/London') as date), cast(local_time(f.known_at, 'Europe/London') as date)
),

customers_windows as (
  select
    s.customer_id, s.cutoff,
    (max(c.customers_age_latest)).item as customers_age_latest,
    (max(c.customers_birth_date_latest)).item as customers_birth_date_latest,
    (max(c.customers_income_latest)).item as customers_income_latest,
    (max(c.customers_gender_latest)).item as customers_gender_latest,
    (max(c.customers_location_latest)).item as customers_location_latest,
    (max(c.customers_profession_latest)).item as customers_profession_latest,
    (max(c.customers_loyalty_tier_latest)).item as customers_loyalty_tier_latest,
    (max(c.customers_household_latest)).item as customers_household_latest,
    (max(c.customers_channel_latest)).item as customers_channel_latest
  from spine s
  join cutoffs t on t.cutoff = s.cutoff
  join customers_cells c on c.customer_id = s.customer_id
    and c.first_at < s.cutoff
    and c.known_at < s.cutoff
  group by s.customer_id, s.cutoff
),

reviews_ahead_cells as (
  select
    f.customer_id, min(f.occurred_at) as first_at, max(f.known_at) as known_at,
    sum(cast(f.rating as decimal(18, 4))) as reviews_rating_sum,
    count(f.rating) as reviews_rating_n
  from reviews f
  where f.customer_id is not null
  group by f.customer_id, cast(local_time(f.occurred_at, 'Europe/London') as date), cast(local_time(f.known_at, 'Europe/London') as date)
),

reviews_ahead_windows as (
  select
    s.customer_id, s.cutoff,
    cast(sum(c.reviews_rating_sum) filter (where c.first_at < t.next_90d) as double) / cast(nullif(sum(c.reviews_rating_n) filter (where c.first_at < t.next_90d), 0) as double) as reviews_rating_mean_next_90d
  from spine s
  join cutoffs t on t.cutoff = s.cutoff
  join reviews_ahead_cells c on c.customer_id = s.customer_id
    and c.first_at >= s.cutoff
    and c.first_at < t.next_90d
  group by s.customer_id, s.cutoff
),

orders_day_values as (
  select
    s.customer_id, s.cutoff, cast(local_time(f.occurred_at, 'Europe/London') as date) as value, max(f.occurred_at) as seen_at
  from spine s
  join cutoffs t on t.cutoff = s.cutoff
  join orders f on f.customer_id = s.customer_id
    and f.occurred_at < s.cutoff
    and f.known_at < s.cutoff
  where cast(local_time(f.occurred_at, 'Europe/London') as date) is not null
  group by s.customer_id, s.cutoff, cast(local_time(f.occurred_at, 'Europe/London') as date)
),

orders_day_windows as (
  select
    v.customer_id, v.cutoff,
    count(*) filter (where v.seen_at >= t.past_90d) as orders_day_nunique_90d,
    count(*) as orders_day_nunique
  from orders_day_values v
  join cutoffs t on t.cutoff = v.cutoff
  group by v.customer_id, v.cutoff
),

lines_sale_product_id_values as (
  select
    s.customer_id, s.cutoff, f.product_id as value, max(f.occurred_at) as seen_at
  from spine s
  join cutoffs t on t.cutoff = s.cutoff
  join lines f on f.customer_id = s.customer_id
    and f.occurred_at < s.cutoff
    and f.known_at < s.cutoff
  where f.product_id is not null and f.kind = 'sale'
  group by s.customer_id, s.cutoff, f.product_id
),

lines_sale_product_id_windows as (
  select
    v.customer_id, v.cutoff,
    count(*) filter (where v.seen_at >= t.past_90d) as lines_sale_product_id_nunique_90d,
    count(*) as lines_sale_product_id_nunique
  from lines_sale_product_id_values v
  join cutoffs t on t.cutoff = v.cutoff
  group by v.customer_id, v.cutoff
),

lines_sale_category_values as (
  select
    s.customer_id, s.cutoff, f.category as value, max(f.occurred_at) as seen_at
  from spine s
  join cutoffs t on t.cutoff = s.cutoff
  join lines f on f.customer_id = s.customer_id
    and f.occurred_at < s.cutoff
    and f.known_at < s.cutoff
    and f.occurred_at >= t.past_365d
  where f.category is not null and f.kind = 'sale'
  group by s.customer_id, s.cutoff, f.category
),

lines_sale_category_windows as (
  select
    v.customer_id, v.cutoff,
    count(*) filter (where v.seen_at >= t.past_365d) as lines_sale_category_nunique_365d
  from lines_sale_category_values v
  join cutoffs t on t.cutoff = v.cutoff
  group by v.customer_id, v.cutoff
),

events_session_id_values as (
  select
    s.customer_id, s.cutoff, f.session_id as value, max(f.occurred_at) as seen_at
  from spine s
  join cutoffs t on t.cutoff = s.cutoff
  join events f on f.customer_id = s.customer_id
    and f.occurred_at < s.cutoff
    and f.known_at < s.cutoff
    and f.occurred_at >= t.past_30d
  where f.session_id is not null
  group by s.customer_id, s.cutoff, f.session_id
),

events_session_id_windows as (
  select
    v.customer_id, v.cutoff,
    count(*) filter (where v.seen_at >= t.past_7d) as events_session_id_nunique_7d,
    count(*) filter (where v.seen_at >= t.past_30d) as events_session_id_nunique_30d
  from events_session_id_values v
  join cutoffs t on t.cutoff = v.cutoff
  group by v.customer_id, v.cutoff
),

events_product_id_values as (
  select
    s.customer_id, s.cutoff, f.product_id as value, max(f.occurred_at) as seen_at
  from spine s
  join cutoffs t on t.cutoff = s.cutoff
  join events f on f.customer_id = s.customer_id
    and f.occurred_at < s.cutoff
    and f.known_at < s.cutoff
    and f.occurred_at >= t.past_30d
  where f.product_id is not null
  group by s.customer_id, s.cutoff, f.product_id
),

events_product_id_windows as (
  select
    v.customer_id, v.cutoff,
    count(*) filter (where v.seen_at >= t.past_7d) as events_product_id_nunique_7d,
    count(*) filter (where v.seen_at >= t.past_30d) as events_product_id_nunique_30d
  from events_product_id_values v
  join cutoffs t on t.cutoff = v.cutoff
  group by v.customer_id, v.cutoff
),

calendar_windows as (
  select
    t.cutoff,
    count(distinct c.date) filter (where c.holiday is not null and c.date < cast(local_time(t.next_7d, 'Europe/London') as date)) as upcoming_holiday_7d,
    count(distinct c.date) filter (where c.holiday is not null and c.date < cast(local_time(t.next_30d, 'Europe/London') as date)) as upcoming_holiday_30d,
    count(distinct c.date) filter (where c.promotion is not null and c.date < cast(local_time(t.next_7d, 'Europe/London') as date)) as upcoming_promotion_7d,
    count(distinct c.date) filter (where c.promotion is not null and c.date < cast(local_time(t.next_30d, 'Europe/London') as date)) as upcoming_promotion_30d
  from cutoffs t
  left join calendar c on c.date >= cast(local_time(t.cutoff, 'Europe/London') as date)
    and coalesce(c.known_at, timestamp '1900-01-01') < t.cutoff
  group by t.cutoff
),

beside as (
  select
    s.customer_id, s.cutoff,
    orders_windows.orders_recency as orders_recency,
    orders_windows.orders_tenure as orders_tenure,
    orders_windows.orders_gap as orders_gap,
    cast(orders_windows.orders_recency as double) / nullif(cast(orders_windows.orders_gap as double), 0) as orders_recency_in_gaps,
    coalesce(orders_windows.orders_count_7d, 0) as orders_count_7d,
    coalesce(orders_windows.orders_count_14d, 0) as orders_count_14d,
    coalesce(orders_windows.orders_count_30d, 0) as orders_count_30d,
    coalesce(orders_windows.orders_count_60d, 0) as orders_count_60d,
    coalesce(orders_windows.orders_count_90d, 0) as orders_count_90d,
    coalesce(orders_windows.orders_count_180d, 0) as orders_count_180d,
    coalesce(orders_windows.orders_count_365d, 0) as orders_count_365d,
    coalesce(orders_windows.orders_count, 0) as orders_count,
    cast(coalesce(orders_windows.orders_count_30d, 0) as double) / nullif(cast(coalesce(orders_windows.orders_count_90d, 0) as double), 0) * 3.0 as orders_count_trend_30d_90d,
    cast(coalesce(orders_windows.orders_count_90d, 0) as double) / nullif(cast(coalesce(orders_windows.orders_count_365d, 0) as double), 0) * 4.055555555555555 as orders_count_trend_90d_365d,
    coalesce(orders_day_windows.orders_day_nunique_90d, 0) as orders_day_nunique_90d,
    coalesce(orders_day_windows.orders_day_nunique, 0) as orders_day_nunique,
    coalesce(orders_windows.orders_amount_sum_30d, 0) as orders_amount_sum_30d,
    coalesce(orders_windows.orders_amount_sum_90d, 0) as orders_amount_sum_90d,
    coalesce(orders_windows.orders_amount_sum_365d, 0) as orders_amount_sum_365d,
    coalesce(orders_windows.orders_amount_sum, 0) as orders_amount_sum,
    orders_windows.orders_amount_mean as orders_amount_mean,
    orders_windows.orders_amount_mean_90d as orders_amount_mean_90d,
    orders_windows.orders_amount_max as orders_amount_max,
    orders_windows.orders_amount_latest as orders_amount_latest,
    orders_windows.orders_discount_above_0_share as orders_discount_above_0_share,
    orders_windows.orders_weekday_6_or_7_share as orders_weekday_6_or_7_share,
    orders_windows.orders_hour_from_18_share as orders_hour_from_18_share,
    coalesce(lines_windows.lines_sale_count_90d, 0) as lines_sale_count_90d,
    coalesce(lines_windows.lines_sale_count, 0) as lines_sale_count,
    coalesce(lines_windows.lines_sale_quantity_sum_90d, 0) as lines_sale_quantity_sum_90d,
    coalesce(lines_windows.lines_sale_quantity_sum, 0) as lines_sale_quantity_sum,
    coalesce(lines_sale_product_id_windows.lines_sale_product_id_nunique_90d, 0) as lines_sale_product_id_nunique_90d,
    coalesce(lines_sale_product_id_windows.lines_sale_product_id_nunique, 0) as lines_sale_product_id_nunique,
    coalesce(lines_sale_category_windows.lines_sale_category_nunique_365d, 0) as lines_sale_category_nunique_365d,
    lines_windows.lines_return_recency as lines_return_recency,
    coalesce(lines_windows.lines_return_count_90d, 0) as lines_return_count_90d,
    coalesce(lines_windows.lines_return_count, 0) as lines_return_count,
    lines_windows.lines_return_share as lines_return_share,
    events_windows.events_recency as events_recency,
    events_windows.events_tenure as events_tenure,
    coalesce(events_windows.events_count, 0) as events_count,
    cast(coalesce(events_windows.events_count_7d, 0) as double) / nullif(cast(coalesce(events_windows.events_count_30d, 0) as double), 0) * 4.285714285714286 as events_count_trend_7d_30d,
    coalesce(events_session_id_windows.events_session_id_nunique_7d, 0) as events_session_id_nunique_7d,
    coalesce(events_session_id_windows.events_session_id_nunique_30d, 0) as events_session_id_nunique_30d,
    coalesce(events_product_id_windows.events_product_id_nunique_7d, 0) as events_product_id_nunique_7d,
    coalesce(events_product_id_windows.events_product_id_nunique_30d, 0) as events_product_id_nunique_30d,
    events_windows.events_view_recency as events_view_recency,
    coalesce(events_windows.events_view_count_1d, 0) as events_view_count_1d,
    coalesce(events_windows.events_view_count_3d, 0) as events_view_count_3d,
    coalesce(events_windows.events_view_count_7d, 0) as events_view_count_7d,
    coalesce(events_windows.events_view_count_14d, 0) as events_view_count_14d,
    coalesce(events_windows.events_view_count_30d, 0) as events_view_count_30d,
    coalesce(events_windows.events_view_count_90d, 0) as events_view_count_90d,
    events_windows.events_add_to_cart_recency as events_add_to_cart_recency,
    coalesce(events_windows.events_add_to_cart_count_1d, 0) as events_add_to_cart_count_1d,
    coalesce(events_windows.events_add_to_cart_count_3d, 0) as events_add_to_cart_count_3d,
    coalesce(events_windows.events_add_to_cart_count_7d, 0) as events_add_to_cart_count_7d,
    coalesce(events_windows.events_add_to_cart_count_14d, 0) as events_add_to_cart_count_14d,
    coalesce(events_windows.events_add_to_cart_count_30d, 0) as events_add_to_cart_count_30d,
    coalesce(events_windows.events_add_to_cart_count_90d, 0) as events_add_to_cart_count_90d,
    coalesce(reviews_windows.reviews_count, 0) as reviews_count,
    reviews_windows.reviews_rating_mean as reviews_rating_mean,
    reviews_windows.reviews_rating_latest as reviews_rating_latest,
    satisfaction_windows.satisfaction_score_mean as satisfaction_score_mean,
    satisfaction_windows.satisfaction_score_latest as satisfaction_score_latest,
    customers_windows.customers_age_latest as customers_age_latest,
    customers_windows.customers_birth_date_latest as customers_birth_date_latest,
    customers_windows.customers_income_latest as customers_income_latest,
    customers_windows.customers_gender_latest as customers_gender_latest,
    customers_windows.customers_location_latest as customers_location_latest,
    customers_windows.customers_profession_latest as customers_profession_latest,
    customers_windows.customers_loyalty_tier_latest as customers_loyalty_tier_latest,
    customers_windows.customers_household_latest as customers_household_latest,
    customers_windows.customers_channel_latest as customers_channel_latest,
    coalesce(calendar_windows.upcoming_holiday_7d, 0) as upcoming_holiday_7d,
    coalesce(calendar_windows.upcoming_holiday_30d, 0) as upcoming_holiday_30d,
    coalesce(calendar_windows.upcoming_promotion_7d, 0) as upcoming_promotion_7d,
    coalesce(calendar_windows.upcoming_promotion_30d, 0) as upcoming_promotion_30d,
    coalesce(orders_windows.orders_any_90d, 0) > 0 as orders_any_90d_among,
    reviews_ahead_windows.reviews_rating_mean_next_90d as reviews_rating_mean_next_90d
  from spine s
  left join orders_windows on orders_windows.customer_id = s.customer_id and orders_windows.cutoff = s.cutoff
  left join lines_windows on lines_windows.customer_id = s.customer_id and lines_windows.cutoff = s.cutoff
  left join events_windows on events_windows.customer_id = s.customer_id and events_windows.cutoff = s.cutoff
  left join reviews_windows on reviews_windows.customer_id = s.customer_id and reviews_windows.cutoff = s.cutoff
  left join satisfaction_windows on satisfaction_windows.customer_id = s.customer_id and satisfaction_windows.cutoff = s.cutoff
  left join customers_windows on customers_windows.customer_id = s.customer_id and customers_windows.cutoff = s.cutoff
  left join reviews_ahead_windows on reviews_ahead_windows.customer_id = s.customer_id and reviews_ahead_windows.cutoff = s.cutoff
  left join orders_day_windows on orders_day_windows.customer_id = s.customer_id and orders_day_windows.cutoff = s.cutoff
  left join lines_sale_product_id_windows on lines_sale_product_id_windows.customer_id = s.customer_id and lines_sale_product_id_windows.cutoff = s.cutoff
  left join lines_sale_category_windows on lines_sale_category_windows.customer_id = s.customer_id and lines_sale_category_windows.cutoff = s.cutoff
  left join events_session_id_windows on events_session_id_windows.customer_id = s.customer_id and events_session_id_windows.cutoff = s.cutoff
  left join events_product_id_windows on events_product_id_windows.customer_id = s.customer_id and events_product_id_windows.cutoff = s.cutoff
  left join calendar_windows on calendar_windows.cutoff = s.cutoff
),

answers as (
  select customer_id, cutoff, orders_recency, orders_tenure, orders_gap, orders_recency_in_gaps, orders_count_7d, orders_count_14d, orders_count_30d, orders_count_60d, orders_count_90d, orders_count_180d, orders_count_365d, orders_count, orders_count_trend_30d_90d, orders_count_trend_90d_365d, orders_day_nunique_90d, orders_day_nunique, orders_amount_sum_30d, orders_amount_sum_90d, orders_amount_sum_365d, orders_amount_sum, orders_amount_mean, orders_amount_mean_90d, orders_amount_max, orders_amount_latest, orders_discount_above_0_share, orders_weekday_6_or_7_share, orders_hour_from_18_share, lines_sale_count_90d, lines_sale_count, lines_sale_quantity_sum_90d, lines_sale_quantity_sum, lines_sale_product_id_nunique_90d, lines_sale_product_id_nunique, lines_sale_category_nunique_365d, lines_return_recency, lines_return_count_90d, lines_return_count, lines_return_share, events_recency, events_tenure, events_count, events_count_trend_7d_30d, events_session_id_nunique_7d, events_session_id_nunique_30d, events_product_id_nunique_7d, events_product_id_nunique_30d, events_view_recency, events_view_count_1d, events_view_count_3d, events_view_count_7d, events_view_count_14d, events_view_count_30d, events_view_count_90d, events_add_to_cart_recency, events_add_to_cart_count_1d, events_add_to_cart_count_3d, events_add_to_cart_count_7d, events_add_to_cart_count_14d, events_add_to_cart_count_30d, events_add_to_cart_count_90d, reviews_count, reviews_rating_mean, reviews_rating_latest, satisfaction_score_mean, satisfaction_score_latest, customers_age_latest, customers_birth_date_latest, customers_income_latest, customers_gender_latest, customers_location_latest, customers_profession_latest, customers_loyalty_tier_latest, customers_household_latest, customers_channel_latest, upcoming_holiday_7d, upcoming_holiday_30d, upcoming_promotion_7d, upcoming_promotion_30d, reviews_rating_mean_next_90d as target
  from beside
  where orders_any_90d_among
)

select * from answers
