-- silver.boundary: each division's boundary, as delivered.
-- 口径：区划边界取最近一次报送的全量；随项目附带的是示意图，不作划界依据
SELECT area_code, polygon
FROM reference__boundary
