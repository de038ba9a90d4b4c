"""The truth is what a perfect pipeline makes of the deliveries: here is one, slow and plain, to compare with."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from citybrain.simulate.city import CODES
from citybrain.simulate.worktime import Calendar
from tests.simulate.conftest import read
from tests.simulate.inbox import moment, rows, text

Row = dict[str, Any]


def good_rows(district: Path, table: str, defects: list[dict[str, str]]) -> list[Row]:
    """All rows but the quarantined, those set aside and repeated files, in the order of delivery."""
    lost = {
        (d["file"], d["row"]) for d in defects if d["verdict"] in ("quarantine", "set_aside") and d["table"] == table
    }
    repeated = {d["file"] for d in defects if d["verdict"] in ("already", "refused")}
    paths = sorted(path for path in (district / "inbox" / table).iterdir() if path.name not in repeated)
    return [row for path in paths for number, row in rows(path) if (path.name, str(number)) not in lost]


def latest(found: list[Row], key: str) -> dict[str, Row]:
    result: dict[str, Row] = {}
    for row in sorted(found, key=lambda row: str(moment(row["更新时间"]))):
        result[str(text(row[key]))] = row
    return result


def truth(district: Path, name: str) -> list[Row]:
    return parquet.read_table(district / "truth" / f"{name}.parquet").to_pylist()


@pytest.fixture(scope="module")
def orders(district: Path) -> list[Row]:
    return truth(district, "orders")


@pytest.fixture(scope="module")
def events(district: Path, defects: list[dict[str, str]]) -> dict[str, list[Row]]:
    """The delivered events of each order, repeated rows merged."""
    once: dict[tuple[object, ...], Row] = {}
    for row in good_rows(district, "centre__work_order_event", defects):
        event = {
            "order": text(row["工单编号"]), "no": int(str(text(row["序号"]))),
            "step": row["环节"], "unit": row["操作单位"],
            "arrived": moment(row["到达时间"]), "finished": moment(row["完成时间"]), "due": moment(row["新截止时间"]),
        }  # fmt: skip
        key = tuple(event[name] for name in ("order", "step", "unit", "arrived"))
        rank = (event["finished"] is None, event["no"])
        if key not in once or rank < (once[key]["finished"] is None, once[key]["no"]):
            once[key] = event
    result = defaultdict(list)
    for event in once.values():
        result[str(event["order"])].append(event | {"at": event["finished"] or event["arrived"]})
    return {order: sorted(found, key=lambda event: (event["at"], event["no"])) for order, found in result.items()}


def test_events_are_those_delivered(district: Path, events: dict[str, list[Row]]) -> None:
    told = {(e["work_order_id"], e["event_no"], e["step"], e["happened_at"]) for e in truth(district, "events")}
    found = {(e["order"], e["no"], e["step"], e["at"]) for several in events.values() for e in several}
    assert found == told


def test_orders_are_those_delivered(district: Path, orders: list[Row], defects: list[dict[str, str]]) -> None:
    found = latest(good_rows(district, "centre__work_order", defects), "工单编号")
    assert set(found) == {order["work_order_id"] for order in orders}
    assert len(orders) == len(found)
    columns = {
        "request_type": "诉求类型",
        "work_order_status": "状态",
        "handling_unit": "承办单位",
        "urgency": "紧急程度",
        "village_code": "村居码",
        "limit_type": "时限类型",
        "minor_category_code": "小类码",
    }
    for order in orders:
        row = found[order["work_order_id"]]
        for name, title in columns.items():
            if name != "limit_type" or text(row[title]):
                assert text(row[title]) == order[name], (order["work_order_id"], name)
        assert moment(row["上报时间"]) == order["reported_at"]
        assert moment(row["更新时间"]) == order["updated_at"]
        assert text(row["截止时间"]) is None or moment(row["截止时间"]) == order["original_deadline_at"]


def test_towns_are_those_of_the_code_of_the_village_or_of_the_address(
    district: Path, orders: list[Row], defects: list[dict[str, str]]
) -> None:
    towns = {row["镇街代码"] for row in _csv("town.csv") if not row["失效日期"]}
    villages = {row["村居代码"]: row["镇街代码"] for row in _csv("village.csv")}
    found = latest(good_rows(district, "centre__work_order", defects), "工单编号")
    names = {row["地名"]: row["镇街代码"] for row in _csv("place_name.csv") if not row["失效日期"]}
    by_address = 0

    def addressed(address: str) -> str | None:
        named = {town for name, town in names.items() if name in address}
        return named.pop() if len(named) == 1 else None

    for order in orders:
        row = found[order["work_order_id"]]
        code = text(row["镇街码"])
        told = code if code in towns else villages.get(text(row["村居码"]) or "")
        assert order["town_code"] == (told or addressed(text(row["地址"]) or ""))
        by_address += not told and order["town_code"] is not None
    assert by_address


def _csv(name: str) -> list[dict[str, str]]:
    return read(CODES / name)


def test_moments_follow_from_the_events(orders: list[Row], events: dict[str, list[Row]]) -> None:
    for order in orders:
        mine = events[order["work_order_id"]]

        def first(step: str, mine: list[Row] = mine) -> datetime | None:
            return min((e["at"] for e in mine if e["step"] == step), default=None)

        def last(step: str, mine: list[Row] = mine) -> datetime | None:
            return max((e["finished"] for e in mine if e["step"] == step and e["finished"]), default=None)

        told = {"accepted": first("受理"), "filed": first("立案"), "not_filed": first("不予立案"),
                "closed": last("结案"), "dispatched": first("派遣"), "disposed": last("处置"), "checked": last("核查"),
                "cancelled": first("作废")}  # fmt: skip
        assert {name: order[f"{name}_at"] for name in told} == told, order["work_order_id"]
        assert order["rework_times"] == sum(e["step"] == "返工" for e in mine)
        assert order["bounce_times"] == sum(e["step"] == "退回" for e in mine)
        early = order["closed_at"] and order["closed_at"] < order["reported_at"]
        crossed = told["disposed"] and told["dispatched"] and told["disposed"] < told["dispatched"]
        assert order["time_order_violation"] == bool(early or crossed)


def seconds_worked(begin: datetime, end: datetime, works: set[date]) -> int:
    """Working seconds between two moments, half day by half day."""
    total, day = 0.0, begin.date()
    while day <= end.date():
        for opening, closing in (("08:30", "12:00"), ("14:00", "17:30")) if day in works else ():
            start = max(begin, datetime.fromisoformat(f"{day} {opening}"))
            stop = min(end, datetime.fromisoformat(f"{day} {closing}"))
            total += max((stop - start).total_seconds(), 0)
        day += timedelta(1)
    return int(total)


def test_final_deadlines_follow_from_extensions_and_suspensions(
    orders: list[Row], events: dict[str, list[Row]]
) -> None:
    works = {date.fromisoformat(row["日期"]) for row in _csv("calendar_day.csv") if row["是否工作日"] == "是"}
    extended = pushed = 0
    for order in orders:
        due, asked, stops, depth = order["original_deadline_at"], None, [], 0
        for event in events[order["work_order_id"]]:
            if event["step"] == "延期申请":
                asked = event["at"]
            elif event["step"] == "延期批准" and asked < due:
                due, extended = event["due"], extended + 1
            elif event["step"] == "挂账":
                depth += 1
                if depth == 1:
                    stops.append([event["at"], None])
            elif event["step"] == "恢复":
                depth -= 1
                if depth == 0:
                    stops[-1][1] = event["at"]
        counted = [(begin, end) for begin, end in stops if end and begin < due]
        if not counted:
            assert order["final_deadline_at"] == due
            continue
        pushed += 1
        if order["limit_type"].startswith("work"):
            still = sum(seconds_worked(begin, end, works) for begin, end in counted)
            assert seconds_worked(due, order["final_deadline_at"], works) == still
        else:
            assert order["final_deadline_at"] - due == sum((end - begin for begin, end in counted), timedelta())
    assert extended > 10
    assert pushed > 10


def test_cases_are_those_delivered(district: Path, defects: list[dict[str, str]]) -> None:
    found = latest(good_rows(district, "services__case", defects), "办件编号")
    cases = truth(district, "cases")
    assert set(found) == {case["case_id"] for case in cases}
    columns = {"accepted_at": "受理时间", "finished_case_at": "办结时间", "special_from": "特别程序起",
               "special_to": "特别程序止", "applied_at": "申请时间", "updated_at": "更新时间"}  # fmt: skip
    for case in cases:
        row = found[case["case_id"]]
        assert {name: moment(row[title]) for name, title in columns.items()} == {name: case[name] for name in columns}
        assert (text(row["受理镇街"]), text(row["事项编码"])) == (case["town_code"], case["item_code"])
        assert (float(text(row["承诺时限"]) or 0), text(row["时限单位"])) == (
            case["promised_limit"],
            case["limit_unit"],
        )


def test_used_days_leave_no_doubt_where_a_special_procedure_stood_between(district: Path) -> None:
    calendar = Calendar.read(CODES / "calendar_day.csv", date(2027, 12, 31))
    special = [case for case in truth(district, "cases") if case["special_from"]]
    assert special
    for case in special:
        first, last = case["special_from"].date(), case["special_to"].date()
        assert case["accepted_at"] < case["special_from"] < case["special_to"] <= case["finished_case_at"]
        open_days = [first + timedelta(i) for i in range((last - first).days + 1)]
        off = sum(bool(calendar.works[(day - date(1970, 1, 1)).days - calendar.first]) for day in open_days)
        assert case["used_work_days"] + off - (off - 2) < case["promised_limit"] + 2
        assert case["used_work_days"] <= case["promised_limit"] - 1
