#!/usr/bin/env python3
"""Start, stop and watch the services of the city brain on one machine: Spark Connect, Airflow, Superset, the portal.

    python3 infra/stack.py up [component…]       start what is not running, wait until it is healthy
    python3 infra/stack.py down [component…]     end what we started, and all that it started
    python3 infra/stack.py status [--json]       what runs, since when, with how much memory
    python3 infra/stack.py logs component [-f]   the end of a log
    python3 infra/stack.py env                   the settings as `export` lines, for a shell

Components: spark, airflow (= airflow-api airflow-scheduler airflow-dag-processor), airflow-triggerer (not by default),
superset, portal. Needs nothing but Python 3.11; `make setup` comes first. infra/README.md has settings and exit codes.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import processes
from components import COMPONENTS, GROUPS, STOPPING, Component
from machine import VENVS, UserError, fail, find_java, say, tail
from processes import Record
from settings import NOT_SET_UP, PORT_TAKEN, UNHEALTHY, USAGE, Settings, product_env


def choose(settings: Settings, names: Sequence[str], default: Sequence[str]) -> list[Component]:
    known = {component.name: component for component in COMPONENTS}
    wanted: list[str] = []
    for name in names or default:
        if name not in known and name not in GROUPS:
            raise UserError(f"no component {name!r}; there are: {' '.join([*known, *GROUPS])}", USAGE)
        wanted += GROUPS.get(name, (name,))
    return [known[name](settings) for name in known if name in wanted]


@contextlib.contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Two who start or stop the same stack take turns."""
    settings.run.mkdir(parents=True, exist_ok=True)
    with (settings.run / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("somebody else is starting or stopping this stack: waiting")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def check_set_up(components: Sequence[Component]) -> None:
    for environment in sorted({component.environment for component in components}):
        if not (VENVS / environment / "citybrain.stamp").exists():
            raise UserError(f"the {environment} environment is not complete. Run `make setup`.", NOT_SET_UP)
    if any(component.name == "spark" for component in components) and not find_java():
        raise UserError("no Java that Spark can run on (17 to 23). Run `make setup`.", NOT_SET_UP)


def check_ports(settings: Settings, starting: Sequence[Component]) -> None:
    """All that are taken are named at once, before anything is started."""
    taken = []
    for component in starting:
        if component.port is None:
            continue
        host = "127.0.0.1" if component.name == "spark" else settings.host
        if not processes.port_is_free(host, component.port):
            owner = processes.port_owner(component.port) or "another process"
            taken.append(
                f"port {component.port} for {component.title} is in use by {owner}; "
                f"free it, or set {component.port_setting} to another one"
            )
    if taken:
        raise UserError("\n       ".join(taken), PORT_TAKEN)


def start_and_wait(
    component: Component, children: dict[str, subprocess.Popen[bytes]], cancelled: threading.Event
) -> str:
    """Start one component unless it runs, and wait until it is healthy. Returns what to report."""
    settings = component.settings
    record = component.running()
    began = time.monotonic()
    fresh = record is None
    if record is None:
        if (old := Record.load(component.record_path)) and processes.members(old):
            say(f"{component.title}: ending what a crashed one left behind")
            processes.end(old, 0)
        say(f"{component.title}: starting")
        record, children[component.name] = processes.start(
            component.record_path,
            component.name,
            component.command(),
            component.env(),
            component.log,
            settings.home,
            component.port,
        )
    shown = began
    while (trouble := component.trouble(record)) is not None:
        child = children.get(component.name)
        if (child and child.poll() is not None) or not processes.leader(record):
            raise UserError(f"{component.title} ended by itself. The end of {component.log}:\n{tail(component.log)}", 4)
        if time.monotonic() - began > settings.patience:
            raise UserError(
                f"{component.title} is not healthy after {settings.patience:.0f} s: {trouble} "
                f"(CITYBRAIN_START_TIMEOUT to wait longer). The end of {component.log}:\n{tail(component.log)}",
                UNHEALTHY,
            )
        if cancelled.wait(0.5):
            raise UserError(f"{component.title}: not waited for", 130)
        if time.monotonic() - shown >= 15:
            shown = time.monotonic()
            say(f"{component.title}: {trouble} ({shown - began:.0f} s)")
    if not processes.leader(record):
        raise UserError(f"{component.title} ended by itself. The end of {component.log}:\n{tail(component.log)}", 4)
    return f"ready after {time.monotonic() - began:.0f} s" if fresh else "already running"


def up(settings: Settings, names: Sequence[str]) -> int:
    components = choose(settings, names, ("all",))
    check_set_up(components)
    with alone(settings):
        settings.secrets.all()
        starting = [component for component in components if not component.running()]
        check_ports(settings, starting)
        warn_of_memory(starting)
        # Chains side by side: two cores are kept busy, and nobody waits for a stranger.
        chains: dict[str, list[Component]] = {}
        for component in components:
            chains.setdefault(component.chain, []).append(component)
        children: dict[str, subprocess.Popen[bytes]] = {}
        failures: list[UserError] = []
        cancelled = threading.Event()
        settled = {component.name: threading.Event() for component in components}
        healthy: set[str] = set()

        def one(component: Component) -> None:
            try:
                if component.after in settled:
                    settled[component.after].wait()
                    if component.after not in healthy:
                        return say(f"{component.title}: not started, for it needs {component.after}")
                say(f"{component.title}: {start_and_wait(component, children, cancelled)}")
                healthy.add(component.name)
            except UserError as error:
                failures.append(error)
            finally:
                settled[component.name].set()

        def chain(members: Sequence[Component]) -> None:
            try:
                if any(not member.running() for member in members):
                    members[0].prepare()
            except UserError as error:
                failures.append(error)
                return  # nobody of another chain waits for one of these
            with ThreadPoolExecutor(len(members)) as pool:
                list(pool.map(one, members))

        with ThreadPoolExecutor(len(chains)) as pool:
            try:
                list(pool.map(chain, chains.values()))
            except KeyboardInterrupt:
                cancelled.set()
                raise
        for failure in failures:
            fail(failure)
        if failures:
            say("not all is up; what is healthy goes on running. `make down` ends it.")
            return failures[0].code
    for component in components:
        if component.name == "airflow-api":
            say(f"Airflow    {settings.url(settings.airflow_port)}  users in {settings.secrets.airflow_passwords()}")
        if component.name == "superset":
            place = settings.secrets.folder / "superset_admin_password"
            say(f"Superset   {settings.url(settings.superset_port)}  admin, password in {place}")
        if component.name == "portal":
            place = settings.secrets.folder / "portal_admin_password"
            say(f"portal     {settings.url(settings.portal_port)}  admin, password in {place}")
        if component.name == "spark":
            say(f"Spark      sc://127.0.0.1:{settings.spark_port}")
    return 0


def warn_of_memory(starting: Sequence[Component]) -> None:
    """Spark's heap, and half a gigabyte for each of the others: below that the kernel will choose whom to kill."""
    lines = (processes.PROC / "meminfo").read_text("ascii").splitlines()
    available = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")) / 1024**2
    wanted = sum(2.0 if component.name == "spark" else 0.5 for component in starting)
    if available < wanted:
        say(f"warning: {available:.1f} GB of memory are free, about {wanted:.1f} GB will be used")


def down(settings: Settings, names: Sequence[str]) -> int:
    chosen = {component.name: component for component in choose(settings, names, [c.name for c in COMPONENTS])}
    ended = 0
    with alone(settings):
        for stage in STOPPING:
            present = [chosen[name] for name in stage if name in chosen and Record.load(chosen[name].record_path)]
            if present:
                with ThreadPoolExecutor(len(present)) as pool:
                    ended += sum(pool.map(stop, present))
    if not ended:
        say("nothing was running")
    return 0


def stop(component: Component) -> int:
    record = Record.load(component.record_path)
    assert record is not None
    count, killed = processes.end(record, component.drain)
    component.record_path.unlink(missing_ok=True)
    if count:
        forced = f", {killed} of them had to be killed" if killed else ""
        say(f"{component.title}: ended ({count} {'process' if count == 1 else 'processes'}{forced})")
    return count


def status(settings: Settings, names: Sequence[str], as_json: bool) -> int:
    rows = []
    for component in choose(settings, names, ("all",)):
        record = component.running()
        if record:
            trouble = component.trouble(record)
            belonging = processes.members(record)
            rows.append(
                {
                    "component": component.name,
                    "state": "healthy" if trouble is None else f"not healthy: {trouble}",
                    "pid": record.pid,
                    "port": record.port,
                    "minutes": round((time.time() - record.begun) / 60, 1),
                    "megabytes": processes.memory(belonging.values()) // 1024**2,
                }
            )
        else:
            known = Record.load(component.record_path)
            rows.append({"component": component.name, "state": "ended by itself" if known else "stopped"})
    if as_json:
        print(json.dumps(rows, indent=1))
    else:
        columns = ("component", "state", "pid", "port", "minutes", "megabytes")
        table = [columns, *(tuple(str(row.get(column) or "") for column in columns) for row in rows)]
        widths = [max(len(line[i]) for line in table) for i in range(len(columns))]
        for line in table:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    return 0 if all(row["state"] == "healthy" for row in rows) else UNHEALTHY


def logs(settings: Settings, name: str, lines: int, follow: bool) -> int:
    component = choose(settings, [name], ())[0]
    if not component.log.exists():
        raise UserError(f"{component.log} does not exist: {name} was never started here", USAGE)
    command = ["tail", "-n", str(lines), *(["-F"] if follow else []), str(component.log)]
    with contextlib.suppress(KeyboardInterrupt):
        return subprocess.run(command).returncode
    return 0


def print_env(settings: Settings) -> int:
    for key, value in product_env(settings).items():
        print(f"export {key}={shlex.quote(value)}")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("up", "down", "status"):
        command = commands.add_parser(name)
        command.add_argument("components", nargs="*")
        if name == "status":
            command.add_argument("--json", action="store_true")
    log = commands.add_parser("logs")
    log.add_argument("component")
    log.add_argument("-n", "--lines", type=int, default=100)
    log.add_argument("-f", "--follow", action="store_true")
    commands.add_parser("env")
    options = parser.parse_args(arguments)
    try:
        settings = Settings()
        match options.command:
            case "up":
                return up(settings, options.components)
            case "down":
                return down(settings, options.components)
            case "status":
                return status(settings, options.components, options.json)
            case "logs":
                return logs(settings, options.component, options.lines, options.follow)
            case _:
                return print_env(settings)
    except UserError as error:
        return fail(error)
    except KeyboardInterrupt:
        print("\ninterrupted; what was started goes on running: `make down` ends it", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
