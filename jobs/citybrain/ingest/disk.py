"""Bytes of files, copied and hashed."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from citybrain.ingest.outcome import IngestError


def digest_of(file: Path) -> str:
    """The sha256 of its bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def copied(source: Path, target: Path) -> int:
    """Its size; the copy is not safe on the disk yet. Raises IngestError where the file changes meanwhile."""
    before = source.stat()
    shutil.copyfile(source, target)  # within the kernel
    after = source.stat()
    size = target.stat().st_size
    if (size, after.st_size, after.st_mtime_ns) != (before.st_size, before.st_size, before.st_mtime_ns):
        raise IngestError(f"文件还在写入，写完后可以原样重来：{source.name}")
    return size
