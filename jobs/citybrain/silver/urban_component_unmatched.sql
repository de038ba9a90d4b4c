-- silver.urban_component_unmatched: the queue of components that no place on the map is known of.
-- 口径：没有坐标，或坐标在区外的部件；已有新编码的不列
SELECT component_code, component_name, owned_by, lon, lat, quality_flags
FROM urban_component
WHERE arrays_overlap(quality_flags, array('no_point', 'out_of_district'))
  AND NOT array_contains(quality_flags, 'resurveyed')
