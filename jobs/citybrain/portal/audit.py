"""Every action goes into the audit, in the transaction of the action itself where it has one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from citybrain.portal.models import Audit, now

if TYPE_CHECKING:
    from citybrain.ingest import Outcome
    from citybrain.portal.store import Store

ACTIONS = {
    "sign_in": "登录", "sign_in_failed": "登录失败", "sign_in_limited": "登录受限", "sign_out": "退出",
    "password": "修改密码", "account_add": "新建账户", "account_change": "修改账户",
    "token_add": "新建令牌", "token_revoke": "吊销令牌",
    "template": "下载模板", "upload": "开始上传", "uploaded": "上传完成", "confirm": "确认入库", "drop": "放弃",
    "loaded": "入库", "refused": "未接收", "failed": "没有处理完", "withdraw": "撤回", "download": "下载",
    "view": "查看", "command": "执行命令", "retry": "再试一次", "denied": "拒绝访问", "destroyed": "涉密，已销毁",
}  # fmt: skip
OUTCOMES = {"loaded": "loaded", "already": "loaded", "refused": "refused", "withdrawn": "withdraw", "failed": "failed"}
DETAILS = {
    "table": "表", "file": "文件", "size": "字节", "purpose": "用途", "rows": "行", "rule": "规则", "why": "原因",
    "what": "内容", "department": "部门", "role": "角色", "active": "启用", "title": "名称", "days": "天数",
    "sha256": "SHA-256", "receipt": "回执",
}  # fmt: skip


@dataclass(frozen=True)
class Actor:
    """Who acts, and from where."""

    name: str
    address: str


def record(db: Session, actor: Actor, action: str, subject: str | None = None, **detail: Any) -> None:
    assert action in ACTIONS, action
    entry = {"account": actor.name[:64], "address": actor.address[:64], "action": action, "detail": detail}
    db.add(Audit(**entry, subject=subject[:255] if subject else None))


def note(store: Store, actor: Actor, action: str, subject: str | None = None, **detail: Any) -> None:
    """Of what has no transaction of its own."""
    with store.begin() as db:
        record(db, actor, action, subject, **detail)


def record_outcome(db: Session, actor: Actor, outcome: Outcome, **more: Any) -> None:
    """What became of a file: it was loaded, refused, destroyed or withdrawn, or the program failed at it."""
    secret, because = is_secret(outcome), outcome.refused_because
    detail: dict[str, Any] = {"table": outcome.table.removeprefix("bronze."), "file": outcome.file, **more}
    detail |= {"rows": outcome.counts["accepted"]} if "accepted" in outcome.counts else {}
    detail |= {"rule": because.rule} if because else {}
    detail |= {"sha256": outcome.sha256} if secret else {}
    record(db, actor, "destroyed" if secret else OUTCOMES[outcome.status], outcome.receipt or None, **detail)


def is_secret(outcome: Outcome) -> bool:
    """Whether the file bore a mark of secrecy."""
    return outcome.refused_because is not None and outcome.refused_because.rule == "secret_file"


def count(db: Session, action: str, within: timedelta, *, account: str = "", address: str = "") -> int:
    """How often something was done lately, by an account or from an address."""
    wanted = [Audit.action == action, Audit.at > now() - within]
    wanted += [Audit.account == account[:64]] if account else []
    wanted += [Audit.address == address[:64]] if address else []
    return db.scalar(select(func.count()).select_from(Audit).where(*wanted)) or 0


def latest(db: Session, limit: int = 200, *, account: str = "", subject: str = "") -> list[Audit]:
    query = select(Audit).order_by(Audit.id.desc()).limit(limit)
    query = query.where(Audit.account == account) if account else query
    query = query.where(Audit.subject == subject) if subject else query
    return list(db.scalars(query))
