"""What is answered on which path, to whom, and in which form."""

from __future__ import annotations

import base64
import gzip
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

import bcrypt
import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from slurm_exporter.config import BasicAuth
from slurm_exporter.errors import ConfigError, Problem
from slurm_exporter.web.auth import Authenticator
from slurm_exporter.web.http import Request
from slurm_exporter.web.routes import HANDLERS
from tests.processes import until
from tests.web.clients import PATIENCE, Answer, Web, ask
from tests.web.snapshots import fail, succeed

if TYPE_CHECKING:
    from slurm_exporter.snapshot import SnapshotStore
    from slurm_exporter.web.routes import Routes, Site
    from tests.conftest import ManualClock

READABLE = ("/metrics", "/", "/-/healthy", "/-/ready", "/api/v1/endpoints")
TEXT_004 = "text/plain; version=0.0.4; charset=utf-8"
SECRET = "YWRtaW46c2VjcmV0"
"""admin:secret"""


def samples(page: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """The samples of a page of text by family."""
    return {
        family.name: [(sample.labels, sample.value) for sample in family.samples]
        for family in parse_text(page)
    }


def requests(page: str) -> dict[tuple[str, str], float]:
    """The page's ``http_requests_total`` by handler and code, without those that are 0."""
    counted = samples(page)["slurm_exporter_http_requests"]
    return {(labels["handler"], labels["code"]): value for labels, value in counted if value}


# ------------------------------------------------------------------ paths and methods


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/metrics", TEXT_004),
        ("/", "text/html; charset=utf-8"),
        ("/-/healthy", "text/plain; charset=utf-8"),
        ("/-/ready", "text/plain; charset=utf-8"),
        ("/api/v1/endpoints", "application/json"),
    ],
)
def test_page_answers_get_in_full_and_head_without_the_body(web: Web, path: str, content_type: str):
    """HEAD announces what GET would bring."""
    get, head = web.ask(path), web.ask(path, "HEAD")
    for answer in (get, head):
        assert answer.status == 200
        assert answer.headers["content-type"] == content_type
    assert len(get.body) == int(get.headers["content-length"]) > 0
    assert head.body == b""
    assert int(head.headers["content-length"]) > 0


@pytest.mark.parametrize("path", [*READABLE, "/no/such/page"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_other_methods_are_refused_with_those_that_are_allowed(web: Web, path: str, method: str):
    """Nothing here can be changed by a client."""
    answer = web.ask(path, method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.text == "method not allowed; use GET, HEAD\n"


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_reload_is_refused_to_those_who_only_look(web: Web, method: str):
    """A crawler that follows a link must reload nothing."""
    answer = web.ask("/-/reload", method)
    assert (answer.status, answer.headers["allow"]) == (405, "POST, PUT")


@pytest.mark.parametrize(
    "path", ["/metrics/", "//metrics", "/Metrics", "/-/", "/favicon.ico", "/%ff%00", "/status.html"]
)
def test_unknown_path_is_not_found(web: Web, path: str):
    """Nor is one that only looks like one of ours."""
    answer = web.ask(path)
    assert (answer.status, answer.text) == (404, "not found\n")


def test_path_may_be_percent_encoded_and_have_a_query(web: Web):
    """It is the same path."""
    assert web.ask("/%6detrics?x=y").status == 200


def test_metrics_can_be_elsewhere(web: Web, routes: Routes, site: Site, clock: ManualClock):
    """The label value of the page stays, so that dashboards do."""
    routes.site = replace(site, telemetry_path="/slurm/metrics")
    assert web.ask("/metrics").status == 404
    assert "slurm_jobs" in web.ask("/slurm/metrics").text
    clock.advance(1.0)
    assert requests(web.ask("/slurm/metrics").text) == {("/metrics", "200"): 1, ("other", "404"): 1}
    assert json.loads(web.ask("/api/v1/endpoints").body)["telemetry_path"] == "/slurm/metrics"


def test_site_is_exchanged_between_two_requests_of_one_connection(
    web: Web, routes: Routes, site: Site
):
    """A reload needs no new connections."""
    with web.client() as client:
        assert ask(client, "/-/healthy").status == 200
        routes.site = replace(site, problems=lambda: ["thread poller-jobs is dead"])
        assert ask(client, "/-/healthy").status == 503


# ------------------------------------------------------------------ the page of metrics


def test_page_has_the_snapshots_and_what_we_say_of_ourselves(web: Web, clock: ManualClock):
    """With ages of the moment it is asked for."""
    clock.advance(5.0)
    page = samples(web.ask("/metrics").text)
    assert page["slurm_jobs"] == [({"of": "0"}, 0.0), ({"of": "1"}, 1.0)]
    assert page["slurm_exporter_endpoint_age_seconds"] == [
        ({"endpoint": "jobs"}, 5.0),
        ({"endpoint": "nodes"}, 5.0),
    ]


@pytest.mark.parametrize(
    ("query", "here", "away"),
    [
        ("collect[]=jobs", {"jobs"}, {"nodes"}),
        ("collect%5B%5D=nodes", {"nodes"}, {"jobs"}),
        ("collect[]=jobs&collect[]=nodes&collect[]=jobs", {"jobs", "nodes"}, set()),
        ("collect=jobs", {"jobs", "nodes"}, set()),
    ],
)
def test_collect_chooses_endpoints(web: Web, query: str, here: set[str], away: set[str]):
    """Of Slurm's families as of our own samples."""
    page = samples(web.ask(f"/metrics?{query}").text)
    up = {labels["endpoint"] for labels, _ in page["slurm_exporter_endpoint_up"]}
    assert up == here
    assert {f"slurm_{name}" for name in here} <= page.keys()
    assert not {f"slurm_{name}" for name in away} & page.keys()


@pytest.mark.parametrize(
    ("query", "unknown"),
    [
        ("collect[]=job", "job"),
        ("collect[]=x&collect[]=jobs&collect[]=a", "a, x"),
        ("collect[]=%C3%A4%ff", "ä\N{REPLACEMENT CHARACTER}"),
        ("collect[]=", ""),
    ],
)
def test_collect_of_an_unknown_endpoint_is_refused_in_words(web: Web, query: str, unknown: str):
    """The answer to a typing error must not be a page that lacks what was asked for."""
    answer = web.ask(f"/metrics?{query}")
    assert answer.status == 400
    assert answer.text == f"collect[]: no such endpoint: {unknown}; there are jobs, nodes\n"


PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", TEXT_004),
        ("*/*", TEXT_004),
        ("text/html,application/xhtml+xml,*/*;q=0.8", TEXT_004),
        ("application/json", TEXT_004),
        ("text/plain;version=0.0.4", TEXT_004),
        ("text/plain;version=1.0.0", "text/plain; version=1.0.0; charset=utf-8"),
        (
            "application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5",
            "application/openmetrics-text; version=0.0.1; charset=utf-8",
        ),
        (
            "application/openmetrics-text; version=1.0.0",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
        (
            PROMETHEUS_3,
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
        ),
    ],
)
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_page_is_in_the_format_that_the_client_likes_best(
    web: Web, accept: str, content_type: str, encoding: str
):
    """Each format is valid, plain and compressed."""
    answer = web.ask("/metrics", Accept=accept, Accept_Encoding=encoding)
    assert answer.headers["content-type"] == content_type
    body = gzip.decompress(answer.body) if encoding == "gzip" else answer.body
    openmetrics = content_type.startswith("application/openmetrics-text")
    assert body.count(b"# EOF") == (1 if openmetrics else 0)
    assert body.endswith(b"\n# EOF\n") == openmetrics
    parse = parse_openmetrics if openmetrics else parse_text
    names = [family.name for family in parse(body.decode())]
    assert {"slurm_jobs", "slurm_nodes", "slurm_exporter_endpoint_up"} <= set(names)
    assert len(names) == len(set(names))


@pytest.mark.parametrize("encoding", ["gzip", "deflate, gzip;q=0.5", "x-gzip, br"])
def test_compressed_page_is_the_plain_one(site: Site, routes: Routes, web: Web, encoding: str):
    """It is joined of parts that were compressed long before."""
    # Without the counters of requests two pages of one moment are equal.
    routes.site = replace(site, page=type(site.page)(site.store, monotonic=lambda: 1005.0))
    plain, packed = web.ask("/metrics"), web.ask("/metrics", Accept_Encoding=encoding)
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) == int(packed.headers["content-length"])
    assert packed.body != plain.body
    assert gzip.decompress(packed.body) == plain.body


@pytest.mark.parametrize("encoding", ["identity", "gzip;q=0", "br", "gzip"])
def test_caches_are_told_what_the_page_depends_on(web: Web, encoding: str):
    """The plain page depends on it as well."""
    answer = web.ask("/metrics", Accept_Encoding=encoding)
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    assert answer.headers.get("content-encoding") == ("gzip" if encoding == "gzip" else None)


def test_page_is_a_200_while_slurm_is_down(web: Web, store: SnapshotStore, clock: ManualClock):
    """It says what it knows, and that is not nothing."""
    fail(store, "jobs", "connect", "connection refused")
    clock.advance(10_000.0)
    answer = web.ask("/metrics")
    page = samples(answer.text)
    assert answer.status == 200
    assert ({"endpoint": "jobs"}, 0.0) in page["slurm_exporter_endpoint_up"]
    assert "slurm_jobs" not in page


# ------------------------------------------------------------------ the pages about health


def test_status_page_is_for_browsers_which_run_nothing_of_others_on_it(web: Web):
    """Slurm's words are on it."""
    answer = web.ask("/")
    assert "jobs" in answer.text
    assert answer.text.lstrip().lower().startswith("<!doctype html>")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_api_says_the_facts_of_this_moment(web: Web, store: SnapshotStore, clock: ManualClock):
    """And no cache may say them later."""
    fail(store, "nodes", "timeout", "no answer within 10 s")
    clock.advance(5.0)
    answer = web.ask("/api/v1/endpoints")
    said = json.loads(answer.body)
    assert answer.headers["cache-control"] == "no-store"
    assert said["time"] == 1_700_000_005.0
    assert [endpoint["name"] for endpoint in said["endpoints"]] == ["jobs", "nodes"]
    assert [endpoint["age_seconds"] for endpoint in said["endpoints"]] == [5.0, 5.0]
    assert said["endpoints"][1]["last_error"]["message"] == "no answer within 10 s"


def test_healthy_names_every_thread_that_is_not(web: Web, routes: Routes, site: Site):
    """Who restarts us wants to know why."""
    assert web.ask("/-/healthy").text == "healthy\n"
    problems = ["thread poller-jobs is dead", "thread poller-nodes hangs"]
    routes.site = replace(site, problems=lambda: problems)
    answer = web.ask("/-/healthy")
    assert (answer.status, answer.text) == (503, "\n".join(problems) + "\n")


def test_healthy_does_not_depend_on_slurm(web: Web, store: SnapshotStore, clock: ManualClock):
    """A restart of ours would not help slurmctld."""
    fail(store, "jobs", "connect", "connection refused")
    clock.advance(10_000.0)
    assert web.ask("/-/healthy").status == 200


def test_ready_names_every_endpoint_without_a_snapshot(
    web: Web, store: SnapshotStore, clock: ManualClock
):
    """Whether it expired or was never there."""
    assert web.ask("/-/ready").text == "ready\n"
    clock.advance(200.0)
    answer = web.ask("/-/ready")
    assert (answer.status, answer.text) == (503, "jobs: expired\n"), "nodes is stale only"
    store.configure(
        [replace(view.endpoint, name=f"new-{view.endpoint.name}") for view in store.view()]
    )
    answer = web.ask("/-/ready")
    assert (answer.status, answer.text) == (503, "new-jobs: never\nnew-nodes: never\n")
    for name in ("new-jobs", "new-nodes"):
        succeed(store, name, clock())
    assert web.ask("/-/ready").status == 200


# ------------------------------------------------------------------ reload


def test_reload_is_off_unless_it_was_enabled(web: Web):
    """The answer says how to enable it."""
    answer = web.ask("/-/reload", "POST")
    assert answer.status == 403
    assert answer.text == (
        "reloading is not enabled; set server.enable_lifecycle or --web.enable-lifecycle\n"
    )


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_reload_loads_the_config_in_a_thread_that_answers_nobody(
    web: Web, routes: Routes, site: Site, method: str
):
    """It reads files and waits for polls, and others must not wait with it."""
    reloaded: list[str] = []
    routes.site = replace(site, reload=lambda: reloaded.append(threading.current_thread().name))
    answer = web.ask("/-/reload", method)
    assert (answer.status, answer.text) == (200, "reloaded\n")
    assert len(reloaded) == 1
    assert reloaded != ["web"]


def test_reload_says_what_is_wrong_with_the_config(web: Web, routes: Routes, site: Site):
    """All of it at once, as on a terminal."""

    def reload() -> NoReturn:
        raise ConfigError(
            (
                Problem("a.yml", 3, "slurm.timeout", "must be a duration such as 10s, not 'x'"),
                Problem("a.yml", 9, "labels", "must be a mapping"),
            )
        )

    routes.site = replace(site, reload=reload)
    answer = web.ask("/-/reload", "POST")
    assert answer.status == 500
    assert answer.text == (
        "the config was not reloaded:\n"
        "a.yml:3: slurm.timeout: must be a duration such as 10s, not 'x'\n"
        "a.yml:9: labels: must be a mapping\n"
    )


# ------------------------------------------------------------------ who may ask


class CountingAuthenticator(Authenticator):
    """Lets admin in with ``secret``; counts its checks, and can be held up in one."""

    def __init__(self, password: str = "secret") -> None:
        super().__init__(BasicAuth((("admin", password),)))
        self.checks = 0
        self.checking = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def check(self, header: str) -> bool:
        self.checks += 1
        self.checking.set()
        assert self.go_on.wait(PATIENCE)
        return super().check(header)


@pytest.fixture
def authenticator(routes: Routes, site: Site) -> CountingAuthenticator:
    """The authenticator of the running site."""
    authenticator = CountingAuthenticator()
    routes.site = replace(site, authenticator=authenticator)
    return authenticator


@pytest.mark.usefixtures("authenticator")
@pytest.mark.parametrize("path", [*READABLE, "/-/reload", "/no/such/page"])
def test_stranger_sees_no_page_and_not_even_which_there_are(web: Web, path: str):
    """Whatever he sends to get in."""
    for headers in ({}, {"Authorization": "Basic ä"}, {"Authorization": f"Basic {SECRET}x"}):
        answer = web.ask(path, **headers)
        assert (answer.status, answer.text) == (401, "unauthorized\n")
        assert answer.headers["www-authenticate"].startswith('Basic realm="slurm_exporter"')


@pytest.mark.usefixtures("authenticator")
@pytest.mark.parametrize("path", READABLE)
def test_known_user_sees_every_page(web: Web, path: str):
    """One password is good for all of them."""
    assert web.ask(path, Authorization=f"Basic {SECRET}").status == 200


def test_passwords_can_be_bcrypt_hashes(web: Web, routes: Routes, site: Site):
    """The right one, with letters outside ASCII and a colon, is checked in a thread."""
    password = bcrypt.hashpw("пароль:x".encode(), bcrypt.gensalt(4)).decode()
    users = BasicAuth((("jürgen", password),), hashed=True)
    routes.site = replace(site, authenticator=Authenticator(users))
    good = base64.b64encode("jürgen:пароль:x".encode()).decode()
    for _ in range(2):
        assert web.ask("/metrics", Authorization=f"Basic {good}").status == 200
        assert web.ask("/metrics", Authorization=f"Basic {SECRET}").status == 401


def test_verdicts_are_remembered_good_and_bad(web: Web, authenticator: CountingAuthenticator):
    """A scrape every few seconds must not cost a bcrypt check each, nor must a wrong one."""
    for _ in range(3):
        assert web.ask("/metrics", Authorization=f"Basic {SECRET}").status == 200
        assert web.ask("/metrics", Authorization="Basic eDp4").status == 401
        assert web.ask("/metrics").status == 401
    assert authenticator.checks == 2


@pytest.mark.usefixtures("authenticator")
def test_verdicts_do_not_outlive_a_change_of_the_password(web: Web, routes: Routes, site: Site):
    """A remembered one is not good for the next."""
    old, new = f"Basic {SECRET}", "Basic YWRtaW46bmV3"
    assert [web.ask("/", Authorization=header).status for header in (old, new)] == [200, 401]
    routes.site = replace(site, authenticator=CountingAuthenticator("new"))
    assert [web.ask("/", Authorization=header).status for header in (old, new)] == [401, 200]


def test_slow_check_of_a_password_holds_up_nobody_else(
    web: Web, authenticator: CountingAuthenticator
):
    """A bcrypt check takes its time, on purpose."""
    assert web.ask("/metrics", Authorization=f"Basic {SECRET}").status == 200
    authenticator.go_on.clear()
    authenticator.checking.clear()
    with ThreadPoolExecutor() as clients:
        slow = clients.submit(web.ask, "/metrics", Authorization="Basic eDp4")
        try:
            assert authenticator.checking.wait(PATIENCE)
            assert web.ask("/metrics", Authorization=f"Basic {SECRET}").status == 200
            assert not slow.done()
        finally:
            authenticator.go_on.set()
        assert slow.result(PATIENCE).status == 401


# ------------------------------------------------------------------ what is counted and logged


def test_requests_are_counted_by_handler_and_code(web: Web):
    """Paths that clients make up share one label value, however many they are."""
    for number in range(20):
        web.ask(f"/{number}")
    web.ask("/", "DELETE")
    web.ask("/metrics?collect[]=x")
    web.ask("/api/v1/endpoints", "HEAD")
    assert requests(web.ask("/metrics").text) == {
        ("other", "404"): 20,
        ("/", "405"): 1,
        ("/metrics", "400"): 1,
        ("/api/v1/endpoints", "200"): 1,
    }
    durations = samples(web.ask("/metrics").text)["slurm_exporter_http_request_duration_seconds"]
    counted = {x["handler"]: value for x, value in durations if set(x) == {"handler"} and value}
    assert {"other", "/", "/metrics", "/api/v1/endpoints"} == counted.keys()


def test_every_handler_is_on_the_page_before_the_first_request(web: Web):
    """No alert looks for what is absent."""
    counted = samples(web.ask("/metrics").text)["slurm_exporter_http_requests"]
    assert counted == [({"handler": handler, "code": "200"}, 0.0) for handler in HANDLERS]


def test_bug_in_a_handler_costs_one_answer_and_is_logged_with_its_traceback(
    web: Web, routes: Routes, site: Site, logged: list[Any]
):
    """The connection goes on."""

    def problems() -> NoReturn:
        raise RuntimeError("boom")

    routes.site = replace(site, problems=problems)
    with web.client() as client:
        answer = ask(client, "/-/healthy")
        assert (answer.status, answer.text) == (500, "internal error, see the log\n")
        assert requests(ask(client, "/metrics").text) == {("/-/healthy", "500"): 1}
    (line,) = logged
    assert (line["event"], line["log_level"]) == ("http.crashed", "error")
    assert (line["handler"], line["exc_info"]) == ("/-/healthy", True)


def test_bug_in_the_page_costs_one_answer_and_is_logged_with_its_traceback(
    web: Web, routes: Routes, site: Site, logged: list[Any]
):
    """Scrapes are answered the short way, which fails in the same words."""

    def make(*_: object, **__: object) -> NoReturn:
        raise RuntimeError("boom")

    page = SimpleNamespace(make=make)
    routes.site = replace(site, page=page)
    with web.client() as client:
        for path in ("/metrics", "/metrics?collect[]=jobs"):
            answer = ask(client, path)
            assert (answer.status, answer.text) == (500, "internal error, see the log\n")
        routes.site = site
        assert requests(ask(client, "/metrics").text) == {("/metrics", "500"): 2}
    assert [(line["event"], line["handler"]) for line in logged] == [
        ("http.crashed", "/metrics")
    ] * 2


def test_scrape_of_a_stranger_takes_the_long_way(routes: Routes, authenticator: Authenticator):
    """There the password is checked, which takes its time; a known one is let through at once."""
    good = (b"authorization", f"Basic {SECRET}".encode())
    assert routes.at_once(Request("GET", "/metrics", [good])) is None
    assert authenticator.check(good[1].decode())
    reply = routes.at_once(Request("GET", "/metrics", [good]))
    assert reply is not None
    assert reply.status == 200
    bad = (b"authorization", b"Basic d3Jvbmc6d3Jvbmc=")
    assert not authenticator.check(bad[1].decode())
    assert routes.at_once(Request("GET", "/metrics", [bad])) is None


def test_some_paths_can_be_open_to_everybody(
    web: Web, routes: Routes, site: Site, authenticator: Authenticator
):
    """Such as the one that a load balancer looks at."""
    routes.site = replace(routes.site, open_paths=frozenset({"/-/healthy", "/metrics"}))
    statuses = {path: web.ask(path).status for path in ("/-/healthy", "/metrics", "/-/ready", "/")}
    assert statuses == {"/-/healthy": 200, "/metrics": 200, "/-/ready": 401, "/": 401}


def test_too_many_guesses_at_once_are_sent_away(
    web: Web, routes: Routes, authenticator: CountingAuthenticator
):
    """They may come again; a password that is known is not among them."""
    good = {"Authorization": f"Basic {SECRET}"}
    assert web.ask("/metrics", **good).status == 200
    authenticator.go_on.clear()

    def guess(number: int) -> Answer:
        password = base64.b64encode(b"admin:%d" % number).decode()
        return web.ask("/", Authorization=f"Basic {password}")

    with ThreadPoolExecutor(5) as clients:
        guesses = [clients.submit(guess, n) for n in range(4)]
        until(lambda: len(routes._queue._pending) == 4, "the guesses to wait")
        refused = clients.submit(guess, 5).result()
        assert web.ask("/metrics", **good).status == 200
        authenticator.go_on.set()
        assert [guess.result().status for guess in guesses] == [401] * 4
    assert (refused.status, refused.text) == (429, "too many passwords at once\n")
    assert refused.headers["retry-after"] == "1"


@pytest.mark.parametrize("path", ["/metrics", "/", "/no/such/page"])
def test_every_answer_gets_the_configs_headers(web: Web, routes: Routes, site: Site, path: str):
    """Unless it has one of that name itself."""
    headers = ((b"x-frame-options", b"deny"), (b"x-content-type-options", b"other"))
    routes.site = replace(site, headers=headers)
    answer = web.ask(path)
    assert answer.headers["x-frame-options"] == "deny"
    assert answer.headers.get_all("x-content-type-options") == [
        "nosniff" if path == "/" else "other"
    ]
