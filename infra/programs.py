"""Runs the programs of the set-up: pip, uv, apt, Maven. What they say goes to a log, and its end into the error."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from machine import ROOT, VENVS, UserError, say

LOG = VENVS / "setup.log"
HELD: list[int] = []  # the lock of this set-up, shared with what it starts: if only we are killed, the next one waits


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
    settings["UV_COMPILE_BYTECODE"] = "1"  # once, here; else every service does, or where none may write, every process
    if "UV_DEFAULT_INDEX" not in os.environ and "UV_INDEX_URL" not in os.environ:
        answer = subprocess.run(
            [tool / "bin/python", "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True
        )
        if index := os.environ.get("PIP_INDEX_URL") or answer.stdout.strip():
            settings["UV_DEFAULT_INDEX"] = index
    return settings


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
