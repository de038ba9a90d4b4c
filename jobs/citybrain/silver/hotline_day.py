"""silver.hotline_day: the calls of each day once, as delivered last; what cannot be is left out and flagged."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from citybrain import contracts
from citybrain.silver._flags import flags
from citybrain.silver._latest import latest


def hotline_day(hotline__call_day: DataFrame) -> DataFrame:
    return latest(hotline__call_day, "stat_date").select(
        "stat_date",
        "inbound_calls",
        "agent_calls",
        "answered_calls",
        "answered_in_15s",
        F.when(~_too_many(), F.col("abandoned_calls")).alias("abandoned_calls"),
        F.when(_is_possible(), F.col("mean_wait_seconds")).alias("mean_wait_seconds"),
        flags(
            {
                "calls_do_not_add_up": _too_many(),
                "out_of_range": ~_is_possible(),
                "later_than_receipt": F.col("stat_date") > F.to_date("_received_at"),
            }
        ).alias("quality_flags"),
    )


def _too_many() -> Column:
    return F.col("answered_calls") + F.col("abandoned_calls") > F.col("agent_calls")


def _is_possible() -> Column:
    """Between the least and the greatest that the contract knows."""
    field = contracts.load()["silver.hotline_day"].field("mean_wait_seconds")
    return F.col("mean_wait_seconds").between(field.min or 0.0, field.max or float("inf"))
