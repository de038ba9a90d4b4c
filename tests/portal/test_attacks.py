"""Somebody who means harm, with an account or without: nothing leaks, nothing is lost, nothing stays in the way."""

from __future__ import annotations

import csv
import io
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import openpyxl
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from citybrain.ingest import landing, quarantined, trial
from citybrain.ingest.repair import as_was, harmless
from citybrain.portal.models import Delivery
from citybrain.portal.names import safe
from tests.ingest.pictures import csv_bytes
from tests.portal.conftest import CASE, EVENT, owner
from tests.portal.drawn import events
from tests.portal.served import OFFSET, Person, Program, Served
from tests.portal.sheets import event, workbook
from tests.waiting import wait_until

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"
FORMULA = "=HYPERLINK(A1&B1)"


# ---- uploads ---------------------------------------------------------------------------------------------------------


def raw(person: Person, id: str, offset: int, length: int, body: bytes) -> socket.socket:
    """A PATCH that claims another length than it has; the connection stays open."""
    at = urlsplit(str(person.base_url))
    line = socket.create_connection((at.hostname, at.port), timeout=20)
    head = f"PATCH /api/v1/uploads/{id} HTTP/1.1\r\nHost: {at.netloc}\r\nContent-Type: {OFFSET}\r\n"
    head += f"Authorization: {person.headers['Authorization']}\r\n"
    head += f"Upload-Offset: {offset}\r\nContent-Length: {length}\r\n\r\n"
    line.sendall(head.encode() + body)
    return line


def held(person: Person, id: str) -> int:
    return int(person.api("HEAD", f"/uploads/{id}").headers["upload-offset"])


@pytest.fixture
def program(served: Served) -> Program:
    return Program(served.url, served.token("centre"))


def test_a_line_that_breaks_in_a_chunk_loses_nothing_that_came(program: Program) -> None:
    content = events(good=400, bad=0)
    id = program.begin(EVENT, "断.csv", len(content)).json()["id"]
    line = raw(program, id, 0, len(content), content[:5000])
    wait_until(lambda: held(program, id) == 5000, 20)
    assert program.piece(id, content[5000:], 5000).status_code == 409  # the first still has the file
    line.close()
    wait_until(lambda: program.piece(id, content[5000:], 5000).status_code == 204, 20)
    assert program.settled(id)["preview"]["counts"]["accepted"] == 400


def test_a_length_that_lies_writes_no_byte_more_than_was_declared(served: Served, program: Program) -> None:
    content = events(good=3, bad=0)
    id = program.begin(EVENT, "多.csv", len(content)).json()["id"]
    with raw(program, id, 0, len(content) + 1000, content + bytes(1000)) as line:
        assert b" 413 " in line.recv(100)
    wait_until(lambda: held(program, id) <= len(content), 20)
    kept = held(program, id)
    assert program.piece(id, content[kept:], kept).status_code == 204
    assert program.settled(id)["preview"]["counts"]["accepted"] == 3
    for length in ("-1", "1e3", "99999999999999999999"):
        at = urlsplit(served.url)
        with socket.create_connection((at.hostname, at.port), timeout=20) as line:
            line.sendall(f"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
            assert line.recv(20)[9:10] == b"4"


def test_offsets_are_believed_only_when_they_are_right(program: Program) -> None:
    id = program.begin(EVENT, "位.csv", 10).json()["id"]
    for offset in ("-1", "1", "10", "x", "", str(1 << 60)):
        headers = {"Content-Type": OFFSET, "Upload-Offset": offset}
        assert program.api("PATCH", f"/uploads/{id}", content=b"a", headers=headers).status_code in (409, 422)
    assert held(program, id) == 0


def test_whoever_says_yes_ten_times_at_once_loads_once(served: Served, program: Program) -> None:
    id = program.hand_in(EVENT, "十.csv", events(good=500, bad=0))["id"]
    with ThreadPoolExecutor(10) as pool:
        codes = list(pool.map(lambda _: program.api("POST", f"/uploads/{id}/confirm").status_code, range(10)))
    assert set(codes) == {202}
    done = program.settled(id, ("done", "failed"))
    assert done["state"] == "done"
    assert len(served.audited(action="confirm", subject=id)) == 1
    assert len(served.audited(action="loaded", subject=done["receipt"])) == 1


def test_ten_who_send_the_same_file_at_once_have_one_receipt(program: Program) -> None:
    content = events(good=5, bad=0)
    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda n: program.hand_in(EVENT, f"{n}.csv", content, direct=True), range(10)))
    assert {f["state"] for f in found} == {"done"}
    assert len({f["receipt"] for f in found}) == 1


# ---- other departments -----------------------------------------------------------------------------------------------


def test_no_address_of_the_api_gives_away_what_is_anothers(served: Served, centre: Person) -> None:
    """Every operation that is described, with a number that exists: the same answer as for one that does not."""
    receipt = centre.loaded(EVENT, "我的.csv", events())
    delivery = centre.hand_in(EVENT, "我的.csv", events())["id"]
    stranger = Program(served.url, served.token("services"))
    known = {"id": delivery, "receipt": receipt, "table": EVENT}
    unknown = {"id": "0" * 32, "receipt": "R-0000000000000000", "table": "no__such_table"}
    asked = 0
    for path, methods in served.app.openapi()["paths"].items():
        for method in methods:
            if "{" not in path:
                continue
            headers = {"Content-Type": OFFSET, "Upload-Offset": "0"} if method == "patch" else {}
            mine, none = (stranger.request(method, path.format(**p), headers=headers) for p in (known, unknown))
            assert (mine.status_code, mine.content) == (404, none.content), (method, path)
            asked += 1
    assert asked >= 10
    body = {"table": EVENT, "file": "x.csv", "size": 1}
    assert stranger.post("/api/v1/uploads", json=body).status_code == 404
    for purpose in ("correct", "repair"):
        body = {"table": CASE, "file": "x.csv", "size": 1, "purpose": purpose, "receipt": receipt}
        assert stranger.post("/api/v1/uploads", json=body).status_code == 404
    assert stranger.get("/api/v1/receipts", params={"table": EVENT}).status_code == 404
    assert receipt not in stranger.get("/api/v1/receipts", params={"limit": 500}).text
    assert {a.subject for a in served.audited(action="denied", account="services")} >= {receipt, delivery}
    assert landing.holder(receipt).status == "loaded"


def test_a_file_named_like_anothers_does_not_touch_it(centre: Person, services: Person) -> None:
    number = centre.loaded(EVENT, "九月报送.csv", events(good=2, bad=0))
    before = landing.holder(number).original.read_bytes()
    found = services.hand_in(CASE, "九月报送.csv", events(good=2, bad=0))
    assert found["preview"]["status"] == "refused"
    assert landing.holder(number).original.read_bytes() == before
    assert number not in services.get("/receipts").text


def test_a_key_that_was_revoked_or_whose_account_is_shut_opens_nothing(served: Served) -> None:
    account = served.account("shut-soon", owner(EVENT))
    program = Program(served.url, served.token("shut-soon"))
    id = program.begin(EVENT, "x.csv", 10).json()["id"]
    with served.portal.store.begin() as db:
        db.execute(text("UPDATE account SET active = :no WHERE id = :id"), {"no": False, "id": account.id})
    for method, path in (("GET", "/me"), ("GET", f"/uploads/{id}"), ("POST", "/uploads"), ("GET", "/receipts")):
        assert program.api(method, path, json={} if method == "POST" else None).status_code == 401
    assert program.piece(id, b"0123456789").status_code == 401
    for path in ("/", "/receipts", f"/tables/{EVENT}"):
        assert program.get(path).headers.get("location", "").startswith("/login")


def test_the_audit_cannot_be_changed_by_whoever_has_the_database(served: Served) -> None:
    assert served.audited()
    for sql in (
        "UPDATE audit SET account = 'x'",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit",
    ):
        with pytest.raises(DBAPIError), served.portal.store.begin() as db:
            db.execute(text(sql))


# ---- what is shown ---------------------------------------------------------------------------------------------------


def test_what_a_stranger_wrote_runs_nowhere(centre: Person) -> None:
    content = csv_bytes(f"""
        {SCRIPT} |
        工单编号         | 序号 | 环节 | 到达时间   | {SCRIPT}
        NH20260911000001 | 1    | 受理 | {SCRIPT} | x
        NH20260911000002 | 1    | {SCRIPT} | 2026-09-08 | x
    """)
    found = centre.hand_in(EVENT, f"{SCRIPT}.csv", content)
    pages = [centre.get(f"/deliveries/{found['id']}")]
    number = centre.confirmed(found["id"])["receipt"]
    pages += [centre.get(f"/receipts/{number}{end}") for end in ("", "/repair", "/correct")]
    pages += [centre.get("/receipts"), centre.get(f"/tables/{EVENT}"), centre.get("/login", params={"next": SCRIPT})]
    refused = centre.hand_in(EVENT, "x.csv", f"甲,{SCRIPT}\n1,2\n".encode())
    pages += [centre.get(f"/deliveries/{refused['id']}"), centre.get(f"/{SCRIPT}")]
    for page in pages:
        assert page.headers.get("content-type", "text/html").startswith("text/html")
        assert "<script>" not in page.text
        assert "<img src=x" not in page.text
    assert "&lt;script&gt;" in pages[0].text
    for end in ("report.xlsx", "quarantine.xlsx"):
        told = centre.get(f"/receipts/{number}/{end}").headers
        assert told["content-disposition"].startswith("attachment; filename*=UTF-8''")
        assert "\n" not in told["content-disposition"]


def formulas_in(content: bytes) -> list[str]:
    book = openpyxl.load_workbook(io.BytesIO(content))
    return [f"{s.title}!{c.coordinate}" for s in book for row in s.iter_rows() for c in row if c.data_type == "f"]


def test_nothing_that_we_hand_out_is_a_formula(centre: Person, tmp_path: Path) -> None:
    content = csv_bytes(f"""
        {FORMULA}        |
        工单编号         | 序号 | 环节      | 到达时间 | @SUM(A1)
        {FORMULA}        | 1    | +1+cmd    | {FORMULA} | -1+2
        NH20260912000002 | 1    | @SUM(1,1) | {FORMULA} | =1
    """)
    found = centre.hand_in(EVENT, "=1+1.csv", content)
    handed = [centre.get(f"/deliveries/{found['id']}/report.xlsx").content]
    number = centre.confirmed(found["id"])["receipt"]
    handed += [centre.get(f"/receipts/{number}/{end}").content for end in ("report.xlsx", "quarantine.xlsx")]
    handed += [centre.get(f"/tables/{EVENT}/template.xlsx").content]
    for file in handed:
        assert formulas_in(file) == []
    assert FORMULA in str(list(openpyxl.load_workbook(io.BytesIO(handed[2])).active.values))
    quarantined(number, tmp_path / "修正.xlsx")
    assert formulas_in((tmp_path / "修正.xlsx").read_bytes()) == []
    quarantined(number, tmp_path / "修正.csv")
    with (tmp_path / "修正.csv").open(encoding="utf-8-sig", newline="") as lines:
        cells = [cell for line in csv.reader(lines) for cell in line]
    assert f"'{FORMULA}" in cells
    assert not [cell for cell in cells if cell[:1] in "=+@\t\r" and cell]


@given(st.text(st.sampled_from("'=+-@1a.,%\t\r＝"), max_size=6))
def test_a_cell_made_harmless_comes_back_as_it_was(cell: str) -> None:
    shown = harmless(cell)
    assert as_was(shown) == cell
    assert shown[:1] not in ("=", "@", "\t", "\r", "＝")
    assert not shown.startswith(("+", "-")) or re.fullmatch(r"[+-][0-9.,]+%?", shown)


def test_names_that_mean_something_elsewhere() -> None:
    for name in ("CON", "nul.xlsx", "COM1.csv", "lpt9.tar.gz", "Aux"):
        assert safe(name) == f"_{name}"
    for name in (
        "a/../../b.csv",
        "..\\..\\b.csv",
        "/etc/b.csv",
        "C:\\b.csv",
        "\\\\server\\b.csv",
        "b.csv\x00",
        "./b.csv",
    ):
        assert safe(name) == "b.csv"
    assert safe("\u202exslx.告报\u2066.csv") == "xslx.告报.csv"


@given(st.text(max_size=300))
def test_any_name_is_one_part_of_a_path(name: str) -> None:
    kept = safe(name)
    assert Path(kept).name == kept
    assert kept not in (".", "..", "receipt.json", "repairs")
    assert 0 < len(kept.encode()) <= 181
    assert kept.isprintable() or not any(ord(c) < 32 for c in kept)


# ---- the readers and the API, at random ------------------------------------------------------------------------------

GOOD = [
    workbook(event(2) + event(3)),
    events(good=3, bad=1),
    events(good=3, bad=1, encoding="gb18030"),
    b'[{"\xe5\xb7\xa5\xe5\x8d\x95": 1}]',
    b"<table><tr><td>a</td></tr></table>",
]


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """A good file with some of its bytes changed, cut off, put in or put twice."""
    content = bytearray(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        what = draw(st.binary(max_size=8))
        match draw(st.sampled_from(["change", "insert", "cut", "repeat"])):
            case "change":
                content[at : at + len(what)] = what
            case "insert":
                content[at:at] = what
            case "cut":
                del content[at : at + draw(st.integers(1, 200))]
            case "repeat":
                content += content[at:][:2000]
    return bytes(content)


def looked_at(folder: Path, content: bytes) -> None:
    file = folder / "任意.bin"
    file.write_bytes(content)
    outcome = trial(EVENT, file)
    assert outcome.status in ("tried", "refused")
    assert (outcome.status == "refused") == (outcome.refused_because is not None)
    if outcome.refused_because:
        assert re.search("[\u4e00-\u9fff]", outcome.refused_because.message)


BOUNDED = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@BOUNDED
@given(content=spoiled())
def test_a_spoiled_file_is_read_or_refused(home: Path, tmp_path: Path, content: bytes) -> None:
    looked_at(tmp_path, content)


MAGIC = [
    b"",
    b"PK\x03\x04",
    bytes.fromhex("D0CF11E0A1B11AE1"),
    b"{",
    b"[",
    b"<html",
    b"\x1e",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
]


@BOUNDED
@given(content=st.builds(bytes.__add__, st.sampled_from(MAGIC), st.binary(max_size=600)))
def test_random_bytes_are_read_or_refused(home: Path, tmp_path: Path, content: bytes) -> None:
    looked_at(tmp_path, content)


@schemathesis.serializer(OFFSET)
def as_bytes(_: object, value: object) -> bytes:
    return value if isinstance(value, bytes) else getattr(value, "data", str(value).encode())


CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


BEFORE = {  # what a delivery has been through, that a call does something with it
    "PATCH": ("uploading",), "HEAD": ("uploading", "checked"), "DELETE": ("uploading", "checked", "failed"),
    "confirm": ("checked",), "retry": ("failed",), "report.xlsx": ("checked",),
    "state": ("uploading", "checked", "failed"),
}  # fmt: skip


class Real:
    """Tables, receipts and deliveries that there are, one of a kind or a fresh one where a call uses it up."""

    def __init__(self, served: Served, program: Program) -> None:
        self.served, self.program = served, program
        self.table = {"table": EVENT}
        self.loaded = program.loaded(EVENT, "真.csv", events())
        self.withdrawn = program.loaded(EVENT, "真.csv", events())
        program.api("POST", f"/receipts/{self.withdrawn}/withdraw")
        self.content = events()

    def delivery(self, state: str) -> str:
        id = str(self.program.begin(EVENT, "真.csv", len(self.content)).json()["id"])
        if state != "uploading":
            assert self.program.piece(id, self.content).status_code == 204
            self.program.settled(id)
        if state == "failed":
            with self.served.portal.store.begin() as db:
                db.execute(update(Delivery).where(Delivery.id == id).values(state="failed", error="试"))
        return id

    def parts(self, method: str, path: str) -> list[dict[str, str]]:
        """Of each state that matters to the call, what stands in its path."""
        if "{table}" in path:
            return [self.table]
        if "{receipt}" in path:
            return [{"receipt": self.loaded}, {"receipt": self.withdrawn}]
        if "{id}" in path:
            name = path.rsplit("/", 1)[-1]
            return [{"id": self.delivery(s)} for s in BEFORE.get(method) or BEFORE.get(name) or BEFORE["state"]]
        return [{}]


def test_every_call_of_the_api_answers_as_it_is_described(served: Served) -> None:
    """Calls made from the description, for an uploader: no error of ours, no answer that is not described. Each call
    is made with what there is, in the states that matter to it, and does what it is for at least once."""
    served.account("fuzz", owner(EVENT))
    token = served.token("fuzz")
    real = Real(served, Program(served.url, token))
    described = schemathesis.openapi.from_url(f"{served.url}/api/openapi.json")
    operations = [found.ok() for found in described.get_all_operations()]
    assert len(operations) >= 20
    reached: dict[str, set[int]] = {}
    for operation in operations:
        call = f"{operation.method.upper()} {operation.path}"
        for given_path in (None, *real.parts(operation.method.upper(), operation.path)):
            reached.setdefault(call, set()).update(codes(operation, token, given_path))
    assert [call for call, got in reached.items() if not any(200 <= code < 300 for code in got)] == []


def codes(operation: schemathesis.APIOperation, token: str, path: dict[str, str] | None) -> set[int]:
    """The answers to some calls, with the path as given or as drawn."""
    got = set()

    @settings(
        max_examples=8 if path is None else 4, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(case=operation.as_strategy(**({"path_parameters": path} if path else {})))
    def called(case: schemathesis.Case) -> None:
        if path and operation.method.upper() == "PATCH":
            case.headers["Upload-Offset"] = "0"
        if isinstance(case.body, dict) and "table" in case.body:
            case.body["table"] = EVENT
        if path is not None and "table" in (case.query or {}):
            case.query["table"] = EVENT
        got.add(case.call_and_validate(checks=CHECKS, headers={"Authorization": f"Bearer {token}"}).status_code)

    called()
    return got
