"""Processes and ports on Linux, read from /proc: who is who, who belongs to whom, and how to end only our own.

A process is known by its number *and* the moment it started (and the boot): numbers are given out again. What belongs
to a component is found in three ways, because each has a hole: descent (lost when a parent dies), the session (left by
children that call setsid, as Airflow's tasks do), and a token in the environment (overwritten by programs that change
their title, as Airflow and gunicorn do).
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

PROC = Path("/proc")
TOKEN = "CITYBRAIN_RUN_TOKEN"


@dataclass(frozen=True)
class Stat:
    """What the kernel says of a process. `started` is in ticks since boot."""

    pid: int
    parent: int
    session: int
    started: int
    zombie: bool


@dataclass(frozen=True)
class Record:
    """What we wrote down when we started a component. Without a `pid` we were interrupted between intent and start."""

    name: str
    token: str
    boot: str
    log: str
    begun: float  # seconds since 1970
    port: int | None = None
    pid: int | None = None
    started: int | None = None

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self)), "utf-8")
        fresh.replace(path)

    @classmethod
    def load(cls, path: Path) -> Record | None:
        """The record of a component, or None; what was written before the last boot is about nobody."""
        try:
            record = cls(**json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return record if record.boot == boot_id() else None


def boot_id() -> str:
    return (PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()


def stat(pid: int) -> Stat | None:
    try:
        text = (PROC / str(pid) / "stat").read_text("utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may hold blanks and brackets
    # The first thread of a JVM may be a zombie while others still hold the files and ports: gone is who has one thread.
    gone = fields[0] in "ZX" and int(fields[17]) <= 1
    return Stat(pid, int(fields[1]), int(fields[3]), int(fields[19]), gone)


def snapshot() -> dict[int, Stat]:
    found = (stat(int(entry.name)) for entry in PROC.iterdir() if entry.name.isdigit())
    return {process.pid: process for process in found if process and not process.zombie}


def carries(pid: int, token: str) -> bool:
    try:
        return f"{TOKEN}={token}".encode() in (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def leader(record: Record) -> Stat | None:
    """The process we started, if it is still that one."""
    process = stat(record.pid) if record.pid else None
    return process if process and not process.zombie and process.started == record.started else None


def members(record: Record) -> dict[int, Stat]:
    """Every process that belongs to a component, its starter not among them."""
    running = snapshot()
    ours = {pid for pid in running if carries(pid, record.token)}
    if leader(record):
        assert record.pid is not None
        ours.add(record.pid)
    if record.pid and (leader(record) or stat(record.pid) is None):
        # The number of a session is not given out while somebody is in it; so if the leader's is free, they are ours.
        ours |= {p.pid for p in running.values() if p.session == record.pid and p.started >= (record.started or 0)}
    grew = True
    while grew:
        sessions = {running[pid].session for pid in ours if running[pid].session == pid}
        more = {p.pid for p in running.values() if p.parent in ours or p.session in sessions} - ours
        ours |= more
        grew = bool(more)
    return {pid: running[pid] for pid in ours if pid != os.getpid()}


def start(
    path: Path,
    name: str,
    command: Sequence[str | Path],
    env: Mapping[str, str],
    log: Path,
    cwd: Path,
    port: int | None = None,
) -> tuple[Record, subprocess.Popen[bytes]]:
    """Start a component in a session of its own, which outlives us. The intent is on disk before the process is."""
    record = Record(name, secrets.token_hex(16), boot_id(), str(log), time.time(), port)
    record.save(path)
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > 20_000_000:
        log.replace(log.with_suffix(".1.log"))
    with log.open("ab") as output:
        output.write(f"--- {time.strftime('%Y-%m-%dT%H:%M:%S%z')} starting {name}\n".encode())
        output.flush()
        process = subprocess.Popen(
            [str(part) for part in command],
            env={**env, TOKEN: record.token},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    seen = stat(process.pid)
    record = Record(**{**asdict(record), "pid": process.pid, "started": seen.started if seen else None})
    record.save(path)
    return record, process


def send(processes: Iterable[Stat], what: signal.Signals) -> None:
    for process in processes:
        now = stat(process.pid)
        if now and now.started == process.started:  # not somebody else who got the number meanwhile
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, what)


def end(record: Record, patience: float, again: float = 8) -> tuple[int, int]:
    """End a component and all that belongs to it; returns how many processes there were, and how many had to be killed.

    First its leader is asked, who may finish what it is doing; after `patience` all are asked, after `again` killed.
    """
    belonging = members(record)
    first = leader(record)
    send([first] if first else belonging.values(), signal.SIGTERM)
    left = _wait(record, belonging, patience if first else 0)
    send(left.values(), signal.SIGTERM)
    left = _wait(record, {**belonging, **left}, again)
    send(left.values(), signal.SIGKILL)
    for _ in range(3):  # one may have been born between the look and the blow
        survivors = _wait(record, left, 5)
        if not survivors:
            break
        send(survivors.values(), signal.SIGKILL)
    return len(belonging), len(left)


def _wait(record: Record, known: Mapping[int, Stat], seconds: float) -> dict[int, Stat]:
    """Who is left after at most so many seconds: of those known before, and of those who belong by now."""
    until = time.monotonic() + seconds
    while True:
        current = snapshot()
        left = {pid: p for pid, p in known.items() if pid in current and current[pid].started == p.started}
        left |= members(record)
        if not left or time.monotonic() >= until:
            return left
        time.sleep(0.1)


def memory(processes: Iterable[Stat]) -> int:
    """Bytes in use, shared pages counted once over all (PSS)."""
    total = 0
    for process in processes:
        with contextlib.suppress(OSError, StopIteration, ValueError):
            lines = (PROC / str(process.pid) / "smaps_rollup").read_text("ascii").splitlines()
            total += int(next(line for line in lines if line.startswith("Pss:")).split()[1]) * 1024
    return total


def port_is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def port_answers(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=2):
        return True
    return False


def port_owner(port: int) -> str:
    """`pid 123 (java …)` of whoever listens there, for the message; empty where we may not look."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (PROC / "net" / table).read_text("ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if any(str(link.readlink()) in inodes for link in (entry / "fd").iterdir()):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", errors="replace")
                return f"pid {entry.name} ({command[:60].strip()})"
    return ""
