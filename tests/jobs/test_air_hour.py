from citybrain.runner.transform import transform
from tests.jobs.city import code_table
from tests.tables import CONTRACTS, assert_same


def test_an_hour_belongs_to_the_day_it_ends_in_and_what_cannot_be_is_nothing(given, spark):
    """The hour that ends at midnight is the day before's last. CO of 600 µg/m³ is 0.6 mg/m³; 600 mg/m³ cannot be."""
    sent = given("""
        bronze.environment__air_hour
        station_code | town_code | observed_at      | pm25 | co  | co_unit | o3   | _received_at     | _receipt
        a            | 440605011 | 2026-03-02T00:00 | 35   | 0.7 |         | 80   | 2026-03-03T00:00 | r1
        a            | 440605011 | 2026-03-02T00:00 | 36   | 0.7 |         | 80   | 2026-03-04T00:00 | r2
        a            | 440605999 | 2026-03-02T01:00 | -99  | 600 | µg/m³   | 9999 | 2026-03-03T00:00 | r1
        b            |           | 2026-03-02T01:30 | 35   | 600 | mg/m³   |      | 2026-03-02T01:00 | r1
    """)
    built = transform(
        CONTRACTS["silver.air_hour"],
        {"bronze.environment__air_hour": sent, "silver.town": code_table(spark, "town")},
    )
    assert_same(
        built,
        given("""
            silver.air_hour
            station_code | town_code | observed_at      | stat_date  | pm25   | co    | o3     | quality_flags
            a            | 440605011 | 2026-03-02T00:00 | 2026-03-01 | 36.000 | 0.700 | 80.000 | []
            a            |           | 2026-03-02T01:00 | 2026-03-02 |        | 0.600 |        | invalid_town_code,out_of_range
            b            |           | 2026-03-02T01:30 | 2026-03-02 | 35.000 |       |        | later_than_receipt,off_the_hour,out_of_range
        """),  # noqa: E501
        *("station_code", "town_code", "observed_at", "stat_date", "pm25", "co", "o3", "quality_flags"),
    )
