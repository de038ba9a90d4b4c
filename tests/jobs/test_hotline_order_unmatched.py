from citybrain.runner.transform import transform
from tests.tables import CONTRACTS, assert_same


def test_orders_of_a_town_or_village_that_nobody_knows_wait_and_those_that_name_a_town_alone_do_not(given):
    orders = given("""
        silver.hotline_order
        source_no       | town_code | village_code | spot_name | quality_flags
        placed          | 440605011 | 440605011001 |           | []
        town alone      | 440605011 |              |           | unmatched_category
        unknown village | 440605011 |              | 某某花园  | closed_without_time,unmatched_village
        unknown town    |           |              |           | outside_district,unmatched_town
    """)
    assert_same(
        transform(CONTRACTS["silver.hotline_order_unmatched"], {"silver.hotline_order": orders}),
        given("""
            silver.hotline_order_unmatched
            source_no       | town_code | spot_name | quality_flags
            unknown village | 440605011 | 某某花园  | closed_without_time,unmatched_village
            unknown town    |           |           | outside_district,unmatched_town
        """),
    )
