"""A picture of a board, and what the browser complained about while drawing it."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from citybrain.dashboards.chromium import Page, browser

PATIENCE = 240  # seconds; a busy machine draws slowly, and Superset gives its queries 120
LOADED = """(() => {
  const frames = [...document.querySelectorAll('iframe')].map(frame => frame.contentDocument).filter(page => page);
  const all = what => [document, ...frames].flatMap(page => [...page.querySelectorAll(what)]);
  const seen = chart => chart.getBoundingClientRect().top < innerHeight;  // those further down are not drawn yet
  const charts = all('[data-test=chart-grid-component]').filter(seen);
  const drawn = charts.filter(chart => chart.querySelector('.slice_container'));
  const busy = all('.loading, [data-test=loading-indicator], .ant-skeleton, .ant-spin-spinning');
  return charts.length > 0 && drawn.length >= charts.length && busy.length === 0 && document.fonts.status === 'loaded';
})()"""
BOTTOM = """Math.ceil(Math.max(0, ...[...document.querySelectorAll('.grid-content')]
  .map(grid => grid.getBoundingClientRect().bottom)))"""
FAILED = """[...document.querySelectorAll('.dashboard-component-chart-holder')]
  .filter(c => c.querySelector('[data-test=alert-danger], .ant-alert-error, .ErrorContainer, [role=alert]'))
  .map(c => c.innerText.slice(0, 300))"""
CLIPPED = """[...document.querySelectorAll('.header-line, .subtitle-line, .kicker, .header-title')]
  .filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0).map(e => e.innerText)"""


@dataclass
class Report:
    seconds: float = 0.0
    complete: bool = False
    failed_charts: list[str] = field(default_factory=list)
    console_errors: list[str] = field(default_factory=list)
    failed_requests: list[str] = field(default_factory=list)
    outside_requests: list[str] = field(default_factory=list)  # chromium.py lets none of them out
    refused_by_policy: list[str] = field(default_factory=list)  # the page's own policy (CSP) stopped these before
    clipped: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return self.complete and not (
            self.failed_charts or self.console_errors or self.failed_requests or self.outside_requests
        )


def shoot(
    url: str, path: str, out: Path, user: str, password: str, size: tuple[int, int] = (1920, 1080), settle: float = 4.0
) -> Report:
    """Log in, open ``path``, wait until no chart is loading, save the picture, tell what went wrong.

    The picture is as wide as ``size`` says, and as high or, where the board is longer, as the board.
    """
    with browser(*size) as page:
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.send(f"{domain}.enable")
        watch = _Watch(page)
        watch.go(f"{url}/login/")
        watch.until("!!document.querySelector('[name=username], #username')", 60)
        watch.log_in(user, password)
        watch.go("about:blank")
        watch.quiet(1, 10)
        report = watch.report = Report()  # what the page after the login did is not the board's
        started = time.monotonic()
        watch.go(url + path)
        report.complete = watch.until(LOADED, PATIENCE)
        report.seconds = round(time.monotonic() - started, 1)
        if (bottom := page.value_of(BOTTOM)) > size[1] + 40:  # a board that scrolls: show all of it
            page.resize(size[0], bottom + 16)
            report.complete &= watch.until("false", 1) or watch.until(LOADED, PATIENCE)
        report.complete &= watch.quiet(settle, PATIENCE) and watch.until(LOADED, PATIENCE)
        report.failed_charts = page.value_of(FAILED)
        report.clipped = page.value_of(CLIPPED)
        picture = page.send("Page.captureScreenshot", format="png")
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(base64.b64decode(picture["data"]))
        return report


class _Watch:
    """Keeps a record of what the page asks for and complains about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.report = Report()
        self.open: set[str] = set()  # requests without an answer yet
        self.outside: dict[str, str] = {}
        self.last_change = time.monotonic()

    def quiet(self, seconds: float, patience: float) -> bool:
        """Until nothing was asked or answered for so long: map layers come without a sign on the page."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            self.pump()
            if not self.open and time.monotonic() - self.last_change > seconds:
                return True
            time.sleep(0.05)
        return False

    def go(self, url: str) -> None:
        self.open.clear()
        self.page.send("Page.navigate", url=url)

    def until(self, expression: str, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.pump()
            try:
                if self.page.value_of(expression):
                    return True
            except RuntimeError:
                pass  # the page is just being replaced
            time.sleep(0.05)
        return False

    def log_in(self, user: str, password: str) -> None:
        page = self.page
        for name, text in (("username", user), ("password", password)):
            page.value_of(f"document.querySelector('[name={name}], #{name}').focus()")
            page.send("Input.insertText", text=text)
        page.value_of("document.querySelector('form button[type=submit], form [type=submit]').click()")
        if not self.until("!location.pathname.startsWith('/login')", 60):
            raise RuntimeError("login failed: " + str(page.value_of("document.body.innerText"))[:300])
        self.until("document.readyState === 'complete'", 30)

    def pump(self) -> None:
        self.page.value_of("1")
        while self.page.events:
            event = self.page.events.popleft()
            handler = getattr(self, "_" + event["method"].replace(".", "_"), None)
            if handler:
                handler(event["params"])

    def _Network_requestWillBeSent(self, event: dict[str, Any]) -> None:  # noqa: N802 - the protocol's own name
        address = event["request"]["url"]
        if "/superset/log/" not in address:  # the page's diary; it never ends
            self.open.add(event["requestId"])
            self.last_change = time.monotonic()
        parts = urlsplit(address)
        if parts.scheme not in ("data", "blob", "about") and parts.hostname not in ("127.0.0.1", "localhost"):
            self.report.outside_requests.append(address)
            self.outside[event["requestId"]] = address

    def _Network_loadingFinished(self, event: dict[str, Any]) -> None:  # noqa: N802
        if event["requestId"] in self.open:
            self.open.remove(event["requestId"])
            self.last_change = time.monotonic()

    def _Network_loadingFailed(self, event: dict[str, Any]) -> None:  # noqa: N802
        self._Network_loadingFinished(event)
        if event.get("blockedReason") == "csp" and (address := self.outside.pop(event["requestId"], None)):
            self.report.outside_requests.remove(address)
            self.report.refused_by_policy.append(address)

    def _Network_responseReceived(self, event: dict[str, Any]) -> None:  # noqa: N802
        answer = event["response"]
        if answer["status"] >= 400:
            self.report.failed_requests.append(f"{answer['status']} {answer['url'][:200]}")

    def _Runtime_exceptionThrown(self, event: dict[str, Any]) -> None:  # noqa: N802
        details = event["exceptionDetails"]
        self.report.console_errors.append(str(details.get("exception", {}).get("description") or details["text"])[:300])

    def _Runtime_consoleAPICalled(self, event: dict[str, Any]) -> None:  # noqa: N802
        if event["type"] == "error":
            self.report.console_errors.append(
                " ".join(str(a.get("value", a.get("description"))) for a in event["args"])[:300]
            )

    def _Log_entryAdded(self, event: dict[str, Any]) -> None:  # noqa: N802
        entry = event["entry"]
        if entry["level"] == "error" and "Content Security Policy" not in entry["text"]:  # told by refused_by_policy
            self.report.console_errors.append(f"{entry['text'][:300]} {entry.get('url', '')[:200]}")
