"""Text stays text."""

from __future__ import annotations

from slurm_exporter.web.markup import Html, fill, join, markup


def test_text_is_escaped_where_it_is_filled_in():
    """In an attribute as well as between tags."""
    made = fill('<b title="$title">$text</b>', title="\"'>", text="<script>&")

    assert made == '<b title="&quot;&#x27;&gt;">&lt;script&gt;&amp;</b>'


def test_markup_is_filled_in_as_it_is():
    """So templates can be put into one another, and nothing is escaped twice."""
    inner = fill("<i>$text</i>", text="a & b")

    assert fill("<p>$inner</p>", inner=inner) == "<p><i>a &amp; b</i></p>"


def test_a_dollar_in_text_names_nothing():
    """What is filled in is not read as a template again."""
    assert fill("$a", a="$b $$") == "$b $$"


def test_pieces_are_joined_as_markup():
    """The result of join is not escaped either."""
    assert fill("$all", all=join([Html("<i>"), markup("<")])) == "<i>&lt;"


def test_bytes_that_were_no_utf8_can_be_sent():
    """Python keeps them as halves of surrogate pairs, which no encoding accepts."""
    text = b"caf\xe9".decode(errors="surrogateescape")

    assert markup(text).encode() == b"caf?"
