from citybrain.runner.transform import transform
from tests.tables import CONTRACTS, assert_same


def test_incidents_without_a_town_wait(given):
    incidents = given("""
        silver.fire_incident
        incident_no | incident_class | town_code | lon   | quality_flags
        placed      | 警情           | 440605011 |       | zero_coordinates
        unplaced    | 检查           |           | 113.1 | outside_district,unmatched_town
    """)
    assert_same(
        transform(CONTRACTS["silver.fire_incident_unmatched"], {"silver.fire_incident": incidents}),
        given("""
            silver.fire_incident_unmatched
            incident_no | incident_class | lon   | quality_flags
            unplaced    | 检查           | 113.1 | outside_district,unmatched_town
        """),
    )
