"""Tickets open with quarantined rows and close by themselves, however the rows are mended."""

from __future__ import annotations

from datetime import date

import pytest

from citybrain.duties.tickets import Ticket, tickets
from citybrain.ingest import quarantined, repair, withdraw
from tests.duties.conftest import CASE, cases

BAD = cases("NB1 | 2026-03-01 08:00:00", "NB2 | 2026-02-30 08:00:00", "NB3 | 2026-02-31 08:00:00")
FULL = "bronze.market__entity_full"


def seen(day: str = "2026-03-10") -> list[tuple[str, int, int, str]]:
    return [(t.rule, t.rows, t.left, t.state) for t in tickets(date.fromisoformat(day))]


def only() -> Ticket:
    (ticket,) = tickets(date(2026, 3, 10))
    return ticket


def test_a_receipt_with_bad_rows_has_a_ticket_with_a_due_working_day(received):
    outcome = received("2026-03-06 09:00", CASE, BAD)
    ticket = only()
    assert (ticket.receipt, ticket.name, ticket.acts) == (outcome.receipt, "日期时间读不出", "区政务服务数据管理局")
    assert (f"{ticket.opened:%Y-%m-%d}", str(ticket.due)) == ("2026-03-06", "2026-03-13")
    assert ticket.example.startswith("C3 “受理时间”")
    assert [seen(day)[0][3] for day in ("2026-03-13", "2026-03-14", "2026-03-16")] == ["待更正", "待更正", "逾期未改"]
    assert seen("2026-03-05") == []


def test_repaired_rows_close_it(received, tmp_path):
    outcome = received("2026-03-06 09:00", CASE, BAD)
    form = tmp_path / "修正.csv"
    quarantined(outcome.receipt, form)
    header, second, third = form.read_text("utf-8-sig").splitlines()
    form.write_text(f"{header}\n{second.replace('2026-02-30', '2026-03-02')}\n", "utf-8-sig")
    repair(outcome.receipt, form)
    assert seen() == [("unreadable_date", 2, 1, "待更正")]
    form.write_text(f"{header}\n{third.replace('2026-02-31', '2026-03-03')}\n", "utf-8-sig")
    repair(outcome.receipt, form)
    assert seen() == [("unreadable_date", 2, 0, "已更正")]


def test_a_later_delivery_of_the_same_keys_closes_it(received):
    received("2026-03-06 09:00", CASE, BAD)
    received("2026-03-07 09:00", CASE, cases("NB2 | 2026-03-02 08:00:00"), name="二.csv")
    assert seen() == [("unreadable_date", 2, 1, "待更正")]
    received("2026-03-08 09:00", CASE, cases("NB3 | 2026-03-03 08:00:00"), name="三.csv")
    assert seen() == [("unreadable_date", 2, 0, "已由后来的报送覆盖")]


def test_an_earlier_delivery_of_the_same_key_does_not(received):
    received("2026-03-05 09:00", CASE, cases("NB2 | 2026-03-02 08:00:00"))
    received("2026-03-06 09:00", CASE, BAD, name="二.csv")
    assert seen() == [("unreadable_date", 2, 2, "待更正")]


def test_withdrawal_closes_it(received):
    withdraw(received("2026-03-06 09:00", CASE, BAD).receipt)
    assert seen() == [("unreadable_date", 2, 0, "已撤回")]


@pytest.mark.parametrize(("later", "left"), [("2026-02-28", 0), ("2026-03-31", 1)])
def test_a_later_snapshot_of_the_same_period_closes_it_and_of_another_does_not(received, later, left):
    header = "数据日期 | 统一社会信用代码 | 名称 | 成立日期\n"
    good = "{} | 91440605MA00000009 | 甲公司 | 2020-01-01"
    received("2026-03-01 09:00", FULL, f"{header}{good.format('2026-02-28')}\n2026-02-28 | | 乙公司 | 2020-01-01")
    assert [t.left for t in tickets(date(2026, 4, 10))] == [1]
    received("2026-04-01 09:00", FULL, header + good.format(later), name="二.csv")
    assert [t.left for t in tickets(date(2026, 4, 10))] == [left]


def test_a_key_with_an_instant_is_found_again(received):
    air, header = "bronze.environment__air_hour", "站点编码 | 监测时间 | PM2.5\n"
    received("2026-03-06 09:00", air, f"{header}1345A | 2026-03-05 08:00:00 | 很低\n1345A | 2026-03-05 09:00:00 | 12")
    assert [t.left for t in tickets(date(2026, 3, 10))] == [1]
    received("2026-03-06 10:00", air, f"{header}1345A | 2026-03-05 08:00:00 | 11", name="二.csv")
    assert [t.left for t in tickets(date(2026, 3, 10))] == [0]
