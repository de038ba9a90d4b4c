-- gold.economy__population_yearly: residents at the end of each year, as changes since the number published before.
-- 口径：年末人口记在 12 月 31 日；镇街数同时从无镇街的一行减去，全区数加在其上，故全区合计等于全区公布数
WITH number AS (
  SELECT
    *, IF(length(area_code) = 6, CAST(NULL AS string), area_code) AS town,
    resident_population AS resident, coalesce(managed_population, 0L) AS managed,
    make_date(stat_year, 12, 31) AS published_date,
    make_date(next_stat_year, 12, 31) AS resident_until, make_date(next_managed_year, 12, 31) AS managed_until
  FROM population
),
scoped AS (
  SELECT *, town AS town_code, 1L AS times FROM number
  UNION ALL
  SELECT *, CAST(NULL AS string) AS town_code, -1L AS times FROM number WHERE town IS NOT NULL
)
SELECT stat_year, area_code, change_date, town_code, resident_change, managed_change
FROM scoped
LATERAL VIEW stack(3,
  published_date, times * resident, times * managed,
  resident_until, -times * resident, 0L,
  managed_until, 0L, -times * managed
) AS change_date, resident_change, managed_change
WHERE change_date IS NOT NULL
