"""A simulated slurmctld with a small living cluster behind it, for trying out the exporter.

It is a server of its own on loopback and knows nothing of the exporter, which asks it as it would
ask a real one. ``cluster`` is the simulation, ``endpoints`` what is told of it, ``server`` who
tells it.
"""

from __future__ import annotations

from slurm_exporter.demo.server import DemoSlurmctld

__all__ = ["DemoSlurmctld"]
