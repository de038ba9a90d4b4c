"""The life of a work order as its events tell it: moments, counts, suspensions and extensions.

A step that was never taken has no moment. Nothing here reads a clock: what is open is open in the data.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from citybrain.working_time import with_work_clock

CLOCK_STEPS, EXTENSION_STEPS = ("挂账", "恢复"), ("延期申请", "延期批准")
STOPS = "array<struct<begin:timestamp,end:timestamp,begin_clock:bigint,end_clock:bigint>>"


def lives(work_order_event: DataFrame, calendar_day: DataFrame) -> DataFrame:
    """One row for each order that has events; ``stops`` are its suspensions, ``extension_steps`` see ``extended``."""
    stopping = F.when(F.col("step").isin(*CLOCK_STEPS), F.col("happened_at"))
    events = with_work_clock(work_order_event.withColumn("_stop_at", stopping), calendar_day, {"_stop_at": "_clock"})
    return events.groupBy("work_order_id").agg(
        _first("受理").alias("accepted_at"),
        _first("立案").alias("filed_at"),
        _first("不予立案").alias("not_filed_at"),
        _first("派遣").alias("dispatched_at"),
        F.max(F.when(F.col("step") == "处置", F.col("finished_at"))).alias("disposed_at"),
        _last("核查").alias("checked_at"),
        _last("结案").alias("closed_at"),
        _first("作废").alias("cancelled_at"),
        _times("返工").alias("rework_times"),
        _times("退回").alias("bounce_times"),
        stops(_steps(*CLOCK_STEPS)).alias("stops"),
        _steps(*EXTENSION_STEPS).alias("extension_steps"),
        F.bool_or(F.array_contains("quality_flags", "later_than_receipt")).alias("later_than_receipt"),
    )


def stops(steps: Column) -> Column:
    """The time for which the clock stood still, as disjoint intervals; the last one has no end while it is open.

    Suspensions may overlap: the clock goes on when as many were resumed as were begun. A resumption of nothing is none.
    """
    still = F.struct(
        F.lit(0).alias("open"),
        F.lit(None).cast("struct<happened_at:timestamp,clock:bigint>").alias("since"),
        F.array().cast(STOPS).alias("done"),
    )

    def follow(state: Column, step: Column) -> Column:
        begins = step["step"] == "挂账"
        resumes = ~begins & (state["open"] > 0)
        moment = F.struct(step["happened_at"].alias("happened_at"), step["clock"].alias("clock"))
        ended = F.concat(state["done"], F.array(_stop(state["since"], moment)))
        return F.struct(
            (state["open"] + F.when(begins, 1).when(resumes, -1).otherwise(0)).alias("open"),
            F.when(begins & (state["open"] == 0), moment).otherwise(state["since"]).alias("since"),
            F.when(resumes & (state["open"] == 1), ended).otherwise(state["done"]).alias("done"),
        )

    def finish(state: Column) -> Column:
        unresumed = F.array(_stop(state["since"], F.lit(None).cast("struct<happened_at:timestamp,clock:bigint>")))
        return F.when(state["open"] > 0, F.concat(state["done"], unresumed)).otherwise(state["done"])

    return F.aggregate(steps, still, follow, finish)


def extended(steps: Column, deadline: Column) -> Column:
    """The extensions of a deadline: struct<due: the deadline then, times: that counted, too_late: that did not>.

    An extension counts if the latest request before it (else the grant itself) came before the deadline of that time.
    """
    asked_never = F.lit(None).cast("timestamp").alias("asked")
    original = F.struct(deadline.alias("due"), asked_never, F.lit(0).alias("times"), F.lit(0).alias("too_late"))

    def follow(state: Column, step: Column) -> Column:
        granted, moment = step["step"] == "延期批准", step["happened_at"]
        in_time = F.coalesce(F.coalesce(state["asked"], moment) < state["due"], F.lit(True))
        counts = granted & in_time
        return F.struct(
            F.when(counts, F.coalesce(step["new_deadline_at"], state["due"])).otherwise(state["due"]).alias("due"),
            F.when(granted, state["asked"]).otherwise(moment).alias("asked"),
            (state["times"] + counts.cast("int")).alias("times"),
            (state["too_late"] + (granted & ~in_time).cast("int")).alias("too_late"),
        )

    return F.aggregate(steps, original, follow)


def _first(step: str) -> Column:
    return F.min(F.when(F.col("step") == step, F.col("happened_at")))


def _last(step: str) -> Column:
    return F.max(F.when(F.col("step") == step, F.col("happened_at")))


def _times(step: str) -> Column:
    return F.count_if(F.col("step") == step)


def _steps(*names: str) -> Column:
    """The steps of these names that have a moment, in order of time."""
    step = F.struct("happened_at", "event_no", "step", "new_deadline_at", F.col("_clock").alias("clock"))
    known = F.col("step").isin(*names) & F.col("happened_at").isNotNull()
    return F.array_sort(F.collect_list(F.when(known, step)))


def _stop(begin: Column, end: Column) -> Column:
    return F.struct(
        begin["happened_at"].alias("begin"),
        end["happened_at"].alias("end"),
        begin["clock"].alias("begin_clock"),
        end["clock"].alias("end_clock"),
    )
