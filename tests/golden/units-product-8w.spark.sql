-- units-product-8w: The expected units sold, week by week, in the 8 weeks from the cutoff, for each product known before it.
WITH grid AS (
  SELECT
    *
  FROM VALUES
    (
      CAST('2020-05-17 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-05-24 23:00:00' AS TIMESTAMP_NTZ)
    ),
    (
      CAST('2020-05-24 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
    ) AS grid(cutoff, until)
), members AS (
  SELECT
    product_id,
    MIN(f.occurred_at) AS first_at,
    MAX(f.occurred_at) AS last_at
  FROM lines AS f
  WHERE
    f.occurred_at < CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
    AND f.known_at < CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
    AND f.kind = 'sale'
    AND NOT f.product_id IS NULL
  GROUP BY
    product_id
), kept AS (
  SELECT
    product_id,
    g.cutoff
  FROM members AS m
  JOIN grid AS g
    ON g.until > m.first_at
  WHERE
    m.last_at >= CAST('2020-05-17 23:00:00' AS TIMESTAMP_NTZ)
), cutoffs AS (
  SELECT
    *
  FROM VALUES
    (
      CAST('2020-05-17 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-05-24 23:00:00' AS TIMESTAMP_NTZ)
    ),
    (
      CAST('2020-05-24 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
    ) AS cutoff(cutoff, next_7d)
), spine AS (
  SELECT
    *
  FROM kept
), lines_ahead_cells AS (
  SELECT
    f.product_id,
    MIN(f.occurred_at) AS first_at,
    MAX(f.known_at) AS known_at,
    SUM(CAST(f.quantity AS DECIMAL(18, 4))) FILTER(WHERE
      f.kind = 'sale') AS lines_sale_quantity_sum
  FROM lines AS f
  WHERE
    NOT f.product_id IS NULL
  GROUP BY
    f.product_id,
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE),
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.known_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE)
), lines_ahead_windows AS (
  SELECT
    c.product_id,
    s.cutoff,
    SUM(c.lines_sale_quantity_sum) FILTER(WHERE
      c.first_at < t.next_7d) AS lines_sale_quantity_sum_next_7d
  FROM cutoffs AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN lines_ahead_cells AS c
    ON c.first_at >= s.cutoff
    AND c.first_at < t.next_7d
    AND c.known_at < CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
  GROUP BY
    c.product_id,
    s.cutoff
), beside AS (
  SELECT
    s.product_id,
    s.cutoff,
    COALESCE(lines_ahead_windows.lines_sale_quantity_sum_next_7d, 0) AS value
  FROM spine AS s
  LEFT JOIN lines_ahead_windows
    ON lines_ahead_windows.product_id = s.product_id
    AND lines_ahead_windows.cutoff = s.cutoff
), series AS (
  SELECT
    product_id,
    cutoff AS period_start,
    value
  FROM beside
)
SELECT
  *
FROM series
