-- 地图文字
-- 镇街名称和最近一月指标值的字形，逐字画成多边形；subject 为“镇街名称”或指标编号
WITH letter(character, width, shapes) AS (VALUES ${letters}),
line AS (
    SELECT '镇街名称' AS subject, area_code, area_name, area_name AS label_text, lon, lat + 0.004 AS lat, 0.0150 AS size
    FROM gold.reference__area
    WHERE area_level = '镇街'
    UNION ALL
    SELECT i.indicator_id, a.area_code, a.area_name,
        CASE i.unit WHEN '%' THEN format('{:.1f}%', i.value) ELSE format('{:,}', round(i.value)::bigint) END,
        a.lon, a.lat - 0.0125, 0.0128
    FROM gold.indicator_current AS i
    JOIN gold.reference__area AS a USING (area_code)
    WHERE i.area_level = '镇街' AND i.is_default AND i.period_kind = 'month' AND i.value IS NOT NULL
    QUALIFY i.period_start = max(i.period_start) OVER (PARTITION BY i.indicator_id)
),
spelt AS (
    SELECT l.*, t.position, width, shapes,
        sum(width) OVER (PARTITION BY subject, area_code ORDER BY t.position) - width
            - sum(width) OVER (PARTITION BY subject, area_code) / 2 AS begins
    FROM line AS l, unnest(string_split(l.label_text, '')) WITH ORDINALITY AS t(character, position)
    JOIN letter USING (character)
),
placed AS (
    SELECT subject, area_code, area_name, label_text, position,
        list_transform(shapes, lambda shape: list_transform(shape, lambda ring: list_transform(ring, lambda point: [
            round(lon + (begins + point[1]) / 200 * size, 6),
            round(lat + point[2] / 200 * size * cos(radians(lat)), 6)]))) AS polygons
    FROM spelt
)
SELECT subject, area_code, area_name, label_text,
    json_object('type', 'Feature', 'properties', json_object('name', area_name), 'geometry', json_object(
        'type', 'MultiPolygon', 'coordinates', flatten(list(polygons ORDER BY position))))::varchar AS feature
FROM placed
GROUP BY subject, area_code, area_name, label_text
