"""Scrapes: how many a second, and what they cost."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from slurm_exporter.page import LIFETIME
from tests.bench import workload
from tests.bench.report import ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.effort import Effort
    from tests.bench.report import Row

CLIENTS = 8

NGINX = """
daemon off; worker_processes auto; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  default_type text/plain; add_header Content-Encoding {encoding}; root {folder};
  server {{ listen 127.0.0.1:{off}; sendfile off; }}
  server {{ listen 127.0.0.1:{on}; sendfile on; tcp_nopush on; }}
}}
"""

CLIENT = """
import sys, time
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(sys.stdin.read()))
registry = CollectorRegistry()
registry.register(type("Same", (), {"collect": lambda self: families})())
start_http_server(int(sys.argv[1]), addr="127.0.0.1", registry=registry)
print("ready", flush=True)
time.sleep(3600)
"""


def rate(port: int, seconds: int, encoding: str) -> float:
    """Requests per second of the keep-alive clients."""
    command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "-H", f"Accept-Encoding: {encoding}"]
    out = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/metrics"], capture_output=True, text=True, check=True
    ).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise RuntimeError(out)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])


@contextlib.contextmanager
def nginx(page: bytes, encoding: str) -> Iterator[tuple[int, int]]:
    """Serve a page as a static file; yields a port without sendfile and one with it."""
    off, on = workload.free_port(), workload.free_port()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        Path(folder, "metrics").write_bytes(page)
        config = Path(folder, "nginx.conf")
        config.write_text(NGINX.format(folder=folder, off=off, on=on, encoding=encoding))
        with workload.process("nginx", "-c", str(config), stderr=subprocess.DEVNULL):
            workload.wait_for_page(on, "/metrics")
            yield off, on


@contextlib.contextmanager
def prometheus_client(page: bytes) -> Iterator[int]:
    """Serve the samples of a page by prometheus_client's own server; yields its port."""
    port = workload.free_port()
    with tempfile.TemporaryFile() as body:
        body.write(page)
        body.seek(0)
        command = (sys.executable, "-c", CLIENT, str(port))
        with workload.process(*command, stdin=body, stdout=subprocess.PIPE) as child:
            child.stdout.readline()
            yield port


def rates(ports: tuple[int, ...], effort: Effort, encoding: str) -> list[list[float]]:
    """Measure all in turn, so that what the machine does meanwhile meets all of them."""
    return [[rate(port, effort.seconds, encoding) for port in ports] for _ in range(effort.rounds)]


def _rows(names: tuple[str, ...], found: list[list[float]], page: bytes) -> list[Row]:
    """Compare the first column with each of the others."""
    note = f"{len(page):,} bytes, {CLIENTS} clients"
    return [
        ratio(name, [(row[0], row[column]) for row in found], "/s", note)
        for column, name in enumerate(names, 1)
    ]


def large_page(effort: Effort) -> list[Row]:
    """The compressed page of 100,000 samples."""
    with workload.serving(100_000) as (port, _):
        _, page = workload.fetch(port, encoding="gzip")
        with nginx(page, "gzip") as files:
            found = rates((port, *files), effort, "gzip")
    what = "large page, scrapes/s: ours / nginx, sendfile"
    return _rows((f"{what} off", f"{what} on"), found, page)


def small_page(effort: Effort) -> list[Row]:
    """A small page as it is."""
    with workload.serving(40) as (port, _):
        _, page = workload.fetch(port)
        with nginx(page, "identity") as files, prometheus_client(page) as client:
            found = rates((port, *files, client), effort, "identity")
    what = "small page, scrapes/s: ours /"
    names = (f"{what} nginx, sendfile off", f"{what} nginx, sendfile on")
    return _rows((*names, f"{what} prometheus_client"), found, page)


def flatness(effort: Effort) -> list[Row]:
    """The CPU of a fresh page, compressed, by its size."""
    with workload.serving(100_000) as large, workload.serving(1_000) as small:
        pairs = [(_page(*large), _page(*small)) for _ in range(effort.rounds)]
    return [ratio("scrape, CPU: 100,000 / 1,000 samples", pairs, "ms", "a fresh page each")]


def _page(port: int, pid: int, times: int = 20) -> float:
    """CPU milliseconds of a page, made anew each time."""
    began = workload.cpu(pid)
    for _ in range(times):
        workload.fetch(port, encoding="gzip")
        time.sleep(1.2 * LIFETIME)
    return 1000 * (workload.cpu(pid) - began) / times
