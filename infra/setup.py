#!/usr/bin/env python3
"""Set the machine up for the city brain: system packages, Python environments, jars. Run by `make setup`.

    python3 infra/setup.py              all that the demo needs
    python3 infra/setup.py --tests      also what only the tests need (Chromium, PostgreSQL)
    python3 infra/setup.py --lock       resolve infra/envs/*.in again into *.lock (`make lock`)

Needs nothing but Python 3.11 or newer. It can be run again at any time, also after an interruption: what is done is
recognised by a stamp, what is half done is done again. It installs Debian packages when it runs as root; otherwise it
prints the line to ask for.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from machine import (
    DUCKDB_EXTENSIONS,
    JARS,
    JAVA_MAX,
    JAVA_MIN,
    ROOT,
    VENVS,
    UserError,
    fail,
    find_java,
    say,
    venv_python,
)

ENVS = ROOT / "infra/envs"
POM = ROOT / "infra/jars/pom.xml"
JAR_SUMS = ROOT / "infra/jars/jars.sha256"
LOG = VENVS / "setup.log"

ENVIRONMENTS = ("spark", "airflow", "superset")
WITH_CITYBRAIN = ("spark", "airflow")  # Superset reads results only
CHINESE = (ROOT / "infra/superset/patch_zh.py", ROOT / "infra/superset/zh.json")
PYTHONS = ((3, 11), (3, 12))  # numpy of Superset 6.1 has no wheels for anything newer
STAMP = "citybrain.stamp"
HELD: list[int] = []  # the lock of this set-up, shared with what it starts: if only we are killed, the next one waits
STAMP_FORMAT = "1"  # raise it to have every environment made anew


# --- running other programs ------------------------------------------------------------------------------------------


def run(doing: str, command: Sequence[str | Path], hint: str = "", env: dict[str, str] | None = None) -> None:
    """Run a command with its output in the log; show that time passes; on failure show the end of what it said."""
    VENVS.mkdir(exist_ok=True)
    say(f"{doing} …")
    begun = beat = time.monotonic()
    with LOG.open("ab") as log:
        log.write(f"\n$ {' '.join(map(str, command))}\n".encode())
        log.flush()
        offset = log.tell()
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            pass_fds=HELD,
        )
        try:
            while process.poll() is None:
                time.sleep(0.1)
                if time.monotonic() - beat >= 15:
                    beat = time.monotonic()
                    say(f"{doing}: still at it, {beat - begun:.0f} s")
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode:
        with LOG.open("rb") as log:
            log.seek(offset)
            said = log.read().decode("utf-8", errors="replace").strip().splitlines()[-15:]
        raise UserError(
            f"{doing}: `{Path(command[0]).name}` ended with code {process.returncode}:\n"
            + "\n".join(f"    {line}" for line in said)
            + f"\n{hint + chr(10) if hint else ''}"
            + f"The full log is {LOG}. Running the same command again goes on from here."
        )


NETWORK_HINT = (
    "If a download failed: check the network, or name your mirror to pip (`pip config set global.index-url …`), "
    "to uv (UV_DEFAULT_INDEX) or to Maven (~/.m2/settings.xml)."
)


def uv_settings(tool: Path) -> dict[str, str]:
    """uv does not read pip's configuration; whoever told pip of a mirror means uv, too. Handed over, never written."""
    settings = {"UV_PYTHON_DOWNLOADS": "never", "UV_LINK_MODE": os.environ.get("UV_LINK_MODE", "hardlink")}
    settings["UV_HTTP_TIMEOUT"] = os.environ.get("UV_HTTP_TIMEOUT", "300")
    if "UV_DEFAULT_INDEX" not in os.environ and "UV_INDEX_URL" not in os.environ:
        answer = subprocess.run(
            [tool / "bin/python", "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True
        )
        if index := os.environ.get("PIP_INDEX_URL") or answer.stdout.strip():
            settings["UV_DEFAULT_INDEX"] = index
    return settings


# --- system packages -------------------------------------------------------------------------------------------------


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


# --- environments ----------------------------------------------------------------------------------------------------


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


# --- jars and extensions ---------------------------------------------------------------------------------------------


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


# --- locks -----------------------------------------------------------------------------------------------------------


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


# --- all of it -------------------------------------------------------------------------------------------------------


@contextmanager
def alone() -> Iterator[None]:
    """Two set-ups in one tree take turns."""
    VENVS.mkdir(exist_ok=True)
    with (VENVS / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up is running in this tree: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        HELD.append(lock.fileno())
        try:
            yield
        finally:
            HELD.clear()


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
    except UserError as error:
        return fail(error)
    except KeyboardInterrupt:
        print("\ninterrupted; running the same command again goes on from here", file=sys.stderr)
        return 130
    say("ready. `make demo` starts everything.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
