# ruff: noqa: E501  (a picture is as wide as its table)
"""Which rows are taken, which are not, and what the department is told."""

from __future__ import annotations

from inspect import cleandoc

import pytest

from citybrain.ingest import report_text
from tests.ingest.pictures import flat, lake

ORDER = "bronze.centre__work_order"
EVENT = "bronze.centre__work_order_event"


def test_a_row_is_quarantined_with_every_reason_at_its_cell(deliver):
    deliver(
        EVENT,
        """
        事件编号 | 工单编号         | 序号 | 环节 | 到达时间            | 完成时间
        E1       |                  | x1   | 打回 | 2026-09-31          | 2026-09-08 09:05:00
        E2       | NH20260908000001 | 2    | 派遣 | 2026-09-08 09:05:00 |
        """,
    )
    assert lake("quarantine.centre__work_order_event", "file row key values reasons") == flat("""
        file     | row | key | values | reasons
        报送.csv | 2   |     | 事件编号=E1 序号=x1 环节=打回 到达时间=2026-09-31 完成时间=2026-09-08 09:05:00 | required:B2 unreadable_number:C2 enum:D2 unreadable_date:E2
    """)
    assert lake(EVENT, "event_id event_no step _row") == flat("""
        event_id | event_no | step | _row
        E2       | 2        | 派遣 | 3
    """)


@pytest.mark.dirt("X24")
def test_relations_between_columns_block_or_warn_as_declared(deliver):
    deliver(
        EVENT,
        """
        工单编号         | 序号 | 环节     | 到达时间            | 完成时间            | 新截止时间
        NH20260908000001 | 1    | 受理     |                     |                     |
        NH20260908000001 | 2    | 派遣     | 2026-09-08 09:05:00 | 2026-09-08 09:04:59 |
        NH20260908000001 | 3    | 派遣     | 2026-09-08 09:05:00 | 2026-09-08 09:05:00 |
        NH20260908000001 | 4    | 延期批准 | 2026-09-08 09:05:00 |                     |
        NH20260908000001 | 5    | 延期批准 | 2026-09-08 09:05:00 |                     | 2026-09-09 17:30:00
        NH20260908000001 | 6    | 核查     |                     | 2099-01-01 00:00:00 |
        """,
    )
    assert lake("ops.issue", "rule severity cell") == flat("""
        rule                       | severity | cell
        no_moment                  | block    | D2
        time_order_violation       | warn     | E3
        extension_without_deadline | warn     | C5
        finished_in_future         | warn     | E7
        absent_column              | note     |
    """)
    assert lake(EVENT, "event_no _delivered") == flat("""
        event_no | _delivered
        2        | finished_at=2026-09-08 09:04:59
        3        |
        4        | step=延期批准
        5        |
        6        | finished_at=2099-01-01 00:00:00
    """)


def test_an_optional_value_that_is_not_plainly_written_is_read_or_quarantined_never_lost(deliver):
    deliver(
        EVENT,
        """
        工单编号         | 序号 | 环节 | 到达时间            | 完成时间
        NH20260908000001 | 1    | 受理 | 2026-09-08 09:05:00 | 2026/9/8 9:06
        NH20260908000001 | 2    | 受理 | 2026-09-08 09:05:00 | 2026-02-30 09:06:00
        NH20260908000001 | 3    | 受理 | 2026-09-08 09:05:00 | 1988-05-01 09:00:00
        """,
    )
    assert lake(EVENT, "event_no finished_at _marks") == flat("""
        event_no | finished_at         | _marks
        1        | 2026-09-08 09:06:00 | finished_at:X12
        3        | 1988-05-01 09:00:00 |
    """)
    assert lake("quarantine.centre__work_order_event", "row reasons") == flat("""
        row | reasons
        3   | unreadable_date:E3
    """)


@pytest.mark.dirt("X21")
def test_the_same_row_twice_is_taken_once_and_a_new_state_of_it_is_another_row(deliver):
    outcome = deliver(
        ORDER,
        """
        工单编号         | 上报时间            | 状态
        NH20260908000001 | 2026-09-08 09:05:00 | 处置中
        NH20260908000002 | 2026-02-30          | 处置中
        NH20260908000001 | 2026-09-08 09:05:00 | 处置中
        NH20260908000001 | 2026-09-08 09:05:00 | 已结案
        NH20260908000002 | 2026-02-30          | 处置中
        工单编号         | 上报时间            | 状态
        NH20260908000001 | 2026-09-08 09:05:00 | 处置中
        """,
    )
    assert lake(ORDER, "work_order_id work_order_status _row") == flat("""
        work_order_id    | work_order_status | _row
        NH20260908000001 | 处置中            | 2
        NH20260908000001 | 已结案            | 5
    """)
    assert [(s.row, s.why, s.of) for s in outcome.set_aside] == [
        (4, "repeat", 2),
        (6, "repeat", 3),
        (7, "header", None),
        (8, "repeat", 2),
    ]
    assert outcome.counts == {"delivered": 7, "accepted": 2, "quarantined": 1, "set_aside": 4}


def test_the_report_tells_the_department_what_to_do(deliver):
    outcome = deliver(
        EVENT,
        """
        工单编号         | 序号 | 环节 | 到达时间
        NH20260908000001 | 1    | 受理 | 2026-02-30
        NH20260908000001 | 2    | 受理 | 2026-02-31
        NH20260908000001 | 3    | 打回 | 2026/9/8 9:05
        合计             | 3    |      |
        """,
    )
    told = report_text(outcome, per_group=1).splitlines()
    assert told[0] == "工单流转日志：已入库"
    assert "\n".join(told[3:]) == cleandoc("""
        报送 4 行 = 入库 1 行 + 隔离 2 行 + 另置 1 行（合计行、重复行）
        [不能入库] “到达时间”日期时间读不出：2 处
            D2  “到达时间”的“2026-02-30”不是存在的、没有歧义的日期时间。请写成 2026-09-08 或 2026-09-08 09:05:00。
            …… 另有 1 处
        [已入库，请核对] “环节”不在取值范围：1 处
            C4  “环节”的“打回”不在约定取值（采集、受理、立案、不予立案、派遣、签收、处置、反馈、核查、结案、评价、退回、返工、延期申请、延期批准、挂账、恢复、督办、作废、申诉）之内。请改用约定取值；确需新增的，请告知区智运中心。
        [提示] 缺少选填列：1 处
            缺少选填列：事件编号、操作单位、操作人、完成时间、新截止时间、意见，按空值入库。如有数据，请补上该列。
        [提示] 合计行：1 处
            第 5 行  这一行是合计，不是记录，已另置。报送明细时可不带合计行。
        按规则读入的（已入库，原样文字另存）：
          “到达时间”1 处：按约定读成了标准日期时间（日期写法不一）。请写成 2026-09-08 09:05:00
    """)
    assert outcome.exit_code == 1


def test_the_report_tells_by_the_clocks_of_shanghai_when_the_file_came(deliver):
    outcome = deliver(
        EVENT,
        """
        工单编号         | 序号 | 环节 | 到达时间
        NH20260908000001 | 1    | 受理 | 2026-09-08 09:05:00
        """,
    )
    came = outcome.model_copy(update={"received_at": "2026-09-08T17:05:30+00:00", "sender": "区智运中心"})
    assert report_text(came).splitlines()[2] == f"回执：{came.receipt}（2026-09-09 01:05 收到，区智运中心 报送）"


@pytest.mark.dirt("X27")
def test_personal_values_are_hidden_in_issues_and_whole_in_quarantine(deliver):
    deliver(
        ORDER,
        """
        工单编号         | 上报时间            | 身份证
        NH20260908000001 | 2026-09-08 09:05:00 | 440605199001010015
        NH20260908000002 |                     | 440605199001010014
        """,
    )
    assert lake("ops.issue", "rule text") == flat("""
        rule          | text
        id_card       | 440***********0015
        required      |
        absent_column |
    """)
    assert "身份证=440605199001010014" in lake("quarantine.centre__work_order", "values")
