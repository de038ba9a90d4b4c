"""silver.work_order_event: each step of a work order once, however often it was sent."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from citybrain.silver._flags import flags
from citybrain.silver._latest import latest
from citybrain.silver._text import places_redacted, without_numbers

STAGES = ("采集", "受理", "立案", "派遣", "签收", "处置", "反馈", "核查", "结案")
SAME_EVENT = ("work_order_id", "step", "event_unit", "_moment")


def work_order_event(centre__work_order_event: DataFrame) -> DataFrame:
    sent = latest(centre__work_order_event, "work_order_id", "event_no")
    steps = sent.withColumn("_moment", F.coalesce("arrived_at", "finished_at"))
    return _with_later(_once(steps)).select(
        "work_order_id",
        "event_no",
        "step",
        "event_unit",
        F.coalesce("finished_at", "arrived_at").alias("happened_at"),
        "arrived_at",
        "finished_at",
        "new_deadline_at",
        without_numbers("opinion").alias("opinion"),
        places_redacted("opinion").alias("redaction_count"),
        flags(
            {
                "time_order_violation": F.col("finished_at") < F.col("arrived_at"),
                "later_than_receipt": _later_than_receipt(),
                "repeated_event": F.col("_times") > 1,
                "unfinished_step": F.col("finished_at").isNull() & (F.col("_later_finished") >= F.col("arrived_at")),
            }
        ).alias("quality_flags"),
    )


def _once(steps: DataFrame) -> DataFrame:
    """Of a step recorded under several numbers: the finished one, else the lowest number."""
    same = Window.partitionBy(*SAME_EVENT)
    finished_first = same.orderBy(F.col("finished_at").isNull(), "event_no")
    return (
        steps.withColumn("_times", F.count(F.lit(1)).over(same))
        .withColumn("_place", F.row_number().over(finished_first))
        .where("_place = 1")
    )


def _with_later(steps: DataFrame) -> DataFrame:
    """Adds ``_later_finished``, when a step of a later stage was finished last."""
    stage = F.array_position(F.array(*map(F.lit, STAGES)), F.col("step"))
    later = Window.partitionBy("work_order_id").orderBy("_stage").rangeBetween(1, Window.unboundedFollowing)
    staged = steps.withColumn("_stage", F.when(stage > 0, stage))
    ended = F.when(F.col("_stage").isNotNull(), F.max("finished_at").over(later))
    return staged.withColumn("_later_finished", ended)


def _later_than_receipt() -> Column:
    """A moment that was still to come when the file was received."""
    return F.greatest("arrived_at", "finished_at") > F.col("_received_at")
