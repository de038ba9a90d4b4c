"""Towns, villages and categories that a source tells by name, not by code."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from citybrain.silver._gazetteer import place_in, with_names
from citybrain.silver._place import with_valid_town


def with_named_place(
    rows: DataFrame, place_name: DataFrame, town: DataFrame, village: DataFrame, day: Column
) -> DataFrame:
    """Adds ``_valid_town``, that which ``town_name`` named on the day, and ``_village``, its ``village_name``."""
    named = with_names(rows, place_name).withColumn("town_code", place_in(F.col("town_name"), day)["town_code"])
    villages = village.select(
        F.col("village_code").alias("_village"),
        F.col("village_name").alias("_village_name"),
        F.col("town_code").alias("_village_town"),
    )
    is_it = (F.col("village_name") == F.col("_village_name")) & (F.col("_valid_town") == F.col("_village_town"))
    return with_valid_town(named, town, day).drop("_names").join(F.broadcast(villages), is_it, "left")


def named_place_flags() -> dict[str, Column]:
    """What is wrong with the names of ``with_named_place``."""
    return {
        "unmatched_town": F.col("_valid_town").isNull(),
        "unmatched_village": F.col("village_name").isNotNull() & F.col("_village").isNull(),
    }


def with_named_category(rows: DataFrame, category: DataFrame, name: Column) -> DataFrame:
    """Adds of the minor category of that name ``_minor``, ``_major`` (codes), ``_major_name`` and ``_object_kind``."""
    minors = category.select(
        F.col("minor_category").alias("_minor_name"),
        F.col("minor_category_code").alias("_minor"),
        F.col("major_category_code").alias("_major"),
        F.col("major_category").alias("_major_name"),
        F.col("object_kind").alias("_object_kind"),
    )
    return rows.join(F.broadcast(minors), name == F.col("_minor_name"), "left")
