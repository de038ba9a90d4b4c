"""A PostgreSQL server of a test's own, from the Debian package, on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Server:
    """``url`` is for psycopg2 and SQLAlchemy alike; ``kill`` ends the server as a power cut does."""

    def __init__(self, folder: Path, port: int, control: list[str | Path]) -> None:
        self.url = f"postgresql://citybrain:secret@127.0.0.1:{port}/postgres"
        self._folder, self._port, self._control = folder, port, control

    def start(self) -> None:
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -k {self._folder} -c timezone=UTC"
        self._run("-o", options, "-l", self._folder / "log", "start")

    def kill(self) -> None:
        self._run("-m", "immediate", "stop")

    def _run(self, *words: str | Path) -> None:
        subprocess.run([*self._control, *words], check=True, stdout=subprocess.DEVNULL)


@contextmanager
def server() -> Iterator[Server]:
    """As a user who is not root. Skips where no server is installed."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries:
        pytest.skip("no PostgreSQL server here; `python3 infra/setup.py --tests` installs one")
    drop = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="citybrain-postgres-"))  # pytest's own folders are closed to other users
    folder.chmod(0o755)
    data = folder / "data"
    try:
        (folder / "password").write_text("secret", "utf-8")
        if drop:
            shutil.chown(folder, "postgres")
            shutil.chown(folder / "password", "postgres")
        init = [*drop, binaries[-1] / "initdb", "-D", data, "-U", "citybrain", "-A", "scram-sha-256", "-E", "UTF8"]
        subprocess.run([*init, f"--pwfile={folder / 'password'}"], check=True, capture_output=True)
        found = Server(folder, _free_port(), [*drop, binaries[-1] / "pg_ctl", "-D", data, "-w"])
        found.start()
        yield found
    finally:
        if (data / "postmaster.pid").exists():
            found.kill()
        shutil.rmtree(folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
