"""A delivery from the first byte to the receipt, and back: what is taken, shown, mended, withdrawn, and by whom."""

from __future__ import annotations

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openpyxl
import pytest

from citybrain import contracts
from citybrain.ingest import landing
from citybrain.portal.names import safe
from tests.ingest.pictures import csv_bytes
from tests.lake import rows_of
from tests.portal.conftest import CASE, EVENT
from tests.portal.drawn import events
from tests.portal.served import Person, Program, Served


def rows(receipt: str, table: str = EVENT) -> list[tuple[object, ...]]:
    found = [r for r in rows_of(f"bronze.{table}") if r["_receipt"] == receipt]
    return sorted((r["_row"], r["event_no"], r["step"]) for r in found)


def workbook(content: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(content))


def test_nothing_enters_the_lake_before_its_sender_says_so(served: Served, centre: Person, home: Path) -> None:
    content = events(good=2, bad=1, encoding="gb18030")
    before = set((home / "lake").rglob("*.parquet"))
    found = centre.hand_in(EVENT, "流转.csv", content)
    assert found["preview"]["counts"] == {"delivered": 3, "accepted": 2, "quarantined": 1, "set_aside": 0}
    assert found["preview"]["detected"]["encoding"] == "gb18030"
    number = found["preview"]["receipt"]
    assert (landing.find(f"bronze.{EVENT}", number), set((home / "lake").rglob("*.parquet"))) == (None, before)
    page = centre.get(f"/deliveries/{found['id']}").text
    for said in ("到达时间", "D4", "2026-02-30", "请写成 2026-09-08", "GB18030", "确认入库"):
        assert said in page

    done = centre.confirmed(found["id"])
    assert done["receipt"] == number
    assert rows(number) == [(2, 1, "受理"), (3, 2, "受理")]
    receipt = landing.holder(number)
    assert (receipt.sender, receipt.sha256) == ("centre", hashlib.sha256(content).hexdigest())
    assert receipt.original.read_bytes() == content
    assert receipt.sha256 in centre.get(f"/receipts/{number}").text
    assert not (served.portal.settings.spool / found["id"]).exists()
    actions = [a.action for a in served.audited(subject=found["id"])]
    assert actions == ["upload", "uploaded", "view", "view", "confirm"]  # looked at by a program, and on its page
    assert centre.api("POST", f"/uploads/{found['id']}/confirm").status_code == 202  # twice is once
    assert len(rows(number)) == 2


def test_an_upload_goes_on_where_the_connection_broke(centre: Person) -> None:
    content = events(good=300, bad=0)
    id = centre.begin(EVENT, "流转.csv", len(content)).json()["id"]
    assert centre.piece(id, content[:1000]).headers["upload-offset"] == "1000"
    for offset in (0, 999, 1001):
        assert centre.piece(id, content[offset:], offset).status_code == 409
    held = centre.api("HEAD", f"/uploads/{id}").headers
    assert (held["upload-offset"], held["upload-length"]) == ("1000", str(len(content)))
    assert centre.piece(id, content[1000:] + b"x", 1000).status_code == 413
    offset = int(centre.api("HEAD", f"/uploads/{id}").headers["upload-offset"])
    assert centre.piece(id, content[offset:], offset).status_code == 204
    assert centre.settled(id)["preview"]["counts"]["accepted"] == 300


def test_what_is_given_up_leaves_nothing(served: Served, centre: Person) -> None:
    found = centre.hand_in(EVENT, "流转.csv", events())
    assert centre.api("DELETE", f"/uploads/{found['id']}").status_code == 204
    assert not (served.portal.settings.spool / found["id"]).exists()
    assert centre.api("POST", f"/uploads/{found['id']}/confirm").status_code == 409
    assert landing.find(f"bronze.{EVENT}", found["preview"]["receipt"]) is None


def test_quarantined_rows_are_downloaded_mended_and_taken_under_the_same_receipt(centre: Person) -> None:
    number = centre.loaded(EVENT, "流转.csv", events(good=1, bad=2))
    form = workbook(centre.get(f"/receipts/{number}/quarantine.xlsx").content)
    sheet = form.active
    assert [c.value for c in sheet[1]] == ["行号", "工单编号", "序号", "环节", "到达时间", "原因"]
    assert (sheet["A2"].value, sheet["E2"].value) == ("3", "2026-02-30")
    sheet["E2"].value, sheet["E3"].value = "2026-09-08 10:00:00", "2026-09-08 10:01:00"
    mended = io.BytesIO()
    form.save(mended)
    assert centre.get(f"/receipts/{number}/repair").status_code == 200
    found = centre.hand_in(EVENT, "改好.xlsx", mended.getvalue(), purpose="repair", receipt=number)
    assert found["preview"]["counts"]["accepted"] == 3
    assert len(rows(number)) == 1
    assert centre.confirmed(found["id"])["receipt"] == number
    assert rows(number) == [(2, 1, "受理"), (3, 2, "派遣"), (4, 3, "派遣")]
    assert "改好.xlsx" in centre.get(f"/receipts/{number}").text
    wrong = centre.hand_in(EVENT, "改错.csv", "行号,环节\n2,派遣\n".encode(), purpose="repair", receipt=number)
    assert (wrong["state"], "第 2 行不在隔离区" in wrong["error"]) == ("failed", True)


def test_a_repair_that_is_no_table_is_told_what_it_is(served: Served, centre: Person) -> None:
    number = centre.loaded(EVENT, "流转.csv", events())
    found = centre.hand_in(EVENT, "改好.xlsx", b"%PDF-1.7 nothing", purpose="repair", receipt=number)
    assert found["state"] == "failed"
    assert "不能当作表格读取" in centre.get(f"/deliveries/{found['id']}").text
    assert centre.api("POST", f"/uploads/{found['id']}/retry").status_code == 202
    assert centre.settled(found["id"])["state"] == "failed"  # it has not become a table
    assert served.audited(action="retry", subject=found["id"], account="centre")
    assert centre.api("DELETE", f"/uploads/{found['id']}").status_code == 204


def test_a_correction_comes_in_place_of_the_old_one(centre: Person) -> None:
    old = centre.loaded(EVENT, "旧.csv", events(good=3, bad=0))
    assert centre.get(f"/receipts/{old}/correct").status_code == 200
    new = centre.loaded(EVENT, "新.csv", events(good=1, bad=0), purpose="correct", receipt=old)
    assert (rows(old), len(rows(new))) == ([], 1)
    assert f"/receipts/{new}" in centre.get(f"/receipts/{old}").text
    assert f"/receipts/{old}" in centre.get(f"/receipts/{new}").text


def test_what_is_withdrawn_leaves_the_lake_and_may_come_again(served: Served, centre: Person) -> None:
    content = events(good=2, bad=0)
    number = centre.loaded(EVENT, "流转.csv", content)
    again = centre.hand_in(EVENT, "流转.csv", content)
    assert (again["state"], again["receipt"]) == ("done", number)
    assert centre.submit(f"/receipts/{number}/withdraw").status_code == 303
    assert (rows(number), "已撤回" in centre.get(f"/receipts/{number}").text) == ([], True)
    assert centre.loaded(EVENT, "流转.csv", content) == number
    assert len(rows(number)) == 2
    assert [a.account for a in served.audited(subject=number, action="withdraw")] == ["centre"]


def test_another_departments_receipt_is_not_there(served: Served, centre: Person, services: Person) -> None:
    number = centre.loaded(EVENT, "流转.csv", events())
    open_one = centre.hand_in(EVENT, "流转.csv", events())["id"]
    paths = [f"/receipts/{number}{end}" for end in ("", "/report.xlsx", "/report.json", "/quarantine.xlsx", "/original",
             "/repair", "/correct")]  # fmt: skip
    paths += [f"/deliveries/{open_one}", f"/deliveries/{open_one}/report.xlsx", f"/receipts?table={EVENT}"]
    paths += [f"/tables/{EVENT}", f"/tables/{EVENT}/template.xlsx"]
    for path in paths:
        theirs, nobodys = services.get(path), services.get(path.replace(number, "R-0000000000000000"))
        assert (theirs.status_code, theirs.text) == (404, nobodys.text), path
    for method, path in (("GET", f"/receipts/{number}"), ("POST", f"/receipts/{number}/withdraw"),
                         ("GET", f"/uploads/{open_one}"), ("HEAD", f"/uploads/{open_one}"),
                         ("POST", f"/uploads/{open_one}/confirm"), ("DELETE", f"/uploads/{open_one}")):  # fmt: skip
        assert services.api(method, path).status_code == 404, path
    assert services.piece(open_one, b"x").status_code == 404
    assert services.submit(f"/receipts/{number}/withdraw").status_code == 404
    assert services.begin(EVENT, "x.csv", 5).status_code == 404
    assert services.begin(CASE, "x.csv", 5, purpose="correct", receipt=number).status_code == 404
    assert number not in services.get("/receipts").text
    assert [t["table"] for t in services.api("GET", "/tables").json() if t["table"] == EVENT] == []
    assert landing.holder(number).status == "loaded"
    assert served.audited(subject=number, action="denied")[0].account == "services"


CASES = """
    {case_id} | {item_code}   | {applicant_id}     | {accepted_at}
    A00000001 | 114406050MXXX | 440605199001011234 | 2026-09-08 09:05:00
    A00000002 | 114406050MXXX | 440605199001011230 | 2026-02-30
"""


def test_personal_cells_are_shown_to_their_department_only(services: Person, steward: Program) -> None:
    titles = {f.name: f.title for f in contracts.load()[f"bronze.{CASE}"].fields}
    content = csv_bytes(CASES.format_map(titles))
    number = services.loaded(CASE, "办件.csv", content)
    secret = "440605199001011230"
    for path in ("report.xlsx", "quarantine.xlsx"):
        own = _texts(services.get(f"/receipts/{number}/{path}").content)
        others = _texts(steward.api("GET", f"/receipts/{number}/{path}").content)
        assert secret in own, path
        assert secret not in others, path
        assert "A00000002" in others, path
    assert secret not in steward.api("GET", f"/receipts/{number}").text
    assert services.get(f"/receipts/{number}/original").content == content
    assert steward.get(f"/receipts/{number}/original").status_code == 403


def _texts(content: bytes) -> str:
    book = workbook(content)
    return " ".join(str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row if cell)


def test_the_annotated_workbook_marks_the_cells_and_runs_no_formula(centre: Person) -> None:
    evil = '=HYPERLINK("http://evil.example","点我")'
    content = csv_bytes(f"""
        流转登记表
        工单编号         | 序号 | 环节 | 到达时间 | 备注栏
        NH20260909000001 | 1    | 受理 | 2026-02-30 | {evil}
        NH20260909000001 | 2    | +1+1 | 2026-09-08 09:00:00 | -2+3
    """)  # fmt: skip
    found = centre.hand_in(EVENT, "流转.csv", content)
    book = workbook(centre.get(f"/deliveries/{found['id']}/report.xlsx").content)
    errors, marked = book["问题清单"], book["标注"]
    assert [c.value for c in errors[1]][:4] == ["业务主键", "单元格", "列名", "原样文字"]
    assert [c.value for c in errors[2]][:4] == ["NH20260909000001|1", "D3", "到达时间", "2026-02-30"]
    assert marked["A1"].value == "流转登记表"
    assert marked.freeze_panes == "A3"
    assert "不是存在的" in marked["D3"].comment.text
    assert marked["D3"].fill.fgColor.rgb == "FFF8CBAD"
    assert marked["D4"].comment is None
    assert (marked["E3"].value, marked["E3"].data_type, marked["C4"].data_type) == (evil, "s", "s")
    assert "<f>" not in "".join(_parts(centre.get(f"/deliveries/{found['id']}/report.xlsx").content))


def test_a_rule_between_columns_is_named_in_chinese_in_the_list_of_errors(services: Person) -> None:
    content = csv_bytes(f"""
        办件编号 | 事项编码 | 受理时间 | 办结时间
        NB4001 | {"1" * 31} | 2026-03-02 09:00:00 | 2026-03-01 09:00:00
    """)
    found = services.hand_in(CASE, "办件.csv", content)
    errors = workbook(services.get(f"/deliveries/{found['id']}/report.xlsx").content)["问题清单"]
    named = {row[1]: row[6] for row in errors.iter_rows(min_row=2, values_only=True)}
    assert named["D2"] == "办结时间早于受理时间"


def test_a_form_that_changed_is_said_before_the_clerk_confirms(centre: Person) -> None:
    centre.loaded(EVENT, "流转.csv", events(good=4, bad=0))
    found = centre.hand_in(EVENT, "流转.csv", events(good=4, bad=0) + b"\n")
    assert "看看是不是选错了文件" not in centre.get(f"/deliveries/{found['id']}").text
    other = csv_bytes(
        "工单编号|工序|环节|到达时间|备用\nNH20260908990001|1|受理|2026-09-08 09:00:00|x".replace("工序", "序号")
    )
    page = centre.get(f"/deliveries/{centre.hand_in(EVENT, '流转.csv', other)['id']}").text
    told = page.index("与上次报送相比有 2 处不同")
    assert told < page.index("确认入库")
    assert page.index("确认入库") < page.index('id="form"') < page.index("“备用”新增的列")
    assert "这次 1 行，上次 4 行，少了 75%" in page


def test_a_repair_is_not_compared_with_the_last_delivery(centre: Person) -> None:
    centre.loaded(EVENT, "流转.csv", events(good=9, bad=0))
    number = centre.loaded(EVENT, "流转.csv", events(good=1, bad=2))
    found = centre.hand_in(EVENT, "改好.csv", "行号\n3\n".encode(), purpose="repair", receipt=number)
    page = centre.get(f"/deliveries/{found['id']}").text
    assert "修正以后，1 行可以入库，2 行仍有问题" in page
    assert "与上次" not in page


def test_what_was_withdrawn_or_refused_is_not_said_to_be_in_the_lake_or_to_wait(served: Served, centre: Person) -> None:
    number = centre.loaded(EVENT, "流转.csv", events(good=1, bad=1))
    assert "<b>1</b>已入库" in centre.get(f"/receipts/{number}").text
    assert centre.submit(f"/receipts/{number}/withdraw").status_code == 303
    page = centre.get(f"/receipts/{number}").text
    assert "<b>1</b>曾入库，已撤回" in page
    assert "待修正" not in page
    assert centre.get(f"/receipts/{number}/report.json").json()["status"] == "withdrawn"
    assert served.audited(action="download", subject=number)[-1].detail == {"what": "report.json"}
    refused = centre.hand_in(EVENT, "别的.csv", "姓名,电话\n甲,1\n".encode())
    waiting = centre.get("/receipts").text.partition(f"/deliveries/{refused['id']}")[2].partition("</tr>")[0]
    assert "未接收" in waiting
    assert "等待确认" not in waiting


def test_how_large_a_file_may_be_is_said_where_it_is_chosen(served: Served, centre: Person) -> None:
    number = centre.loaded(EVENT, "流转.csv", events())
    for path, purpose, of in (
        (f"/tables/{EVENT}", "deliver", {}),
        (f"/receipts/{number}/repair", "repair", {"receipt": number}),
    ):
        page = centre.get(path).text
        largest = int(page.split('data-largest="')[1].split('"')[0])
        assert centre.begin(EVENT, "x.csv", largest + 1, purpose=purpose, **of).status_code == 413
        allowed = centre.begin(EVENT, "x.csv", largest, purpose=purpose, **of)
        assert allowed.status_code == 201
        centre.api("DELETE", f"/uploads/{allowed.json()['id']}")


def _parts(content: bytes) -> list[str]:
    import zipfile

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [archive.read(name).decode("utf-8", "replace") for name in archive.namelist() if "sheet" in name]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"), ("C:\\用户\\办件.xlsx", "办件.xlsx"), ("..", "未命名"),
        (".hidden.csv", "hidden.csv"), ("receipt.json", "_receipt.json"), ("repairs", "_repairs"),
        ("a\x00b\n.csv", "ab.csv"), ("~$锁.xlsx", "$锁.xlsx"),
        ("\u202egpj.exe", "gpj.exe"), ("", "未命名"), ("办" * 200 + ".xlsx", "办" * 58 + ".xlsx"),
    ],
)  # fmt: skip
def test_names_of_files_lead_nowhere(sent: str, kept: str) -> None:
    assert safe(sent) == kept
    assert len(safe(sent).encode()) <= 180


def test_a_name_with_a_path_stays_in_its_folder(served: Served, centre: Person, home: Path) -> None:
    answer = centre.begin(EVENT, "../../../../出逃.csv", 5)
    assert answer.json()["file"] == "出逃.csv"
    centre.piece(answer.json()["id"], b"hello")
    centre.settled(answer.json()["id"])
    assert [p for p in home.parent.rglob("*出逃*") if served.portal.settings.spool not in p.parents] == []


def test_sizes_and_kinds_are_bounded(served: Served, centre: Person) -> None:
    assert centre.begin(EVENT, "空.csv", 0).status_code == 422
    assert centre.begin(EVENT, "大.csv", served.portal.settings.largest + 1).status_code == 413
    id = centre.begin(EVENT, "x.csv", 100).json()["id"]
    wrong = centre.api(
        "PATCH", f"/uploads/{id}", content=b"x", headers={"Content-Type": "text/plain", "Upload-Offset": "0"}
    )
    assert wrong.status_code == 422
    chunk = served.portal.settings.chunk
    assert centre.piece(id, bytes(chunk + 1)).status_code == 413
    assert centre.piece(id, iter([bytes(chunk), b"x"])).status_code == 413  # type: ignore[arg-type]
    assert centre.post("/login", data={"name": "x" * (2 << 20)}).status_code == 413


def test_what_is_no_table_gets_a_specific_answer(centre: Person) -> None:
    for name, content, said in (
        ("照片.jpg", b"\xff\xd8\xff\xe0" + bytes(100), "图片"),
        ("乱.csv", "工单编号,序号\n甲".encode() + b"\xff\xfe\x80", "不是有效的"),
        ("别的.csv", "姓名,电话\n甲,1\n".encode(), "表头"),
    ):
        found = centre.hand_in(EVENT, name, content)
        assert found["preview"]["status"] == "refused"
        assert said in found["preview"]["refused_because"]["message"]
        assert centre.api("POST", f"/uploads/{found['id']}/confirm").status_code == 409
        assert said in centre.get(f"/deliveries/{found['id']}").text


def test_a_secret_file_is_destroyed_at_once_and_noted(served: Served, centre: Person) -> None:
    found = centre.hand_in(EVENT, "秘密★.csv", events())
    assert found["state"] == "done"
    receipt = landing.holder(found["receipt"])
    assert (receipt.status, receipt.original.exists()) == ("destroyed", False)
    assert not (served.portal.settings.spool / found["id"]).exists()


def test_a_second_upload_while_the_first_runs(centre: Person) -> None:
    contents = [events(good=3000, bad=1), *(events(good=2, bad=0) for _ in range(5))]
    with ThreadPoolExecutor(6) as pool:
        numbers = list(pool.map(lambda c: centre.loaded(EVENT, "流转.csv", c), contents))
    assert [len(rows(n)) for n in numbers] == [3000, 2, 2, 2, 2, 2]


def test_a_program_hands_in_without_waiting_for_a_word(served: Served) -> None:
    program = Program(served.url, served.token("centre"))
    done = program.hand_in(EVENT, "流转.csv", events(good=2, bad=1), direct=True)
    assert (done["state"], len(rows(done["receipt"]))) == ("done", 2)
    report = program.api("GET", f"/receipts/{done['receipt']}").json()
    assert report["counts"]["quarantined"] == 1
    assert [i["cell"] for i in report["issues"] if i["severity"] == "block"] == ["D4"]


def test_the_steward_sees_all_and_the_form_says_what_changed(centre: Person, steward: Program) -> None:
    first = events(good=10, bad=0)
    number = centre.loaded(EVENT, "流转.csv", first)
    assert number in {r["receipt"] for r in steward.api("GET", f"/receipts?table={EVENT}").json()}
    renamed = events(good=20, bad=0).replace("环节,到达时间".encode(), "到达时间,节点名称2,环节".encode())
    lines = [line.split(",") for line in renamed.decode().splitlines()]
    body = "\r\n".join([",".join(lines[0]), *(f"{a},{b},{d},x,{c}" for a, b, c, d in lines[1:])]) + "\r\n"
    found = centre.hand_in(EVENT, "流转.csv", body.encode())
    page = centre.get(f"/deliveries/{found['id']}").text
    for said in ("“节点名称2”新增的列", "列的顺序变了", "这次 20 行，上次 10 行，多了 100%", "不入库"):
        assert said in page
