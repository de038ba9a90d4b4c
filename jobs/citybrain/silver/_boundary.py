"""Which village a point lies in, by the boundary layer; on a border the one with the lowest code."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, cast

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

NEAR = 1e-9  # degrees; a point that is so near to a border lies on it


def with_village_of_point(rows: DataFrame, boundary: DataFrame, needed: Column) -> DataFrame:
    """Adds ``_point_village`` and ``_on_border`` to rows with ``_lon`` and ``_lat`` for which ``needed`` holds.

    The boundaries (some hundreds) are fetched when the rows are planned, and go to the workers with the work.
    """
    villages = boundary.where(F.length("area_code") == 12).orderBy("area_code").collect()
    lon, lat = (F.when(needed, F.col(name)) for name in ("_lon", "_lat"))
    located = rows.withColumn("_located", _locator([(row.area_code, row.polygon) for row in villages])(lon, lat))
    return located.withColumns({"_point_village": F.col("_located.village"), "_on_border": F.col("_located.on_border")})


def _locator(villages: Sequence[tuple[str, str]]) -> Callable[..., Column]:
    """The function of points for Spark's workers, with the areas; what it uses goes with it or is a library, so that no
    worker needs this package."""
    import numpy as np
    import pyarrow as pa
    import shapely

    codes, near = [code for code, _ in villages], NEAR
    areas = np.array([shapely.Polygon(json.loads(ring)) for _, ring in villages], dtype=object)
    tree, borders = shapely.STRtree(areas), shapely.boundary(areas)

    def located(lons, lats):  # type: ignore[no-untyped-def]
        lon, lat = (column.to_numpy(zero_copy_only=False).astype(float) for column in (lons, lats))
        points = shapely.points(lon, lat, handle_nan="skip")
        of, place = tree.query(points, predicate="dwithin", distance=near)
        village, on_border = np.full(len(lon), len(codes)), np.zeros(len(lon), bool)
        np.minimum.at(village, of, place)
        np.logical_or.at(on_border, of, shapely.dwithin(points[of], borders[place], near))
        found = village < len(codes)
        names = pa.array(codes, pa.string()).take(pa.array(village, mask=~found))
        return pa.StructArray.from_arrays([names, pa.array(on_border, mask=~found)], ["village", "on_border"])

    return cast("Callable[..., Column]", cast(Any, arrow_udf)(located, "village string, on_border boolean"))
