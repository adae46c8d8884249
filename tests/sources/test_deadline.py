"""Connections that keep one deadline."""

from __future__ import annotations

import socket

import pytest

from slurm_exporter.errors import PollTimeoutError
from slurm_exporter.sources.deadline import _DeadlineReader
from slurm_exporter.sources.http import Client


def test_data_that_never_ends_does_not_outlast_the_deadline() -> None:
    """Even when each receive finds some at once, so that no timeout of the socket ever comes."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"x" * 100)
        ours.settimeout(0.001)
        reader = _DeadlineReader(ours, ours.makefile("rb", buffering=0))
        with pytest.raises(TimeoutError):
            list(iter(lambda: (theirs.send(b"x"), reader.read(1)), None))
        reader.close()


def test_all_addresses_of_a_host_share_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead controller with three addresses takes no longer than one with a single one."""
    addresses = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    infos = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 1)) for address in addresses]
    tried: list[tuple[str, float]] = []

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        tried.append((address[0], timeout))
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: infos)
    monkeypatch.setattr(socket, "create_connection", connect)

    with pytest.raises(PollTimeoutError, match="within 3 s"):
        Client().get("http://controller:6817/metrics/jobs", 3.0, 0)

    assert [address for address, _ in tried] == addresses
    assert [round(timeout, 1) for _, timeout in tried] == [1.0, 1.5, 3.0]
