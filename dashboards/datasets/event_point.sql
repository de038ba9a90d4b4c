-- 事件点位（带名称）
-- 约 100 米格点上的事件数；days_ago 是距数据截至日的天数
SELECT
    p.stat_date, p.lon::double AS lon, p.lat::double AS lat, p.town_code,
    coalesce(a.area_name, '未定位') AS town_name, p.major_category_code,
    coalesce(c.major_category, p.major_category_code, '未归类') AS major_category,
    p.event_count,
    date_diff('day', p.stat_date, (SELECT max(as_of) FROM gold.indicator_current)) AS days_ago
FROM gold.governance__event_point_daily AS p
LEFT JOIN gold.reference__area AS a ON a.area_code = p.town_code
LEFT JOIN gold.reference__category AS c USING (major_category_code)
