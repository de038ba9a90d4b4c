"""Who may see the boards. Superset itself is stood in for by what its REST interface remembers."""

from __future__ import annotations

from typing import Any

import pytest

from citybrain.dashboards.access import ANONYMOUS, PERMISSIONS, VIEWERS, add_viewer, grant

NUMBER = {pair: n for n, pair in enumerate(sorted(PERMISSIONS | ANONYMOUS | {("can_read", "Log")}), 1)}


class StandIn:
    """Roles with their permissions, users, and roles of boards. Like Superset, it replaces whole lists."""

    def __init__(self) -> None:
        self.roles: dict[int, dict[str, Any]] = {1: {"name": "Public", "has": {NUMBER["can_read", "Log"]}}}
        self.users: list[dict[str, Any]] = []
        self.boards: dict[str, list[int]] = {}

    def every(self, path: str) -> list[dict[str, Any]]:
        if path.endswith("/permissions-resources/"):
            return [{"id": n, "permission": {"name": p}, "view_menu": {"name": v}} for (p, v), n in NUMBER.items()]
        if path.endswith("/roles/"):
            return [{"id": n, "name": role["name"]} for n, role in self.roles.items()]
        return self.users

    def get(self, path: str) -> dict[str, Any]:
        if "/dashboard/" in path:
            return {"result": {"id": path.rsplit("/", 1)[-1]}}
        return {"result": [{"id": n} for n in self.roles[int(path.split("/")[-3])]["has"]]}

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if path.endswith("/roles/"):
            self.roles[len(self.roles) + 1] = {"name": body["name"], "has": set()}
            return {"id": len(self.roles)}
        if path.endswith("/permissions"):
            self.roles[int(path.split("/")[-2])]["has"] = set(body["permission_view_menu_ids"])
        else:
            self.users.append(body)
        return {}

    def put(self, path: str, body: dict[str, Any]) -> None:
        self.boards[path.rsplit("/", 1)[-1]] = body["roles"]


@pytest.fixture
def superset() -> Any:
    return StandIn()


def test_viewers_see_every_board_and_have_no_more_than_drawing_needs(boards, superset):
    role = grant(boards, superset, lambda _: None)
    assert superset.roles[role]["name"] == VIEWERS
    assert superset.roles[role]["has"] == {NUMBER[pair] for pair in PERMISSIONS}
    assert superset.boards == {board.file.slug: [role] for board in boards.files.boards.values()}


def test_what_a_role_had_it_keeps(boards, superset):
    grant(boards, superset, lambda _: None)
    assert NUMBER["can_read", "Log"] in superset.roles[1]["has"]
    assert NUMBER["can_language_pack", "Superset"] in superset.roles[1]["has"]


def test_a_second_time_there_is_no_second_role_and_no_second_viewer(boards, superset, tmp_path):
    for _ in range(2):
        role = grant(boards, superset, lambda _: None)
        add_viewer(superset, role, tmp_path / "password", lambda _: None)
    assert len(superset.roles) == 2
    assert [user["username"] for user in superset.users] == ["viewer"]


def test_the_viewers_password_is_made_once_and_for_its_owner_only(superset, tmp_path):
    add_viewer(superset, 2, tmp_path / "password", lambda _: None)
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o600
    assert superset.users[0]["password"] == (tmp_path / "password").read_text("utf-8")


def test_nobody_who_only_looks_may_write_sql_or_charts():
    assert not {view for _, view in PERMISSIONS} & {"SQLLab", "SQL Lab", "Database", "Security"}
    assert not {pair for pair in PERMISSIONS if pair[0] == "can_write" and pair[1] in ("Chart", "Dashboard", "Dataset")}
