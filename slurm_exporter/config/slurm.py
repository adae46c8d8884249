"""The section ``slurm``."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from slurm_exporter.config.fields import distinct
from slurm_exporter.config.files import beside, writable_directory
from slurm_exporter.config.model import SOURCES, Authorization, Cli, Slurm
from slurm_exporter.config.times import read_timeout
from slurm_exporter.config.transport import read_headers, read_login, read_path, read_tls_config
from slurm_exporter.config.values import SHARE_FORM, URL_FORM, check_share, check_url
from slurm_exporter.config.words import quote

if TYPE_CHECKING:
    from slurm_exporter.config.fields import Field
    from slurm_exporter.config.sections import Section

_WORD = re.compile(r"[!-~]+")
_COMMAND_FORM = "a command, or a list of its program and arguments"


def read_slurm(section: Section) -> Slurm:
    """How slurmctld is reached; the defaults for what the section leaves out."""
    default = Slurm()
    section.either("authorization", "basic_auth")
    authorization = _read_authorization(section.section("authorization"))
    slurm = Slurm(
        source=section.take("source").choice(SOURCES, default.source),
        urls=_read_urls(section) or default.urls,
        timeout=read_timeout(section.take("timeout"), default.timeout),
        max_duty_cycle=section.take("max_duty_cycle").number(
            check_share, default.max_duty_cycle, SHARE_FORM
        ),
        body_size_limit=section.take("body_size_limit").size(default.body_size_limit),
        authorization=authorization,
        user=_read_user(section.take("user"), authorization),
        tls_config=read_tls_config(section.section("tls_config")),
        basic_auth=read_login(section.section("basic_auth")),
        headers=read_headers(section.section("headers")),
        proxy_from_environment=section.take("proxy_from_environment").boolean(
            default=default.proxy_from_environment
        ),
        cli=_read_cli(section.section("cli", "a mapping such as {path: /opt/slurm/bin}")),
        corrections=section.take("corrections").boolean(default=default.corrections),
    )
    _check_tls(section, slurm)
    section.finish()
    return slurm


def _check_tls(section: Section, slurm: Slurm) -> None:
    """Refuse TLS that would protect nothing."""
    tls = section.take("tls_config")
    settled = all(section.take(key).clean for key in ("url", "urls"))
    if not tls.empty and settled and not any(url.startswith("https:") for url in slurm.urls):
        tls.fail("is for https:// URLs, and there is none in slurm.url or slurm.urls")


def _read_urls(section: Section) -> tuple[str, ...]:
    url, urls = section.either("url", "urls")
    items = urls.items("a list of URLs")
    if items == ():
        urls.fail("must be a list of URLs, not an empty list")
    pairs = [(item, item.text(check_url, None, URL_FORM)) for item in (url, *(items or ()))]
    return distinct(pairs, "URL")


def _read_cli(section: Section) -> Cli:
    directory = section.take("state_directory")
    file = directory.problems.file
    cli = Cli(
        path=section.take("path").text(_check_directories, None),
        state_directory=directory.text(
            lambda text: writable_directory(beside(text, file, "directory")), None
        ),
    )
    section.finish()
    return cli


def _check_directories(text: str) -> str:
    """Directories as in ``PATH``, which need not be there yet."""
    if not all(part.startswith("/") for part in text.split(":")):
        form = "the absolute path of a directory, or several with : between"
        raise ValueError(f"must be {form}, not {quote(text)}")
    return text


# ------------------------------------------------------------------ tokens


def _read_authorization(section: Section) -> Authorization | None:
    file, command = section.either("credentials_file", "token_command")
    section.finish()
    if section.empty:
        return None
    if not (file.given or command.given):
        file.fail("is required, or token_command instead")
    return Authorization(read_path(file), _read_command(command))


def _read_command(field: Field) -> tuple[str, ...]:
    items = field.one_or_more(_COMMAND_FORM)
    if items == (field,):
        return field.text(_split_command, (), _COMMAND_FORM)
    if items == ():
        field.fail(f"must be {_COMMAND_FORM}, not an empty list")
    command = tuple(item.text(_check_argument, "") for item in items or ())
    return _named(field, command)


def _named(field: Field, command: tuple[str, ...]) -> tuple[str, ...]:
    if field.clean and command[:1] == ("",):
        field.fail("must begin with the program to run")
    return command


def _split_command(text: str) -> tuple[str, ...]:
    """A command line as a shell would split it, and do no more."""
    try:
        command = tuple(shlex.split(_check_argument(text)))
    except ValueError as error:
        raise ValueError(f"is no command line: {str(error).lower()}") from None
    if not command or not command[0]:
        raise ValueError("must begin with the program to run")
    return command


def _check_argument(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not have a null character")
    return text


def _read_user(field: Field, authorization: Authorization | None) -> str | None:
    user = field.text(_check_user, None)
    if user is not None and authorization is None:
        field.fail("needs slurm.authorization; without a token slurmctld takes no user's name")
    return user


def _check_user(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ValueError("must be a user's name, in ASCII and without spaces")
    return text
