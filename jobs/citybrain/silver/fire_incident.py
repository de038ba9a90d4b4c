"""silver.fire_incident: each fire alarm and inspection once, with the town that its address names and its point."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from citybrain import contracts
from citybrain.silver._flags import flags
from citybrain.silver._gazetteer import place_in, with_names
from citybrain.silver._latest import latest
from citybrain.silver._place import point_flags, with_point, with_valid_town


def fire_incident(fire__incident: DataFrame, town: DataFrame, place_name: DataFrame) -> DataFrame:
    day = F.to_date("occurred_at")
    told = with_point(latest(fire__incident, "incident_no").withColumn("crs", F.lit("CGCS2000")))
    named = with_names(told, place_name).withColumn("_place", place_in(F.col("address"), day))
    placed = with_valid_town(named.withColumn("town_code", F.col("_place.town_code")), town, day)
    types = contracts.load()["silver.fire_incident"].field("incident_type").enum or ()
    return placed.select(
        "incident_no",
        "incident_class",
        "incident_type",
        "occurred_at",
        F.col("_valid_town").alias("town_code"),
        F.col("_lon").alias("lon"),
        F.col("_lat").alias("lat"),
        flags(
            {
                **point_flags(),
                "unmatched_town": F.col("_valid_town").isNull(),
                "outside_district": F.col("_place.place_kind") == "区外",
                "unknown_type": ~F.col("incident_type").isin(*types),
                "later_than_receipt": F.col("occurred_at") > F.col("_received_at"),
            }
        ).alias("quality_flags"),
    )
