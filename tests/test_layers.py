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

LEFT = {"sources", "poller", "pollers", "schedule"}
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


def test_the_demo_knows_nothing_of_the_exporter() -> None:
    """It is another program that happens to be shipped along."""
    for path in MODULES:
        if room_of(path) == "demo":
            assert rooms(path) <= {"demo"}


def test_nothing_sleeps() -> None:
    """The only wait of a poller is for its stop signal."""
    for path in MODULES:
        assert "time.sleep" not in path.read_text(), path
