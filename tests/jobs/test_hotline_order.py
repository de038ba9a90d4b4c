from citybrain.identity import pseudonym
from citybrain.runner.transform import transform
from tests.jobs.city import code_table, home
from tests.tables import CONTRACTS, assert_same, rows

__all__ = ["home"]  # a fixture


def test_a_path_is_three_levels_and_nobody_is_named(given, spark):
    """HX1 was closed in a file that came before that of its report; HX2's caller hides, HX3 lies elsewhere."""
    sent = given("""
        bronze.hotline__order
        source_no | question_path                  | request_text     | reply_text           | hotline_status | reporter_name | reporter_phone | reported_district | town_name | village_name | accept_way | hotline_closed_at | _received_at     | _receipt
        HX1       | 公用设施->井盖->井盖缺损       | 电话13800138000  | 已回复0757-86001234  | 已办结         | 陈某甲        | 13800138000    | 南海区            | 桂城街道  | 桂一社区     | 转办       | 2026-04-02T09:00  | 2026-05-01T06:00 | r1
        HX1       | 公用设施->井盖->井盖缺损       | 电话13800138000  |                      | 办理中         | 陈某甲        | 13800138000    | 南海区            | 桂城街道  | 桂一社区     | 转办       |                   | 2026-06-01T06:00 | r2
        HX2       | 公用设施 → 井盖                |                  |                      | 已归档         | 陈某甲        | ××××           | 佛山市南海区      | 罗村      |              | 直接解答   |                   | 2026-06-01T06:00 | r2
        HX3       | 某某/某某                      |                  |                      | 待签收         |               | 13800138000    | 禅城区            | 某某新区  | 桂一社区     |            |                   | 2026-06-01T06:00 | r2
    """)  # noqa: E501
    inputs = {"bronze.hotline__order": sent}
    inputs |= {f"silver.{name}": code_table(spark, name) for name in ("town", "village", "place_name", "category")}
    built = transform(CONTRACTS["silver.hotline_order"], inputs)
    assert_same(
        built,
        given("""
            silver.hotline_order
            source_no | question_level_1 | question_level_2 | question_level_3 | minor_category_code | request_text | reply_text   | redaction_count | is_withheld | town_code | village_code | is_direct | hotline_status | quality_flags
            HX1       | 公用设施         | 井盖             | 井盖缺损         | 0101                | 电话〔电话〕 | 已回复〔电话〕 | 2               | false       | 440605011 | 440605011001 | false     | 已办结         | []
            HX2       | 公用设施         | 井盖             |                  | 0101                |              |              | 0               | true        | 440605124 |              | true      | 已归档         | closed_without_time
            HX3       | 某某             | 某某             |                  |                     |              |              | 0               | true        |           |              | false     | 待签收         | outside_district,unmatched_category,unmatched_town,unmatched_village
        """),  # noqa: E501
        *("source_no", "question_level_1", "question_level_2", "question_level_3", "minor_category_code"),
        *("request_text", "reply_text", "redaction_count", "is_withheld", "town_code", "village_code", "is_direct"),
        *("hotline_status", "quality_flags"),
    )
    ((phone,),) = rows(sent.limit(1).select(pseudonym("reporter_phone", "phone").alias("phone")), "phone")
    assert rows(built, "source_no", "phone_pseudonym") == [("HX1", phone), ("HX2", None), ("HX3", phone)]
