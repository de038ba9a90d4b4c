-- gold.services__rating_daily: ratings by day and town of the rated case.
-- 口径：按评价时间，等级不明的不计；好评为三级及以上；主动评价不含系统默认的；差评整改按最新状态
SELECT
  rating_id, to_date(rated_at) AS stat_date, town_code,
  1L AS rating_count,
  IF(rating_stars >= 3, 1L, 0L) AS good_rating_count,
  IF(is_default_rating, 0L, 1L) AS active_count,
  IF(rating_stars >= 3 AND NOT is_default_rating, 1L, 0L) AS active_good_count,
  IF(rating_stars < 3, 1L, 0L) AS bad_rating_count,
  IF(rating_stars < 3 AND rectify_status = '已整改', 1L, 0L) AS rectified_count
FROM service_rating
WHERE rating_stars IS NOT NULL
