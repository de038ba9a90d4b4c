"""Somebody of a department before a real Chromium: goes to pages, types, clicks, chooses files, reads."""

from __future__ import annotations

import base64
import json
import os
import time
from pathlib import Path
from typing import Any

from citybrain.dashboards.chromium import Page
from tests.portal.served import PASSWORD, Served


class Clerk:
    def __init__(self, page: Page, served: Served) -> None:
        self.page, self.served = page, served
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            page.send(f"{domain}.enable")

    def go(self, path: str) -> None:
        self.page.send("Page.navigate", url=self.served.url + path)
        self.until(f"location.pathname === {json.dumps(path.partition('?')[0])}")

    def sign_in(self, name: str) -> None:
        self.go("/login")
        self.shoot("login")
        self.type("name", name)
        self.type("password", PASSWORD)
        self.click("登录")
        self.until("location.pathname === '/'")

    def until(self, condition: str, seconds: float = 30) -> None:
        """Waits for a page that has come whole, of which it holds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.page.value_of(f"document.readyState === 'complete' && ({condition})"):
                    return
            except RuntimeError:
                pass  # the page is just being replaced
            time.sleep(0.05)
        raise AssertionError(f"{condition}: not within {seconds} s, but {self.text()[:500]}")

    def text(self) -> str:
        return str(self.page.value_of("document.body.innerText"))

    def type(self, name: str, text: str) -> None:
        self.page.value_of(f"document.querySelector('[name={name}]').focus()")
        self.page.send("Input.insertText", text=text)

    def click(self, text: str) -> None:
        """The button or link that reads so."""
        self.page.value_of(
            "[...document.querySelectorAll('button, a, summary')]"
            f".find(e => e.innerText.trim().startsWith({json.dumps(text)})).click()"
        )

    def choose(self, file: Path) -> None:
        root = self.page.send("DOM.getDocument")["root"]["nodeId"]
        node = self.page.send("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
        self.page.send("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

    def shoot(self, name: str) -> None:
        """A picture for people to look at, where CITYBRAIN_SHOTS names a folder."""
        if folder := os.environ.get("CITYBRAIN_SHOTS"):
            height = int(self.page.value_of("document.documentElement.scrollHeight"))
            self.page.resize(1280, max(800, min(height, 3000)))
            time.sleep(0.2)
            picture = self.page.send("Page.captureScreenshot", format="png")["data"]
            Path(folder, f"{name}.png").write_bytes(base64.b64decode(picture))
            self.page.resize(1280, 900)

    def complaints(self) -> list[Any]:
        """Errors of scripts and policy, and requests to anybody else."""
        self.page.value_of("1")
        found: list[Any] = []
        for event in self.page.events:
            what = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                found.append(what["exceptionDetails"])
            elif event["method"] == "Log.entryAdded" and what["entry"]["level"] == "error":
                asked_to_stay = "beforeunload" in what["entry"]["text"]  # where nobody has touched the page
                found += [] if asked_to_stay else [what["entry"]]
            elif event["method"] == "Network.requestWillBeSent":
                address = what["request"]["url"]
                found += [] if address.startswith((self.served.url, "about:", "data:")) else [address]
        return found
