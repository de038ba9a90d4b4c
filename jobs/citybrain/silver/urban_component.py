"""silver.urban_component: each component of the city once, its kind from its code, those surveyed anew flagged."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from citybrain.silver._flags import flags
from citybrain.silver._latest import latest
from citybrain.silver._place import point_flags, with_point

CODE = r"^440605(\d{4})(\d{6})$"
ZONED = 10_000_000  # an easting with the number of its zone is beyond, a northing never
LOCAL = "地方平面"  # what the coordinates are told in; a site gives its parameters under this name in its own crs.yaml
STATUSES = ("完好", "破损", "缺失", "停用")


def urban_component(urban__component: DataFrame, category: DataFrame) -> DataFrame:
    known = category.select(F.col("minor_category_code").alias("_minor"), F.col("major_category_code").alias("_major"))
    parts = latest(urban__component, "component_code").withColumns(
        {
            "_kind": F.nullif(F.regexp_extract("component_code", CODE, 1), F.lit("")),
            "_serial": F.nullif(F.regexp_extract("component_code", CODE, 2), F.lit("")),
            "_north": F.when(_is_swapped(), F.col("plane_y")).otherwise(F.col("plane_x")),
            "_east": F.when(_is_swapped(), F.col("plane_x")).otherwise(F.col("plane_y")),
        }
    )
    placed = _with_newer(_with_place(parts)).join(F.broadcast(known), F.col("_kind") == F.col("_minor"), "left")
    return placed.select(
        "component_code",
        "component_name",
        "component_type",
        F.col("_major").alias("major_category_code"),
        F.col("_minor").alias("minor_category_code"),
        F.col("_serial").alias("serial_no"),
        "owned_by",
        "cared_by",
        F.col("_north").alias("plane_x"),
        F.col("_east").alias("plane_y"),
        F.col("_lon").alias("lon"),
        F.col("_lat").alias("lat"),
        F.col("_method").alias("coordinate_method"),
        "component_status",
        "surveyed_date",
        flags(
            {
                "invalid_code": F.col("_kind").isNull(),
                "unmatched_category": F.col("_kind").isNotNull() & F.col("_minor").isNull(),
                "no_point": ~_has_point(),
                "axes_swapped": _is_swapped() | F.col("_swapped"),
                "resurveyed": F.col("_newer") > 0,
                "unknown_status": ~F.col("component_status").isin(*STATUSES),
                **{name: point_flags()[name] for name in ("unknown_crs", "out_of_district")},
                "later_than_receipt": F.col("surveyed_date") > F.to_date("_received_at"),
            }
        ).alias("quality_flags"),
    )


def _with_place(parts: DataFrame) -> DataFrame:
    """Adds what ``with_point`` does; axes that the site's parameters show to be in each other's place are put right."""
    told = {"lon": F.col("_east").cast("double"), "lat": F.col("_north").cast("double"), "crs": F.lit(LOCAL)}
    return with_point(parts.withColumns(told)).withColumns(
        {
            "_north": F.when(F.col("_swapped"), F.col("_east")).otherwise(F.col("_north")),
            "_east": F.when(F.col("_swapped"), F.col("_north")).otherwise(F.col("_east")),
        }
    )


def _with_newer(parts: DataFrame) -> DataFrame:
    """Adds ``_newer``: how many components of the kind were surveyed later within a metre."""
    spot = Window.partitionBy("_kind", F.round("_north", 0), F.round("_east", 0))
    newest_first = spot.orderBy(F.desc_nulls_last("surveyed_date"), F.desc("component_code"))
    rank = F.when(_has_point() & F.col("_kind").isNotNull(), F.row_number().over(newest_first) - 1)
    return parts.withColumn("_newer", rank)


def _has_point() -> Column:
    return F.col("_north").isNotNull() & F.col("_east").isNotNull() & (F.col("_north") != 0) & (F.col("_east") != 0)


def _is_swapped() -> Column:
    return F.coalesce((F.col("plane_x") > ZONED) & (F.col("plane_y") < ZONED), F.lit(False))
