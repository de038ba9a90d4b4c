from citybrain.runner.transform import transform
from tests.tables import CONTRACTS, assert_same


def test_the_district_its_present_towns_and_its_villages_with_the_newest_population(given):
    inputs = [
        given("""
            silver.town
            town_code | town_name | valid_from | valid_to   | lon      | lat
            440605011 | 桂城街道  | 2003-01-01 |            | 113.1456 | 23.0316
            440605012 | 罗村街道  | 2003-01-01 | 2013-01-01 | 113.0500 | 23.0500
        """),
        given("""
            silver.village
            village_code | village_name | town_code | village_kind | has_village_brain | valid_from | valid_to
            440605011001 | 桂一社区     | 440605011 | 居委会       | true              | 2018-01-01 |
            440605011002 | 旧社区       | 440605011 | 居委会       | true              | 2018-01-01 | 2025-01-01
            440605011401 | 某园区       | 440605011 | 类似区域     | false             | 2018-01-01 |
        """),
        given("""
            silver.population
            stat_year | area_code | resident_population | land_area_km2
            2020      | 440605    | 3667200             | 1073.82
            2024      | 440605    | 3700000             | 1073.80
            2024      | 440605011 | 711400              |
            2020      | 440605011 | 700000              | 84.16
        """),
        given("""
            silver.boundary
            area_code | polygon
            440605011 | [[113.1,23.0]]
        """),
    ]
    contract = CONTRACTS["gold.reference__area"]
    assert_same(
        transform(contract, dict(zip(contract.inputs, inputs, strict=True))),
        given("""
            gold.reference__area
            area_code    | area_name | area_level | parent_code | lon      | lat     | resident_population | land_area_km2 | polygon
            440605       | 南海区    | 区         |             |          |         | 3700000             | 1073.80       |
            440605011    | 桂城街道  | 镇街       | 440605      | 113.1456 | 23.0316 | 711400              |               | [[113.1,23.0]]
            440605011001 | 桂一社区  | 村居       | 440605011   |          |         |                     |               |
        """),  # noqa: E501
    )
