"""The state of the portal: who may come in, what is being handed in, what has been done. Receipts are not here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import JSON, BigInteger, Boolean, DateTime, ForeignKey, Index, Integer, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

Role = Literal["uploader", "steward", "administrator"]
ROLES: dict[str, str] = {"uploader": "部门报送员", "steward": "数据管理员", "administrator": "系统管理员"}

# What a delivery is at: bytes arrive; it is read; it waits for its sender's word; it is loaded; it is over.
State = Literal["uploading", "checking", "checked", "loading", "done", "failed", "dropped"]
STATES: dict[str, str] = {
    "uploading": "没有传完", "checking": "正在检查", "checked": "等待确认", "loading": "正在入库", "done": "已办完",
    "failed": "没有处理完", "dropped": "已放弃",
}  # fmt: skip
UNDER_WAY = ("checking", "loading")
OPEN = ("uploading", "checking", "checked", "loading")

# Why a file is handed in: as a delivery, in place of a delivery, or as repaired rows of one.
Purpose = Literal["deliver", "correct", "repair"]
PURPOSES: dict[str, str] = {"deliver": "报送", "correct": "更正", "repair": "修正隔离行"}


def now() -> datetime:
    return datetime.now(UTC)


class Instant(TypeDecorator[datetime]):
    """A moment, in UTC also where the database knows no zones (SQLite)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, _: Dialect) -> datetime | None:
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """Tables of the portal; ``migrations/`` makes them."""


class Account(Base):
    """A person or a system that may sign in."""

    __tablename__ = "account"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    department: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    password_hash: Mapped[str | None] = mapped_column(String(256))  # argon2id; none: signs in by OpenID Connect only
    subject: Mapped[str | None] = mapped_column(String(255), unique=True)  # of OpenID Connect, once it has been seen
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    created_at: Mapped[datetime] = mapped_column(Instant, default=now)


class Session(Base):
    """A signed-in browser."""

    __tablename__ = "session"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)  # sha256 of what the cookie holds
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(Instant, default=now)
    seen_at: Mapped[datetime] = mapped_column(Instant, default=now)


class Token(Base):
    """A key of the HTTP API. It is shown once; only its hash is kept."""

    __tablename__ = "token"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    title: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Instant, default=now)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)


class Delivery(Base):
    """A file on its way: from the first byte to the receipt, after which landing knows all there is to know."""

    __tablename__ = "delivery"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    table: Mapped[str] = mapped_column("table_name", String(128))
    purpose: Mapped[str] = mapped_column(String(16))
    of_receipt: Mapped[str | None] = mapped_column(String(80))  # which is corrected or repaired
    file: Mapped[str] = mapped_column(String(255))
    size: Mapped[int] = mapped_column(BigInteger)
    direct: Mapped[bool] = mapped_column(Boolean, default=False)  # is loaded without waiting for a word
    state: Mapped[str] = mapped_column(String(16), default="uploading", index=True)
    attempts: Mapped[int] = mapped_column(Integer, default=0)  # how often its state has been worked on
    preview: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # the outcome of the trial
    receipt: Mapped[str | None] = mapped_column(String(80), index=True)
    error: Mapped[str | None] = mapped_column(Text)
    fix: Mapped[str | None] = mapped_column(String(16))  # who has to act where it failed: department, bureau
    created_at: Mapped[datetime] = mapped_column(Instant, default=now)
    changed_at: Mapped[datetime] = mapped_column(Instant, default=now, onupdate=now)


class Audit(Base):
    """Who did what, when, from where. Triggers refuse whatever would change or delete a row."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant, default=now)
    account: Mapped[str] = mapped_column(String(64))  # the name, as given; also of somebody who is nobody here
    address: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str | None] = mapped_column(String(255))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    __table_args__ = (Index("audit_of_account", "account", "action", "at"), Index("audit_of_subject", "subject"))
