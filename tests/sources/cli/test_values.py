"""Single values as Slurm's commands print them."""

from __future__ import annotations

import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slurm_exporter.sources.cli import values

NOTHING = sorted(values.UNKNOWN)

# ------------------------------------------------------------------ moments


@pytest.fixture(params=["UTC", "Europe/Zurich", "America/St_Johns", "Pacific/Auckland"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    """A time zone in which the exporter runs."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    values._local.cache_clear()
    yield ZoneInfo(request.param)
    monkeypatch.undo()
    time.tzset()
    values._local.cache_clear()


@pytest.mark.parametrize("month", [1, 7], ids=["winter", "summer"])
def test_both_forms_of_a_moment_are_the_same_moment(zone: ZoneInfo, month: int) -> None:
    """A wrapper that drops the environment makes Slurm print local time."""
    moment = datetime(2026, month, 21, 5, 38, 26, tzinfo=zone)
    assert values.moment(f"2026-{month:02}-21T05:38:26") == int(moment.timestamp())
    assert values.moment(str(int(moment.timestamp()))) == int(moment.timestamp())


@pytest.mark.parametrize("text", NOTHING)
def test_there_may_be_no_moment(text: str) -> None:
    assert values.moment(text) is None


@pytest.mark.parametrize("text", ["soon", "21 Nov 05:38", "-1", "1.5", "2026-13-01T00:00:00"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        values.moment(text)


@given(st.integers(0, 1 << 33))
def test_unix_time_is_read_as_it_is(seconds: int) -> None:
    assert values.moment(str(seconds)) == seconds


# ------------------------------------------------------------------ names and sizes


@pytest.mark.parametrize(
    ("text", "name"), [("(null)", ""), ("", ""), ("physics", "physics"), ("None", "None")]
)
def test_only_slurms_own_word_for_nothing_is_no_name(text: str, name: str) -> None:
    """An account may well be called None."""
    assert values.name(text) == name


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("500", 500 << 20),
        ("100M", 100 << 20),
        ("1G", 1 << 30),
        ("62.50G", 62_500_000_000 * (1 << 30) // 1_000_000_000),
        ("1024K", 1 << 20),
        ("2T", 2 << 40),
    ],
)
def test_a_size_is_in_bytes(text: str, size: int) -> None:
    """Without a unit Slurm means MiB."""
    assert values.mebibytes(text) == size


@given(st.integers(0, 1 << 30), st.sampled_from("KMGTPEZ"))
def test_a_size_of_any_unit_is_in_bytes(number: int, unit: str) -> None:
    assert values.mebibytes(f"{number}{unit}") == number * 1024 ** ("KMGTPEZ".index(unit) + 1)


@pytest.mark.parametrize("text", ["", "M", "1.M", "-1M", "1m", "N/A", "1GB", "1 G"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        values.mebibytes(text)


# ------------------------------------------------------------------ resources

WORDS = st.text("abcdefgh/:_-0123456789", min_size=1, max_size=12)


@given(st.dictionaries(WORDS, WORDS, max_size=6))
def test_resources_are_pairs(pairs: dict[str, str]) -> None:
    text = ",".join(f"{key}={value}" for key, value in pairs.items())
    assert dict(values.tres(text)) == pairs


@pytest.mark.parametrize("text", [*NOTHING, "cpu"])
def test_there_may_be_no_resources(text: str) -> None:
    assert dict(values.tres(text)) == {}


def test_resources_are_shared_and_cannot_be_changed() -> None:
    """Thousands of jobs ask for the same."""
    resources = values.tres("cpu=1,mem=1G")
    assert values.tres("cpu=1,mem=1G") is resources
    with pytest.raises(TypeError):
        resources["cpu"] = "2"  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "gpus"),
    [
        ("cpu=1,mem=1G", {}),
        ("gres/gpu=2", {"": 2}),
        ("gres/gpu=2,gres/gpu:a100=2", {"a100": 2}),
        ("gres/gpu=5,gres/gpu:a100=2,gres/gpu:h100=1", {"a100": 2, "h100": 1, "": 2}),
        ("gres/gpu:a100=2", {"a100": 2}),
        ("gres/gpu=0", {}),
        ("gres/gpumem=100,gres/shard=3", {}),
        ("gres/gpu=1,gres/gpu:nvidia_a100_3g.20gb=1", {"nvidia_a100_3g.20gb": 1}),
    ],
)
def test_gpus_are_counted_once(text: str, gpus: dict[str, int]) -> None:
    """By model where it is known; the sum that Slurm gives beside the models is no more of them."""
    assert dict(values.gpus(text)) == gpus


# ------------------------------------------------------------------ tasks


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        ("N/A", 1),
        ("3", 1),
        ("3-20%2", 18),
        ("0-9990:10%1", 1000),
        ("0-9:3,12", 5),
        ("1,4,9,15-17", 6),
        ("0-9999", 10_000),
    ],
)
def test_a_list_names_so_many_tasks(text: str, tasks: int) -> None:
    assert values.tasks(text) == tasks


RANGES = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(1, 9)), min_size=1, max_size=5
)


@given(RANGES, st.integers(0, 9))
def test_tasks_are_counted_as_by_hand(ranges: list[tuple[int, int, int]], limit: int) -> None:
    listed, texts = 0, []
    for first, more, step in ranges:
        listed += len(
            [n for n in range(first + more + 1) if n >= first and (n - first) % step == 0]
        )
        texts.append(f"{first}-{first + more}:{step}")
    assert values.tasks(f"{','.join(texts)}{f'%{limit}' if limit else ''}") == listed


@pytest.mark.parametrize("text", ["1,2,", "1,2,...", "1,4,9,...%3", "1-...", "[]", "a", "1-2:0"])
def test_a_list_of_tasks_that_was_cut_is_refused(text: str) -> None:
    """Nobody knows how many there are."""
    with pytest.raises(ValueError, match=r"."):
        values.tasks(text)


# ------------------------------------------------------------------ hosts


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("n1", ["n1"]),
        ("n[1-3]", ["n1", "n2", "n3"]),
        ("n[008-011]", ["n008", "n009", "n010", "n011"]),
        ("n[1,3-4],gpu1", ["n1", "n3", "n4", "gpu1"]),
        ("rack[0-1]n[0-1]", ["rack0n0", "rack0n1", "rack1n0", "rack1n1"]),
        ("rack[0-1]-ib", ["rack0-ib", "rack1-ib"]),
        ("n[9-10]", ["n9", "n10"]),
    ],
)
def test_a_host_list_is_many_names(text: str, hosts: list[str]) -> None:
    assert values.hosts(text) == tuple(hosts)


@pytest.mark.parametrize("text", NOTHING)
def test_there_may_be_no_hosts(text: str) -> None:
    assert values.hosts(text) == ()


@pytest.mark.parametrize("text", ["n[1-3", "n1-3]", "n[]", "n[a-b]", "n[1-3]]", "n[[1]]"])
def test_a_host_list_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        values.hosts(text)


NAMES = st.text("abcdefgh-", min_size=1, max_size=6)
SPANS = st.tuples(st.integers(0, 120), st.integers(0, 20), st.integers(1, 4))
PARTS = st.tuples(NAMES, st.lists(st.lists(SPANS, min_size=1, max_size=3), max_size=2))


@given(st.lists(PARTS, min_size=1, max_size=4))
def test_hosts_are_counted_as_by_hand(
    parts: list[tuple[str, list[list[tuple[int, int, int]]]]],
) -> None:
    """Each bracket multiplies what came before it; numbers are as wide as the first of a range."""
    texts, names = [], []
    for name, brackets in parts:
        text, found = name, [name]
        for spans in brackets:
            written, numbers = [], []
            for first, more, width in spans:
                written.append(f"{first:0{width}}-{first + more:0{width}}")
                wide = max(width, len(str(first)))
                numbers += [str(n).zfill(wide) for n in range(first, first + more + 1)]
            text += f"[{','.join(written)}]"
            found = [before + number for before in found for number in numbers]
        texts.append(text)
        names += found
    assert values.hosts(",".join(texts)) == tuple(names)
