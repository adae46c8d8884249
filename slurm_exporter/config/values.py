"""Checks of single values: each returns the value to use, or says in a ValueError what is wrong.

The messages are sentences for the operator and fit a flag as well as a key of the file.  They
quote no URL, which might hold a password.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from urllib.parse import SplitResult, urlsplit

from slurm_exporter.config.model import LABELS_IN_USE, OTHER_ROUTES, Address, UnixAddress
from slurm_exporter.config.words import quote

_DIGITS = re.compile(r"[0-9]{1,15}")
_HOST_NAME = re.compile(r"[A-Za-z0-9._-]+")
_PATH = re.compile(r"/[!-~]*")
_UNIX_ADDRESS = re.compile(r"unix://(/[ -~]*[!-.0-~])")
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_HEADER_VALUE = re.compile(r"[ -~]*[!-~]")

_LONGEST_UNIX_PATH = 107
"""What fits into the kernel's ``sockaddr_un`` beside the byte that ends it."""

_BCRYPT_HASH = re.compile(
    r"\$2[abxy]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}"
)

ADDRESS_FORM = "HOST:PORT such as :9341 or 127.0.0.1:9341"
UNIX_FORM = "unix:// and an absolute path, as in unix:///run/slurm_exporter/slurm_exporter.sock"
PORT_FORM = "a port from 0 to 65535"
SHARE_FORM = "a number above 0 and at most 1"
URL_FORM = "a URL such as http://slurmctld:6817"


def check_share(text: str) -> float:
    """A number above 0 and at most 1."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 1:
        raise ValueError(f"must be {SHARE_FORM}, not {quote(text)}")
    return number


def check_port(text: str) -> int:
    """A TCP port; 0 lets the system choose a free one."""
    if not _DIGITS.fullmatch(text) or int(text) > 65535:
        raise ValueError(f"must be {PORT_FORM}, not {quote(text)}")
    return int(text)


def parse_address(text: str) -> Address | UnixAddress:
    """An address to listen on: ``:9341``, ``[::1]:9341`` or ``unix:///run/slurm_exporter.sock``.

    Raises:
        ValueError: it is none; the message is a sentence for the operator.
    """
    if text.startswith(("unix:", "/")):
        return _parse_unix_address(text)
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ValueError(f"must be {ADDRESS_FORM}, not {quote(text)}")
    if host and not _is_host(host):
        hint = "; an IPv6 address needs brackets, as in [::1]:9341" if ":" in host else ""
        raise ValueError(f"must be {ADDRESS_FORM}, not {quote(text)}{hint}")
    return Address(host.strip("[]"), check_port(port))


def _parse_unix_address(text: str) -> UnixAddress:
    match = _UNIX_ADDRESS.fullmatch(text)
    if match is None:
        raise ValueError(f"must be {UNIX_FORM}, not {quote(text)}")
    if len(match[1]) > _LONGEST_UNIX_PATH:
        raise ValueError(f"a unix socket's path has at most {_LONGEST_UNIX_PATH} bytes")
    return UnixAddress(match[1])


def check_url(text: str) -> str:
    """The base URL of a controller: scheme and host in lower case, no slash at its end."""
    url, port = _split_url(text)
    if "@" in url.netloc:
        raise ValueError("credentials do not belong in a URL; remove the user name and password")
    if "?" in text or "#" in text:
        raise ValueError("must not have a query or fragment: the endpoint's path is appended to it")
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname or ""
    if url.scheme not in {"http", "https"} or not _is_host(host) or port == 0:
        raise ValueError(f"must be {URL_FORM}")
    if "metrics" in url.path.split("/"):
        raise ValueError("must end before /metrics: the endpoint's path is appended to it")
    return f"{url.scheme}://{host}{f':{port}' if port else ''}{url.path.rstrip('/')}"


def check_path(text: str) -> str:
    """A path on a server, to be sent as it is."""
    if not _PATH.fullmatch(text) or set("?#%") & set(text):
        raise ValueError(
            f"must be a path that starts with / and has no spaces, ?, # or %, not {quote(text)}"
        )
    return text


def check_telemetry_path(text: str) -> str:
    """The route of the page of metrics, which no other page of ours has."""
    if check_path(text) in OTHER_ROUTES:
        raise ValueError(f"{text} is another page of slurm_exporter; choose one such as /metrics")
    return text


def check_label_name(name: str) -> str:
    """A name for a global label that collides with nothing."""
    if not _LABEL_NAME.fullmatch(name):
        raise ValueError("a label name has letters, digits and _, and starts with no digit")
    if name.startswith("__"):
        raise ValueError("label names that start with __ are reserved for Prometheus")
    if name in {"le", "quantile"}:
        raise ValueError("this label name is reserved for histograms and summaries")
    if name in LABELS_IN_USE:
        raise ValueError(f"samples of {LABELS_IN_USE[name]} have a label of this name already")
    return name


def check_not_empty(text: str) -> str:
    """Any text but none at all."""
    if not text:
        raise ValueError("must not be empty")
    return text


def check_password(text: str) -> str:
    """A password as the user types it."""
    if _BCRYPT_HASH.fullmatch(text):
        raise ValueError(
            "is a bcrypt hash, but the password itself belongs here; "
            "hashes belong in basic_auth_users of --web.config.file"
        )
    return check_not_empty(text)


def check_user_name(text: str) -> str:
    """A user name of HTTP basic authentication."""
    if ":" in text:
        raise ValueError("must not have a colon, which ends a user name in HTTP")
    return check_not_empty(text)


def check_bcrypt_hash(text: str) -> str:
    """A password's bcrypt hash."""
    if not _BCRYPT_HASH.fullmatch(text):
        raise ValueError("must be a bcrypt hash ($2y$10$...) such as `htpasswd -nBC 10 ''` prints")
    return text


def check_header_value(text: str) -> str:
    """The value of an HTTP header."""
    if not _HEADER_VALUE.fullmatch(text):
        raise ValueError("must be one line of printable ASCII")
    return text


def _split_url(text: str) -> tuple[SplitResult, int | None]:
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise ValueError(f"must be {URL_FORM}") from None
    if not _PATH.fullmatch(f"/{text}"):
        raise ValueError(f"must be {URL_FORM}, without spaces or special characters")
    return url, port


def _is_host(host: str) -> bool:
    if not host.startswith("["):
        return bool(_HOST_NAME.fullmatch(host))
    try:
        IPv6Address(host[1:-1])
    except ValueError:
        return False
    return host.endswith("]")
