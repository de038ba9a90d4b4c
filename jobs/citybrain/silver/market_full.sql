-- silver.market_full: which full deliveries of the register there are, each with the receipt that stands for its day.
-- 口径：每个数据日期以最近一次报送的全量为准
SELECT snapshot_date, max(_receipt) AS receipt, count(*) AS entity_count
FROM market__entity_full
GROUP BY snapshot_date
