-- 处置时长分布（带名称）
-- 每档 1 小时的处置件数；days_ago 是距数据截至日的天数
SELECT
    h.stat_date, h.clock, h.hours_bin, h.town_code, coalesce(a.area_name, '未定位') AS town_name, h.major_category_code,
    h.handled_count,
    date_diff('day', h.stat_date, (SELECT max(as_of) FROM gold.indicator_current)) AS days_ago
FROM gold.governance__handling_hours_daily AS h
LEFT JOIN gold.reference__area AS a ON a.area_code = h.town_code
