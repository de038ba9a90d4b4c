"""silver.urban_component: each component of the city once, its kind from its code, those surveyed anew flagged."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from citybrain.silver._flags import flags
from citybrain.silver._latest import latest

CODE = r"^440605(\d{4})(\d{6})$"
ZONED = 10_000_000  # an easting with the number of its zone is beyond, a northing never
STATUSES = ("完好", "破损", "缺失", "停用")


def urban_component(urban__component: DataFrame, category: DataFrame) -> DataFrame:
    known = category.select(F.col("minor_category_code").alias("_minor"), F.col("major_category_code").alias("_major"))
    parts = latest(urban__component, "component_code").withColumns(
        {
            "_kind": F.nullif(F.regexp_extract("component_code", CODE, 1), F.lit("")),
            "_serial": F.nullif(F.regexp_extract("component_code", CODE, 2), F.lit("")),
            "_x": F.when(_is_swapped(), F.col("plane_y")).otherwise(F.col("plane_x")),
            "_y": F.when(_is_swapped(), F.col("plane_x")).otherwise(F.col("plane_y")),
        }
    )
    placed = _with_newer(parts).join(F.broadcast(known), F.col("_kind") == F.col("_minor"), "left")
    return placed.select(
        "component_code",
        "component_name",
        "component_type",
        F.col("_major").alias("major_category_code"),
        F.col("_minor").alias("minor_category_code"),
        F.col("_serial").alias("serial_no"),
        "owned_by",
        "cared_by",
        F.col("_x").alias("plane_x"),
        F.col("_y").alias("plane_y"),
        "component_status",
        "surveyed_date",
        flags(
            {
                "invalid_code": F.col("_kind").isNull(),
                "unmatched_category": F.col("_kind").isNotNull() & F.col("_minor").isNull(),
                "no_point": ~_has_point(),
                "axes_swapped": _is_swapped(),
                "resurveyed": F.col("_newer") > 0,
                "unknown_status": ~F.col("component_status").isin(*STATUSES),
                "later_than_receipt": F.col("surveyed_date") > F.to_date("_received_at"),
            }
        ).alias("quality_flags"),
    )


def _with_newer(parts: DataFrame) -> DataFrame:
    """Adds ``_newer``: how many components of the kind were surveyed later within a metre."""
    spot = Window.partitionBy("_kind", F.round("_x", 0), F.round("_y", 0))
    newest_first = spot.orderBy(F.desc_nulls_last("surveyed_date"), F.desc("component_code"))
    rank = F.when(_has_point() & F.col("_kind").isNotNull(), F.row_number().over(newest_first) - 1)
    return parts.withColumn("_newer", rank)


def _has_point() -> Column:
    return F.col("_x").isNotNull() & F.col("_y").isNotNull() & (F.col("_x") != 0) & (F.col("_y") != 0)


def _is_swapped() -> Column:
    return F.coalesce((F.col("plane_x") > ZONED) & (F.col("plane_y") < ZONED), F.lit(False))
