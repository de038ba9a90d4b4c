"""gold.environment__air_daily: what the air of a day was like, at each station and in the district."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from citybrain.air_quality import (
    GOOD,
    MIN_HOURS,
    MIN_WINDOW_HOURS,
    MIN_WINDOWS,
    WINDOW,
    index_of_day,
    primary,
    sub_index,
)

MEANS = {"pm25": "pm25_mean", "pm10": "pm10_mean", "so2": "so2_mean", "no2": "no2_mean", "co": "co_mean", "o3": "o3_8h"}
DISTRICT = "全区"
MIN_STATIONS = 0.75  # of those that report on the day


def environment__air_daily(air_hour: DataFrame) -> DataFrame:
    stations = _stations(air_hour)
    return _judged(stations.unionByName(_district(stations)))


def _stations(air_hour: DataFrame) -> DataFrame:
    """The means of each station's day; of O3 the greatest of eight hours in a row within the day."""
    hours = air_hour.where("NOT array_contains(quality_flags, 'off_the_hour')")
    nth = F.hour(F.col("observed_at") - F.expr("INTERVAL 1 HOUR")) + 1  # 1 … 24
    ozone = F.collect_list(F.when(F.col("o3").isNotNull(), F.struct(nth.alias("nth"), "o3"))).alias("_ozone")
    means = [F.when(F.count(name) >= MIN_HOURS, F.avg(name)).alias(mean) for name, mean in MEANS.items()][:-1]
    town = F.max_by("town_code", "observed_at").alias("town_code")
    days = hours.groupBy("stat_date", "station_code").agg(town, *means, ozone)
    windows = F.transform(F.sequence(F.lit(WINDOW), F.lit(24)), _mean_of_window)
    days = days.withColumn("_windows", F.array_compact(windows))
    worst = F.array_max("_windows")
    enough = (F.size("_windows") >= MIN_WINDOWS) | (F.round(worst) > 160)
    return days.withColumns({"o3_8h": F.when(enough, worst), "air_scope": F.lit("测点")}).drop("_ozone", "_windows")


def _mean_of_window(end: Column) -> Column:
    """The mean of the eight hours up to ``end``, where enough of them are known."""
    inside = F.filter("_ozone", lambda hour: hour["nth"].between(end - (WINDOW - 1), end))
    total = F.aggregate(inside, F.lit(0).cast("decimal(15,4)"), lambda sum, h: (sum + h["o3"]).cast("decimal(15,4)"))
    return F.when(F.size(inside) >= MIN_WINDOW_HOURS, (total / F.size(inside)).cast("decimal(14,7)"))


def _district(stations: DataFrame) -> DataFrame:
    enough = MIN_STATIONS * F.count(F.lit(1))
    means = [F.when(F.count(mean) >= enough, F.avg(mean)).alias(mean) for mean in MEANS.values()]
    days = stations.groupBy("stat_date").agg(*means)
    return days.withColumns(
        {"station_code": F.lit(DISTRICT), "town_code": F.lit(None).cast("string"), "air_scope": F.lit(DISTRICT)}
    )


def _judged(days: DataFrame) -> DataFrame:
    indices = {name: sub_index(name, F.col(mean)) for name, mean in MEANS.items()}
    aqi = F.col("aqi")
    return days.withColumn("aqi", index_of_day(indices)).withColumns(
        {
            "primary_pollutant": primary(indices, aqi),
            "pm25_day_count": F.col("pm25_mean").isNotNull().cast("bigint"),
            "valid_day_count": aqi.isNotNull().cast("bigint"),
            "good_day_count": F.coalesce(aqi <= GOOD, F.lit(False)).cast("bigint"),
        }
    )
