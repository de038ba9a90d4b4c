-- silver.urban_case_unmatched: the queue of cases whose town or village is named and not known.
-- 口径：镇街归不到，或写了村居而不在该镇街的案件；只写镇街的不列
SELECT rec_id, reported_at, town_code, grid_cell, lon, lat, handled_by, quality_flags
FROM urban_case
WHERE arrays_overlap(quality_flags, array('unmatched_town', 'unmatched_village'))
