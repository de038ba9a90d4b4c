"""What the machine must have: Debian packages, installed as root, else named for the administrator."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engines import jars_complete
from machine import JARS, JAVA_MAX, JAVA_MIN, UserError, choose_python, find_java, say
from programs import run


@dataclass(frozen=True)
class Need:
    """A thing the machine must have. `packages` are alternatives: the first that the distribution knows."""

    packages: tuple[str, ...]
    purpose: str
    present: Callable[[], bool]
    fatal: bool  # nothing can go on without it


def has_program(*names: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(name) for name in names)


def has_file(*patterns: str) -> Callable[[], bool]:
    return lambda: any(next(Path("/").glob(pattern), None) for pattern in patterns)


def has_ensurepip() -> bool:
    return subprocess.run([choose_python(), "-c", "import ensurepip"], capture_output=True).returncode == 0


def needs(tests: bool) -> list[Need]:
    java = ("openjdk-17-jre-headless", "openjdk-21-jre-headless", "default-jre-headless")
    wanted = [
        Need(("python3-venv",), "Python environments", has_ensurepip, True),
        Need(java, f"Spark (Java {JAVA_MIN} to {JAVA_MAX})", lambda: find_java() is not None, True),
        Need(("maven",), "fetching Delta's jars once", lambda: jars_complete(JARS) or has_program("mvn")(), True),
        Need(("util-linux",), "setpriv: no job outlives its starter", has_program("setpriv"), True),
        Need(
            ("fonts-noto-cjk",),
            "Chinese names on the map",
            has_file("usr/share/fonts/**/NotoSansCJK*", "usr/share/fonts/**/NotoSansSC*"),
            False,
        ),
    ]
    if tests:
        wanted += [
            Need(
                ("chromium", "chromium-browser"),
                "looking at the dashboards in the tests",
                has_program("chromium", "chromium-browser", "google-chrome"),
                False,
            ),
            Need(
                ("postgresql",),
                "testing the PostgreSQL setting",
                lambda: has_program("initdb")() or has_file("usr/lib/postgresql/*/bin/initdb")(),
                False,
            ),
        ]
    return wanted


def known_to_apt(package: str) -> bool:
    """Whether apt could install it (`apt-cache show` also knows names that are only mentioned)."""
    answer = subprocess.run(["apt-cache", "policy", package], capture_output=True, text=True).stdout
    return bool(re.search(r"Candidate: (?!\(none\))\S", answer))


def system_packages(tests: bool, may_install: bool) -> None:
    missing = [need for need in needs(tests) if not need.present()]
    if not missing:
        say("system packages: all there")
        return
    for need in missing:
        say(f"missing: {need.packages[0]} ({need.purpose})")
    has_apt = bool(shutil.which("apt-get") and shutil.which("apt-cache"))
    if has_apt and may_install and os.geteuid() == 0:
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get update", ["apt-get", "-q", "update"], "Check the network and /etc/apt/sources.list.", quiet)
        names = [next((p for p in need.packages if known_to_apt(p)), need.packages[0]) for need in missing]
        command = ["apt-get", "-q", "-y", "--no-install-recommends", "install", *names]
        run(f"apt-get install {' '.join(names)}", command, "Install them by hand, then run this again.", quiet)
        missing = [need for need in missing if not need.present()]
        if not missing:
            return
    line = "apt-get install " + " ".join(need.packages[0] for need in missing)
    fatal = [need for need in missing if need.fatal]
    if fatal:
        lacking = "; ".join(f"{need.packages[0]} for {need.purpose}" for need in fatal)
        raise UserError(
            f"this machine lacks {lacking}. Ask the administrator to run:\n    {line}\nthen run this again.", 3
        )
    say(f"going on without. To have it, ask the administrator to run: {line}")
