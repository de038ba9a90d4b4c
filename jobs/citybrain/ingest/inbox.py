"""The inbox: folders in which files appear without a word. What is still being written is left to the next look.

The files of ``inbox/<table>/`` are taken in the order of names (``pull.run.watched``), each once nobody has it open for
writing, and leave the inbox only as the bytes that have landed; else they stay for the next look. Where the system
cannot tell who writes (a file of another user, a network share), it has to stand still for ``QUIET`` seconds.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import re
import signal
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from citybrain import contracts
from citybrain.contracts import Contract
from citybrain.ingest import flow
from citybrain.ingest.dirt import file_issue
from citybrain.ingest.disk import digest_of
from citybrain.ingest.outcome import IngestError, Outcome
from citybrain.lake import folder

QUIET = 10.0  # seconds
_UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart")
_OWN = {"bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs"}  # disks of this machine

_log = logging.getLogger(__name__)


def finished(tables: Sequence[str] | None = None) -> Iterator[tuple[Contract, Path]]:
    """What lies there to be taken, of these tables or of all; the files of a table are looked for at its turn."""
    known = [c for c in contracts.load().values() if c.layer == "bronze"]
    for contract in [flow.contract_of(t) for t in tables] if tables else known:
        for file in _finished(waiting(folder("inbox") / contract.name)):
            yield contract, file


def take(contract: Contract, file: Path) -> Outcome | None:
    """Takes one file; None: another process has taken it. It raises nothing, so that a file does not stop the others.

    Where disk or lake failed the file stays, to be tried again; where the program failed at it, it goes to
    ``inbox/<table>/failed/``, with what was said, until somebody moves it back.
    """
    try:
        outcome = flow.ingest(contract.table, file)
    except Exception as error:
        return _failed(contract, file, error) if file.exists() else None
    flow.reached("before leaving the inbox")
    _leave(file, outcome.sha256)
    return outcome


def waiting(inbox: Path) -> list[Path]:
    """The files of an inbox folder but for those whose names say that they are hidden, temporary or half written."""
    files = sorted(inbox.iterdir()) if inbox.is_dir() else []
    return [f for f in files if f.is_file() and not f.name.startswith((".", "~$")) and f.suffix not in _UNFINISHED]


def _finished(files: Sequence[Path]) -> list[Path]:
    """Those that nobody writes any more, as far as can be seen."""
    written = {file: _is_written(file) for file in files}
    if doubtful := {file: _state(file) for file, is_written in written.items() if is_written is None}:
        time.sleep(QUIET)
    moving = {file for file in files if written[file] or (file in doubtful and _state(file) != doubtful[file])}
    for file in sorted(moving):
        _log.warning("%s: 还在写入，下次再取", file)
    return [file for file in files if file not in moving]


def _leave(file: Path, landed: str) -> None:
    """Removes the file if it is what has landed (its sha256) and nobody is about to change it."""
    try:
        seen = _state(file)
        if digest_of(file) == landed and not _is_written(file) and _state(file) == seen:
            file.unlink()
        else:
            _log.warning("%s: 读入以后又有改动，留在收件夹，下次作为新的报送", file)
    except FileNotFoundError:
        return


def _is_written(file: Path) -> bool | None:
    """Does anybody have the file open for writing? None where the system cannot tell.

    Linux gives a read lease only on a file that nobody has; it is given back at once, with the handle.
    """
    if _kind_of_disk(file.parent) not in _OWN:  # a share refuses leases for reasons of its own
        return None
    try:
        handle = os.open(file, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)  # who opens it just now would end us by SIGIO
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    finally:
        os.close(handle)
    return False


def _kind_of_disk(place: Path) -> str | None:
    lines = Path("/proc/self/mountinfo").read_text("utf-8").splitlines()
    mounted = {_unescaped(words[4]): words[words.index("-") + 1] for words in map(str.split, lines)}
    at = place.resolve()
    return next((mounted[str(above)] for above in (at, *at.parents) if str(above) in mounted), None)


def _unescaped(mount: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), mount)  # a blank is \040


def _state(file: Path) -> tuple[int, int, int, int] | None:
    """What changes with the bytes of a file, or its being another one; None where it is gone."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _failed(contract: Contract, file: Path, error: Exception) -> Outcome:
    size = file.stat().st_size
    rule = "not_finished" if isinstance(error, IngestError) else "crashed"
    if rule == "crashed":
        aside = file.parent / "failed"
        aside.mkdir(exist_ok=True)
        (aside / f"{file.name}.txt").write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        file.replace(aside / file.name)
    because = file_issue(rule, error=f"{type(error).__name__}: {error}")
    return flow.failure(contract, because, file=file.name, size=size)
