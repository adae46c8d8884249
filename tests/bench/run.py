"""Measure, as ratios of one run, what the exporter promises about speed and memory.

    python -m tests.bench.run [--quick] [--write | name ...]

Prints a table and judges nothing.  The numbers also go to a JSON file and a picture, into
``build/bench``, or with ``--write`` into the docs, together with the tables of
``docs/performance.md``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slurm_exporter import log
from slurm_exporter.config import Logging
from tests.bench import commands, guesses, latency, memory, picture, poll, scrape
from tests.bench.effort import FULL, QUICK
from tests.bench.report import Row, put, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.effort import Effort
    from tests.bench.guesses import Guesses
    from tests.bench.latency import Switch
    from tests.bench.poll import Level

DOCS = Path(__file__).parents[2] / "docs"
OUTPUT = Path(__file__).parents[2] / "build" / "bench"

BENCHMARKS = {
    "large-page": (scrape.large_page, ("nginx", "wrk")),
    "small-page": (scrape.small_page, ("nginx", "wrk")),
    "reference": (poll.against_reference, ()),
    "growth": (poll.growth, ()),
    "identical": (poll.identical, ()),
    "interference": (latency.interference, ()),
    "flatness": (scrape.flatness, ()),
    "memory": (memory.memory, ()),
    "commands": (commands.growth, ()),
    "commands-interference": (commands.interference, ()),
    "commands-memory": (commands.memory, ()),
}
"""What makes the rows of the table, and the programs that each needs."""

ALL = (*BENCHMARKS, "sizes", "levels", "switch", "guesses")


def main(arguments: Sequence[str]) -> int:
    """Run the benchmarks that are named, or all."""
    flags = _flags(arguments)
    log.set_up(Logging(level="error"))
    names = flags.name or ALL
    effort = QUICK if flags.quick else FULL
    found = {
        "machine": _machine() + ", --quick" * flags.quick,
        "rows": [row for name in BENCHMARKS if name in names for row in _run(name, effort)],
        "sizes": poll.by_size(effort) if "sizes" in names else [],
        "levels": poll.levels(effort) if "levels" in names else [],
        "switch": latency.switch_intervals(effort) if "switch" in names else [],
        "guesses": guesses.guesses(effort) if "guesses" in names else [],
    }
    tables = _tables(found)
    print(*tables.values(), sep="\n")
    _write(DOCS if flags.write else OUTPUT, found)
    if flags.write:
        _refresh(tables)
    return 0


def _flags(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench.run", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument(
        "--write", action="store_true", help="refresh docs/performance.md and what it shows"
    )
    parser.add_argument(
        "name", nargs="*", metavar="name", choices=[*ALL, []], help=f"one of {', '.join(ALL)}"
    )
    flags = parser.parse_args(arguments)
    if flags.write and flags.name:
        parser.error("--write is for all of it: the docs show one run")
    return flags


def _run(name: str, effort: Effort) -> list[Row]:
    measure, needs = BENCHMARKS[name]
    missing = [tool for tool in needs if shutil.which(tool) is None]
    if missing:
        print(f"{name}: left out, {' and '.join(missing)} not installed", file=sys.stderr)
        return []
    print(f"{name} ...", file=sys.stderr)
    return measure(effort)


def _tables(found: dict[str, Any]) -> dict[str, str]:
    """Write what was measured as tables in Markdown, by their place in the docs."""
    tables = {
        "table": f"{table(found['rows'])}\n{found['machine']}\n" if found["rows"] else "",
        "levels": _level_table(found["levels"]) if found["levels"] else "",
        "switch": _switch_table(found["switch"]) if found["switch"] else "",
        "guesses": _guesses_table(found["guesses"]) if found["guesses"] else "",
    }
    return {name: text for name, text in tables.items() if text}


def _level_table(levels: list[Level]) -> str:
    lines = ["| level | CPU, ms | page, bytes |", "|---|---|---|"]
    lines += [f"| {one.level} | {one.seconds * 1000:.0f} | {one.size:,} |" for one in levels]
    return "\n".join(lines) + "\n"


def _switch_table(switches: list[Switch]) -> str:
    lines = ["| switch interval, ms | median, ms | 99th percentile, ms |", "|---|---|---|"]
    lines += [f"| {one.interval * 1000:g} | {one.median:.1f} | {one.p99:.1f} |" for one in switches]
    return "\n".join(lines) + "\n"


def _guesses_table(those: list[Guesses]) -> str:
    lines = ["| wrong passwords a second | median, ms | 99th percentile, ms |", "|---|---|---|"]
    lines += [f"| {one.rate} | {one.median:.1f} | {one.p99:.1f} |" for one in those]
    return "\n".join(lines) + "\n"


def _machine() -> str:
    """Say in a line what the numbers were measured with."""
    cpus = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", cpus)
    said = [
        f"{datetime.now(timezone.utc).date()}: {os.cpu_count()} CPUs"
        + (f" ({model[1]})" if model else ""),
        f"Python {platform.python_version()}",
        f"prometheus_client {version('prometheus_client')}",
    ]
    if shutil.which("nginx"):
        nginx = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True)
        said.append(nginx.stderr.strip().rpartition(" ")[2])
    return ", ".join(said)


def _write(folder: Path, found: dict[str, Any]) -> None:
    """Write the numbers, and the picture when there is something to draw."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=1, default=dataclasses.asdict)
    (folder / "performance.json").write_text(text + "\n")
    if found["sizes"]:
        (folder / "performance.svg").write_text(picture.draw(found["sizes"]))


def _refresh(tables: dict[str, str]) -> None:
    """Put the tables of this run into the docs."""
    file = DOCS / "performance.md"
    page = file.read_text()
    for name, text in tables.items():
        page = put(page, name, text)
    file.write_text(page)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
