"""silver.market_entity: each market entity once, as last registered, with the days on which it entered and left."""

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from citybrain.identity import uscc_invalid_sql
from citybrain.silver._flags import flags
from citybrain.silver._gazetteer import place_in, with_names
from citybrain.silver._latest import ARRIVAL
from citybrain.silver._match import match_name
from citybrain.silver._place import with_valid_town

LEAVING = ("吊销", "注销", "迁出")
KINDS = {"91": "企业", "92": "个体工商户", "93": "农民专业合作社"}  # by the first two characters of the code
CURRENCIES = {"美元": "美元", "港": "港元", "欧元": "欧元", "日元": "日元"}
_CAPITAL = r"^\s*([\d,]+(?:\.\d+)?)[\s(（]*(亿|(?:人民币|美|香港|港|欧|日)?元)?"
REGISTERED = (
    "entity_name",
    "entity_type",
    "registered_capital",
    "currency",
    "founded_date",
    "approved_date",
    "entity_status",
    "exit_date",
    "business_address",
    "town_name",
    "industry_code",
    "annual_report_date",
    "_received_at",
)


def market_entity(
    market__entity: DataFrame,
    market__entity_full: DataFrame,
    market_full: DataFrame,
    town: DataFrame,
    place_name: DataFrame,
    industry: DataFrame,
) -> DataFrame:
    sent = market__entity.withColumn("snapshot_date", F.lit(None).cast("date")).unionByName(market__entity_full)
    entities = _with_stay(_registered(sent), market_full)
    placed = _with_town(entities, place_name, town)
    return _with_section(placed, industry).select(
        "uscc",
        "entity_name",
        "entity_type",
        _kind().alias("entity_kind"),
        "registered_capital",
        _amount().alias("capital_amount"),
        _currency().alias("capital_currency"),
        "founded_date",
        "approved_date",
        "entity_status",
        "exit_date",
        "business_address",
        F.col("_valid_town").alias("town_code"),
        "industry_code",
        "industry_section",
        "annual_report_date",
        "entered_date",
        "entered_how",
        "left_date",
        "left_how",
        _flags().alias("quality_flags"),
    )


def _registered(sent: DataFrame) -> DataFrame:
    """Each entity as last registered; ``_left_…`` for each way of leaving its day since the entity was last live;
    ``_first_seen`` and ``_last_seen``, the days of which we know that it was on the register."""
    order = F.struct(F.coalesce("approved_date", F.lit("0001-01-01").cast("date")), *ARRIVAL)
    seen = F.coalesce("snapshot_date", "approved_date", F.to_date("_received_at"))
    leaves = F.coalesce(F.col("entity_status").isin(*LEAVING), F.lit(False))
    left_on = F.coalesce("exit_date", "approved_date", "_seen")
    rows = (
        sent.withColumns({"_order": order, "_seen": seen, "_leaves": leaves})
        .withColumn("_last_live", F.max(F.when(~F.col("_leaves"), F.col("_order"))).over(Window.partitionBy("uscc")))
        .withColumn("_stays_away", F.col("_leaves") & F.coalesce(F.col("_order") > F.col("_last_live"), F.lit(True)))
    )
    last_of = {how: F.when(F.col("_stays_away") & (F.col("entity_status") == how), F.col("_order")) for how in LEAVING}
    return (
        rows.groupBy("uscc")
        .agg(
            F.max_by(F.struct(*REGISTERED), "_order").alias("_last"),
            *[F.max_by(left_on, last_of[how]).alias(f"_left_{how}") for how in LEAVING],
            F.min("_seen").alias("_first_seen"),
            F.max("_seen").alias("_last_seen"),
            F.collect_set("entity_name").alias("_names_told"),
        )
        .select("*", "_last.*")
    )


def _with_stay(entities: DataFrame, market_full: DataFrame) -> DataFrame:
    """Adds when and how each entity entered the stock and left it, as the full deliveries bear witness."""
    fulls = market_full.agg(F.array_sort(F.collect_list("snapshot_date")).alias("_fulls"))
    founded, seen = F.col("founded_date"), F.col("_first_seen")
    absent = F.exists("_fulls", lambda day: (day >= founded) & (day < seen))
    gone = F.array_min(F.filter("_fulls", lambda day: day > F.col("_last_seen")))
    first_full = F.array_min("_fulls")
    entered = (
        F.when(absent, _way(seen, "迁入"))
        .when(founded <= first_full, _way(first_full, "期初"))
        .otherwise(_way(founded, "新设"))
    )
    ways = [_way(F.col(f"_left_{how}"), how) for how in LEAVING] + [_way(gone, "迁出")]
    left = F.array_min(F.filter(F.array(*ways), lambda way: way["day"].isNotNull()))
    never = (F.col("_entered.how") == "期初") & (F.col("_left.day") <= F.col("_entered.day"))
    stays = ~F.coalesce(never, F.lit(False))
    has_left = stays & F.col("_left").isNotNull()
    return (
        entities.crossJoin(F.broadcast(fulls))
        .withColumns({"_entered": entered, "_left": left})
        .withColumns(
            {
                "entered_date": F.when(stays, F.col("_entered.day")),
                "entered_how": F.when(stays, F.col("_entered.how")),
                "left_date": F.when(has_left, F.greatest("_left.day", "_entered.day")),
                "left_how": F.when(has_left, F.col("_left.how")),
            }
        )
    )


def _way(day: Column, how: str) -> Column:
    return F.struct(day.alias("day"), F.lit(how).alias("how"))


def _with_town(entities: DataFrame, place_name: DataFrame, town: DataFrame) -> DataFrame:
    """Adds ``_named`` and ``_addressed``, the places in the registered town and in the address, and ``_valid_town``."""
    day = F.to_date("_received_at")
    named = with_names(entities, place_name).withColumns(
        {
            "_named": place_in(F.col("town_name"), day),
            "_addressed": place_in(F.col("business_address"), day),
        }
    )
    coded = F.when(F.col("town_name").rlike(r"^\d{9}$"), F.col("town_name"))
    found = F.coalesce(coded, F.col("_named.town_code"), F.col("_addressed.town_code"))
    return with_valid_town(named.withColumn("town_code", found), town, day)


def _with_section(entities: DataFrame, industry: DataFrame) -> DataFrame:
    """Adds ``industry_section`` by the division, the first two digits of the code."""
    division = F.regexp_extract("industry_code", r"^[A-T]?(\d{2})", 1).try_cast("bigint")
    sections = industry.where("valid_to IS NULL").select("industry_section", "first_division", "last_division")
    coded = entities.withColumn("_division", division)
    spans = F.col("_division").between(F.col("first_division"), F.col("last_division"))
    return coded.join(F.broadcast(sections), spans, "left")


def _kind() -> Column:
    by_code = reduce(
        lambda found, kind: found.when(F.col("uscc").startswith(kind) & (F.length("uscc") == 18), KINDS[kind]),
        KINDS,
        F.when(F.lit(False), F.lit(None).cast("string")),
    )
    by_type = F.when(F.col("entity_type").contains("个体"), "个体工商户").when(
        F.col("entity_type").contains("合作社"), "农民专业合作社"
    )
    judged = F.length("uscc") == 18
    return F.coalesce(by_code, F.when(~judged, F.coalesce(by_type, F.lit("企业"))), F.lit("其他"))


def _amount() -> Column:
    """The number that the text begins with, in units of ten thousand; so it is meant, unless 亿 or 元 follows."""
    number, unit = (F.regexp_extract("registered_capital", _CAPITAL, group) for group in (1, 2))
    amount = F.regexp_replace(number, ",", "").try_cast("decimal(24,6)")
    return (
        F.when(unit == "亿", amount * 10_000).when(unit.endswith("元"), amount / 10_000).otherwise(amount)
    ).try_cast("decimal(18,4)")


def _currency() -> Column:
    """As stated in its own column, else behind the amount; without a word it is 人民币."""
    said = F.concat_ws(" ", "currency", "registered_capital")
    named = reduce(
        lambda found, word: found.when(said.contains(word), CURRENCIES[word]),
        CURRENCIES,
        F.when(F.lit(False), F.lit(None).cast("string")),
    )
    return F.when(F.col("registered_capital").isNotNull(), F.coalesce(named, F.lit("人民币")))


def _is_unnamed() -> Column:
    """The registered town is none; what town there is, is that of the address."""
    return F.col("_named.town_code").isNull() & ~F.coalesce(F.col("town_name").rlike(r"^\d{9}$"), F.lit(False))


def _flags() -> Column:
    exits = F.col("entity_status").isin(*LEAVING)
    moments = F.greatest("founded_date", "approved_date", "exit_date")
    return flags(
        {
            "unmatched_town": F.col("_valid_town").isNull(),
            "town_from_address": F.col("_valid_town").isNotNull() & _is_unnamed(),
            "name_variant": F.size(F.array_distinct(F.transform("_names_told", match_name))) < F.size("_names_told"),
            "outside_district": F.col("_addressed.place_kind") == "区外",
            "town_of_another_address": F.col("_valid_town") != F.col("_addressed.town_code"),
            "invalid_uscc": F.expr(uscc_invalid_sql("uscc")),
            "old_registration_number": F.col("uscc").rlike(r"^\d{15}$"),
            "unmatched_industry": F.col("industry_code").isNotNull() & F.col("industry_section").isNull(),
            "unreadable_capital": F.col("registered_capital").isNotNull() & _amount().isNull(),
            "unknown_status": ~F.col("entity_status").isin("存续", *LEAVING),
            "exit_without_date": exits & F.col("exit_date").isNull(),
            "time_order_violation": (F.col("exit_date") < F.col("founded_date"))
            | F.coalesce(moments > F.to_date("_received_at"), F.lit(False)),
        }
    )
