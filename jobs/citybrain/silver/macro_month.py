"""silver.macro_month: each macro-economic figure of each month once, as published last, in one unit."""

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from citybrain import contracts
from citybrain.silver._flags import flags
from citybrain.silver._latest import latest

PER_YI = {"亿元": 1, "万元": 10_000, "千元": 100_000, "元": 100_000_000}  # how many of the unit make 1 亿元


def macro_month(economy__monthly: DataFrame) -> DataFrame:
    published = latest(economy__monthly, "macro_indicator", "stat_year", "stat_month")
    return published.select(
        "macro_indicator",
        "stat_year",
        "stat_month",
        F.last_day(F.make_date("stat_year", "stat_month", F.lit(1))).alias("stat_date"),
        _in_yi("month_level").alias("month_level"),
        "month_growth",
        _in_yi("ytd_level").alias("ytd_level"),
        "ytd_growth",
        flags(
            {
                "unknown_indicator": ~F.col("macro_indicator").isin(*_known()),
                "unknown_unit": F.coalesce("month_level", "ytd_level").isNotNull() & _per_yi().isNull(),
                "month_beyond_ytd": F.col("month_level") > F.col("ytd_level"),
            }
        ).alias("quality_flags"),
    )


def _known() -> tuple[str, ...]:
    return contracts.load()["silver.macro_month"].field("macro_indicator").enum or ()


def _in_yi(level: str) -> Column:
    return (F.col(level) / _per_yi()).cast("decimal(20,8)")


def _per_yi() -> Column:
    nothing = F.when(F.lit(False), F.lit(None).cast("bigint"))
    return reduce(lambda found, unit: found.when(F.col("macro_unit") == unit, PER_YI[unit]), PER_YI, nothing)
