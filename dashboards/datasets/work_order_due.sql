-- 工单应办（带名称）
-- 截至数据截至日，各应办日的应办、已办、按时办数；weeks_ago 是距数据截至日所在周（周一起）的周数
SELECT
    d.stage, d.due_date, d.town_code, coalesce(a.area_name, '未定位') AS town_name, d.major_category_code,
    coalesce(c.major_category, d.major_category_code, '未归类') AS major_category,
    d.handling_unit, coalesce(u.department_name, d.handling_unit, '未派单位') AS department_name,
    d.due_count, d.done_count, d.done_on_time_count, d.suspended_count, d.rework_order_count,
    date_diff('day', date_trunc('week', d.due_date), date_trunc('week', n.as_of)) // 7 AS weeks_ago
FROM gold.governance__work_order_due_daily AS d
JOIN (SELECT max(as_of) AS as_of FROM gold.indicator_current) AS n ON d.change_date <= n.as_of AND d.due_date <= n.as_of
LEFT JOIN gold.reference__area AS a ON a.area_code = d.town_code
LEFT JOIN gold.reference__category AS c USING (major_category_code)
LEFT JOIN gold.reference__department AS u ON u.department_code = d.handling_unit
