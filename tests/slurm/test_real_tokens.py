"""The exporter against a real slurmctld that wants a token."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.slurm.cluster import SlurmCluster
from tests.slurm.exporter import ENDPOINTS, Exporter, about, config
from tests.slurm.host import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slurm


@pytest.fixture(scope="module")
def locked(slurm: None) -> Iterator[SlurmCluster]:
    """A cluster that shows its metrics to alice, and to root as every cluster does."""
    with SlurmCluster(slurmd=[], users=["alice"]) as cluster:
        yield cluster


def command(cluster: SlurmCluster, user: str, lifespan: int) -> list[str]:
    """A token_command: the user's own ``scontrol token``."""
    return cluster.command(["scontrol", "token", f"lifespan={lifespan}"], user=user)


def all_up(exporter: Exporter) -> bool:
    page = exporter.page()
    return all(about(page, "endpoint_up", endpoint) == 1 for endpoint in ENDPOINTS)


def refused(exporter: Exporter, words: str) -> bool:
    error = exporter.last_error("jobs")
    return error.get("reason") == "auth" and words in error["message"]


def test_without_a_token_it_says_what_is_wanted(locked: SlurmCluster, tmp_path: Path) -> None:
    """And where to write it."""
    with Exporter(tmp_path, config(locked.url)) as exporter:
        eventually(lambda: refused(exporter, "wants a token here"), "the refusal")


def test_a_command_makes_tokens_and_makes_new_ones_before_they_expire(
    locked: SlurmCluster, tmp_path: Path
) -> None:
    """Over several lives of a token, no poll fails."""
    authorization = {"token_command": command(locked, "alice", 4)}
    with Exporter(tmp_path, config(locked.url, authorization=authorization)) as exporter:
        eventually(lambda: all_up(exporter), "all endpoints")
        first = exporter.value("token_expiry_timestamp_seconds")
        assert first is not None
        assert 0 < first - time.time() < 5
        eventually(
            lambda: (exporter.value("token_expiry_timestamp_seconds") or 0) > first + 8,
            "the token after the next but one",
        )
        page = exporter.page()
        assert [about(page, "poll_failures_total", e, reason="auth") for e in ENDPOINTS] == [0] * 5
        assert all_up(exporter)


def test_a_user_whom_slurm_conf_does_not_name_is_told_so(
    locked: SlurmCluster, tmp_path: Path
) -> None:
    """Slurm knows him, so another token would not help."""
    authorization = {"token_command": command(locked, "bob", 600)}
    with Exporter(tmp_path, config(locked.url, authorization=authorization)) as exporter:
        eventually(lambda: refused(exporter, "whom MetricsAuthUsers does not name"), "the refusal")


def test_a_token_of_slurms_own_user_serves_for_another_one(
    locked: SlurmCluster, tmp_path: Path
) -> None:
    """``slurm.user`` says for whom, and slurmctld believes it: for bob it refuses."""
    settings = {"authorization": {"token_command": command(locked, "root", 600)}}
    (tmp_path / "bob").mkdir()
    with (
        Exporter(tmp_path, config(locked.url, **settings, user="alice")) as alice,
        Exporter(tmp_path / "bob", config(locked.url, **settings, user="bob")) as bob,
    ):
        eventually(lambda: all_up(alice), "all endpoints")
        eventually(lambda: refused(bob, "answered 403"), "the refusal")


def test_a_file_is_read_again_and_an_expired_token_is_told_from_a_wrong_one(
    locked: SlurmCluster, tmp_path: Path
) -> None:
    """The old data stays on the page meanwhile, and a new token mends it without a restart."""
    file = tmp_path / "token"

    def write(lifespan: int) -> None:
        file.write_text(locked.run(["scontrol", "token", f"lifespan={lifespan}"], user="alice"))

    write(2)
    settings = {"authorization": {"credentials_file": str(file)}}
    with Exporter(tmp_path, config(locked.url, **settings)) as exporter:
        eventually(lambda: all_up(exporter), "all endpoints")
        eventually(lambda: refused(exporter, f"the token from {file} has expired"), "its end")
        assert "slurm_jobs_running" in exporter.page()
        file.write_text("another")
        eventually(lambda: refused(exporter, f"refuses the token from {file}"), "the refusal")
        write(600)
        eventually(lambda: all_up(exporter), "all endpoints again")
