-- gold.economy__macro_monthly: each macro-economic figure of each month, beside its last year, its last month, its whole.
-- 口径：累计数（亿元）；增速由统计局给出；占比只在部分不大于总体时才有
WITH share AS (
  SELECT * FROM VALUES
    ('先进制造业增加值', '规上工业增加值'), ('高技术制造业增加值', '规上工业增加值'), ('税收收入', '一般公共预算收入')
    AS share(part, whole)
)
SELECT
  m.stat_date, m.macro_indicator,
  m.ytd_level, IF(m.ytd_level IS NULL, 0L, 1L) AS level_count,
  m.ytd_growth, IF(m.ytd_growth IS NULL, 0L, 1L) AS growth_count,
  m.ytd_growth - before.ytd_growth AS ytd_growth_change,
  IF(m.ytd_growth - before.ytd_growth IS NULL, 0L, 1L) AS growth_change_count,
  IF(ago.ytd_level IS NULL, NULL, m.ytd_level) AS ytd_level_compared,
  IF(m.ytd_level IS NULL, NULL, ago.ytd_level) AS ytd_level_year_ago,
  IF(m.ytd_level <= whole.ytd_level, m.ytd_level, NULL) AS part_level,
  IF(m.ytd_level <= whole.ytd_level, whole.ytd_level, NULL) AS whole_level,
  1L AS published_count
FROM macro_month AS m
LEFT JOIN macro_month AS before
  ON before.macro_indicator = m.macro_indicator AND before.stat_year = m.stat_year AND before.stat_month = m.stat_month - 1
LEFT JOIN macro_month AS ago
  ON ago.macro_indicator = m.macro_indicator AND ago.stat_year = m.stat_year - 1 AND ago.stat_month = m.stat_month
LEFT JOIN share ON share.part = m.macro_indicator
LEFT JOIN macro_month AS whole
  ON whole.macro_indicator = share.whole AND whole.stat_year = m.stat_year AND whole.stat_month = m.stat_month
