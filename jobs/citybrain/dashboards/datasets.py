"""Superset's data sets, made from the contracts: titles, units and sums. Nobody writes a column a second time.

A data set is a gold table, under the contract's name, or a view: ``dashboards/datasets/<name>.sql``, a SELECT that
joins names and picks rows. Its columns come from the SELECT, their titles from the vocabulary, because one name means
one thing everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

import duckdb
import yaml

from citybrain.contracts import Contract
from citybrain.contracts.load import folders, load_vocabulary
from citybrain.contracts.model import FieldSpec
from citybrain.dashboards import lettering
from citybrain.dashboards.files import DashboardError, Files, shown
from citybrain.dashboards.registry import Named, named
from citybrain.dashboards.serving import empty_serving_file
from citybrain.indicators.registry import Registry

_NUMBER = re.compile(r"BIGINT|INTEGER|HUGEINT|DOUBLE|DECIMAL.*")
_TIME = re.compile(r"DATE|TIMESTAMP.*")
INDICATOR_COLUMNS = {"indicator_id", "variant", "value"}


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    title: str
    unit: str | None = None
    description: str | None = None

    @property
    def is_time(self) -> bool:
        return bool(_TIME.fullmatch(self.type))

    @property
    def is_number(self) -> bool:
        return bool(_NUMBER.fullmatch(self.type))

    @property
    def label(self) -> str:
        return f"{self.title}（{self.unit}）" if self.unit else self.title


@dataclass(frozen=True)
class Metric:
    name: str
    expression: str
    title: str
    unit: str | None
    decimals: int
    description: str | None = None
    owner: str | None = None
    indicator: str | None = None  # whose value it picks


@dataclass(frozen=True)
class Dataset:
    name: str
    title: str
    sql: str | None  # None: the gold table of this name
    columns: dict[str, Column]
    metrics: dict[str, Metric]
    description: str | None = None


def datasets(files: Files, contracts: Mapping[str, Contract], declared: Registry) -> dict[str, Dataset]:
    """Every data set by name. Raises DashboardError with the file of a view that does not fit the contracts."""
    registry = named(declared)
    with duckdb.connect() as db:
        empty_serving_file(db, contracts, declared)
        tables = [_table(c) for c in contracts.values() if c.layer == "gold"]
        titles = _titles(db, files)
        letters = lettering.values(files.folder)
        views = _each(lambda path: _view(db, path, letters, titles, registry), files.views.values())
    return {dataset.name: dataset for dataset in (*tables, *views)}


def _each(make: Callable[[Path], Dataset], paths: Iterable[Path]) -> list[Dataset]:
    """All that can be made, or one error with a line for each that cannot."""
    made, wrong = [], []
    for path in paths:
        try:
            made.append(make(path))
        except DashboardError as error:
            wrong.append(str(error))
    if wrong:
        raise DashboardError("\n".join(wrong))
    return made


def _table(contract: Contract) -> Dataset:
    columns = {
        f.name: Column(f.name, f.sql_type.upper().replace("STRING", "VARCHAR"), f.title, f.unit, f.description)
        for f in contract.fields
    }
    summed = [columns[m.name] for m in contract.measures if m.unit and m.name != "row_count" and m.type != "double"]
    note = "\n".join([contract.grain, *([contract.description] if contract.description else []), *contract.warnings])
    return Dataset(contract.name, contract.title, None, columns, _sums(summed), note)


def _sums(columns: list[Column]) -> dict[str, Metric]:
    """A measure that may be added up is a metric under its own title."""
    sums = [
        Metric(c.title, f'SUM("{c.name}")', c.title, c.unit, 0 if "INT" in c.type else 2, c.description)
        for c in columns
    ]
    return {metric.name: metric for metric in sums}


def _titles(db: duckdb.DuckDBPyConnection, files: Files) -> dict[str, FieldSpec]:
    """What a column is called: in this folder, else in the vocabulary, else in the comments of schema meta."""
    commented = db.execute("SELECT column_name, comment FROM duckdb_columns() WHERE schema_name = 'meta'").fetchall()
    titles = {name: FieldSpec(type="string", title=comment) for name, comment in commented if comment}
    raw = yaml.safe_load(files.titles.read_text("utf-8")) if files.titles.exists() else {}
    ours = {name: FieldSpec.model_validate({"type": "string", **spec}) for name, spec in raw.items()}
    return titles | load_vocabulary(folders()) | ours


def _view(
    db: duckdb.DuckDBPyConnection,
    path: Path,
    letters: str,
    titles: Mapping[str, FieldSpec],
    registry: Mapping[str, Named],
) -> Dataset:
    sql = Template(path.read_text("utf-8").strip().rstrip(";")).safe_substitute(letters=letters)
    comments = [line.removeprefix("--").strip() for line in sql.splitlines() if line.startswith("--")]
    if not comments:
        raise DashboardError(f"{shown(path)}:1: the first line says what it is: -- 标题")
    try:
        found = db.execute(f"DESCRIBE {sql}").fetchall()
    except duckdb.Error as error:
        line = re.search(r"LINE (\d+):", str(error))
        raise DashboardError(f"{shown(path)}:{line[1] if line else 1}: {str(error).splitlines()[0]}") from error
    columns = {}
    for name, kind, *_ in found:
        if name not in titles:
            raise DashboardError(
                f"{shown(path)}:1: {name} has no title; spell it as in schemas/fields or add it to titles.yaml"
            )
        spec = titles[name]
        columns[name] = Column(name, kind, spec.title, spec.unit, spec.description)
    body = "\n".join(line for line in sql.splitlines() if not line.startswith("--"))
    summed = [c for c in columns.values() if c.is_number and c.name.endswith(("_count", "_change"))]
    metrics = _indicators(registry) if set(columns) >= INDICATOR_COLUMNS else _sums(summed)
    return Dataset(path.stem, comments[0], body, columns, metrics, "\n".join(comments[1:]) or None)


def _indicators(registry: Mapping[str, Named]) -> dict[str, Metric]:
    """In a view that holds at most one value of each variant and area: the value, picked, never computed."""
    newest = Metric("数据时间", "MAX(as_of)", "数据时间", None, 0, "已计入指标的最后一天")
    return {newest.name: newest} | {
        key: Metric(
            key,
            f"MAX(value) FILTER (WHERE indicator_id = '{v.indicator}' AND variant = '{v.variant}')",
            v.title,
            v.unit,
            v.decimals,
            v.definition,
            v.owner,
            v.indicator,
        )
        for key, v in registry.items()
    }
