"""What a row is: data, blank, a total, a footer, or the header once more."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from citybrain.contracts import Contract
from citybrain.duck import literal
from citybrain.ingest.glance import Mask, first_bytes
from citybrain.ingest.outcome import Column

_TOTAL = "[(（【]?(本页|本月|本表|全区|各镇街|分镇街)?(合计|小计|总计|总和)[)）】]?[:：]?|全区[:：]?"
_FOOTER = (
    "(注|备注|说明|制表|制表人|填表|填表人|审核|审核人|复核|复核人|单位负责人|负责人|填报人|填报单位|报送人|联系电话|数据来源)[:：].*"
    "|制表.*审核.*"
)


def plainly_data(rows: pa.Table, contract: Contract, columns: Sequence[Column]) -> Mask:
    """Of each row of a segment: do its first cell and its key begin with letters or digits? Nearly all do, and are data
    without a second look."""
    place = {c.field: c.position for c in columns if c.field}
    asked = dict.fromkeys([columns[0].position, *(place[k] for k in contract.key if k in place)])
    found = np.ones(rows.num_rows, bool)
    for position in asked:
        first = first_bytes(rows[f"c{position}"])
        found &= (first >= ord("0")) & (first < ord("{"))
    header = columns[0].header
    if "0" <= header[:1] < "{":
        found &= ~pc.equal(rows[f"c{columns[0].position}"].cast(pa.string()), header).fill_null(False).to_numpy()
    return found


def kind_sql(contract: Contract, columns: Sequence[Column]) -> str:
    """SQL over the cells of a segment; what the title says for every row makes a row neither filled nor another."""
    cells = [f"c{c.position}" for c in columns if c.stated is None]
    place = {c.field: f"c{c.position}" for c in columns if c.field}
    first = f"coalesce({', '.join(cells)})"
    asked = [first, *(place[k] for k in contract.key if k in place and place[k] != cells[0])]
    totals = " OR ".join(f"regexp_full_match(regexp_replace({c}, '\\s', '', 'g'), {literal(_TOTAL)})" for c in asked)
    header = " AND ".join(f"c{c.position} = {literal(c.header)}" for c in columns if c.field and c.stated is None)
    odd_start = f"{first} = '' OR unicode({first}) <= 32 OR unicode({first}) IN (160, 8203, 12288, 65279)"
    return f"""CASE WHEN {first} IS NULL OR ({odd_start}) AND bare(concat({", ".join(cells)})) = '' THEN 'blank'
            WHEN length({first}) <= 14 AND ({totals}) THEN 'total'
            WHEN regexp_full_match(bare({first}), {literal(_FOOTER)}) AND {sparse_sql(columns)} THEN 'footer'
            WHEN {header} THEN 'header' ELSE 'data' END"""


def sparse_sql(columns: Sequence[Column]) -> str:
    """SQL: few cells are filled, as in a note below the table."""
    filled = " + ".join(f"(c{c.position} IS NOT NULL)::INT" for c in columns if c.stated is None)
    return f"({filled}) <= {max(2, len(columns) // 3)}"


def ragged_kind(cells: Sequence[str]) -> str:
    """What a row of another width than the header is, by its first filled cell."""
    first = next((c.strip() for c in cells if c.strip()), "")
    if re.fullmatch(_TOTAL, "".join(first.split())):
        return "total"
    return "footer" if re.fullmatch(_FOOTER, first) else "data"
