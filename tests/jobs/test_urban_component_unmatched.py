from citybrain.runner.transform import transform
from tests.tables import CONTRACTS, assert_same


def test_components_without_a_place_wait_but_for_those_that_have_a_new_code(given):
    components = given("""
        silver.urban_component
        component_code | lon   | quality_flags
        placed         | 113.1 | axes_swapped
        no parameters  |       | unknown_crs
        no point       |       | no_point
        outside        | 121.4 | out_of_district
        old code       | 121.4 | out_of_district,resurveyed
    """)
    assert_same(
        transform(CONTRACTS["silver.urban_component_unmatched"], {"silver.urban_component": components}),
        given("""
            silver.urban_component_unmatched
            component_code | lon   | quality_flags
            no point       |       | no_point
            outside        | 121.4 | out_of_district
        """),
    )
