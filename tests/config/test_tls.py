from __future__ import annotations

import ssl

import pytest

from slurm_exporter.config import Tls
from slurm_exporter.config import tls as module

POLICIES = "VerifyClientCertIfGiven or RequireAndVerifyClientCert"
FILES = "cert_file: cert.pem, key_file: key.pem"


def test_tls_has_files_beside_the_web_config(web, tmp_path):
    """TLS 1.2 and no client certificate are the defaults."""
    tls = web(f"tls_server_config: {{{FILES}}}").tls
    assert tls == Tls(f"{tmp_path}/cert.pem", f"{tmp_path}/key.pem")


@pytest.mark.parametrize(
    ("keys", "client_ca", "required"),
    [
        ("client_auth_type: NoClientCert", None, False),
        ("client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.pem", "ca.pem", False),
        ("client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem", "ca.pem", True),
    ],
)
def test_client_certificates_are_asked_for_as_the_policy_says(
    web, tmp_path, keys, client_ca, required
):
    """The three policies that a TLS server of Python's can keep."""
    tls = web(f"tls_server_config: {{{FILES}, min_version: TLS13, {keys}}}").tls
    assert tls == Tls(
        f"{tmp_path}/cert.pem",
        f"{tmp_path}/key.pem",
        client_ca_file=client_ca and f"{tmp_path}/{client_ca}",
        client_auth_required=required,
        min_version="TLS13",
    )


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ("min_version: TLS11", "min_version: must be TLS12 or TLS13, not 'TLS11'"),
        (
            "client_auth_type: RequireAnyClientCert",
            "client_auth_type: Python's ssl accepts no certificate unverified; use Require",
        ),
        ("client_auth_type: RequireAndVerifyClientCert", "client_ca_file: is required"),
        (
            "client_ca_file: ca.pem",
            f"client_ca_file: needs client_auth_type {POLICIES}",
        ),
        ("client_auth_type: Any", "client_auth_type: must be NoClientCert, RequestClientCert,"),
        ("cypher_suites: []", "cypher_suites: unknown key; did you mean `cipher_suites`?"),
        (
            "cipher_suites: [TLS_AES_128_GCM_SHA256]",
            "cipher_suites: names no suite of TLS 1.2, which would keep all of its own; set min_",
        ),
        ("cipher_suites: [TLS_RSA]", "cipher_suites[0]: is no cipher suite that we know: 'TLS_"),
        ("curve_preferences: [P256]", "curve_preferences[0]: must be one of CurveP256, Curve"),
        (
            "curve_preferences: [CurveP256, X25519]",
            "curve_preferences: Python's ssl can be told one curve only; keep one, or remove",
        ),
        ("min_version: TLS13, max_version: TLS12", "max_version: is lower than min_version"),
        ("client_allowed_sans: [a]", f"client_allowed_sans: needs client_auth_type {POLICIES}"),
    ],
)
def test_a_wrong_key_of_tls_is_noted(noted, keys, complaint):
    """Each with what is allowed."""
    [said] = noted(f"tls_server_config: {{{FILES}, {keys}}}")
    assert said.startswith(f"1: tls_server_config.{complaint}")


def test_a_client_ca_does_not_complain_of_a_wrong_policy(noted):
    """One mistake is one problem."""
    [said] = noted(
        f"tls_server_config: {{{FILES}, client_auth_type: Require, client_ca_file: ca.pem}}"
    )
    assert said.startswith("1: tls_server_config.client_auth_type: must be NoClientCert")


def test_tls_needs_its_files(noted, tmp_path):
    """Present and readable."""
    assert noted("tls_server_config: {min_version: TLS12, key_file: no.pem}") == [
        "1: tls_server_config.cert_file: is required",
        f"1: tls_server_config.key_file: cannot read {tmp_path}/no.pem: No such file or directory",
    ]


@pytest.mark.parametrize("key", ["cert", "key", "client_ca"])
def test_what_belongs_in_a_file_of_its_own_is_refused_and_not_shown(noted, key):
    """A private key in a config file is a mistake, and Python reads certificates from files."""
    [said] = noted(f"tls_server_config: {{{FILES}, {key}: hunter2}}")
    assert said == (
        f"1: tls_server_config.{key}: is not supported inside the file; name a file with {key}_file"
    )


def test_a_certificate_that_is_asked_for_and_not_looked_at_is_not_asked_for(web):
    """It would change nothing."""
    assert web(f"tls_server_config: {{{FILES}, client_auth_type: RequestClientCert}}").tls == (
        web(f"tls_server_config: {{{FILES}}}").tls
    )


def test_names_of_clients_can_be_limited(web):
    """In the file's order."""
    keys = f"client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, {FILES}"
    tls = web(f"tls_server_config: {{{keys}, client_allowed_sans: [prometheus, 10.0.0.1]}}").tls
    assert tls.client_allowed_sans == ("prometheus", "10.0.0.1")


def test_suites_and_curves_have_other_names_in_openssl(web):
    """TLS 1.3's suites are always on, in Go as in Python."""
    suites = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256"
    keys = f"cipher_suites: [{suites}], curve_preferences: [CurveP256], max_version: TLS12"
    tls = web(f"tls_server_config: {{{FILES}, {keys}, prefer_server_cipher_suites: true}}").tls
    assert tls.ciphers == ("ECDHE-RSA-AES128-GCM-SHA256",)
    assert (tls.curve, tls.max_version) == ("prime256v1", "TLS12")


def test_openssl_knows_every_suite_and_curve():
    """By the names that we give them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for suite in module._SUITES.values():
        context.set_ciphers(f"{suite}:@SECLEVEL=0")
    for curve in module._CURVES.values():
        context.set_ecdh_curve(curve)


def test_suites_of_tls_1_3_alone_are_fine_where_nothing_else_is_spoken(web):
    """They are always on."""
    keys = "min_version: TLS13, cipher_suites: [TLS_AES_128_GCM_SHA256]"
    assert web(f"tls_server_config: {{{FILES}, {keys}}}").tls.ciphers == ()
