"""silver.hotline_order: each order that the hotline handed on once, in its latest state, without persons."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from citybrain.identity import ensure_key, is_masked, key_id, pseudonym
from citybrain.silver._flags import flags
from citybrain.silver._latest import latest
from citybrain.silver._named import named_place_flags, with_named_category, with_named_place
from citybrain.silver._text import places_redacted, without_numbers

AS_DELIVERED = (
    "source_no",
    "request_type",
    "question_labels",
    "hotline_status",
    "spot_name",
    "accept_way",
    "deadline_at",
    "hotline_closed_at",
    "entity_name",
    "resolution",
    "satisfaction",
    "lead_role",
)
TEXTS = ("request_title", "request_text", "handling_result", "reply_text")
BETWEEN_LEVELS = r"\s*(?:[-—－=]+[>＞]|[→>＞/／])\s*"
DIRECT = ("直接解答", "三方通话")


def hotline_order(
    hotline__order: DataFrame, town: DataFrame, village: DataFrame, place_name: DataFrame, category: DataFrame
) -> DataFrame:
    delivered = latest(hotline__order, "source_no", version="hotline_closed_at")
    levels = delivered.withColumn("_levels", F.split("question_path", BETWEEN_LEVELS))
    placed = with_named_place(levels, place_name, town, village, F.to_date("_received_at"))
    return with_named_category(placed, category, _level(2)).select(
        *AS_DELIVERED,
        *[_level(number).alias(f"question_level_{number}") for number in (1, 2, 3)],
        F.col("_major").alias("major_category_code"),
        F.col("_minor").alias("minor_category_code"),
        *[without_numbers(text).alias(text) for text in TEXTS],
        places_redacted(*TEXTS).alias("redaction_count"),
        _is_withheld().alias("is_withheld"),
        pseudonym("reporter_phone", "phone").alias("phone_pseudonym"),
        F.col("_valid_town").alias("town_code"),
        F.col("_village").alias("village_code"),
        F.coalesce(F.col("accept_way").isin(*DIRECT), F.lit(False)).alias("is_direct"),
        flags(
            {
                **named_place_flags(),
                "unmatched_category": F.col("question_path").isNotNull() & F.col("_minor").isNull(),
                "outside_district": ~F.col("reported_district").contains("南海"),
                "closed_without_time": F.col("hotline_status").isin("已办结", "已归档")
                & F.col("hotline_closed_at").isNull(),
                "later_than_receipt": F.col("hotline_closed_at") > F.col("_received_at"),
            }
        ).alias("quality_flags"),
    )


def fingerprint() -> str:
    """Which key made the pseudonyms; another key means a full build."""
    return key_id(ensure_key())


def _level(number: int) -> Column:
    return F.get("_levels", F.lit(number - 1))


def _is_withheld() -> Column:
    return F.col("reporter_name").isNull() | F.col("reporter_phone").isNull() | is_masked("reporter_phone")
