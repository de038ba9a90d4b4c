"""Where a work order lies: its town and village by code, its point by coordinates. Whatever is unclear is flagged."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

WEST, EAST, SOUTH, NORTH = 112.83, 113.27, 22.79, 23.32  # a box around the district


def with_valid_town(rows: DataFrame, town: DataFrame, day: Column) -> DataFrame:
    """Adds ``_valid_town``: the row's ``town_code`` if there is such a town and it was valid on the day, else null."""
    towns = town.select(F.col("town_code").alias("_valid_town"), "valid_from", "valid_to")
    ended = F.coalesce(day >= F.col("valid_to"), F.lit(False))
    is_valid = (F.col("town_code") == F.col("_valid_town")) & (day >= F.col("valid_from")) & ~ended
    return rows.join(F.broadcast(towns), is_valid, "left").drop("valid_from", "valid_to")


def with_town(orders: DataFrame, town: DataFrame, village: DataFrame) -> DataFrame:
    """Adds ``_town`` (as delivered if valid on the day of the report, else that of the village) and ``_village``."""
    villages = village.select(F.col("village_code").alias("_village"), F.col("town_code").alias("_village_town"))
    dated = with_valid_town(orders, town, F.to_date("reported_at"))
    placed = dated.join(F.broadcast(villages), F.col("village_code") == F.col("_village"), "left")
    return placed.withColumn("_town", F.coalesce("_valid_town", "_village_town"))


def town_flags() -> dict[str, Column]:
    """What is wrong with the codes of ``with_town``."""
    return {
        "invalid_town_code": F.col("town_code").isNotNull() & F.col("_valid_town").isNull(),
        "unmatched_town": F.col("_town").isNull(),
        "unmatched_village": F.col("village_code").isNotNull() & F.col("_village").isNull(),
        "village_of_another_town": F.col("_valid_town") != F.col("_village_town"),
    }


def with_point(orders: DataFrame) -> DataFrame:
    """Adds ``_lon`` and ``_lat``: swapped ones put right, zeros and halves as nothing."""
    lon, lat = F.col("lon"), F.col("lat")
    known = lon.isNotNull() & lat.isNotNull() & ~_is_zero()
    return orders.withColumn("_lon", F.when(known, F.when(_is_swapped(), lat).otherwise(lon))).withColumn(
        "_lat", F.when(known, F.when(_is_swapped(), lon).otherwise(lat))
    )


def point_flags() -> dict[str, Column]:
    """What is wrong with the coordinates of ``with_point``.

    The contract of the source declares CGCS2000, which WGS84 equals to within a decimetre. Here is the place to convert
    others (GCJ-02, BD-09, local planes) once a source delivers them; until then such a point is not to be used.
    """
    return {
        "zero_coordinates": _is_zero(),
        "swapped_coordinates": _is_swapped(),
        "incomplete_coordinates": F.col("lon").isNull() != F.col("lat").isNull(),
        "out_of_district": ~_in_district(F.col("_lon"), F.col("_lat")),
        "foreign_crs": ~F.col("crs").isin("CGCS2000", "WGS84") & F.col("_lon").isNotNull(),
    }


def _is_zero() -> Column:
    return (F.col("lon") == 0) | (F.col("lat") == 0)


def _is_swapped() -> Column:
    return _in_district(F.col("lat"), F.col("lon"))


def _in_district(lon: Column, lat: Column) -> Column:
    return lon.between(WEST, EAST) & lat.between(SOUTH, NORTH)
