-- silver.population: residents and area of each division and year.
-- 口径：常住人口与面积取最近一次报送的全量
SELECT stat_year, area_code, resident_population, land_area_km2, data_source
FROM reference__population
