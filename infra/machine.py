"""What set-up and supervisor need to know of the machine: where things are, which Java and Python fit, how to fail."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENVS = ROOT / ".venvs"
JARS = VENVS / "jars"
DUCKDB_EXTENSIONS = VENVS / "duckdb_extensions"

# Spark 4.1 is released for 17 and 21; from 24 on, Hadoop's client asks for a security manager that is gone.
JAVA_MIN, JAVA_MAX = 17, 23
PYTHONS = ((3, 11), (3, 12))  # numpy of Superset 6.1 has no wheels for anything newer

if sys.version_info < (3, 11):  # noqa: UP036 - this is where it is said
    sys.exit(f"error: Python 3.11 or newer is needed, this is {sys.version.split()[0]} ({sys.executable})")

_started = time.monotonic()


class UserError(Exception):
    """Something that the user can act upon. The message says what, where, and what to do."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def say(message: str) -> None:
    """One line of progress, with the seconds since the start."""
    print(f"[{time.monotonic() - _started:4.0f} s] {message}", flush=True)


def fail(error: UserError) -> int:
    print(f"error: {error}", file=sys.stderr, flush=True)
    return error.code


def tail(log: Path, lines: int = 20) -> str:
    """The end of a log, indented, for an error message."""
    if not log.exists():
        return f"    ({log} does not exist)"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 64_000))
        text = file.read().decode("utf-8", errors="replace")
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:]) or f"    ({log} is empty)"


def java_major(java: Path) -> int | None:
    """17 of `openjdk version "17.0.15"`; None where it does not run."""
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=True).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(\d+)', answer)
    return int(found[1]) if found else None


def find_java() -> Path | None:
    """The home of a Java that Spark can run on: JAVA_HOME, then the one on PATH, then Debian's folder."""
    candidates = [Path(os.environ["JAVA_HOME"]) / "bin/java"] if os.environ.get("JAVA_HOME") else []
    if on_path := shutil.which("java"):
        candidates.append(Path(on_path).resolve())
    candidates += sorted(Path("/usr/lib/jvm").glob("*/bin/java"))
    for java in candidates:
        major = java_major(java)
        if major is not None and JAVA_MIN <= major <= JAVA_MAX:
            return java.parent.parent
    return None


def venv_python(environment: str) -> Path:
    return VENVS / environment / "bin/python"


def spark_home() -> Path:
    """pyspark brings Spark itself: its folder in the spark environment."""
    found = sorted(VENVS.glob("spark/lib/python3.*/site-packages/pyspark"))
    if not found:
        raise UserError(f"no pyspark in {VENVS / 'spark'}. Run `make setup`.", 5)
    return found[0]


def choose_python() -> str:
    """The Python to make environments of: the one running this, or else another one that all three can use."""
    if sys.version_info[:2] in PYTHONS:
        return sys.executable
    for major, minor in reversed(PYTHONS):
        if found := shutil.which(f"python{major}.{minor}"):
            return found
    supported = " or ".join(f"{major}.{minor}" for major, minor in PYTHONS)
    raise UserError(
        f"Python {supported} is needed (Superset 6.1 has no other), this is {sys.version.split()[0]}. "
        f"Install one of them (for example `apt-get install python3.12 python3.12-venv`) and run this again.",
        3,
    )
