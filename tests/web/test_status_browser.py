"""The status page in a real browser: what people see, and what they do not have to do."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from slurm_exporter import __version__
from slurm_exporter.web.status import CONTENT_SECURITY_POLICY, render_status
from tests.needs import need
from tests.processes import FREE_PORT, Exporter, until
from tests.web.chromium import CHROMIUM, Chromium
from tests.web.stories import bad, endpoint, good, steady, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slurm_exporter.snapshot import EndpointView
    from tests.web.chromium import Tab

pytestmark = pytest.mark.browser

"""Environment variable: what must not be skipped, separated by commas."""

ENDPOINTS = (
    endpoint("jobs", *steady(30, [0.03 + 0.001 * (i % 7) for i in range(60)])),
    endpoint("nodes", *steady(60, [0.3] * 20), interval=60, samples=21_340, effective=84),
    endpoint("partitions", good(100), bad(42, "timeout", "no answer within 10 s", 10.0)),
    endpoint("jobs-users-accts", good(1_000), dropped={"foreign": 12}),
    endpoint("scheduler", bad(12, "connect", "cannot connect: " + "all was in vain " * 40)),
    endpoint("diag"),
)

PERIOD = 5.5
"""Seconds after which the page has refreshed itself, at the latest."""

CONTRASTS = """
(() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const channels = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (colour) => {
    const [r, g, b] = channels(colour).map((x) => x / 255)
      .map((x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    const colour = getComputedStyle(element).backgroundColor;
    return channels(colour)[3] === 255 ? colour : ground(element.parentElement);
  };
  const read = (element) => element.getClientRects().length && !element.closest("svg")
    && [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  return [...document.body.querySelectorAll("*")].filter(read).map((element) => {
    const pair = [light(getComputedStyle(element).color), light(ground(element))];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    return [ratio, element.textContent.trim().slice(0, 30)];
  });
})()
"""
"""For each piece of text that can be seen: its contrast as WCAG 2 defines it, and its beginning."""


class StatusServer(ThreadingHTTPServer):
    """Serves the status page as the exporter does, about whatever is the case just now."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.endpoints: tuple[EndpointView, ...] = ENDPOINTS
        self.later = 0.0
        self.version = __version__
        self.status = 200
        self.asked: list[str] = []

    @property
    def host(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.server_port}"

    @contextmanager
    def running(self) -> Iterator[StatusServer]:
        """Answer until the end of the block."""
        thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            thread.join()
            self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: StatusServer

    def do_GET(self) -> None:
        site = self.server
        site.asked.append(self.path)
        facts = told(*site.endpoints, later=site.later)
        body = render_status({**facts, "version": site.version}).encode()
        self.send_response(site.status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments) -> None:
        """Keep the test's output clean."""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory) -> Iterator[Chromium]:
    """A browser, or a skipped test, or a failed one where skipping is not allowed."""
    need("browser", None if Path(CHROMIUM).exists() else f"{CHROMIUM} is not installed")
    with Chromium.start(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def tab(chromium) -> Iterator[Tab]:
    """An empty tab."""
    with chromium.tab() as tab:
        yield tab


@pytest.fixture
def site() -> Iterator[StatusServer]:
    """A running server with the page about ``ENDPOINTS``."""
    with StatusServer().running() as server:
        yield server


def words(tab, selector):
    """What a reader sees of an element."""
    return " ".join(tab.run(f"document.querySelector({selector!r}).innerText").split())


def age(tab):
    """The age on the first card."""
    return words(tab, "article dd")


# ------------------------------------------------------------ what people see


def test_people_see_states_and_numbers(tab, site):
    """As the server sent them, in a page that a browser lays out."""
    tab.open(f"http://{site.host}/")

    assert words(tab, ".summary p") == (
        "3 of 6 endpoints need attention jobs-users-accts has expired; scheduler has never"
        " answered; partitions is stale; diag waits for its first poll"
    )
    assert tab.run("document.title") == "3 of 6 endpoints need attention · slurm_exporter"
    assert "Age 12 s stale after 1 min 10 s" in words(tab, "article")
    assert "Samples 21,340" in words(tab, "article:nth-of-type(2)")
    assert tab.run("document.querySelectorAll('article').length") == 6


def test_the_browser_has_nothing_to_complain_of(tab, site):
    """No error, nothing that the policy forbids, and no request but for the page itself."""
    tab.open(f"http://{site.host}/")
    tab.pass_time(PERIOD)

    assert tab.complaints() == []
    assert set(site.asked) == {"/"}
    assert len(site.asked) > 1


def test_a_screen_reader_finds_its_way(tab, site):
    """Landmarks, the status, headings, and pictures with words."""
    tab.open(f"http://{site.host}/")
    nodes = tab.call("Accessibility.getFullAXTree")["nodes"]
    found = {
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"]
    }

    assert {role for role, _ in found} >= {"banner", "navigation", "main", "contentinfo", "status"}
    assert {("heading", "jobs"), ("article", "jobs")} <= found
    assert (
        "image",
        "Recent polls of partitions: 2 polls in 1\xa0min 40\xa0s, longest 10\xa0s, 1 failed",
    ) in found


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_light_and_dark_can_both_be_read(tab, site, scheme, dark):
    """The page follows the reader's preference, and each text stands out enough (WCAG AA)."""
    tab.prefer(scheme)
    tab.open(f"http://{site.host}/")
    ground = tab.run("getComputedStyle(document.body).backgroundColor")
    contrasts = tab.run(CONTRASTS)

    assert (max(map(int, ground[4:-1].split(","))) < 128) == dark
    assert len(contrasts) > 100
    assert [text for text in contrasts if text[0] < 4.5] == []


@pytest.mark.parametrize("width", [320, 390, 800, 1100, 1300, 1920])
def test_no_screen_is_too_narrow(tab, site, width):
    """Nothing is cut off, and nobody has to scroll sideways."""
    tab.resize(width, 800)
    tab.open(f"http://{site.host}/")

    assert tab.run("document.documentElement.scrollWidth") == width
    assert tab.run(
        "[...document.querySelectorAll('dd')].every(x => x.scrollWidth <= x.clientWidth)"
    )


def test_a_message_from_outside_cannot_do_anything(tab, site):
    """Even without the policy it would be text."""
    attack = "<img src=x onerror=alert(1)><script>document.title='owned'</script>"
    site.endpoints = (endpoint("jobs", bad(12, "http_status", attack)),)
    tab.open(f"http://{site.host}/")

    assert words(tab, ".message") == attack
    assert tab.run("document.images.length") == 0
    assert tab.complaints() == []


def test_the_scrape_config_has_the_address_that_the_browser_used(tab, site):
    """Ready to be copied into prometheus.yml."""
    tab.open(f"http://{site.host}/")
    config = yaml.safe_load(tab.run("document.querySelector('pre').innerText"))

    assert config["scrape_configs"] == [
        {
            "job_name": "slurm",
            "scheme": "http",
            "metrics_path": "/metrics",
            "static_configs": [{"targets": [site.host]}],
        }
    ]


# ------------------------------------------------------------ what they do not have to do


def test_the_page_refreshes_itself(tab, site):
    """New numbers, a new title and new cards appear, while the document stays the same one."""
    tab.open(f"http://{site.host}/")
    tab.run("void (window.visited = 'once')")
    assert age(tab) == "12 s stale after 1 min 10 s"

    site.later = 5.0
    tab.pass_time(PERIOD)
    assert age(tab) == "17 s stale after 1 min 10 s"

    site.endpoints = (endpoint("nodes", good(2)), endpoint("jobs", good(2)))
    tab.pass_time(PERIOD)
    assert tab.run("[...document.querySelectorAll('h3')].map(x => x.innerText)") == [
        "nodes",
        "jobs",
    ]
    assert tab.run("document.title") == "All 2 endpoints are up · slurm_exporter"
    assert tab.run("window.visited") == "once"


def test_a_refresh_disturbs_nobody(tab, site):
    """Scroll position, selected text and the filled-in scrape config stay."""
    tab.resize(390, 600)
    tab.open(f"http://{site.host}/")
    tab.run("void getSelection().selectAllChildren(document.querySelector('.message'))")
    tab.run("scrollTo(0, 700)")
    selected = tab.run("getSelection().toString()")

    site.later = 5.0
    tab.pass_time(PERIOD)

    assert age(tab).startswith("17 s")
    assert tab.run("scrollY") == 700
    assert tab.run("getSelection().toString()") == selected != ""
    assert site.host in words(tab, "pre")


def test_silence_is_told_and_so_is_its_end(tab, site):
    """An old page must not look like a new one."""
    tab.open(f"http://{site.host}/")
    assert tab.run("document.getElementById('lost').hidden")

    site.status = 503
    tab.pass_time(PERIOD)
    notice = words(tab, "#lost")
    assert re.match(r"No answer since \d\d:\d\d:\d\d UTC\. ", notice)
    assert tab.run("document.title") == "No answer · slurm_exporter"
    assert tab.run("getComputedStyle(document.querySelector('main')).filter") != "none"

    tab.pass_time(PERIOD)
    assert words(tab, "#lost") == notice

    site.status, site.later = 200, 60.0
    tab.pass_time(PERIOD)
    assert tab.run("document.getElementById('lost').hidden")
    assert tab.run("getComputedStyle(document.querySelector('main')).filter") == "none"
    assert tab.run("document.title").startswith("4 of 6 endpoints")
    assert age(tab).startswith("1 min 12 s")


def test_a_stopped_exporter_is_told(tab):
    """When nobody listens any more, the last page stays, marked as old."""
    with StatusServer().running() as site:
        tab.open(f"http://{site.host}/")
    tab.pass_time(PERIOD)

    assert words(tab, "#lost").startswith("No answer since ")
    assert age(tab).startswith("12 s")


def test_without_a_script_the_browser_loads_the_page_again(tab, site):
    """And the reader is told to put the address into the scrape config."""
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    tab.open(f"http://{site.host}/")
    assert "in the place of localhost:9341" in words(tab, "footer")

    tab.hurry(11)
    tab.wait_for_load()
    assert site.asked[:2] == ["/", "/"]


def test_a_new_version_brings_its_own_script_and_style(tab, site):
    """A tab that has been open since before the exporter was updated loads the page anew."""
    tab.open(f"http://{site.host}/")
    tab.run("void (window.visited = 'once')")

    site.version = "99.0"
    tab.hurry(PERIOD)
    tab.wait_for_load()
    assert words(tab, "#version") == "99.0"
    assert tab.run("window.visited") is None


# ------------------------------------------------------------ the real thing


def test_the_demo_shows_itself(tab, tmp_path):
    """The exporter serves this page with its policy, and all five endpoints come up on it."""
    with Exporter(tmp_path, None, "--demo", FREE_PORT) as exporter:
        until(lambda: exporter.get("/-/ready").status == 200, "the first polls")
        tab.open(f"http://127.0.0.1:{exporter.port}/")
        assert words(tab, ".summary strong") == "All 5 endpoints are up"
        tab.pass_time(PERIOD)
        assert tab.complaints() == []
        assert exporter.get("/").headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
