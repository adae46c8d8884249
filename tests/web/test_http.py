"""The shapes of HTTP: requests, replies, and what a client can read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from slurm_exporter.web.http import TEXT, Reply, Request, accepts_gzip, text


def request(query: bytes = b"", headers: list[tuple[bytes, bytes]] | None = None) -> Request:
    """A GET of /x."""
    return Request("GET", "/x", headers or [], query)


def test_request_has_the_method_and_the_path_of_its_scope():
    """The two that decide what is answered."""
    assert (request().method, request().path) == ("GET", "/x")


def test_query_collects_repeated_and_blank_parameters():
    """An empty name must be refused, not overlooked."""
    query = request(b"collect%5B%5D=jobs&collect[]=&other=a+b").query
    assert query == {"collect[]": ["jobs", ""], "other": ["a b"]}


def test_query_of_bytes_that_are_no_utf8_is_read_all_the_same():
    """Clients can send anything there."""
    assert request(b"collect[]=%ff").query == {"collect[]": ["\N{REPLACEMENT CHARACTER}"]}


def test_header_that_is_missing_is_empty():
    """So nobody has to ask first whether it is there."""
    assert request().header(b"accept") == ""


def test_header_that_is_repeated_is_one_list():
    """RFC 9110 5.3: several lines of one name mean the same as one line with commas."""
    headers = [(b"accept", b"a/b"), (b"x", b"y"), (b"accept", b"c/d;q=0.5")]
    assert request(headers=headers).header(b"accept") == "a/b,c/d;q=0.5"


def test_header_of_bytes_that_are_no_ascii_is_read_all_the_same():
    """HTTP lets any byte through."""
    assert request(headers=[(b"x", b"\xe9")]).header(b"x") == "\xe9"


@pytest.mark.parametrize(
    ("accept_encoding", "admitted"),
    [
        ("", False),
        ("gzip", True),
        ("GZip", True),
        ("x-gzip", True),
        ("deflate, gzip", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("gzip; q=0.001", True),
        ("gzip;q=1", True),
        ("gzip;q=1.000", True),
        ("gzip;q=0", False),
        ("gzip ; q=0.000", False),
        ("identity", False),
        ("deflate, br", False),
        ("gzipped", False),
        ("*", False),
    ],
)
def test_gzip_is_sent_to_those_who_name_it_and_do_not_refuse_it(
    accept_encoding: str, *, admitted: bool
):
    """Whoever names nothing gets plain text."""
    assert accepts_gzip(accept_encoding) is admitted


def sent(reply: Reply) -> list[dict[str, Any]]:
    """The ASGI messages of a reply."""
    messages: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    asyncio.run(reply.send(send))
    return messages


def test_reply_is_sent_with_its_type_its_length_and_its_own_headers():
    """Two messages are all it takes."""
    start, body = sent(Reply(200, (b"a", b"bc"), "text/html", ((b"vary", b"Accept"),)))
    assert start == {
        "type": "http.response.start",
        "status": 200,
        "headers": [
            (b"content-type", b"text/html"),
            (b"content-length", b"3"),
            (b"vary", b"Accept"),
        ],
    }
    assert body == {"type": "http.response.body", "body": b"abc"}


def test_text_is_a_line_of_plain_utf8():
    """With the line feed that a terminal wants."""
    reply = text(404, "nö", (b"allow", b"GET"))
    expected = Reply(404, ("nö\n".encode(),), "text/plain; charset=utf-8", ((b"allow", b"GET"),))
    assert reply == expected
    assert reply.content_type == TEXT


def test_reply_as_bytes_is_its_head_and_its_pieces():
    """The server's own headers come first; nothing of the body is copied."""
    body = b"abc"
    head, *pieces = Reply(200, (body,), headers=((b"vary", b"Accept"),)).lines([(b"date", b"now")])
    assert head == (
        b"HTTP/1.1 200 OK\r\ndate: now\r\ncontent-type: text/plain; charset=utf-8\r\n"
        b"content-length: 3\r\nvary: Accept\r\n\r\n"
    )
    assert pieces[0] is body
