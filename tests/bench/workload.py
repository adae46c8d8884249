"""What the benchmarks measure with: texts of any size, a slurmctld, an exporter."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parent.parent.parent
LABELS = {"cluster": "cluster01", "env": "production"}

# As in a recorded answer: the families of one node, with numbers of their usual length.
FAMILIES = {
    "slurm_node_cpus": "128",
    "slurm_node_cpus_alloc": "96",
    "slurm_node_cpus_effective": "128",
    "slurm_node_cpus_idle": "32",
    "slurm_node_gpus": "4",
    "slurm_node_gpus_alloc": "3",
    "slurm_node_memory_alloc_bytes": "393216",
    "slurm_node_memory_bytes": "515072",
    "slurm_node_memory_effective_bytes": "507904",
    "slurm_node_memory_free_bytes": "104857",
}


def answer(samples: int, seed: int = 1) -> str:
    """slurmctld's ``/metrics/nodes`` with about so many samples, the same for the same seed."""
    return "".join(
        f"# HELP {name} Number of things in the node\n# TYPE {name} gauge\n"
        + "".join(
            f'{name}{{node="node{node:06d}"}} {number}\n'
            for node, number in enumerate(_numbers(name, samples // len(FAMILIES), seed))
        )
        for name in FAMILIES
    )


def _numbers(name: str, nodes: int, seed: int) -> list[int]:
    """Numbers of one family; the first one is what the simulated slurmctld changes."""
    usual = int(FAMILIES[name])
    spread = random.Random(f"{name} {seed}").choices(range(97), k=nodes)
    return [usual, *(usual + more for more in spread[1:])]


COMPRESSED = re.compile(
    rb'^slurm_exporter_poll_phase_seconds_count\{.*phase="compress".*\} (\d+)', re.MULTILINE
)

_SLURMCTLD = """
import sys, socketserver
changes = sys.argv[1] == "True"
body = sys.stdin.buffer.read()
turn = 0
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        global turn
        while b"\\r\\n\\r\\n" not in self.request.recv(65536):
            pass
        turn += 1
        # A digit differs from answer to answer, so that none is recognized as known.
        sent = body.replace(b" 128\\n", b" %d\\n" % (100 + turn % 900), 1) if changes else body
        head = b"HTTP/1.1 200 OK\\r\\nConnection: Close\\r\\nContent-Length: %d\\r\\n\\r\\n"
        self.request.sendall(head % len(sent) + sent)
class Server(socketserver.TCPServer):
    allow_reuse_address = True
with Server(("127.0.0.1", 0), Handler) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
"""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def process(*command: str, **settings: object) -> Iterator[subprocess.Popen[bytes]]:
    """A child process for the length of a with block."""
    child = subprocess.Popen(command, **settings)
    try:
        yield child
    finally:
        child.terminate()
        child.wait(20)


@contextlib.contextmanager
def slurmctld(text: str, *, changes: bool = True) -> Iterator[int]:
    """A process that answers everything with a text that changes a little; yields its port."""
    command = (sys.executable, "-c", _SLURMCTLD, str(changes))
    with tempfile.TemporaryFile() as body:
        body.write(text.encode())
        body.seek(0)
        with process(*command, stdin=body, stdout=subprocess.PIPE) as child:
            yield int(child.stdout.readline())


@contextlib.contextmanager
def serving(samples: int, interval: str = "1h") -> Iterator[tuple[int, int]]:
    """An exporter with so many samples to poll; yields its port and pid."""
    with slurmctld(answer(samples)) as port, exporter(port, interval) as found:
        yield found


@contextlib.contextmanager
def exporter(
    slurmctld_port: int,
    interval: str = "1h",
    *program: str,
    users: dict[str, str] | None = None,
) -> Iterator[tuple[int, int]]:
    """An exporter that polls nodes only; yields its port and pid when a page is there.

    Args:
        slurmctld_port: where it polls.
        interval: how often.
        program: what to run with Python instead of the package.
        users: those who may read, and their bcrypt hashes; None lets in everybody.
    """
    slurm = {"url": f"http://127.0.0.1:{slurmctld_port}"}
    with polling(slurm, ["nodes"], interval, *program, users=users) as found:
        yield found


@contextlib.contextmanager
def polling(
    slurm: dict[str, object],
    endpoints: Iterable[str],
    interval: str = "1h",
    *program: str,
    users: dict[str, str] | None = None,
) -> Iterator[tuple[int, int]]:
    """An exporter that polls these endpoints; yields its port and pid when it is ready.

    Args:
        slurm: how Slurm is asked.
        endpoints: what for.
        interval: how often.
        program: what to run with Python instead of the package.
        users: those who may read, and their bcrypt hashes; None lets in everybody.
    """
    program = program or ("-m", "slurm_exporter")
    port = free_port()
    # A timeout must not be longer than the interval.
    timeout = "30s" if interval == "1h" else interval
    config = {
        "slurm": {**slurm, "max_duty_cycle": 1},
        "server": {"listen": f"127.0.0.1:{port}", "open_paths": ["/-/ready"]},
        "endpoints": [
            {"name": name, "interval": interval, "timeout": timeout} for name in endpoints
        ],
        "labels": LABELS,
        "logging": {"level": "error"},
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "config.yml")
        file.write_text(yaml.safe_dump(config))
        command = (sys.executable, *program, "--config.file", str(file))
        if users is not None:
            web = Path(folder, "web.yml")
            web.write_text(yaml.safe_dump({"basic_auth_users": users}))
            command = (*command, "--web.config.file", str(web))
        with process(*command, cwd=ROOT) as child:
            wait_for_page(port)
            yield port, child.pid


def wait_for_page(port: int, path: str = "/-/ready") -> None:
    """Wait until a server has a page; by default, until the exporter is ready."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if fetch(port, path)[0] == 200:
                return
        time.sleep(0.05)
    raise TimeoutError(f"no server has {path} at port {port}")


def fetch(port: int, path: str = "/metrics", encoding: str = "identity") -> tuple[int, bytes]:
    """One request over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Accept-Encoding": encoding})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def polls(port: int) -> int:
    """How many polls an exporter has made that brought something new."""
    page = gzip.decompress(fetch(port, encoding="gzip")[1])
    return int(COMPRESSED.search(page)[1])


def resident(pid: int) -> float:
    """A process' resident memory in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used, to the nanosecond.

    Linux makes the number of a process' clock from its pid; see clock_getcpuclockid(3).
    """
    return time.clock_gettime(~pid << 3 | 2)
