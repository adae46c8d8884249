"""What the benchmarks measure with: texts of any size, a slurmctld, an exporter."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def answer(samples: int, salt: int = 0) -> str:
    """slurmctld's ``/metrics/nodes`` with about so many samples."""
    nodes = samples // len(FAMILIES)
    return "".join(
        f"# HELP {name} Number of things in the node\n# TYPE {name} gauge\n"
        + "".join(
            f'{name}{{node="node{i:06d}"}} {int(number) + (i * 7 + salt) % 97}\n'
            for i in range(nodes)
        )
        for name, number in FAMILIES.items()
    )


_SLURMCTLD = """
import sys, socketserver
body = sys.stdin.buffer.read()
turn = 0
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        global turn
        while b"\\r\\n\\r\\n" not in self.request.recv(65536):
            pass
        turn += 1
        # One digit differs from answer to answer, so that none is recognized as known.
        sent = body.replace(b" 128\\n", b" %d\\n" % (100 + turn % 900), 1)
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
def slurmctld(text: str) -> Iterator[int]:
    """A process that answers everything with a text that changes a little; yields its port."""
    with tempfile.TemporaryFile() as body:
        body.write(text.encode())
        body.seek(0)
        with process(sys.executable, "-c", _SLURMCTLD, stdin=body, stdout=subprocess.PIPE) as child:
            yield int(child.stdout.readline())


@contextlib.contextmanager
def serving(samples: int, interval: str = "1h") -> Iterator[tuple[int, int]]:
    """An exporter with so many samples to poll; yields its port and pid."""
    with slurmctld(answer(samples)) as port, exporter(port, interval) as found:
        yield found


@contextlib.contextmanager
def exporter(slurmctld_port: int, interval: str = "1h") -> Iterator[tuple[int, int]]:
    """An exporter that polls nodes only; yields its port and pid when a page is there."""
    port = free_port()
    config = {
        "slurm": {"url": f"http://127.0.0.1:{slurmctld_port}", "max_duty_cycle": 1},
        "server": {"listen": f"127.0.0.1:{port}"},
        "endpoints": [{"name": "nodes", "interval": interval, "timeout": "1s"}],
        "labels": LABELS,
        "logging": {"level": "error"},
    }
    if interval == "1h":
        config["endpoints"][0]["timeout"] = "30s"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "config.yml")
        file.write_text(yaml.safe_dump(config))
        command = (sys.executable, "-m", "slurm_exporter", "--config.file", str(file))
        with process(*command, cwd=ROOT) as child:
            wait_for_page(port)
            yield port, child.pid


def wait_for_page(port: int) -> None:
    """Wait until the exporter is ready."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if fetch(port, "/-/ready")[0] == 200:
                return
        time.sleep(0.05)
    raise TimeoutError("the exporter is not ready")


def fetch(port: int, path: str = "/metrics", encoding: str = "identity") -> tuple[int, bytes]:
    """One request over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Accept-Encoding": encoding})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def resident(pid: int) -> float:
    """A process' resident memory in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
