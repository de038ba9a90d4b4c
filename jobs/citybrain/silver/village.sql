-- silver.village: each village or community.
-- 口径：村居代码取最近一次报送的全量
SELECT village_code, village_name, town_code, village_kind, has_village_brain, valid_from, valid_to
FROM reference__village
