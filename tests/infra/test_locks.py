"""The locks: exact, hashed, free of addresses; and the same versions where they must be the same."""

from __future__ import annotations

import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import engines
import setup

NAMES = ("spark", "airflow", "superset", "uv")


def requirements(lock: str) -> dict[str, list[str]]:
    """Each requirement line of a lock with the continuation lines that follow it."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lock.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line.startswith(" "):
            current.append(line.strip(" \\"))
        else:
            current = found.setdefault(line.strip(" \\"), [])
    return found


def version(name: str, package: str) -> str:
    found = re.search(rf"^{re.escape(package)}==(\S+)", (setup.ENVS / f"{name}.lock").read_text("utf-8"), re.MULTILINE)
    assert found, f"{package} is not in {name}.lock"
    return found[1]


@pytest.mark.parametrize("name", NAMES)
def test_every_requirement_is_exact_and_hashed(name: str) -> None:
    found = requirements((setup.ENVS / f"{name}.lock").read_text("utf-8"))
    assert found
    for requirement, rest in found.items():
        assert re.match(r"^[a-z0-9-]+==[^ ]+( ; .+)?$", requirement), requirement
        assert rest, f"{requirement} has no hash"
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in rest), requirement


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_names_no_address_and_no_place(name: str) -> None:
    text = (setup.ENVS / f"{name}.lock").read_text("utf-8")
    for trace in (
        "://",
        "--index-url",
        "--extra-index-url",
        "--find-links",
        "--trusted-host",
        " @ ",
        "/home/",
        "/root/",
    ):
        assert trace not in text, f"{name}.lock holds {trace!r}"


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_says_the_day_it_was_resolved_as_of(name: str) -> None:
    day = setup.as_of(setup.ENVS / f"{name}.in")
    assert f"{name}.in as of {day}" in (setup.ENVS / f"{name}.lock").read_text("utf-8").splitlines()[0]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_asked_for_is_locked_and_every_pin_has_a_reason(name: str) -> None:
    for line in (setup.ENVS / f"{name}.in").read_text("utf-8").splitlines():
        requirement, _, reason = line.partition("#")
        if not requirement.strip():
            continue
        package, pinned, pin = requirement.strip().partition("==")
        package = re.split(r"[\[<>=]", package)[0]
        locked = version(name, package)
        if pinned:
            assert locked == pin, f"{name}.lock has {package} {locked}: run `make lock`"
        if re.search(r"[=<>]", requirement):
            assert reason.strip(), f"{name}.in pins {requirement.strip()} without a reason"


def test_a_first_line_without_a_day_is_refused(tmp_path: Path) -> None:
    requirements = tmp_path / "x.in"
    requirements.write_text("pyspark==4.1.4\n", "utf-8")
    with pytest.raises(setup.UserError, match="as of YYYY-MM-DD"):
        setup.as_of(requirements)


def test_the_jar_of_delta_is_of_the_version_of_its_python_side() -> None:
    dependency = next(ET.parse(engines.POM).iter("{http://maven.apache.org/POM/4.0.0}dependency"))
    pom = {child.tag.rpartition("}")[2]: child.text for child in dependency}
    assert pom["version"] == version("spark", "delta-spark")
    assert f"{pom['artifactId']}-{pom['version']}.jar" in engines.jar_sums()


def test_jobs_and_boards_read_a_serving_file_with_the_same_duckdb() -> None:
    assert version("spark", "duckdb") == version("superset", "duckdb")
    for name in ("spark", "superset"):
        assert version(name, "duckdb-extension-delta") == version(name, "duckdb")


def test_no_file_of_ours_names_a_registry_or_a_place_on_a_machine(root: Path) -> None:
    ours = ["infra", "Makefile", ".ci", "pyproject.toml", ".gitignore"]
    listed = subprocess.run(["git", "ls-files", *ours], cwd=root, capture_output=True, text=True, check=True).stdout
    files = [root / name for name in listed.splitlines()]
    assert len(files) > 20
    hosts = re.compile(
        r"(pypi|pythonhosted|maven\.org|repo1?\.maven|aliyun|tuna\.tsinghua|artifactory|nexus)[./]", re.I
    )
    places = re.compile(r"(?<![\w$}])/(work|root|home)/\w")
    for file in files:
        if file.is_file():
            for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
                assert not hosts.search(line), f"{file}:{number}: {line}"
                assert not places.search(line), f"{file}:{number}: {line}"
