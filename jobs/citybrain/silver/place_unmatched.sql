-- silver.place_unmatched: the queues of all sources in one form. Each is followed by a key of its own; they are few rows.
-- 口径：各来源归不到镇街、村居或找不到位置的记录
SELECT 'work_order' AS source_table, work_order_id AS record_no, town_code, NULL AS told_place, lon, lat, quality_flags
FROM work_order_unmatched
UNION ALL
SELECT 'market_entity', uscc, NULL, business_address, NULL, NULL, quality_flags FROM market_unmatched
UNION ALL
SELECT 'hotline_order', source_no, town_code, spot_name, NULL, NULL, quality_flags FROM hotline_order_unmatched
UNION ALL
SELECT 'urban_case', rec_id, town_code, grid_cell, lon, lat, quality_flags FROM urban_case_unmatched
UNION ALL
SELECT 'urban_component', component_code, NULL, NULL, lon, lat, quality_flags FROM urban_component_unmatched
UNION ALL
SELECT 'fire_incident', incident_no, NULL, NULL, lon, lat, quality_flags FROM fire_incident_unmatched
