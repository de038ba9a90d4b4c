"""The simulator and its truth use none of the code that they judge: else both would be wrong in the same way."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import citybrain.simulate

PARTS = sorted(Path(citybrain.simulate.__file__).parent.glob("**/*.py"))
NUMBERS_AND_FILES = {"duckdb", "numpy", "pyarrow", "xlsxwriter"}
PLAY = """
import sys
from pathlib import Path
from citybrain.simulate import simulate
simulate(Path(sys.argv[1]), seed=1, months=1, scale=0.001)
print(*sorted(name for name in sys.modules if name.split(".")[0] == "citybrain"))
"""


def strangers(source: str) -> set[str]:
    """The modules that a source imports, wherever in it, and that are neither Python's, the simulator's nor allowed."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            whole = "." * node.level + (node.module or "")
            found |= {f"{whole}.{alias.name}" for alias in node.names} if whole == "citybrain" else {whole}
    allowed = NUMBERS_AND_FILES | sys.stdlib_module_names
    return {name for name in found if name.split(".")[0] not in allowed and not of_simulator(name)}


def of_simulator(name: str) -> bool:
    return name == "citybrain.simulate" or name.startswith("citybrain.simulate.")


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.stem)
def test_a_part_of_the_simulator_imports_only_its_other_parts(part):
    assert strangers(part.read_text("utf-8")) == set()


@pytest.mark.parametrize(
    ("source", "stranger"),
    [
        ("from citybrain.working_time import push", "citybrain.working_time"),
        ("from citybrain import simulate, contracts", "citybrain.contracts"),
        ("def f():\n    import citybrain.ingest.dirt", "citybrain.ingest.dirt"),
        ("from . import geo", "."),
        ("import pyspark", "pyspark"),
        ("from citybrain.simulates import x", "citybrain.simulates"),
    ],
)
def test_a_stranger_is_seen(source, stranger):
    assert strangers(source) == {stranger}


def test_a_city_is_made_without_the_code_that_it_judges(tmp_path):
    """Also what is imported late, or by something imported."""
    command = [sys.executable, "-c", PLAY, str(tmp_path / "city")]
    loaded = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    assert "citybrain.simulate.truth" in loaded
    assert [name for name in loaded if name != "citybrain" and not of_simulator(name)] == []
