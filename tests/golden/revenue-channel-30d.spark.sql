-- revenue-channel-30d: The expected revenue, day by day, in the 30 days from the cutoff, for each channel known before it.
WITH grid AS (
  SELECT
    *
  FROM VALUES
    (
      CAST('2020-05-29 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-05-30 23:00:00' AS TIMESTAMP_NTZ)
    ),
    (
      CAST('2020-05-30 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
    ) AS grid(cutoff, until)
), members AS (
  SELECT
    channel,
    MIN(f.occurred_at) AS first_at,
    MAX(f.occurred_at) AS last_at
  FROM orders AS f
  WHERE
    f.occurred_at < CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
    AND f.known_at < CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
    AND NOT f.channel IS NULL
  GROUP BY
    channel
), kept AS (
  SELECT
    channel,
    g.cutoff
  FROM members AS m
  JOIN grid AS g
    ON g.until > m.first_at
  WHERE
    m.last_at >= CAST('2020-05-29 23:00:00' AS TIMESTAMP_NTZ)
), cutoffs AS (
  SELECT
    *
  FROM VALUES
    (
      CAST('2020-05-29 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-05-30 23:00:00' AS TIMESTAMP_NTZ)
    ),
    (
      CAST('2020-05-30 23:00:00' AS TIMESTAMP_NTZ),
      CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
    ) AS cutoff(cutoff, next_1d)
), spine AS (
  SELECT
    *
  FROM kept
), orders_ahead_cells AS (
  SELECT
    f.channel,
    MIN(f.occurred_at) AS first_at,
    MAX(f.known_at) AS known_at,
    SUM(CAST(f.amount AS DECIMAL(18, 4))) AS orders_amount_sum
  FROM orders AS f
  WHERE
    NOT f.channel IS NULL
  GROUP BY
    f.channel,
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE),
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.known_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE)
), orders_ahead_windows AS (
  SELECT
    c.channel,
    s.cutoff,
    SUM(c.orders_amount_sum) FILTER(WHERE
      c.first_at < t.next_1d) AS orders_amount_sum_next_1d
  FROM cutoffs AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN orders_ahead_cells AS c
    ON c.first_at >= s.cutoff
    AND c.first_at < t.next_1d
    AND c.known_at < CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
  GROUP BY
    c.channel,
    s.cutoff
), beside AS (
  SELECT
    s.channel,
    s.cutoff,
    COALESCE(orders_ahead_windows.orders_amount_sum_next_1d, 0) AS value
  FROM spine AS s
  LEFT JOIN orders_ahead_windows
    ON orders_ahead_windows.channel = s.channel
    AND orders_ahead_windows.cutoff = s.cutoff
), series AS (
  SELECT
    channel,
    cutoff AS period_start,
    value
  FROM beside
)
SELECT
  *
FROM series
