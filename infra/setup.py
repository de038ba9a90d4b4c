#!/usr/bin/env python3
"""Set the machine up for the city brain: system packages, Python environments, jars. Run by `make setup`.

    python3 infra/setup.py              all that the demo needs
    python3 infra/setup.py --tests      also what only the tests need (Chromium, PostgreSQL, workbooks to read)
    python3 infra/setup.py --lock       resolve infra/envs/*.in again into *.lock (`make lock`)

Needs nothing but Python 3.11 or newer. It can be run again at any time, also after an interruption: what is done is
recognised by a stamp, what is half done is done again. It installs Debian packages when it runs as root; otherwise it
prints the line to ask for.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from engines import make_extensions, make_jars
from machine import ROOT, VENVS, UserError, choose_python, fail, say, venv_python
from packages import system_packages
from programs import NETWORK_HINT, alone, run, uv_settings
from samples import make_samples

ENVS = ROOT / "infra/envs"

ENVIRONMENTS = ("spark", "airflow", "superset")
WITH_CITYBRAIN = ("spark", "airflow")  # Superset reads results only
CHINESE = (ROOT / "infra/superset/patch_zh.py", ROOT / "infra/superset/zh.json")
STAMP = "citybrain.stamp"
STAMP_FORMAT = "2"  # raise it to have every environment made anew


def fingerprint(name: str) -> str:
    """What an environment is made of: its lock, and what is done to it after the packages are in."""
    parts = [STAMP_FORMAT, (ENVS / f"{name}.lock").read_text("utf-8")]
    if name in WITH_CITYBRAIN:
        import tomllib  # not at the top: an older Python should reach the message about itself

        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
        parts.append(json.dumps([project["project"], project["build-system"]], sort_keys=True))
    if name == "superset":
        parts += [file.read_text("utf-8") for file in CHINESE]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def write_atomically(path: Path, content: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content)
    Path(name).chmod(0o644)
    Path(name).replace(path)


def put_stamp(environment: Path, wanted: str) -> None:
    """The last act: only now is the environment complete. It names its place, for environments cannot be moved."""
    write_atomically(environment / STAMP, f"{environment}\n{wanted}\n")


def state(environment: Path, wanted: str) -> str:
    """`done`; `outdated` (complete, but of another lock); or `absent`, which a half-made or a moved one is, too."""
    stamp, python = environment / STAMP, environment / "bin/python"
    place, _, made_of = stamp.read_text("utf-8").partition("\n") if stamp.is_file() else ("", "", "")
    if place != str(environment) or not python.exists():
        return "absent"
    if subprocess.run([python, "-c", ""], capture_output=True).returncode:
        return "absent"  # the Python it was made of is gone
    return "done" if made_of.strip() == wanted else "outdated"


def make_tool() -> Path:
    """uv, by plain pip, checked against its hash."""
    tool, lock = VENVS / "tool", ENVS / "uv.lock"
    wanted = fingerprint("uv")
    if state(tool, wanted) == "done":
        return tool
    shutil.rmtree(tool, ignore_errors=True)
    run("making the tool environment", [choose_python(), "-m", "venv", tool])
    pip = [tool / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    run("installing uv", [*pip, "--requirement", lock], NETWORK_HINT)
    put_stamp(tool, wanted)
    return tool


def count_packages(lock: Path) -> int:
    return len(re.findall(r"^[a-z0-9]", lock.read_text("utf-8"), flags=re.MULTILINE | re.IGNORECASE))


def make_environment(name: str, tool: Path) -> bool:
    """Bring one environment to exactly what its lock says. Returns whether there was anything to do."""
    environment, lock = VENVS / name, ENVS / f"{name}.lock"
    wanted = fingerprint(name)
    found = state(environment, wanted)
    if found == "done":
        say(f"{name}: up to date")
        return False
    uv, settings = tool / "bin/uv", uv_settings(tool)
    (environment / STAMP).unlink(missing_ok=True)  # from here on it is half made
    if found == "absent":
        make = [uv, "venv", "--quiet", "--clear", "--python", choose_python(), environment]
        run(f"{name}: making the environment", make, env=settings)
    python = venv_python(name)
    sync = [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, lock]
    run(f"{name}: installing {count_packages(lock)} packages", sync, NETWORK_HINT, settings)
    if name in WITH_CITYBRAIN:
        ensure_package()
        editable = [uv, "pip", "install", "--quiet", "--no-deps", "--editable", ROOT, "--python", python]
        run(f"{name}: installing citybrain", editable, env=settings)
    run(f"{name}: checking that the versions go together", [uv, "pip", "check", "--quiet", "--python", python])
    if name == "superset":
        run("superset: Chinese without the guesses", [python, CHINESE[0]])
    put_stamp(environment, wanted)
    return True


def ensure_package() -> None:
    """An editable install needs something to point at, also in a tree that is only beginning."""
    package = ROOT / "jobs/citybrain"
    package.mkdir(parents=True, exist_ok=True)
    for name in ("__init__.py", "py.typed"):
        (package / name).touch(exist_ok=True)


def as_of(requirements: Path) -> str:
    """The day whose packages an environment is made of: the first line of its .in file."""
    first = requirements.read_text("utf-8").splitlines()[0]
    found = re.fullmatch(r"# as of (\d{4}-\d{2}-\d{2})", first)
    if not found:
        raise UserError(f"{requirements}: the first line must read `# as of YYYY-MM-DD`, it reads {first!r}")
    return found[1]


def write_locks(tool: Path, names: Sequence[str]) -> None:
    """Exact, hashed, for every platform and Python at once, without the address of any registry.

    The old lock is not looked at: uv would keep its versions as preferences, and what is resolved would depend on
    what was resolved before.
    """
    for name in names:
        requirements, lock = ENVS / f"{name}.in", ENVS / f"{name}.lock"
        day = as_of(requirements)
        with tempfile.TemporaryDirectory() as scratch:
            fresh = Path(scratch) / lock.name
            command = [tool / "bin/uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
            command += ["--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate"]
            command += ["--exclude-newer", f"{day}T00:00:00Z", requirements, "--output-file", fresh]
            run(f"{name}: resolving as of {day}", command, NETWORK_HINT, uv_settings(tool))
            header = f"# Written by `make lock` from {requirements.name} as of {day}. Do not edit.\n"
            write_atomically(lock, header + fresh.read_text("utf-8"))
        say(f"{name}: {count_packages(lock)} packages")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tests", action="store_true", help="also what only the tests need")
    parser.add_argument("--lock", action="store_true", help="resolve infra/envs/*.in again, then stop")
    parser.add_argument("--no-apt", action="store_true", help="install no Debian packages, even as root")
    parser.add_argument("--only", nargs="+", choices=ENVIRONMENTS, default=ENVIRONMENTS, help="only these environments")
    options = parser.parse_args(arguments)
    try:
        with alone():
            if options.lock:
                write_locks(make_tool(), [*options.only, *(["uv"] if options.only == ENVIRONMENTS else [])])
                return 0
            system_packages(options.tests, not options.no_apt)
            tool = make_tool()
            for name in options.only:
                make_environment(name, tool)
            if "spark" in options.only:
                make_jars()
                make_extensions()
            if options.tests and not options.no_apt:
                make_samples()
    except UserError as error:
        return fail(error)
    except KeyboardInterrupt:
        print("\ninterrupted; running the same command again goes on from here", file=sys.stderr)
        return 130
    say("ready. `make demo` starts everything.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
