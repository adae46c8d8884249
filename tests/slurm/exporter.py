"""The exporter as a user runs it, a child process with a config file, and its page as data."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, final

from prometheus_client.openmetrics import parser as strict
from prometheus_client.parser import text_string_to_metric_families

from tests.slurm.host import eventually, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType

    from prometheus_client import Metric

ENDPOINTS = ("jobs", "nodes", "partitions", "jobs-users-accts", "scheduler")
REPOSITORY = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "slurm_exporter")
TIMING = "interval: 1s, timeout: 1s, stale_after: 3s, max_age: 8s"
CLI_TIMING = "interval: 5s, timeout: 5s"

Series = tuple[str, frozenset[tuple[str, str]]]
"""A sample's name and its labels; an empty label is no label, as everywhere in Prometheus."""


class Family(NamedTuple):
    """A family as Prometheus would understand it."""

    type: str
    help: str
    samples: dict[Series, float]


Page = dict[str, Family]


def read_families(metrics: Iterable[Metric]) -> Page:
    """Turn what one of prometheus_client's parsers yields into families that can be compared."""
    return {
        metric.name: Family(
            metric.type,
            metric.documentation,
            {series(sample.name, **sample.labels): sample.value for sample in metric.samples},
        )
        for metric in metrics
    }


def read_openmetrics(text: str) -> Page:
    """Parse OpenMetrics, strictly."""
    return read_families(strict.text_string_to_metric_families(text))  # type: ignore[no-untyped-call]


def read_page(text: str) -> Page:
    """Parse the text format."""
    return read_families(text_string_to_metric_families(text))


def series(name: str, **labels: str) -> Series:
    """Return the identity of one sample."""
    return name, frozenset((label, value) for label, value in labels.items() if value)


def slurms_own(page: Page) -> Page:
    """Leave out what the exporter says about itself."""
    ours = ("slurm_exporter_", "process_", "python_")
    return {name: family for name, family in page.items() if not name.startswith(ours)}


class Response(NamedTuple):
    """One answer of the exporter."""

    status: int
    content_type: str
    text: str


def config(
    *urls: str, endpoints: Sequence[str] = ENDPOINTS, timing: str = TIMING, **slurm: object
) -> str:
    """Return a config file that polls ``endpoints``, every second if not told otherwise.

    Args:
        urls: the controllers.
        endpoints: which ones are enabled.
        timing: the keys of each of them.
        slurm: more keys of the section ``slurm``.
    """
    rows = "".join(
        f"  - {{name: {name}, path: /metrics/{name}, enabled: {json.dumps(name in endpoints)},"
        f" {timing}}}\n"
        for name in ENDPOINTS
    )
    # On a slow machine a poll may take its whole second; nothing is to stretch the intervals here.
    section = json.dumps({"urls": urls, "max_duty_cycle": 1, **slurm})
    return f"slurm: {section}\nendpoints:\n{rows}"


def cli_config(
    path: Path, *endpoints: str, timing: str | Mapping[str, str] = CLI_TIMING, **slurm: object
) -> str:
    """Return a config file that asks commands for ``endpoints``.

    Args:
        path: the directory of the commands.
        endpoints: which ones are polled.
        timing: the keys of all of them, or of each by its name.
        slurm: more keys of the section ``slurm``.
    """
    keys = dict.fromkeys(endpoints, timing) if isinstance(timing, str) else timing
    rows = "".join(f"  - {{name: {name}, {keys[name]}}}\n" for name in endpoints)
    cli = {"path": str(path)}
    section = json.dumps({"source": "cli", "cli": cli, "max_duty_cycle": 1, **slurm})
    return f"slurm: {section}\nendpoints:\n{rows}"


def once(directory: Path, config_text: str) -> Page:
    """Let the exporter poll each endpoint once, which must succeed, and return the page."""
    file = directory / "once.yml"
    file.write_text(config_text, encoding="utf-8")
    ended = subprocess.run(
        [*COMMAND, f"--config.file={file}", "--once"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return read_page(ended.stdout)


@final
class Exporter:
    """A running exporter, from ``with`` to the end of its block, where it must end cleanly."""

    def __init__(self, directory: Path, config_text: str) -> None:
        self._log = directory / "exporter.log"
        self._config = directory / "slurm_exporter.yml"
        self._config.write_text(config_text, encoding="utf-8")
        self._port = free_ports(1)[0]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Exporter:
        flags = (f"--config.file={self._config}", f"--web.listen-address=127.0.0.1:{self._port}")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                # The signal ends the exporter with the tests, should they be killed.
                ["setpriv", "--pdeathsig=KILL", *COMMAND, *flags],
                cwd=REPOSITORY,
                stdout=log,
                stderr=log,
            )
        try:
            eventually(self._answers, "the exporter to answer")
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if error is None:
            assert (code, "Traceback" in self.log) == (0, False), self.log

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def get(self, path: str, *, accept: str = "text/plain") -> Response:
        """GET one of the exporter's pages."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request("GET", path, headers={"Accept": accept})
            answer = connection.getresponse()
            kind = answer.getheader("Content-Type", "")
            return Response(answer.status, kind, answer.read().decode())
        finally:
            connection.close()

    def page(self) -> Page:
        """Scrape: /metrics must be 200, whatever Slurm does."""
        response = self.get("/metrics")
        assert response.status == 200, response.text
        return read_page(response.text)

    def about(self, what: str, endpoint: str, **labels: str) -> float | None:
        """Return the value of ``slurm_exporter_<what>`` for an endpoint, None if it is absent."""
        return about(self.page(), what, endpoint, **labels)

    def value(self, what: str, **labels: str) -> float | None:
        """Return the value of ``slurm_exporter_<what>`` about no endpoint, None if it is absent."""
        return about(self.page(), what, "", **labels)

    def last_error(self, endpoint: str) -> dict[str, Any]:
        """Return the last error of an endpoint as /api/v1/endpoints tells it, {} if none."""
        facts = json.loads(self.get("/api/v1/endpoints").text)["endpoints"]
        return next(one["last_error"] or {} for one in facts if one["name"] == endpoint)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the exporter ended at once:\n{self.log}"
        try:
            return self.get("/-/healthy").status == 200
        except OSError:
            return False


def about(page: Page, what: str, endpoint: str, **labels: str) -> float | None:
    """Return the value of ``slurm_exporter_<what>`` on a page, None if it is absent."""
    wanted = series(f"slurm_exporter_{what}", endpoint=endpoint, **labels)
    return next((f.samples[wanted] for f in page.values() if wanted in f.samples), None)
