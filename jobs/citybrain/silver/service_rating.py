"""silver.service_rating: each rating of a service case once, in its latest state, with the town of its case."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from citybrain import contracts
from citybrain.silver._flags import flags
from citybrain.silver._latest import latest
from citybrain.silver._text import places_redacted, without_numbers


def service_rating(services__rating: DataFrame, service_case: DataFrame) -> DataFrame:
    told = latest(services__rating, "rating_id", version="rectified_at")
    cases = service_case.select(F.col("case_id").alias("_case"), "town_code", "accepted_at")
    return told.join(cases, F.col("case_id") == F.col("_case"), "left").select(
        "rating_id",
        "case_id",
        "town_code",
        "rating_channel",
        "rating",
        _stars().alias("rating_stars"),
        F.coalesce("is_default_rating", F.lit(False)).alias("is_default_rating"),
        "rated_at",
        without_numbers("rating_text").alias("rating_text"),
        places_redacted("rating_text").alias("redaction_count"),
        "rectify_status",
        "rectified_at",
        flags(
            {
                "orphan_case": F.col("_case").isNull(),
                "unknown_rating": _stars().isNull(),
                "time_order_violation": (F.col("rated_at") < F.col("accepted_at"))
                | F.coalesce(F.col("rectified_at") < F.col("rated_at"), F.lit(False))
                | F.coalesce(F.greatest("rated_at", "rectified_at") > F.col("_received_at"), F.lit(False)),
            }
        ).alias("quality_flags"),
    )


def _stars() -> Column:
    """Five for the best of the levels, in the order in which the contract names them."""
    levels = contracts.load()["silver.service_rating"].field("rating").enum or ()
    place = F.array_position(F.array(*map(F.lit, levels)), F.col("rating"))
    return F.when(place > 0, len(levels) + 1 - place)
