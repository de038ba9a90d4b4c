"""Workbooks that Excel itself wrote, for the tests to read: the examples of Debian packages, unpacked, not installed.

No program here writes such files, and they are not ours to ship.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from machine import VENVS, UserError, say
from packages import known_to_apt
from programs import run

SAMPLES = VENVS / "samples"
PACKAGES = ("libspreadsheet-parseexcel-perl", "r-cran-gdata", "r-cran-readxl")


def make_samples() -> None:
    """Where they cannot be fetched the tests that read them skip, and say so."""
    missing = [package for package in PACKAGES if not (SAMPLES / package).is_dir()]
    if not missing:
        say("sample workbooks: up to date")
        return
    try:
        if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
            raise UserError("apt-get and dpkg-deb are missing")
        if not all(map(known_to_apt, missing)):
            run("apt-get update", ["apt-get", "-q", "update"])
        for package in missing:
            _unpack(package)
    except (UserError, OSError, subprocess.CalledProcessError) as error:
        say(f"sample workbooks: going on without, their tests will skip: {error}")


def _unpack(package: str) -> None:
    SAMPLES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SAMPLES) as scratch:
        run(f"sample workbooks: {package}", ["env", "-C", scratch, "apt-get", "-q", "download", package])
        (archive,) = Path(scratch).glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", archive, Path(scratch, "unpacked")], check=True)
        found = Path(scratch, "found")
        found.mkdir()
        for book in Path(scratch, "unpacked").rglob("*.xls"):
            shutil.copy(book, found)
        found.rename(SAMPLES / package)  # the last act: now they are complete
