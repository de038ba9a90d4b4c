"""Which town a text names: by the name in it that stands first, the longest of those, as names belonged on a day."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def with_names(rows: DataFrame, place_name: DataFrame) -> DataFrame:
    """Adds ``_names``, all names of the gazetteer, for ``place_in``. They are few."""
    name = F.struct("place_name", "place_kind", "town_code", "valid_from", "valid_to")
    return rows.crossJoin(F.broadcast(place_name.agg(F.collect_list(name).alias("_names"))))


def place_in(text: Column, day: Column) -> Column:
    """struct<at, shorter, town_code, place_kind> of the name that the text bears first, else null."""

    def ranked(name: Column) -> Column:
        return F.struct(
            _position(text, name["place_name"]).alias("at"),
            (-F.length(name["place_name"])).alias("shorter"),
            name["town_code"].alias("town_code"),
            name["place_kind"].alias("place_kind"),
        )

    return F.array_min(F.transform(_borne(text, day), ranked))


def only_town_in(text: Column, day: Column) -> Column:
    """The code of the town on which all names that the text bears agree, else null: where they differ, nobody knows."""
    towns = F.array_distinct(F.transform(_borne(text, day), lambda name: F.coalesce(name["town_code"], F.lit(""))))
    return F.when(F.size(towns) == 1, F.nullif(F.get(towns, F.lit(0)), F.lit("")))


def _borne(text: Column, day: Column) -> Column:
    """The names, valid on the day, that stand in the text."""

    def is_borne(name: Column) -> Column:
        is_valid = (name["valid_from"] <= day) & F.coalesce(day < name["valid_to"], F.lit(True))
        return is_valid & (_position(text, name["place_name"]) > 0)

    return F.filter("_names", is_borne)


def _position(text: Column, name: Column) -> Column:
    """1 for the first character, 0 where the text does not bear the name."""
    return F.coalesce(F.position(name, text), F.lit(0))
