"""Files are read in processes of their own: one that breaks the reader breaks neither the portal nor its neighbour.

What there is to do stands in the database, not in memory: a portal that was killed goes on where it was.
"""

from __future__ import annotations

import itertools
import logging
import multiprocessing
import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import timedelta
from pathlib import Path
from queue import PriorityQueue
from typing import Any, TypeVar

from sqlalchemy import select

from citybrain.contracts.model import Fixer
from citybrain.ingest import IngestError, Outcome, UsageError
from citybrain.ingest.disk import digest_of
from citybrain.ingest.outcome import SecretFileError
from citybrain.portal import audit, jobs, orphans
from citybrain.portal.audit import Actor
from citybrain.portal.jobs import Job
from citybrain.portal.models import OPEN, UNDER_WAY, Account, Delivery, now
from citybrain.portal.settings import Settings
from citybrain.portal.store import Store

T = TypeVar("T")
ATTEMPTS = 3  # of what breaks the worker; after that it is the file
FORGOTTEN = timedelta(days=7)  # after which nobody will come back for an upload
CRASHED = "程序处理这个文件时出错，区智运中心会检查；文件没有入库"
_log = logging.getLogger("uvicorn.error.portal")


class Work:
    """``take`` a delivery that is under way; what becomes of it is written to the database."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store, self.settings = store, settings
        self._threads = ThreadPoolExecutor(settings.workers, thread_name_prefix="portal-work")
        self._waiting: PriorityQueue[tuple[bool, int, str]] = PriorityQueue()
        self._turns = itertools.count()
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None

    def start(self) -> None:
        """Takes up what another portal left: uploads that were complete, deliveries that were under way."""
        self.sweep()
        for _ in range(self.settings.workers):
            self._threads.submit(self.ask, jobs.warm)
        with self.store.begin() as db:
            left = list(db.scalars(select(Delivery).where(Delivery.state.in_(OPEN)).order_by(Delivery.changed_at)))
        for delivery in left:
            if delivery.state == "uploading" and received(self.file_of(delivery)) == delivery.size:
                self.arrived(delivery.id)
            elif delivery.state in UNDER_WAY:
                self.take(delivery.id)

    def stop(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            if self._pool:
                self._pool.shutdown(wait=False, cancel_futures=True)

    def arrived(self, id: str) -> None:
        """The last byte of an upload is here."""
        with self.store.begin() as db:
            delivery = db.get_one(Delivery, id, with_for_update=True)  # two requests may both see the last byte
            if delivery.state != "uploading":
                return
            delivery.state = "loading" if delivery.direct else "checking"
        self.take(id)

    def take(self, id: str) -> None:
        """In its turn; whoever waits for a report comes before what is confirmed, for which nobody waits."""
        with self.store.begin() as db:
            reported = db.get_one(Delivery, id).state != "checking"
        self._waiting.put((reported, next(self._turns), id))
        self._threads.submit(self._next)

    def _next(self) -> None:
        """The most urgent of those that wait: as many calls as there are of them."""
        self._through(self._waiting.get_nowait()[-1])

    def ask(self, do: Callable[..., T], *given: Any) -> T:
        """Runs something in a worker and waits for it."""
        pool = self._workers()
        try:
            return pool.submit(do, *given).result()
        except BrokenProcessPool:
            with self._lock:
                if self._pool is pool:
                    self._pool = None  # the next one asks a fresh one
            raise

    def folder_of(self, id: str) -> Path:
        return self.settings.spool / id

    def file_of(self, delivery: Delivery) -> Path:
        return self.folder_of(delivery.id) / "file" / delivery.file

    def findings_of(self, delivery: Delivery) -> Path:
        return self.folder_of(delivery.id) / "findings.parquet"

    def forget(self, id: str) -> None:
        shutil.rmtree(self.folder_of(id), ignore_errors=True)

    def sweep(self) -> None:
        """Uploads that nobody finished or confirmed, and bytes that belong to nothing."""
        with self.store.begin() as db:
            waiting = select(Delivery).where(Delivery.state.in_(("uploading", "checked", "failed")))
            for delivery in db.scalars(waiting.where(Delivery.changed_at < now() - FORGOTTEN)):
                delivery.state = "dropped"
            kept = set(db.scalars(select(Delivery.id).where(Delivery.state.in_((*OPEN, "failed")))))
        for folder in self.settings.spool.iterdir():
            if folder.name not in kept:
                self.forget(folder.name)

    def _workers(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._pool is None:
                spawn = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(self.settings.workers, spawn, orphans.end_with, (os.getpid(),))
            return self._pool

    def _through(self, id: str) -> None:
        """One step of a delivery, and the next where it needs nobody's word."""
        try:
            while self._step(id):
                pass
        except Exception:  # the database is gone, or we are ending; the next start takes it up
            _log.exception("delivery %s was left as it is", id)

    def _step(self, id: str) -> bool:
        with self.store.begin() as db:
            delivery = db.get_one(Delivery, id)
            if delivery.state not in UNDER_WAY:
                return False
            delivery.attempts += 1
            account = db.get_one(Account, delivery.account_id)
        actor = Actor(account.name, "portal")
        if delivery.attempts > ATTEMPTS:
            return self._failed(delivery, actor, CRASHED, "bureau")
        job = Job(
            table=delivery.table,
            purpose=delivery.purpose,
            of_receipt=delivery.of_receipt or "",
            file=self.file_of(delivery),
            findings=self.findings_of(delivery),
            sender=account.name,
        )
        try:
            outcome = self.ask(jobs.check if delivery.state == "checking" else jobs.load, job)
        except BrokenProcessPool:
            _log.error("delivery %s: the worker died (attempt %d)", id, delivery.attempts)
            return True
        except Exception as error:
            if isinstance(error, SecretFileError):
                return self._destroyed(delivery, actor, str(error))
            if isinstance(error, UsageError):  # the message says what the sender can do
                return self._failed(delivery, actor, str(error), "department")
            if isinstance(error, IngestError):
                return self._failed(delivery, actor, str(error), "bureau")
            _log.exception("delivery %s", id)
            return self._failed(delivery, actor, CRASHED, "bureau")
        after = self._checked if delivery.state == "checking" else self._loaded
        return after(delivery, actor, outcome)

    def _checked(self, delivery: Delivery, actor: Actor, outcome: Outcome) -> bool:
        """Waits for its sender now. What bears a mark of secrecy does not wait: it is destroyed, and that is noted."""
        secret = audit.is_secret(outcome)
        nothing_to_do = outcome.status == "already" and delivery.purpose == "deliver"
        state = "loading" if secret else "done" if nothing_to_do else "checked"
        receipt = outcome.receipt if state == "done" else None
        preview = outcome.model_dump(mode="json")
        with self.store.begin() as db:
            found = db.get_one(Delivery, delivery.id)
            found.state, found.preview, found.receipt, found.attempts = state, preview, receipt, 0
            if outcome.refused_because and not secret:
                audit.record(db, actor, "refused", delivery.id, table=delivery.table, rule=outcome.refused_because.rule)
        if state == "done":
            self.forget(delivery.id)
        return secret

    def _loaded(self, delivery: Delivery, actor: Actor, outcome: Outcome) -> bool:
        if audit.is_secret(outcome):
            self.forget(delivery.id)  # before anybody is told that nothing of it is left
            _log.warning("receipt %s bore a mark of secrecy and was destroyed", outcome.receipt)
        with self.store.begin() as db:
            found = db.get_one(Delivery, delivery.id)
            found.state, found.receipt, found.preview = "done", outcome.receipt, None
            audit.record_outcome(db, actor, outcome, purpose=delivery.purpose, file=delivery.file)
        self.forget(delivery.id)
        return False

    def _destroyed(self, delivery: Delivery, actor: Actor, why: str) -> bool:
        """Repaired rows with a mark of secrecy; the receipt that they were for tells of them, too."""
        sha = digest_of(self.file_of(delivery))
        self.forget(delivery.id)
        _log.warning("delivery %s bore a mark of secrecy and was destroyed", delivery.id)
        with self.store.begin() as db:
            found = db.get_one(Delivery, delivery.id)
            found.state, found.error = "dropped", why
            detail = {"table": delivery.table, "purpose": delivery.purpose, "file": delivery.file, "sha256": sha}
            audit.record(db, actor, "destroyed", delivery.id, **detail, receipt=delivery.of_receipt)
        return False

    def _failed(self, delivery: Delivery, actor: Actor, why: str, fix: Fixer) -> bool:
        with self.store.begin() as db:
            found = db.get_one(Delivery, delivery.id)
            found.state, found.error, found.fix = "failed", why, fix
            audit.record(db, actor, "failed", delivery.id, table=delivery.table, why=why[:200])
        return False


def received(path: Path) -> int:
    """How many bytes are here: the file itself knows, whatever was killed."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
