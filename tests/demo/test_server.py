"""The simulated slurmctld on a real socket."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from slurm_exporter.demo import DemoSlurmctld
from slurm_exporter.demo.endpoints import ENDPOINTS
from slurm_exporter.demo.scheduler import MAIN_SECONDS
from slurm_exporter.demo.server import CLIENT_SECONDS, MAX_CATCH_UP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import ManualClock

EPOCH = 1_795_200_000.0


@pytest.fixture(scope="module")
def stopped_demo() -> DemoSlurmctld:
    """A demo that stands still: its clocks do not move."""
    return DemoSlurmctld(monotonic=lambda: 0.0, wall=lambda: EPOCH)


@pytest.fixture
def demo(stopped_demo: DemoSlurmctld) -> Iterator[DemoSlurmctld]:
    """The same, running."""
    with stopped_demo as running:
        yield running


def address(demo: DemoSlurmctld) -> tuple[str, int]:
    """Where it listens."""
    url = urlsplit(demo.url)
    assert url.hostname
    assert url.port
    return url.hostname, url.port


def say(demo: DemoSlurmctld, request: bytes) -> bytes:
    """All that comes back until the connection is closed."""
    with socket.create_connection(address(demo), timeout=10) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def get(demo: DemoSlurmctld, path: str) -> str:
    """The text at ``path``."""
    connection = http.client.HTTPConnection(*address(demo), timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    assert answer.status == 200
    return answer.read().decode()


def value(text: str, name: str) -> int:
    """The number in a row without labels."""
    found = re.search(rf"^{name} (\d+)$", text, re.MULTILINE)
    assert found
    return int(found[1])


def demo_threads() -> list[str]:
    """The threads of all demos."""
    return [t.name for t in threading.enumerate() if t.name.startswith("demo-")]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_an_answer_has_slurmctlds_headers_and_no_others(demo: DemoSlurmctld, endpoint: str):
    head, _, body = say(
        demo, f"GET /metrics/{endpoint} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    ).partition(b"\r\n\r\n")

    assert head.decode() == (
        "HTTP/1.1 200 OK\r\n"
        "Connection: Close\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Content-Type: text/plain"
    )
    assert body.startswith(b"# HELP slurm_")
    assert body.endswith(b"\n")


def test_a_query_is_ignored(demo: DemoSlurmctld):
    assert get(demo, "/metrics/jobs?x=1") == get(demo, "/metrics/jobs")


def test_the_index_is_prose_that_names_every_endpoint(demo: DemoSlurmctld):
    index = get(demo, "/metrics")

    assert index.startswith("This is a simulated slurmctld.")
    assert re.findall(r"/metrics/(\S+)", index) == list(ENDPOINTS)


@pytest.mark.parametrize(
    "path",
    ["/", "/metrics/", "/metrics//jobs", "/METRICS/jobs", "/metrics/nosuch", "/jobs", "jobs"],
)
def test_other_paths_are_not_found(demo: DemoSlurmctld, path: str):
    answer = say(demo, f"GET {path} HTTP/1.1\r\n\r\n".encode()).decode()

    assert answer.startswith("HTTP/1.1 404 Not Found\r\n")
    assert "Content-Type: text/plain\r\n" in answer
    assert answer.endswith(f"The simulated slurmctld has no answer to GET {path}\n")


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_not_found(demo: DemoSlurmctld, method: str):
    answer = say(demo, f"{method} /metrics/jobs HTTP/1.1\r\n\r\n".encode()).decode()

    assert answer.startswith("HTTP/1.1 404 Not Found\r\n")
    assert answer.endswith(f"no answer to {method} /metrics/jobs\n")


def test_the_cluster_lives_by_the_monotonic_clock(clock: ManualClock):
    with DemoSlurmctld(monotonic=clock, wall=lambda: EPOCH + clock.now) as demo:
        before = get(demo, "/metrics/scheduler")
        clock.advance(100)
        after = get(demo, "/metrics/scheduler")

    for name, step in {
        "slurm_sched_stats_timestamp": 100,
        "slurm_schedule_cycle_cnt": 100 / MAIN_SECONDS,
        "slurm_last_proc_req_start": 0,
    }.items():
        assert value(after, name) - value(before, name) == step


def test_after_a_long_sleep_it_lives_through_the_last_minutes_only(clock: ManualClock):
    """And its time stamps are of today all the same."""
    with DemoSlurmctld(monotonic=clock, wall=lambda: EPOCH + clock.now) as demo:
        before = value(get(demo, "/metrics/scheduler"), "slurm_backfilled_jobs")
        started = value(get(demo, "/metrics/scheduler"), "slurm_schedule_cycle_cnt")
        clock.advance(10_000)
        after = get(demo, "/metrics/scheduler")
        again = get(demo, "/metrics/scheduler")

    assert value(after, "slurm_schedule_cycle_cnt") - started == MAX_CATCH_UP / MAIN_SECONDS
    assert value(after, "slurm_backfilled_jobs") >= before
    assert value(after, "slurm_sched_stats_timestamp") == EPOCH + clock.now
    assert after == again


def test_small_differences_between_the_clocks_do_not_move_time_stamps(clock: ManualClock):
    """A start time that flickers by a second would look like a restart."""
    wobble = [0.0]
    with DemoSlurmctld(monotonic=clock, wall=lambda: EPOCH + clock.now + wobble[0]) as demo:
        seen = set()
        for wobble[0] in (-0.9, 0.0, 0.9):
            seen.add(get(demo, "/metrics/scheduler"))

    assert len(seen) == 1


def test_it_can_be_stopped_twice_and_started_again_with_the_same_cluster(
    stopped_demo: DemoSlurmctld,
):
    with stopped_demo as demo:
        before = get(demo, "/metrics/nodes")
        port = address(demo)
        demo.stop()
        demo.stop()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(port, timeout=10)
        with pytest.raises(RuntimeError, match="is not running"):
            _ = demo.url

        demo.start()
        assert get(demo, "/metrics/nodes") == before


def test_it_listens_where_it_is_told_and_a_taken_port_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        demo = DemoSlurmctld(port=port)
        with pytest.raises(OSError, match="Address already in use"):
            demo.start()

    demo.start()
    assert demo.url == f"http://127.0.0.1:{port}"
    demo.stop()


def test_stopping_hangs_up_on_clients_that_say_nothing_and_leaves_no_thread(
    stopped_demo: DemoSlurmctld,
):
    with stopped_demo as demo:
        get(demo, "/metrics/jobs")
        silent = socket.create_connection(address(demo), timeout=10)
        halfway = socket.create_connection(address(demo), timeout=10)
        halfway.sendall(b"GET /metr")
        get(demo, "/metrics/jobs")
        assert len(demo_threads()) >= 3
        begin = time.monotonic()

    assert time.monotonic() - begin < CLIENT_SECONDS / 2
    with silent, halfway:
        assert silent.recv(1) == b""
        assert halfway.recv(1) == b""
    assert demo_threads() == []


def test_a_client_that_goes_away_disturbs_nobody(
    demo: DemoSlurmctld, capfd: pytest.CaptureFixture[str]
):
    for _ in range(5):
        with socket.create_connection(address(demo), timeout=10) as rude:
            rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            rude.sendall(b"GET /metrics/nodes HTTP/1.1\r\n\r\n")

    assert get(demo, "/metrics/jobs")
    demo.stop()
    assert capfd.readouterr() == ("", "")


def test_clients_at_the_same_time_get_the_same_whole_answers(demo: DemoSlurmctld):
    answers: list[str] = []
    clients = [
        threading.Thread(target=lambda: answers.append(get(demo, "/metrics/partitions")))
        for _ in range(8)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()

    assert len(answers) == 8
    assert len(set(answers)) == 1


def test_nothing_is_left_when_the_process_forgets_to_stop_it():
    """Its threads are daemons: a demo that nobody stops does not keep the process alive."""
    program = "from slurm_exporter.demo import DemoSlurmctld; DemoSlurmctld().start()"

    done = subprocess.run([sys.executable, "-c", program], check=True, timeout=30, stderr=-1)

    assert done.stderr == b""
