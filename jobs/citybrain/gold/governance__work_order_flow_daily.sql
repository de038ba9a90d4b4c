-- gold.governance__work_order_flow_daily: what came in and what went out, by day, town, category and source system.
-- 口径：上报、受理、立案、派遣、处置、结案各按本环节发生的那一天（北京时间）计一次
SELECT
  work_order_id, to_date(moment) AS stat_date, town_code, major_category_code, source_system,
  reported_count, accepted_count, filed_count, dispatched_count, disposed_count, closed_count
FROM work_order
LATERAL VIEW stack(6,
  reported_at,   1L, 0L, 0L, 0L, 0L, 0L,
  accepted_at,   0L, 1L, 0L, 0L, 0L, 0L,
  filed_at,      0L, 0L, 1L, 0L, 0L, 0L,
  dispatched_at, 0L, 0L, 0L, 1L, 0L, 0L,
  disposed_at,   0L, 0L, 0L, 0L, 1L, 0L,
  closed_at,     0L, 0L, 0L, 0L, 0L, 1L
) AS moment, reported_count, accepted_count, filed_count, dispatched_count, disposed_count, closed_count
WHERE moment IS NOT NULL
