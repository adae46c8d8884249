"""One cluster and all that reaches it: its slurmctld, its commands, and which of them is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slurm_exporter.sources.auto import COMMANDS, NATIVE, AutoSource, Choice
from slurm_exporter.sources.cli.history import HistorySource
from slurm_exporter.sources.cli.keeper import Keeper
from slurm_exporter.sources.cli.outputs import Outputs
from slurm_exporter.sources.cli.source import CliSource
from slurm_exporter.sources.corrections import Corrections
from slurm_exporter.sources.openmetrics import OpenMetricsSource
from slurm_exporter.sources.slurmctld import Slurmctld

if TYPE_CHECKING:
    from slurm_exporter.config import Endpoint, Slurm
    from slurm_exporter.sources import Source


class Cluster:
    """What all endpoints of a cluster share."""

    def __init__(self, slurm: Slurm, *, before: Cluster | None = None, keeps: bool = True) -> None:
        """Prepare; ask nothing.

        Args:
            slurm: how it is reached.
            before: the cluster as another config described it; what still holds of it is kept.
            keeps: whether files may be written, for the next start.
        """
        self._slurm = slurm
        self.slurmctld: Slurmctld = (
            Slurmctld(slurm) if before is None else before.slurmctld.reconfigured(slurm)
        )
        self._outputs = Outputs(
            slurm.cli, slurm.body_size_limit, max_duty_cycle=slurm.max_duty_cycle
        )
        self._corrections = Corrections() if slurm.corrections else None
        self.keeper: Keeper = (
            Keeper(slurm, keeps=keeps) if before is None else before.keeper.reconfigured(slurm)
        )
        self._choice = Choice(open_to_all=not (slurm.authorization or slurm.basic_auth))

    def reconfigured(self, slurm: Slurm) -> Cluster:
        """Return one for another config, which knows what still holds of what this one knows."""
        return self if slurm == self._slurm else Cluster(slurm, before=self)

    def source(self, endpoint: Endpoint) -> Source:
        """Return what asks for an endpoint."""
        if endpoint.history is not None:
            return HistorySource(self._outputs, endpoint, endpoint.history, self.keeper)
        commands = CliSource(self._outputs, endpoint)
        if endpoint.source == COMMANDS:
            return commands
        native = OpenMetricsSource(self.slurmctld, endpoint, self._corrections)
        if endpoint.source == NATIVE:
            return native
        return AutoSource(native, commands, self._choice, endpoint.timeout)
