"""The command that runs the benchmarks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.bench import guesses, latency, poll, run
from tests.bench.effort import QUICK
from tests.bench.poll import Level

if TYPE_CHECKING:
    from pathlib import Path

LEVELS = [Level(1, 0.02, 500_000), Level(2, 0.03, 400_000)]


def test_without_nginx_and_wrk_the_rest_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what is left out is said."""
    monkeypatch.setattr(run.shutil, "which", lambda tool: None)

    assert run._run("large-page", QUICK) == []
    assert capsys.readouterr().err == "large-page: left out, nginx and wrk not installed\n"


def test_one_part_is_printed_and_written_beside_the_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The docs stay as they are."""
    monkeypatch.setattr(run, "OUTPUT", tmp_path / "bench")
    monkeypatch.setattr(poll, "levels", lambda effort: LEVELS)

    assert run.main(["levels"]) == 0

    assert "| 1 | 20 | 500,000 |\n| 2 | 30 | 400,000 |" in capsys.readouterr().out
    found = json.loads((tmp_path / "bench" / "performance.json").read_text())
    assert found["levels"][1] == {"level": 2, "seconds": 0.03, "size": 400_000}


def test_the_docs_are_refreshed_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each table in its place."""
    page = "a\n<!-- levels -->\nold\n<!-- end of levels -->\nb\n"
    (tmp_path / "performance.md").write_text(page)
    monkeypatch.setattr(run, "DOCS", tmp_path)
    monkeypatch.setattr(run, "BENCHMARKS", {})
    monkeypatch.setattr(poll, "by_size", lambda effort: [])
    monkeypatch.setattr(poll, "levels", lambda effort: LEVELS)
    monkeypatch.setattr(latency, "switch_intervals", lambda effort: [])
    monkeypatch.setattr(guesses, "guesses", lambda effort: [])

    assert run.main(["--quick", "--write"]) == 0

    written = (tmp_path / "performance.md").read_text()
    assert written.startswith("a\n<!-- levels -->\n| level | CPU, ms")
    assert written.endswith("| 2 | 30 | 400,000 |\n<!-- end of levels -->\nb\n")


def test_the_docs_show_one_run_and_not_parts_of_several(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """So writing and naming parts exclude each other."""
    with pytest.raises(SystemExit):
        run.main(["--write", "levels"])
    assert "--write is for all of it" in capsys.readouterr().err
