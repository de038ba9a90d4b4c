-- silver.population: residents and area of each division and year, and until which year each number is the latest.
-- 口径：常住人口、管理人口与面积取最近一次报送的全量；没有公布新数以前沿用最近一年
SELECT
  stat_year, area_code, resident_population, managed_population, land_area_km2, data_source,
  min(stat_year) OVER later AS next_stat_year,
  min(IF(managed_population IS NOT NULL, stat_year, NULL)) OVER later AS next_managed_year
FROM reference__population
WINDOW later AS (PARTITION BY area_code ORDER BY stat_year ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
