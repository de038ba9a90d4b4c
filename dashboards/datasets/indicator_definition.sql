-- 指标口径
-- 每个指标的每种口径一行：公式、说明、来源字段、责任单位
SELECT
    i.indicator_id, i.indicator_name, v.variant, v.variant_title,
    CASE WHEN v.is_default THEN '默认' ELSE '' END AS is_default,
    v.unit, v.formula, v.description, array_to_string(i.source_columns, '、') AS source_columns,
    i.owner, i.source, t.theme_title, t.panel_title
FROM meta.variant AS v
JOIN meta.indicator AS i USING (indicator_id)
JOIN meta.theme AS t USING (theme)
