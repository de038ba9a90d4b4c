-- gold.services__item_daily: the items of service with both limits, by the day on which each was first seen.
-- 口径：承诺时限压缩率的基数；没有法定时限的事项不计；自然日按 5/7 折算为工作日
SELECT
  item_code, first_seen_date AS change_date, 1L AS item_count, promised_work_days AS promised_days_sum,
  statutory_work_days AS statutory_days_sum, promised_work_days / statutory_work_days AS ratio_sum
FROM service_item
WHERE statutory_work_days > 0 AND promised_work_days IS NOT NULL
