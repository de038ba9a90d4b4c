"""The database of the portal: SQLite in one file, or PostgreSQL. Transactions are short: nothing waits inside."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.orm import Session

from citybrain.portal.settings import migration_lock


class Store:
    """``with store.begin() as db`` commits at its end, or nothing of it. What it gave stays readable."""

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        with Session(self.engine, expire_on_commit=False) as db, db.begin():
            yield db

    def migrate(self) -> None:
        """Brings the tables to what this version needs, in one transaction; two who do it take turns."""
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with migration_lock().open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with self.engine.begin() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")


def _prepare_sqlite(connection: Any, _: object) -> None:
    """Transactions as SQLAlchemy means them (the driver has notions of its own), one writer beside many readers.
    A row that replaces another fires the triggers of deletion: the audit is not changed in that way either."""
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=30000",
        "recursive_triggers=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Writers queue at the door: a reader that became a writer could not wait for another."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
