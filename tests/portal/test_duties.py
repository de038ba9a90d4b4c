"""What is owed and what is to be mended, as each department sees it: its own, and nobody else's."""

from __future__ import annotations

import io
import json
import re
from datetime import date

import openpyxl
from typer.testing import CliRunner

from citybrain.cli import app as citybrain
from citybrain.duties import score, tickets
from citybrain.duties.owed import Duty
from citybrain.duties.workdays import workdays
from citybrain.portal.duties import departments
from tests.ingest.pictures import csv_bytes
from tests.portal.conftest import CASE, EVENT, owner
from tests.portal.drawn import events
from tests.portal.served import Person, Program


def headings(page: str) -> list[str]:
    return [re.sub(r"<.*", "", h).strip() for h in re.findall(r"<h2>(.*?)</h2>", page)]


def parts(person: Person) -> tuple[str, str]:
    """What is open and what is closed on the page of tickets."""
    page = person.get("/tickets")
    assert page.status_code == 200, page.text
    still, _, closed = page.text.partition("已了结</h2>")
    return still, closed


def mended(person: Person, number: str) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(person.get(f"/receipts/{number}/quarantine.xlsx").content))
    for row in book.active.iter_rows(min_row=2):
        row[4].value = f"2026-09-08 10:00:{row[0].row:02d}"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_ticket_stands_with_its_due_day_until_the_repair_is_confirmed(centre: Person) -> None:
    number = centre.loaded(EVENT, "流转.csv", events(good=1, bad=2))
    (ticket,) = (t for t in tickets.tickets(tables=[f"bronze.{EVENT}"]) if t.receipt == number)
    still, closed = parts(centre)
    row = next(r for r in still.split("<tr>") if f"/receipts/{number}" in r)
    assert all(said in row for said in (str(ticket.due), "日期时间读不出", "2 / 2", "待更正"))
    assert number not in closed
    found = centre.hand_in(EVENT, "改好.xlsx", mended(centre, number), purpose="repair", receipt=number)
    assert number in parts(centre)[0]  # looked at, not confirmed
    centre.confirmed(found["id"])
    still, closed = parts(centre)
    assert number not in still
    row = next(r for r in closed.split("<tr>") if f"/receipts/{number}" in r)
    assert "已更正" in row


def test_an_overdue_ticket_is_marked(centre: Person, monkeypatch) -> None:
    number = centre.loaded(EVENT, "流转.csv", events(good=1, bad=1))
    (ticket,) = (t for t in tickets.tickets(tables=[f"bronze.{EVENT}"]) if t.receipt == number)
    monkeypatch.setattr(tickets, "today", lambda: workdays().after(ticket.due, 3))
    still, _ = parts(centre)
    row = next(r for r in still.split("<tr>") if f"/receipts/{number}" in r)
    assert "逾期未改</span> 3 个工作日" in row


def test_another_departments_tickets_and_duties_never_show(centre: Person, services: Person, steward: Program) -> None:
    theirs = centre.loaded(EVENT, "流转.csv", events(good=1, bad=1))
    content = "办件编号 | 事项编码 | 受理时间\nNB9 | {0} | 2026-02-30\nNB8 | {0} | 2026-03-01".format("1" * 31)
    ours = services.loaded(CASE, "办件.csv", csv_bytes(content))
    for person, seen, hidden in ((centre, theirs, ours), (services, ours, theirs)):
        page = person.get("/tickets").text
        assert (seen in page, hidden in page) == (True, False)
    assert {theirs, ours} <= set(re.findall(r"R-[0-9A-Za-z-]+", steward.get("/tickets").text))
    for person, table in ((centre, EVENT), (services, CASE)):
        assert headings(person.get("/duties").text) == [owner(table)]
    everybody = headings(steward.get("/duties").text)
    assert {owner(EVENT), owner(CASE)} < set(everybody)
    assert everybody[0] == owner(EVENT)  # the steward's own


def test_the_score_is_seen_by_its_department_and_the_ranking_by_the_bureau(
    centre: Person, services: Person, steward: Program
) -> None:
    number = centre.loaded(EVENT, "流转.csv", events(good=1, bad=4))
    services.loaded(CASE, "办件.csv", csv_bytes(f"办件编号 | 事项编码 | 受理时间\nNB7 | {'1' * 31} | 2026-03-02"))
    own, other, whole = (person.get("/quality").text for person in (centre, services, steward))
    (mine,) = (s for s in score.scores() if s.owner == owner(EVENT))
    part = mine.parts[0]
    for said in (f"{mine.points:.1f}", f"{part.good:,} / {part.of:,}", f"/receipts/{number}", "1 / 5"):
        assert said in own, said
    assert (number in other, headings(own)[:-1], headings(other)[:-1]) == (False, [owner(EVENT)], [owner(CASE)])
    ranking = whole.partition("排名</h2>")[2].partition("</section>")[0]
    ranked = [s.owner for s in score.scores()]
    assert re.findall(r'<td class="owner">(.*?)</td>', ranking) == ranked
    assert "排名</h2>" not in own


def test_the_api_and_the_commands_say_what_the_pages_say(centre: Person, services: Person, steward: Program) -> None:
    content = events(good=1, bad=4)
    number = centre.loaded(EVENT, "流转.csv", content)
    theirs = services.loaded(
        CASE, "办件.csv", csv_bytes(f"办件编号 | 事项编码 | 受理时间\nNB6 | {'1' * 31} | 2026-03-02")
    )
    people = (centre, services, steward)
    of = {what: [p.api("GET", f"/{what}").json() for p in people] for what in ("duties", "tickets", "quality")}
    own = {owner(EVENT)}, {owner(CASE)}
    for found in of.values():
        owners = [{one["owner"] for one in answer} for answer in found]
        assert (owners[0], owners[1] <= own[1]) == (own[0], True)
        assert owners[2] >= owners[0] | owners[1]
    (ticket,) = (t for t in of["tickets"][0] if t["receipt"] == number)
    assert (ticket["table"], ticket["rule"], ticket["rows"], ticket["left"]) == (EVENT, "unreadable_date", 4, 4)
    (mine,), ranked = of["quality"][0], of["quality"][2]
    assert [s["owner"] for s in ranked] == [s.owner for s in score.scores()]
    (trace,) = (t for t in mine["dimensions"][0]["against"] if t["receipt"] == number)
    assert (trace["good"], trace["of"]) == (1, 5)
    assert [json.loads(line) for line in told("quality", "--json")] == ranked
    assert f"{mine['points']:5.1f}  {owner(EVENT)}" in "\n".join(told("quality"))
    assert json.loads(told("receipts", EVENT, "--limit", "1", "--json")[0])["receipt"] == number
    assert any(f"{number}  loaded  bronze.{EVENT}  1/5 行  流转.csv  centre" in line for line in told("receipts"))
    assert centre.api("GET", f"/receipts/{number}/original").content == content
    assert steward.api("GET", f"/receipts/{theirs}/original").status_code == 403  # personal cells are its department's


def told(*words: str) -> list[str]:
    done = CliRunner().invoke(citybrain, words)
    assert done.exit_code == 0, done.output
    return done.stdout.splitlines()


def test_a_stranger_is_led_to_the_sign_in(centre: Person) -> None:
    stranger = Person(str(centre.base_url))
    assert {stranger.get(path).status_code for path in ("/duties", "/tickets", "/quality")} == {303}


def duty(period: str, status: str, **more: object) -> Duty:
    day = date.fromisoformat(period)
    facts = {"table": "bronze.a", "title": "甲", "owner": "局", "days_late": 0, "came": None, **more}
    return Duty(period=period, first=day, last=day, due=day, status=status, **facts)


def test_late_periods_one_after_the_other_are_one_line() -> None:
    found = [duty(f"2026-03-0{n}", s) for n, s in enumerate(("late", "late", "met", "late", "due"), 1)]
    found[1] = duty("2026-03-02", "late", refused="R-1", refused_because="空")
    (department,) = departments(found, "局")
    lines = [(o.first.status, o.periods, o.refused and o.refused.refused) for o in department.owed]
    assert lines == [
        ("late", "2026-03-01 至 2026-03-02，共 2 期", "R-1"),
        ("late", "2026-03-04", None),
        ("due", "2026-03-05", None),
    ]
    assert department.count("late") == 3


def test_ones_own_department_stands_first_then_the_late_ones() -> None:
    found = [duty("2026-03-01", "due", owner=o) for o in ("甲", "丁")] + [duty("2026-03-01", "late", owner="乙")]
    assert [d.name for d in departments(found, "甲")] == ["甲", "乙", "丁"]
