"""Slurm's text to families, families to bytes: pure functions without I/O, clock or state."""

from slurm_exporter.exposition.client import render_client
from slurm_exporter.exposition.deflate import Part, join, pack
from slurm_exporter.exposition.family import Family, Rows
from slurm_exporter.exposition.formats import Format, Media, negotiate
from slurm_exporter.exposition.parse import DROP_REASONS, Admission, Parsed, Rule, parse
from slurm_exporter.exposition.render import render

__all__ = [
    "DROP_REASONS",
    "Admission",
    "Family",
    "Format",
    "Media",
    "Parsed",
    "Part",
    "Rows",
    "Rule",
    "join",
    "negotiate",
    "pack",
    "parse",
    "render",
    "render_client",
]
