# ruff: noqa: E501  (a picture is as wide as its table)
"""What each departmental source is told about its own rows."""

from __future__ import annotations

from tests.ingest.pictures import flat, lake


def test_of_a_day_s_calls_no_part_is_greater_than_its_whole(deliver):
    deliver(
        "hotline__call_day",
        """
        统计日期   | 呼入量 | 进入人工量 | 接通量 | 15秒内接通量 | 放弃量 | 平均等待秒数
        2026-03-01 | 2,000  | 1600       | 1500   | 1500         | 100    | 6.4
        2026-03-02 | 1599   | 1600       | 1500   | 1400         | 100    | 6.4
        2026-03-03 | 2000   | 1600       | 1601   | 1400         | 0      | 6.4
        2026-03-04 | 2000   | 1600       | 1500   | 1501         | 0      | 6.4
        2026-03-05 | 2000   | 1600       | 1500   | 1400         | 101    | —
        2099-03-06 | 2000   | 1600       | 1500   | 1400         | 100    | 4000
        """,
    )
    assert lake("ops.issue", "rule severity cell") == flat("""
        rule                           | severity | cell
        more_agent_calls_than_inbound  | block    | B3
        more_answered_than_agent_calls | block    | D4
        more_in_15s_than_answered      | block    | E5
        calls_do_not_add_up            | warn     | F6
        range                          | warn     | G7
        day_in_future                  | warn     | A7
    """)
    assert lake("bronze.hotline__call_day", "stat_date inbound_calls abandoned_calls mean_wait_seconds _marks") == flat("""
        stat_date  | inbound_calls | abandoned_calls | mean_wait_seconds | _marks
        2026-03-01 | 2000          | 100             | 6.40              | inbound_calls:X15
        2026-03-05 | 2000          | 101             |                   | mean_wait_seconds:X04
        2099-03-06 | 2000          | 100             | 4000.00           |
    """)


def test_stars_are_levels_and_what_was_put_right_before_it_was_rated_is_reported(deliver):
    deliver(
        "services__rating",
        """
        评价编号 | 办件编号 | 评价星级 | 评价时间            | 评价内容 | 整改状态 | 整改时间
        P1       | B1       | ★★       | 2026-03-02 10:00:00 | 无       | 已整改   | 2026-03-02 09:59:00
        P2       | B1       | ５星     | 2026-03-02 10:00:00 | —        | 已整改   |
        P3       | B1       | 一般     | 2099-03-02 10:00:00 |          |          |
        """,
    )
    assert lake("ops.issue", "rule severity cell") == flat("""
        rule                   | severity | cell
        rectified_before_rated | warn     | G2
        rectified_without_time | warn     | F3
        enum                   | warn     | C4
        rated_in_future        | warn     | D4
        absent_column          | note     |
    """)
    assert lake("bronze.services__rating", "rating_id rating rating_text _marks") == flat("""
        rating_id | rating   | rating_text | _marks
        P1        | 不满意   | 无          | rating:X18
        P2        | 非常满意 |             | rating:X05 rating:X18 rating_text:X04
        P3        | 一般     |             |
    """)


def test_a_case_may_come_under_the_system_s_own_headers_with_dashes_for_flags(deliver):
    deliver(
        "urban__case",
        """
        rec_id | task_num | create_time      | street_name | coordinate_x | coordinate_y | archive_num | intime_archive_num | overtime_archive_num | archive_time
        C1     | CG1      | 2026-03-02 09:00:00 | 桂城街道 | 113.145576   | 23.031563    | -           | -                  | -                    |
        C2     | CG2      | 2026-03-02 09:00:00 | 桂城街道 | 23.031563    | 113.145576   | 1           | 1                  | 1                    | 2026-03-02 08:59:00
        C3     | CG3      | 2026-03-02 09:00:00 | 桂城街道 |              |              | 1           | 2                  | 0                    | —
        """,
    )
    assert lake("ops.issue", "rule severity cell") == flat("""
        rule                     | severity | cell
        out_of_area              | warn     | E3
        out_of_area              | warn     | F3
        archived_before_reported | warn     | J3
        archived_twice           | warn     | H3
        enum                     | warn     | H4
        archived_without_time    | warn     | G4
        absent_column            | note     |
    """)
    assert lake("bronze.urban__case", "rec_id source_no lon archive_num intime_archive_num _marks") == flat("""
        rec_id | source_no | lon        | archive_num | intime_archive_num | _marks
        C1     | CG1       | 113.145576 | -           | -                  |
        C2     | CG2       | 23.031563  | 1           | 1                  |
        C3     | CG3       |            | 1           | 2                  | closed_at:X04
    """)


def test_callers_may_stay_unknown_and_a_path_stands_in_one_cell(deliver):
    deliver(
        "hotline__order",
        """
        工单编号 | 问题分类             | 工单状态 | 来电人 | 来电人电话/账号 | 回复内容           | 办结时间            | 是否满意
        HX1      | 公用设施->井盖->缺损 | 归档     | 保密   | ××××            | 已整改⏎店主“满意” | 2026-03-02 10:00:00 | 满意
        HX2      | 公用设施->井盖->缺损 | 已办结   | 不详   | 保密            |                    |                     | 不满意
        HX3      | 公用设施->井盖->缺损 | 办理中   | 陈某甲 | 13800138000     |                    | 2099-03-02 10:00:00 | 未评价
        """,
    )
    assert lake("ops.issue", "rule severity cell") == flat("""
        rule                | severity | cell
        closed_without_time | warn     | C3
        judged_before_closed | warn    | H3
        closed_in_future    | warn     | G4
        absent_column       | note     |
    """)
    assert lake(
        "bronze.hotline__order", "source_no question_path reporter_name reporter_phone reply_text _marks"
    ) == flat("""
        source_no | question_path        | reporter_name | reporter_phone | reply_text         | _marks
        HX1       | 公用设施->井盖->缺损 |               | ××××           | 已整改⏎店主“满意” | hotline_status:X18 reporter_name:X04 reporter_phone:X07
        HX2       | 公用设施->井盖->缺损 |               |                |                    | reporter_name:X04 reporter_phone:X04
        HX3       | 公用设施->井盖->缺损 | 陈某甲        | 13800138000    |                    |
    """)


def test_a_component_has_sixteen_digits_and_both_axes_in_their_places(deliver):
    deliver(
        "urban__component",
        """
        编码             | 名称     | X坐标       | Y坐标        | 状态 | 更新日期
        4406050101000001 | 井盖     | 2548000.125 | 38412000.500 | 正常 | 2025.6.1
        4406040101000002 | 井盖     | 38412000.5  | 2548000.125  | 完好 | 2025-06-01
        4.40605E+15      | 井盖     | 2548000.125 | 38412000.500 | 完好 | 2025-06-01
        4406050101000004 | 井盖     | 2548000.125 |              | 歪了 | 2099-06-01
        """,
    )
    assert lake("ops.issue", "rule severity cell") == flat("""
        rule               | severity | cell
        pattern            | warn     | A3
        axes_swapped       | warn     | C3
        precision_lost     | block    | A4
        enum               | warn     | E5
        half_a_point       | warn     | C5
        surveyed_in_future | warn     | F5
        absent_column      | note     |
    """)
    assert lake("bronze.urban__component", "component_code plane_x component_status surveyed_date _marks") == flat("""
        component_code   | plane_x      | component_status | surveyed_date | _marks
        4406050101000001 | 2548000.125  | 完好             | 2025-06-01    | component_status:X18 surveyed_date:X12
        4406040101000002 | 38412000.500 | 完好             | 2025-06-01    |
        4406050101000004 | 2548000.125  | 歪了             | 2099-06-01    |
    """)


def test_an_incident_is_somewhere(deliver):
    deliver(
        "fire__incident",
        """
        编号 | 类别 | 类型 | 接警时间            | 地址         | 经度      | 纬度
        XF1  | 警情 | 火警 | 2026-03-02 09:00:00 |              | 113.14557 | 23.0315
        XF2  | 警情 | 某某 | 2099-03-02 09:00:00 |              | 113.14557 |
        XF3  | 检查 |      |                     | 桂城街道某路 |           |
        """,
    )
    assert lake("ops.issue", "rule severity cell") == flat("""
        rule               | severity | cell
        enum               | warn     | C3
        occurred_in_future | warn     | D3
        nowhere            | warn     | E3
        required           | block    | D4
    """)
