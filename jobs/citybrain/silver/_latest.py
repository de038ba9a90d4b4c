"""Which of several deliveries of a row stands: the rows alone decide, not the order in which they arrived."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

# Not the load: what was read anew of a receipt has a higher one than the rows that stood below it in the file.
ARRIVAL = ("_received_at", "_receipt", "_file", "_sheet", "_row")


def latest(delivered: DataFrame, *key: str, version: str | None = None) -> DataFrame:
    """The row of each key with the highest version (none is the lowest), then of the latest receipt, then its last."""
    newest_first = [F.desc_nulls_last(column) for column in ((version,) if version else ()) + ARRIVAL]
    place = F.row_number().over(Window.partitionBy(*key).orderBy(*newest_first))
    return delivered.withColumn("_place", place).where("_place = 1").drop("_place")
