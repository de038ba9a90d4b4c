"""silver.service_item: each item of government service, with the limits of the case accepted last."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def service_item(service_case: DataFrame) -> DataFrame:
    limits = F.struct("promised_work_days", "statutory_work_days")
    newest = service_case.groupBy("item_code").agg(
        _of_newest("item_name", where="item_name").alias("item_name"),
        F.min(F.to_date("accepted_at")).alias("first_seen_date"),
        _of_newest(limits, where="promised_work_days").alias("limits"),
    )
    return newest.select("item_code", "item_name", "first_seen_date", "limits.*")


def _of_newest(value: Column | str, where: str) -> Column:
    """The value in the case accepted last, of those in which ``where`` is known."""
    newest = F.when(F.col(where).isNotNull(), F.struct("accepted_at", "case_id"))
    return F.max_by(value, newest)
