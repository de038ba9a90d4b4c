-- gold.governance__work_order_state_daily: every accepted order's moves from state to state, by Shanghai days.
-- 口径：受理后每个阶段（处置、结案）任一日终恰处于一个状态；同日多次变动只计首尾；挂账期间不计超期；已结案而无处置时间的，以结案为处置
WITH stage_order AS (
  SELECT
    *,
    to_date(accepted_at) AS accepted_date,
    to_date(filed_at) AS filed_date,
    to_date(not_filed_at) AS not_filed_date,
    to_date(done_at) AS done_date,
    to_date(cancelled_at) AS cancelled_date,
    to_date(final_deadline_at) AS deadline_date,
    transform(suspensions, s -> named_struct('begin_date', to_date(s.begin), 'end_date', to_date(s.end))) AS stops
  FROM work_order
  LATERAL VIEW stack(2, '处置', coalesce(disposed_at, closed_at), '结案', closed_at) AS stage, done_at
  WHERE accepted_at IS NOT NULL
),
dated_order AS (
  SELECT
    *,
    array_sort(array_distinct(transform(
      array_compact(concat(
        array(accepted_date, filed_date, not_filed_date, done_date, cancelled_date, deadline_date),
        coalesce(transform(stops, stop -> stop.begin_date), array()),
        coalesce(transform(stops, stop -> stop.end_date), array())
      )),
      day -> greatest(day, accepted_date)
    ))) AS days
  FROM stage_order
),
told_order AS (
  SELECT
    *,
    transform(days, day -> CASE
      WHEN cancelled_date <= day THEN '作废'
      WHEN not_filed_date <= day THEN '不予立案'
      WHEN done_date <= day THEN IF(done_at > final_deadline_at, '超期办结', '按期办结')
      WHEN filed_date IS NULL OR filed_date > day THEN '待立案'
      WHEN exists(stops, stop -> stop.begin_date <= day AND coalesce(stop.end_date > day, true)) THEN '挂账'
      WHEN deadline_date <= day THEN '待办超期'
      ELSE '待办未到期'
    END) AS states
  FROM dated_order
),
move AS (
  SELECT
    *,
    inline(filter(
      transform(days, (day, i) -> named_struct('change_date', day, 'entered', states[i], 'left', get(states, i - 1))),
      move -> NOT move.entered <=> move.left
    ))
  FROM told_order
)
SELECT work_order_id, change_date, stage, state, town_code, major_category_code, handling_unit, order_change
FROM move
LATERAL VIEW stack(2, entered, 1L, left, -1L) AS state, order_change
WHERE state IS NOT NULL
