"""Pages over HTTP: all rows and each once, whatever moves or fails meanwhile; the watermark follows what is loaded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from citybrain.contracts.load import ROOT
from citybrain.ingest import landing
from citybrain.pull import steps
from tests.lake import rows_of
from tests.pull.conftest import CASE, Source, api, case, outcomes, pulled


def held() -> dict[str, str]:
    """Of each case the newest state that bronze holds."""
    rows = sorted(rows_of(CASE), key=lambda r: r["updated_at"])
    return {row["case_id"]: f"{row['updated_at']:%d}" for row in rows}


def mark() -> str | None:
    return steps.standing(CASE).watermark


def test_all_pages_are_one_delivery_kept_as_it_was_answered(site, source):
    source.rows = [case(n, day=n) for n in range(1, 6)]
    site("services__case", **api(source))
    (result,) = pulled()
    assert (result.status, result.rows, result.watermark) == ("loaded", 5, "2026-03-05T09:00:00")
    (receipt,) = landing.receipts(CASE)
    assert (receipt.counts.accepted, receipt.sender, receipt.receipt) == (5, "接口拉取", result.receipt)
    first = b'\x1e{"code": 0, "data": {"records": [{"case_id": "NB0001"'
    assert receipt.original.read_bytes().split(b"\n")[1].startswith(first)
    assert set(held()) == {f"NB{n:04d}" for n in range(1, 6)}
    told = outcomes("step", "status", "page", "rows", "watermark")
    assert told[0] == ("connect", "ok", None, None, None)
    assert told[1] == ("fetch", "ok", 1, 2, None)
    assert told[-2][:2] == ("land", "ok")
    assert told[-1] == ("load", "ok", None, 5, "2026-03-05T09:00:00")


def test_the_next_pull_asks_from_the_watermark_less_the_overlap_on(site, source):
    source.rows = [case(1, 1), case(2, 2)]
    site("services__case", **api(source, watermark={"column": "changed", "parameter": "since", "overlap": 86400}))
    pulled()
    source.asked.clear()
    source.rows += [case(3, 3), case(1, 4)]
    (result,) = pulled()
    assert {ask["since"] for ask in source.asked} == {"2026-03-01 09:00:00"}
    assert (result.status, held()) == ("loaded", {"NB0001": "04", "NB0002": "02", "NB0003": "03"})


def test_where_nothing_is_new_nothing_is_landed(site, source):
    source.rows = [case(1, 1)]
    site("services__case", **api(source))
    assert [pulled()[0].status for _ in range(3)] == ["loaded", "unchanged", "unchanged"]
    assert len(landing.receipts(CASE)) == 1
    assert outcomes("status", "watermark")[-1] == ("unchanged", "2026-03-01T09:00:00")


@pytest.mark.parametrize(
    "pages",
    [
        {"by": "number", "parameter": "page"},
        {"by": "number", "parameter": "page", "total": "data.total"},
        {"by": "link", "next": "data.next"},
        {"by": "keyset"},
    ],
    ids=lambda p: "-".join(p),
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_way_of_paging_ends_and_gives_each_row_once(site, source, pages, method):
    method = "GET" if pages["by"] == "link" else method  # the link says all
    source.rows = [case(n, n) for n in range(1, 8)]
    site("services__case", **api(source, pages=pages, method=method))
    (result,) = pulled()
    assert (result.status, len(held()), mark()) == ("loaded", 7, "2026-03-07T09:00:00")


def test_the_last_page_given_again_and_again_is_the_end(site, source):
    source.rows = [case(1), case(2), case(3)]
    usual = source.answer
    source.answer = lambda ask: usual({**ask, "page": str(min(int(ask["page"]), 2))})
    site("services__case", **api(source))
    (result,) = pulled()
    assert (result.status, result.rows, result.counts["accepted"]) == ("loaded", 3, 3)


def test_a_row_changed_between_pages_hides_no_other(site, source):
    """Case 1 moves to the end while page 1 is read, so case 3 slips from page 2 to page 1."""
    source.rows = [case(n, n) for n in range(1, 6)]

    def changed(asked: int) -> None:
        if asked == 2:
            source.rows[0] = case(1, 9)

    source.meanwhile = changed
    site("services__case", **api(source))
    pulled()
    assert held() == {"NB0001": "09", **{f"NB{n:04d}": f"{n:02d}" for n in range(2, 6)}}


def test_a_page_that_fails_is_tried_again_and_each_try_is_told(site, source):
    source.rows = [case(n, n) for n in range(1, 4)]
    source.meanwhile = {2: (503, b"busy"), 3: "cut"}.get
    site("services__case", **api(source))
    assert pulled()[0].status == "loaded"
    told = [t for t in outcomes("step", "page", "try_number", "status") if t[:2] == ("fetch", 2)]
    assert told == [("fetch", 2, 1, "failed"), ("fetch", 2, 2, "failed"), ("fetch", 2, 3, "ok")]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ((500, b""), "HTTP 500"),
        ((403, b"no"), "HTTP 403"),
        ((200, b'{"code": 7, "msg": "x"}'), "code: '7', not 0"),
        ((200, b'{"code": 0, "data": {}}'), "data.records"),
        ((200, b'{"code": 0, "da'), "读不出"),
        ((200, b"<html>"), "读不出"),
        ("cut", "RemoteProtocolError"),
    ],
)
def test_a_source_that_fails_half_way_lands_nothing_and_loses_nothing(site, source, said, why):
    source.rows = [case(n, n) for n in range(1, 4)]
    source.meanwhile = lambda asked: said if asked >= 2 else None
    site("services__case", **api(source))
    (result,) = pulled()
    assert result.status == "failed"
    assert why in result.reason
    assert (landing.receipts(CASE), mark()) == ([], None)
    assert [t for t in outcomes("step", "status", "error") if t[1] == "failed"][-1][0] == "fetch"
    source.meanwhile = lambda _: None
    assert (pulled()[0].status, len(held())) == ("loaded", 3)


def test_a_source_that_is_down_stops_no_other(site, source):
    source.rows = [{"mid": "x"}]
    site("environment__air_hour", **{**api(source), "url": "http://127.0.0.1:1/"})
    source.rows = [case(1)]
    site("services__case", **api(source))
    assert [(r.table, r.status) for r in pulled()] == [("bronze.environment__air_hour", "failed"), (CASE, "loaded")]
    assert outcomes("table", "step", "status")[:3] == [("bronze.environment__air_hour", "connect", "failed")] * 3


def test_a_secret_goes_to_the_source_and_nowhere_else(site, source, monkeypatch, home):
    monkeypatch.setenv("CASES_TOKEN", "s3cr3t-t0ken")
    source.rows = [case(1)]
    headers = {"Authorization": "Bearer ${CASES_TOKEN}"}
    site("services__case", **api(source, headers=headers, params={"k": "${CASES_TOKEN}"}))
    assert pulled()[0].status == "loaded"
    assert {ask["token"] for ask in source.asked} == {"Bearer s3cr3t-t0ken"}
    site(
        "services__case", **{**api(source, params={"k": "${CASES_TOKEN}"}), "url": "http://127.0.0.1:1/${CASES_TOKEN}"}
    )
    assert pulled()[0].status == "failed"
    files = [p for p in home.rglob("*") if p.is_file()]
    assert not [p for p in files if b"s3cr3t-t0ken" in p.read_bytes()]


def test_a_secret_that_is_not_there_is_said(site, source, monkeypatch):
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)
    site("services__case", **api(source, headers={"Authorization": "${NO_SUCH_TOKEN}"}))
    (result,) = pulled()
    assert "NO_SUCH_TOKEN is not set" in result.reason
    assert outcomes("step", "status") == [("connect", "failed")]


def test_a_link_to_another_host_is_not_followed(site, source):
    source.answer = lambda _: {"code": 0, "data": {"records": [case(1)], "next": "http://example.com/"}}
    site("services__case", **api(source, pages={"by": "link", "next": "data.next"}))
    assert "another host" in pulled()[0].reason


def test_a_watermark_of_the_future_does_not_hide_what_comes(site, source):
    source.rows = [case(1, 1), {**case(2), "changed": "2099-01-01 00:00:00"}]
    site("services__case", **api(source))
    pulled()
    assert mark() == "2026-03-01T09:00:00"


def test_a_watermark_that_no_row_bears_is_said(site, source):
    source.answer = lambda _: {"code": 0, "data": {"records": [{"case_id": "1"}]}}
    site("services__case", **api(source))
    assert "no row has a timestamp in 'changed'" in pulled()[0].reason


def test_a_delivery_that_ingest_refuses_does_not_move_the_watermark(site, source):
    source.rows = [case(1)]
    site("services__case", **api(source, columns={"case_id": "别的"}))
    (result,) = pulled()
    assert (result.status, mark()) == ("refused", None)
    assert "表头" in result.reason


KILLED = """
import os, signal, sys
from citybrain.pull import journal, run
from citybrain.ingest import flow
def stop(step):
    if step == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)
flow.reached = run.reached = stop
journal.Journal.close = lambda _: stop("close")
list(run.watched() if sys.argv[2:] else run.pull())
"""


def killed_at(*step: str, source: Source | None = None) -> None:
    """A process that is killed when it comes to a step; ``page``: when it asks the source for a second page."""
    path = {"PYTHONPATH": str(ROOT / "jobs")}
    command = [sys.executable, "-c", KILLED, *step]
    process = subprocess.Popen(command, env={**os.environ, **path}, stderr=subprocess.PIPE)
    if source and step == ("page",):
        source.meanwhile = lambda number: process.kill() if number == 2 else None
    said = process.communicate()[1]
    assert process.returncode == -signal.SIGKILL, said.decode()


FETCHED = [("connect", "ok"), *[("fetch", "ok")] * 6]  # two readings of two pages, each ended by an empty one
ENDED = {
    "page": [*FETCHED[:2], ("fetch", "killed")],
    "fetched": [*FETCHED, ("pull", "killed")],
    "spooled": [*FETCHED, ("pull", "killed")],
    "landed": [*FETCHED, ("land", "ok"), ("load", "killed")],
    "judged": [*FETCHED, ("land", "ok"), ("load", "killed")],
    "loaded": [*FETCHED, ("land", "ok"), ("load", "killed")],
    "taken": [*FETCHED, ("land", "ok"), ("load", "killed")],
}


@pytest.mark.parametrize("step", ENDED)
def test_killed_anywhere_the_next_pull_has_all_rows_and_no_receipt_is_left_half_done(site, source, step):
    source.rows = [case(n, n) for n in range(1, 4)]
    site("services__case", **api(source))
    killed_at(step, source=source)
    source.meanwhile = lambda _: None
    source.rows.append(case(4, 4))
    pulled()
    told = outcomes("attempt", "step", "status")
    assert [(row[1], row[2]) for row in told if row[0] == told[0][0]] == ENDED[step]
    assert len({row[0] for row in told}) == 2
    assert held() == {f"NB{n:04d}": f"{n:02d}" for n in range(1, 5)}
    assert {r.status for r in landing.receipts(CASE)} == {"loaded"}
    assert mark() == "2026-03-04T09:00:00"
    assert pulled()[-1].status in ("unchanged", "already", "loaded")
    assert pulled()[-1].status == "unchanged"


def test_what_was_told_before_the_kill_is_not_told_again(site, source):
    """Killed when all rows were in ops.pull and the journal was not yet gone."""
    source.rows = [case(1)]
    site("services__case", **api(source))
    killed_at("close")
    before = outcomes("step", "status")
    assert before == [("connect", "ok"), ("fetch", "ok"), ("fetch", "ok"), ("land", "ok"), ("load", "ok")]
    for _ in range(2):
        steps.tell_killed()
        assert outcomes("step", "status") == [*before, ("pull", "killed")]
    assert mark() == "2026-03-01T09:00:00"


def test_an_attempt_that_goes_on_is_left_alone(home):
    going = steps.Recorder(CASE, "api")
    with going.step("fetch"):
        steps.tell_killed()
    going.close()
    assert outcomes("step", "status") == [("fetch", "ok")]


def test_the_inbox_has_its_outcome_rows_too(home, deliver_to_inbox):
    from citybrain.pull.run import watched

    deliver_to_inbox("好.csv", "办件编号,事项编码,受理时间\nNB1,1111111111111111111111111111111,2026-03-01 08:00:00\n")
    deliver_to_inbox("坏.csv", "什么\n也不是\n")
    assert sorted(o.status for o in watched()) == ["loaded", "refused"]
    told = outcomes("how", "step", "status", "rows")
    assert sorted(told, key=str) == [
        ("folder", "land", "ok", None),
        ("folder", "land", "ok", None),
        ("folder", "load", "ok", 1),
        ("folder", "load", "refused", 0),
    ]


def test_what_the_inbox_was_killed_at_is_told_when_it_is_looked_into_again(home, deliver_to_inbox):
    from citybrain.pull.run import watched

    deliver_to_inbox("好.csv", "办件编号,事项编码,受理时间\nNB1,1111111111111111111111111111111,2026-03-01 08:00:00\n")
    killed_at("loaded", "inbox")
    assert [o.status for o in watched()] == ["loaded"]
    told = [("folder", "load", "killed"), ("folder", "load", "ok"), ("folder", "land", "ok")]
    assert outcomes("how", "step", "status") == told
    assert "ended here" in outcomes("error")[0][0]


@pytest.fixture
def deliver_to_inbox(home):
    def put(name: str, text: str) -> None:
        inbox = home / "inbox/services__case"
        inbox.mkdir(parents=True, exist_ok=True)
        (inbox / name).write_text(text, "utf-8")

    return put
