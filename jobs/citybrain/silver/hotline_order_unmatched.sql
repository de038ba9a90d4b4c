-- silver.hotline_order_unmatched: the queue of orders of the hotline whose town or village is named and not known.
-- 口径：镇街归不到，或写了村居而不在该镇街的转办工单；只写镇街的不列
SELECT source_no, hotline_status, town_code, spot_name, quality_flags
FROM hotline_order
WHERE arrays_overlap(quality_flags, array('unmatched_town', 'unmatched_village'))
