"""The endpoint controllers."""

from __future__ import annotations

from slurm_exporter.sources.cli.families import controllers
from slurm_exporter.sources.cli.records import Controller
from tests.sources.cli.recordings import samples


def test_controllers_are_up_or_down() -> None:
    """Also if none is up."""
    known = (Controller("ctl1", "primary", up=False), Controller("ctl2", "backup", up=True))

    assert samples(controllers.families(known)) == {
        "slurm_controller_up": {("ctl1", "primary"): 0, ("ctl2", "backup"): 1}
    }
    assert [metric.name for metric in controllers.METRICS] == ["slurm_controller_up"]
