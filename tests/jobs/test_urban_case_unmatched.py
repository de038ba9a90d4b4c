from citybrain.runner.transform import transform
from tests.tables import CONTRACTS, assert_same


def test_cases_of_a_town_or_village_that_nobody_knows_wait_and_those_that_name_a_town_alone_do_not(given):
    cases = given("""
        silver.urban_case
        rec_id          | town_code | village_code | grid_cell | lon   | quality_flags
        placed          | 440605011 | 440605011001 |           |       | []
        town alone      | 440605011 |              |           | 121.4 | out_of_district
        unknown village | 440605011 |              | 01        | 113.1 | unmatched_village
        unknown town    |           |              |           |       | unmatched_town
    """)
    assert_same(
        transform(CONTRACTS["silver.urban_case_unmatched"], {"silver.urban_case": cases}),
        given("""
            silver.urban_case_unmatched
            rec_id          | town_code | grid_cell | lon   | quality_flags
            unknown village | 440605011 | 01        | 113.1 | unmatched_village
            unknown town    |           |           |       | unmatched_town
        """),
    )
