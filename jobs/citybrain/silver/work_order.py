"""silver.work_order: each work order once, in its latest state, with the moments of its life and its deadlines."""

from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from citybrain.identity import ensure_key, key_id, pseudonym
from citybrain.silver._boundary import with_village_of_point
from citybrain.silver._due import with_due, with_handling
from citybrain.silver._flags import flags
from citybrain.silver._gazetteer import only_town_in, with_names
from citybrain.silver._latest import latest
from citybrain.silver._life import lives
from citybrain.silver._place import point_flags, town_flags, with_point, with_town
from citybrain.silver._text import places_redacted, without_numbers

AS_DELIVERED = (
    "work_order_id",
    "source_system",
    "source_no",
    "channel",
    "request_type",
    "minor_category_code",
    "urgency",
    "grid_cell",
    "handling_unit",
    "work_order_status",
    "reported_at",
    "resolution",
    "satisfaction",
    "updated_at",
)
MOMENTS = (
    "accepted_at",
    "filed_at",
    "not_filed_at",
    "dispatched_at",
    "disposed_at",
    "checked_at",
    "closed_at",
    "cancelled_at",
)


def work_order(
    centre__work_order: DataFrame,
    work_order_event: DataFrame,
    town: DataFrame,
    village: DataFrame,
    category: DataFrame,
    deadline_rule: DataFrame,
    calendar_day: DataFrame,
    boundary: DataFrame,
    place_name: DataFrame,
) -> DataFrame:
    delivered = latest(centre__work_order, "work_order_id", version="updated_at")
    orders = _with_life(delivered, lives(work_order_event, calendar_day))
    orders = _with_place(with_town(_with_category(orders, category), town, village), boundary, village)
    orders = _with_addressed_town(orders, place_name)
    orders = with_handling(with_due(orders, deadline_rule, calendar_day), calendar_day)
    return orders.select(
        *AS_DELIVERED,
        *MOMENTS,
        without_numbers("request_title").alias("request_title"),
        without_numbers("request_text").alias("request_text"),
        F.col("_major").alias("major_category_code"),
        F.coalesce("object_kind", "_object_kind").alias("object_kind"),
        F.coalesce("_town", "_point_town", "_addressed_town").alias("town_code"),
        F.coalesce("_village", "_point_village").alias("village_code"),
        F.col("_lon").alias("lon"),
        F.col("_lat").alias("lat"),
        F.col("_method").alias("coordinate_method"),
        F.col("_deadline_at").alias("deadline_at"),
        F.col("_final_deadline_at").alias("final_deadline_at"),
        F.col("_basis").alias("deadline_basis"),
        _suspensions().alias("suspensions"),
        F.col("_stopped.natural").alias("suspended_natural_seconds"),
        F.col("_stopped.work").alias("suspended_work_seconds"),
        F.when(~_is_violated(), F.col("_handling.natural")).alias("handling_natural_seconds"),
        F.when(~_is_violated(), F.col("_handling.work")).alias("handling_work_seconds"),
        F.coalesce("life.rework_times", F.lit(0)).alias("rework_times"),
        F.coalesce("life.bounce_times", F.lit(0)).alias("bounce_times"),
        F.coalesce("_extended.times", F.lit(0)).alias("extension_times"),
        pseudonym("reporter_id_card", "person").alias("reporter_pseudonym"),
        pseudonym("reporter_phone", "phone").alias("phone_pseudonym"),
        places_redacted("request_title", "request_text").alias("redaction_count"),
        _flags().alias("quality_flags"),
    )


def fingerprint() -> str:
    """Which key made the pseudonyms; another key means a full build."""
    return key_id(ensure_key())


def _with_life(delivered: DataFrame, lives: DataFrame) -> DataFrame:
    """The moments of the events; where there is none of a kind, what the order's own row says of it."""
    life = lives.select("work_order_id", F.struct(*(c for c in lives.columns if c != "work_order_id")).alias("life"))
    own_moments = F.greatest("reported_at", "accepted_at", "closed_at")
    return (
        delivered.withColumn("_later_than_receipt", own_moments > F.col("_received_at"))
        .join(life, on="work_order_id", how="left")
        .withColumns({name: F.coalesce(f"life.{name}", own) for name, own in _own_moments().items()})
        .withColumns({name: F.col(f"life.{name}") for name in MOMENTS if name not in _own_moments()})
    )


def _own_moments() -> dict[str, Column]:
    """A refused or cancelled order without its event left the count when it was last updated, at the latest."""
    status, updated_at = F.col("work_order_status"), F.col("updated_at")
    return {
        "accepted_at": F.col("accepted_at"),
        "closed_at": F.col("closed_at"),
        "not_filed_at": F.when(status == "不予立案", updated_at),
        "cancelled_at": F.when(status == "已作废", updated_at),
    }


def _with_category(orders: DataFrame, category: DataFrame) -> DataFrame:
    """Adds ``_minor``, ``_major`` (of the minor category, else as delivered if there is one) and ``_object_kind``."""
    minors = category.select(
        F.col("minor_category_code").alias("_minor"),
        F.col("major_category_code").alias("_major_of_minor"),
        F.col("object_kind").alias("_object_kind"),
    )
    majors = category.select(F.col("major_category_code").alias("_known_major")).distinct()
    return (
        orders.join(F.broadcast(minors), F.col("minor_category_code") == F.col("_minor"), "left")
        .join(F.broadcast(majors), F.col("major_category_code") == F.col("_known_major"), "left")
        .withColumn("_major", F.coalesce("_major_of_minor", "_known_major"))
    )


def _with_place(orders: DataFrame, boundary: DataFrame, village: DataFrame) -> DataFrame:
    """Adds the point in CGCS2000, and for orders without a village the one that the point lies in, with its town.

    A village of another town than the one that was delivered is none: the boundaries are not that exact.
    """
    pointed = with_village_of_point(with_point(orders), boundary, F.col("_village").isNull())
    towns = village.select(F.col("village_code").alias("_point_village"), F.col("town_code").alias("_point_town"))
    found = pointed.join(F.broadcast(towns), on="_point_village", how="left")
    fits = F.coalesce(F.col("_town") == F.col("_point_town"), F.col("_town").isNull())
    return found.withColumns({name: F.when(fits, F.col(name)) for name in ("_point_village", "_point_town")})


def _with_addressed_town(orders: DataFrame, place_name: DataFrame) -> DataFrame:
    """Adds ``_addressed_town``: of orders that neither codes nor a point give a town, the one their address names."""
    is_homeless = F.coalesce("_town", "_point_town").isNull()
    addressed = F.when(is_homeless, only_town_in(F.col("address"), F.to_date("reported_at")))
    return with_names(orders, place_name).withColumn("_addressed_town", addressed).drop("_names")


def _suspensions() -> Column:
    plain = F.transform("life.stops", lambda stop: F.struct(stop["begin"].alias("begin"), stop["end"].alias("end")))
    return F.when(F.size(plain) > 0, plain)


def _from_status(moment: str) -> Column:
    return F.col(moment).isNotNull() & F.col(f"life.{moment}").isNull()


def _is_violated() -> Column:
    """Disposed before dispatched, closed before reported, or anything later than its own receipt."""
    conditions = (
        F.col("disposed_at") < F.col("dispatched_at"),
        F.col("closed_at") < F.col("reported_at"),
        F.col("_later_than_receipt"),
        F.col("life.later_than_receipt"),
    )
    return reduce(or_, (F.coalesce(condition, F.lit(False)) for condition in conditions))


def _flags() -> Column:
    minor, major = F.col("minor_category_code"), F.col("major_category_code")
    last_stop = F.get(F.reverse("life.stops"), F.lit(0))
    return flags(
        {
            "time_order_violation": _is_violated(),
            **town_flags(),
            "unmatched_town": F.coalesce("_town", "_point_town", "_addressed_town").isNull(),
            "town_from_address": F.col("_addressed_town").isNotNull(),
            **point_flags(),
            "village_from_point": F.col("_point_village").isNotNull(),
            "on_border": F.col("_point_village").isNotNull() & F.col("_on_border"),
            "unmatched_category": (minor.isNotNull() & F.col("_minor").isNull())
            | (major.isNotNull() & F.col("_known_major").isNull()),
            "major_of_another_minor": major != F.col("_major_of_minor"),
            "moment_from_status": _from_status("not_filed_at") | _from_status("cancelled_at"),
            "no_events": F.col("life").isNull(),
            "extension_too_late": F.col("_extended.too_late") > 0,
            "never_resumed": last_stop.isNotNull() & last_stop["end"].isNull() & F.col("closed_at").isNotNull(),
            "provisional_calendar": F.col("_provisional"),
        }
    )
