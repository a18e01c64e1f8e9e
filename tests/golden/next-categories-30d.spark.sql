-- next-categories-30d: Which categories among items bought in the 30 days from the cutoff, for each customer with an order before it.
WITH rows_known AS (
  SELECT
    f.customer_id,
    f.category AS item,
    'sale' AS kind,
    f.quantity AS weight,
    f.occurred_at,
    f.known_at
  FROM lines AS f
  WHERE
    f.occurred_at < CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
    AND f.known_at < CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
    AND NOT f.customer_id IS NULL
    AND NOT f.category IS NULL
    AND f.kind = 'sale'
    AND f.category IS DISTINCT FROM 'non-product'
  UNION ALL
  SELECT
    f.customer_id,
    f.category AS item,
    f.type AS kind,
    1.0 AS weight,
    f.occurred_at,
    f.known_at
  FROM events AS f
  WHERE
    f.occurred_at < CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
    AND f.known_at < CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
    AND NOT f.customer_id IS NULL
    AND NOT f.category IS NULL
    AND f.type = 'add_to_cart'
  UNION ALL
  SELECT
    f.customer_id,
    f.category AS item,
    f.type AS kind,
    1.0 AS weight,
    f.occurred_at,
    f.known_at
  FROM events AS f
  WHERE
    f.occurred_at < CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
    AND f.known_at < CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
    AND NOT f.customer_id IS NULL
    AND NOT f.category IS NULL
    AND f.type = 'view'
  UNION ALL
  SELECT
    f.customer_id,
    f.category AS item,
    'rating' AS kind,
    f.rating AS weight,
    f.occurred_at,
    f.known_at
  FROM reviews AS f
  WHERE
    f.occurred_at < CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
    AND f.known_at < CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
    AND NOT f.customer_id IS NULL
    AND NOT f.category IS NULL
    AND NOT f.rating IS NULL
  UNION ALL
  SELECT
    f.customer_id,
    f.category AS item,
    'return' AS kind,
    ABS(f.quantity) AS weight,
    f.occurred_at,
    f.known_at
  FROM lines AS f
  WHERE
    f.occurred_at < CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
    AND f.known_at < CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
    AND NOT f.customer_id IS NULL
    AND NOT f.category IS NULL
    AND f.kind = 'return'
    AND f.category IS DISTINCT FROM 'non-product'
)
SELECT
  *
FROM rows_known
