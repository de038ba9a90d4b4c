from citybrain.runner.transform import transform
from tests.jobs.city import code_table
from tests.tables import CONTRACTS, assert_same


def test_of_one_thing_under_two_codes_the_one_surveyed_last_counts(given, spark):
    """2 is 1 under its old code; 3 is of another kind; of 4 the axes are swapped; 6 is not ours."""
    sent = given("""
        bronze.urban__component
        component_code   | plane_x     | plane_y      | component_status | surveyed_date | _received_at
        4406050101000001 | 2548000.250 | 38412000.250 | 完好             | 2025-06-01    | 2026-01-01T06:00
        4406050101000002 | 2548000.400 | 38412000.100 | 破损             | 2020-06-01    | 2026-01-01T06:00
        4406050102000003 | 2548000.250 | 38412000.250 | 完好             | 2020-06-01    | 2026-01-01T06:00
        4406050101000004 | 38412009    | 2548009      | 完好             | 2020-06-01    | 2026-01-01T06:00
        4406050999000005 |             |              | 歪了             | 2027-06-01    | 2026-01-01T06:00
        4406040101000006 | 0           | 0            | 完好             |               | 2026-01-01T06:00
    """)
    built = transform(
        CONTRACTS["silver.urban_component"],
        {"bronze.urban__component": sent, "silver.category": code_table(spark, "category")},
    )
    assert_same(
        built,
        given("""
            silver.urban_component
            component_code   | major_category_code | minor_category_code | serial_no | plane_x     | plane_y      | quality_flags
            4406050101000001 | 01                  | 0101                | 000001    | 2548000.250 | 38412000.250 | []
            4406050101000002 | 01                  | 0101                | 000002    | 2548000.400 | 38412000.100 | resurveyed
            4406050102000003 | 01                  | 0102                | 000003    | 2548000.250 | 38412000.250 | []
            4406050101000004 | 01                  | 0101                | 000004    | 2548009.000 | 38412009.000 | axes_swapped
            4406050999000005 |                     |                     | 000005    |             |              | later_than_receipt,no_point,unknown_status,unmatched_category
            4406040101000006 |                     |                     |           | 0.000       | 0.000        | invalid_code,no_point
        """),  # noqa: E501
        *("component_code", "major_category_code", "minor_category_code", "serial_no", "plane_x", "plane_y"),
        "quality_flags",
    )
