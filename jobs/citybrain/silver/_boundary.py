"""Which village a point lies in, by the boundary layer; on a border the one with the lowest code."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

NEAR = 1e-9  # degrees; a point that is so near to an edge lies on it


def with_village_of_point(rows: DataFrame, boundary: DataFrame, key: str, needed: Column) -> DataFrame:
    """Adds ``_point_village`` and ``_on_border`` to rows with ``_lon`` and ``_lat`` for which ``needed`` holds."""
    points = rows.where(needed & F.col("_lon").isNotNull()).select(key, "_lon", "_lat")
    pairs = points.join(F.broadcast(_villages(boundary)), _in_box())
    lying = pairs.withColumn("_on_border", F.exists("_edges", _is_on)).where(F.col("_on_border") | _is_inside())
    found = lying.groupBy(key).agg(
        F.min("area_code").alias("_point_village"), F.bool_or("_on_border").alias("_on_border")
    )
    return rows.join(F.broadcast(found), on=key, how="left")


def _villages(boundary: DataFrame) -> DataFrame:
    ring = F.from_json("polygon", "array<array<double>>")
    return (
        boundary.where(F.length("area_code") == 12)
        .select("area_code", ring.alias("_ring"))
        .select("area_code", _edges().alias("_edges"), *_box())
    )


def _edges() -> Column:
    count = F.size("_ring") - 1

    def edge(a: Column, b: Column) -> Column:
        return F.struct(a[0].alias("x1"), a[1].alias("y1"), b[0].alias("x2"), b[1].alias("y2"))

    return F.zip_with(F.slice("_ring", 1, count), F.slice("_ring", 2, count), edge)


def _box() -> list[Column]:
    xs, ys = F.transform("_ring", lambda point: point[0]), F.transform("_ring", lambda point: point[1])
    return [
        F.array_min(xs).alias("_west"),
        F.array_max(xs).alias("_east"),
        F.array_min(ys).alias("_south"),
        F.array_max(ys).alias("_north"),
    ]


def _in_box() -> Column:
    return F.col("_lon").between(F.col("_west"), F.col("_east")) & F.col("_lat").between(
        F.col("_south"), F.col("_north")
    )


def _is_on(edge: Column) -> Column:
    """Twice the area that edge and point span, over the edge's length, is the point's distance from its line."""
    dx, dy = edge["x2"] - edge["x1"], edge["y2"] - edge["y1"]
    area = F.abs(dx * (F.col("_lat") - edge["y1"]) - dy * (F.col("_lon") - edge["x1"]))
    beside = (F.col("_lon") - edge["x1"]) * dx + (F.col("_lat") - edge["y1"]) * dy
    return (area <= NEAR * F.hypot(dx, dy)) & beside.between(0, dx * dx + dy * dy)


def _is_inside() -> Column:
    """A line from the point to the east crosses the border an odd number of times."""

    def is_crossed(edge: Column) -> Column:
        spans = (edge["y1"] > F.col("_lat")) != (edge["y2"] > F.col("_lat"))
        at = edge["x1"] + (edge["x2"] - edge["x1"]) * (F.col("_lat") - edge["y1"]) / (edge["y2"] - edge["y1"])
        return spans & (F.col("_lon") < at)

    return F.size(F.filter("_edges", is_crossed)) % 2 == 1
