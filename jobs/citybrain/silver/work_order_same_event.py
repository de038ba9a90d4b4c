"""silver.work_order_same_event: orders that tell of what another channel had told of shortly before."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

METRES, SECONDS = 30, 7_200  # how near, and how soon after the first
NORTH, EAST = 110_900, 102_000  # metres of a degree, in the district
CELL = METRES / NORTH  # degrees; who is near stands in the same cell or in one beside it


def work_order_same_event(work_order: DataFrame) -> DataFrame:
    """Each later order with the first one that is near in place and time, of the same category, of another source."""
    orders = work_order.where("lon IS NOT NULL AND minor_category_code IS NOT NULL AND source_system IS NOT NULL")
    later = orders.select(
        "work_order_id", "source_system", "minor_category_code", "reported_at", "lon", "lat", *_cells(0)
    )
    beside = [F.struct(*_cells(dx, dy)) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
    first = orders.select(
        "minor_category_code",
        F.col("work_order_id").alias("same_as"),
        F.col("source_system").alias("_first_system"),
        F.col("reported_at").alias("_first_at"),
        F.col("lon").alias("_first_lon"),
        F.col("lat").alias("_first_lat"),
        F.explode(F.array(*beside)).alias("_cell"),
    ).select("*", "_cell.*")
    metres = F.hypot((F.col("lon") - F.col("_first_lon")) * EAST, (F.col("lat") - F.col("_first_lat")) * NORTH)
    seconds = F.unix_seconds("reported_at") - F.unix_seconds("_first_at")
    pairs = later.join(first, ["minor_category_code", "_cell_x", "_cell_y"]).where(
        (F.col("source_system") != F.col("_first_system"))
        & (metres <= METRES)
        & seconds.between(0, SECONDS)
        & ((seconds > 0) | (F.col("same_as") < F.col("work_order_id")))
    )
    told = F.struct(
        "_first_at", "same_as", metres.cast("decimal(9,1)").alias("distance_metres"), seconds.alias("seconds_after")
    )
    return (
        pairs.groupBy("work_order_id", "source_system", "reported_at")
        .agg(F.min(told).alias("_first"))
        .select(
            "work_order_id",
            "source_system",
            "reported_at",
            "_first.same_as",
            "_first.distance_metres",
            "_first.seconds_after",
        )
    )


def _cells(dx: int, dy: int = 0) -> list[Column]:
    return [
        (F.floor(F.col("lon") / CELL) + dx).alias("_cell_x"),
        (F.floor(F.col("lat") / CELL) + dy).alias("_cell_y"),
    ]
