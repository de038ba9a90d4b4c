-- 指标口径
-- 每个指标的每种口径一行：公式、说明、来源字段、责任单位
WITH named AS (
    SELECT i.indicator_id, string_agg(DISTINCT c.title || '·' || f.title, '、') AS source_columns
    FROM (SELECT indicator_id, unnest(source_columns) AS spelt FROM meta.indicator) AS i
    JOIN meta.column AS f ON f.table_name || '.' || f.column_name = i.spelt
    JOIN meta.contract AS c USING (table_name)
    GROUP BY i.indicator_id
)
SELECT
    i.indicator_id, i.indicator_name, v.variant, v.variant_title,
    CASE WHEN v.is_default THEN '默认' ELSE '' END AS is_default,
    v.unit, v.formula, v.description, n.source_columns, i.owner, i.source, t.theme_title, t.panel_title
FROM meta.variant AS v
JOIN meta.indicator AS i USING (indicator_id)
JOIN meta.theme AS t USING (theme)
LEFT JOIN named AS n USING (indicator_id)
