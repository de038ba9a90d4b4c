-- gold.reference__area: the district, its present towns and its villages, with residents and a sketched boundary.
-- 口径：现行镇街、村居（不含“类似区域”，其只计入所在镇街）；人口、面积取各区划最近一年；边界为示意图，不作划界依据
WITH place AS (
  SELECT '440605' AS area_code, '南海区' AS area_name, '区' AS area_level, CAST(NULL AS string) AS parent_code,
    CAST(NULL AS double) AS lon, CAST(NULL AS double) AS lat
  UNION ALL
  SELECT town_code, town_name, '镇街', '440605', lon, lat
  FROM town WHERE valid_to IS NULL
  UNION ALL
  SELECT village_code, village_name, '村居', town_code, NULL, NULL
  FROM village WHERE valid_to IS NULL AND village_kind <> '类似区域'
),
newest_population AS (
  SELECT area_code, max_by(struct(resident_population, land_area_km2), stat_year) AS newest
  FROM population GROUP BY area_code
)
SELECT
  area_code, area_name, area_level, parent_code, lon, lat,
  newest.resident_population, newest.land_area_km2, polygon
FROM place
LEFT JOIN newest_population USING (area_code)
LEFT JOIN boundary USING (area_code)
