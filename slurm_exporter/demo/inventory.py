"""What the simulated site has and who works there: plain data, nothing that changes.

Sizes are per node: CPUs, memory in MiB, GPUs. The `scavenge` partition lies over the nodes of
three others and its jobs give way to theirs.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class NodeKind:
    """A rack of equal nodes, ``prefix`` and a running number.

    Attributes:
        spec_cpus: CPUs kept for the system (Slurm's CoreSpecCount), never given to jobs.
        spec_memory: MiB kept for the system (MemSpecLimit).
    """

    prefix: str
    count: int
    cpus: int
    memory: int
    gpus: int = 0
    spec_cpus: int = 0
    spec_memory: int = 0

    @property
    def cpus_effective(self) -> int:
        """CPUs that jobs can get."""
        return self.cpus - self.spec_cpus

    @property
    def memory_effective(self) -> int:
        """MiB that jobs can get."""
        return self.memory - self.spec_memory

    def names(self) -> list[str]:
        """Node names in order, as in ``cn001``."""
        return [f"{self.prefix}{number:03}" for number in range(1, self.count + 1)]


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """A queue: jobs ask for it, its nodes run them; ``preemptible`` jobs yield to all others."""

    name: str
    kinds: tuple[NodeKind, ...]
    max_nodes: int
    preemptible: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """What one job (or one task of an array) asks for: nodes, and on each of them the rest."""

    nodes: int
    cpus: int
    memory: int
    gpus: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """A habit of submitting: one of ``shapes``, an array of ``tasks``, running ``minutes``."""

    partition: Partition
    shapes: tuple[Shape, ...]
    minutes: tuple[float, float]
    tasks: tuple[int, int] = (1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class User:
    """Somebody who submits jobs; the empty account is a job that names none."""

    name: str
    accounts: tuple[str, ...]
    workloads: tuple[Workload, ...]
    eagerness: float = 1.0


CN = NodeKind("cn", 88, cpus=48, memory=192_000)
GN = NodeKind("gn", 16, cpus=64, memory=512_000, gpus=4, spec_cpus=4, spec_memory=16_000)
HM = NodeKind("hm", 8, cpus=64, memory=1_536_000, spec_memory=16_000)
DV = NodeKind("dv", 4, cpus=32, memory=96_000)
NODE_KINDS = (CN, GN, HM, DV)

COMPUTE = Partition("compute", (CN,), max_nodes=32)
GPU = Partition("gpu", (GN,), max_nodes=8)
HIGHMEM = Partition("highmem", (HM,), max_nodes=4)
DEBUG = Partition("debug", (DV,), max_nodes=2)
SCAVENGE = Partition("scavenge", (CN, GN, HM), max_nodes=1, preemptible=True)
PARTITIONS = (COMPUTE, GPU, HIGHMEM, DEBUG, SCAVENGE)

SERIAL = Workload(
    COMPUTE,
    (Shape(1, 1, 4_000), Shape(1, 2, 7_000), Shape(1, 4, 14_000), Shape(1, 8, 28_000)),
    minutes=(2, 45),
)
SWEEP = Workload(COMPUTE, (Shape(1, 2, 6_000), Shape(1, 4, 12_000)), (1, 12), tasks=(6, 60))
SOLVER = Workload(
    COMPUTE, (Shape(1, 48, 180_000), Shape(2, 48, 160_000), Shape(4, 48, 160_000)), (5, 50)
)
MODEL = Workload(COMPUTE, (Shape(8, 48, 150_000), Shape(16, 48, 120_000)), (10, 50))
OVERSIZED = Workload(COMPUTE, (Shape(48, 48, 120_000), Shape(64, 48, 120_000)), (30, 60))
TRAINING = Workload(
    GPU, (Shape(1, 8, 60_000, 1), Shape(1, 16, 120_000, 2), Shape(1, 60, 480_000, 4)), (8, 60)
)
PRETRAINING = Workload(GPU, (Shape(2, 60, 480_000, 4), Shape(4, 60, 480_000, 4)), (15, 50))
INFERENCE = Workload(GPU, (Shape(1, 4, 40_000, 1),), (1, 8), tasks=(4, 16))
ASSEMBLY = Workload(HIGHMEM, (Shape(1, 16, 380_000), Shape(1, 32, 760_000)), (10, 50))
TRIAL = Workload(DEBUG, (Shape(1, 4, 8_000), Shape(1, 16, 40_000), Shape(2, 32, 90_000)), (0.5, 5))
LEFTOVERS = Workload(SCAVENGE, (Shape(1, 12, 40_000),), (3, 15), tasks=(6, 30))

USERS = (
    User("amundsen", ("climate",), (MODEL, SOLVER, TRIAL), 1.5),
    User("bhatt", ("bio",), (SWEEP, ASSEMBLY), 1.5),
    User("castillo", ("chem",), (SOLVER, SERIAL), 2.0),
    User("dlamini", ("ml",), (TRAINING, INFERENCE, TRIAL), 1.5),
    User("eriksen", ("physics", "astro"), (SERIAL, SWEEP, SOLVER), 2.0),
    User("farouk", ("astro",), (MODEL, SERIAL)),
    User("goncalves", ("bio", ""), (SERIAL, ASSEMBLY), 1.5),
    User("hoang", ("ml",), (PRETRAINING, TRAINING)),
    User("ivanova", ("chem",), (SERIAL, SWEEP)),
    User("jansen", ("physics",), (LEFTOVERS, SERIAL), 0.6),
    User("kowalski", ("",), (TRIAL, SERIAL)),
    User("lindqvist", ("climate", "physics"), (MODEL, OVERSIZED, SERIAL), 0.5),
    User("mbeki", ("astro",), (LEFTOVERS, TRAINING), 0.6),
    User("nakamura", ("ml", "physics"), (TRAINING, INFERENCE)),
    User("okafor", ("bio",), (SWEEP, TRIAL)),
    User("petrov", ("chem",), (SOLVER, TRIAL)),
)
