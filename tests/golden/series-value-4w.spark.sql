-- series-value-4w: The expected value of series, week by week, in the 4 weeks from the cutoff, for each series known before it.
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
    series,
    MIN(f.occurred_at) AS first_at,
    MAX(f.occurred_at) AS last_at
  FROM series AS f
  WHERE
    f.occurred_at < CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
    AND f.known_at < CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
    AND NOT f.series IS NULL
  GROUP BY
    series
), kept AS (
  SELECT
    series,
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
), series_ahead_cells AS (
  SELECT
    f.series,
    MIN(f.occurred_at) AS first_at,
    MAX(f.known_at) AS known_at,
    SUM(CAST(f.value AS DECIMAL(18, 4))) AS series_value_sum,
    COUNT(*) AS series_n
  FROM series AS f
  WHERE
    NOT f.series IS NULL
  GROUP BY
    f.series,
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.occurred_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE),
    CAST((
      FROM_UTC_TIMESTAMP(CAST(f.known_at AS TIMESTAMP), 'Europe/London')
    ) AS DATE)
), series_ahead_windows AS (
  SELECT
    c.series,
    s.cutoff,
    SUM(c.series_value_sum) FILTER(WHERE
      c.first_at < t.next_7d) AS series_value_sum_next_7d,
    CAST(COALESCE(SUM(c.series_n) FILTER(WHERE
      c.first_at < t.next_7d), 0) AS BIGINT) AS series_count_next_7d
  FROM cutoffs AS s
  JOIN cutoffs AS t
    ON t.cutoff = s.cutoff
  JOIN series_ahead_cells AS c
    ON c.first_at >= s.cutoff
    AND c.first_at < t.next_7d
    AND c.known_at < CAST('2020-05-31 23:00:00' AS TIMESTAMP_NTZ)
  GROUP BY
    c.series,
    s.cutoff
), beside AS (
  SELECT
    s.series,
    s.cutoff,
    COALESCE(series_ahead_windows.series_value_sum_next_7d, 0) AS value,
    COALESCE(series_ahead_windows.series_count_next_7d, 0) AS rows
  FROM spine AS s
  LEFT JOIN series_ahead_windows
    ON series_ahead_windows.series = s.series AND series_ahead_windows.cutoff = s.cutoff
), series AS (
  SELECT
    series,
    cutoff AS period_start,
    CASE WHEN rows > 0 THEN value END AS value
  FROM beside
)
SELECT
  *
FROM series
