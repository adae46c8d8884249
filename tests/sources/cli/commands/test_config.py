"""Reading scontrol show config."""

from __future__ import annotations

import pytest

from slurm_exporter.errors import ParseError
from slurm_exporter.sources.cli.commands.config import CONFIG
from tests.sources.cli.recordings import BY_HAND, RELEASES, recorded, records


@pytest.mark.parametrize("release", RELEASES)
def test_what_accounting_enforces(release: str) -> None:
    """Nothing by default."""
    (lax,) = records(CONFIG, recorded(CONFIG, release))
    (strict,) = records(CONFIG, recorded(CONFIG, release, BY_HAND))

    assert lax.enforced == {"none"}
    assert strict.enforced == {"associations", "limits", "qos"}


def test_another_text_is_a_failure() -> None:
    """Not a cluster that enforces nothing."""
    with pytest.raises(ParseError, match="does not say what accounting enforces"):
        CONFIG.read("Configuration data as of 1795241380\n", "")
