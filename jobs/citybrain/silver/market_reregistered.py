"""silver.market_reregistered: entities that stand where another of the same name was struck off before."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from citybrain.silver._match import match_name

STRUCK_OFF = ("注销", "吊销")


def market_reregistered(market_entity: DataFrame) -> DataFrame:
    """Of several predecessors the one that left last. Each stays an entity of its own: one leaves, one enters."""
    named = market_entity.where("business_address IS NOT NULL").withColumns(
        {"_name": match_name(F.col("entity_name")), "_place": match_name(F.col("business_address"))}
    )
    gone = named.where(F.col("left_how").isin(*STRUCK_OFF) | F.col("entity_status").isin(*STRUCK_OFF)).select(
        "_name",
        "_place",
        F.col("uscc").alias("predecessor_uscc"),
        F.coalesce("left_date", "exit_date").alias("predecessor_left_date"),
    )
    later = (F.col("founded_date") >= F.col("predecessor_left_date")) & (F.col("uscc") != F.col("predecessor_uscc"))
    return (
        named.join(gone, ["_name", "_place"])
        .where(later)
        .groupBy("uscc", "entity_name", "business_address", "founded_date")
        .agg(F.max_by(F.struct("predecessor_uscc", "predecessor_left_date"), "predecessor_left_date").alias("_last"))
        .select("uscc", "entity_name", "business_address", "founded_date", "_last.*")
    )
