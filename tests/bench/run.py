"""Measure, as ratios of one run, what the exporter promises about speed and memory.

    python -m tests.bench.run [name ...]

Needs nginx and wrk for the comparison with a static file.  Prints a table; judges nothing.
"""

from __future__ import annotations

import gc
import gzip
import http.client
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from slurm_exporter.exposition import pack, parse, render
from slurm_exporter.sources.native import ADMISSIONS
from tests.bench import workload

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 5
SECONDS = 4


def cpu_of(work: Callable[[], object]) -> float:
    """The CPU seconds of a piece of work: the best of some rounds, since noise only adds."""
    times = []
    for _ in range(ROUNDS):
        gc.collect()
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def say(what: str, ratio: float, reach: str, details: str) -> None:
    """One row of the table."""
    print(f"{what:<44} {ratio:>7.3f}  reach {reach:<8} {details}", flush=True)


# ------------------------------------------------------------------ CPU of a poll


def our_poll(body: bytes) -> None:
    """What a poll does after the last byte has come."""
    families = parse(body, ADMISSIONS["nodes"]).families
    texts = render(families, workload.LABELS.items())
    for text in {id(text): text for text in texts.values()}.values():
        pack(*text)


class _Families:
    def __init__(self, text: str) -> None:
        self._families = list(text_string_to_metric_families(text))

    def collect(self) -> list[object]:
        return self._families


def reference_poll(text: str) -> None:
    """The same with prometheus_client and gzip."""
    gzip.compress(generate_latest(_Families(text)), 6)


def poll() -> None:
    """CPU of one poll against the reference, and its growth with size."""
    text = workload.answer(100_000)
    ours, reference = cpu_of(lambda: our_poll(text.encode())), cpu_of(lambda: reference_poll(text))
    say(
        "poll CPU / reference, 100,000 samples",
        ours / reference,
        "<= 0.25",
        f"{ours * 1000:.0f} ms / {reference * 1000:.0f} ms",
    )
    small, large = (workload.answer(size).encode() for size in (10_000, 400_000))
    per_small = cpu_of(lambda: [our_poll(small) for _ in range(10)]) / 100_000
    per_large = cpu_of(lambda: our_poll(large)) / 400_000
    say(
        "CPU per sample, 400,000 / 10,000 samples",
        per_large / per_small,
        "<= 1.3",
        f"{per_large * 1e6:.2f} us / {per_small * 1e6:.2f} us",
    )


# ------------------------------------------------------------------ scrapes per second


def wrk(port: int, path: str = "/metrics", gzipped: bool = True) -> float:
    """Requests per second of 8 keep-alive clients."""
    command = ["wrk", "-t1", "-c8", f"-d{SECONDS}s"]
    if gzipped:
        command += ["-H", "Accept-Encoding: gzip"]
    out = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True
    ).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise RuntimeError(out)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])


NGINX = """
daemon off; worker_processes auto; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; root {folder};
    location /metrics {{ default_type text/plain; add_header Content-Encoding {encoding}; }} }}
}}
"""


def against_nginx(port: int, encoding: str) -> tuple[float, float, int]:
    """Rates of the exporter and of nginx with the same bytes, in turn, medians of three."""
    _, page = workload.fetch(port, encoding=encoding)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        Path(folder, "metrics").write_bytes(page)
        nginx_port = workload.free_port()
        config = Path(folder, "nginx.conf")
        config.write_text(NGINX.format(folder=folder, port=nginx_port, encoding=encoding))
        with workload.process("nginx", "-c", str(config), stderr=subprocess.DEVNULL):
            time.sleep(0.5)
            gzipped = encoding == "gzip"
            pairs = [
                (wrk(port, gzipped=gzipped), wrk(nginx_port, gzipped=gzipped)) for _ in range(3)
            ]
    ours, nginx = (statistics.median(rates) for rates in zip(*pairs, strict=True))
    return ours, nginx, len(page)


def scrape() -> None:
    """Rates against nginx, for a large and a small page."""
    with workload.serving(100_000) as (port, _):
        ours, nginx, size = against_nginx(port, "gzip")
    say(
        "scrapes/s / nginx, 100,000 samples, gzip",
        ours / nginx,
        ">= 2",
        f"{ours:.0f}/s / {nginx:.0f}/s of {size} bytes",
    )
    with workload.serving(40) as (port, _):
        ours, nginx, size = against_nginx(port, "identity")
        _, text = workload.fetch(port)
    say(
        "scrapes/s / nginx, small page, plain",
        ours / nginx,
        ">= 0.3",
        f"{ours:.0f}/s / {nginx:.0f}/s of {size} bytes",
    )
    client = prometheus_client_rate(text)
    say(
        "scrapes/s / prometheus_client, small page",
        ours / client,
        ">= 5",
        f"{ours:.0f}/s / {client:.0f}/s",
    )


_CLIENT = """
import sys, time
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(sys.stdin.read()))
registry = CollectorRegistry()
registry.register(type("Same", (), {"collect": lambda self: families})())
start_http_server(int(sys.argv[1]), addr="127.0.0.1", registry=registry)
print("ready", flush=True)
time.sleep(600)
"""


def prometheus_client_rate(text: bytes) -> float:
    """The rate of prometheus_client's own server with the same samples."""
    port = workload.free_port()
    with tempfile.TemporaryFile() as body:
        body.write(text)
        body.seek(0)
        command = (sys.executable, "-c", _CLIENT, str(port))
        with workload.process(*command, stdin=body, stdout=subprocess.PIPE) as child:
            child.stdout.readline()
            return wrk(port, gzipped=False)


# ------------------------------------------------------------------ scrapes while a poll is parsed


def latencies(port: int, seconds: float, encoding: str = "gzip") -> list[float]:
    """How long scrapes take, one after the other, ten per second at most."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        connection.request("GET", "/metrics", headers={"Accept-Encoding": encoding})
        connection.getresponse().read()
        found.append(time.perf_counter() - began)
        time.sleep(0.01)
    connection.close()
    return found


def p99(values: list[float]) -> float:
    """The 99th percentile."""
    return sorted(values)[int(len(values) * 0.99)]


def interference() -> None:
    """The 99th percentile of a scrape while 400,000 samples are parsed all the time."""
    text = workload.answer(400_000)
    with workload.slurmctld(text) as slurmctld:
        with workload.exporter(slurmctld) as (port, _):
            quiet = latencies(port, 10)
        with workload.exporter(slurmctld, interval="1s") as (port, _):
            busy = latencies(port, 20)
    say(
        "p99 of a scrape, polling / not",
        p99(busy) / p99(quiet),
        "<= 2",
        f"{p99(busy) * 1000:.1f} ms / {p99(quiet) * 1000:.1f} ms "
        f"(median {statistics.median(busy) * 1000:.1f} / {statistics.median(quiet) * 1000:.1f})",
    )


# ------------------------------------------------------------------ memory


def memory() -> None:
    """Resident memory at 100,000 samples after many polls, against an idle process."""
    with workload.serving(10) as (port, pid):
        workload.fetch(port, encoding="gzip")
        idle = workload.resident(pid)
    with workload.serving(100_000, interval="1s") as (port, pid):
        sizes = []
        for _ in range(60):
            time.sleep(1)
            workload.fetch(port, encoding="gzip")
            sizes.append(workload.resident(pid))
    say(
        "MB above idle, 100,000 samples, 60 polls",
        sizes[-1] - idle,
        "<= 60",
        f"{sizes[-1]:.0f} MB / {idle:.0f} MB, highest {max(sizes):.0f}, after 10: {sizes[9]:.0f}",
    )


def flatness() -> None:
    """CPU of one page by its size."""
    costs = {}
    for samples in (1_000, 100_000):
        with workload.serving(samples) as (port, pid):
            began = workload.cpu(pid)
            for _ in range(50):
                workload.fetch(port, encoding="gzip")
                time.sleep(0.12)
            costs[samples] = (workload.cpu(pid) - began) / 50
    say(
        "CPU of a fresh page, 100,000 / 1,000 samples",
        costs[100_000] / costs[1_000],
        "flat",
        f"{costs[100_000] * 1000:.1f} ms / {costs[1_000] * 1000:.1f} ms",
    )


BENCHMARKS = (poll, scrape, interference, memory, flatness)


def main() -> int:
    """Run the benchmarks that are named, or all."""
    missing = [tool for tool in ("nginx", "wrk") if shutil.which(tool) is None]
    if missing:
        print(f"not there: {', '.join(missing)}", file=sys.stderr)
        return 1
    for benchmark in BENCHMARKS:
        if not sys.argv[1:] or benchmark.__name__ in sys.argv[1:]:
            benchmark()
    return 0


if __name__ == "__main__":
    sys.exit(main())
