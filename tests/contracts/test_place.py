"""Where the lake may lie: engines read some characters of a path as a pattern of paths, and find nothing there."""

from __future__ import annotations

import pytest

from citybrain import lake


@pytest.mark.parametrize("setting", ["CITYBRAIN_HOME", "CITYBRAIN_LAKE"])
@pytest.mark.parametrize("name", ["[2026]", "a*b", "what?", "{a,b}"])
def test_a_place_that_would_be_read_as_a_pattern_is_refused_with_its_setting(tmp_path, monkeypatch, setting, name):
    monkeypatch.setenv(setting, str(tmp_path / name))
    with pytest.raises(lake.PlaceError, match=rf"^{setting}: .* set {setting} to a path without"):
        lake.table_uri("silver.town")


def test_any_other_name_is_a_place(tmp_path, monkeypatch):
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "南海 区 (1)"))
    assert lake.table_uri("silver.town") == f"{tmp_path.resolve()}/南海 区 (1)/lake/silver/town"
