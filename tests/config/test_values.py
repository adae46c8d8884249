from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slurm_exporter.config import (
    LABELS_IN_USE,
    Address,
    UnixAddress,
    check_telemetry_path,
    parse_address,
)
from slurm_exporter.config.values import (
    check_bcrypt_hash,
    check_label_name,
    check_password,
    check_path,
    check_port,
    check_share,
    check_url,
    check_user_name,
)

HASH = "$2y$10$" + "X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        (":9341", "", 9341),
        ("localhost:9341", "localhost", 9341),
        ("127.0.0.1:0", "127.0.0.1", 0),
        ("[::1]:9341", "::1", 9341),
        ("[::]:65535", "::", 65535),
        ("node_1.cluster-a:80", "node_1.cluster-a", 80),
    ],
)
def test_an_address_is_host_and_port(text, host, port):
    """Port 0 lets the system choose; brackets do not belong to the host."""
    address = parse_address(text)
    assert address == Address(host, port)
    assert str(address) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must be HOST:PORT such as :9341 or 127.0.0.1:9341, not ''"),
        ("9341", "must be HOST:PORT"),
        ("localhost", "must be HOST:PORT"),
        ("http://localhost:9341", "must be HOST:PORT"),
        ("a b:9341", "must be HOST:PORT"),
        ("::1:9341", "an IPv6 address needs brackets, as in [::1]:9341"),
        ("[::1:9341", "an IPv6 address needs brackets"),
        ("[]:9341", "must be HOST:PORT"),
        ("[localhost]:9341", "must be HOST:PORT"),
        (":", "must be a port from 0 to 65535, not ''"),
        (":http", "must be a port from 0 to 65535, not 'http'"),
        (":65536", "must be a port from 0 to 65535"),
        (":-1", "must be a port from 0 to 65535"),
        (":\u0661", "must be a port from 0 to 65535"),
    ],
)
def test_what_is_no_address_is_refused_with_an_example(text, words):
    """An IPv6 address without brackets is told how to be written."""
    with pytest.raises(ValueError, match="must be") as caught:
        parse_address(text)
    assert words in str(caught.value)


@pytest.mark.parametrize("path", ["/run/slurm_exporter.sock", "/a b/c.d", "/" + "x" * 106])
def test_an_address_can_be_the_path_of_a_unix_socket(path):
    """Three slashes in a row: the path is absolute."""
    address = parse_address(f"unix://{path}")
    assert address == UnixAddress(path)
    assert str(address) == f"unix://{path}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("unix:/run/x.sock", "must be unix:// and an absolute path, as in unix:///run/slurm_e"),
        ("unix://run/x.sock", "must be unix:// and an absolute path"),
        ("unix://", "must be unix:// and an absolute path"),
        ("unix:///run/", "must be unix:// and an absolute path"),
        ("unix:///run/\0", "must be unix:// and an absolute path"),
        ("/run/x.sock", "must be unix:// and an absolute path"),
        ("unix:///" + "x" * 107, "a unix socket's path has at most 107 bytes"),
    ],
)
def test_what_is_no_path_of_a_unix_socket_is_refused_with_an_example(text, words):
    """Also a path that the kernel has no room for."""
    with pytest.raises(ValueError, match="unix") as caught:
        parse_address(text)
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["0", "9341", "65535"])
def test_a_port_is_a_decimal_number(text):
    """From 0 to 65535."""
    assert check_port(text) == int(text)


@pytest.mark.parametrize("text", ["0x50", "8_0", "9" * 5000, "1.0", "1:30"])
def test_other_spellings_of_numbers_are_no_port(text):
    """YAML would read some of these as numbers that nobody meant."""
    with pytest.raises(ValueError, match="must be a port from 0 to 65535"):
        check_port(text)


@pytest.mark.parametrize(("text", "share"), [("0.1", 0.1), ("1", 1.0), (".5", 0.5)])
def test_a_share_is_above_0_and_at_most_1(text, share):
    """1 is the whole interval."""
    assert check_share(text) == share


@pytest.mark.parametrize("text", ["0", "1.01", "-0.5", ".nan", "nan", ".inf", "1:30.5", "9" * 5000])
def test_what_is_no_share_is_refused(text):
    """Neither YAML's nor Python's not-a-number slips through."""
    with pytest.raises(ValueError, match="must be a number above 0 and at most 1, not '"):
        check_share(text)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://localhost:6817", "http://localhost:6817"),
        ("http://localhost:6817/", "http://localhost:6817"),
        ("https://Ctl1.Example.ORG", "https://ctl1.example.org"),
        ("HTTP://ctl1/slurm/", "http://ctl1/slurm"),
        ("http://[::1]:6817", "http://[::1]:6817"),
        ("http://127.0.0.1:6817//", "http://127.0.0.1:6817"),
        ("http://ctl1:", "http://ctl1"),
    ],
)
def test_a_url_loses_its_trailing_slash_and_its_capitals(text, url):
    """So that the endpoint's path fits and two spellings of one controller are equal."""
    assert check_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost:6817",
        "//localhost",
        "ftp://ctl1",
        "http://",
        "http:///metrics",
        "http://:6817",
        "http://ctl1:seventeen",
        "http://ctl1:65536",
        "http://ctl1:0",
        "http://[::1",
        "http://[::g]:80",
        "http://ctl1\\x",
        "http://ctl 1",
        "http://ctl1\n",
        "http://größe",
    ],
)
def test_what_is_no_url_is_refused_with_an_example(text):
    """Nothing of it is quoted: it may hold a password all the same."""
    with pytest.raises(ValueError, match=r"^must be a URL such as http://slurmctld:6817"):
        check_url(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://admin:hunter2@ctl1",
        "http://hunter2@ctl1",
        "http://:hunter2@ctl1?x",
        "ftp://a:hunter2@b",
    ],
)
def test_credentials_in_a_url_are_refused_and_not_shown(text):
    """They would end in logs and on the status page."""
    with pytest.raises(ValueError, match="credentials do not belong in a URL") as caught:
        check_url(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["http://ctl1?", "http://ctl1/?token=hunter2", "http://ctl1#hunter2"]
)
def test_a_query_or_fragment_is_refused_and_not_shown(text):
    """The endpoint's path could not be appended."""
    with pytest.raises(ValueError, match="must not have a query or fragment") as caught:
        check_url(text)
    assert "hunter2" not in str(caught.value)


@given(text=st.text(alphabet="htps:/[]@?#%.a1 \\\u2100\udc80") | st.text().map("http://".__add__))
def test_a_url_is_checked_twice_with_the_same_result(text):
    """What was accepted stays as it is, and nothing but ValueError comes out."""
    try:
        url = check_url(text)
    except ValueError:
        return
    assert check_url(url) == url
    assert not url.endswith("/")


@pytest.mark.parametrize("text", ["/metrics", "/", "/a/b-c_d.e~f"])
def test_a_path_starts_with_a_slash(text):
    """It comes back as it is."""
    assert check_path(text) == text


@pytest.mark.parametrize("text", ["", "metrics", "/a b", "/a?b", "/a#b", "/a%20b", "/ä", "/a\n"])
def test_what_a_request_line_could_not_hold_is_no_path(text):
    """The message says what a path is."""
    with pytest.raises(ValueError, match="must be a path that starts with / and has no spaces"):
        check_path(text)


@pytest.mark.parametrize("text", ["/", "/-/healthy", "/-/ready", "/-/reload", "/api/v1/endpoints"])
def test_the_page_of_metrics_takes_no_other_page_s_place(text):
    """The message names the route."""
    with pytest.raises(ValueError, match=f"^{text} is another page of slurm_exporter"):
        check_telemetry_path(text)


def test_the_page_of_metrics_may_be_anywhere_else():
    """Below another route as well."""
    assert check_telemetry_path("/-/metrics") == "/-/metrics"


@pytest.mark.parametrize("name", ["cluster", "_a", "A1_b", "node_name"])
def test_a_label_name_is_prometheus_own(name):
    """It comes back as it is."""
    assert check_label_name(name) == name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "a label name has letters, digits and _"),
        ("1a", "starts with no digit"),
        ("a-b", "a label name has letters, digits and _"),
        ("ä", "a label name has letters, digits and _"),
        ("a\n", "a label name has letters, digits and _"),
        ("__a", "reserved for Prometheus"),
        ("le", "reserved for histograms and summaries"),
        ("quantile", "reserved for histograms and summaries"),
    ],
)
def test_a_label_name_that_prometheus_would_refuse_or_misread_is_refused(name, words):
    """Each with its own reason."""
    with pytest.raises(ValueError, match=words):
        check_label_name(name)


@pytest.mark.parametrize(("name", "user"), LABELS_IN_USE.items())
def test_a_label_that_samples_have_already_is_refused(name, user):
    """The message says whose samples."""
    with pytest.raises(ValueError, match=f"^samples of {user} have a label of this name already$"):
        check_label_name(name)


@pytest.mark.parametrize("kind", ["$2y", "$2a", "$2b", "$2x"])
def test_a_bcrypt_hash_of_any_kind_passes(kind):
    """As htpasswd, PHP and others write it."""
    assert check_bcrypt_hash(kind + HASH[3:]) == kind + HASH[3:]


@pytest.mark.parametrize(
    "text", ["", "hunter2", HASH[:-1], HASH + "x", HASH.replace("$10$", "$03$"), HASH + "\n"]
)
def test_what_is_no_bcrypt_hash_is_refused_and_not_shown(text):
    """A password in plain text would be checked against as a hash and never match."""
    with pytest.raises(ValueError, match=r"^must be a bcrypt hash") as caught:
        check_bcrypt_hash(text)
    assert "hunter2" not in str(caught.value)


def test_a_user_name_has_no_colon():
    """HTTP ends it at the first one."""
    assert check_user_name("admin") == "admin"
    with pytest.raises(ValueError, match="must not have a colon"):
        check_user_name("ad:min")
    with pytest.raises(ValueError, match="must not be empty"):
        check_user_name("")


def test_a_password_is_any_text_but_none():
    """Colons and blanks are fine."""
    assert check_password(" :") == " :"
    with pytest.raises(ValueError, match="must not be empty"):
        check_password("")


def test_a_hash_is_no_password():
    """Nobody types it, and everybody would be locked out; the message does not show it."""
    with pytest.raises(ValueError, match=r"^is a bcrypt hash, but the password itself") as error:
        check_password("$2b$12$" + "." * 53)
    assert "...." not in str(error.value)


@pytest.mark.parametrize("path", ["/metrics", "/metrics/jobs", "/slurm/metrics/"])
def test_a_url_ends_before_the_endpoints_path(path):
    """It would be asked for /metrics/metrics/jobs."""
    with pytest.raises(ValueError, match="must end before /metrics"):
        check_url(f"http://ctl1:6817{path}")
    assert check_url("http://proxy/slurm-metrics")
