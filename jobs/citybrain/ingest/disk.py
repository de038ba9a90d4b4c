"""Bytes of files, copied and hashed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from citybrain.ingest.outcome import IngestError
from citybrain.ingest.sniff import CHUNK


def digest_of(file: Path) -> str:
    """The sha256 of its bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def copied(source: Path, target: Path) -> int:
    """Its size; the copy is not safe on the disk yet. Raises IngestError where the file changes meanwhile."""
    size = 0
    with source.open("rb") as reader, target.open("wb") as writer:
        before = os.fstat(reader.fileno())
        while size <= before.st_size and (block := reader.read(CHUNK)):
            writer.write(block)
            size += len(block)
        after = os.fstat(reader.fileno())
    if (size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise IngestError(f"文件还在写入，写完后可以原样重来：{source.name}")
    return size
