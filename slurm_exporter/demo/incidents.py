"""What happens to nodes: they are drained, rebooted, reserved, and sometimes they crash."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slurm_exporter.demo.controller import Controller
    from slurm_exporter.demo.records import Node

SECONDS_BETWEEN = 200.0
"""Mean time between two incidents."""

REQUEUED = 0.6
"""The share of a crashed node's jobs that their users let Slurm run again."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A while in which a node carries ``flags``, longer if its jobs must end first."""

    flags: frozenset[str]
    seconds: tuple[float, float]
    waits_for_jobs: bool = False


DRAIN = (Phase(frozenset({"drain"}), (300, 1500), waits_for_jobs=True),)
REBOOT = (
    Phase(frozenset({"drain", "reboot_req"}), (5, 30), waits_for_jobs=True),
    Phase(frozenset({"down", "drain", "reboot_issued"}), (90, 240)),
)
CRASH = (
    Phase(frozenset({"down", "noresp"}), (180, 900)),
    Phase(frozenset({"down", "drain"}), (60, 300)),
)
FAILING = (Phase(frozenset({"fail"}), (300, 1200), waits_for_jobs=True),)
MAINTENANCE = (Phase(frozenset({"maint", "resv"}), (600, 1800)),)
RESERVATION = (Phase(frozenset({"resv"}), (600, 1800)),)
MISFIT = (Phase(frozenset({"drain", "invalid_reg"}), (200, 600), waits_for_jobs=True),)

INCIDENTS = {
    DRAIN: 30,
    REBOOT: 20,
    CRASH: 20,
    FAILING: 5,
    MAINTENANCE: 10,
    RESERVATION: 10,
    MISFIT: 5,
}
"""Each story and how often it happens in a hundred."""


class Incidents:
    """The mishaps and the care that the nodes of one controller meet."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._rng = controller.rng

    def begin(self) -> None:
        """Let one thing after another happen, for ever."""
        self._controller.after(self._rng.expovariate(1 / SECONDS_BETWEEN), self._strike)

    def _strike(self) -> None:
        healthy = [node for node in self._controller.nodes.values() if not node.flags]
        story = self._rng.choices(list(INCIDENTS), list(INCIDENTS.values()))[0]
        self._live(self._rng.choice(healthy), story)
        self.begin()

    def _live(self, node: Node, story: tuple[Phase, ...]) -> None:
        """Enter the first phase of ``story``; a node whose story is over is well again."""
        node.flags = story[0].flags if story else frozenset()
        if "down" in node.flags:
            self._lose_jobs(node)
        if story:
            pause = self._rng.uniform(*story[0].seconds)
            self._controller.after(pause, partial(self._move_on, node, story))

    def _move_on(self, node: Node, story: tuple[Phase, ...]) -> None:
        if story[0].waits_for_jobs and node.jobs:
            self._controller.after(30, partial(self._move_on, node, story))
        else:
            self._live(node, story[1:])

    def _lose_jobs(self, node: Node) -> None:
        for job in list(node.jobs.values()):
            if self._rng.random() < REQUEUED:
                self._controller.requeue(job)
            else:
                self._controller.finish(job, "node_failed")
