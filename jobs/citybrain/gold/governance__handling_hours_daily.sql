-- gold.governance__handling_hours_daily: how long disposals took, as a histogram of whole hours by the day of disposal.
-- 口径：派遣到处置完成，扣除挂账；自然时间与工作时间各计一次；k 档为大于 k-1、不大于 k 小时，不足 1 小时计入 1 档；时间顺序有误的没有时长，不计
SELECT
  work_order_id, to_date(disposed_at) AS stat_date, clock, greatest(1L, (seconds + 3599) DIV 3600) AS hours_bin,
  town_code, major_category_code, 1L AS handled_count, seconds AS handling_seconds
FROM work_order
LATERAL VIEW stack(2, '自然时间', handling_natural_seconds, '工作时间', handling_work_seconds) AS clock, seconds
WHERE seconds IS NOT NULL
