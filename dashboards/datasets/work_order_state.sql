-- 工单存量（带名称）
-- 截至数据截至日，各阶段、各状态的工单数，由增减累计
SELECT
    s.stage, s.state, s.town_code, coalesce(a.area_name, '未定位') AS town_name, s.major_category_code,
    coalesce(c.major_category, s.major_category_code, '未归类') AS major_category,
    s.handling_unit, coalesce(u.department_name, s.handling_unit, '未派单位') AS department_name,
    sum(s.order_change) AS order_count
FROM gold.governance__work_order_state_daily AS s
LEFT JOIN gold.reference__area AS a ON a.area_code = s.town_code
LEFT JOIN gold.reference__category AS c USING (major_category_code)
LEFT JOIN gold.reference__department AS u ON u.department_code = s.handling_unit
WHERE s.change_date <= (SELECT max(as_of) FROM gold.indicator_current)
GROUP BY ALL
HAVING sum(s.order_change) <> 0
