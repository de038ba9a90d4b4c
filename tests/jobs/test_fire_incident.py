from citybrain.runner.transform import transform
from tests.jobs.city import code_table
from tests.tables import CONTRACTS, assert_same


def test_an_incident_lies_in_the_town_that_its_address_names_first(given, spark):
    """罗村 has belonged to 狮山 since 2013; the last report of a number stands."""
    sent = given("""
        bronze.fire__incident
        incident_no | incident_type | occurred_at      | address              | lon       | lat       | _received_at     | _receipt
        XF1         | 火灾扑救      | 2026-03-02T09:00 | 桂城桂一社区大沥路1号 | 113.1     | 23.1      | 2026-04-01T06:00 | r1
        XF1         | 抢险救援      | 2026-03-02T09:00 | 桂城桂一社区大沥路1号 | 23.1      | 113.1     | 2026-04-02T06:00 | r2
        XF2         | 某某          | 2026-03-02T09:00 | 罗村某路2号          | 0         | 0         | 2026-04-01T06:00 | r1
        XF3         | 监督检查      | 2026-05-02T09:00 | 禅城区某路3号        | 113.1     |           | 2026-04-01T06:00 | r1
    """)  # noqa: E501
    codes = ("town", "place_name")
    inputs = {"bronze.fire__incident": sent} | {f"silver.{name}": code_table(spark, name) for name in codes}
    assert_same(
        transform(CONTRACTS["silver.fire_incident"], inputs),
        given("""
            silver.fire_incident
            incident_no | incident_type | town_code | lon   | lat  | quality_flags
            XF1         | 抢险救援      | 440605011 | 113.1 | 23.1 | swapped_coordinates
            XF2         | 某某          | 440605124 |       |      | unknown_type,zero_coordinates
            XF3         | 监督检查      |           |       |      | incomplete_coordinates,later_than_receipt,outside_district,unmatched_town
        """),  # noqa: E501
        *("incident_no", "incident_type", "town_code", "lon", "lat", "quality_flags"),
    )
