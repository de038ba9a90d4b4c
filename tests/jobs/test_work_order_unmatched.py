from citybrain.runner.transform import transform
from tests.tables import CONTRACTS, assert_same

TABLE = CONTRACTS["silver.work_order_unmatched"]


def test_orders_without_a_village_wait_to_be_looked_through(given):
    orders = given("""
        silver.work_order
        work_order_id | village_code | town_code | lon     | quality_flags
        a             | 440605011001 | 440605011 | 113.156 | []
        b             |              | 440605124 | 121.473 | out_of_district
        c             |              |           |         | unmatched_town
    """)
    assert_same(
        transform(TABLE, {"silver.work_order": orders}),
        given("""
            silver.work_order_unmatched
            work_order_id | town_code | lon     | quality_flags
            b             | 440605124 | 121.473 | out_of_district
            c             |           |         | unmatched_town
        """),
    )
