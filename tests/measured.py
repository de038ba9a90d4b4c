"""What some Python takes in a process of its own: time, CPU, memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from citybrain.contracts.load import ROOT

# Of the memory, the kernel's mark of this very program: ru_maxrss would begin with what the parent held.
MEASURE = """
import json, re, resource, sys, time
from pathlib import Path
{setup}
def used():
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime
began, cpu = time.monotonic(), used()
{work}
print(json.dumps(dict(seconds=time.monotonic() - began, cpu=used() - cpu, answer=answer,
                      peak=int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)))
"""


def bytes_read(process: str = "/proc/self") -> int:
    """What a process has read since it began, of files and else, as the kernel tells."""
    return int(Path(process, "io").read_text().split()[1])


def jvm() -> str:
    """Where the kernel tells of the JVM of Spark's session in this process."""
    from pyspark import SparkContext

    from citybrain import engine

    engine.session()
    return f"/proc/{SparkContext._active_spark_context._jvm.java.lang.ProcessHandle.current().pid()}"


def measured(way: tuple[str, str], file: Path, home: Path) -> dict:
    script = MEASURE.format(setup=way[0], work=way[1].format(file=file))
    env = {**os.environ, "PYTHONPATH": str(ROOT / "jobs"), "CITYBRAIN_HOME": str(home)}
    env |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(file.parent / "compiled")}
    done = subprocess.run([sys.executable, "-c", script], env=env, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])  # above it DuckDB may have drawn its progress
