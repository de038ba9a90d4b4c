"""From a question to a number, and from the number to the cells that departments sent."""

import hashlib
import json
import shutil
from datetime import date, datetime
from decimal import Decimal

import pytest

from citybrain import duck, lake, serve
from citybrain.indicators import contributions, query
from citybrain.indicators.model import QuestionError
from citybrain.runner.state import Pin, State
from tests.indicators.drawn import AREA, AREAS, CONTRACTS, DUE, FLOW, JOURNAL, drawn, put
from tests.jobs.lakehouse import deliver
from tests.tables import instant

ORDERS = [
    # id, town, reported, accepted, closed, final deadline
    ("NH20260301000001", "440605011", "2026-03-01T09:00", "2026-03-01T10:00", "2026-03-03T10:00", "2026-03-04T17:30"),
    ("NH20260301000002", "440605124", "2026-03-01T09:00", "2026-03-01T10:00", "2026-03-09T10:00", "2026-03-04T17:30"),
    ("NH20260302000003", None, "2026-03-02T09:00", "2026-03-02T10:00", None, "2026-03-05T17:30"),
    ("NH20260331000004", "440605011", "2026-03-31T09:00", "2026-03-31T10:00", None, "2026-04-02T17:30"),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A lake as ingest and runner leave it, of four orders; the second was corrected by a later file."""
    home = tmp_path_factory.mktemp("city")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CITYBRAIN_HOME", str(home))
        put(AREA, drawn(AREAS)[1])
        land("R-1", "工单0301.csv", [order(*o) for o in ORDERS])
        land("R-2", "工单0309.csv", [order(*ORDERS[1])], nth=1)
        put("silver.work_order", [silver(*o) for o in ORDERS], state({"bronze.centre__work_order": 1}))
        for table in (FLOW, DUE):
            cube(table)
        serve.publish()
    return home


@pytest.fixture(autouse=True)
def city(built, monkeypatch):
    monkeypatch.setenv("CITYBRAIN_HOME", str(built))


@pytest.fixture
def own_city(built, tmp_path, monkeypatch):
    """A copy to change."""
    shutil.copytree(built, tmp_path / "city", symlinks=True)
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "city"))


def order(id, town, reported, accepted, closed, deadline):
    moments = {"reported_at": reported, "accepted_at": accepted, "closed_at": closed, "deadline_at": deadline}
    return {
        "work_order_id": id,
        "town_code": town,
        "reporter_name": "张三",
        "reporter_phone": "13800138000",
        "request_text": "张三反映井盖破损",
    } | {name: instant(text) if text else None for name, text in moments.items()}


def silver(id, town, reported, accepted, closed, deadline):
    kept = order(id, town, reported, accepted, closed, deadline)
    gone = ("reporter_name", "reporter_phone", "request_text")
    return {n: v for n, v in kept.items() if n not in gone} | {
        "filed_at": kept["accepted_at"],
        "disposed_at": kept["closed_at"],
        "final_deadline_at": kept["deadline_at"],
        "major_category_code": "01",
        "source_system": "12345热线",
        "rework_times": 0,
        "quality_flags": [],
    }


def land(receipt, file, rows, nth=0):
    """Bronze rows, and the original with its receipt."""
    deliver("bronze.centre__work_order", [{**row, "_file": file} for row in rows], receipt, nth)
    folder = lake.folder("landing") / "centre__work_order" / receipt
    folder.mkdir(parents=True)
    (folder / file).write_text("…")
    columns = [{"position": 0, "letter": "A", "header": "工单号", "field": "work_order_id"},
               {"position": 1, "letter": "B", "header": "结案时间", "field": "closed_at"},
               {"position": 2, "letter": "C", "header": "备注", "field": None}]  # fmt: skip
    said = {"receipt": receipt, "table": "bronze.centre__work_order", "file": file, "sender": "区智运中心",
            "sha256": hashlib.sha256(file.encode()).hexdigest(), "received_at": "2026-11-01T00:00:00Z",
            "detected": {"kind": "csv", "columns": columns}}  # fmt: skip
    (folder / "receipt.json").write_text(json.dumps(said))


def state(inputs):
    return State("run", 1, "f", {name: Pin("id", version) for name, version in inputs.items()}).to_json()


def cube(table):
    """The cube of the silver table, summed by DuckDB."""
    contract = CONTRACTS[table]
    with duck.open_lake() as db:
        contributions.view(db, contract, version=0)
        keys = ", ".join(contract.key)
        sums = ", ".join(f"COUNT(*) AS {m.name}" if m.name == "row_count" else f"SUM({m.name}) AS {m.name}"
                         for m in contract.measures)  # fmt: skip
        cursor = db.execute(f"SELECT {keys}, {sums} FROM contributions GROUP BY {keys}")
        names = [column[0] for column in cursor.description]
        put(table, [dict(zip(names, row, strict=True)) for row in cursor.fetchall()], state({"silver.work_order": 0}))


def test_an_answer_names_its_formula_variant_time_and_source_versions():
    answer = query.indicator("WO08", period="2026-03")
    assert (answer.numerator, answer.denominator) == (1, 3)
    assert answer.shown == "33.33%"
    assert answer.as_of == date(2026, 3, 31), "the last day with reported orders, never today"
    assert answer.formula == "按期结案数 ÷ 应结案数 × 100"
    assert [(s.table, s.version) for s in answer.sources] == [(DUE, 0)]
    assert {f.figure: f.amount for f in answer.figures} == {"wo_closed_on_time": 1, "wo_due_close": 3}
    text = query.answer_text(answer)
    assert "WO08 按期结案率 · 按期结案率（不结转）（due_once）" in text
    assert f"工单应办日统计 {DUE} 第 0 版" in text
    assert json.loads(query.answer_json(answer))["value"] == pytest.approx(100 / 3)


def test_an_answer_is_as_of_any_day():
    assert query.indicator("WO07", period="2026-03", as_of="2026-03-05").numerator == 1
    assert query.indicator("WO07", period="2026-03", as_of="2026-03-09").numerator == 2
    late = query.indicator("WO07", period="2026-03", as_of="2030-01-01")
    assert late.as_of == date(2026, 3, 31), "nothing is known later than the data"


def test_an_area_is_asked_for_by_code_or_name():
    by_name = query.indicator("WO08", area="桂城", period="2026-03")
    assert by_name == query.indicator("WO08", area="440605011", period="2026-03")
    assert (by_name.numerator, by_name.denominator) == (1, 1)


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"id": "WO99"}, "GS01、GS08"),
        ({"id": "WO08", "variant": "best"}, "可用的口径：due_once、due_carry"),
        ({"id": "WO08", "area": "顺德"}, "桂城街道 440605011"),
        ({"id": "WO08", "period": "2027"}, "还没有开始"),
        ({"id": "WO08", "period": "March"}, "看不懂统计期"),
        ({"id": "WO08", "period": "2026-13"}, "没有这样的统计期"),
        ({"id": "WO08", "as_of": "tomorrow"}, "看不懂日期"),
        ({"id": "GS01"}, "还没有数据"),
    ],
)
def test_a_question_that_cannot_be_answered_is_told_what_there_is(question, message):
    with pytest.raises(QuestionError, match=message):
        query.indicator(**question)


@pytest.mark.usefixtures("own_city")
def test_what_was_known_at_a_moment_comes_from_the_journal():
    put(JOURNAL, drawn("""
        gold.platform__indicator_value
        indicator_id | variant  | area_code | period_kind | period  | period_start | period_end | as_of      | numerator | denominator | value | published_at     | revision
        WO08         | due_once | 440605    | month       | 2026-03 | 2026-03-01   | 2026-03-08 | 2026-03-08 | 0         | 1           | 0     | 2026-03-09T06:00 | 1
        WO08         | due_once | 440605    | month       | 2026-03 | 2026-03-01   | 2026-03-31 | 2026-04-09 | 1         | 3           | 33.3  | 2026-04-10T06:00 | 2
    """)[1])  # fmt: skip # noqa: E501
    serve.publish()
    then = query.indicator("WO08", period="2026-03", known_at="2026-03-09")
    assert (then.value, then.revision, then.as_of) == (0.0, 1, date(2026, 3, 8))
    assert then.published_at == instant("2026-03-09T06:00")
    assert query.indicator("WO08", period="2026-03", known_at="20260309").known_at == then.known_at
    assert query.indicator("WO08", period="2026-03", known_at=datetime.fromisoformat("2026-12-01")).revision == 2
    assert "第 1 次发布；问的是到 2026-03-09 23:59 为止所知" in query.answer_text(then)
    with pytest.raises(QuestionError, match="没有发布过"):
        query.indicator("WO08", period="2026-03", known_at="2026-03-09T05:00")
    first, second = query.revisions(then)
    assert (first.value, first.reasons, second.value) == (0.0, (), 33.3)
    assert second.reasons == ("数据时间由 2026-03-08 到 2026-04-09", "所依据的旧版已清理，不能逐行比较")
    with pytest.raises(QuestionError, match="没有发布过"):
        query.revisions(query.indicator("WO08", period="2026-02"))


def test_a_number_is_traced_to_the_cells_that_departments_sent():
    answer = query.indicator("WO07", period="2026-03")
    steps = query.trace(answer, limit=10)

    assert {(f.figure, f.amount, f.fact_count, f.agrees) for f in steps.figures} == {
        ("wo_closed_due", Decimal(2), 2, True),
        ("wo_due_close", Decimal(3), 3, True),
    }
    assert {(row.receipt, row.row) for row in steps.rows} == {("R-1", 2), ("R-1", 3), ("R-1", 4), ("R-2", 2)}
    second = next(row for row in steps.rows if row.receipt == "R-2")
    assert [(c.address, c.header, c.text) for c in second.cells if c.field in ("work_order_id", "closed_at")] == [
        ("A2", "工单号", "NH20260301000002"),
        ("B2", "结案时间", "2026-03-09 10:00:00+08"),
    ]
    assert {r.receipt: (r.file, r.sender) for r in steps.receipts} == {
        "R-1": ("工单0301.csv", "区智运中心"),
        "R-2": ("工单0309.csv", "区智运中心"),
    }
    text, document = query.answer_text(answer, steps), query.answer_json(answer, steps)
    assert "超级工单主表 工单0309.csv 第 2 行（回执 R-2）" in text
    assert "工单0309.csv  区智运中心  2026-11-01 08:00:00  sha256" in text, "when it came, in Shanghai"
    for told in (text, document):
        assert "张三" not in told
        assert "13800138000" not in told
    assert dict(second.values)["reporter_phone"] == "***"


@pytest.mark.usefixtures("own_city")
def test_a_receipt_that_cannot_be_read_is_told_and_the_trace_goes_on():
    (torn,) = (lake.home() / "landing").glob("*/R-2/receipt.json")
    torn.write_text("{", "utf-8")
    steps = query.trace(query.indicator("WO07", period="2026-03"), limit=10)
    assert [note.receipt for note in steps.receipts] == ["R-1"]
    assert "注意：回执 R-2 读不出" in steps.text()
    assert "工单0309.csv 第 2 行（回执 R-2）" in steps.text()


def test_a_town_is_traced_to_its_own_orders_only():
    steps = query.trace(query.indicator("WO07", area="狮山", period="2026-03"), limit=10)
    assert {dict(row.values)["work_order_id"] for row in steps.rows} == {"NH20260301000002"}


def test_no_more_is_listed_than_asked_for():
    steps = query.trace(query.indicator("WO01", period="2026-03"), limit=2)
    (reported,) = steps.figures
    assert (reported.fact_count, len(reported.facts), len(reported.cells)) == (4, 2, 2)
    assert len({dict(row.values)["work_order_id"] for row in steps.rows}) == 2


@pytest.mark.usefixtures("own_city")
def test_where_a_version_was_cleaned_away_the_newest_is_traced_and_the_trace_says_so():
    cube_state = state({"silver.work_order": 99})
    put(FLOW, [], cube_state)
    put(FLOW, drawn("""
        gold.governance__work_order_flow_daily
        stat_date  | town_code | reported_count
        2026-03-31 | 440605011 | 7
    """)[1], cube_state)  # fmt: skip
    serve.publish()
    steps = query.trace(query.indicator("WO01", period="2026-03"), limit=2)
    assert any("已清理" in note for note in steps.notes)
    assert not steps.figures[0].agrees
    assert "与立方体不一致" in steps.text()
