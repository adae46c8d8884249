"""The status page as a document: what it says, and that it can be trusted."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser

import pytest
import yaml

from slurm_exporter.web.status import CONTENT_SECURITY_POLICY, render_status
from tests.web.stories import bad, endpoint, good, steady, told

VOID = {"meta", "link", "br", "img", "input", "hr"}
MUTE = {"script", "style"}


class Document(HTMLParser):
    """A page taken apart: its elements, and the text of each card and of the summary."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: Counter[str] = Counter()
        self._open: list[str] = []
        self._cards: list[list[str]] = []
        self._words: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, "unclosed elements"

    @property
    def cards(self) -> list[str]:
        """The words of each endpoint's card."""
        return [plain("".join(card)) for card in self._cards]

    @property
    def text(self) -> str:
        """All words of the page."""
        return plain("".join(self._words))

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "article":
            self._cards.append([])
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        self.handle_data(" ")
        assert tag == self._open.pop()

    def handle_data(self, data):
        if MUTE.isdisjoint(self._open):
            self._words.append(data)
            if "article" in self._open:
                self._cards[-1].append(data)


def plain(words):
    """The words with single ordinary spaces."""
    return " ".join(words.split())


def page(*endpoints, **options):
    """The page about these endpoints, taken apart."""
    return Document(render_status(told(*endpoints, **options)))


def card(*polls, **options):
    """The words on the card of one endpoint."""
    return page(endpoint("jobs", *polls, **options)).cards[0]


# ------------------------------------------------------------ what it says


def test_a_healthy_endpoint_tells_its_numbers():
    """State, age, interval, last success, duration, samples and size."""
    words = card(*steady(30, [0.05, 0.043]), samples=12_345, body_bytes=871_629)

    assert words == (
        "jobs up source: openmetrics Age 12 s stale after 1 min 10 s"
        " Last success 12 s ago 14:29:48 UTC Interval 30 s"
        " Last poll took 43 ms 2 polls, 0 failed Samples 12,345 Body size 851 KiB"
        " 14:29:18 UTC, 50 ms 14:29:48 UTC, 43 ms 2 polls in 42 s, longest 50 ms"
    )


def test_all_endpoints_are_summed_up_and_each_has_a_card():
    """In the config's order, under a line that says how they are."""
    html = page(endpoint("jobs", good(12)), endpoint("nodes", good(100)))

    assert "1 of 2 endpoints needs attention nodes is stale as of 2026-11-20" in html.text
    assert [words.split()[0] for words in html.cards] == ["jobs", "nodes"]


def test_without_endpoints_there_is_a_page_all_the_same():
    """It says that none is enabled."""
    html = page()

    assert "No endpoint is enabled" in html.text
    assert html.cards == []


def test_a_stale_endpoint_says_when_it_will_expire():
    """2 x interval + timeout is over, 5 x interval + timeout is not."""
    assert "jobs stale source: openmetrics Age 1 min 40 s expires after 2 min 40 s" in card(
        good(100)
    )


def test_an_expired_endpoint_says_whether_it_is_still_served():
    """That depends on on_expiry."""
    assert "Age 16 min 40 s no longer served" in card(good(1_000))
    assert "Age 16 min 40 s still served" in card(good(1_000), on_expiry="keep")


def test_an_endpoint_that_never_answered_says_so():
    """And counts the attempts; that they failed goes without saying."""
    words = card(bad(42, "connect", "refused"), bad(12, "connect", "refused"))

    assert "jobs never answered source" in words
    assert "Age no data yet Last success never" in words
    assert "2 polls, 2 failed Samples 0 Body size 0 B" in words


def test_an_endpoint_that_was_not_polled_yet_is_not_alarming():
    """Before its first poll it is neither failing nor marked as broken."""
    html = page(endpoint("jobs"))

    assert "jobs not polled yet source" in html.cards[0]
    assert "Last poll took no poll yet 0 polls, 0 failed" in html.cards[0]
    assert ("span", {"class": "mark waiting"}) in html.elements


def test_good_data_and_failed_polls_are_both_shown():
    """Up, but the last polls failed: one mark for each."""
    once = card(good(42), bad(12, "timeout", "too late"))
    twice = card(good(62), bad(32, "timeout", "too late"), bad(2, "timeout", "too late"))

    assert once.startswith("jobs up last poll failed")
    assert twice.startswith("jobs up failing, 2 in a row")


def test_the_last_error_is_told_with_its_time_and_whether_it_goes_on():
    """In the words of the poll that failed."""
    failed = bad(42, "connect", "cannot connect to http://c1:6817")

    assert (
        "Last error, over: connect 42 s ago, at 14:29:18 UTC cannot connect to http://c1:6817"
        in card(failed, good(12))
    )
    assert "Last error, going on: connect 42 s ago, at 14:29:18 UTC" in card(failed)


def test_an_error_of_yesterday_has_its_date():
    """A time of day alone would be taken for today's."""
    assert "1 d ago, at 2026-11-19 14:30:00 UTC" in card(bad(86_400, "auth", "no"), good(12))


def test_a_stretched_interval_says_why():
    """With the interval that the config asks for."""
    words = card(good(12, 8.4), effective=84)

    assert "Interval 1 min 24 s stretched" in words
    assert "Interval stretched from 30 s because a poll takes too large a share of it" in words
    assert "max_duty_cycle" in words


def test_dropped_rows_and_skipped_polls_are_told_when_there_are_any():
    """By reason, without the reasons that did not occur."""
    words = card(good(12), dropped={"foreign": 1_200, "malformed": 0, "forged": 3}, skipped=2)

    assert "2 polls skipped since start because the one before was still under way" in words
    assert "Rows dropped since start: 1,200 foreign, 3 forged" in words
    assert "dropped" not in card(good(12), dropped={"foreign": 0})


def test_the_scrape_config_is_one_that_prometheus_reads():
    """Even without a script that fills in the browser's own host and port."""
    html = render_status(told(path="/other/path"))
    snippet = re.search(r"<pre[^>]*>(.*?)</pre>", html, re.DOTALL)[1]

    assert yaml.safe_load(re.sub("<.*?>", "", snippet)) == {
        "scrape_configs": [
            {
                "job_name": "slurm",
                "scheme": "http",
                "metrics_path": "/other/path",
                "static_configs": [{"targets": ["localhost:9341"]}],
            }
        ]
    }


def test_links_lead_to_the_metrics_and_the_json():
    """Relative ones, so that they also hold behind a proxy that adds a prefix."""
    links = [values["href"] for tag, values in page(path="/other/path").elements if tag == "a"]

    assert links == ["./other/path", "api/v1/endpoints"]


# ------------------------------------------------------------ how it is made


def everything():
    """A page on which everything occurs that can."""
    return page(
        endpoint("jobs", *steady(30, [0.04] * 60), dropped={"foreign": 1}, effective=60, skipped=1),
        endpoint("nodes", good(42), bad(12, "timeout", "too late")),
        endpoint("partitions", good(100)),
        endpoint("jobs-users-accts", good(1_000)),
        endpoint("scheduler", bad(12, "empty", "nothing")),
        endpoint("diag"),
        endpoint("limits", good(12), expected=0.0),
    )


def test_a_poller_that_hangs_is_told_though_its_data_is_still_good():
    """The same that turns /-/healthy to 503."""
    html = page(endpoint("jobs", good(12), expected=0.0), endpoint("nodes", good(12)))

    assert "poller hangs" in html.cards[0]
    assert "poller hangs" not in html.cards[1]
    assert ("span", {"class": "mark hanging"}) in html.elements


@pytest.mark.parametrize("attack", ["<script>x()</script>", "\"'><img src=x onerror=x()>", "&lt;"])
def test_what_comes_from_outside_is_text(attack):
    """Names, reasons and messages cannot become markup."""
    html = page(endpoint(attack, bad(12, attack, attack)))
    harmless = page(endpoint("a", bad(12, "b", "c")))

    assert [tag for tag, _ in harmless.elements] == [tag for tag, _ in html.elements]
    assert html.cards[0].count(attack) == 4


def test_bytes_that_were_no_utf8_do_not_break_the_page():
    """A command may have printed anything."""
    message = b"caf\xe9".decode(errors="surrogateescape")

    assert b"caf?" in render_status(told(endpoint("jobs", bad(12, "command", message)))).encode()


def test_state_is_told_by_shape_and_word_too():
    """Each mark has an icon that the page defines, and each condition has another one."""
    elements = everything().elements
    defined = {values["id"] for tag, values in elements if tag == "symbol"}
    used = {values["href"] for tag, values in elements if tag == "use"}

    assert used == {f"#{name}" for name in defined}
    assert defined == {"up", "hanging", "failing", "stale", "expired", "never", "waiting"}


def test_the_page_can_be_heard():
    """One main, headings in order, cards and pictures with names, and a status that is read out."""
    elements = everything().elements
    tags = [tag for tag, _ in elements]
    ids = [values["id"] for _, values in elements if "id" in values]
    named = {values["aria-labelledby"] for _, values in elements if "aria-labelledby" in values}
    pictures = [values["aria-label"] for _, values in elements if values.get("role") == "img"]

    assert tags.count("main") == tags.count("header") == tags.count("footer") == 1
    assert [tag for tag in tags if re.fullmatch("h[1-6]", tag)] == ["h1", "h2", *7 * ["h3"], "h2"]
    assert len(ids) == len(set(ids))
    assert len(named) == 7
    assert named <= set(ids)
    assert "Recent polls of diag: no poll yet" in pictures
    assert ("p", {"role": "status"}) in elements


def test_the_policy_allows_exactly_the_pages_own_script_and_style():
    """By their hashes, whatever the facts are."""
    html = render_status(told(endpoint("jobs", good(12))))
    policy = dict(part.split(" ", 1) for part in CONTENT_SECURITY_POLICY.split("; "))

    for tag in ("script", "style"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert policy.pop(f"{tag}-src") == f"'sha256-{digest}'"
    assert policy == {
        "default-src": "'none'",
        "img-src": "data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


def test_the_page_needs_nothing_but_itself():
    """No address of anything else, no inline handler or style, which the policy would refuse."""
    for tag, values in everything().elements:
        assert not [name for name in values if name.startswith("on") or name in {"style", "src"}]
        assert "href" not in values or tag in {"a", "use"} or values["href"].startswith("data:")


def test_the_tab_tells_the_worst_condition():
    """By its title and the colour of its icon."""
    html = render_status(told(endpoint("jobs", good(12)), endpoint("nodes", good(1_000))))

    assert "<title>1 of 2 endpoints needs attention · slurm_exporter</title>" in html
    assert "fill='crimson'" in html
