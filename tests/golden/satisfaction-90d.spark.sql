-- satisfaction-90d: The expected average rating per review in the 90 days from the cutoff, should there be any, for each customer with an order in the 90 days before it.
WITH cutoffs AS (
  SELECT
    *
  FROM VALUES
    (
      CAST('2020-03-31 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-03-30 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-03-29 00:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-03-25 00:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-03-18 00:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-03-02 00:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-02-01 00:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-01-02 00:00:00' AS TIMESTAMP_NTZ),
      CAST('2019-10-03 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2019-04-01 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-04-07 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-04-30 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-06-29 23:00:00' AS TIMESTAMP_NTZ)
    ),
    (
      CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-05-30 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-05-28 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-05-24 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-05-17 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-05-01 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-04-01 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-03-03 00:00:00' AS TIMESTAMP_NTZ),
      CAST('2019-12-04 00:00:00' AS TIMESTAMP_NTZ),
      CAST('2019-06-01 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-06-07 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-06-30 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-08-29 23:00:00' AS TIMESTAMP_NTZ)
    ) AS cutoff(cutoff, past_1d, past_3d, past_7d, past_14d, past_30d, past_60d, past_90d, past_180d, past_365d, next_7d, next_30d, next_90d)
), known AS (
  SELECT
    k.customer_id,
    t.cutoff
  FROM cutoffs AS t
  JOIN known_customers AS k
    ON k.known_from < t.cutoff
), spine AS (
  SELECT
    known.customer_id,
    known.cutoff
  FROM known
), orders_cells AS (
  SELECT
    f.customer_id,
    MIN(f.occurred_at) AS first_at,
    MAX(f.known_at) AS known_at,
    MAX(f.occurred_at) AS orders_max_at,
    MIN(f.occurred_at) AS orders_min_at,
    COUNT(*) AS orders_n,
    SUM(CAST(f.amount AS DECIMAL(18, 4))) AS orders_amount_sum,
    COUNT(f.amount) AS orders_amount_n,
    MAX(f.amount) AS orders_amount_max,
    MAX(STRUCT(f.occurred_at AS at, f.amount AS item)) FILTER(WHERE
      NOT f.amount IS NULL) AS orders_amount_latest,
    COUNT(*) FILTER(WHERE
      f.discount > 0) AS orders_discount_above_0_share_n,
    COUNT(*) FILTER(WHERE
      (
        WEEKDAY(
          CAST((
            FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
          ) AS DATE)
        ) + 1
      ) IN (6, 7)) AS orders_weekday_6_or_7_share_n,
    COUNT(*) FILTER(WHERE
      EXTRACT(HOUR FROM (
        FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
      )) >= 18) AS orders_hour_from_18_share_n
  FROM orders AS f
  WHERE
    NOT f.customer_id IS NULL
  GROUP BY
    f.customer_id,
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE),
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.known_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE)
), orders_windows AS (
  SELECT
    s.customer_id,
    s.cutoff,
    (
      (
        UNIX_MICROS(CAST(MAX(t.cutoff) AS TIMESTAMP)) - UNIX_MICROS(CAST(MAX(c.orders_max_at) AS TIMESTAMP))
      ) / 86400000000.0
    ) AS orders_recency,
    (
      (
        UNIX_MICROS(CAST(MAX(t.cutoff) AS TIMESTAMP)) - UNIX_MICROS(CAST(MIN(c.orders_min_at) AS TIMESTAMP))
      ) / 86400000000.0
    ) AS orders_tenure,
    (
      (
        UNIX_MICROS(CAST(MAX(c.orders_max_at) AS TIMESTAMP)) - UNIX_MICROS(CAST(MIN(c.orders_min_at) AS TIMESTAMP))
      ) / 86400000000.0
    ) / CAST(NULLIF(SUM(c.orders_n) - 1, 0) AS DOUBLE) AS orders_gap,
    CAST(COALESCE(SUM(c.orders_n) FILTER(WHERE
      c.first_at >= t.past_7d), 0) AS BIGINT) AS orders_count_7d,
    CAST(COALESCE(SUM(c.orders_n) FILTER(WHERE
      c.first_at >= t.past_14d), 0) AS BIGINT) AS orders_count_14d,
    CAST(COALESCE(SUM(c.orders_n) FILTER(WHERE
      c.first_at >= t.past_30d), 0) AS BIGINT) AS orders_count_30d,
    CAST(COALESCE(SUM(c.orders_n) FILTER(WHERE
      c.first_at >= t.past_60d), 0) AS BIGINT) AS orders_count_60d,
    CAST(COALESCE(SUM(c.orders_n) FILTER(WHERE
      c.first_at >= t.past_90d), 0) AS BIGINT) AS orders_count_90d,
    CAST(COALESCE(SUM(c.orders_n) FILTER(WHERE
      c.first_at >= t.past_180d), 0) AS BIGINT) AS orders_count_180d,
    CAST(COALESCE(SUM(c.orders_n) FILTER(WHERE
      c.first_at >= t.past_365d), 0) AS BIGINT) AS orders_count_365d,
    CAST(COALESCE(SUM(c.orders_n), 0) AS BIGINT) AS orders_count,
    SUM(c.orders_amount_sum) FILTER(WHERE
      c.first_at >= t.past_30d) AS orders_amount_sum_30d,
    SUM(c.orders_amount_sum) FILTER(WHERE
      c.first_at >= t.past_90d) AS orders_amount_sum_90d,
    SUM(c.orders_amount_sum) FILTER(WHERE
      c.first_at >= t.past_365d) AS orders_amount_sum_365d,
    SUM(c.orders_amount_sum) AS orders_amount_sum,
    CAST(SUM(c.orders_amount_sum) AS DOUBLE) / CAST(NULLIF(SUM(c.orders_amount_n), 0) AS DOUBLE) AS orders_amount_mean,
    CAST(SUM(c.orders_amount_sum) FILTER(WHERE
      c.first_at >= t.past_90d) AS DOUBLE) / CAST(NULLIF(SUM(c.orders_amount_n) FILTER(WHERE
      c.first_at >= t.past_90d), 0) AS DOUBLE) AS orders_amount_mean_90d,
    MAX(c.orders_amount_max) AS orders_amount_max,
    (
      MAX(c.orders_amount_latest)
    ).item AS orders_amount_latest,
    CAST(SUM(c.orders_discount_above_0_share_n) AS DOUBLE) / CAST(NULLIF(SUM(c.orders_n), 0) AS DOUBLE) AS orders_discount_above_0_share,
    CAST(SUM(c.orders_weekday_6_or_7_share_n) AS DOUBLE) / CAST(NULLIF(SUM(c.orders_n), 0) AS DOUBLE) AS orders_weekday_6_or_7_share,
    CAST(SUM(c.orders_hour_from_18_share_n) AS DOUBLE) / CAST(NULLIF(SUM(c.orders_n), 0) AS DOUBLE) AS orders_hour_from_18_share,
    CAST(COALESCE(SUM(c.orders_n) FILTER(WHERE
      c.first_at >= t.past_90d), 0) AS BIGINT) AS orders_any_90d
  FROM spine AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN orders_cells AS c
    ON c.customer_id = s.customer_id AND c.first_at < s.cutoff AND c.known_at < s.cutoff
  GROUP BY
    s.customer_id,
    s.cutoff
), lines_cells AS (
  SELECT
    f.customer_id,
    MIN(f.occurred_at) AS first_at,
    MAX(f.known_at) AS known_at,
    COUNT(*) FILTER(WHERE
      f.kind = 'sale') AS lines_sale_n,
    SUM(CAST(f.quantity AS DECIMAL(18, 4))) FILTER(WHERE
      f.kind = 'sale') AS lines_sale_quantity_sum,
    MAX(f.occurred_at) FILTER(WHERE
      f.kind = 'return') AS lines_return_max_at,
    COUNT(*) FILTER(WHERE
      f.kind = 'return') AS lines_return_n,
    COUNT(*) FILTER(WHERE
      f.kind = 'return') AS lines_return_share_n,
    COUNT(*) AS lines_n
  FROM lines AS f
  WHERE
    NOT f.customer_id IS NULL
  GROUP BY
    f.customer_id,
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE),
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.known_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE)
), lines_windows AS (
  SELECT
    s.customer_id,
    s.cutoff,
    CAST(COALESCE(SUM(c.lines_sale_n) FILTER(WHERE
      c.first_at >= t.past_90d), 0) AS BIGINT) AS lines_sale_count_90d,
    CAST(COALESCE(SUM(c.lines_sale_n), 0) AS BIGINT) AS lines_sale_count,
    SUM(c.lines_sale_quantity_sum) FILTER(WHERE
      c.first_at >= t.past_90d) AS lines_sale_quantity_sum_90d,
    SUM(c.lines_sale_quantity_sum) AS lines_sale_quantity_sum,
    (
      (
        UNIX_MICROS(CAST(MAX(t.cutoff) AS TIMESTAMP)) - UNIX_MICROS(CAST(MAX(c.lines_return_max_at) AS TIMESTAMP))
      ) / 86400000000.0
    ) AS lines_return_recency,
    CAST(COALESCE(SUM(c.lines_return_n) FILTER(WHERE
      c.first_at >= t.past_90d), 0) AS BIGINT) AS lines_return_count_90d,
    CAST(COALESCE(SUM(c.lines_return_n), 0) AS BIGINT) AS lines_return_count,
    CAST(SUM(c.lines_return_share_n) AS DOUBLE) / CAST(NULLIF(SUM(c.lines_n), 0) AS DOUBLE) AS lines_return_share
  FROM spine AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN lines_cells AS c
    ON c.customer_id = s.customer_id AND c.first_at < s.cutoff AND c.known_at < s.cutoff
  GROUP BY
    s.customer_id,
    s.cutoff
), events_cells AS (
  SELECT
    f.customer_id,
    MIN(f.occurred_at) AS first_at,
    MAX(f.known_at) AS known_at,
    MAX(f.occurred_at) AS events_max_at,
    MIN(f.occurred_at) AS events_min_at,
    COUNT(*) AS events_n,
    MAX(f.occurred_at) FILTER(WHERE
      f.type = 'view') AS events_view_max_at,
    COUNT(*) FILTER(WHERE
      f.type = 'view') AS events_view_n,
    MAX(f.occurred_at) FILTER(WHERE
      f.type = 'add_to_cart') AS events_add_to_cart_max_at,
    COUNT(*) FILTER(WHERE
      f.type = 'add_to_cart') AS events_add_to_cart_n
  FROM events AS f
  WHERE
    NOT f.customer_id IS NULL
  GROUP BY
    f.customer_id,
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE),
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.known_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE)
), events_windows AS (
  SELECT
    s.customer_id,
    s.cutoff,
    (
      (
        UNIX_MICROS(CAST(MAX(t.cutoff) AS TIMESTAMP)) - UNIX_MICROS(CAST(MAX(c.events_max_at) AS TIMESTAMP))
      ) / 86400000000.0
    ) AS events_recency,
    (
      (
        UNIX_MICROS(CAST(MAX(t.cutoff) AS TIMESTAMP)) - UNIX_MICROS(CAST(MIN(c.events_min_at) AS TIMESTAMP))
      ) / 86400000000.0
    ) AS events_tenure,
    CAST(COALESCE(SUM(c.events_n), 0) AS BIGINT) AS events_count,
    CAST(COALESCE(SUM(c.events_n) FILTER(WHERE
      c.first_at >= t.past_7d), 0) AS BIGINT) AS events_count_7d,
    CAST(COALESCE(SUM(c.events_n) FILTER(WHERE
      c.first_at >= t.past_30d), 0) AS BIGINT) AS events_count_30d,
    (
      (
        UNIX_MICROS(CAST(MAX(t.cutoff) AS TIMESTAMP)) - UNIX_MICROS(CAST(MAX(c.events_view_max_at) AS TIMESTAMP))
      ) / 86400000000.0
    ) AS events_view_recency,
    CAST(COALESCE(SUM(c.events_view_n) FILTER(WHERE
      c.first_at >= t.past_1d), 0) AS BIGINT) AS events_view_count_1d,
    CAST(COALESCE(SUM(c.events_view_n) FILTER(WHERE
      c.first_at >= t.past_3d), 0) AS BIGINT) AS events_view_count_3d,
    CAST(COALESCE(SUM(c.events_view_n) FILTER(WHERE
      c.first_at >= t.past_7d), 0) AS BIGINT) AS events_view_count_7d,
    CAST(COALESCE(SUM(c.events_view_n) FILTER(WHERE
      c.first_at >= t.past_14d), 0) AS BIGINT) AS events_view_count_14d,
    CAST(COALESCE(SUM(c.events_view_n) FILTER(WHERE
      c.first_at >= t.past_30d), 0) AS BIGINT) AS events_view_count_30d,
    CAST(COALESCE(SUM(c.events_view_n) FILTER(WHERE
      c.first_at >= t.past_90d), 0) AS BIGINT) AS events_view_count_90d,
    (
      (
        UNIX_MICROS(CAST(MAX(t.cutoff) AS TIMESTAMP)) - UNIX_MICROS(CAST(MAX(c.events_add_to_cart_max_at) AS TIMESTAMP))
      ) / 86400000000.0
    ) AS events_add_to_cart_recency,
    CAST(COALESCE(SUM(c.events_add_to_cart_n) FILTER(WHERE
      c.first_at >= t.past_1d), 0) AS BIGINT) AS events_add_to_cart_count_1d,
    CAST(COALESCE(SUM(c.events_add_to_cart_n) FILTER(WHERE
      c.first_at >= t.past_3d), 0) AS BIGINT) AS events_add_to_cart_count_3d,
    CAST(COALESCE(SUM(c.events_add_to_cart_n) FILTER(WHERE
      c.first_at >= t.past_7d), 0) AS BIGINT) AS events_add_to_cart_count_7d,
    CAST(COALESCE(SUM(c.events_add_to_cart_n) FILTER(WHERE
      c.first_at >= t.past_14d), 0) AS BIGINT) AS events_add_to_cart_count_14d,
    CAST(COALESCE(SUM(c.events_add_to_cart_n) FILTER(WHERE
      c.first_at >= t.past_30d), 0) AS BIGINT) AS events_add_to_cart_count_30d,
    CAST(COALESCE(SUM(c.events_add_to_cart_n) FILTER(WHERE
      c.first_at >= t.past_90d), 0) AS BIGINT) AS events_add_to_cart_count_90d
  FROM spine AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN events_cells AS c
    ON c.customer_id = s.customer_id AND c.first_at < s.cutoff AND c.known_at < s.cutoff
  GROUP BY
    s.customer_id,
    s.cutoff
), reviews_cells AS (
  SELECT
    f.customer_id,
    MIN(f.occurred_at) AS first_at,
    MAX(f.known_at) AS known_at,
    COUNT(*) AS reviews_n,
    SUM(CAST(f.rating AS DECIMAL(18, 4))) AS reviews_rating_sum,
    COUNT(f.rating) AS reviews_rating_n,
    MAX(STRUCT(f.occurred_at AS at, f.rating AS item)) FILTER(WHERE
      NOT f.rating IS NULL) AS reviews_rating_latest
  FROM reviews AS f
  WHERE
    NOT f.customer_id IS NULL
  GROUP BY
    f.customer_id,
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE),
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.known_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE)
), reviews_windows AS (
  SELECT
    s.customer_id,
    s.cutoff,
    CAST(COALESCE(SUM(c.reviews_n), 0) AS BIGINT) AS reviews_count,
    CAST(SUM(c.reviews_rating_sum) AS DOUBLE) / CAST(NULLIF(SUM(c.reviews_rating_n), 0) AS DOUBLE) AS reviews_rating_mean,
    (
      MAX(c.reviews_rating_latest)
    ).item AS reviews_rating_latest
  FROM spine AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN reviews_cells AS c
    ON c.customer_id = s.customer_id AND c.first_at < s.cutoff AND c.known_at < s.cutoff
  GROUP BY
    s.customer_id,
    s.cutoff
), satisfaction_cells AS (
  SELECT
    f.customer_id,
    MIN(f.occurred_at) AS first_at,
    MAX(f.known_at) AS known_at,
    SUM(CAST(f.score AS DECIMAL(18, 4))) AS satisfaction_score_sum,
    COUNT(f.score) AS satisfaction_score_n,
    MAX(STRUCT(f.occurred_at AS at, f.score AS item)) FILTER(WHERE
      NOT f.score IS NULL) AS satisfaction_score_latest
  FROM satisfaction AS f
  WHERE
    NOT f.customer_id IS NULL
  GROUP BY
    f.customer_id,
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE),
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.known_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE)
), satisfaction_windows AS (
  SELECT
    s.customer_id,
    s.cutoff,
    CAST(SUM(c.satisfaction_score_sum) AS DOUBLE) / CAST(NULLIF(SUM(c.satisfaction_score_n), 0) AS DOUBLE) AS satisfaction_score_mean,
    (
      MAX(c.satisfaction_score_latest)
    ).item AS satisfaction_score_latest
  FROM spine AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN satisfaction_cells AS c
    ON c.customer_id = s.customer_id AND c.first_at < s.cutoff AND c.known_at < s.cutoff
  GROUP BY
    s.customer_id,
    s.cutoff
), customers_cells AS (
  SELECT
    f.customer_id,
    MIN(f.occurred_at) AS first_at,
    MAX(f.known_at) AS known_at,
    MAX(STRUCT(f.occurred_at AS at, f.age AS item)) FILTER(WHERE
      NOT f.age IS NULL) AS customers_age_latest,
    MAX(STRUCT(f.occurred_at AS at, f.birth_date AS item)) FILTER(WHERE
      NOT f.birth_date IS NULL) AS customers_birth_date_latest,
    MAX(STRUCT(f.occurred_at AS at, f.income AS item)) FILTER(WHERE
      NOT f.income IS NULL) AS customers_income_latest,
    MAX(STRUCT(f.occurred_at AS at, f.gender AS item)) FILTER(WHERE
      NOT f.gender IS NULL) AS customers_gender_latest,
    MAX(STRUCT(f.occurred_at AS at, f.location AS item)) FILTER(WHERE
      NOT f.location IS NULL) AS customers_location_latest,
    MAX(STRUCT(f.occurred_at AS at, f.profession AS item)) FILTER(WHERE
      NOT f.profession IS NULL) AS customers_profession_latest,
    MAX(STRUCT(f.occurred_at AS at, f.loyalty_tier AS item)) FILTER(WHERE
      NOT f.loyalty_tier IS NULL) AS customers_loyalty_tier_latest,
    MAX(STRUCT(f.occurred_at AS at, f.household AS item)) FILTER(WHERE
      NOT f.household IS NULL) AS customers_household_latest,
    MAX(STRUCT(f.occurred_at AS at, f.channel AS item)) FILTER(WHERE
      NOT f.channel IS NULL) AS customers_channel_latest
  FROM customer_history AS f
  WHERE
    NOT f.customer_id IS NULL
  GROUP BY
    f.customer_id,
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE),
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.known_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE)
), customers_windows AS (
  SELECT
    s.customer_id,
    s.cutoff,
    (
      MAX(c.customers_age_latest)
    ).item AS customers_age_latest,
    (
      MAX(c.customers_birth_date_latest)
    ).item AS customers_birth_date_latest,
    (
      MAX(c.customers_income_latest)
    ).item AS customers_income_latest,
    (
      MAX(c.customers_gender_latest)
    ).item AS customers_gender_latest,
    (
      MAX(c.customers_location_latest)
    ).item AS customers_location_latest,
    (
      MAX(c.customers_profession_latest)
    ).item AS customers_profession_latest,
    (
      MAX(c.customers_loyalty_tier_latest)
    ).item AS customers_loyalty_tier_latest,
    (
      MAX(c.customers_household_latest)
    ).item AS customers_household_latest,
    (
      MAX(c.customers_channel_latest)
    ).item AS customers_channel_latest
  FROM spine AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN customers_cells AS c
    ON c.customer_id = s.customer_id AND c.first_at < s.cutoff AND c.known_at < s.cutoff
  GROUP BY
    s.customer_id,
    s.cutoff
), reviews_ahead_cells AS (
  SELECT
    f.customer_id,
    MIN(f.occurred_at) AS first_at,
    MAX(f.known_at) AS known_at,
    SUM(CAST(f.rating AS DECIMAL(18, 4))) AS reviews_rating_sum,
    COUNT(f.rating) AS reviews_rating_n
  FROM reviews AS f
  WHERE
    NOT f.customer_id IS NULL
  GROUP BY
    f.customer_id,
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE),
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.known_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE)
), reviews_ahead_windows AS (
  SELECT
    s.customer_id,
    s.cutoff,
    CAST(SUM(c.reviews_rating_sum) FILTER(WHERE
      c.first_at < t.next_90d) AS DOUBLE) / CAST(NULLIF(SUM(c.reviews_rating_n) FILTER(WHERE
      c.first_at < t.next_90d), 0) AS DOUBLE) AS reviews_rating_mean_next_90d
  FROM spine AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN reviews_ahead_cells AS c
    ON c.customer_id = s.customer_id
    AND c.first_at >= s.cutoff
    AND c.first_at < t.next_90d
  GROUP BY
    s.customer_id,
    s.cutoff
), orders_day_values AS (
  SELECT
    s.customer_id,
    s.cutoff,
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE) AS value,
    MAX(f.occurred_at) AS seen_at
  FROM spine AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN orders AS f
    ON f.customer_id = s.customer_id
    AND f.occurred_at < s.cutoff
    AND f.known_at < s.cutoff
  WHERE
    NOT CAST((
      FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE) IS NULL
  GROUP BY
    s.customer_id,
    s.cutoff,
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE)
), orders_day_windows AS (
  SELECT
    v.customer_id,
    v.cutoff,
    COUNT(*) FILTER(WHERE
      v.seen_at >= t.past_90d) AS orders_day_nunique_90d,
    COUNT(*) AS orders_day_nunique
  FROM orders_day_values AS v
  JOIN cutoffs AS t
    ON t.cutoff = v.cutoff
  GROUP BY
    v.customer_id,
    v.cutoff
), lines_sale_product_id_values AS (
  SELECT
    s.customer_id,
    s.cutoff,
    f.product_id AS value,
    MAX(f.occurred_at) AS seen_at
  FROM spine AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN lines AS f
    ON f.customer_id = s.customer_id
    AND f.occurred_at < s.cutoff
    AND f.known_at < s.cutoff
  WHERE
    NOT f.product_id IS NULL AND f.kind = 'sale'
  GROUP BY
    s.customer_id,
    s.cutoff,
    f.product_id
), lines_sale_product_id_windows AS (
  SELECT
    v.customer_id,
    v.cutoff,
    COUNT(*) FILTER(WHERE
      v.seen_at >= t.past_90d) AS lines_sale_product_id_nunique_90d,
    COUNT(*) AS lines_sale_product_id_nunique
  FROM lines_sale_product_id_values AS v
  JOIN cutoffs AS t
    ON t.cutoff = v.cutoff
  GROUP BY
    v.customer_id,
    v.cutoff
), lines_sale_category_values AS (
  SELECT
    s.customer_id,
    s.cutoff,
    f.category AS value,
    MAX(f.occurred_at) AS seen_at
  FROM spine AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN lines AS f
    ON f.customer_id = s.customer_id
    AND f.occurred_at < s.cutoff
    AND f.known_at < s.cutoff
    AND f.occurred_at >= t.past_365d
  WHERE
    NOT f.category IS NULL AND f.kind = 'sale'
  GROUP BY
    s.customer_id,
    s.cutoff,
    f.category
), lines_sale_category_windows AS (
  SELECT
    v.customer_id,
    v.cutoff,
    COUNT(*) FILTER(WHERE
      v.seen_at >= t.past_365d) AS lines_sale_category_nunique_365d
  FROM lines_sale_category_values AS v
  JOIN cutoffs AS t
    ON t.cutoff = v.cutoff
  GROUP BY
    v.customer_id,
    v.cutoff
), events_session_id_values AS (
  SELECT
    s.customer_id,
    s.cutoff,
    f.session_id AS value,
    MAX(f.occurred_at) AS seen_at
  FROM spine AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN events AS f
    ON f.customer_id = s.customer_id
    AND f.occurred_at < s.cutoff
    AND f.known_at < s.cutoff
    AND f.occurred_at >= t.past_30d
  WHERE
    NOT f.session_id IS NULL
  GROUP BY
    s.customer_id,
    s.cutoff,
    f.session_id
), events_session_id_windows AS (
  SELECT
    v.customer_id,
    v.cutoff,
    COUNT(*) FILTER(WHERE
      v.seen_at >= t.past_7d) AS events_session_id_nunique_7d,
    COUNT(*) FILTER(WHERE
      v.seen_at >= t.past_30d) AS events_session_id_nunique_30d
  FROM events_session_id_values AS v
  JOIN cutoffs AS t
    ON t.cutoff = v.cutoff
  GROUP BY
    v.customer_id,
    v.cutoff
), events_product_id_values AS (
  SELECT
    s.customer_id,
    s.cutoff,
    f.product_id AS value,
    MAX(f.occurred_at) AS seen_at
  FROM spine AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN events AS f
    ON f.customer_id = s.customer_id
    AND f.occurred_at < s.cutoff
    AND f.known_at < s.cutoff
    AND f.occurred_at >= t.past_30d
  WHERE
    NOT f.product_id IS NULL
  GROUP BY
    s.customer_id,
    s.cutoff,
    f.product_id
), events_product_id_windows AS (
  SELECT
    v.customer_id,
    v.cutoff,
    COUNT(*) FILTER(WHERE
      v.seen_at >= t.past_7d) AS events_product_id_nunique_7d,
    COUNT(*) FILTER(WHERE
      v.seen_at >= t.past_30d) AS events_product_id_nunique_30d
  FROM events_product_id_values AS v
  JOIN cutoffs AS t
    ON t.cutoff = v.cutoff
  GROUP BY
    v.customer_id,
    v.cutoff
), calendar_windows AS (
  SELECT
    t.cutoff,
    COUNT(DISTINCT c.date) FILTER(WHERE
      NOT c.holiday IS NULL
      AND c.date < CAST((
        FROM_UTC_TIMESTAMP(CAST(t.next_7d AS TIMESTAMP), 'Europe/London')
      ) AS DATE)) AS upcoming_holiday_7d,
    COUNT(DISTINCT c.date) FILTER(WHERE
      NOT c.holiday IS NULL
      AND c.date < CAST((
        FROM_UTC_TIMESTAMP(CAST(t.next_30d AS TIMESTAMP), 'Europe/London')
      ) AS DATE)) AS upcoming_holiday_30d,
    COUNT(DISTINCT c.date) FILTER(WHERE
      NOT c.promotion IS NULL
      AND c.date < CAST((
        FROM_UTC_TIMESTAMP(CAST(t.next_7d AS TIMESTAMP), 'Europe/London')
      ) AS DATE)) AS upcoming_promotion_7d,
    COUNT(DISTINCT c.date) FILTER(WHERE
      NOT c.promotion IS NULL
      AND c.date < CAST((
        FROM_UTC_TIMESTAMP(CAST(t.next_30d AS TIMESTAMP), 'Europe/London')
      ) AS DATE)) AS upcoming_promotion_30d
  FROM cutoffs AS t
  LEFT JOIN calendar AS c
    ON c.date >= CAST((
      FROM_UTC_TIMESTAMP(CAST(t.cutoff AS TIMESTAMP), 'Europe/London')
    ) AS DATE)
    AND COALESCE(c.known_at, CAST('1900-01-01' AS TIMESTAMP_NTZ)) < t.cutoff
  GROUP BY
    t.cutoff
), beside AS (
  SELECT
    s.customer_id,
    s.cutoff,
    orders_windows.orders_recency AS orders_recency,
    orders_windows.orders_tenure AS orders_tenure,
    orders_windows.orders_gap AS orders_gap,
    CAST(orders_windows.orders_recency AS DOUBLE) / NULLIF(CAST(orders_windows.orders_gap AS DOUBLE), 0) AS orders_recency_in_gaps,
    COALESCE(orders_windows.orders_count_7d, 0) AS orders_count_7d,
    COALESCE(orders_windows.orders_count_14d, 0) AS orders_count_14d,
    COALESCE(orders_windows.orders_count_30d, 0) AS orders_count_30d,
    COALESCE(orders_windows.orders_count_60d, 0) AS orders_count_60d,
    COALESCE(orders_windows.orders_count_90d, 0) AS orders_count_90d,
    COALESCE(orders_windows.orders_count_180d, 0) AS orders_count_180d,
    COALESCE(orders_windows.orders_count_365d, 0) AS orders_count_365d,
    COALESCE(orders_windows.orders_count, 0) AS orders_count,
    CAST(COALESCE(orders_windows.orders_count_30d, 0) AS DOUBLE) / NULLIF(CAST(COALESCE(orders_windows.orders_count_90d, 0) AS DOUBLE), 0) * 3.0 AS orders_count_trend_30d_90d,
    CAST(COALESCE(orders_windows.orders_count_90d, 0) AS DOUBLE) / NULLIF(CAST(COALESCE(orders_windows.orders_count_365d, 0) AS DOUBLE), 0) * 4.055555555555555 AS orders_count_trend_90d_365d,
    COALESCE(orders_day_windows.orders_day_nunique_90d, 0) AS orders_day_nunique_90d,
    COALESCE(orders_day_windows.orders_day_nunique, 0) AS orders_day_nunique,
    COALESCE(orders_windows.orders_amount_sum_30d, 0) AS orders_amount_sum_30d,
    COALESCE(orders_windows.orders_amount_sum_90d, 0) AS orders_amount_sum_90d,
    COALESCE(orders_windows.orders_amount_sum_365d, 0) AS orders_amount_sum_365d,
    COALESCE(orders_windows.orders_amount_sum, 0) AS orders_amount_sum,
    orders_windows.orders_amount_mean AS orders_amount_mean,
    orders_windows.orders_amount_mean_90d AS orders_amount_mean_90d,
    orders_windows.orders_amount_max AS orders_amount_max,
    orders_windows.orders_amount_latest AS orders_amount_latest,
    orders_windows.orders_discount_above_0_share AS orders_discount_above_0_share,
    orders_windows.orders_weekday_6_or_7_share AS orders_weekday_6_or_7_share,
    orders_windows.orders_hour_from_18_share AS orders_hour_from_18_share,
    COALESCE(lines_windows.lines_sale_count_90d, 0) AS lines_sale_count_90d,
    COALESCE(lines_windows.lines_sale_count, 0) AS lines_sale_count,
    COALESCE(lines_windows.lines_sale_quantity_sum_90d, 0) AS lines_sale_quantity_sum_90d,
    COALESCE(lines_windows.lines_sale_quantity_sum, 0) AS lines_sale_quantity_sum,
    COALESCE(lines_sale_product_id_windows.lines_sale_product_id_nunique_90d, 0) AS lines_sale_product_id_nunique_90d,
    COALESCE(lines_sale_product_id_windows.lines_sale_product_id_nunique, 0) AS lines_sale_product_id_nunique,
    COALESCE(lines_sale_category_windows.lines_sale_category_nunique_365d, 0) AS lines_sale_category_nunique_365d,
    lines_windows.lines_return_recency AS lines_return_recency,
    COALESCE(lines_windows.lines_return_count_90d, 0) AS lines_return_count_90d,
    COALESCE(lines_windows.lines_return_count, 0) AS lines_return_count,
    lines_windows.lines_return_share AS lines_return_share,
    events_windows.events_recency AS events_recency,
    events_windows.events_tenure AS events_tenure,
    COALESCE(events_windows.events_count, 0) AS events_count,
    CAST(COALESCE(events_windows.events_count_7d, 0) AS DOUBLE) / NULLIF(CAST(COALESCE(events_windows.events_count_30d, 0) AS DOUBLE), 0) * 4.285714285714286 AS events_count_trend_7d_30d,
    COALESCE(events_session_id_windows.events_session_id_nunique_7d, 0) AS events_session_id_nunique_7d,
    COALESCE(events_session_id_windows.events_session_id_nunique_30d, 0) AS events_session_id_nunique_30d,
    COALESCE(events_product_id_windows.events_product_id_nunique_7d, 0) AS events_product_id_nunique_7d,
    COALESCE(events_product_id_windows.events_product_id_nunique_30d, 0) AS events_product_id_nunique_30d,
    events_windows.events_view_recency AS events_view_recency,
    COALESCE(events_windows.events_view_count_1d, 0) AS events_view_count_1d,
    COALESCE(events_windows.events_view_count_3d, 0) AS events_view_count_3d,
    COALESCE(events_windows.events_view_count_7d, 0) AS events_view_count_7d,
    COALESCE(events_windows.events_view_count_14d, 0) AS events_view_count_14d,
    COALESCE(events_windows.events_view_count_30d, 0) AS events_view_count_30d,
    COALESCE(events_windows.events_view_count_90d, 0) AS events_view_count_90d,
    events_windows.events_add_to_cart_recency AS events_add_to_cart_recency,
    COALESCE(events_windows.events_add_to_cart_count_1d, 0) AS events_add_to_cart_count_1d,
    COALESCE(events_windows.events_add_to_cart_count_3d, 0) AS events_add_to_cart_count_3d,
    COALESCE(events_windows.events_add_to_cart_count_7d, 0) AS events_add_to_cart_count_7d,
    COALESCE(events_windows.events_add_to_cart_count_14d, 0) AS events_add_to_cart_count_14d,
    COALESCE(events_windows.events_add_to_cart_count_30d, 0) AS events_add_to_cart_count_30d,
    COALESCE(events_windows.events_add_to_cart_count_90d, 0) AS events_add_to_cart_count_90d,
    COALESCE(reviews_windows.reviews_count, 0) AS reviews_count,
    reviews_windows.reviews_rating_mean AS reviews_rating_mean,
    reviews_windows.reviews_rating_latest AS reviews_rating_latest,
    satisfaction_windows.satisfaction_score_mean AS satisfaction_score_mean,
    satisfaction_windows.satisfaction_score_latest AS satisfaction_score_latest,
    customers_windows.customers_age_latest AS customers_age_latest,
    customers_windows.customers_birth_date_latest AS customers_birth_date_latest,
    customers_windows.customers_income_latest AS customers_income_latest,
    customers_windows.customers_gender_latest AS customers_gender_latest,
    customers_windows.customers_location_latest AS customers_location_latest,
    customers_windows.customers_profession_latest AS customers_profession_latest,
    customers_windows.customers_loyalty_tier_latest AS customers_loyalty_tier_latest,
    customers_windows.customers_household_latest AS customers_household_latest,
    customers_windows.customers_channel_latest AS customers_channel_latest,
    COALESCE(calendar_windows.upcoming_holiday_7d, 0) AS upcoming_holiday_7d,
    COALESCE(calendar_windows.upcoming_holiday_30d, 0) AS upcoming_holiday_30d,
    COALESCE(calendar_windows.upcoming_promotion_7d, 0) AS upcoming_promotion_7d,
    COALESCE(calendar_windows.upcoming_promotion_30d, 0) AS upcoming_promotion_30d,
    COALESCE(orders_windows.orders_any_90d, 0) > 0 AS orders_any_90d_among,
    reviews_ahead_windows.reviews_rating_mean_next_90d AS reviews_rating_mean_next_90d
  FROM spine AS s
  LEFT JOIN orders_windows
    ON orders_windows.customer_id = s.customer_id AND orders_windows.cutoff = s.cutoff
  LEFT JOIN lines_windows
    ON lines_windows.customer_id = s.customer_id AND lines_windows.cutoff = s.cutoff
  LEFT JOIN events_windows
    ON events_windows.customer_id = s.customer_id AND events_windows.cutoff = s.cutoff
  LEFT JOIN reviews_windows
    ON reviews_windows.customer_id = s.customer_id AND reviews_windows.cutoff = s.cutoff
  LEFT JOIN satisfaction_windows
    ON satisfaction_windows.customer_id = s.customer_id
    AND satisfaction_windows.cutoff = s.cutoff
  LEFT JOIN customers_windows
    ON customers_windows.customer_id = s.customer_id
    AND customers_windows.cutoff = s.cutoff
  LEFT JOIN reviews_ahead_windows
    ON reviews_ahead_windows.customer_id = s.customer_id
    AND reviews_ahead_windows.cutoff = s.cutoff
  LEFT JOIN orders_day_windows
    ON orders_day_windows.customer_id = s.customer_id
    AND orders_day_windows.cutoff = s.cutoff
  LEFT JOIN lines_sale_product_id_windows
    ON lines_sale_product_id_windows.customer_id = s.customer_id
    AND lines_sale_product_id_windows.cutoff = s.cutoff
  LEFT JOIN lines_sale_category_windows
    ON lines_sale_category_windows.customer_id = s.customer_id
    AND lines_sale_category_windows.cutoff = s.cutoff
  LEFT JOIN events_session_id_windows
    ON events_session_id_windows.customer_id = s.customer_id
    AND events_session_id_windows.cutoff = s.cutoff
  LEFT JOIN events_product_id_windows
    ON events_product_id_windows.customer_id = s.customer_id
    AND events_product_id_windows.cutoff = s.cutoff
  LEFT JOIN calendar_windows
    ON calendar_windows.cutoff = s.cutoff
), answers AS (
  SELECT
    customer_id,
    cutoff,
    orders_recency,
    orders_tenure,
    orders_gap,
    orders_recency_in_gaps,
    orders_count_7d,
    orders_count_14d,
    orders_count_30d,
    orders_count_60d,
    orders_count_90d,
    orders_count_180d,
    orders_count_365d,
    orders_count,
    orders_count_trend_30d_90d,
    orders_count_trend_90d_365d,
    orders_day_nunique_90d,
    orders_day_nunique,
    orders_amount_sum_30d,
    orders_amount_sum_90d,
    orders_amount_sum_365d,
    orders_amount_sum,
    orders_amount_mean,
    orders_amount_mean_90d,
    orders_amount_max,
    orders_amount_latest,
    orders_discount_above_0_share,
    orders_weekday_6_or_7_share,
    orders_hour_from_18_share,
    lines_sale_count_90d,
    lines_sale_count,
    lines_sale_quantity_sum_90d,
    lines_sale_quantity_sum,
    lines_sale_product_id_nunique_90d,
    lines_sale_product_id_nunique,
    lines_sale_category_nunique_365d,
    lines_return_recency,
    lines_return_count_90d,
    lines_return_count,
    lines_return_share,
    events_recency,
    events_tenure,
    events_count,
    events_count_trend_7d_30d,
    events_session_id_nunique_7d,
    events_session_id_nunique_30d,
    events_product_id_nunique_7d,
    events_product_id_nunique_30d,
    events_view_recency,
    events_view_count_1d,
    events_view_count_3d,
    events_view_count_7d,
    events_view_count_14d,
    events_view_count_30d,
    events_view_count_90d,
    events_add_to_cart_recency,
    events_add_to_cart_count_1d,
    events_add_to_cart_count_3d,
    events_add_to_cart_count_7d,
    events_add_to_cart_count_14d,
    events_add_to_cart_count_30d,
    events_add_to_cart_count_90d,
    reviews_count,
    reviews_rating_mean,
    reviews_rating_latest,
    satisfaction_score_mean,
    satisfaction_score_latest,
    customers_age_latest,
    customers_birth_date_latest,
    customers_income_latest,
    customers_gender_latest,
    customers_location_latest,
    customers_profession_latest,
    customers_loyalty_tier_latest,
    customers_household_latest,
    customers_channel_latest,
    upcoming_holiday_7d,
    upcoming_holiday_30d,
    upcoming_promotion_7d,
    upcoming_promotion_30d,
    reviews_rating_mean_next_90d AS target
  FROM beside
  WHERE
    orders_any_90d_among
)
SELECT
  *
FROM answers
