"""Debian's chromium without a window, driven through its DevTools protocol over a pair of pipes."""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHROMIUM = "/usr/bin/chromium"
PATIENCE = 60.0
"""Seconds that chromium may take for one thing."""

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


class Chromium:
    """A running browser.  Messages are JSON, each ended by a zero byte."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._write, self._read = to_browser, from_browser
        self._numbers = itertools.count(1)
        self._buffer = b""
        self.events: list[dict[str, Any]] = []

    @classmethod
    @contextmanager
    def start(cls, profile: Path) -> Iterator[Chromium]:
        """Run a browser with an empty profile in this directory."""
        commands, to_browser = os.pipe()
        from_browser, answers = os.pipe()
        # The browser reads descriptor 3 and writes descriptor 4, whatever ours are called.
        shell = f'exec "$@" 3</dev/fd/{commands} 4>/dev/fd/{answers}'
        process = subprocess.Popen(
            ["sh", "-c", shell, "sh", CHROMIUM, *FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(commands, answers),
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        try:
            browser = cls(to_browser, from_browser)
            yield browser
            browser.call("Browser.close")
        finally:
            os.close(to_browser)
            os.close(from_browser)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def call(self, method: str, session: str | None = None, **params: object) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while (answer := self._receive(deadline)).get("id") != number:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def wait_for(self, method: str, session: str) -> None:
        """Wait for an event of this name that nobody has waited for yet."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for event in self.events:
                if event["method"] == method and event.get("sessionId") == session:
                    self.events.remove(event)
                    return
            self.events.append(self._receive(deadline))

    def _receive(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            left = max(0.0, deadline - time.monotonic())
            ready, _, _ = select.select([self._read], [], [], left)
            if not ready:
                raise TimeoutError(f"chromium did not do it within {PATIENCE:.0f} s")
            data = os.read(self._read, 1 << 20)
            if not data:
                raise ConnectionError("chromium has ended")
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer

    @contextmanager
    def tab(self) -> Iterator[Tab]:
        """Open an empty tab with cookies, cache and storage of its own."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        yield Tab(self, attached["sessionId"])
        self.call("Target.disposeBrowserContext", browserContextId=context)


class Tab:
    """One tab, whose time passes only when a test lets it."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser, self._session = browser, session
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """Call a method of the protocol on this tab."""
        return self._browser.call(method, self._session, **params)

    def open(self, url: str) -> None:
        """Load a page."""
        self.call("Page.navigate", url=url)
        self.wait_for_load()

    def wait_for_load(self) -> None:
        """Wait until a page is loaded, whoever asked for it."""
        self._browser.wait_for("Page.loadEventFired", self._session)

    def run(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def hurry(self, seconds: float) -> None:
        """Begin to let the page's clock run on by so much, as fast as it can."""
        self.call(
            "Emulation.setVirtualTimePolicy",
            policy="pauseIfNetworkFetchesPending",
            budget=seconds * 1000,
        )

    def pass_time(self, seconds: float) -> None:
        """Let the page's clock run on by so much, and then stand still."""
        self.hurry(seconds)
        self._browser.wait_for("Emulation.virtualTimeBudgetExpired", self._session)

    def prefer(self, scheme: str) -> None:
        """Tell the page that the reader prefers ``light`` or ``dark``."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def resize(self, width: int, height: int) -> None:
        """Make the window so large, in CSS pixels."""
        size = {"width": width, "height": height}
        self.call("Emulation.setDeviceMetricsOverride", **size, deviceScaleFactor=1, mobile=False)

    def screenshot(self) -> bytes:
        """Return the whole page as a PNG file."""
        picture = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(picture["data"])

    def complaints(self) -> list[dict[str, Any]]:
        """Return everything that this tab has put on the console so far, errors included."""
        kinds = {"Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"}
        return [
            event["params"]
            for event in self._browser.events
            if event.get("sessionId") == self._session and event["method"] in kinds
        ]
