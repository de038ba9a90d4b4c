"""What stands at the top of every page."""

from __future__ import annotations

from typing import NamedTuple

EVERYBODY = ("uploader", "steward", "administrator")
BUREAU = ("steward", "administrator")


class Entry(NamedTuple):
    title: str
    path: str
    roles: tuple[str, ...] = EVERYBODY


ENTRIES: tuple[Entry, ...] = (
    Entry("报送", "/"),
    Entry("报送历史", "/receipts"),
    Entry("报送日历", "/duties"),
    Entry("问题数据工单", "/tickets"),
    Entry("质量评分", "/quality"),
    Entry("上报指南", "/guide"),
    Entry("账户管理", "/admin/accounts", ("administrator",)),
    Entry("操作记录", "/admin/audit", ("administrator",)),
)


def entries(role: str) -> list[Entry]:
    return [entry for entry in ENTRIES if role in entry.roles]
