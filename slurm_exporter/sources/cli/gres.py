"""GPUs among the generic resources that a node is configured with, or that jobs have of it."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from slurm_exporter.sources.cli import values

if TYPE_CHECKING:
    from slurm_exporter.sources.cli.records import Gpus

# Commas separate items, and within parentheses the numbers of devices or sockets.
_ITEM = re.compile(r"(?:[^,()]|\([^()]*\))+")
_GPU = re.compile(r"gpu(?::(?P<model>[^:]+))??(?::no_consume)?:(?P<count>\d+)(?:\(.*\))?")


@lru_cache(maxsize=4096)
def gpus(text: str) -> Gpus:
    """Return the GPUs in a text such as ``gpu:a100:2(IDX:0,3),shard:8`` or ``gpu:(null):1(S:0)``.

    Raises:
        ValueError: there are some, and they cannot be counted.
    """
    found: Counter[str] = Counter()
    for item in _ITEM.findall(text):
        if item.partition(":")[0] == "gpu":
            match = _GPU.fullmatch(item)
            if match is None:
                raise ValueError(f"{item!r} is no number of GPUs")
            found[values.name(match["model"] or "")] += int(match["count"])
    return MappingProxyType({model: count for model, count in found.items() if count})
