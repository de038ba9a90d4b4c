-- silver.market_unmatched: the queue of entities that no town could be found for, to be looked through by the department.
-- 口径：登记的镇街和住所都归不到现有镇街的市场主体，只计入全区
SELECT uscc, entity_name, founded_date, business_address, quality_flags
FROM market_entity
WHERE town_code IS NULL
