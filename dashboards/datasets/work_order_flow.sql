-- 工单流量（带名称）
-- 逐日上报、受理、立案、派遣、处置、结案数；days_ago 是距数据截至日的天数
SELECT
    f.stat_date, f.town_code, coalesce(a.area_name, '未定位') AS town_name, f.major_category_code,
    coalesce(c.major_category, f.major_category_code, '未归类') AS major_category, f.source_system,
    f.reported_count, f.accepted_count, f.filed_count, f.dispatched_count, f.disposed_count, f.closed_count,
    date_diff('day', f.stat_date, (SELECT max(as_of) FROM gold.indicator_current)) AS days_ago
FROM gold.governance__work_order_flow_daily AS f
LEFT JOIN gold.reference__area AS a ON a.area_code = f.town_code
LEFT JOIN gold.reference__category AS c USING (major_category_code)
