"""What the simulated controller remembers of nodes and jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from slurm_exporter.demo.inventory import Shape

if TYPE_CHECKING:
    from slurm_exporter.demo.inventory import NodeKind, Partition, User

NOTHING = Shape(nodes=0, cpus=0, memory=0)


@dataclass(slots=True, eq=False)
class Node:
    """A node, what is allocated on it and what is wrong with it.

    Attributes:
        flags: ``down`` and Slurm's state flags (``drain``, ``noresp`` ...) under the names that
            the metrics give them. Any of them keeps new jobs away.
        planned: set while backfill keeps the idle node for a large job.
        cleaning: jobs whose epilog has not ended yet.
        jobs: the jobs that run on it, by id.
    """

    name: str
    kind: NodeKind
    flags: frozenset[str] = frozenset()
    planned: bool = False
    cleaning: int = 0
    cpus_alloc: int = 0
    memory_alloc: int = 0
    gpus_alloc: int = 0
    jobs: dict[int, Job] = field(default_factory=dict)

    @property
    def base_state(self) -> str:
        """The one of Slurm's exclusive states that the node is in."""
        if "down" in self.flags:
            return "down"
        if not self.cpus_alloc:
            return "idle"
        return "mixed" if self.cpus_alloc < self.kind.cpus_effective else "alloc"

    @property
    def memory_free(self) -> int:
        """MiB that the operating system calls free: jobs use less than they were given."""
        return self.kind.memory * 31 // 32 - self.memory_alloc * 3 // 4

    def fits(self, shape: Shape, evicted: Shape = NOTHING) -> bool:
        """Tell whether one node's share of ``shape`` has room here, ``evicted`` being gone."""
        kind = self.kind
        return (
            not self.flags
            and kind.cpus_effective - self.cpus_alloc + evicted.cpus >= shape.cpus
            and kind.memory_effective - self.memory_alloc + evicted.memory >= shape.memory
            and kind.gpus - self.gpus_alloc + evicted.gpus >= shape.gpus
        )

    def would_fit(self, shape: Shape) -> bool:
        """Tell whether ``shape`` would have room if the preemptible jobs went."""
        going = [job.shape for job in self.jobs.values() if job.partition.preemptible]
        evicted = Shape(
            nodes=0,
            cpus=sum(gone.cpus for gone in going),
            memory=sum(gone.memory for gone in going),
            gpus=sum(gone.gpus for gone in going),
        )
        return self.fits(shape, evicted)

    def take(self, job: Job) -> None:
        """Allocate the node's share of ``job``."""
        self.jobs[job.id] = job
        self._allocate(job.shape, 1)

    def release(self, job: Job) -> None:
        """Give back what ``job`` had."""
        del self.jobs[job.id]
        self._allocate(job.shape, -1)

    def _allocate(self, shape: Shape, sign: int) -> None:
        self.cpus_alloc += sign * shape.cpus
        self.memory_alloc += sign * shape.memory
        self.gpus_alloc += sign * shape.gpus


@dataclass(slots=True, eq=False)
class Job:
    """A job record: one job, one started task, or all tasks of an array that still wait.

    Attributes:
        tasks: waiting tasks of an array; 1 for everything else.
        minutes: the span that its run time is drawn from.
        state: ``pending``, ``running`` or a final state, named as in the metrics.
        flags: ``hold``, ``requeued``, ``wait_part_node_limit`` (each keeps it from starting),
            ``configuring``, ``completing``.
        started: when it started, in seconds of the simulation.
        ends: when it ends if nothing happens to it, likewise.
        nodes: the nodes it runs or ran on.
    """

    id: int
    user: User
    account: str
    partition: Partition
    shape: Shape
    minutes: tuple[float, float]
    tasks: int = 1
    state: str = "pending"
    flags: frozenset[str] = frozenset()
    started: float = 0.0
    ends: float = 0.0
    nodes: tuple[Node, ...] = ()

    @property
    def limit(self) -> float:
        """The time limit in seconds that its user asked for."""
        return self.minutes[1] * 60

    @property
    def eligible(self) -> bool:
        """Whether only room is missing for it to start."""
        return self.state == "pending" and not self.flags

    @property
    def expected_end(self) -> float:
        """The latest moment at which it will end, all that the scheduler knows."""
        return self.started + self.limit

    @property
    def size(self) -> float:
        """CPU seconds it will take at most, all waiting tasks together."""
        return self.tasks * self.shape.nodes * self.shape.cpus * self.limit
