-- 工单应办（带名称）
-- 截至数据截至日，各应办日的应办、已办、按时办数
SELECT
    d.stage, d.due_date, d.town_code, a.area_name AS town_name, d.major_category_code, c.major_category,
    d.handling_unit, u.department_name,
    d.due_count, d.done_count, d.done_on_time_count, d.suspended_count, d.rework_order_count,
    date_diff('day', d.due_date, n.as_of) AS days_ago
FROM gold.governance__work_order_due_daily AS d
JOIN (SELECT max(as_of) AS as_of FROM gold.indicator_current) AS n ON d.change_date <= n.as_of AND d.due_date <= n.as_of
LEFT JOIN gold.reference__area AS a ON a.area_code = d.town_code
LEFT JOIN gold.reference__category AS c USING (major_category_code)
LEFT JOIN gold.reference__department AS u ON u.department_code = d.handling_unit
