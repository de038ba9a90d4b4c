"""What is plainly as agreed becomes the same in Arrow as through the careful reading, whatever stands beside it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, convert_to_deltalake

from citybrain.contracts import Field
from citybrain.ingest import ingest, plain
from citybrain.ingest.cells import cast_value, help_value, is_plain
from citybrain.ingest.first_look import doubtful, with_texts
from citybrain.ingest.judge import database
from citybrain.ingest.plain import write_part
from citybrain.ingest.source import condensed
from citybrain.ingest.write import Bounds, small_pages
from citybrain.lookup import rows_among
from tests.lake import rows_of
from tests.measured import bytes_read

TEXTS = {
    "timestamp": {
        "2026-09-08 09:05:00": True,
        "2024-02-29 23:59:59.5": True,
        "1991-09-16 08:00:00": True,
        "2100-12-31 07:59:59": True,
        "1991-09-16 07:59:59": False,
        "2100-12-31 08:00:00": False,
        "20000-01-01 00:00:00": False,
        "2026-02-29 00:00:00": False,
        "2026-09-08T09:05:00": False,
        "2026-09-08  9:05:00": False,
        "2026-09-08 09:05:00.50": False,
        "2026-09-08 09:05:00Z": False,
        "infinity": False,
    },
    "date": {"2026-09-08": True, "1949-01-01": True, "2101-01-01": False, "2026-9-8": False, "20000-01-01": False},
    "int": {"0": True, "-0": True, "007": False, "999999999": True, "2147483648": False, "+1": False, "1.0": False},
    "bigint": {"999999999999999999": True, "9999999999999999999": False, "1e3": False, " 1": False},
    "double": {"-0.0": True, "113.145576": True, "0.1234567890": True, "1.": False, ".5": False, "NaN": False},
    "decimal(9,2)": {"1234567.89": True, "-0.5": True, "0000001": False, "12345678": False, "1.234": False},
    "decimal(20,4)": {"9999999999999999.9999": True, "99999999999999999": False},
    "boolean": {"是": True, "否": True, "true": False, "": False},
    "string": {"巷口": True, " 巷口": False, "—": False},
    "text": {"无名路": True, "无": True, "\u3000": False},
}


@pytest.mark.parametrize("kind", TEXTS)
def test_what_is_plain_is_cast_as_the_engine_casts_it(kind, tmp_path):
    field, texts = Field(name="x", title="列", type=kind), list(TEXTS[kind])
    db = database(tmp_path)
    db.register("given", pa.table({"c0": texts, "_row": range(len(texts))}))
    helped = ", ".join(filter(None, ["*", help_value(field, "c0")]))
    select = f"SELECT c0, _row, {cast_value(field, 'c0')} AS x FROM (SELECT {helped} FROM given)"
    rows = db.execute(f"{select} WHERE {is_plain(field, 'c0')} ORDER BY _row").to_arrow_table()
    assert rows["c0"].to_pylist() == [text for text, is_so in TEXTS[kind].items() if is_so]
    assert plain.typed(rows, [field], {"x": "c0"})["x"].to_pylist() == rows["x"].to_pylist()
    encoded = rows.set_column(0, "c0", rows["c0"].dictionary_encode())
    values = plain.typed(encoded, [field], {"x": "c0"})["x"]
    assert values.to_pylist() == rows["x"].to_pylist()


def test_a_column_of_few_texts_is_read_as_one_of_many(tmp_path):
    """Of 400 rows each of these lines is odd in its own way; all others have the same step and the same time."""
    odd = {7: "NH20260908000007,7,受理,2026-02-30 09:05:00", 8: "NH20260908000008,8,＃,2026-09-08 09:05:00"}
    odd |= {9: "NH20260908000010,10,受理,2026-09-08 09:05:00", 11: "合计,11,受理,2026-09-08 09:05:00"}
    odd |= {12: "NH20260908000012,１２,受理,2026-09-08 09:05:00", 13: "NH20260908000013,13,受理,"}
    lines = [odd.get(n, f"NH20260908{n:06d},{n},受理,2026-09-08 09:05:00") for n in range(2, 402)]
    file = tmp_path / "流转.csv"
    file.write_text("\n".join(["工单编号,序号,环节,到达时间", *lines]), encoding="utf-8")
    outcome = ingest("centre__work_order_event", file)
    assert outcome.counts == {"delivered": 400, "accepted": 396, "quarantined": 2, "set_aside": 2}
    assert {(one.row, one.why) for one in outcome.set_aside} == {(10, "repeat"), (11, "total")}
    taken = {row["_row"]: row for row in rows_of("bronze.centre__work_order_event")}
    assert {n: row["_marks"] for n, row in taken.items() if row["_marks"]} == {8: ["step:X05"], 12: ["event_no:X05"]}
    assert {(row["step"], row["arrived_at"]) for n, row in taken.items() if n != 8} == {
        ("受理", datetime(2026, 9, 8, 1, 5, tzinfo=UTC))
    }
    assert {row["row"] for row in rows_of("quarantine.centre__work_order_event")} == {7, 13}


def test_a_dictionary_is_made_only_where_it_stays_small():
    few = pa.array(["受理"] * 5000 + [str(n) for n in range(5000)])
    rows = pa.table({"c0": ["受理", None] * 5000, "c1": few, "_row": range(10000)})
    for given in (rows, rows.set_column(1, "c1", few.dictionary_encode())):
        made = condensed(given)
        assert [pa.types.is_dictionary(t) for t in made.schema.types] == [True, False, False]
        assert made["c0"].cast(pa.string()).to_pylist() == rows["c0"].to_pylist()
        assert made["c1"].to_pylist() == rows["c1"].to_pylist()


def test_rows_are_found_by_the_texts_that_are_not_plain():
    """c0 has a dictionary; of c1 a glance leaves two texts to be asked about, one of which is plain."""
    moments = ["2026-09-08 09:05:00"] * 100
    moments[7], moments[8] = "2024-02-29 09:05:00", "2026-02-30 09:05:00"
    rows = condensed(pa.table({"c0": ["受理", None] * 50, "c1": moments, "_row": range(100)}))
    rows = rows.set_column(1, "c1", rows["c1"].cast(pa.string()))
    fields = [Field(name="step", title="环节", type="string"), Field(name="at", title="时间", type="timestamp")]
    doubts = doubtful(rows, fields, {"step": "c0", "at": "c1"})
    assert {name: table["t"].to_pylist() for name, table in doubts.items()} == {
        "c0": ["受理"],
        "c1": ["2024-02-29 09:05:00", "2026-02-30 09:05:00"],
    }
    for texts, found in ({"c1": "2026-02-30 09:05:00"}, [8]), ({"c0": "受理"}, [*range(0, 100, 2)]):
        asked = pa.table({"c": [*texts], "t": [*texts.values()]})
        assert with_texts(rows, doubts, asked).to_pylist() == found


def test_the_file_is_told_the_bounds_of_columns_whose_pages_have_none(tmp_path):
    towns = (
        pa.array(["桂城", None, "狮山", "九江"] * 100)
        .dictionary_encode()
        .filter(pa.array([True, True, True, False] * 100))
    )
    rows = pa.table({"town": towns, "level": [3, 1, 2] * 100, "id": [f"K{i:03}" for i in range(300)]})
    part = write_part(rows, tmp_path / "part.parquet")
    assert part.bounds == {
        "town": Bounds(100, "桂城", "狮山"),
        "level": Bounds(0, 1, 3),
        "id": Bounds(0, "K000", "K299"),
    }
    group = pq.ParquetFile(part.path).metadata.row_group(0)
    assert [group.column(n).is_stats_set for n in range(3)] == [False, False, True]
    assert pq.read_table(part.path).to_pydict() == rows.to_pydict()


def test_each_segment_is_read_like_the_first(tmp_path, monkeypatch):
    """A column has few texts at first, then many; what was odd once is odd again; rows come again."""
    monkeypatch.setattr("citybrain.ingest.csv_source.SEGMENT_BYTES", 20_000)
    monkeypatch.setattr("citybrain.ingest.csv_source._BLOCK", 10_000)
    kinds = ["＃＆"[n // 400 % 2] if n % 400 == 7 else "受理" if n < 1200 else f"第{n}次" for n in range(2000)]
    lines = [f"NH20260908{n:06d},{n},{kind},2026-09-08 09:05:00" for n, kind in enumerate(kinds)]
    file = tmp_path / "流转.csv"
    file.write_text("\n".join(["工单编号,序号,环节,到达时间", *lines, lines[3], lines[1999]]), encoding="utf-8")
    outcome = ingest("centre__work_order_event", file)
    assert outcome.counts == {"delivered": 2002, "accepted": 2000, "quarantined": 0, "set_aside": 2}
    assert [(one.row, one.why, one.of) for one in outcome.set_aside] == [(2002, "repeat", 5), (2003, "repeat", 2001)]
    taken = sorted(rows_of("bronze.centre__work_order_event"), key=lambda row: row["_row"])
    assert [row["step"] for row in taken] == [{"＃": "#", "＆": "&"}.get(kind, kind) for kind in kinds]
    assert [row["_row"] for row in taken if row["_marks"]] == [9, 409, 809, 1209, 1609]


@pytest.mark.parametrize("kept_up", [False, True])
def test_few_rows_of_many_are_found_in_few_pages(tmp_path, kept_up):
    """As they were handed in, and after upkeep has made one file of several."""
    digests = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(120_000)]
    moments = pa.array([i * 60_000_000 for i in range(120_000)], pa.timestamp("us", "UTC"))
    ids, towns = [f"K{i:06}" for i in range(120_000)], ["桂城", "狮山"] * 60_000
    rows = pa.table({"id": ids, "text": digests, "town": towns, "at": moments})
    parts = [rows.slice(begin, 40_000) for begin in range(0, 120_000, 40_000)] if kept_up else [rows]
    for number, part in enumerate(parts):
        write_part(part, tmp_path / f"{number}.parquet")
    convert_to_deltalake(str(tmp_path))
    table = DeltaTable(str(tmp_path))
    if kept_up:
        table.optimize.compact(writer_properties=small_pages(table.schema()))
    size = sum(pa.table(table.get_add_actions())["size_bytes"].to_pylist())
    before = bytes_read()
    found = rows_among(table, "id", pa.table({"id": ["K000003", "K050000", *(f"K050000-{i}" for i in range(30))]}))
    assert set(found["text"].to_pylist()) == {digests[3], digests[50_000]}
    assert bytes_read() - before < size / 4, "the keys, two pages of the others, and what is told of pages"
    kept = pq.ParquetFile(table.file_uris()[0].removeprefix("file://")).metadata
    assert [kept.row_group(0).column(n).total_compressed_size < 120_000 * 8 / 20 for n in (1, 3)] == [False, True]
