-- silver.town: each town code with the time in which it was valid.
-- 口径：镇街代码取最近一次报送的全量，含已失效的代码
SELECT town_code, town_name, town_short_name, valid_from, valid_to, lon, lat
FROM reference__town
