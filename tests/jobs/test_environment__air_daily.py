from datetime import datetime, timedelta

import pytest
from pyspark.sql import functions as F

from citybrain.air_quality import sub_index
from citybrain.runner.transform import transform
from tests.tables import CONTRACTS, assert_same, rows

TABLE = CONTRACTS["gold.environment__air_daily"]
ALL = {"pm25": 30, "pm10": 45, "so2": 5, "no2": 20, "co": "0.6", "o3": 90}


def hours(given, stations):
    """2026-03-01 hour by hour, 1 to 24; a station is a function of the hour that says what differs from clean air."""
    lines = []
    for code, differs in stations.items():
        for hour in range(1, 25):
            moment = datetime(2026, 3, 1) + timedelta(hours=hour)  # noqa: DTZ001 wall clock of Shanghai
            values = {**ALL, **differs(hour)}
            cells = " | ".join(str("" if values[name] is None else values[name]) for name in ALL)
            lines.append(f"{code} | {moment:%Y-%m-%dT%H:%M} | 2026-03-01 | 440605011 | [] | {cells}")
    header = f"station_code | observed_at | stat_date | town_code | quality_flags | {' | '.join(ALL)}"
    return given("\n".join(["silver.air_hour", header, *lines]))


def built(given, stations):
    return transform(TABLE, {"silver.air_hour": hours(given, stations)})


def test_a_day_is_judged_by_its_means_and_by_the_worst_eight_hours_of_ozone(given):
    """a: ozone 180 from 12 to 19. b: four hours of PM2.5 missing. c: five missing, so the day cannot be judged. d: the
    same, but PM10 alone is beyond 100. Of the district's stations three quarters have PM2.5."""
    days = built(
        given,
        {
            "a": lambda hour: {"o3": 180 if 12 <= hour <= 19 else 90},
            "b": lambda hour: {"pm25": None if hour <= 4 else 40},
            "c": lambda hour: {"pm25": None if hour <= 5 else 40},
            "d": lambda _: {"pm10": 200},
        },
    )
    assert_same(
        days,
        given("""
            gold.environment__air_daily
            station_code | air_scope | town_code | pm25_mean  | pm10_mean   | o3_8h       | aqi | primary_pollutant | pm25_day_count | valid_day_count | good_day_count
            a            | 测点      | 440605011 | 30.0000000 | 45.0000000  | 180.0000000 | 119 | O3                | 1              | 1               | 0
            b            | 测点      | 440605011 | 40.0000000 | 45.0000000  | 90.0000000  | 57  | PM2.5             | 1              | 1               | 1
            c            | 测点      | 440605011 |            | 45.0000000  | 90.0000000  |     |                   | 0              | 0               | 0
            d            | 测点      | 440605011 | 30.0000000 | 200.0000000 | 90.0000000  | 125 | PM10              | 1              | 1               | 0
            全区         | 全区      |           | 33.3333333 | 83.7500000  | 112.5000000 | 67  | PM10              | 1              | 1               | 1
        """),  # noqa: E501
        *("station_code", "air_scope", "town_code", "pm25_mean", "pm10_mean", "o3_8h", "aqi", "primary_pollutant"),
        *("pm25_day_count", "valid_day_count", "good_day_count"),
    )


@pytest.mark.parametrize(
    ("pollutant", "concentration", "index"),
    [("pm25", "35.4", 50), ("pm25", "35.5", 52), ("pm25", "75", 100), ("pm25", "76", 102), ("pm25", "600", 500),
     ("co", "2.04", 50), ("co", "2.05", 53), ("o3", "160", 100), ("o3", "161", 101), ("no2", "0", 0),
     ("pm10", "150.5", 101)],
)  # fmt: skip
def test_the_index_of_a_pollutant_is_linear_between_breakpoints_and_rounded_up(spark, pollutant, concentration, index):
    one = spark.range(1).select(F.lit(concentration).cast("decimal(14,7)").alias("c"))
    assert rows(one.select(sub_index(pollutant, F.col("c")).alias("index")), "index") == [(index,)]
