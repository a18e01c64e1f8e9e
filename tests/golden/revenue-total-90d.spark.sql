-- revenue-total-90d: The expected revenue, day by day, in the 90 days from the cutoff, in all.
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
    MIN(f.occurred_at) AS first_at,
    MAX(f.occurred_at) AS last_at
  FROM lines AS f
  WHERE
    f.occurred_at < CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
    AND f.known_at < CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
), kept AS (
  SELECT
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
), lines_ahead_cells AS (
  SELECT
    MIN(f.occurred_at) AS first_at,
    MAX(f.known_at) AS known_at,
    SUM(CAST(f.amount AS DECIMAL(18, 4))) AS lines_amount_sum
  FROM lines AS f
  GROUP BY
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE),
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.known_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE)
), lines_ahead_windows AS (
  SELECT
    s.cutoff,
    SUM(c.lines_amount_sum) FILTER(WHERE
      c.first_at < t.next_1d) AS lines_amount_sum_next_1d
  FROM cutoffs AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN lines_ahead_cells AS c
    ON c.first_at >= s.cutoff
    AND c.first_at < t.next_1d
    AND c.known_at < CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
  GROUP BY
    s.cutoff
), beside AS (
  SELECT
    s.cutoff,
    COALESCE(lines_ahead_windows.lines_amount_sum_next_1d, 0) AS value
  FROM spine AS s
  LEFT JOIN lines_ahead_windows
    ON lines_ahead_windows.cutoff = s.cutoff
), series AS (
  SELECT
    cutoff AS period_start,
    value
  FROM beside
)
SELECT
  *
FROM series
