-- gold.governance__event_point_daily: where orders were reported, on a grid of about 100 metres, by day.
-- 口径：按上报日；经纬度四舍五入到 3 位小数；坐标缺失、在区外或坐标系不明的不计
SELECT
  work_order_id, to_date(reported_at) AS stat_date, CAST(lon AS decimal(7,3)) AS lon, CAST(lat AS decimal(6,3)) AS lat,
  town_code, major_category_code, 1L AS event_count
FROM work_order
WHERE lon IS NOT NULL AND lat IS NOT NULL
  AND NOT arrays_overlap(quality_flags, array('out_of_district', 'foreign_crs'))
