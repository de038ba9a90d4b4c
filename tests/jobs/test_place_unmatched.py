from citybrain.runner.transform import transform
from tests.tables import CONTRACTS, assert_same

TABLE = CONTRACTS["silver.place_unmatched"]
QUEUES = """
    silver.work_order_unmatched
    work_order_id | town_code | lon     | lat    | quality_flags
    1             | 440605124 | 121.473 | 31.230 | out_of_district

    silver.market_unmatched
    uscc | business_address | quality_flags
    1    | 富民路四号       | unmatched_town

    silver.hotline_order_unmatched
    source_no | town_code | spot_name | quality_flags
    1         | 440605011 | 某某花园  | unmatched_village

    silver.urban_case_unmatched
    rec_id | town_code | grid_cell | lon   | lat  | quality_flags
    1      | 440605011 | 01        | 113.1 | 23.1 | unmatched_village

    silver.urban_component_unmatched
    component_code | lon   | lat  | quality_flags
    1              | 121.4 | 31.2 | out_of_district

    silver.fire_incident_unmatched
    incident_no | lon   | lat  | quality_flags
    1           | 113.2 | 23.2 | unmatched_town
"""


def test_the_queues_of_all_sources_stand_in_one_form(given):
    queues = {drawing.split()[0]: given(drawing) for drawing in QUEUES.split("\n\n")}
    assert_same(
        transform(TABLE, queues),
        given("""
            silver.place_unmatched
            source_table    | record_no | town_code | told_place | lon     | lat    | quality_flags
            work_order      | 1         | 440605124 |            | 121.473 | 31.230 | out_of_district
            market_entity   | 1         |           | 富民路四号 |         |        | unmatched_town
            hotline_order   | 1         | 440605011 | 某某花园   |         |        | unmatched_village
            urban_case      | 1         | 440605011 | 01         | 113.1   | 23.1   | unmatched_village
            urban_component | 1         |           |            | 121.4   | 31.2   | out_of_district
            fire_incident   | 1         |           |            | 113.2   | 23.2   | unmatched_town
        """),
    )


def test_every_queue_of_places_is_taken_in():
    queues = {table for table in CONTRACTS if table.startswith("silver.") and table.endswith("_unmatched")}
    assert set(TABLE.inputs) == queues - {TABLE.table}
