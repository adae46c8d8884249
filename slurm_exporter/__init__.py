"""A metrics cache that stands between Slurm and Prometheus."""

__version__ = "0.1.0"
