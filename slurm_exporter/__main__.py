"""``python -m slurm_exporter``."""

from slurm_exporter.cli import entry

if __name__ == "__main__":
    entry()
