-- silver.place_name: names of places that addresses bear, old towns among them, and the town to which each belongs when.
-- 口径：地名归属取最近一次报送的全量
SELECT place_name, place_kind, town_code, valid_from, valid_to
FROM reference__place_name
