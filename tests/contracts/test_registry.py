"""The registry says no, with file and line, to whatever does not hold together."""

from pathlib import Path
from textwrap import dedent

import pytest

from citybrain import contracts
from citybrain.contracts import ContractError
from citybrain.indicators.model import terms
from citybrain.indicators.registry import JOURNAL, load

TABLES = contracts.load()
SCHEMAS = Path(contracts.load.__code__.co_filename).parents[3] / "schemas"
CLOCK = "clock: {table: gold.services__case_daily, date: stat_date, where: received_count > 0}"
FIGURE = "{title: 甲, table: gold.services__case_daily, sum: received_count, flow: stat_date}"
INDICATOR = """
    ZZ01:
      name: 甲
      en: a
      theme: T07
      owner: 甲
      unit: 件
      direction: none
      grains: [district, town]
      periods: [month]
      kind: computed
      rounding: 0
      min_denominator: 0
      source: 甲
      source_columns: [bronze.services__case.accepted_at]
      description: 甲
      default: a
      variants:
        a: {title: 甲, numerator: case_received, additive: true}
"""


def test_every_declared_variant_holds_together():
    declared = load()
    assert {"WO01", "WO08", "WO13", "GS01", "GS09"} <= set(declared.indicators)
    assert len(declared.themes.themes) == 12
    assert len(declared.themes.panels) == 5
    read = {f.table for f in declared.figures.values()}
    assert read <= set(TABLES[JOURNAL].inputs)


@pytest.mark.parametrize(
    ("figure", "line", "message"),
    [
        ("{title: 甲, table: gold.nothing, sum: n, flow: d}", 3, "no gold table gold.nothing"),
        ("{title: 甲, table: silver.town, sum: lon, flow: valid_from}", 3, "no gold table silver.town"),
        (FIGURE.replace("received_count", "town_code"), 3, "town_code is not a measure"),
        (FIGURE.replace("received_count", "recieved_count"), 3, "has no column recieved_count"),
        (FIGURE.replace("stat_date}", "stat_day}"), 3, "has no column stat_day"),
        (FIGURE.replace("}", ", where: towncode = '1'}"), 3, "has no column towncode"),
        (FIGURE.replace("}", ", where: service_channel = '邮寄'}"), 3, "service_channel is never 邮寄"),
        (FIGURE.replace("}", ", where: 'stat_date > (SELECT 1)'}"), 3, "a subquery reads another"),
        (FIGURE.replace("}", ", where: 'a ='}"), 3, "is not a condition"),
        (FIGURE.replace("}", ", level: stat_date}"), 3, "exactly one of"),
        (FIGURE.replace("flow: stat_date", "level: stat_date, known: stat_date"), 3, "belong to a flow"),
        (FIGURE.replace("}", ", colour: red}"), 3, "unknown key"),
    ],
)
def test_a_figure_that_cannot_be_summed_is_refused(tmp_path, figure, line, message):
    path = write(tmp_path, "figures/extra.yaml", f"{CLOCK}\nfigures:\n  extra: {figure}\n")
    refused(tmp_path, f"{path}:{line}: ", message)


def test_a_figure_is_declared_once(tmp_path):
    path = write(tmp_path, "figures/zz.yaml", f"{CLOCK}\nfigures:\n  case_received: {FIGURE}\n")
    refused(tmp_path, f"{path}:3: ", "declared twice")


def test_a_clock_reads_columns_that_exist(tmp_path):
    path = write(tmp_path, "figures/zz.yaml", f"{CLOCK.replace('received_count', 'received')}\nfigures: {{}}\n")
    refused(tmp_path, f"{path}:1: ", "has no column received")


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("numerator: case_received", "numerator: case_recieved", 18, "no figure case_recieved"),
        ("numerator: case_received", "numerator: case_received * 2", 18, "not a sum or difference of figures"),
        ("numerator: case_received", "numerator: case_received - wo_filed", 18, "share one clock"),
        ("numerator: case_received", "percentile: {of: case_received, percent: 50}", 18, "not additive"),
        (
            "numerator: case_received, additive: true",
            "percentile: {of: case_received, percent: 50}, additive: false",
            18,
            "case_received has no bins",
        ),
        ("numerator: case_received", "numerator: item_count", 18, "stocks cannot be added"),
        ("case_received, additive: true", "item_count, additive: false", 18, "has no town_code"),
        ("bronze.services__case.accepted_at", "bronze.services__case.paid_at", 14, "no bronze contract supplies"),
        ("bronze.services__case.accepted_at", "silver.service_case.accepted_at", 14, "no bronze contract supplies"),
        ("bronze.services__case.accepted_at", "bronze.centre__work_order.accepted_at", 14, "are not built from"),
        ("theme: T07", "theme: T13", 4, "no theme T13"),
        ("default: a", "default: b", 1, "the default variant b is not declared"),
        ("[month]", "[fortnight]", 9, "Input should be"),
        ("kind: computed", "kind: computed\n  target: 5", 11, "unknown key"),
        ("ZZ01:", "ZZ1:", 1, "should match pattern"),
        ("additive: true}", "additive: true, note: 甲}", 18, "unknown key"),
    ],
)
def test_an_indicator_that_does_not_hold_together_is_refused(tmp_path, old, new, line, message):
    text = dedent(INDICATOR).strip()
    assert old in text
    path = write(tmp_path, "indicators/extra.yaml", text.replace(old, new, 1))
    refused(tmp_path, f"{path}:{line}: ", message)


def test_a_site_adds_an_indicator_in_a_folder_of_its_own(tmp_path):
    write(tmp_path, "indicators/extra.yaml", dedent(INDICATOR).strip())
    assert load((SCHEMAS, tmp_path), TABLES).indicator("ZZ01").variants["a"].unit == "件"


def test_an_indicator_is_declared_once(tmp_path):
    path = write(tmp_path, "indicators/zz.yaml", dedent(INDICATOR).strip().replace("ZZ01", "GS01"))
    refused(tmp_path, f"{path}:1: ", "declared twice")


def test_an_expression_is_a_sum_of_figures():
    assert terms("a + b_2 - c") == ((1, "a"), (1, "b_2"), (-1, "c"))
    for wrong in ("", "a b", "a *", "a - ", "2 * a", "a; drop"):
        with pytest.raises(ValueError, match="not a sum"):
            terms(wrong)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def refused(folder: Path, place: str, message: str) -> None:
    with pytest.raises(ContractError) as error:
        load((SCHEMAS, folder), TABLES)
    assert str(error.value).startswith(place)
    assert message in str(error.value)
