-- gold.services__case_daily: service cases accepted and finished, by day, town of acceptance and channel.
-- 口径：受理、办结各按自己的日期；承诺、法定工作日合计按受理日，只计两者俱有的办件（自然日按 5/7 折算）
WITH told_case AS (
  SELECT *, statutory_work_days > 0 AND promised_work_days IS NOT NULL AS has_limits
  FROM service_case
)
SELECT
  case_id, to_date(moment) AS stat_date, town_code, service_channel, received_count, finished_count,
  promised_days_sum, statutory_days_sum
FROM told_case
LATERAL VIEW stack(2,
  accepted_at,      1L, 0L, IF(has_limits, promised_work_days, 0), IF(has_limits, statutory_work_days, 0),
  finished_case_at, 0L, 1L, CAST(0 AS decimal(14,4)), CAST(0 AS decimal(14,4))
) AS moment, received_count, finished_count, promised_days_sum, statutory_days_sum
WHERE moment IS NOT NULL
