import pytest

from citybrain import geo
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
            4406050101000001 | 01                  | 0101                | 000001    | 2548000.250 | 38412000.250 | unknown_crs
            4406050101000002 | 01                  | 0101                | 000002    | 2548000.400 | 38412000.100 | resurveyed,unknown_crs
            4406050102000003 | 01                  | 0102                | 000003    | 2548000.250 | 38412000.250 | unknown_crs
            4406050101000004 | 01                  | 0101                | 000004    | 2548009.000 | 38412009.000 | axes_swapped,unknown_crs
            4406050999000005 |                     |                     | 000005    |             |              | later_than_receipt,no_point,unknown_status,unmatched_category
            4406040101000006 |                     |                     |           | 0.000       | 0.000        | invalid_code,no_point
        """),  # noqa: E501
        *("component_code", "major_category_code", "minor_category_code", "serial_no", "plane_x", "plane_y"),
        "quality_flags",
    )


PLANE = "地方平面: {title: 某地方平面, central_meridian: 113.25, false_easting: 600000, false_northing: -2500000}"


@pytest.fixture
def parameters(tmp_path, monkeypatch):
    """A site that knows its plane."""
    (tmp_path / "crs.yaml").write_text(PLANE, "utf-8")
    monkeypatch.setenv("CITYBRAIN_SCHEMAS", str(tmp_path))
    return geo.planes()["地方平面"]


@pytest.mark.dirt("X20")
def test_with_the_parameters_of_the_site_components_have_a_place(given, spark, parameters):
    """2 lies in another district; of 3 the axes are in each other's place; 4 has half a point."""
    (x1, y1), (x2, y2) = (geo.projected(lon, 23.031563, parameters) for lon in (113.145576, 113.9))
    sent = given(f"""
        bronze.urban__component
        component_code   | plane_x  | plane_y  | component_status | _received_at
        4406050101000001 | {y1:.3f} | {x1:.3f} | 完好             | 2026-01-01T06:00
        4406050101000002 | {y2:.3f} | {x2:.3f} | 完好             | 2026-01-01T06:00
        4406050102000003 | {x1:.3f} | {y1:.3f} | 完好             | 2026-01-01T06:00
        4406050102000004 | {y1:.3f} |          | 完好             | 2026-01-01T06:00
    """)
    inputs = {"bronze.urban__component": sent, "silver.category": code_table(spark, "category")}
    built = transform(CONTRACTS["silver.urban_component"], inputs).orderBy("component_code").collect()
    places = [(r.lon and round(r.lon, 6), r.lat and round(r.lat, 6), r.coordinate_method) for r in built]
    assert places == [
        (113.145576, 23.031563, "某地方平面 高斯反算"),
        (113.9, 23.031563, "某地方平面 高斯反算"),
        (113.145576, 23.031563, "经纬度对调；某地方平面 高斯反算"),
        (None, None, None),
    ]
    assert [(round(r.plane_x), round(r.plane_y)) for r in built[:3]] == [
        (round(y1), round(x1)),
        (round(y2), round(x2)),
        (round(y1), round(x1)),
    ]
    assert [r.quality_flags for r in built] == [[], ["out_of_district"], ["axes_swapped"], ["no_point"]]
