-- buy-category-30d: The chance of an item bought in the 30 days from the cutoff, for each customer and category with an order in the 365 days before it.
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
      CAST('2020-04-30 23:00:00' AS TIMESTAMP_NTZ)
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
      CAST('2020-06-30 23:00:00' AS TIMESTAMP_NTZ)
    ) AS cutoff(cutoff, past_1d, past_3d, past_7d, past_14d, past_30d, past_60d, past_90d, past_180d, past_365d, next_7d, next_30d)
), known AS (
  SELECT
    k.customer_id,
    t.cutoff
  FROM cutoffs AS t
  JOIN known_customers AS k
    ON k.known_from < t.cutoff
), known_category AS (
  SELECT
    category,
    cutoff
  FROM (
    SELECT
      f.category,
      t.cutoff,
      ROW_NUMBER() OVER (PARTITION BY t.cutoff ORDER BY COUNT(*) DESC, f.category NULLS LAST) AS _w
    FROM cutoffs AS t
    JOIN lines AS f
      ON f.occurred_at < t.cutoff AND f.known_at < t.cutoff
    WHERE
      NOT f.category IS NULL
    GROUP BY
      f.category,
      t.cutoff
  ) AS _t
  WHERE
    _w <= 30
), spine AS (
  SELECT
    known.customer_id,
    known_category.category,
    known.cutoff
  FROM known
  JOIN known_category
    ON known_category.cutoff = known.cutoff
), orders_by_customer_cells AS (
  SELECT
    f.customer_id,
    MIN(f.occurred_at) AS first_at,
    MAX(f.known_at) AS known_at,
    MAX(f.occurred_at) AS orders_by_customer_max_at,
    MIN(f.occurred_at) AS orders_by_customer_min_at,
    COUNT(*) AS orders_by_customer_n,
    SUM(CAST(f.amount AS DECIMAL(18, 4))) AS orders_by_customer_amount_sum,
    COUNT(f.amount) AS orders_by_customer_amount_n,
    MAX(f.amount) AS orders_by_customer_amount_max,
    MAX(STRUCT(f.occurred_at AS at, f.amount AS item)) FILTER(WHERE
      NOT f.amount IS NULL) AS orders_by_customer_amount_latest,
    COUNT(*) FILTER(WHERE
      f.discount > 0) AS orders_by_customer_discount_above_0_share_n,
    COUNT(*) FILTER(WHERE
      (
        WEEKDAY(
          CAST((
            FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
          ) AS DATE)
        ) + 1
      ) IN (6, 7)) AS orders_by_customer_weekday_6_or_7_share_n,
    COUNT(*) FILTER(WHERE
      EXTRACT(HOUR FROM (
        FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
      )) >= 18) AS orders_by_customer_hour_from_18_share_n
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
), orders_by_customer_windows AS (
  SELECT
    s.customer_id,
    s.cutoff,
    (
      (
        UNIX_MICROS(CAST(MAX(t.cutoff) AS TIMESTAMP)) - UNIX_MICROS(CAST(MAX(c.orders_by_customer_max_at) AS TIMESTAMP))
      ) / 86400000000.0
    ) AS orders_by_customer_recency,
    (
      (
        UNIX_MICROS(CAST(MAX(t.cutoff) AS TIMESTAMP)) - UNIX_MICROS(CAST(MIN(c.orders_by_customer_min_at) AS TIMESTAMP))
      ) / 86400000000.0
    ) AS orders_by_customer_tenure,
    (
      (
        UNIX_MICROS(CAST(MAX(c.orders_by_customer_max_at) AS TIMESTAMP)) - UNIX_MICROS(CAST(MIN(c.orders_by_customer_min_at) AS TIMESTAMP))
      ) / 86400000000.0
    ) / CAST(NULLIF(SUM(c.orders_by_customer_n) - 1, 0) AS DOUBLE) AS orders_by_customer_gap,
    CAST(COALESCE(SUM(c.orders_by_customer_n) FILTER(WHERE
      c.first_at >= t.past_7d), 0) AS BIGINT) AS orders_by_customer_count_7d,
    CAST(COALESCE(SUM(c.orders_by_customer_n) FILTER(WHERE
      c.first_at >= t.past_14d), 0) AS BIGINT) AS orders_by_customer_count_14d,
    CAST(COALESCE(SUM(c.orders_by_customer_n) FILTER(WHERE
      c.first_at >= t.past_30d), 0) AS BIGINT) AS orders_by_customer_count_30d,
    CAST(COALESCE(SUM(c.orders_by_customer_n) FILTER(WHERE
      c.first_at >= t.past_60d), 0) AS BIGINT) AS orders_by_customer_count_60d,
    CAST(COALESCE(SUM(c.orders_by_customer_n) FILTER(WHERE
      c.first_at >= t.past_90d), 0) AS BIGINT) AS orders_by_customer_count_90d,
    CAST(COALESCE(SUM(c.orders_by_customer_n) FILTER(WHERE
      c.first_at >= t.past_180d), 0) AS BIGINT) AS orders_by_customer_count_180d,
    CAST(COALESCE(SUM(c.orders_by_customer_n) FILTER(WHERE
      c.first_at >= t.past_365d), 0) AS BIGINT) AS orders_by_customer_count_365d,
    CAST(COALESCE(SUM(c.orders_by_customer_n), 0) AS BIGINT) AS orders_by_customer_count,
    SUM(c.orders_by_customer_amount_sum) FILTER(WHERE
      c.first_at >= t.past_30d) AS orders_by_customer_amount_sum_30d,
    SUM(c.orders_by_customer_amount_sum) FILTER(WHERE
      c.first_at >= t.past_90d) AS orders_by_customer_amount_sum_90d,
    SUM(c.orders_by_customer_amount_sum) FILTER(WHERE
      c.first_at >= t.past_365d) AS orders_by_customer_amount_sum_365d,
    SUM(c.orders_by_customer_amount_sum) AS orders_by_customer_amount_sum,
    CAST(SUM(c.orders_by_customer_amount_sum) AS DOUBLE) / CAST(NULLIF(SUM(c.orders_by_customer_amount_n), 0) AS DOUBLE) AS orders_by_customer_amount_mean,
    CAST(SUM(c.orders_by_customer_amount_sum) FILTER(WHERE
      c.first_at >= t.past_90d) AS DOUBLE) / CAST(NULLIF(SUM(c.orders_by_customer_amount_n) FILTER(WHERE
      c.first_at >= t.past_90d), 0) AS DOUBLE) AS orders_by_customer_amount_mean_90d,
    MAX(c.orders_by_customer_amount_max) AS orders_by_customer_amount_max,
    (
      MAX(c.orders_by_customer_amount_latest)
    ).item AS orders_by_customer_amount_latest,
    CAST(SUM(c.orders_by_customer_discount_above_0_share_n) AS DOUBLE) / CAST(NULLIF(SUM(c.orders_by_customer_n), 0) AS DOUBLE) AS orders_by_customer_discount_above_0_share,
    CAST(SUM(c.orders_by_customer_weekday_6_or_7_share_n) AS DOUBLE) / CAST(NULLIF(SUM(c.orders_by_customer_n), 0) AS DOUBLE) AS orders_by_customer_weekday_6_or_7_share,
    CAST(SUM(c.orders_by_customer_hour_from_18_share_n) AS DOUBLE) / CAST(NULLIF(SUM(c.orders_by_customer_n), 0) AS DOUBLE) AS orders_by_customer_hour_from_18_share,
    CAST(COALESCE(SUM(c.orders_by_customer_n) FILTER(WHERE
      c.first_at >= t.past_365d), 0) AS BIGINT) AS orders_by_customer_any_365d
  FROM (
    SELECT DISTINCT
      customer_id,
      cutoff
    FROM spine
  ) AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN orders_by_customer_cells AS c
    ON c.customer_id = s.customer_id AND c.first_at < s.cutoff AND c.known_at < s.cutoff
  GROUP BY
    s.customer_id,
    s.cutoff
), lines_by_customer_cells AS (
  SELECT
    f.customer_id,
    MIN(f.occurred_at) AS first_at,
    MAX(f.known_at) AS known_at,
    COUNT(*) FILTER(WHERE
      f.kind = 'sale') AS lines_by_customer_sale_n,
    SUM(CAST(f.quantity AS DECIMAL(18, 4))) FILTER(WHERE
      f.kind = 'sale') AS lines_by_customer_sale_quantity_sum,
    MAX(f.occurred_at) FILTER(WHERE
      f.kind = 'return') AS lines_by_customer_return_max_at,
    COUNT(*) FILTER(WHERE
      f.kind = 'return') AS lines_by_customer_return_n,
    COUNT(*) FILTER(WHERE
      f.kind = 'return') AS lines_by_customer_return_share_n,
    COUNT(*) AS lines_by_customer_n
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
), lines_by_customer_windows AS (
  SELECT
    s.customer_id,
    s.cutoff,
    CAST(COALESCE(SUM(c.lines_by_customer_sale_n) FILTER(WHERE
      c.first_at >= t.past_90d), 0) AS BIGINT) AS lines_by_customer_sale_count_90d,
    CAST(COALESCE(SUM(c.lines_by_customer_sale_n), 0) AS BIGINT) AS lines_by_customer_sale_count,
    SUM(c.lines_by_customer_sale_quantity_sum) FILTER(WHERE
      c.first_at >= t.past_90d) AS lines_by_customer_sale_quantity_sum_90d,
    SUM(c.lines_by_customer_sale_quantity_sum) AS lines_by_customer_sale_quantity_sum,
    (
      (
        UNIX_MICROS(CAST(MAX(t.cutoff) AS TIMESTAMP)) - UNIX_MICROS(CAST(MAX(c.lines_by_customer_return_max_at) AS TIMESTAMP))
      ) / 86400000000.0
    ) AS lines_by_customer_return_recency,
    CAST(COALESCE(SUM(c.lines_by_customer_return_n) FILTER(WHERE
      c.first_at >= t.past_90d), 0) AS BIGINT) AS lines_by_customer_return_count_90d,
    CAST(COALESCE(SUM(c.lines_by_customer_return_n), 0) AS BIGINT) AS lines_by_customer_return_count,
    CAST(SUM(c.lines_by_customer_return_share_n) AS DOUBLE) / CAST(NULLIF(SUM(c.lines_by_customer_n), 0) AS DOUBLE) AS lines_by_customer_return_share
  FROM (
    SELECT DISTINCT
      customer_id,
      cutoff
    FROM spine
  ) AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN lines_by_customer_cells AS c
    ON c.customer_id = s.customer_id AND c.first_at < s.cutoff AND c.known_at < s.cutoff
  GROUP BY
    s.customer_id,
    s.cutoff
), events_by_customer_cells AS (
  SELECT
    f.customer_id,
    MIN(f.occurred_at) AS first_at,
    MAX(f.known_at) AS known_at,
    MAX(f.occurred_at) AS events_by_customer_max_at,
    MIN(f.occurred_at) AS events_by_customer_min_at,
    COUNT(*) AS events_by_customer_n,
    MAX(f.occurred_at) FILTER(WHERE
      f.type = 'view') AS events_by_customer_view_max_at,
    COUNT(*) FILTER(WHERE
      f.type = 'view') AS events_by_customer_view_n,
    MAX(f.occurred_at) FILTER(WHERE
      f.type = 'add_to_cart') AS events_by_customer_add_to_cart_max_at,
    COUNT(*) FILTER(WHERE
      f.type = 'add_to_cart') AS events_by_customer_add_to_cart_n
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
), events_by_customer_windows AS (
  SELECT
    s.customer_id,
    s.cutoff,
    (
      (
        UNIX_MICROS(CAST(MAX(t.cutoff) AS TIMESTAMP)) - UNIX_MICROS(CAST(MAX(c.events_by_customer_max_at) AS TIMESTAMP))
      ) / 86400000000.0
    ) AS events_by_customer_recency,
    (
      (
        UNIX_MICROS(CAST(MAX(t.cutoff) AS TIMESTAMP)) - UNIX_MICROS(CAST(MIN(c.events_by_customer_min_at) AS TIMESTAMP))
      ) / 86400000000.0
    ) AS events_by_customer_tenure,
    CAST(COALESCE(SUM(c.events_by_customer_n), 0) AS BIGINT) AS events_by_customer_count,
    CAST(COALESCE(SUM(c.events_by_customer_n) FILTER(WHERE
      c.first_at >= t.past_7d), 0) AS BIGINT) AS events_by_customer_count_7d,
    CAST(COALESCE(SUM(c.events_by_customer_n) FILTER(WHERE
      c.first_at >= t.past_30d), 0) AS BIGINT) AS events_by_customer_count_30d,
    (
      (
        UNIX_MICROS(CAST(MAX(t.cutoff) AS TIMESTAMP)) - UNIX_MICROS(CAST(MAX(c.events_by_customer_view_max_at) AS TIMESTAMP))
      ) / 86400000000.0
    ) AS events_by_customer_view_recency,
    CAST(COALESCE(SUM(c.events_by_customer_view_n) FILTER(WHERE
      c.first_at >= t.past_1d), 0) AS BIGINT) AS events_by_customer_view_count_1d,
    CAST(COALESCE(SUM(c.events_by_customer_view_n) FILTER(WHERE
      c.first_at >= t.past_3d), 0) AS BIGINT) AS events_by_customer_view_count_3d,
    CAST(COALESCE(SUM(c.events_by_customer_view_n) FILTER(WHERE
      c.first_at >= t.past_7d), 0) AS BIGINT) AS events_by_customer_view_count_7d,
    CAST(COALESCE(SUM(c.events_by_customer_view_n) FILTER(WHERE
      c.first_at >= t.past_14d), 0) AS BIGINT) AS events_by_customer_view_count_14d,
    CAST(COALESCE(SUM(c.events_by_customer_view_n) FILTER(WHERE
      c.first_at >= t.past_30d), 0) AS BIGINT) AS events_by_customer_view_count_30d,
    CAST(COALESCE(SUM(c.events_by_customer_view_n) FILTER(WHERE
      c.first_at >= t.past_90d), 0) AS BIGINT) AS events_by_customer_view_count_90d,
    (
      (
        UNIX_MICROS(CAST(MAX(t.cutoff) AS TIMESTAMP)) - UNIX_MICROS(CAST(MAX(c.events_by_customer_add_to_cart_max_at) AS TIMESTAMP))
      ) / 86400000000.0
    ) AS events_by_customer_add_to_cart_recency,
    CAST(COALESCE(SUM(c.events_by_customer_add_to_cart_n) FILTER(WHERE
      c.first_at >= t.past_1d), 0) AS BIGINT) AS events_by_customer_add_to_cart_count_1d,
    CAST(COALESCE(SUM(c.events_by_customer_add_to_cart_n) FILTER(WHERE
      c.first_at >= t.past_3d), 0) AS BIGINT) AS events_by_customer_add_to_cart_count_3d,
    CAST(COALESCE(SUM(c.events_by_customer_add_to_cart_n) FILTER(WHERE
      c.first_at >= t.past_7d), 0) AS BIGINT) AS events_by_customer_add_to_cart_count_7d,
    CAST(COALESCE(
      SUM(c.events_by_customer_add_to_cart_n) FILTER(WHERE
        c.first_at >= t.past_14d),
      0
    ) AS BIGINT) AS events_by_customer_add_to_cart_count_14d,
    CAST(COALESCE(
      SUM(c.events_by_customer_add_to_cart_n) FILTER(WHERE
        c.first_at >= t.past_30d),
      0
    ) AS BIGINT) AS events_by_customer_add_to_cart_count_30d,
    CAST(COALESCE(
      SUM(c.events_by_customer_add_to_cart_n) FILTER(WHERE
        c.first_at >= t.past_90d),
      0
    ) AS BIGINT) AS events_by_customer_add_to_cart_count_90d
  FROM (
    SELECT DISTINCT
      customer_id,
      cutoff
    FROM spine
  ) AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN events_by_customer_cells AS c
    ON c.customer_id = s.customer_id AND c.first_at < s.cutoff AND c.known_at < s.cutoff
  GROUP BY
    s.customer_id,
    s.cutoff
), reviews_by_customer_cells AS (
  SELECT
    f.customer_id,
    MIN(f.occurred_at) AS first_at,
    MAX(f.known_at) AS known_at,
    COUNT(*) AS reviews_by_customer_n,
    SUM(CAST(f.rating AS DECIMAL(18, 4))) AS reviews_by_customer_rating_sum,
    COUNT(f.rating) AS reviews_by_customer_rating_n,
    MAX(STRUCT(f.occurred_at AS at, f.rating AS item)) FILTER(WHERE
      NOT f.rating IS NULL) AS reviews_by_customer_rating_latest
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
), reviews_by_customer_windows AS (
  SELECT
    s.customer_id,
    s.cutoff,
    CAST(COALESCE(SUM(c.reviews_by_customer_n), 0) AS BIGINT) AS reviews_by_customer_count,
    CAST(SUM(c.reviews_by_customer_rating_sum) AS DOUBLE) / CAST(NULLIF(SUM(c.reviews_by_customer_rating_n), 0) AS DOUBLE) AS reviews_by_customer_rating_mean,
    (
      MAX(c.reviews_by_customer_rating_latest)
    ).item AS reviews_by_customer_rating_latest
  FROM (
    SELECT DISTINCT
      customer_id,
      cutoff
    FROM spine
  ) AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN reviews_by_customer_cells AS c
    ON c.customer_id = s.customer_id AND c.first_at < s.cutoff AND c.known_at < s.cutoff
  GROUP BY
    s.customer_id,
    s.cutoff
), satisfaction_by_customer_cells AS (
  SELECT
    f.customer_id,
    MIN(f.occurred_at) AS first_at,
    MAX(f.known_at) AS known_at,
    SUM(CAST(f.score AS DECIMAL(18, 4))) AS satisfaction_by_customer_score_sum,
    COUNT(f.score) AS satisfaction_by_customer_score_n,
    MAX(STRUCT(f.occurred_at AS at, f.score AS item)) FILTER(WHERE
      NOT f.score IS NULL) AS satisfaction_by_customer_score_latest
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
), satisfaction_by_customer_windows AS (
  SELECT
    s.customer_id,
    s.cutoff,
    CAST(SUM(c.satisfaction_by_customer_score_sum) AS DOUBLE) / CAST(NULLIF(SUM(c.satisfaction_by_customer_score_n), 0) AS DOUBLE) AS satisfaction_by_customer_score_mean,
    (
      MAX(c.satisfaction_by_customer_score_latest)
    ).item AS satisfaction_by_customer_score_latest
  FROM (
    SELECT DISTINCT
      customer_id,
      cutoff
    FROM spine
  ) AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN satisfaction_by_customer_cells AS c
    ON c.customer_id = s.customer_id AND c.first_at < s.cutoff AND c.known_at < s.cutoff
  GROUP BY
    s.customer_id,
    s.cutoff
), lines_by_category_cells AS (
  SELECT
    f.category,
    MIN(f.occurred_at) AS first_at,
    MAX(f.known_at) AS known_at,
    COUNT(*) FILTER(WHERE
      f.kind = 'sale') AS lines_by_category_sale_n,
    SUM(CAST(f.amount AS DECIMAL(18, 4))) FILTER(WHERE
      f.kind = 'sale') AS lines_by_category_sale_amount_sum
  FROM lines AS f
  WHERE
    NOT f.category IS NULL
  GROUP BY
    f.category,
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE),
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.known_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE)
), lines_by_category_windows AS (
  SELECT
    s.category,
    s.cutoff,
    CAST(COALESCE(SUM(c.lines_by_category_sale_n) FILTER(WHERE
      c.first_at >= t.past_7d), 0) AS BIGINT) AS lines_by_category_sale_count_7d,
    CAST(COALESCE(SUM(c.lines_by_category_sale_n) FILTER(WHERE
      c.first_at >= t.past_30d), 0) AS BIGINT) AS lines_by_category_sale_count_30d,
    CAST(COALESCE(SUM(c.lines_by_category_sale_n) FILTER(WHERE
      c.first_at >= t.past_90d), 0) AS BIGINT) AS lines_by_category_sale_count_90d,
    SUM(c.lines_by_category_sale_amount_sum) FILTER(WHERE
      c.first_at >= t.past_90d) AS lines_by_category_sale_amount_sum_90d
  FROM (
    SELECT DISTINCT
      category,
      cutoff
    FROM spine
  ) AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN lines_by_category_cells AS c
    ON c.category = s.category
    AND c.first_at < s.cutoff
    AND c.known_at < s.cutoff
    AND c.first_at >= t.past_90d
  GROUP BY
    s.category,
    s.cutoff
), customers_by_customer_cells AS (
  SELECT
    f.customer_id,
    MIN(f.occurred_at) AS first_at,
    MAX(f.known_at) AS known_at,
    MAX(STRUCT(f.occurred_at AS at, f.age AS item)) FILTER(WHERE
      NOT f.age IS NULL) AS customers_by_customer_age_latest,
    MAX(STRUCT(f.occurred_at AS at, f.birth_date AS item)) FILTER(WHERE
      NOT f.birth_date IS NULL) AS customers_by_customer_birth_date_latest,
    MAX(STRUCT(f.occurred_at AS at, f.income AS item)) FILTER(WHERE
      NOT f.income IS NULL) AS customers_by_customer_income_latest,
    MAX(STRUCT(f.occurred_at AS at, f.gender AS item)) FILTER(WHERE
      NOT f.gender IS NULL) AS customers_by_customer_gender_latest,
    MAX(STRUCT(f.occurred_at AS at, f.location AS item)) FILTER(WHERE
      NOT f.location IS NULL) AS customers_by_customer_location_latest,
    MAX(STRUCT(f.occurred_at AS at, f.profession AS item)) FILTER(WHERE
      NOT f.profession IS NULL) AS customers_by_customer_profession_latest,
    MAX(STRUCT(f.occurred_at AS at, f.loyalty_tier AS item)) FILTER(WHERE
      NOT f.loyalty_tier IS NULL) AS customers_by_customer_loyalty_tier_latest,
    MAX(STRUCT(f.occurred_at AS at, f.household AS item)) FILTER(WHERE
      NOT f.household IS NULL) AS customers_by_customer_household_latest,
    MAX(STRUCT(f.occurred_at AS at, f.channel AS item)) FILTER(WHERE
      NOT f.channel IS NULL) AS customers_by_customer_channel_latest
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
), customers_by_customer_windows AS (
  SELECT
    s.customer_id,
    s.cutoff,
    (
      MAX(c.customers_by_customer_age_latest)
    ).item AS customers_by_customer_age_latest,
    (
      MAX(c.customers_by_customer_birth_date_latest)
    ).item AS customers_by_customer_birth_date_latest,
    (
      MAX(c.customers_by_customer_income_latest)
    ).item AS customers_by_customer_income_latest,
    (
      MAX(c.customers_by_customer_gender_latest)
    ).item AS customers_by_customer_gender_latest,
    (
      MAX(c.customers_by_customer_location_latest)
    ).item AS customers_by_customer_location_latest,
    (
      MAX(c.customers_by_customer_profession_latest)
    ).item AS customers_by_customer_profession_latest,
    (
      MAX(c.customers_by_customer_loyalty_tier_latest)
    ).item AS customers_by_customer_loyalty_tier_latest,
    (
      MAX(c.customers_by_customer_household_latest)
    ).item AS customers_by_customer_household_latest,
    (
      MAX(c.customers_by_customer_channel_latest)
    ).item AS customers_by_customer_channel_latest
  FROM (
    SELECT DISTINCT
      customer_id,
      cutoff
    FROM spine
  ) AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN customers_by_customer_cells AS c
    ON c.customer_id = s.customer_id AND c.first_at < s.cutoff AND c.known_at < s.cutoff
  GROUP BY
    s.customer_id,
    s.cutoff
), lines_cells AS (
  SELECT
    f.customer_id,
    f.category,
    MIN(f.occurred_at) AS first_at,
    MAX(f.known_at) AS known_at,
    MAX(f.occurred_at) FILTER(WHERE
      f.kind = 'sale') AS lines_sale_max_at,
    MIN(f.occurred_at) FILTER(WHERE
      f.kind = 'sale') AS lines_sale_min_at,
    COUNT(*) FILTER(WHERE
      f.kind = 'sale') AS lines_sale_n,
    SUM(CAST(f.amount AS DECIMAL(18, 4))) FILTER(WHERE
      f.kind = 'sale') AS lines_sale_amount_sum
  FROM lines AS f
  WHERE
    NOT f.customer_id IS NULL AND NOT f.category IS NULL
  GROUP BY
    f.customer_id,
    f.category,
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE),
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.known_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE)
), lines_windows AS (
  SELECT
    s.customer_id,
    s.category,
    s.cutoff,
    (
      (
        UNIX_MICROS(CAST(MAX(t.cutoff) AS TIMESTAMP)) - UNIX_MICROS(CAST(MAX(c.lines_sale_max_at) AS TIMESTAMP))
      ) / 86400000000.0
    ) AS lines_sale_recency,
    (
      (
        UNIX_MICROS(CAST(MAX(t.cutoff) AS TIMESTAMP)) - UNIX_MICROS(CAST(MIN(c.lines_sale_min_at) AS TIMESTAMP))
      ) / 86400000000.0
    ) AS lines_sale_tenure,
    (
      (
        UNIX_MICROS(CAST(MAX(c.lines_sale_max_at) AS TIMESTAMP)) - UNIX_MICROS(CAST(MIN(c.lines_sale_min_at) AS TIMESTAMP))
      ) / 86400000000.0
    ) / CAST(NULLIF(SUM(c.lines_sale_n) - 1, 0) AS DOUBLE) AS lines_sale_gap,
    CAST(COALESCE(SUM(c.lines_sale_n) FILTER(WHERE
      c.first_at >= t.past_30d), 0) AS BIGINT) AS lines_sale_count_30d,
    CAST(COALESCE(SUM(c.lines_sale_n) FILTER(WHERE
      c.first_at >= t.past_90d), 0) AS BIGINT) AS lines_sale_count_90d,
    CAST(COALESCE(SUM(c.lines_sale_n) FILTER(WHERE
      c.first_at >= t.past_365d), 0) AS BIGINT) AS lines_sale_count_365d,
    SUM(c.lines_sale_amount_sum) FILTER(WHERE
      c.first_at >= t.past_365d) AS lines_sale_amount_sum_365d
  FROM spine AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN lines_cells AS c
    ON c.customer_id = s.customer_id
    AND c.category = s.category
    AND c.first_at < s.cutoff
    AND c.known_at < s.cutoff
  GROUP BY
    s.customer_id,
    s.category,
    s.cutoff
), events_cells AS (
  SELECT
    f.customer_id,
    f.category,
    MIN(f.occurred_at) AS first_at,
    MAX(f.known_at) AS known_at,
    MAX(f.occurred_at) AS events_max_at,
    COUNT(*) AS events_n,
    COUNT(*) FILTER(WHERE
      f.type = 'add_to_cart') AS events_add_to_cart_n
  FROM events AS f
  WHERE
    NOT f.customer_id IS NULL AND NOT f.category IS NULL
  GROUP BY
    f.customer_id,
    f.category,
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE),
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.known_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE)
), events_windows AS (
  SELECT
    s.customer_id,
    s.category,
    s.cutoff,
    (
      (
        UNIX_MICROS(CAST(MAX(t.cutoff) AS TIMESTAMP)) - UNIX_MICROS(CAST(MAX(c.events_max_at) AS TIMESTAMP))
      ) / 86400000000.0
    ) AS events_recency,
    CAST(COALESCE(SUM(c.events_n) FILTER(WHERE
      c.first_at >= t.past_7d), 0) AS BIGINT) AS events_count_7d,
    CAST(COALESCE(SUM(c.events_n) FILTER(WHERE
      c.first_at >= t.past_30d), 0) AS BIGINT) AS events_count_30d,
    CAST(COALESCE(SUM(c.events_n) FILTER(WHERE
      c.first_at >= t.past_90d), 0) AS BIGINT) AS events_count_90d,
    CAST(COALESCE(SUM(c.events_add_to_cart_n) FILTER(WHERE
      c.first_at >= t.past_7d), 0) AS BIGINT) AS events_add_to_cart_count_7d,
    CAST(COALESCE(SUM(c.events_add_to_cart_n) FILTER(WHERE
      c.first_at >= t.past_30d), 0) AS BIGINT) AS events_add_to_cart_count_30d
  FROM spine AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN events_cells AS c
    ON c.customer_id = s.customer_id
    AND c.category = s.category
    AND c.first_at < s.cutoff
    AND c.known_at < s.cutoff
  GROUP BY
    s.customer_id,
    s.category,
    s.cutoff
), lines_ahead_cells AS (
  SELECT
    f.customer_id,
    f.category,
    MIN(f.occurred_at) AS first_at,
    MAX(f.known_at) AS known_at,
    COUNT(*) FILTER(WHERE
      f.kind = 'sale') AS lines_sale_n
  FROM lines AS f
  WHERE
    NOT f.customer_id IS NULL AND NOT f.category IS NULL
  GROUP BY
    f.customer_id,
    f.category,
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE),
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.known_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE)
), lines_ahead_windows AS (
  SELECT
    s.customer_id,
    s.category,
    s.cutoff,
    CAST(COALESCE(SUM(c.lines_sale_n) FILTER(WHERE
      c.first_at < t.next_30d), 0) AS BIGINT) AS lines_sale_any_next_30d
  FROM spine AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN lines_ahead_cells AS c
    ON c.customer_id = s.customer_id
    AND c.category = s.category
    AND c.first_at >= s.cutoff
    AND c.first_at < t.next_30d
  GROUP BY
    s.customer_id,
    s.category,
    s.cutoff
), orders_day_by_customer_values AS (
  SELECT
    s.customer_id,
    s.cutoff,
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE) AS value,
    MAX(f.occurred_at) AS seen_at
  FROM (
    SELECT DISTINCT
      customer_id,
      cutoff
    FROM spine
  ) AS s
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
), orders_day_by_customer_windows AS (
  SELECT
    v.customer_id,
    v.cutoff,
    COUNT(*) FILTER(WHERE
      v.seen_at >= t.past_90d) AS orders_by_customer_day_nunique_90d,
    COUNT(*) AS orders_by_customer_day_nunique
  FROM orders_day_by_customer_values AS v
  JOIN cutoffs AS t
    ON t.cutoff = v.cutoff
  GROUP BY
    v.customer_id,
    v.cutoff
), lines_sale_product_id_by_customer_values AS (
  SELECT
    s.customer_id,
    s.cutoff,
    f.product_id AS value,
    MAX(f.occurred_at) AS seen_at
  FROM (
    SELECT DISTINCT
      customer_id,
      cutoff
    FROM spine
  ) AS s
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
), lines_sale_product_id_by_customer_windows AS (
  SELECT
    v.customer_id,
    v.cutoff,
    COUNT(*) FILTER(WHERE
      v.seen_at >= t.past_90d) AS lines_by_customer_sale_product_id_nunique_90d,
    COUNT(*) AS lines_by_customer_sale_product_id_nunique
  FROM lines_sale_product_id_by_customer_values AS v
  JOIN cutoffs AS t
    ON t.cutoff = v.cutoff
  GROUP BY
    v.customer_id,
    v.cutoff
), lines_sale_category_by_customer_values AS (
  SELECT
    s.customer_id,
    s.cutoff,
    f.category AS value,
    MAX(f.occurred_at) AS seen_at
  FROM (
    SELECT DISTINCT
      customer_id,
      cutoff
    FROM spine
  ) AS s
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
), lines_sale_category_by_customer_windows AS (
  SELECT
    v.customer_id,
    v.cutoff,
    COUNT(*) FILTER(WHERE
      v.seen_at >= t.past_365d) AS lines_by_customer_sale_category_nunique_365d
  FROM lines_sale_category_by_customer_values AS v
  JOIN cutoffs AS t
    ON t.cutoff = v.cutoff
  GROUP BY
    v.customer_id,
    v.cutoff
), events_session_id_by_customer_values AS (
  SELECT
    s.customer_id,
    s.cutoff,
    f.session_id AS value,
    MAX(f.occurred_at) AS seen_at
  FROM (
    SELECT DISTINCT
      customer_id,
      cutoff
    FROM spine
  ) AS s
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
), events_session_id_by_customer_windows AS (
  SELECT
    v.customer_id,
    v.cutoff,
    COUNT(*) FILTER(WHERE
      v.seen_at >= t.past_7d) AS events_by_customer_session_id_nunique_7d,
    COUNT(*) FILTER(WHERE
      v.seen_at >= t.past_30d) AS events_by_customer_session_id_nunique_30d
  FROM events_session_id_by_customer_values AS v
  JOIN cutoffs AS t
    ON t.cutoff = v.cutoff
  GROUP BY
    v.customer_id,
    v.cutoff
), events_product_id_by_customer_values AS (
  SELECT
    s.customer_id,
    s.cutoff,
    f.product_id AS value,
    MAX(f.occurred_at) AS seen_at
  FROM (
    SELECT DISTINCT
      customer_id,
      cutoff
    FROM spine
  ) AS s
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
), events_product_id_by_customer_windows AS (
  SELECT
    v.customer_id,
    v.cutoff,
    COUNT(*) FILTER(WHERE
      v.seen_at >= t.past_7d) AS events_by_customer_product_id_nunique_7d,
    COUNT(*) FILTER(WHERE
      v.seen_at >= t.past_30d) AS events_by_customer_product_id_nunique_30d
  FROM events_product_id_by_customer_values AS v
  JOIN cutoffs AS t
    ON t.cutoff = v.cutoff
  GROUP BY
    v.customer_id,
    v.cutoff
), lines_sale_customer_id_by_category_values AS (
  SELECT
    s.category,
    s.cutoff,
    f.customer_id AS value,
    MAX(f.occurred_at) AS seen_at
  FROM (
    SELECT DISTINCT
      category,
      cutoff
    FROM spine
  ) AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN lines AS f
    ON f.category = s.category
    AND f.occurred_at < s.cutoff
    AND f.known_at < s.cutoff
    AND f.occurred_at >= t.past_90d
  WHERE
    NOT f.customer_id IS NULL AND f.kind = 'sale'
  GROUP BY
    s.category,
    s.cutoff,
    f.customer_id
), lines_sale_customer_id_by_category_windows AS (
  SELECT
    v.category,
    v.cutoff,
    COUNT(*) FILTER(WHERE
      v.seen_at >= t.past_90d) AS lines_by_category_sale_customer_id_nunique_90d
  FROM lines_sale_customer_id_by_category_values AS v
  JOIN cutoffs AS t
    ON t.cutoff = v.cutoff
  GROUP BY
    v.category,
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
    s.category,
    s.cutoff,
    orders_by_customer_windows.orders_by_customer_recency AS orders_by_customer_recency,
    orders_by_customer_windows.orders_by_customer_tenure AS orders_by_customer_tenure,
    orders_by_customer_windows.orders_by_customer_gap AS orders_by_customer_gap,
    CAST(orders_by_customer_windows.orders_by_customer_recency AS DOUBLE) / NULLIF(CAST(orders_by_customer_windows.orders_by_customer_gap AS DOUBLE), 0) AS orders_by_customer_recency_in_gaps,
    COALESCE(orders_by_customer_windows.orders_by_customer_count_7d, 0) AS orders_by_customer_count_7d,
    COALESCE(orders_by_customer_windows.orders_by_customer_count_14d, 0) AS orders_by_customer_count_14d,
    COALESCE(orders_by_customer_windows.orders_by_customer_count_30d, 0) AS orders_by_customer_count_30d,
    COALESCE(orders_by_customer_windows.orders_by_customer_count_60d, 0) AS orders_by_customer_count_60d,
    COALESCE(orders_by_customer_windows.orders_by_customer_count_90d, 0) AS orders_by_customer_count_90d,
    COALESCE(orders_by_customer_windows.orders_by_customer_count_180d, 0) AS orders_by_customer_count_180d,
    COALESCE(orders_by_customer_windows.orders_by_customer_count_365d, 0) AS orders_by_customer_count_365d,
    COALESCE(orders_by_customer_windows.orders_by_customer_count, 0) AS orders_by_customer_count,
    CAST(COALESCE(orders_by_customer_windows.orders_by_customer_count_30d, 0) AS DOUBLE) / NULLIF(
      CAST(COALESCE(orders_by_customer_windows.orders_by_customer_count_90d, 0) AS DOUBLE),
      0
    ) * 3.0 AS orders_by_customer_count_trend_30d_90d,
    CAST(COALESCE(orders_by_customer_windows.orders_by_customer_count_90d, 0) AS DOUBLE) / NULLIF(
      CAST(COALESCE(orders_by_customer_windows.orders_by_customer_count_365d, 0) AS DOUBLE),
      0
    ) * 4.055555555555555 AS orders_by_customer_count_trend_90d_365d,
    COALESCE(orders_day_by_customer_windows.orders_by_customer_day_nunique_90d, 0) AS orders_by_customer_day_nunique_90d,
    COALESCE(orders_day_by_customer_windows.orders_by_customer_day_nunique, 0) AS orders_by_customer_day_nunique,
    COALESCE(orders_by_customer_windows.orders_by_customer_amount_sum_30d, 0) AS orders_by_customer_amount_sum_30d,
    COALESCE(orders_by_customer_windows.orders_by_customer_amount_sum_90d, 0) AS orders_by_customer_amount_sum_90d,
    COALESCE(orders_by_customer_windows.orders_by_customer_amount_sum_365d, 0) AS orders_by_customer_amount_sum_365d,
    COALESCE(orders_by_customer_windows.orders_by_customer_amount_sum, 0) AS orders_by_customer_amount_sum,
    orders_by_customer_windows.orders_by_customer_amount_mean AS orders_by_customer_amount_mean,
    orders_by_customer_windows.orders_by_customer_amount_mean_90d AS orders_by_customer_amount_mean_90d,
    orders_by_customer_windows.orders_by_customer_amount_max AS orders_by_customer_amount_max,
    orders_by_customer_windows.orders_by_customer_amount_latest AS orders_by_customer_amount_latest,
    orders_by_customer_windows.orders_by_customer_discount_above_0_share AS orders_by_customer_discount_above_0_share,
    orders_by_customer_windows.orders_by_customer_weekday_6_or_7_share AS orders_by_customer_weekday_6_or_7_share,
    orders_by_customer_windows.orders_by_customer_hour_from_18_share AS orders_by_customer_hour_from_18_share,
    COALESCE(lines_by_customer_windows.lines_by_customer_sale_count_90d, 0) AS lines_by_customer_sale_count_90d,
    COALESCE(lines_by_customer_windows.lines_by_customer_sale_count, 0) AS lines_by_customer_sale_count,
    COALESCE(lines_by_customer_windows.lines_by_customer_sale_quantity_sum_90d, 0) AS lines_by_customer_sale_quantity_sum_90d,
    COALESCE(lines_by_customer_windows.lines_by_customer_sale_quantity_sum, 0) AS lines_by_customer_sale_quantity_sum,
    COALESCE(
      lines_sale_product_id_by_customer_windows.lines_by_customer_sale_product_id_nunique_90d,
      0
    ) AS lines_by_customer_sale_product_id_nunique_90d,
    COALESCE(
      lines_sale_product_id_by_customer_windows.lines_by_customer_sale_product_id_nunique,
      0
    ) AS lines_by_customer_sale_product_id_nunique,
    COALESCE(
      lines_sale_category_by_customer_windows.lines_by_customer_sale_category_nunique_365d,
      0
    ) AS lines_by_customer_sale_category_nunique_365d,
    lines_by_customer_windows.lines_by_customer_return_recency AS lines_by_customer_return_recency,
    COALESCE(lines_by_customer_windows.lines_by_customer_return_count_90d, 0) AS lines_by_customer_return_count_90d,
    COALESCE(lines_by_customer_windows.lines_by_customer_return_count, 0) AS lines_by_customer_return_count,
    lines_by_customer_windows.lines_by_customer_return_share AS lines_by_customer_return_share,
    events_by_customer_windows.events_by_customer_recency AS events_by_customer_recency,
    events_by_customer_windows.events_by_customer_tenure AS events_by_customer_tenure,
    COALESCE(events_by_customer_windows.events_by_customer_count, 0) AS events_by_customer_count,
    CAST(COALESCE(events_by_customer_windows.events_by_customer_count_7d, 0) AS DOUBLE) / NULLIF(
      CAST(COALESCE(events_by_customer_windows.events_by_customer_count_30d, 0) AS DOUBLE),
      0
    ) * 4.285714285714286 AS events_by_customer_count_trend_7d_30d,
    COALESCE(events_session_id_by_customer_windows.events_by_customer_session_id_nunique_7d, 0) AS events_by_customer_session_id_nunique_7d,
    COALESCE(events_session_id_by_customer_windows.events_by_customer_session_id_nunique_30d, 0) AS events_by_customer_session_id_nunique_30d,
    COALESCE(events_product_id_by_customer_windows.events_by_customer_product_id_nunique_7d, 0) AS events_by_customer_product_id_nunique_7d,
    COALESCE(events_product_id_by_customer_windows.events_by_customer_product_id_nunique_30d, 0) AS events_by_customer_product_id_nunique_30d,
    events_by_customer_windows.events_by_customer_view_recency AS events_by_customer_view_recency,
    COALESCE(events_by_customer_windows.events_by_customer_view_count_1d, 0) AS events_by_customer_view_count_1d,
    COALESCE(events_by_customer_windows.events_by_customer_view_count_3d, 0) AS events_by_customer_view_count_3d,
    COALESCE(events_by_customer_windows.events_by_customer_view_count_7d, 0) AS events_by_customer_view_count_7d,
    COALESCE(events_by_customer_windows.events_by_customer_view_count_14d, 0) AS events_by_customer_view_count_14d,
    COALESCE(events_by_customer_windows.events_by_customer_view_count_30d, 0) AS events_by_customer_view_count_30d,
    COALESCE(events_by_customer_windows.events_by_customer_view_count_90d, 0) AS events_by_customer_view_count_90d,
    events_by_customer_windows.events_by_customer_add_to_cart_recency AS events_by_customer_add_to_cart_recency,
    COALESCE(events_by_customer_windows.events_by_customer_add_to_cart_count_1d, 0) AS events_by_customer_add_to_cart_count_1d,
    COALESCE(events_by_customer_windows.events_by_customer_add_to_cart_count_3d, 0) AS events_by_customer_add_to_cart_count_3d,
    COALESCE(events_by_customer_windows.events_by_customer_add_to_cart_count_7d, 0) AS events_by_customer_add_to_cart_count_7d,
    COALESCE(events_by_customer_windows.events_by_customer_add_to_cart_count_14d, 0) AS events_by_customer_add_to_cart_count_14d,
    COALESCE(events_by_customer_windows.events_by_customer_add_to_cart_count_30d, 0) AS events_by_customer_add_to_cart_count_30d,
    COALESCE(events_by_customer_windows.events_by_customer_add_to_cart_count_90d, 0) AS events_by_customer_add_to_cart_count_90d,
    COALESCE(reviews_by_customer_windows.reviews_by_customer_count, 0) AS reviews_by_customer_count,
    reviews_by_customer_windows.reviews_by_customer_rating_mean AS reviews_by_customer_rating_mean,
    reviews_by_customer_windows.reviews_by_customer_rating_latest AS reviews_by_customer_rating_latest,
    satisfaction_by_customer_windows.satisfaction_by_customer_score_mean AS satisfaction_by_customer_score_mean,
    satisfaction_by_customer_windows.satisfaction_by_customer_score_latest AS satisfaction_by_customer_score_latest,
    COALESCE(lines_by_category_windows.lines_by_category_sale_count_7d, 0) AS lines_by_category_sale_count_7d,
    COALESCE(lines_by_category_windows.lines_by_category_sale_count_30d, 0) AS lines_by_category_sale_count_30d,
    COALESCE(lines_by_category_windows.lines_by_category_sale_count_90d, 0) AS lines_by_category_sale_count_90d,
    COALESCE(lines_by_category_windows.lines_by_category_sale_amount_sum_90d, 0) AS lines_by_category_sale_amount_sum_90d,
    COALESCE(
      lines_sale_customer_id_by_category_windows.lines_by_category_sale_customer_id_nunique_90d,
      0
    ) AS lines_by_category_sale_customer_id_nunique_90d,
    CAST(COALESCE(lines_by_category_windows.lines_by_category_sale_count_30d, 0) AS DOUBLE) / NULLIF(
      CAST(COALESCE(lines_by_category_windows.lines_by_category_sale_count_90d, 0) AS DOUBLE),
      0
    ) * 3.0 AS lines_by_category_sale_count_trend_30d_90d,
    customers_by_customer_windows.customers_by_customer_age_latest AS customers_by_customer_age_latest,
    customers_by_customer_windows.customers_by_customer_birth_date_latest AS customers_by_customer_birth_date_latest,
    customers_by_customer_windows.customers_by_customer_income_latest AS customers_by_customer_income_latest,
    customers_by_customer_windows.customers_by_customer_gender_latest AS customers_by_customer_gender_latest,
    customers_by_customer_windows.customers_by_customer_location_latest AS customers_by_customer_location_latest,
    customers_by_customer_windows.customers_by_customer_profession_latest AS customers_by_customer_profession_latest,
    customers_by_customer_windows.customers_by_customer_loyalty_tier_latest AS customers_by_customer_loyalty_tier_latest,
    customers_by_customer_windows.customers_by_customer_household_latest AS customers_by_customer_household_latest,
    customers_by_customer_windows.customers_by_customer_channel_latest AS customers_by_customer_channel_latest,
    lines_windows.lines_sale_recency AS lines_sale_recency,
    lines_windows.lines_sale_tenure AS lines_sale_tenure,
    lines_windows.lines_sale_gap AS lines_sale_gap,
    CAST(lines_windows.lines_sale_recency AS DOUBLE) / NULLIF(CAST(lines_windows.lines_sale_gap AS DOUBLE), 0) AS lines_sale_recency_in_gaps,
    COALESCE(lines_windows.lines_sale_count_30d, 0) AS lines_sale_count_30d,
    COALESCE(lines_windows.lines_sale_count_90d, 0) AS lines_sale_count_90d,
    COALESCE(lines_windows.lines_sale_count_365d, 0) AS lines_sale_count_365d,
    COALESCE(lines_windows.lines_sale_amount_sum_365d, 0) AS lines_sale_amount_sum_365d,
    events_windows.events_recency AS events_recency,
    COALESCE(events_windows.events_count_7d, 0) AS events_count_7d,
    COALESCE(events_windows.events_count_30d, 0) AS events_count_30d,
    COALESCE(events_windows.events_count_90d, 0) AS events_count_90d,
    COALESCE(events_windows.events_add_to_cart_count_7d, 0) AS events_add_to_cart_count_7d,
    COALESCE(events_windows.events_add_to_cart_count_30d, 0) AS events_add_to_cart_count_30d,
    COALESCE(calendar_windows.upcoming_holiday_7d, 0) AS upcoming_holiday_7d,
    COALESCE(calendar_windows.upcoming_holiday_30d, 0) AS upcoming_holiday_30d,
    COALESCE(calendar_windows.upcoming_promotion_7d, 0) AS upcoming_promotion_7d,
    COALESCE(calendar_windows.upcoming_promotion_30d, 0) AS upcoming_promotion_30d,
    COALESCE(orders_by_customer_windows.orders_by_customer_any_365d, 0) > 0 AS orders_by_customer_any_365d_among,
    COALESCE(lines_ahead_windows.lines_sale_any_next_30d, 0) > 0 AS lines_sale_any_next_30d
  FROM spine AS s
  LEFT JOIN orders_by_customer_windows
    ON orders_by_customer_windows.customer_id = s.customer_id
    AND orders_by_customer_windows.cutoff = s.cutoff
  LEFT JOIN lines_by_customer_windows
    ON lines_by_customer_windows.customer_id = s.customer_id
    AND lines_by_customer_windows.cutoff = s.cutoff
  LEFT JOIN events_by_customer_windows
    ON events_by_customer_windows.customer_id = s.customer_id
    AND events_by_customer_windows.cutoff = s.cutoff
  LEFT JOIN reviews_by_customer_windows
    ON reviews_by_customer_windows.customer_id = s.customer_id
    AND reviews_by_customer_windows.cutoff = s.cutoff
  LEFT JOIN satisfaction_by_customer_windows
    ON satisfaction_by_customer_windows.customer_id = s.customer_id
    AND satisfaction_by_customer_windows.cutoff = s.cutoff
  LEFT JOIN lines_by_category_windows
    ON lines_by_category_windows.category = s.category
    AND lines_by_category_windows.cutoff = s.cutoff
  LEFT JOIN customers_by_customer_windows
    ON customers_by_customer_windows.customer_id = s.customer_id
    AND customers_by_customer_windows.cutoff = s.cutoff
  LEFT JOIN lines_windows
    ON lines_windows.customer_id = s.customer_id
    AND lines_windows.category = s.category
    AND lines_windows.cutoff = s.cutoff
  LEFT JOIN events_windows
    ON events_windows.customer_id = s.customer_id
    AND events_windows.category = s.category
    AND events_windows.cutoff = s.cutoff
  LEFT JOIN lines_ahead_windows
    ON lines_ahead_windows.customer_id = s.customer_id
    AND lines_ahead_windows.category = s.category
    AND lines_ahead_windows.cutoff = s.cutoff
  LEFT JOIN orders_day_by_customer_windows
    ON orders_day_by_customer_windows.customer_id = s.customer_id
    AND orders_day_by_customer_windows.cutoff = s.cutoff
  LEFT JOIN lines_sale_product_id_by_customer_windows
    ON lines_sale_product_id_by_customer_windows.customer_id = s.customer_id
    AND lines_sale_product_id_by_customer_windows.cutoff = s.cutoff
  LEFT JOIN lines_sale_category_by_customer_windows
    ON lines_sale_category_by_customer_windows.customer_id = s.customer_id
    AND lines_sale_category_by_customer_windows.cutoff = s.cutoff
  LEFT JOIN events_session_id_by_customer_windows
    ON events_session_id_by_customer_windows.customer_id = s.customer_id
    AND events_session_id_by_customer_windows.cutoff = s.cutoff
  LEFT JOIN events_product_id_by_customer_windows
    ON events_product_id_by_customer_windows.customer_id = s.customer_id
    AND events_product_id_by_customer_windows.cutoff = s.cutoff
  LEFT JOIN lines_sale_customer_id_by_category_windows
    ON lines_sale_customer_id_by_category_windows.category = s.category
    AND lines_sale_customer_id_by_category_windows.cutoff = s.cutoff
  LEFT JOIN calendar_windows
    ON calendar_windows.cutoff = s.cutoff
), answers AS (
  SELECT
    customer_id,
    category,
    cutoff,
    orders_by_customer_recency,
    orders_by_customer_tenure,
    orders_by_customer_gap,
    orders_by_customer_recency_in_gaps,
    orders_by_customer_count_7d,
    orders_by_customer_count_14d,
    orders_by_customer_count_30d,
    orders_by_customer_count_60d,
    orders_by_customer_count_90d,
    orders_by_customer_count_180d,
    orders_by_customer_count_365d,
    orders_by_customer_count,
    orders_by_customer_count_trend_30d_90d,
    orders_by_customer_count_trend_90d_365d,
    orders_by_customer_day_nunique_90d,
    orders_by_customer_day_nunique,
    orders_by_customer_amount_sum_30d,
    orders_by_customer_amount_sum_90d,
    orders_by_customer_amount_sum_365d,
    orders_by_customer_amount_sum,
    orders_by_customer_amount_mean,
    orders_by_customer_amount_mean_90d,
    orders_by_customer_amount_max,
    orders_by_customer_amount_latest,
    orders_by_customer_discount_above_0_share,
    orders_by_customer_weekday_6_or_7_share,
    orders_by_customer_hour_from_18_share,
    lines_by_customer_sale_count_90d,
    lines_by_customer_sale_count,
    lines_by_customer_sale_quantity_sum_90d,
    lines_by_customer_sale_quantity_sum,
    lines_by_customer_sale_product_id_nunique_90d,
    lines_by_customer_sale_product_id_nunique,
    lines_by_customer_sale_category_nunique_365d,
    lines_by_customer_return_recency,
    lines_by_customer_return_count_90d,
    lines_by_customer_return_count,
    lines_by_customer_return_share,
    events_by_customer_recency,
    events_by_customer_tenure,
    events_by_customer_count,
    events_by_customer_count_trend_7d_30d,
    events_by_customer_session_id_nunique_7d,
    events_by_customer_session_id_nunique_30d,
    events_by_customer_product_id_nunique_7d,
    events_by_customer_product_id_nunique_30d,
    events_by_customer_view_recency,
    events_by_customer_view_count_1d,
    events_by_customer_view_count_3d,
    events_by_customer_view_count_7d,
    events_by_customer_view_count_14d,
    events_by_customer_view_count_30d,
    events_by_customer_view_count_90d,
    events_by_customer_add_to_cart_recency,
    events_by_customer_add_to_cart_count_1d,
    events_by_customer_add_to_cart_count_3d,
    events_by_customer_add_to_cart_count_7d,
    events_by_customer_add_to_cart_count_14d,
    events_by_customer_add_to_cart_count_30d,
    events_by_customer_add_to_cart_count_90d,
    reviews_by_customer_count,
    reviews_by_customer_rating_mean,
    reviews_by_customer_rating_latest,
    satisfaction_by_customer_score_mean,
    satisfaction_by_customer_score_latest,
    lines_by_category_sale_count_7d,
    lines_by_category_sale_count_30d,
    lines_by_category_sale_count_90d,
    lines_by_category_sale_amount_sum_90d,
    lines_by_category_sale_customer_id_nunique_90d,
    lines_by_category_sale_count_trend_30d_90d,
    customers_by_customer_age_latest,
    customers_by_customer_birth_date_latest,
    customers_by_customer_income_latest,
    customers_by_customer_gender_latest,
    customers_by_customer_location_latest,
    customers_by_customer_profession_latest,
    customers_by_customer_loyalty_tier_latest,
    customers_by_customer_household_latest,
    customers_by_customer_channel_latest,
    lines_sale_recency,
    lines_sale_tenure,
    lines_sale_gap,
    lines_sale_recency_in_gaps,
    lines_sale_count_30d,
    lines_sale_count_90d,
    lines_sale_count_365d,
    lines_sale_amount_sum_365d,
    events_recency,
    events_count_7d,
    events_count_30d,
    events_count_90d,
    events_add_to_cart_count_7d,
    events_add_to_cart_count_30d,
    upcoming_holiday_7d,
    upcoming_holiday_30d,
    upcoming_promotion_7d,
    upcoming_promotion_30d,
    lines_sale_any_next_30d AS target
  FROM beside
  WHERE
    orders_by_customer_any_365d_among
)
SELECT
  *
FROM answers
