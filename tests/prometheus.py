"""Debian's Prometheus, on loopback, with its storage in a test's own directory."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any, final
from urllib.parse import quote
from urllib.request import urlopen

from tests.needs import need
from tests.processes import until

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


def program(name: str) -> str:
    """Where a program of Debian's package prometheus is; without it the test is skipped."""
    path = shutil.which(name)
    need("prometheus", None if path else f"{name} is not installed")
    return str(path)


@final
class Prometheus:
    """A running Prometheus that scrapes every other second, from ``with`` to its block's end."""

    def __init__(self, directory: Path, jobs: list[dict[str, Any]]) -> None:
        """Prepare to run.

        Args:
            directory: where it keeps its config, its log and its storage.
            jobs: its ``scrape_configs``.
        """
        self.jobs = [job["job_name"] for job in jobs]
        self._directory = directory
        self._log = directory / "prometheus.log"
        # The interval bounds the timeout: a busy machine's pause must not be a failed scrape.
        timing = {"scrape_interval": "2s", "scrape_timeout": "2s"}
        config = {"global": timing, "scrape_configs": jobs}
        # Every JSON document is a YAML document.
        (directory / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")

    def __enter__(self) -> Prometheus:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    program("prometheus"),
                    f"--config.file={self._directory / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self._directory / 'data'}",
                    "--web.listen-address=127.0.0.1:0",
                    "--log.level=debug",
                ],
                cwd=self._directory,
                stdout=log,
                stderr=log,
            )
        try:
            self._url = until(self._address, "Prometheus to be ready")
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _address(self) -> str | None:
        log = self.log()
        assert self._process.poll() is None, log
        match = re.search(r'msg="Listening on".* address=(127\.0\.0\.1:[1-9]\d*)', log)
        return f"http://{match[1]}" if match and "Server is ready" in log else None

    def log(self) -> str:
        """All that it logged so far."""
        return self._log.read_text(encoding="utf-8")

    def ask(self, path: str) -> Any:
        """The data that its HTTP API has at a path."""
        with urlopen(f"{self._url}/api/v1/{path}", timeout=10) as response:
            return json.load(response)["data"]

    def targets(self) -> dict[str, tuple[str, str]]:
        """The health and the last error of each job's only target."""
        targets = self.ask("targets")["activeTargets"]
        return {one["labels"]["job"]: (one["health"], one["lastError"]) for one in targets}

    def values(self, expression: str) -> dict[str, float]:
        """The value of an expression now, by job."""
        result = self.ask(f"query?query={quote(expression)}")["result"]
        return {one["metric"]["job"]: float(one["value"][1]) for one in result}
