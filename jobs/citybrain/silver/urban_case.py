"""silver.urban_case: each case of the digital city management once, in its latest state, its flags as numbers."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from citybrain.silver._flags import flags
from citybrain.silver._latest import latest
from citybrain.silver._named import named_place_flags, with_named_category, with_named_place
from citybrain.silver._place import point_flags, with_point
from citybrain.silver._text import places_redacted, without_numbers

AS_DELIVERED = (
    "rec_id",
    "source_no",
    "reported_at",
    "grid_cell",
    "event_source",
    "rec_type",
    "handled_by",
    "closed_at",
)
STAGES = (
    *("report_num", "operate_num", "inst_num", "dispatch_num", "need_dispose_num", "dispose_num"),
    *("intime_dispose_num", "overtime_dispose_num", "check_num", "need_archive_num", "archive_num"),
    *("intime_to_archive_num", "intime_archive_num", "overtime_archive_num", "rework_num", "multi_rework_num"),
    *("hang_num", "postpone_num", "cancel_num"),
)


def urban_case(
    urban__case: DataFrame, town: DataFrame, village: DataFrame, place_name: DataFrame, category: DataFrame
) -> DataFrame:
    delivered = latest(urban__case, "rec_id", version="closed_at").withColumn("crs", F.lit("CGCS2000"))
    placed = with_named_place(with_point(delivered), place_name, town, village, F.to_date("reported_at"))
    return with_named_category(placed, category, F.col("minor_category")).select(
        *AS_DELIVERED,
        F.col("_valid_town").alias("town_code"),
        F.col("_village").alias("village_code"),
        F.coalesce("object_kind", "_object_kind").alias("object_kind"),
        F.col("_major").alias("major_category_code"),
        F.col("_minor").alias("minor_category_code"),
        without_numbers("request_text").alias("request_text"),
        places_redacted("request_text").alias("redaction_count"),
        F.col("_lon").alias("lon"),
        F.col("_lat").alias("lat"),
        *[_is_set(stage).cast("bigint").alias(stage) for stage in STAGES],
        _archive_state().alias("archive_state"),
        _flags().alias("quality_flags"),
    )


def _is_set(stage: str) -> Column:
    """The system writes 0, - or nothing for what is not so."""
    return F.coalesce(F.col(stage) == "1", F.lit(False))


def _archive_state() -> Column:
    return (
        F.when(_is_set("cancel_num"), "作废")
        .when(_is_set("intime_archive_num"), "按期结案")
        .when(_is_set("overtime_archive_num"), "超期结案")
        .when(_is_set("intime_to_archive_num"), "待结案")
        .otherwise("处置中")
    )


def _flags() -> Column:
    in_time, late, waiting = (_is_set(f"{kind}_archive_num") for kind in ("intime", "overtime", "intime_to"))
    times = in_time.cast("int") + late.cast("int") + waiting.cast("int")
    named = F.col("minor_category").isNotNull() | F.col("major_category").isNotNull()
    return flags(
        {
            **named_place_flags(),
            **{name: wrong for name, wrong in point_flags().items() if name != "unknown_crs"},
            "unmatched_category": named & F.col("_minor").isNull(),
            "major_of_another_minor": F.col("major_category") != F.col("_major_name"),
            "contradictory_flags": (times > 1) | ((in_time | late) != _is_set("archive_num")),
            "time_order_violation": (F.col("closed_at") < F.col("reported_at"))
            | F.coalesce(F.greatest("reported_at", "closed_at") > F.col("_received_at"), F.lit(False)),
        }
    )
