"""GPUs among generic resources."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slurm_exporter.sources.cli.gres import gpus


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(null)", {}),
        ("", {}),
        ("gpu:4", {"": 4}),
        ("gpu:a100:4", {"a100": 4}),
        ("gpu:a100:4(S:0-1)", {"a100": 4}),
        ("gpu:a100:2(IDX:0,3),gpu:h100:1(IDX:4)", {"a100": 2, "h100": 1}),
        ("gpu:(null):2(IDX:0-1)", {"": 2}),
        ("gpu:no_consume:3", {"": 3}),
        ("gpu:a100:no_consume:3", {"a100": 3}),
        ("gpu:a100:4,shard:a100:8(4/8,0/8),mps:200,craynetwork:4", {"a100": 4}),
        ("gpu:a100:2(S:0),gpu:a100:2(S:1)", {"a100": 4}),
        ("license_gpu:7,gpus:7", {}),
    ],
)
def test_gpus_are_counted_by_model(text: str, expected: dict[str, int]) -> None:
    """Whatever stands beside them, and in parentheses."""
    assert gpus(text) == expected


@pytest.mark.parametrize("text", ["gpu:a100:0(IDX:N/A)", "gpu:0", "gpu:(null):0(IDX:N/A)"])
def test_models_without_gpus_are_left_out(text: str) -> None:
    """22.05 says of nodes without GPUs that 0 of them are in use."""
    assert gpus(text) == {}


@pytest.mark.parametrize("text", ["gpu", "gpu:", "gpu:a100", "gpu:a:b:1", "gpu:a100:x(S:0)"])
def test_gpus_that_cannot_be_counted_are_an_error(text: str) -> None:
    """Rather than missing from a sum."""
    with pytest.raises(ValueError, match="is no number of GPUs"):
        gpus(text)


_MODELS = st.from_regex(r"[a-z][a-z0-9_.-]{0,8}", fullmatch=True).filter("no_consume".__ne__)
_DEVICES = st.sampled_from(["", "(S:0-1)", "(IDX:0,3)", "(IDX:0-1,3,5-7)", "(S:0,2)"])
_OTHERS = st.sampled_from(["shard:8", "mps:100(50/100,0/100)", "nic:ib:2(IDX:0,1)"])


@given(st.dictionaries(_MODELS, st.integers(1, 64)), _DEVICES, st.lists(_OTHERS))
def test_what_slurm_writes_is_read(models: dict[str, int], devices: str, others: list[str]) -> None:
    items = [f"gpu:{model}:{count}{devices}" for model, count in models.items()]

    assert gpus(",".join([*others, *items, *others])) == models
