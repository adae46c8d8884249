"""The exporter as its users run it: a child process, its pages, its log and its end."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, final

from prometheus_client.parser import text_string_to_metric_families

from tests.fake_slurmctld import NAMES
from tests.leaks import Secrets, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType

    from prometheus_client import Metric

REPOSITORY = Path(__file__).parents[1]
COMMAND = (sys.executable, "-m", "slurm_exporter")
FREE_PORT = "--web.listen-address=127.0.0.1:0"
"""The flag to listen on a port that the system chooses; the start-up line tells which."""

Series = tuple[str, frozenset[tuple[str, str]]]
Samples = dict[Series, float]
Result = TypeVar("Result")

_LISTEN = re.compile(r'listen"?[=:] ?"?(?:unix:\S+ )?[\[\]:\d.]+:(\d+)')
_PAIR = re.compile(r'([^\s="]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?: |$)')


def until(holds: Callable[[], Result | None], what: str, seconds: float = 20.0) -> Result:
    """Ask again and again until something true comes back, and return it."""
    deadline = time.monotonic() + seconds
    while not (result := holds()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain for {what}"
        time.sleep(0.02)
    return result


def series(name: str, **labels: str) -> Series:
    """The identity of a sample; an empty label is no label, as everywhere in Prometheus."""
    return name, frozenset((label, value) for label, value in labels.items() if value)


def read_samples(text: str) -> Samples:
    """Every sample of a page in the text format."""
    return samples_of(text_string_to_metric_families(text))


def samples_of(families: Iterable[Metric]) -> Samples:
    """Every sample of some families, each series once."""
    found: Samples = {}
    for sample in (sample for family in families for sample in family.samples):
        identity = series(sample.name, **sample.labels)
        assert identity not in found
        found[identity] = sample.value
    return found


def slurms_own(samples: Samples) -> Samples:
    """Leave out what the exporter says about itself."""
    ours = ("slurm_exporter_", "process_", "python_")
    return {one: value for one, value in samples.items() if not one[0].startswith(ours)}


def read_logfmt(line: str) -> dict[str, str]:
    """The pairs of a logfmt line, which must be nothing but pairs."""
    pairs = list(_PAIR.finditer(line))
    assert "".join(pair[0] for pair in pairs) == line
    return {pair[1]: _unquoted(pair[2]) for pair in pairs}


def _unquoted(value: str) -> str:
    return str(json.loads(value)) if value.startswith('"') else value


def settings(*urls: str, names: Iterable[str] = NAMES, **keys: Any) -> dict[str, Any]:
    """A config that polls some endpoints each second, with more ``keys`` for all of them."""
    timing = {"interval": "1s", **keys}
    return {
        # No test measures the duty cycle: a busy machine must not stretch the interval.
        "slurm": {
            "urls": list(urls),
            "timeout": "1s",
            "max_duty_cycle": 1,
            # Nor does any ask the Slurm of the machine that it runs on.
            "cli": {"path": "/nonexistent"},
        },
        "endpoints": [{"name": name, **timing} for name in names],
    }


class Response(NamedTuple):
    """One answer of the exporter."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def get(port: int, path: str, method: str = "GET", **headers: str) -> Response:
    """Ask an exporter on loopback for a page, over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return Response(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


@final
class Exporter:
    """A running exporter, from ``with`` to the end of its block, where it must end cleanly."""

    def __init__(
        self,
        directory: Path,
        config: Mapping[str, Any] | None,
        *flags: str,
        command: Sequence[str] = COMMAND,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare to run.

        Args:
            directory: where the config and what the process writes are kept.
            config: the content of the config file; None runs without one.
            flags: more of the command line; nothing listens anywhere unless they or the config
                say so, see ``FREE_PORT``.
            command: what to run with the flags.
            environment: variables on top of our own.
        """
        self.file = directory / "slurm_exporter.yml"
        self.stdout = directory / "stdout"
        self.stderr = directory / "stderr"
        self._flags = list(flags)
        self._command = command
        self._environment = {**os.environ, **(environment or {})}
        self._config: Mapping[str, Any] = {}
        self._secrets = Secrets()
        if config is not None:
            self.configure(config)
            self._flags.append(f"--config.file={self.file}")

    def configure(self, config: Mapping[str, Any]) -> None:
        """Write the config file."""
        # Every JSON document is a YAML document.
        self.file.write_text(json.dumps(config), encoding="utf-8")
        self._config = config

    def _learn(self) -> None:
        """Note the secrets that it is told now, whatever came before."""
        self._secrets.learn(self._config, self.file.parent)
        for flag in self._flags:
            name, _, value = flag.partition("=")
            if name == "--web.config.file":
                self._secrets.learn_web_config(Path(value))

    def __enter__(self) -> Exporter:
        self._learn()
        with self.stdout.open("wb") as stdout, self.stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [*self._command, *self._flags],
                cwd=REPOSITORY,
                env=self._environment,
                stdout=stdout,
                stderr=stderr,
            )
        try:
            self.port = until(self._port, "the line that tells where the exporter listens")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def _port(self) -> int | None:
        said = self.said()
        assert self.process.poll() is None, f"the exporter ended at once:\n{said}"
        match = _LISTEN.search(said)
        return int(match[1]) if match else None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            code = self._stop()
            if error is None:
                assert (code, "Traceback" in self.said()) == (0, False), self.said()
        self._learn()
        self._secrets.must_not_be_in(self.said().encode(), "what the exporter wrote")

    def _stop(self) -> int:
        try:
            return self.end(signal.SIGTERM)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def end(self, number: signal.Signals, seconds: float = 15.0) -> int:
        """Send a signal that ends the process, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def said(self) -> str:
        """All that it wrote so far, standard output first."""
        files = [self.stdout, self.stderr, *self.file.parent.glob("*.log")]
        return "".join(file.read_text(encoding="utf-8") for file in files if file.exists())

    def log(self, event: str = "", **facts: str) -> list[dict[str, str]]:
        """The lines logged to standard error so far about an event (all without) and facts."""
        lines = self.stderr.read_text(encoding="utf-8").splitlines(keepends=True)
        records = [read_logfmt(line[:-1]) for line in lines if line.endswith("\n")]
        wanted = {"event": event, **facts} if event else facts
        return [record for record in records if wanted.items() <= record.items()]

    def get(self, path: str = "/metrics", method: str = "GET", **headers: str) -> Response:
        """Ask for a page, over a connection of its own; no secret may be on it."""
        self._learn()
        self._secrets.learn_headers(headers)
        response = get(self.port, path, method, **headers)
        page = plain(response.body, response.headers["Content-Encoding"])
        self._secrets.must_not_be_in(str(response.headers).encode() + page, f"the page {path}")
        return response

    def samples(self, **headers: str) -> Samples:
        """Scrape: /metrics must be 200, whatever Slurm does."""
        response = self.get(**headers)
        assert response.status == 200, response.text
        return read_samples(response.text)

    def value(self, what: str, **labels: str) -> float | None:
        """The value of ``slurm_exporter_<what>`` now, None if it is not on the page."""
        return self.samples().get(series(f"slurm_exporter_{what}", **labels))
