-- gold.governance__hotline_daily: the calls of the hotline by day.
-- 口径：呼入、进入人工、接通、15 秒内接通各按话务平台当日所记；平均等待不能相加，不在此表
SELECT
  stat_date, inbound_calls AS inbound_count, agent_calls AS agent_count, answered_calls AS answered_count,
  answered_in_15s AS answered_in_15s_count
FROM hotline_day
