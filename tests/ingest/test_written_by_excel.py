"""Workbooks that Excel itself wrote, from 1995 to 2018, say what Excel shows (infra/samples.py fetches them)."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from citybrain.contracts.load import ROOT
from citybrain.ingest.layout import sources
from citybrain.ingest.outcome import Refused
from citybrain.ingest.sniff import file_kind
from tests.ingest.test_old_workbook import read


def sample(package: str, name: str) -> Path:
    file = ROOT / ".venvs/samples" / package / name
    if not file.exists():
        pytest.skip(f"no sample workbooks here (python3 infra/setup.py --tests): {file.name}")
    return file


@pytest.mark.parametrize("name", ["ExampleExcelFile_1900.xls", "ExampleExcelFile_1904.xls"])
def test_excel_of_2010_with_errors_and_times_by_either_base_of_dates(name):
    """Its theme is an archive within the file. Errors are said, and no empty cells."""
    file = sample("r-cran-gdata", name)
    assert zipfile.is_zipfile(file)
    found = read(file)
    assert {sheet: len(rows) for sheet, rows in found.items()} == {
        "Sheet First": 8,
        "Sheet Second": 5,
        "Sheet with a very long name!": 10,
        "Sheet with initial text": 7,
    }
    assert found["Sheet Second"][2] == ["FirstRow", "1", "NA", "NA", "NA", "Red", None, None, None]
    first, second, third = (found["Sheet with a very long name!"][row] for row in (1, 2, 3))
    assert first[:3] == ["1", "2001-01-01 00:00:00", "01:01:00"]
    assert [row[4] for row in (first, second, third)] == ["#DIV/0!", "#NUM!", "-0.8414709848078965"]
    assert [row[6] for row in (first, second)] == ["2001-01-01 01:01:01", "2002-02-02 02:02:02"]


def test_excel_of_2018_with_notes_above_and_below_the_table():
    arts = read(sample("r-cran-readxl", "deaths.xls"), width=6)["arts"]
    assert arts[1][0] == "Lots of people"
    assert arts[5] == ["Name", "Profession", "Age", "Has kids", "Date of birth", "Date of death"]
    assert arts[6] == ["David Bowie", "musician", "69", "是", "1947-01-08 00:00:00", "2016-01-10 00:00:00"]


def test_excel_of_2015_with_a_thousand_rows():
    quakes = read(sample("r-cran-readxl", "datasets.xls"), width=11)["quakes"]
    assert len(quakes) == 1_001
    assert quakes[1][:5] == ["lat", "long", "depth", "mag", "stations"]
    assert quakes[1001][:5] == ["-21.59", "170.56", "165", "6", "119"]


def test_excel_97_in_an_asian_language():
    found = read(sample("libspreadsheet-parseexcel-perl", "Test97J.xls"), width=2)
    assert [*found] == ["Sheet1-ASC", "漢字名"]
    assert found["漢字名"][2] == ["漢字も入る", "漢字のデータ"]
    assert found["漢字名"][7] == ["Formula", "1246912.89012345"]


def test_how_long_something_took_is_in_hours():
    found = read(sample("libspreadsheet-parseexcel-perl", "FmtTest.xls"), width=6)["Format"]
    assert found[60][0] == "563137:00:00"


@pytest.mark.parametrize("name", ["Test95.xls", "Test95J.xls", "AuthorK95.xls", "Test1904_95.xls"])
def test_excel_95_is_named_and_not_garbled(name):
    file = sample("libspreadsheet-parseexcel-perl", name)
    with pytest.raises(Refused) as refused:
        list(sources(file_kind(file), file))
    assert refused.value.facts["kind"] == "Excel 5.0/95 格式的旧工作簿"
