-- 指标最近一期
-- 每种统计周期只留最近一期；镇街带示意边界，供地图使用
SELECT
    i.indicator_id, i.indicator_name, i.variant, i.variant_title, i.is_default, i.unit, i.theme, i.direction,
    i.area_code, i.area_name, i.area_level, i.period_kind, i.period, i.period_start, i.period_end, i.as_of,
    i.numerator, i.denominator, i.value, i.published_at, a.lon, a.lat, a.polygon
FROM gold.indicator_current AS i
LEFT JOIN gold.reference__area AS a USING (area_code)
QUALIFY i.period_start = max(i.period_start) OVER (PARTITION BY i.indicator_id, i.variant, i.period_kind)
