"""Set-up and supervisor are scripts, not a package: they are loaded from infra/, which must not stay on the path.

There it would make `import airflow` and `import superset` find infra/airflow and infra/superset.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

sys.path.insert(0, str(ROOT / "infra"))
import machine  # noqa: E402, F401
import processes  # noqa: E402, F401
import setup  # noqa: E402, F401
import stack  # noqa: E402, F401

sys.path.remove(str(ROOT / "infra"))


@pytest.fixture
def root() -> Path:
    return ROOT


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
