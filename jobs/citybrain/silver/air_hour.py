"""silver.air_hour: each hour of each station once, concentrations in one unit, what cannot be as nothing."""

from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from citybrain import contracts
from citybrain.silver._flags import flags
from citybrain.silver._latest import latest
from citybrain.silver._place import with_valid_town

POLLUTANTS = ("pm25", "pm10", "so2", "no2", "co", "o3")


def air_hour(environment__air_hour: DataFrame, town: DataFrame) -> DataFrame:
    sent = latest(environment__air_hour, "station_code", "observed_at")
    in_mg = F.when(F.col("co_unit") == "µg/m³", F.col("co") / 1000).otherwise(F.col("co")).cast("decimal(10,4)")
    hours = sent.withColumns({"co": in_mg, "stat_date": F.to_date(F.col("observed_at") - F.expr("INTERVAL 1 HOUR"))})
    return with_valid_town(hours, town, F.col("stat_date")).select(
        "station_code",
        "station_name",
        F.col("_valid_town").alias("town_code"),
        "observed_at",
        "stat_date",
        *[F.when(_is_possible(name), F.col(name)).alias(name) for name in POLLUTANTS],
        "aqi",
        "primary_pollutant",
        flags(
            {
                "out_of_range": reduce(or_, (F.coalesce(~_is_possible(name), F.lit(False)) for name in POLLUTANTS)),
                "invalid_town_code": F.col("town_code").isNotNull() & F.col("_valid_town").isNull(),
                "off_the_hour": F.date_trunc("hour", "observed_at") != F.col("observed_at"),
                "later_than_receipt": F.col("observed_at") > F.col("_received_at"),
            }
        ).alias("quality_flags"),
    )


def _is_possible(name: str) -> Column:
    """Between the least and the greatest that the contract knows."""
    field = contracts.load()["silver.air_hour"].field(name)
    return F.col(name).between(field.min or 0.0, field.max or float("inf"))
