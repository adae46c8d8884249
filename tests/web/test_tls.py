"""TLS: which certificate is shown, who is let in, and how files are renewed."""

from __future__ import annotations

import gc
import http.client
import os
import re
import shutil
import socket
import ssl
import time
import warnings
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from slurm_exporter.config import Tls
from slurm_exporter.web import server as server_module
from slurm_exporter.web.tls import Certificate
from tests.web.certificates import Authority
from tests.web.clients import HEALTHY, PATIENCE, Answer, Web, ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from slurm_exporter.web.routes import Routes


@pytest.fixture(scope="module")
def first(authority: Authority) -> Tls:
    """A certificate."""
    return authority.issue("first")


@pytest.fixture(scope="module")
def second(authority: Authority) -> Tls:
    """Another certificate of the same authority."""
    return authority.issue("second")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nobody trusts yet."""
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture
def files(tmp_path: Path, authority: Authority, first: Tls) -> Tls:
    """The server's own files, which tests may change; ``first`` to begin with."""
    files = Tls(str(tmp_path / "cert"), str(tmp_path / "key"), str(tmp_path / "authorities"))
    install(files.cert_file, first.cert_file)
    install(files.key_file, first.key_file)
    install(files.client_ca_file, authority.file)
    return replace(files, client_ca_file=None)


def install(place: str | None, file: str | Path) -> None:
    """Put a file in a place all at once, as tools do that renew certificates."""
    assert place is not None
    shutil.copy(file, f"{place}.new")
    Path(f"{place}.new").replace(place)


def trusting(authority: Authority, shown: Tls | None = None) -> ssl.SSLContext:
    """A client's context; ``shown`` is the certificate that it has itself."""
    context = ssl.create_default_context(cafile=authority.file)
    if shown is not None:
        context.load_cert_chain(shown.cert_file, shown.key_file)
    return context


@contextmanager
def https(web: Web, context: ssl.SSLContext) -> Iterator[http.client.HTTPSConnection]:
    """One connection for several requests, made at the first of them."""
    client = http.client.HTTPSConnection("127.0.0.1", web.port, timeout=PATIENCE, context=context)
    try:
        yield client
    finally:
        client.close()


def ask_once(web: Web, context: ssl.SSLContext) -> Answer:
    """Ask on a connection of its own."""
    with https(web, context) as client:
        return ask(client, "/-/healthy")


def name_shown(web: Web, context: ssl.SSLContext) -> str:
    """The name in the certificate that a new connection is shown."""
    with https(web, context) as client:
        client.connect()
        ((_, name),) = client.sock.getpeercert()["subject"][0]
        assert ask(client, "/-/healthy").status == 200
        return name


@pytest.fixture
def secure(serve: Callable[..., Web], routes: Routes) -> Callable[[Certificate], Web]:
    """Starts servers with a certificate."""
    return lambda certificate: serve(routes, context=certificate.context)


# ------------------------------------------------------------------ one certificate


def test_pages_are_served_with_the_certificate(
    secure: Callable[[Certificate], Web], files: Tls, authority: Authority
):
    """A client that checks everything is content."""
    web = secure(Certificate(files))
    with https(web, trusting(authority)) as client:
        assert ask(client, "/-/healthy").text == "healthy\n"
        assert "slurm_jobs" in ask(client, "/metrics").text
    assert name_shown(web, trusting(authority)) == "first"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_of_tls_that_are_safe_are_spoken(
    secure: Callable[[Certificate], Web],
    files: Tls,
    authority: Authority,
    version: ssl.TLSVersion,
):
    """Also to a client that knows only one of them."""
    context = trusting(authority)
    context.minimum_version = context.maximum_version = version
    assert ask_once(secure(Certificate(files)), context).status == 200


@pytest.mark.parametrize(
    ("least", "spoken"),
    [("TLS12", ssl.TLSVersion.TLSv1_1), ("TLS13", ssl.TLSVersion.TLSv1_2)],
)
def test_version_below_the_least_is_refused(
    secure: Callable[[Certificate], Web],
    files: Tls,
    authority: Authority,
    least: str,
    spoken: ssl.TLSVersion,
):
    """The least is what the operator set, 1.2 by default."""
    context = trusting(authority)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it is old, that is the point
        context.minimum_version = context.maximum_version = spoken
    web = secure(Certificate(replace(files, min_version=least)))
    with pytest.raises(OSError, match=r"EOF|PROTOCOL_VERSION|reset"):
        ask_once(web, context)
    assert ask_once(web, trusting(authority)).status == 200


def test_client_that_speaks_no_tls_harms_nobody(
    secure: Callable[[Certificate], Web],
    files: Tls,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
):
    """It is hung up on, and that is no news."""
    web = secure(Certificate(files))
    assert b"healthy" not in web.say(b"GET /-/healthy HTTP/1.1\r\n\r\n")
    assert ask_once(web, trusting(authority)).status == 200
    assert caplog.records == []


def test_clients_that_begin_to_speak_tls_and_go_silent_delay_nobody(
    secure: Callable[[Certificate], Web], files: Tls, authority: Authority
):
    """Nor do those that never begin."""
    web = secure(Certificate(files))
    with web.connection() as silent, web.connection() as begun:
        begun.sendall(b"\x16\x03\x01\x02\x00\x01")
        began = time.perf_counter()
        assert ask_once(web, trusting(authority)).status == 200
        assert time.perf_counter() - began < 2.0
        silent.close()


def test_stop_closes_idle_connections_at_once(
    secure: Callable[[Certificate], Web], files: Tls, authority: Authority
):
    """With TLS it takes a goodbye, not an answer to it."""
    web = secure(Certificate(files))
    with https(web, trusting(authority)) as client:
        assert ask(client, "/-/healthy").status == 200
        tell_to_stop(web)
        assert client.sock.recv(1) == b""


def test_stop_does_not_wait_for_a_client_that_does_not_say_goodbye(
    serve: Callable[..., Web], routes: Routes, files: Tls, authority: Authority
):
    """TLS ends with a word of both sides, and the other one may be frozen."""
    web = serve(routes, context=Certificate(files).context, grace=0.2)
    with https(web, trusting(authority)) as client:
        assert ask(client, "/-/healthy").status == 200
        began = time.perf_counter()
        assert web.server.stop()
        assert time.perf_counter() - began < 1.5
    gc.collect()


def tell_to_stop(web: Web) -> None:
    """Begin to stop, as ``stop()`` does, without waiting for the end."""
    web.server._server.should_exit = True


# ------------------------------------------------------------------ files that cannot be used


def test_key_of_another_certificate_is_refused(files: Tls, second: Tls):
    """Before anybody is answered."""
    with pytest.raises(OSError, match="the key does not belong to the certificate"):
        Certificate(replace(files, key_file=second.key_file))


def test_key_with_a_passphrase_is_refused_and_nobody_is_asked_for_it(authority: Authority):
    """OpenSSL would ask on the terminal, and a service would hang there."""
    with pytest.raises(OSError, match=r"^the key is encrypted, and a server has nobody to ask"):
        Certificate(authority.issue("encrypted", passphrase="secret"))


@pytest.mark.parametrize("which", ["cert_file", "key_file", "client_ca_file"])
def test_file_that_is_missing_is_named(files: Tls, tmp_path: Path, which: str):
    """It is one of three, and the operator mends one."""
    missing = str(tmp_path / "missing")
    with pytest.raises(FileNotFoundError, match=re.escape(missing)):
        Certificate(replace(files, **{which: missing}))


@pytest.mark.parametrize(
    ("which", "words"),
    [
        ("cert_file", "not valid PEM"),
        ("key_file", "not valid PEM"),
        ("client_ca_file", "else has no certificate in PEM"),
    ],
)
def test_file_that_is_something_else_is_refused(files: Tls, tmp_path: Path, which: str, words: str):
    """Before anybody is answered."""
    (tmp_path / "else").write_text("something else\n")
    with pytest.raises(OSError, match=words):
        Certificate(replace(files, **{which: str(tmp_path / "else")}))


# ------------------------------------------------------------------ renewed files


def test_renewed_files_are_taken_while_old_connections_live_on(
    secure: Callable[[Certificate], Web], files: Tls, authority: Authority, second: Tls
):
    """Nobody notices but by the new name."""
    certificate = Certificate(files)
    web = secure(certificate)
    with https(web, trusting(authority)) as old:
        assert ask(old, "/-/healthy").status == 200
        install(files.cert_file, second.cert_file)
        install(files.key_file, second.key_file)
        assert certificate.refresh() is True
        assert name_shown(web, trusting(authority)) == "second"
        assert ask(old, "/-/healthy").status == 200


def test_files_that_did_not_change_are_not_loaded_again(files: Tls):
    """Somebody looks every ten seconds."""
    assert Certificate(files).refresh() is False


def test_file_of_the_same_size_and_time_is_seen_to_be_another(files: Tls):
    """Renewal may keep times, as rsync does."""
    certificate = Certificate(files)
    state = Path(files.cert_file).stat()
    install(files.cert_file, files.cert_file)
    os.utime(files.cert_file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert certificate.refresh() is True


def test_half_renewed_files_wait_for_the_other_half(
    secure: Callable[[Certificate], Web], files: Tls, authority: Authority, second: Tls
):
    """The certificate comes first and its key a moment later; nobody meets the two mixed."""
    certificate = Certificate(files)
    web = secure(certificate)
    install(files.cert_file, second.cert_file)
    for _ in range(2):
        with pytest.raises(OSError, match="the key does not belong to the certificate"):
            certificate.refresh()
        assert name_shown(web, trusting(authority)) == "first"
    install(files.key_file, second.key_file)
    assert certificate.refresh() is True
    assert name_shown(web, trusting(authority)) == "second"


def test_vanished_file_leaves_the_old_certificate_in_use(
    secure: Callable[[Certificate], Web], files: Tls, authority: Authority, second: Tls
):
    """Until it is there again."""
    certificate = Certificate(files)
    web = secure(certificate)
    Path(files.key_file).unlink()
    with pytest.raises(FileNotFoundError, match=re.escape(files.key_file)):
        certificate.refresh()
    assert name_shown(web, trusting(authority)) == "first"
    install(files.cert_file, second.cert_file)
    install(files.key_file, second.key_file)
    assert certificate.refresh() is True
    assert name_shown(web, trusting(authority)) == "second"


# ------------------------------------------------------------------ certificates of clients


@pytest.fixture
def selective(files: Tls, tmp_path: Path) -> Tls:
    """The server's files, with a file of authorities for clients."""
    return replace(files, client_ca_file=str(tmp_path / "authorities"))


def refuses(web: Web, context: ssl.SSLContext) -> bool:
    """Whether a client does not get as far as an answer."""
    try:
        ask_once(web, context)
    except OSError:
        return True
    return False


@pytest.mark.parametrize("required", [True, False])
def test_client_with_a_certificate_is_let_in_if_its_authority_is_known(
    secure: Callable[[Certificate], Web],
    selective: Tls,
    authority: Authority,
    stranger: Authority,
    *,
    required: bool,
):
    """Required or not."""
    web = secure(Certificate(replace(selective, client_auth_required=required)))
    assert ask_once(web, trusting(authority, authority.issue("client"))).status == 200
    assert refuses(web, trusting(authority, stranger.issue("client")))


def test_client_without_a_certificate_is_let_in_unless_one_is_required(
    secure: Callable[[Certificate], Web], selective: Tls, authority: Authority
):
    """The default is to let it in."""
    optional = secure(Certificate(selective))
    assert ask_once(optional, trusting(authority)).status == 200
    required = secure(Certificate(replace(selective, client_auth_required=True)))
    assert refuses(required, trusting(authority))


def test_authority_that_left_the_file_is_no_longer_trusted(
    secure: Callable[[Certificate], Web],
    selective: Tls,
    authority: Authority,
    stranger: Authority,
):
    """That is how its clients are shut out."""
    certificate = Certificate(replace(selective, client_auth_required=True))
    web = secure(certificate)
    old = trusting(authority, authority.issue("old"))
    new = trusting(authority, stranger.issue("new"))
    assert ask_once(web, old).status == 200
    install(selective.client_ca_file, stranger.file)
    assert certificate.refresh() is True
    assert ask_once(web, new).status == 200
    assert refuses(web, old)


def test_client_needs_one_of_the_names_that_are_allowed(
    selective: Tls, secure: Callable[[Certificate], Web], authority: Authority, second: Tls
):
    """Its authority alone is not enough then."""
    required = replace(selective, client_auth_required=True)
    for names, refused in ((("prometheus", "127.0.0.1"), False), (("prometheus",), True)):
        web = secure(Certificate(replace(required, client_allowed_sans=names)))
        assert refuses(web, trusting(authority, second)) is refused


def test_client_without_a_certificate_has_no_name_either(
    selective: Tls, secure: Callable[[Certificate], Web], authority: Authority
):
    """Even where a certificate is not required."""
    web = secure(Certificate(replace(selective, client_allowed_sans=("127.0.0.1",))))
    assert refuses(web, trusting(authority))


# ------------------------------------------------------------------ other settings


def test_version_above_the_highest_is_not_spoken(
    files: Tls, secure: Callable[[Certificate], Web], authority: Authority
):
    """For whoever must look into the traffic."""
    web = secure(Certificate(replace(files, max_version="TLS12")))
    with https(web, trusting(authority)) as client:
        ask(client, "/-/healthy")
        assert client.sock.version() == "TLSv1.2"


def test_suites_and_curve_are_those_that_were_chosen(
    files: Tls, secure: Callable[[Certificate], Web], authority: Authority
):
    """And no other."""
    suite = "ECDHE-ECDSA-AES256-GCM-SHA384"
    chosen = replace(files, max_version="TLS12", ciphers=(suite,), curve="secp384r1")
    web = secure(Certificate(chosen))
    with https(web, trusting(authority)) as client:
        ask(client, "/-/healthy")
        assert client.sock.cipher()[0] == suite
    other = trusting(authority)
    other.set_ecdh_curve("prime256v1")
    assert refuses(web, other)


def test_suite_that_openssl_does_not_have_is_an_error(files: Tls):
    """In words, with the files that were to be used."""
    with pytest.raises(OSError, match=r"^OpenSSL has no such cipher suite or curve$"):
        Certificate(replace(files, ciphers=("NO-SUCH-SUITE",)))


def test_another_config_counts_from_the_next_connection_on(
    selective: Tls, secure: Callable[[Certificate], Web], authority: Authority, second: Tls
):
    """Open ones stay as they are; one that cannot be used changes nothing."""
    certificate = Certificate(replace(selective, client_ca_file=None))
    web = secure(certificate)
    with https(web, trusting(authority)) as client:
        assert ask(client, "/-/healthy").status == 200
        certificate.use(replace(selective, client_auth_required=True, min_version="TLS13"))
        assert ask(client, "/-/healthy").status == 200
    assert refuses(web, trusting(authority))
    with pytest.raises(FileNotFoundError):
        certificate.use(replace(selective, key_file="/nonexistent"))
    assert refuses(web, trusting(authority))
    assert not refuses(web, trusting(authority, second))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_session_outlives_what_its_client_was_verified_by(
    selective: Tls,
    secure: Callable[[Certificate], Web],
    authority: Authority,
    second: Tls,
    version: ssl.TLSVersion,
):
    """A resumed one would not be verified again."""
    certificate = Certificate(replace(selective, client_ca_file=None))
    web = secure(certificate)
    context = trusting(authority)
    context.maximum_version = version
    session = session_of(web, context)
    certificate.use(replace(selective, client_auth_required=True))
    with socket.create_connection(("127.0.0.1", web.port), PATIENCE) as plain:
        try:
            with context.wrap_socket(
                plain, server_hostname="127.0.0.1", session=session
            ) as connection:
                connection.sendall(HEALTHY)
                answer = connection.recv(100)
        except OSError:
            answer = b""
    assert answer == b""


def session_of(web: Web, context: ssl.SSLContext) -> ssl.SSLSession | None:
    """What a client keeps of a connection, to begin the next one with less effort."""
    with (
        socket.create_connection(("127.0.0.1", web.port), PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        connection.sendall(HEALTHY)
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
        return connection.session


def test_client_that_is_silent_in_the_handshake_is_soon_let_go(
    files: Tls, secure: Callable[[Certificate], Web], monkeypatch: pytest.MonkeyPatch
):
    """Nobody counts connections before it is over."""
    monkeypatch.setattr(server_module, "_HANDSHAKE", 0.2)
    web = secure(Certificate(files))
    with web.connection() as silent, suppress(ConnectionResetError):
        assert silent.recv(1) == b""
