"""The walls of the house: a module imports only from rooms above its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import slurm_exporter

PACKAGE = Path(slurm_exporter.__file__).parent

ROOMS = (
    "errors",
    "signals",
    "phases",
    "courtesy",
    "systemd",
    "config",
    "exposition",
    "sources",
    "snapshot",
    "schedule",
    "metrics",
    "poller",
    "pollers",
    "polling",
    "page",
    "web",
    "log",
    "demo",
    "app",
    "flags",
    "cli",
    "__main__",
)
"""From the top of the house to its bottom; docs/architecture.md draws it."""

LEFT = {"sources", "poller", "pollers", "polling", "schedule"}
"""Rooms that touch Slurm, or decide when to."""

RIGHT = {"page", "web"}
"""Rooms that answer clients."""

SHARED = {
    "errors",
    "signals",
    "phases",
    "courtesy",
    "config",
    "exposition",
    "snapshot",
    "metrics",
}

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The dotted names a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the room"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names


def rooms(path: Path) -> set[str]:
    """The rooms a module imports from."""
    parts = [name.split(".") for name in imported(path)]
    return {p[1] for p in parts if p[0] == "slurm_exporter" and len(p) > 1 and p[1] in ROOMS}


def test_every_module_belongs_to_a_room() -> None:
    """A new room is put on the list, and into the picture, on purpose."""
    assert {room_of(path) for path in MODULES} == set(ROOMS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_rooms_above_its_own(path: Path) -> None:
    """Or from its own."""
    above = set(ROOMS[: ROOMS.index(room_of(path)) + 1])

    assert rooms(path) <= above


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_two_halves_share_only_the_store_and_what_stands_above_it(path: Path) -> None:
    """What answers clients cannot reach Slurm, and what asks Slurm knows no client."""
    room = room_of(path)
    if room in RIGHT:
        assert rooms(path) <= SHARED | RIGHT
    elif room in LEFT:
        assert rooms(path) <= SHARED | LEFT


def test_only_the_wiring_knows_both_halves() -> None:
    knowing = {room_of(path) for path in MODULES if rooms(path) & LEFT and rooms(path) & RIGHT}

    assert knowing == {"app"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_sources_speak_http_to_others(path: Path) -> None:
    """requests and urllib3 appear in one room."""
    packages = {name.split(".")[0] for name in imported(path)}

    if room_of(path) != "sources":
        assert not packages & {"requests", "urllib3"}
    if room_of(path) not in {"sources", "systemd", "web", "demo"}:
        assert not packages & {"http", "socket", "socketserver", "ssl"}
    assert "urllib.request" not in imported(path)
    if room_of(path) != "web":
        assert not packages & {"uvicorn", "asyncio", "bcrypt"}


CLI = PACKAGE / "sources" / "cli"

MEETING_PLACE = {"records", "values", "gres", "metric", "command"}
"""Modules of sources/cli that those which read commands and those which make families may use."""


def parts_of_cli(path: Path) -> set[str]:
    """The modules and folders of sources/cli that a module imports from."""
    parts = [name.split(".") for name in imported(path)]
    return {p[3] for p in parts if p[:3] == ["slurm_exporter", "sources", "cli"] and len(p) > 3}


@pytest.mark.parametrize("kind", ["commands", "families"])
def test_commands_and_families_meet_only_in_records(kind: str) -> None:
    """A command's text may change without a family, and a family without a command."""
    modules = list((CLI / kind).glob("*.py"))

    assert len(modules) > 1
    for path in modules:
        assert parts_of_cli(path) <= MEETING_PLACE | {kind}, path


def test_where_commands_and_families_meet_neither_is_known() -> None:
    for name in MEETING_PLACE:
        assert parts_of_cli(CLI / f"{name}.py") <= MEETING_PLACE


def test_only_the_cluster_knows_that_there_are_commands() -> None:
    """And who chooses between them and slurmctld; the rest of the house sees a source."""
    knowing = {path for path in MODULES if CLI not in path.parents and parts_of_cli(path)}

    assert {str(path.relative_to(PACKAGE)) for path in knowing} <= {
        "sources/auto.py",
        "sources/cluster.py",
    }


def test_programs_are_run_in_one_place() -> None:
    """With a deadline, and until nothing is left of them."""
    running = {path for path in MODULES if "subprocess" in imported(path)}

    assert running == {PACKAGE / "sources" / "process.py"}


def test_the_demo_knows_nothing_of_the_exporter() -> None:
    """It is another program that happens to be shipped along."""
    for path in MODULES:
        if room_of(path) == "demo":
            assert rooms(path) <= {"demo"}


def test_nothing_sleeps() -> None:
    """The only wait of a poller is for its stop signal."""
    for path in MODULES:
        assert "time.sleep" not in path.read_text(), path
