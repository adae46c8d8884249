from __future__ import annotations

import os

import pytest

from slurm_exporter.config.files import (
    MAX_BYTES,
    beside,
    read_text,
    readable,
    writable,
    writable_directory,
)
from slurm_exporter.config.problems import Problems
from slurm_exporter.errors import ConfigError


def complaint(path):
    """What is said about a file that cannot be read."""
    with pytest.raises(ConfigError) as caught:
        read_text(str(path), Problems(str(path)))
    return str(caught.value)


def test_a_file_is_read_as_utf8(tmp_path):
    """Whatever the locale."""
    path = tmp_path / "x.yml"
    path.write_bytes("größe: 1\n".encode())
    assert read_text(str(path), Problems(str(path))) == "größe: 1\n"


def test_a_missing_file_is_named(tmp_path):
    """Without a line, and in the system's words."""
    path = tmp_path / "x.yml"
    assert complaint(path) == f"{path}: cannot read: No such file or directory"


def test_a_directory_is_no_file(tmp_path):
    """It is named like a file."""
    assert complaint(tmp_path) == f"{tmp_path}: cannot read: Is a directory"


def test_a_file_in_another_encoding_is_refused(tmp_path):
    """With the place of the first byte that is no UTF-8."""
    path = tmp_path / "x.yml"
    path.write_bytes(b"a: gr\xf6\xdfe\n")
    assert complaint(path) == f"{path}: cannot read: not UTF-8 text (byte 5)"


def test_a_file_too_large_for_a_config_is_refused(tmp_path):
    """A mistaken ``--config.file /dev/zero`` does not fill the memory."""
    path = tmp_path / "x.yml"
    path.write_bytes(b"#" * MAX_BYTES)
    assert len(read_text(str(path), Problems(str(path)))) == MAX_BYTES
    assert complaint("/dev/zero") == "/dev/zero: cannot read: larger than 256 KiB"


@pytest.mark.parametrize(
    ("text", "file", "path"),
    [
        ("cert.pem", "/etc/exporter/x.yml", "/etc/exporter/cert.pem"),
        ("tls/cert.pem", "etc/x.yml", "etc/tls/cert.pem"),
        ("cert.pem", "x.yml", "cert.pem"),
        ("/cert.pem", "/etc/x.yml", "/cert.pem"),
    ],
)
def test_a_relative_path_is_relative_to_the_file_that_names_it(text, file, path):
    """A config can be moved together with its certificates."""
    assert beside(text, file) == path


@pytest.mark.parametrize("text", ["", "a\0b"])
def test_what_the_system_takes_for_no_path_is_refused(text):
    """An empty path would mean the directory."""
    with pytest.raises(ValueError, match="must be the path of a file"):
        beside(text, "x.yml")


def test_a_readable_file_passes(tmp_path):
    """Its path comes back."""
    path = tmp_path / "cert.pem"
    path.touch()
    assert readable(str(path)) == str(path)


def test_an_unreadable_file_is_named_with_the_reason(tmp_path):
    """Missing and directory here; permissions where they apply."""
    with pytest.raises(ValueError, match=f"cannot read {tmp_path}/x: No such file or directory"):
        readable(f"{tmp_path}/x")
    with pytest.raises(ValueError, match=f"cannot read {tmp_path}: Is a directory"):
        readable(str(tmp_path))


def test_a_path_that_cannot_be_printed_is_quoted():
    """The message stays one line."""
    with pytest.raises(ValueError, match=r"^cannot read '/\\n': No such file or directory$"):
        readable("/\n")


@pytest.fixture
def _ordinary_user():
    """Not root, who may read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


def test_a_writable_path_passes_and_nothing_is_made(tmp_path):
    """A new file in a directory, and one that is there."""
    new, old = tmp_path / "new.log", tmp_path / "old.log"
    old.touch()
    assert [writable(str(new)), writable(str(old))] == [str(new), str(old)]
    assert not new.exists()


def test_a_path_that_cannot_be_written_is_named_with_the_reason(tmp_path):
    """Permissions below."""
    with pytest.raises(ValueError, match=f"^cannot write to {tmp_path}: Is a directory$"):
        writable(str(tmp_path))
    with pytest.raises(ValueError, match=f"to {tmp_path}/x/y: {tmp_path}/x does not exist$"):
        writable(f"{tmp_path}/x/y")


@pytest.mark.usefixtures("_ordinary_user")
def test_a_forbidden_path_is_no_place_for_a_file():
    """Neither a file of somebody else nor a directory."""
    for path in ("/etc/shadow", "/etc/new.log"):
        with pytest.raises(ValueError, match=f"^cannot write to {path}: Permission denied$"):
            writable(path)


@pytest.mark.usefixtures("_ordinary_user")
def test_a_forbidden_file_is_named_with_the_reason():
    """The exporter often runs as another user than the one who wrote the file."""
    with pytest.raises(ValueError, match=r"^cannot read /etc/shadow: Permission denied$"):
        readable("/etc/shadow")
    assert complaint("/etc/shadow") == "/etc/shadow: cannot read: Permission denied"


def test_a_directory_for_files_is_one_that_is_there(tmp_path):
    """It is not made: a misspelt path would make another one."""
    file = tmp_path / "file"
    file.touch()
    assert writable_directory(str(tmp_path)) == str(tmp_path)
    with pytest.raises(ValueError, match=f"^cannot write to {file}: Not a directory$"):
        writable_directory(str(file))
    with pytest.raises(ValueError, match=f"to {tmp_path}/x: No such file or directory$"):
        writable_directory(f"{tmp_path}/x")


@pytest.mark.usefixtures("_ordinary_user")
def test_a_forbidden_directory_is_no_place_for_files():
    """As the service's user sees it."""
    with pytest.raises(ValueError, match=r"^cannot write to /etc: Permission denied$"):
        writable_directory("/etc")
