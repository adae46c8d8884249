"""The docs name every flag, key, route and metric, and nothing that is not there."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from slurm_exporter import config
from slurm_exporter.errors import REASONS
from slurm_exporter.exposition import DROP_REASONS
from slurm_exporter.flags import parser
from slurm_exporter.web.routes import HANDLERS
from tests.bench.report import REACHES
from tests.bench.run import ALL
from tests.needs import need

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
DOCS = {path.name: path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))}
EXAMPLE = (ROOT / "etc" / "slurm_exporter.yml").read_text()
EVERYTHING = "\n".join([README, EXAMPLE, *DOCS.values()])

FLAGS = sorted(
    option for action in parser()._actions for option in action.option_strings if option[1] == "-"
)


def generate():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("flag", [flag for flag in FLAGS if flag != "--help"])
def test_every_flag_is_in_the_readme(flag: str) -> None:
    """In the table of flags."""
    assert f"`{flag}" in README


def test_the_readme_names_no_flag_that_is_not_there() -> None:
    """A flag that was removed leaves the docs too."""
    named = set(re.findall(r"`(--[a-z][a-z.-]+)", README + "".join(DOCS.values())))

    assert named <= {*FLAGS, "--all", "--check", "--write"}


@pytest.mark.parametrize("route", [route for route in HANDLERS if route != "other"])
def test_every_route_is_in_the_readme(route: str) -> None:
    """In the table of paths."""
    assert f"| `{route}`" in README


SECTIONS = (
    "Slurm",
    "Cli",
    "Authorization",
    "TlsConfig",
    "Login",
    "Endpoint",
    "History",
    "Logging",
)

# No keys: the default of `interval` while commands answer, and keys that are a section of ours.
NO_KEYS = {"cli_interval", "history"}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_config_key_is_in_the_commented_example(section: str) -> None:
    """With its default, or commented out."""
    for field in dataclasses.fields(getattr(config, section)):
        if field.name not in NO_KEYS:
            assert re.search(rf"^[ #-]*{field.name}:", EXAMPLE, re.MULTILINE), field.name


@pytest.mark.parametrize("endpoint", [one.name for one in config.MORE_ENDPOINTS])
def test_every_endpoint_that_has_to_be_listed_can_be_found(endpoint: str) -> None:
    """On the first page, and in the commented example."""
    assert re.search(rf"^\|[^|]*`{endpoint}`", README, re.MULTILINE)
    assert re.search(rf"^ *# - name: {endpoint}$", EXAMPLE, re.MULTILINE)


def test_the_generated_page_of_metrics_is_fresh() -> None:
    """Run ``python docs/generate.py`` after a change of the metrics."""
    assert DOCS["metrics.md"] == generate().page()


def test_checking_the_generated_page_says_whether_it_is_fresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what to do when it is not."""
    module = generate()
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    assert module.main() == 0

    monkeypatch.setattr(module, "TARGET", tmp_path / "metrics.md")
    module.TARGET.write_text("old")
    assert module.main() == 1
    assert "is not fresh; run docs/generate.py" in capsys.readouterr().out

    monkeypatch.setattr(sys, "argv", ["generate.py"])
    assert module.main() == 0
    assert module.TARGET.read_text() == DOCS["metrics.md"]


def test_every_metric_that_the_docs_name_exists() -> None:
    """In prose, tables and alert rules."""
    known = set(re.findall(r"^\| `(slurm_exporter_\w+)`", DOCS["metrics.md"], re.MULTILINE))
    named = set(
        re.findall(
            r"\b(slurm_exporter_(?:endpoint|poll|samples|config|http|build|controller|token)\w*)",
            EVERYTHING,
        )
    )
    of_summaries = {f"{name}_{part}" for name in known for part in ("sum", "count")}

    assert named <= known | of_summaries


@pytest.mark.parametrize("reason", [*REASONS, *DROP_REASONS])
def test_every_reason_is_explained(reason: str) -> None:
    """In the generated page, and every failure an operator can cure in the operations guide."""
    assert f"* `{reason}`: " in DOCS["metrics.md"]


@pytest.mark.parametrize("row", REACHES)
def test_every_row_of_the_benchmarks_is_in_the_docs(row: str) -> None:
    """Run ``tox -e bench -- --write`` after a change of the benchmarks."""
    assert re.search(rf"^\| {re.escape(row)} +\|", DOCS["performance.md"], re.MULTILINE)


@pytest.mark.parametrize("part", ALL)
def test_every_part_of_the_benchmarks_can_be_found(part: str) -> None:
    """In the command that repeats one of them."""
    assert re.search(rf"\b{part}\b", DOCS["performance.md"].split("## The last run")[0])


def test_every_test_that_the_threats_name_exists() -> None:
    """A test that was renamed is renamed there too."""
    tests = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE)
    }
    named = set(re.findall(r"`(test_\w+)`", EVERYTHING))

    assert named
    assert named - tests == set()


def test_every_threat_names_what_shows_that_it_fails() -> None:
    """No row of the tables is a promise alone."""
    lines = [line for line in DOCS["security.md"].splitlines() if line.startswith("| ")]
    unproved = [line for line in lines if "`test_" not in line and not line.startswith("| tries")]

    assert lines
    assert unproved == []


def test_every_link_leads_somewhere() -> None:
    """Relative links of all pages."""
    for name, text in {"README.md": README, **{f"docs/{n}": t for n, t in DOCS.items()}}.items():
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
            assert (ROOT / name).parent.joinpath(target).exists(), f"{name}: {target}"


def test_the_readmes_two_commands_are_on_its_first_screen() -> None:
    """One tries it, one tests it; CI runs the second as it stands there."""
    first_screen = README.splitlines()[:16]
    commands = [line.strip() for line in first_screen if line.startswith("    python3 -m venv")]

    assert len(commands) == 2
    assert commands[0].endswith("slurm_exporter --demo")
    assert commands[1].endswith("tox")


def test_the_operations_page_explains_every_log_line() -> None:
    """An operator who reads one finds out what it means."""
    code = "\n".join(path.read_text() for path in (ROOT / "slurm_exporter").rglob("*.py"))
    events = set(re.findall(r'log\.\w+\(\s*"([a-z]+\.[a-z_]+)"', code))
    events |= {f"endpoint.{word}" for word in ("failing", "stale", "expired")}
    assert len(events) > 15
    assert {event for event in events if f"`{event}`" not in DOCS["operations.md"]} == set()


@pytest.mark.parametrize("page", ["README.md", "operations.md"])
def test_prometheus_takes_the_alerts_as_they_stand(page: str, tmp_path: Path) -> None:
    """As a file of ``rule_files``."""
    need("prometheus", None if shutil.which("promtool") else "promtool is not installed")
    text = README if page == "README.md" else DOCS[page]
    block = re.search(r"^    groups:\n(?:    .*\n)+", text, re.MULTILINE)
    assert block is not None
    rules = tmp_path / "rules.yml"
    rules.write_text(textwrap.dedent(block.group()))
    subprocess.run(["promtool", "check", "rules", str(rules)], check=True, capture_output=True)
