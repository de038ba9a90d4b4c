"""When a work order is due: the deadline of source or rules, extended, and moved on while the clock stood still."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from citybrain.intervals import begun_before, natural_seconds, within, working_seconds
from citybrain.silver._life import extended
from citybrain.working_time import DAY_LIMITS, HOUR_LIMITS, deadline, push_deadline, with_work_clock

BY_SPECIFICITY = ("urgency", "major_category_code", "request_type", "channel")  # what a rule names, weightiest first


def with_due(orders: DataFrame, deadline_rule: DataFrame, calendar_day: DataFrame) -> DataFrame:
    """Adds ``_deadline_at`` (the original one), ``_basis``, ``_extended``, ``_final_deadline_at`` and ``_stopped``.

    ``_stopped`` are the seconds, natural and working, of the suspensions that began before the deadline.
    """
    ruled = _with_rule(orders, deadline_rule)
    dated = _by_rule(ruled, calendar_day).withColumn("_deadline_at", F.coalesce("deadline_at", "_ruled_at"))
    due = dated.withColumn("_extended", extended(F.col("life.extension_steps"), F.col("_deadline_at")))
    due = due.withColumn("_due_at", F.coalesce("_extended.due", "_deadline_at")).withColumn("_basis", _basis())
    counted = begun_before(_resumed(), F.col("_due_at"))
    natural, working = natural_seconds(counted), working_seconds(counted)
    seconds = F.struct(_or_0(natural).alias("natural"), _or_0(working).alias("work"))
    pushed = push_deadline(
        due.withColumn("_stopped", seconds),
        calendar_day,
        deadline="_due_at",
        limit_type="_limit_type",
        natural_seconds="_stopped.natural",
        work_seconds="_stopped.work",
        out="_pushed_at",
    )
    return pushed.withColumn("_final_deadline_at", F.coalesce("_pushed_at", "_due_at"))


def with_handling(orders: DataFrame, calendar_day: DataFrame) -> DataFrame:
    """Adds ``_handling``: natural and working seconds from dispatch to disposal, without those of suspensions."""
    begin, end = F.col("dispatched_at"), F.col("disposed_at")
    begin_clock, end_clock = F.col("_dispatched_clock"), F.col("_disposed_clock")
    suspended = within(_resumed(), begin, end, begin_clock, end_clock)
    natural = F.unix_seconds(end) - F.unix_seconds(begin) - _or_0(natural_seconds(suspended))
    working = end_clock - begin_clock - _or_0(working_seconds(suspended))
    seconds = F.struct(natural.alias("natural"), working.alias("work"))
    clocks = {"dispatched_at": "_dispatched_clock", "disposed_at": "_disposed_clock"}
    return with_work_clock(orders, calendar_day, clocks).withColumn("_handling", F.when(begin <= end, seconds))


def _with_rule(orders: DataFrame, deadline_rule: DataFrame) -> DataFrame:
    """Adds ``_rule``, the most specific rule in force on the day of acceptance, where the source gives no deadline."""
    weights = [F.when(F.col(name) != "*", 2 ** (3 - i)).otherwise(0) for i, name in enumerate(BY_SPECIFICITY)]
    specific_first = -sum(weights, start=F.lit(0))
    rule = F.struct(specific_first.alias("order"), *deadline_rule.columns)
    rules = deadline_rule.agg(F.array_sort(F.collect_list(rule)).alias("_rules"))
    day = F.to_date("accepted_at")
    values = {name: F.col("_major" if name == "major_category_code" else name) for name in BY_SPECIFICITY}

    def fits(rule: Column) -> Column:
        in_force = (day >= rule["valid_from"]) & F.coalesce(day < rule["valid_to"], F.lit(True))
        for name, value in values.items():
            in_force = in_force & ((rule[name] == "*") | F.coalesce(rule[name] == value, F.lit(False)))
        return in_force

    needed = F.col("deadline_at").isNull() | _known_type().isNull()
    fitting = F.when(needed, F.get(F.filter("_rules", fits), F.lit(0)))
    return orders.crossJoin(F.broadcast(rules)).withColumn("_rule", fitting).drop("_rules")


def _by_rule(orders: DataFrame, calendar_day: DataFrame) -> DataFrame:
    given = F.col("deadline_at").isNotNull()
    own_type = F.when(given, F.coalesce(_known_type(), F.col("_rule.limit_type"))).otherwise(F.col("_rule.limit_type"))
    return deadline(
        orders.withColumn("_limit_type", own_type),
        calendar_day,
        start=F.when(~given, F.col("accepted_at")),
        limit_type="_rule.limit_type",
        limit_value="_rule.limit_value",
        roll="_rule.roll",
        out="_ruled_at",
        provisional="_provisional",
    )


def _known_type() -> Column:
    return F.when(F.col("limit_type").isin(*HOUR_LIMITS, *DAY_LIMITS), F.col("limit_type"))


def _basis() -> Column:
    return (
        F.when(F.col("_extended.times") > 0, "已延期")
        .when(F.col("deadline_at").isNotNull(), "来源给定")
        .when(F.col("_deadline_at").isNotNull(), "按规则计算")
        .otherwise("无")
    )


def _resumed() -> Column:
    """The suspensions that have an end; an open one does not count until it is resumed."""
    return F.filter("life.stops", lambda stop: stop["end"].isNotNull())


def _or_0(seconds: Column) -> Column:
    return F.coalesce(seconds, F.lit(0).cast("bigint"))
