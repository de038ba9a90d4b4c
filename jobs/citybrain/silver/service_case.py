"""silver.service_case: each service case once, in its latest state, its limits and time used in working days."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from citybrain.identity import ensure_key, key_id, pseudonym
from citybrain.silver._flags import flags
from citybrain.silver._latest import latest
from citybrain.silver._place import with_valid_town
from citybrain.working_time import add_workdays, with_workdays

AS_DELIVERED = (
    "case_id",
    "item_code",
    "item_name",
    "applicant_type",
    "applied_at",
    "accepted_at",
    "finished_case_at",
    "promised_limit",
    "statutory_limit",
    "limit_unit",
    "service_channel",
    "special_from",
    "special_to",
    "case_result",
    "is_cross_city",
    "received_area",
    "authority_area",
    "updated_at",
)


def service_case(services__case: DataFrame, town: DataFrame, calendar_day: DataFrame) -> DataFrame:
    delivered = latest(services__case, "case_id", version="updated_at")
    cases = with_valid_town(delivered, town, F.to_date("accepted_at"))
    cases = _with_promise(_with_days(cases, calendar_day), calendar_day)
    return cases.select(
        *AS_DELIVERED,
        pseudonym("applicant_id", "person").alias("applicant_pseudonym"),
        F.col("_valid_town").alias("town_code"),
        "promised_work_days",
        "statutory_work_days",
        _used_work_days().alias("used_work_days"),
        "promised_date",
        _flags().alias("quality_flags"),
    )


def fingerprint() -> str:
    """Which key made the pseudonyms; another key means a full build."""
    return key_id(ensure_key())


def _with_days(cases: DataFrame, calendar_day: DataFrame) -> DataFrame:
    """Adds working days: ``_days`` from acceptance to the end, ``_special_days`` of a special procedure that has ended.

    The first day of each does not count.
    """
    dates = {
        "_accepted_on": F.to_date("accepted_at"),
        "_finished_on": F.to_date("finished_case_at"),
        "_special_from": F.to_date(F.greatest("special_from", "accepted_at")),
        "_special_to": F.to_date(F.least("special_to", "finished_case_at")),
    }
    counted = cases.withColumns(dates)
    for name in dates:
        counted = with_workdays(counted, calendar_day, {name: f"{name}_no"})
    has_special = (F.col("special_from") <= F.col("special_to")) & (F.col("_special_from") <= F.col("_special_to"))
    working = F.col("_special_to_no") - F.col("_special_from_no")
    natural = F.date_diff("_special_to", "_special_from")
    return (
        counted.withColumn("_days", F.col("_finished_on_no") - F.col("_accepted_on_no"))
        .withColumn("_special_days", F.coalesce(F.when(has_special, working), F.lit(0)))
        .withColumn("_special_natural_days", F.coalesce(F.when(has_special, natural), F.lit(0)))
    )


def _with_promise(cases: DataFrame, calendar_day: DataFrame) -> DataFrame:
    """Adds the limits in working days and ``promised_date``, the last day on which the case ends as promised."""
    days = F.floor("promised_limit").cast("bigint")
    in_working_days = add_workdays(cases, calendar_day, "_accepted_on", days + F.col("_special_days"), "_nth_workday")
    natural_date = F.date_add("_accepted_on", (days + F.col("_special_natural_days")).cast("int"))
    at_once = days + F.col("_special_days") == 0
    return in_working_days.withColumns(
        {
            "promised_work_days": _in_work_days("promised_limit"),
            "statutory_work_days": _in_work_days("statutory_limit"),
            "promised_date": F.when(F.col("limit_unit") == "自然日", natural_date).when(
                F.col("limit_unit") == "工作日", F.when(at_once, F.col("_accepted_on")).otherwise(F.col("_nth_workday"))
            ),
        }
    )


def _used_work_days() -> Column:
    used = F.col("_days") - F.col("_special_days")
    return F.when(~_backwards() & used.isNotNull(), F.greatest(used, F.lit(0)))


def _in_work_days(limit: str) -> Column:
    """Natural days count five sevenths of a working day; a limit in an unknown unit is unknown."""
    unit = F.col("limit_unit")
    days = F.when(unit == "工作日", F.col(limit)).when(unit == "自然日", F.col(limit) * 5 / 7)
    return days.cast("decimal(9,4)")


def _backwards() -> Column:
    return F.coalesce(F.col("finished_case_at") < F.col("accepted_at"), F.lit(False))


def _flags() -> Column:
    moments = F.greatest("applied_at", "accepted_at", "finished_case_at")
    limited = F.coalesce("promised_limit", "statutory_limit").isNotNull()
    return flags(
        {
            "time_order_violation": _backwards()
            | F.coalesce(F.col("accepted_at") < F.col("applied_at"), F.lit(False))
            | F.coalesce(F.col("special_to") < F.col("special_from"), F.lit(False))
            | F.coalesce(moments > F.col("_received_at"), F.lit(False)),
            "unmatched_town": F.col("_valid_town").isNull(),
            "unknown_limit_unit": limited & ~F.coalesce(F.col("limit_unit").isin("工作日", "自然日"), F.lit(False)),
            "promise_beyond_statute": F.col("promised_limit") > F.col("statutory_limit"),
            "special_procedure_open": F.col("special_from").isNotNull() & F.col("special_to").isNull(),
        }
    )
