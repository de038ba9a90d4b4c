"""An upload whose page is gone goes on where it stopped, with the same file and with no other."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from pathlib import Path

import pytest

from citybrain.ingest import landing
from tests.portal.clerk import Clerk
from tests.portal.conftest import CASE, EVENT
from tests.portal.drawn import events
from tests.portal.served import Person, Piece, Served

BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(not shutil.which("chromium"), reason="no Chromium here (Debian: apt-get install chromium)"),
]
LINE = {"offline": False, "latency": 0, "downloadThroughput": -1}
SLOW, FAST = {**LINE, "uploadThroughput": 20 << 20}, {**LINE, "uploadThroughput": -1}
NAME = "流转.csv"


def test_what_has_come_is_told_by_piece_so_that_a_file_can_be_compared(served: Served, centre: Person) -> None:
    content = events(good=30, bad=0)
    id = centre.begin(EVENT, NAME, len(content)).json()["id"]
    asked = f"/uploads/{id}/sha256"
    assert centre.api("GET", asked).json() == {"start": 0, "end": 0, "sha256": hashlib.sha256().hexdigest()}
    centre.piece(id, content[:1000])
    sha = hashlib.sha256(content[10:1000]).hexdigest()
    assert centre.api("GET", f"{asked}?start=10").json() == {"start": 10, "end": 1000, "sha256": sha}
    assert centre.api("GET", f"{asked}?start=5000").json()["end"] == 5000
    assert centre.api("GET", f"{asked}?start=-1").status_code == 422
    centre.piece(id, content[1000:], 1000)
    assert centre.api("GET", asked).status_code == 409


def test_of_a_long_upload_a_piece_is_a_chunk(served: Served, centre: Person) -> None:
    chunk = served.portal.settings.chunk
    id = centre.begin(EVENT, NAME, 2 * chunk).json()["id"]
    for offset, length in ((0, chunk), (chunk, 1)):
        assert centre.piece(id, bytes(length), offset).status_code == 204
    ends = [centre.api("GET", f"/uploads/{id}/sha256?start={start}").json()["end"] for start in (0, chunk)]
    assert ends == [chunk, chunk + 1]
    assert centre.api("DELETE", f"/uploads/{id}").status_code == 204


def test_only_ones_own_unfinished_uploads_of_such_a_file_are_told_the_latest_first(
    served: Served, centre: Person, steward: Person
) -> None:
    name = "没传完 1.csv"
    first, last = (centre.begin(EVENT, name, 77).json()["id"] for _ in range(2))
    centre.begin(EVENT, name, 78)
    centre.begin(EVENT, f"别的{name}", 77)
    dropped = centre.begin(EVENT, name, 77).json()["id"]
    centre.api("DELETE", f"/uploads/{dropped}")
    number = centre.loaded(EVENT, NAME, events())
    mended = centre.begin(EVENT, name, 77, purpose="repair", receipt=number).json()["id"]

    def told(person: Person, **more: object) -> list[str]:
        answer = person.api("GET", "/uploads", params={"table": EVENT, "file": name, "size": 77, **more})
        return [upload["id"] for upload in answer.json()]

    assert told(centre) == [last, first]
    assert told(centre, purpose="repair", receipt=number) == [mended]
    assert told(steward) == []
    for table in (EVENT, "no__such_table"):
        other = served.signed_in("services").api("GET", "/uploads", params={"table": table, "file": name, "size": 77})
        assert other.status_code == 404
    assert centre.api("GET", "/uploads", params={"table": CASE, "file": name, "size": 77}).status_code == 404
    page = centre.get(f"/deliveries/{mended}").text
    assert f'href="/receipts/{number}/repair"' in page


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Of some tens of MB in few rows; of each test another one, for what was received before is not received again."""
    path = tmp_path / NAME
    rows = (f"NH2026090600{i:04},1,受理,2026-09-06 09:00:00,{f'{i:05}' * 2_000}" for i in range(3_000))
    path.write_text("\n".join(["工单编号,序号,环节,到达时间,意见", *rows, f"NH1,1,受理,,{tmp_path.name}"]), "utf-8")
    return path


def interrupted(clerk: Clerk, file: Path) -> tuple[str, int]:
    """The page is loaded anew in the middle; gives the upload, and how many bytes of it the server has."""
    clerk.sign_in("centre")
    clerk.go(f"/tables/{EVENT}")
    clerk.page.send("Network.emulateNetworkConditions", **SLOW)
    clerk.choose(file)
    clerk.until("document.getElementById('progress').value > 0.5")
    clerk.go(f"/tables/{EVENT}")
    clerk.page.send("Network.emulateNetworkConditions", **FAST)
    last = clerk.served.pieces[-1]
    came = -1
    while came != last.bytes:  # what was on its way
        came = last.bytes
        time.sleep(0.3)
    return last.path.rsplit("/", 1)[1], int(last.offset) + came


def chosen(clerk: Clerk, file: Path) -> tuple[str, list[Piece]]:
    """Chosen, sent and confirmed; gives the upload, and what the server was sent."""
    before = len(clerk.served.pieces)
    clerk.choose(file)
    clerk.until("location.pathname.startsWith('/deliveries/')")
    id = str(clerk.page.value_of("location.pathname")).rsplit("/", 1)[1]
    clerk.until("document.title.startsWith('检查结果')", 60)
    return id, clerk.served.pieces[before:]


def received_sha(person: Person, id: str) -> str:
    return landing.holder(person.confirmed(id)["receipt"]).sha256


@pytest.fixture(params=["https", "http"])
def scheme(request: pytest.FixtureRequest, clerk: Clerk) -> str:
    """Browsers offer their hashes to pages over HTTPS, and on loopback, and to no others."""
    if request.param == "http":
        clerk.page.send("Page.addScriptToEvaluateOnNewDocument", source="delete Crypto.prototype.subtle")
    return str(request.param)


class TestInABrowser:
    pytestmark = BROWSER

    def test_the_script_s_hashes_are_those_of_the_browser(self, clerk: Clerk) -> None:
        clerk.sign_in("centre")
        differ = clerk.page.value_of("""(async () => {
            const { sha256 } = await import("/static/sha256.js"), differ = [];
            for (const length of [...Array(260).keys(), 65535, 1 << 20]) {
              const bytes = Uint8Array.from({ length: length + 3 }, (_, i) => i * i * 31 + length >>> 3).subarray(3);
              const own = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
              if (sha256(bytes) !== Array.from(own, byte => byte.toString(16).padStart(2, "0")).join("")) {
                differ.push(length);
              }
            }
            return [differ, sha256(new TextEncoder().encode("模拟数据"))];
        })()""")
        assert differ == [[], hashlib.sha256("模拟数据".encode()).hexdigest()]

    def test_the_same_file_goes_on_where_it_stopped(
        self, scheme: str, clerk: Clerk, centre: Person, file: Path
    ) -> None:
        broken_off, held = interrupted(clerk, file)
        assert clerk.page.value_of("!!crypto.subtle") == (scheme == "https")
        size = file.stat().st_size
        assert 0 < held < size
        id, pieces = chosen(clerk, file)
        assert id == broken_off
        assert min(int(piece.offset) for piece in pieces) == held
        assert sum(piece.bytes for piece in pieces) == size - held
        assert received_sha(centre, id) == hashlib.sha256(file.read_bytes()).hexdigest()
        assert clerk.complaints() == []

    def test_another_file_of_that_name_size_and_time_begins_anew(
        self, scheme: str, clerk: Clerk, centre: Person, file: Path
    ) -> None:
        broken_off, held = interrupted(clerk, file)
        before, content = file.stat(), bytearray(file.read_bytes())
        content[held - 9] ^= 1  # nothing tells them apart but a byte of what the server has
        file.write_bytes(content)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        id, pieces = chosen(clerk, file)
        assert id != broken_off
        assert (int(pieces[0].offset), sum(piece.bytes for piece in pieces)) == (0, before.st_size)
        assert {piece.path for piece in pieces} == {f"/api/v1/uploads/{id}"}
        assert received_sha(centre, id) == hashlib.sha256(content).hexdigest()
        assert centre.api("GET", f"/uploads/{broken_off}").json()["offset"] == held
        assert centre.api("DELETE", f"/uploads/{broken_off}").status_code == 204
