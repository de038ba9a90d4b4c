"""The parts of Spark and DuckDB that are no Python packages: Delta's jars, DuckDB's extensions. Fetched once."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from machine import DUCKDB_EXTENSIONS, JARS, ROOT, VENVS, UserError, find_java, say, venv_python
from programs import NETWORK_HINT, run

POM = ROOT / "infra/jars/pom.xml"
JAR_SUMS = ROOT / "infra/jars/jars.sha256"


def jar_sums() -> dict[str, str]:
    pairs = (line.split() for line in JAR_SUMS.read_text("utf-8").splitlines() if line.strip())
    return {name: digest for digest, name in pairs}


def wrong_jars(folder: Path) -> list[str]:
    """What is missing, differs, or should not be there. A stray jar would be on Spark's class path, too."""
    sums = jar_sums()
    wrong = []
    for name, digest in sums.items():
        jar = folder / name
        if not jar.is_file():
            wrong.append(f"{name} is missing")
        elif hashlib.sha256(jar.read_bytes()).hexdigest() != digest:
            wrong.append(f"{name} is not the file that {JAR_SUMS.relative_to(ROOT)} names")
    strays = sorted(jar.name for jar in folder.glob("*.jar") if jar.name not in sums) if folder.is_dir() else []
    return wrong + [f"{name} is not in {JAR_SUMS.relative_to(ROOT)}" for name in strays]


def jars_complete(folder: Path) -> bool:
    return folder.is_dir() and not wrong_jars(folder)


def make_jars() -> None:
    """Copied once by Maven, never resolved when Spark starts: Ivy fails on a half-filled local repository."""
    if jars_complete(JARS):
        say("jars: up to date")
        return
    fresh = JARS.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    java = find_java()
    copy = ["mvn", "-q", "-B", "-f", POM, "dependency:copy-dependencies", f"-DoutputDirectory={fresh}"]
    run(
        "jars: fetching Delta for Spark",
        [*copy, "-DincludeScope=runtime"],
        NETWORK_HINT,
        {"JAVA_HOME": str(java)} if java else None,
    )
    if wrong := wrong_jars(fresh):
        raise UserError(
            "the jars that Maven brought are not those we know:\n    "
            + "\n    ".join(wrong)
            + f"\nLook at {fresh}; delete the file's folder in ~/.m2/repository and run this again. After a change of "
            f"{POM.relative_to(ROOT)}: `cd {fresh} && sha256sum *.jar > {JAR_SUMS}`."
        )
    shutil.rmtree(JARS, ignore_errors=True)
    fresh.rename(JARS)


PLATFORM = "import duckdb; print(duckdb.__version__, duckdb.sql('pragma platform').fetchone()[0])"


def make_extensions() -> None:
    """DuckDB's extensions from their packages, laid out as DuckDB looks for them, so that it never downloads any."""
    python = venv_python("spark")
    found = subprocess.run([python, "-c", PLATFORM], capture_output=True, text=True)
    if found.returncode:
        raise UserError(f"duckdb in {VENVS / 'spark'} does not start:\n{found.stderr}")
    version, platform = found.stdout.split()
    folder = DUCKDB_EXTENSIONS / f"v{version}" / platform
    folder.mkdir(parents=True, exist_ok=True)
    wheels = sorted(
        VENVS.glob(f"spark/lib/python3.*/site-packages/duckdb_extension_*/extensions/v{version}/*.duckdb_extension")
    )
    for link in folder.iterdir():
        if link.name not in {wheel.name for wheel in wheels}:
            link.unlink()
    for wheel in wheels:
        link, target = folder / wheel.name, os.path.relpath(wheel, folder)
        if not (link.is_symlink() and str(link.readlink()) == target):
            link.unlink(missing_ok=True)
            link.symlink_to(target)
    names = " ".join(wheel.stem for wheel in wheels)
    load = f"import duckdb; c = duckdb.connect(config={{'extension_directory': {str(DUCKDB_EXTENSIONS)!r}}})"
    load += "".join(f"; c.execute('load {wheel.stem}')" for wheel in wheels)
    run(f"DuckDB's extensions: loading {names}", [python, "-c", load])
