"""What was changed on the disk is shown to nobody as what was handed in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from citybrain.ingest import landing
from tests.portal.conftest import EVENT
from tests.portal.drawn import events
from tests.portal.served import Person, Served

MENDED = "行号,到达时间\n3,2026-09-08 10:00:00\n".encode()


def flip(file: Path) -> None:
    """One byte of it becomes another; a second time it is as before."""
    content = bytearray(file.read_bytes())
    content[-4] ^= 1
    file.write_bytes(content)


def lose(file: Path) -> None:
    file.rename(file.with_name(".lost"))


@pytest.mark.parametrize("spoil", [flip, lose])
def test_neither_original_nor_report_is_given_of_an_original_that_is_no_longer_what_came(
    served: Served, centre: Person, spoil: Callable[[Path], None]
) -> None:
    number = centre.loaded(EVENT, "流转.csv", events(good=1, bad=1))
    waiting = centre.hand_in(EVENT, "改好.csv", MENDED, purpose="repair", receipt=number)["id"]
    paths = [f"/receipts/{number}/report.xlsx", f"/receipts/{number}/original", f"/deliveries/{waiting}/report.xlsx"]
    assert [centre.get(path).status_code for path in paths] == [200] * 3
    noted = len(served.audited(action="download"))

    spoil(landing.holder(number).original)
    for path in paths:
        answer = centre.get(path)
        assert (answer.status_code, "与收到时不同" in answer.text) == (500, True)
        assert str(landing.holder(number).folder) not in answer.text
    assert centre.api("GET", f"/receipts/{number}/report.xlsx").json()["detail"].startswith("存档的原件")
    assert len(served.audited(action="download")) == noted
    assert centre.get(f"/receipts/{number}").status_code == 200


def test_no_repair_is_tried_upon_an_original_that_is_no_longer_what_came(centre: Person) -> None:
    number = centre.loaded(EVENT, "流转.csv", events(good=1, bad=1))
    original = landing.holder(number).original
    flip(original)
    found = centre.hand_in(EVENT, "改好.csv", MENDED, purpose="repair", receipt=number)
    assert (found["state"], "原件与收到时不同" in found["error"]) == ("failed", True)
    flip(original)
    assert centre.api("POST", f"/uploads/{found['id']}/retry").status_code == 202
    assert centre.settled(found["id"])["preview"]["counts"]["accepted"] == 2
