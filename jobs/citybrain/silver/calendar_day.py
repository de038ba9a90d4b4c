"""silver.calendar_day: each day once, with the running counts that working-time arithmetic needs."""

from pyspark.sql import DataFrame

from citybrain.working_time import calendar_columns


def calendar_day(reference__calendar_day: DataFrame) -> DataFrame:
    days = reference__calendar_day.select("calendar_date", "day_kind", "is_workday", "is_provisional")
    return calendar_columns(days)
