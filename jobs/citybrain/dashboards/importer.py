"""Puts the boards into a running Superset. The same files give the same objects, however often it runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from citybrain.dashboards.access import add_viewer, grant
from citybrain.dashboards.bundle import Project, bundle, uid
from citybrain.dashboards.superset import Superset

Log = Callable[[str], None]


def import_all(this: Project, superset: Superset, log: Log, viewer_password: Path | None = None) -> None:
    """Boards with all they stand on, their looks, who may see them and, if its password file is named, the viewer."""
    assets = ("bundle.zip", bundle(this), "application/zip")
    superset.post("/api/v1/assets/import/", files={"bundle": assets}, data={"passwords": "{}"})
    _layers(this, superset)
    _theme(this, superset)
    _prune(this, superset, log)
    viewers = grant(this, superset, log)
    if viewer_password:
        add_viewer(superset, viewers, viewer_password, log)
    log(f"{len(this.files.boards)} boards, {len(this.charts)} charts, {len(this.datasets)} data sets")


def _layers(this: Project, superset: Superset) -> None:
    """A map names its layers by number, and numbers are Superset's own."""
    maps = [chart for chart in this.charts.values() if chart.file.kind == "map"]
    if not maps:
        return
    number = {c["uuid"]: c["id"] for c in superset.every("/api/v1/chart/", ("id", "uuid"))}
    for chart in maps:
        layers = [number[uid("chart", f"{chart.board}/{name}")] for name in chart.file.layers]
        path = f"/api/v1/chart/{number[uid('chart', chart.key)]}"
        params = json.loads(superset.get(path)["result"]["params"])
        superset.put(path, {"params": json.dumps({**params, "deck_slices": layers}, ensure_ascii=False)})


def _theme(this: Project, superset: Superset) -> None:
    """Themes are no part of an assets bundle."""
    theme = this.files.theme
    look = {"algorithm": theme.algorithm, "token": theme.token, "echartsOptionsOverrides": theme.echarts}
    body = {"theme_name": theme.name, "json_data": json.dumps(look, ensure_ascii=False)}
    known = {t["theme_name"]: t["id"] for t in superset.every("/api/v1/theme/")}
    if theme.name in known:
        number = known[theme.name]
        superset.put(f"/api/v1/theme/{number}", body)
    else:
        number = superset.post("/api/v1/theme/", body)["id"]
    for board in this.files.boards.values():
        found = superset.get(f"/api/v1/dashboard/{board.file.slug}")["result"]
        superset.put(f"/api/v1/dashboard/{found['id']}", {"theme_id": number})


def _prune(this: Project, superset: Superset, log: Log) -> None:
    """What these files once declared and no longer do. People's own boards and charts are not managed externally."""
    kept = {
        "dashboard": {uid("dashboard", name) for name in this.files.boards},
        "chart": {uid("chart", key) for key in this.charts},
        "dataset": {uid("dataset", name) for name in this.datasets},
    }
    for kind, uuids in kept.items():
        for thing in list(superset.every(f"/api/v1/{kind}/", ("id", "uuid"))):
            path = f"/api/v1/{kind}/{thing['id']}"
            if thing["uuid"] not in uuids and superset.get(path)["result"].get("is_managed_externally"):
                superset.delete(path)
                log(f"{kind} {thing['uuid']} is declared no longer and was removed")
