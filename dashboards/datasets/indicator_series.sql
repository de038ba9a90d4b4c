-- 指标各期值
-- 每个指标口径在每个区划、每个统计期的最新发布值；data_time 是该期已计入数据的最后一天
SELECT
    indicator_id, indicator_name, variant, variant_title, is_default, unit, theme, direction,
    area_code, area_name, area_level, period_kind, period, period_start, period_end, as_of,
    least(period_end, as_of) AS data_time,
    numerator, denominator, value, published_at
FROM gold.indicator_current
