-- 指标各期值
-- 每个指标口径在每个区划、每个统计期的最新发布值
SELECT
    indicator_id, indicator_name, variant, variant_title, is_default, unit, theme, direction,
    area_code, area_name, area_level, period_kind, period, period_start, period_end, as_of,
    numerator, denominator, value, published_at
FROM gold.indicator_current
