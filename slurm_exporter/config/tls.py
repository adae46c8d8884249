"""The section ``tls_server_config`` of a web configuration file.

Its words are those of Go's crypto/tls; Python's ssl has OpenSSL's, and not an equivalent for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from slurm_exporter.config.fields import distinct
from slurm_exporter.config.files import read_file
from slurm_exporter.config.model import TLS_VERSIONS, Tls
from slurm_exporter.config.values import check_not_empty
from slurm_exporter.config.words import quote, suggestion

if TYPE_CHECKING:
    from slurm_exporter.config.fields import Field
    from slurm_exporter.config.sections import Section

_NO_CLIENT_CERT = "NoClientCert"
_REQUEST = "RequestClientCert"
_ANY = "RequireAnyClientCert"
_IF_GIVEN = "VerifyClientCertIfGiven"
_REQUIRED = "RequireAndVerifyClientCert"
# A certificate that is asked for and not looked at is as good as none.
_UNVERIFIED = (_NO_CLIENT_CERT, _REQUEST)
_POLICIES = (*_UNVERIFIED, _ANY, _IF_GIVEN, _REQUIRED)

_INLINE = "is not supported inside the file; name a file with {}_file"

_SUITES = {
    f"TLS_{exchange}_WITH_{cipher}": f"{prefix}{openssl}"
    for exchange, prefix in (
        ("ECDHE_ECDSA", "ECDHE-ECDSA-"),
        ("ECDHE_RSA", "ECDHE-RSA-"),
        ("RSA", ""),
    )
    for cipher, openssl in (
        ("AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
        ("AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
        ("AES_128_CBC_SHA", "AES128-SHA"),
        ("AES_256_CBC_SHA", "AES256-SHA"),
        ("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"),
    )
    if (prefix, openssl) != ("", "CHACHA20-POLY1305")
}
_ALWAYS_ON = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
"""TLS 1.3's suites, which neither Go nor Python lets anybody choose."""

_CURVES = {
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
    "X25519": "X25519",
}


def read_tls(section: Section) -> Tls | None:
    """How our pages are served over TLS; None when the section is absent or empty."""
    if section.empty:
        return None
    auth_type = section.take("client_auth_type")
    policy = auth_type.choice(_POLICIES, _NO_CLIENT_CERT)
    if policy == _ANY:
        auth_type.fail(f"Python's ssl accepts no certificate unverified; use {_REQUIRED}")
    verifies = policy in {_IF_GIVEN, _REQUIRED}
    client_ca = section.take("client_ca_file", required=verifies)
    if client_ca.given and policy in _UNVERIFIED and auth_type.clean:
        client_ca.fail(f"needs client_auth_type {_IF_GIVEN} or {_REQUIRED}")
    lowest, highest = _read_versions(section)
    tls = Tls(
        cert_file=read_file(section.take("cert_file", required=True)),
        key_file=read_file(section.take("key_file", required=True)),
        client_ca_file=read_file(client_ca) or None,
        client_auth_required=policy == _REQUIRED,
        client_allowed_sans=_read_sans(section.take("client_allowed_sans"), verifies),
        min_version=lowest,
        max_version=highest,
        ciphers=_read_suites(section.take("cipher_suites"), lowest),
        curve=_read_curve(section.take("curve_preferences")),
    )
    # Go has ignored it since 1.17, and so does everybody who copies an old file.
    section.take("prefer_server_cipher_suites").boolean(default=True)
    for key in ("cert", "key", "client_ca"):
        section.refuse((key,), _INLINE.format(key))
    section.finish()
    return tls


def _read_versions(section: Section) -> tuple[str, str]:
    lowest = section.take("min_version").choice(TLS_VERSIONS, TLS_VERSIONS[0])
    field = section.take("max_version")
    highest = field.choice(TLS_VERSIONS, TLS_VERSIONS[-1])
    if highest < lowest:
        field.fail("is lower than min_version")
    return lowest, highest


def _read_sans(field: Field, verifies: bool) -> tuple[str, ...]:
    if field.given and not verifies:
        field.fail(f"needs client_auth_type {_IF_GIVEN} or {_REQUIRED}")
    items = field.items("a list of names") or ()
    return distinct([(item, item.text(check_not_empty, None)) for item in items], "name")


def _read_suites(field: Field, lowest: str) -> tuple[str, ...]:
    items = field.items("a list of cipher suites") or ()
    names = distinct([(item, item.text(_check_suite, None)) for item in items], "cipher suite")
    chosen = tuple(_SUITES[name] for name in names if name in _SUITES)
    if names and not chosen and lowest != TLS_VERSIONS[-1]:
        field.fail("names no suite of TLS 1.2, which would keep all of its own; set min_version")
    return chosen


def _check_suite(name: str) -> str:
    if name in _SUITES or name in _ALWAYS_ON:
        return name
    hint = suggestion(name, (*_SUITES, *_ALWAYS_ON))
    raise ValueError(f"is no cipher suite that we know: {quote(name)}{hint}")


def _read_curve(field: Field) -> str | None:
    items = field.items("a list of curves") or ()
    if len(items) > 1:
        field.fail("Python's ssl can be told one curve only; keep one, or remove the key for all")
        return None
    return items[0].text(_check_curve, None) if items else None


def _check_curve(name: str) -> str:
    try:
        return _CURVES[name]
    except KeyError:
        known = ", ".join(_CURVES)
        raise ValueError(f"must be one of {known}, not {quote(name)}") from None
