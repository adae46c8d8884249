"""Compressed parts that join into one gzip member."""

from __future__ import annotations

import gzip
import io
import subprocess
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slurm_exporter.exposition import join, pack

TEXT = b'slurm_node_cpus{node="n1"} 8\nslurm_node_cpus{node="n2"} 16\n' * 3


def test_every_split_of_a_text_joins_to_the_same_text() -> None:
    """Wherever a text is cut in two, the member says the whole."""
    for cut in range(len(TEXT) + 1):
        assert gzip.decompress(b"".join(join([pack(TEXT[:cut]), pack(TEXT[cut:])]))) == TEXT


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_any_parts_join_to_one_member_with_the_right_checksum(texts: list[bytes]) -> None:
    """The trailer's CRC-32 and size are those of the whole, computed from the parts alone."""
    member = b"".join(join(map(pack, texts)))
    whole = b"".join(texts)

    assert gzip.decompress(member) == whole
    assert int.from_bytes(member[-8:-4], "little") == zlib.crc32(whole)
    assert int.from_bytes(member[-4:], "little") == len(whole)


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 255, 256, 65_535, 65_536, 1_000_003])
def test_parts_of_any_size_join(size: int) -> None:
    """The arithmetic holds for every length."""
    texts = [b"x" * size, b"y" * 7, b"z" * size]

    assert gzip.decompress(b"".join(join(map(pack, texts)))) == b"".join(texts)


def test_it_is_one_member_and_not_several() -> None:
    """Readers that stop after the first member, as some do, miss nothing."""
    reader = zlib.decompressobj(zlib.MAX_WBITS | 16)
    text = reader.decompress(b"".join(join([pack(TEXT), pack(TEXT)])))

    assert text == TEXT * 2
    assert reader.eof
    assert reader.unused_data == b""


def test_streaming_readers_and_the_gzip_command_read_it() -> None:
    """Reading in small pieces, and by an implementation that is not zlib's Python binding."""
    member = b"".join(join([pack(TEXT), pack(b""), pack(TEXT)]))

    with gzip.GzipFile(fileobj=io.BytesIO(member)) as stream:
        assert b"".join(iter(lambda: stream.read(7), b"")) == TEXT * 2
    assert subprocess.run(
        ["gzip", "-dc"], input=member, capture_output=True, check=True
    ).stdout == (TEXT * 2)


def test_a_parts_repr_does_not_hold_its_bytes() -> None:
    """A log line or a traceback never carries megabytes."""
    assert len(repr(pack(TEXT * 1000))) < 200
