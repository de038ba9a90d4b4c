"""The files: the same at every run, complete in the books, and every planted defect where it is said to be."""

from __future__ import annotations

import csv
import filecmp
import re
from collections import Counter
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
from pyarrow import parquet

from citybrain.simulate import run, simulate
from citybrain.simulate.dirt import VERDICTS
from tests.simulate.conftest import read
from tests.simulate.inbox import cells, rows

TABLES = ("centre__work_order", "centre__work_order_event", "services__case")


def files(out: Path) -> list[Path]:
    return sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        simulate(tmp_path / name, seed=3, months=2, scale=0.01)
    simulate(tmp_path / "c", seed=4, months=2, scale=0.01)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    different = [path for path in files(tmp_path / "a") if not _same(tmp_path, "a", "b", path)]
    assert different == []
    assert not _same(tmp_path, "a", "c", Path("truth/figures.csv"))


def _same(folder: Path, one: str, other: str, path: Path) -> bool:
    return filecmp.cmp(folder / one / path, folder / other / path, shallow=False)


def test_work_is_done_in_chunks_that_do_not_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def counted(orders_of: object) -> object:
        def wrapped(*given: object) -> object:
            orders = orders_of(*given)  # type: ignore[operator]
            sizes.append(len(orders))
            return orders

        return wrapped

    monkeypatch.setattr(run, "CHUNK", 60)
    monkeypatch.setattr(run, "draw_orders", counted(run.draw_orders))
    simulate(tmp_path / "small", seed=5, months=2, scale=0.01)
    once = sum(sizes)
    sizes.clear()
    simulate(tmp_path / "large", seed=5, months=2, scale=0.03)
    assert max(sizes) <= 60
    assert 2.5 * once < sum(sizes) < 3.5 * once
    numbers = parquet.read_table(tmp_path / "large" / "truth" / "orders.parquet")["work_order_id"].to_pylist()
    assert len(set(numbers)) == len(numbers)


def test_everything_says_that_it_is_simulated(district: Path) -> None:
    assert "模拟数据" in (district / "说明.txt").read_text(encoding="utf-8-sig")
    for table in TABLES:
        for path in (district / "inbox" / table).iterdir():
            assert "模拟数据" in path.name
            if path.suffix == ".xlsx":
                assert "模拟数据" in str(cells(path)[0][0])


def test_there_are_few_files_of_every_kind(district: Path) -> None:
    paths = [path for path in files(district) if path.parts[0] == "inbox"]
    assert len(paths) < 200
    for table in (TABLES[0], TABLES[2]):
        names = [path.name for path in paths if path.parts[1] == table]
        assert {name[-4:] for name in names} == {".csv", "xlsx"}
        for mark in ("迟报", "再报", "更正"):
            assert sum(mark in name for name in names) == 1, (table, mark)


def test_deliveries_add_up(district: Path) -> None:
    for entry in read(district / "truth" / "deliveries.csv"):
        path = district / "inbox" / entry["table"] / entry["file"]
        good, bad, aside = (int(entry[f"rows_{kind}"]) for kind in ("good", "bad", "set_aside"))
        if path.stem.endswith("_有误"):  # to be refused: the right one follows
            assert entry["rows_delivered"] == "0"
            continue
        assert len(list(rows(path))) == int(entry["rows_delivered"]) == good + bad + aside
        if entry["repeats_of"]:
            assert filecmp.cmp(path, path.with_name(entry["repeats_of"]), shallow=False)


def test_names_sort_in_the_order_of_delivery(district: Path) -> None:
    late = next((district / "inbox" / TABLES[0]).glob("*迟报*"))
    week = late.name.split("_")[4]
    later = [path for path in late.parent.iterdir() if path.name < late.name and path.name.split("_")[4] > week]
    assert later, "the late file does not come late"


def test_every_defect_stands_where_it_is_said_to(district: Path, defects: list[dict[str, str]]) -> None:
    files = {(defect["table"], defect["file"]) for defect in defects}
    tables = {(table, name): cells(district / "inbox" / table / name) for table, name in files}
    for defect in defects:
        if not defect["row"]:
            continue
        row = tables[defect["table"], defect["file"]][int(defect["row"]) - 1]
        if not defect["column"]:
            assert defect["text"] in ("", *map(str, row)), defect
            continue
        letters = re.fullmatch(r"([A-Z]+)(\d+)", defect["cell"])
        assert letters, defect
        assert letters[2] == defect["row"], defect
        place = openpyxl.utils.column_index_from_string(letters[1]) - 1
        header = tables[defect["table"], defect["file"]]
        top = [header[2][place], header[3][place]] if defect["sheet"] else [header[0][place]]
        assert defect["column"] in top, defect
        assert _same_text(row[place], defect["text"]), (row[place], defect)


def _same_text(value: object, written: str) -> bool:
    if isinstance(value, int | float):
        return float(value) == pytest.approx(float(written), rel=1e-9)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}" == written
    return (value or "") == written


def test_every_kind_of_dirt_is_planted(district: Path, defects: list[dict[str, str]]) -> None:
    flags = read(district / "truth" / "flags.csv")
    of_kinds = {flag["rule"] for flag in flags if flag["rule"] != flag["flag"]}
    planted = {defect["rule"] for defect in defects} | of_kinds
    assert planted == {kind.split()[0] for kind in VERDICTS}
    assert {defect["verdict"] for defect in defects} == set(VERDICTS.values())


def test_no_cell_bears_two_defects(defects: list[dict[str, str]]) -> None:
    seen = Counter((d["table"], d["file"], d["cell"]) for d in defects if d["cell"])
    assert max(seen.values()) == 1


def test_repeated_rows_are_next_to_their_originals(district: Path, defects: list[dict[str, str]]) -> None:
    for defect in (defect for defect in defects if defect["rule"] == "X21"):
        table = cells(district / "inbox" / defect["table"] / defect["file"])
        number = int(defect["row"]) - 1
        assert table[number] == table[number - 1], defect


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="不是空文件夹"):
        simulate(tmp_path, seed=1)


def test_a_span_may_end_in_the_middle_of_a_month_and_hold_almost_nothing(tmp_path: Path) -> None:
    simulate(tmp_path / "out", seed=2, months=1, scale=0.0005, end=date(2026, 3, 18))
    last = {row["as_of"] for row in read(tmp_path / "out" / "truth" / "figures.csv") if row["period_kind"] != "day"}
    assert last == {"2026-03-18"}
    assert max(path.name for path in (tmp_path / "out" / "inbox" / TABLES[0]).iterdir()) > "20260319"


def test_identity_numbers_pass_their_check_unless_said_otherwise(district: Path, defects: list[dict[str, str]]) -> None:
    said = {(d["file"], int(d["row"])) for d in defects if d["column"] == "身份证"}
    weights, checks = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), "10X98765432"
    found = 0
    for path in (district / "inbox" / TABLES[0]).glob("*.csv"):
        for number, row in rows(path):
            value = str(row["身份证"])
            if value and (path.name, number) not in said and "再报" not in path.name:
                assert checks[sum(int(c) * w for c, w in zip(value, weights, strict=False)) % 11] == value[-1]
                assert value[14:17] == "000"  # a serial that nobody has
                found += 1
    assert found > 100


def test_totals_count_the_rows_of_their_sheet(district: Path, defects: list[dict[str, str]]) -> None:
    found = [defect for defect in defects if defect["rule"] == "X01" and defect["text"] == "合计"]
    assert found
    for defect in found:
        table = cells(district / "inbox" / defect["table"] / defect["file"])
        total = table[int(defect["row"]) - 1]
        count = next(re.fullmatch(r"共(\d+).", str(value)) for value in total[1:] if value)
        assert count
        assert int(count[1]) == len(list(rows(district / "inbox" / defect["table"] / defect["file"]))) - 1


def test_csv_files_are_strictly_readable(district: Path) -> None:
    for path in (district / "inbox").rglob("*.csv"):
        widths = {len(row) for row in csv.reader(path.open(encoding=_encoding(path), newline=""), strict=True)}
        assert len(widths) == 1, path


def _encoding(path: Path) -> str:
    return "utf-8-sig" if path.read_bytes().startswith(b"\xef\xbb\xbf") else "gb18030"
