from citybrain.runner.transform import transform
from tests.jobs.city import code_table
from tests.tables import CONTRACTS, assert_same


def built(spark, sent):
    codes = ("town", "village", "place_name", "category")
    inputs = {"bronze.urban__case": sent} | {f"silver.{name}": code_table(spark, name) for name in codes}
    return transform(CONTRACTS["silver.urban_case"], inputs)


def test_names_become_codes_dashes_zeros_and_three_dashes_a_case_being_handled(given, spark):
    """2 was closed in a file that came before that of its report; 3 lies where nobody knows; 4 contradicts itself."""
    sent = given("""
        bronze.urban__case
        rec_id | town_name | village_name | major_category | minor_category | request_text        | lon        | lat       | archive_num | intime_to_archive_num | intime_archive_num | overtime_archive_num | cancel_num | reported_at      | closed_at        | _received_at     | _receipt
        1      | 桂城街道  | 桂一社区     | 公用设施       | 井盖           | 致电0757-86001234   | 23.031563  | 113.14557 | -           | -                     | -                  | -                    | 0          | 2026-03-02T09:00 |                  | 2026-04-01T06:00 | r1
        2      | 罗村      |              | 公用设施       | 井盖           |                     | 0          | 0         | 1           | -                     | -                  | 1                    |            | 2026-03-02T09:00 | 2026-04-02T09:00 | 2026-05-01T06:00 | r1
        2      | 罗村      |              | 公用设施       | 井盖           |                     | 0          | 0         | -           | 1                     | -                  | -                    |            | 2026-03-02T09:00 |                  | 2026-06-01T06:00 | r2
        3      | 某某新区  | 桂一社区     | 市容环境       | 井盖           |                     | 113.1      |           | 0           | 1                     | 0                  | 0                    | 0          | 2026-03-02T09:00 |                  | 2026-04-01T06:00 | r1
        4      | 桂城      | 洲村         | 公用设施       | 某某           |                     | 113.1      | 22.5      | 1           | -                     | 1                  | 1                    | 1          | 2026-03-02T09:00 | 2026-03-02T08:00 | 2026-04-01T06:00 | r1
    """)  # noqa: E501
    assert_same(
        built(spark, sent),
        given("""
            silver.urban_case
            rec_id | town_code | village_code | major_category_code | minor_category_code | request_text | redaction_count | lon       | lat       | archive_num | overtime_archive_num | archive_state | quality_flags
            1      | 440605011 | 440605011001 | 01                  | 0101                | 致电〔电话〕 | 1               | 113.14557 | 23.031563 | 0           | 0                    | 处置中        | swapped_coordinates
            2      | 440605124 |              | 01                  | 0101                |              | 0               |           |           | 1           | 1                    | 超期结案      | zero_coordinates
            3      |           |              | 01                  | 0101                |              | 0               |           |           | 0           | 0                    | 待结案        | incomplete_coordinates,major_of_another_minor,unmatched_town,unmatched_village
            4      | 440605011 |              |                     |                     |              | 0               | 113.1     | 22.5      | 1           | 1                    | 作废          | contradictory_flags,out_of_district,time_order_violation,unmatched_category,unmatched_village
        """),  # noqa: E501
        *("rec_id", "town_code", "village_code", "major_category_code", "minor_category_code", "request_text"),
        *("redaction_count", "lon", "lat", "archive_num", "overtime_archive_num", "archive_state", "quality_flags"),
    )
