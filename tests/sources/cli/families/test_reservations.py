"""The endpoint reservations."""

from __future__ import annotations

from slurm_exporter.sources.cli.families import reservations
from slurm_exporter.sources.cli.records import Reservation
from tests.sources.cli.recordings import samples


def test_a_reservation_is_told_with_all_that_it_says() -> None:
    """And whether it holds now is a number, to be multiplied with others."""
    one = Reservation("night", "ACTIVE", "", "bio,chem", "batch", "FLEX", 100, 200, 2, 16)
    two = Reservation("odd", "INACTIVE", "bob", "", "", "", None, None, 0, 0)

    assert samples(reservations.families([one, two])) == {
        "slurm_reservation_info": {
            ("night", "ACTIVE", "", "bio,chem", "batch", "FLEX"): 1,
            ("odd", "INACTIVE", "bob", "", "", ""): 1,
        },
        "slurm_reservation_active": {("night",): 1, ("odd",): 0},
        "slurm_reservation_start_time_seconds": {("night",): 100},
        "slurm_reservation_end_time_seconds": {("night",): 200},
        "slurm_reservation_nodes": {("night",): 2, ("odd",): 0},
        "slurm_reservation_cores": {("night",): 16, ("odd",): 0},
    }
    assert [metric.name for metric in reservations.METRICS] == list(
        samples(reservations.families([one]))
    )
