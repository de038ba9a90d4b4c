-- gold.governance__work_order_due_daily: orders by the day on which they were due, and what became of them day by day.
-- 口径：应办日为办毕日与最终截止日中较早的一天；不予立案、无截止时间、应办日当天及以前作废的不计，以后作废的自作废日起减去；已结案而无处置时间的，以结案为处置
WITH stage_order AS (
  SELECT *, IF(cancelled_at < finished_at, NULL, finished_at) AS done_at
  FROM work_order
  LATERAL VIEW stack(2, '处置', coalesce(disposed_at, closed_at), '结案', closed_at) AS stage, finished_at
  WHERE final_deadline_at IS NOT NULL AND not_filed_at IS NULL
),
due_order AS (
  SELECT
    *,
    to_date(least(done_at, final_deadline_at)) AS due_date,
    to_date(done_at) AS done_date,
    to_date(cancelled_at) AS cancelled_date,
    IF(done_at IS NULL, 0L, 1L) AS done,
    IF(done_at <= final_deadline_at, 1L, 0L) AS on_time,
    IF(rework_times > 0, 1L, 0L) AS reworked
  FROM stage_order
),
counted_order AS (
  SELECT
    *,
    filter(
      transform(suspensions, s -> named_struct(
        'begin_date', greatest(due_date, to_date(s.begin)),
        'end_date', least(to_date(s.end), done_date, cancelled_date))),
      stop -> stop.end_date IS NULL OR stop.begin_date < stop.end_date
    ) AS stops
  FROM due_order
  WHERE cancelled_date IS NULL OR due_date < cancelled_date
),
change AS (
  SELECT *, inline(concat(
    array(
      named_struct('change_date', due_date, 'due_count', 1L, 'done_count', 0L, 'done_on_time_count', 0L,
                   'suspended_count', 0L, 'rework_order_count', reworked),
      named_struct('change_date', done_date, 'due_count', 0L, 'done_count', 1L, 'done_on_time_count', on_time,
                   'suspended_count', 0L, 'rework_order_count', 0L),
      named_struct('change_date', cancelled_date, 'due_count', -1L, 'done_count', -done, 'done_on_time_count', -on_time,
                   'suspended_count', 0L, 'rework_order_count', -reworked)
    ),
    coalesce(transform(stops, stop -> named_struct(
      'change_date', stop.begin_date, 'due_count', 0L, 'done_count', 0L, 'done_on_time_count', 0L,
      'suspended_count', 1L, 'rework_order_count', 0L)), array()),
    coalesce(transform(stops, stop -> named_struct(
      'change_date', stop.end_date, 'due_count', 0L, 'done_count', 0L, 'done_on_time_count', 0L,
      'suspended_count', -1L, 'rework_order_count', 0L)), array())
  ))
  FROM counted_order
)
SELECT
  work_order_id, stage, due_date, change_date, town_code, major_category_code, handling_unit,
  due_count, done_count, done_on_time_count, suspended_count, rework_order_count
FROM change
WHERE change_date IS NOT NULL
