"""The command surface: what `make` shows, and that no folder of tests is forgotten."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path


def test_make_alone_lists_every_target(root: Path) -> None:
    listed = subprocess.run(["make"], cwd=root, capture_output=True, text=True, check=True).stdout
    phony = re.search(r"^\.PHONY: (.+)$", (root / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert phony
    for target in phony[1].split():
        assert re.search(rf"make {target} +\S", listed), f"`make` does not list {target}"


def test_every_folder_of_tests_is_run_by_make(root: Path) -> None:
    makefile = (root / "Makefile").read_text("utf-8")
    named = set(re.findall(r"pytest.*? tests/(\w+)$|PYTEST\).*? tests/(\w+)$", makefile, re.MULTILINE))
    run = {name for pair in named for name in pair if name}
    folders = {folder.parent.name for folder in (root / "tests").glob("*/test_*.py")}
    assert folders <= run, f"never run: {sorted(folders - run)}"


def test_continuous_integration_can_be_run_and_runs_the_tests(root: Path) -> None:
    script = root / ".ci/run"
    assert script.stat().st_mode & 0o100
    assert "make test" in script.read_text("utf-8").splitlines()
    assert subprocess.run(["bash", "-n", script]).returncode == 0
