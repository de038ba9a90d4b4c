"""gold.environment__air_daily: what the air of a day was like, at each station and in the district."""

from pyspark.sql import DataFrame, Window
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
    """The means of each station's day; of O3 the greatest of eight hours within the day."""
    hours = air_hour.where("NOT array_contains(quality_flags, 'off_the_hour')")
    hour = F.hour(F.col("observed_at") - F.expr("INTERVAL 1 HOUR")) + 1  # 1 … 24
    last_hours = Window.partitionBy("station_code", "stat_date").orderBy("_hour").rangeBetween(1 - WINDOW, 0)
    is_window = (F.col("_hour") >= WINDOW) & (F.count("o3").over(last_hours) >= MIN_WINDOW_HOURS)
    windows = hours.withColumn("_hour", hour).withColumn("_o3", F.when(is_window, F.avg("o3").over(last_hours)))
    means = [F.when(F.count(name) >= MIN_HOURS, F.avg(name)).alias(mean) for name, mean in MEANS.items()][:-1]
    o3 = F.when((F.count("_o3") >= MIN_WINDOWS) | (F.round(F.max("_o3")) > 160), F.max("_o3")).alias("o3_8h")
    town = F.max_by("town_code", "observed_at").alias("town_code")
    days = windows.groupBy("stat_date", "station_code").agg(town, *means, o3)
    return days.withColumn("air_scope", F.lit("测点"))


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
