"""Where a work order lies: its town and village by code, its point by coordinates. Whatever is unclear is flagged."""

from collections.abc import Callable
from typing import Any, cast

from pyspark.cloudpickle import register_pickle_by_value
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from citybrain import geo


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


def with_point(rows: DataFrame, crs: str = "CGCS2000") -> DataFrame:
    """Adds ``_lon`` and ``_lat`` in CGCS2000, and ``_method``, how they came of what was delivered (null: as it was).

    A row's ``crs`` says in what system it was delivered; ``crs`` is that of rows which do not say so. Two coordinates
    in each other's place are put right, ``_swapped``; zeros, halves and systems without parameters have no point.
    """
    told = F.coalesce("crs", F.lit(crs))
    lon, lat = F.col("lon"), F.col("lat")
    usable = lon.isNotNull() & lat.isNotNull() & ~_is_zero() & told.isin(*geo.boxes())
    swapped = usable & _in_boxes(told, lat, lon) & ~_in_boxes(told, lon, lat)
    placed = rows.withColumns({"_told_crs": told, "_swapped": F.coalesce(swapped, F.lit(False))}).withColumns(
        {
            "_x": F.when(usable, F.when(F.col("_swapped"), lat).otherwise(lon)),
            "_y": F.when(usable, F.when(F.col("_swapped"), lon).otherwise(lat)),
        }
    )
    foreign = ~F.col("_told_crs").isin(*geo.NATIVE)
    given = (F.when(foreign, F.col(name)) for name in ("_x", "_y"))
    converted = placed.withColumn("_converted", _converter()(*given, F.col("_told_crs")))
    return converted.select(
        *rows.columns,
        "_told_crs",
        "_swapped",
        F.when(foreign, F.col("_converted.lon")).otherwise(F.col("_x")).alias("_lon"),
        F.when(foreign, F.col("_converted.lat")).otherwise(F.col("_y")).alias("_lat"),
        _method().alias("_method"),
    )


def point_flags() -> dict[str, Column]:
    """What is wrong with the coordinates of ``with_point``."""
    delivered = F.col("lon").isNotNull() & F.col("lat").isNotNull()
    return {
        "zero_coordinates": _is_zero(),
        "swapped_coordinates": F.col("_swapped"),
        "incomplete_coordinates": F.col("lon").isNull() != F.col("lat").isNull(),
        "converted_coordinates": F.col("_lon").isNotNull() & ~F.col("_told_crs").isin(*geo.NATIVE),
        "out_of_district": ~_is_within(F.col("_lon"), F.col("_lat"), geo.WEST, geo.EAST, geo.SOUTH, geo.NORTH),
        "unknown_crs": delivered & ~_is_zero() & ~F.col("_told_crs").isin(*geo.boxes()),
    }


def _is_zero() -> Column:
    return (F.col("lon") == 0) | (F.col("lat") == 0)


def _in_boxes(crs: Column, x: Column, y: Column) -> Column:
    """Is it a point of the district in its own system?"""
    zones = {name: plane.zone * 1_000_000 for name, plane in geo.planes().items() if plane.zone}
    inside = F.lit(False)
    for name, box in geo.boxes().items():
        prefix = zones.get(name)
        east = F.when(x > prefix, x - prefix).otherwise(x) if prefix else x
        inside = inside | ((crs == name) & _is_within(east, y, *box))
    return inside


def _is_within(x: Column, y: Column, west: float, east: float, south: float, north: float) -> Column:
    return x.between(west, east) & y.between(south, north)


def _method() -> Column:
    """How a point became one of CGCS2000, in words."""
    how = F.lit(None).cast("string")
    for crs, words in geo.methods().items():
        how = F.when(F.col("_told_crs") == crs, words).otherwise(how)
    said = F.concat_ws("；", F.when(F.col("_swapped"), "经纬度对调"), how)
    return F.when(F.col("_x").isNotNull() & (said != ""), said)


def _converter() -> Callable[..., Column]:
    """Points of other systems in CGCS2000, on Spark's workers. The module goes with its work: no worker has to have
    this package."""
    known = {name: plane.model_dump() for name, plane in geo.planes().items()}
    forward, backward, plane_back = (geo.gcj02, geo.bd09, geo.unprojected)
    back = geo._back

    def converted(xs, ys, systems):  # type: ignore[no-untyped-def]
        import numpy as np
        import pyarrow as pa

        crs = np.array(systems.to_pylist(), dtype=object)
        x, y = (column.to_numpy(zero_copy_only=False).astype(float) for column in (xs, ys))
        lon, lat = np.full(len(x), np.nan), np.full(len(x), np.nan)
        for name in set(crs[~np.isnan(x)].tolist()):
            rows = (crs == name) & ~np.isnan(x)
            if name == "BD-09":
                point = back(forward, *back(backward, x[rows], y[rows]))
            elif name == "GCJ-02":
                point = back(forward, x[rows], y[rows])
            else:
                point = plane_back(x[rows], y[rows], known[name])
            lon[rows], lat[rows] = point
        columns = [pa.array(values, pa.float64(), from_pandas=True) for values in (lon, lat)]
        return pa.StructArray.from_arrays(columns, ["lon", "lat"])

    register_pickle_by_value(geo)  # type: ignore[no-untyped-call]
    return cast("Callable[..., Column]", cast(Any, arrow_udf)(converted, "lon double, lat double"))
