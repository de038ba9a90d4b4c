"""Who may see the boards: a role that shows boards and nothing else, and one person to log walls in with."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from pathlib import Path

from citybrain.dashboards.bundle import Project
from citybrain.dashboards.superset import Superset

VIEWERS = "看板浏览"
USER = "viewer"
# What Superset asks for while a board is drawn. Data come with the board's role (DASHBOARD_RBAC), not with these.
PERMISSIONS = {
    ("can_dashboard", "Superset"),
    ("can_explore_json", "Superset"),  # maps still fetch their layers so
    ("can_language_pack", "Superset"),
    ("can_log", "Superset"),
    ("can_query", "Api"),
    ("can_time_range", "Api"),
    ("can_read", "Chart"),
    ("can_read", "CssTemplate"),
    ("can_read", "CurrentUserRestApi"),
    ("can_read", "Dashboard"),
    ("can_read", "DashboardFilterStateRestApi"),
    ("can_write", "DashboardFilterStateRestApi"),
    ("can_read", "DashboardPermalinkRestApi"),
    ("can_write", "DashboardPermalinkRestApi"),
    ("can_read", "Dataset"),
    ("can_get_drill_info", "Dataset"),
    ("can_read", "Theme"),
    ("can_recent_activity", "Log"),
    ("can_read", "AdvancedDataType"),
    ("menu_access", "Home"),
    ("menu_access", "Dashboards"),
}
ANONYMOUS = {("can_language_pack", "Superset")}  # else the page one logs in at is in English


def grant(this: Project, superset: Superset, log: Callable[[str], None]) -> int:
    """The roles with their permissions, the viewers' role on every board; returns that role's number."""
    wanted = PERMISSIONS | ANONYMOUS
    number = {}
    for entry in superset.every("/api/v1/security/permissions-resources/"):
        pair = (entry["permission"]["name"], entry["view_menu"]["name"])
        if pair in wanted:
            number[pair] = entry["id"]
    for permission, view in sorted(wanted - set(number)):
        log(f"this Superset knows no permission {permission} on {view}")
    roles = {role["name"]: role["id"] for role in superset.every("/api/v1/security/roles/")}
    viewers = roles.get(VIEWERS) or superset.post("/api/v1/security/roles/", {"name": VIEWERS})["id"]
    _add(superset, viewers, (number[pair] for pair in PERMISSIONS if pair in number))
    _add(superset, roles["Public"], (number[pair] for pair in ANONYMOUS if pair in number))
    for board in this.files.boards.values():
        found = superset.get(f"/api/v1/dashboard/{board.file.slug}")["result"]
        superset.put(f"/api/v1/dashboard/{found['id']}", {"roles": [viewers]})
    return int(viewers)


def _add(superset: Superset, role: int, permissions: Iterable[int]) -> None:
    """Superset replaces the whole list: what is there already goes along."""
    there = {entry["id"] for entry in superset.get(f"/api/v1/security/roles/{role}/permissions/")["result"]}
    if not set(wanted := list(permissions)) <= there:
        body = {"permission_view_menu_ids": sorted({*there, *wanted})}
        superset.post(f"/api/v1/security/roles/{role}/permissions", body)


def add_viewer(superset: Superset, role: int, password_file: Path, log: Callable[[str], None]) -> None:
    """A user for walls and leaders. The password is made once and kept in a file only its owner can read."""
    if any(user["username"] == USER for user in superset.every("/api/v1/security/users/")):
        return
    if not password_file.exists():
        password_file.touch(mode=0o600)
        password_file.write_text(secrets.token_urlsafe(12), "utf-8")
    person = {
        "username": USER,
        "first_name": "看板",
        "last_name": "浏览",
        "email": f"{USER}@citybrain.invalid",
        "active": True,
        "roles": [role],
        "password": password_file.read_text("utf-8").strip(),
    }
    superset.post("/api/v1/security/users/", person)
    log(f"user {USER} added, password in {password_file}")
