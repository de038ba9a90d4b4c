-- silver.work_order_unmatched: the queue of orders for which neither code nor point tells the village.
-- 口径：村居代码无效或没有，坐标也不在任何村居边界之内的工单
SELECT work_order_id, source_system, handling_unit, reported_at, town_code, lon, lat, coordinate_method, quality_flags
FROM work_order
WHERE village_code IS NULL
