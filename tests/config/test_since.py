"""From when on something is counted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slurm_exporter.config.since import check_since, reader, since_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = 1_800_000_000.5


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that is not at UTC."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("span", "seconds"),
    [
        ("0 seconds ago", 0),
        ("1 minute ago", 60),
        ("24 hours ago", 86_400),
        ("7 days ago", 604_800),
        ("2 weeks ago", 1_209_600),
    ],
)
def test_a_span_ends_now(span: str, seconds: int) -> None:
    assert since_time(check_since(f" {span}\n", NOW), NOW) == 1_800_000_000 - seconds


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-01T00:00:00Z", 1_793_491_200),
        ("2026-11-01 01:00:00+01:00", 1_793_491_200),
        ("2026-11-01T01:00:00", 1_793_491_200),
        ("2026-11-01T01:00", 1_793_491_200),
        ("2026-11-01", 1_793_487_600),
        ("2026-07-01", 1_782_856_800),
    ],
)
def test_a_time_without_an_offset_is_local(text: str, moment: int) -> None:
    """Summer or winter as it was then."""
    assert since_time(check_since(text, NOW), NOW) == moment


@pytest.mark.parametrize("text", ["999999 weeks ago", "1601-01-01T00:00:00Z"])
def test_what_is_before_unix_time_is_refused(text: str) -> None:
    """No job is older, so something else was meant."""
    with pytest.raises(ValueError, match=f"^must not be before 1970, as '{text}' is$"):
        check_since(text, NOW)


@pytest.mark.parametrize("text", ["2099-01-01", "2027-01-15T08:00:02Z"])
def test_what_lies_ahead_is_refused(text: str) -> None:
    """Nothing would be counted until then, and nobody would know why."""
    with pytest.raises(ValueError, match=f"^must not lie ahead, as '{text}' does$"):
        check_since(text, NOW)


def test_the_first_second_is_the_earliest_whatever_the_clock_says() -> None:
    """Slurm takes 0 for no time at all."""
    assert since_time(check_since("1970-01-01T00:00:00Z", NOW), NOW) == 1
    assert since_time(check_since("24 hours ago", NOW), 3.0) == 1


@pytest.mark.parametrize(
    "text", ["", "yesterday", "24h ago", "-1 days ago", "1 month ago", "2026-13-01", "20261101"]
)
def test_what_is_neither_is_told_what_would_be(text: str) -> None:
    with pytest.raises(ValueError, match="must be a span such as 24 hours ago, a time such as"):
        check_since(text)


def test_what_has_a_slash_in_it_is_a_file_beside_the_config(tmp_path: Path) -> None:
    """Whoever writes it begins the history anew."""
    check = reader(str(tmp_path / "exporter.yml"))
    (tmp_path / "since").write_text("2025-11-01T00:00:00Z\n")

    assert check("./since") == check(str(tmp_path / "since")) == "2025-11-01T00:00:00Z"
    assert check("1 day ago") == "1 day ago"


def test_a_file_is_named_with_what_is_wrong_with_it(tmp_path: Path) -> None:
    check = reader(str(tmp_path / "exporter.yml"))
    (tmp_path / "since").write_bytes(b"\xff" * 10_000)

    with pytest.raises(ValueError, match=f"{tmp_path}/since must hold a span such as"):
        check("./since")
    with pytest.raises(ValueError, match=f"cannot read {tmp_path}/gone: No such file"):
        check("./gone")
    (tmp_path / "since").write_text("2999-01-01")
    with pytest.raises(ValueError, match=f"{tmp_path}/since must not lie ahead, as '2999-01-01'"):
        check("./since")


def test_a_file_that_holds_something_else_is_not_quoted(tmp_path: Path) -> None:
    """It may be another file than was meant, and a secret."""
    (tmp_path / "since").write_text("correcthorse")
    with pytest.raises(ValueError, match="must hold") as caught:
        reader(str(tmp_path / "exporter.yml"))("./since")
    assert str(caught.value) == (
        f"{tmp_path}/since must hold a span such as 24 hours ago or a time such as"
        " 2026-11-01T00:00:00"
    )


@given(st.text())
def test_any_text_is_a_time_or_a_sentence(text: str) -> None:
    try:
        since = check_since(text)
    except ValueError as error:
        since = str(error)
    assert since.startswith("must be") or since_time(since, NOW) >= 1
