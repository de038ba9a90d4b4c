-- silver.fire_incident_unmatched: the queue of incidents whose address names no present town.
-- 口径：地址中没有现有镇街地名的警情和检查
SELECT incident_no, incident_class, occurred_at, lon, lat, quality_flags
FROM fire_incident
WHERE town_code IS NULL
