-- gold.economy__entity_daily: market entities by the day on which they entered the stock and the day on which they left.
-- 口径：存量日终 = 前一日存量 + 新登记 − 注吊销 + 迁入 − 迁出；先吊销后注销的只退出一次；首个全量所载的为期初，不是新登记
SELECT
  uscc, change_date, town_code, entity_kind, industry_section,
  entity_change, new_count, exit_count, moved_in_count, moved_out_count
FROM market_entity
LATERAL VIEW stack(2,
  entered_date, 1L, IF(entered_how = '新设', 1L, 0L), 0L, IF(entered_how = '迁入', 1L, 0L), 0L,
  left_date, -1L, 0L, IF(left_how IN ('注销', '吊销'), 1L, 0L), 0L, IF(left_how = '迁出', 1L, 0L)
) AS change_date, entity_change, new_count, exit_count, moved_in_count, moved_out_count
WHERE change_date IS NOT NULL
