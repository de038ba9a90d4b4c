-- gold.services__case_due_daily: service cases by the day on which they were due, and what became of them day by day.
-- 口径：应办日为办结日与承诺办结日中较早的一天；实用工作日扣除特别程序，少于承诺为提前，不多于承诺为按时（含提前）
WITH due_case AS (
  SELECT
    *,
    to_date(finished_case_at) AS finished_date,
    least(to_date(finished_case_at), promised_date) AS due_date,
    IF(used_work_days < promised_work_days, 1L, 0L) AS early,
    IF(used_work_days <= promised_work_days, 1L, 0L) AS on_time
  FROM service_case
  WHERE promised_date IS NOT NULL
)
SELECT case_id, due_date, change_date, town_code, due_count, early_count, on_time_count
FROM due_case
LATERAL VIEW stack(2, due_date, 1L, 0L, 0L, finished_date, 0L, early, on_time)
  AS change_date, due_count, early_count, on_time_count
WHERE change_date IS NOT NULL
