"""What stands in ``/etc`` of a machine that runs Slurm."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.slurm import tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.slurm.tree import Release

USERS = ("alice", "bob", "carol", "dave", "erin", "mallory", "CORP\\dan", "ünï")

PORTS = 24
"""How many ports a cluster needs in a row; the first is slurmctld's, the last slurmdbd's."""

METRICS = "MetricsType=metrics/openmetrics"
# 22.05 shows nodes in the cloud that are powered down to nobody without this; 24.11 always does.
SHOW_CLOUD = "PrivateData=cloud"
GPU_TRES = "gres/gpu,gres/gpu:a100,gres/gpu:h100"

# The tokens that `scontrol token` makes, and the one key that slurmctld's HTTP server knows.
JWT = """\
AuthAltTypes=auth/jwt
AuthAltParameters=jwt_key=/etc/slurm/jwt.key
SlurmctldHttpAuthParameters=jwt_key=/etc/slurm/jwt.key"""

_HERE = Path(__file__).parent
_HOSTS = "127.0.0.1 localhost ctl\n127.0.0.2 ctl2\n"
_GRES = """\
NodeName=g[1-2] Name=gpu Type=a100 File=/opt/gpu/a[0-3]
NodeName=g[1-2] Name=gpu Type=h100 File=/opt/gpu/h[0-1]
"""
_SLURMDBD = """\
AuthType=auth/munge
DbdHost=ctl
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser=root
LogFile=/var/log/slurm/slurmdbd.log
PidFile=/run/slurm/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm_acct
CommunicationParameters=NoInAddrAny
"""


def slurm_conf(ports: range, more: Sequence[str], *, rich: bool) -> str:
    """Return slurm.conf.

    Args:
        ports: ``PORTS`` free ones.
        more: lines of it.
        rich: whether the nodes and partitions of ``rich.conf.in`` are there too.
    """
    names = ("slurm.conf.in", "rich.conf.in") if rich else ("slurm.conf.in",)
    text = "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)
    return text.format(
        slurmctld_port=ports[0],
        slurmd_port=ports[1],
        n_ports=_span(ports[2:6]),
        old_ports=_span(ports[6:8]),
        cloud_ports=_span(ports[8:10]),
        gpu_ports=_span(ports[10:12]),
        rest_ports=_span(ports[12:16]),
        spare_ports=_span(ports[16:22]),
        later_port=ports[22],
        more="\n".join(more),
    )


def accounting(ports: range) -> str:
    """Return the lines of slurm.conf that turn accounting on, with GPUs among what is counted."""
    return (
        "AccountingStorageType=accounting_storage/slurmdbd\n"
        "AccountingStorageHost=127.0.0.1\n"
        f"AccountingStoragePort={ports[-1]}\n"
        f"AccountingStorageTRES={GPU_TRES}\n"
    )


def write(root: Path, release: Release, slurm: str, ports: range) -> None:
    """Write all files, below the root directory of a machine."""
    etc = root / "etc"
    _write_secret(etc / "slurm/jwt.key", b"0123456789abcdef" * 2)
    _write_secret(etc / "slurm/slurmdbd.conf", _SLURMDBD.format(port=ports[-1]).encode())
    (etc / "slurm/slurm.conf").write_text(slurm, encoding="utf-8")
    (etc / "slurm/cgroup.conf").write_text(_cgroup_conf(release), encoding="utf-8")
    if "GresTypes" in slurm:
        (etc / "slurm/gres.conf").write_text(_GRES, encoding="utf-8")
    (etc / "hosts").write_text(_HOSTS, encoding="utf-8")
    with (etc / "passwd").open("a") as passwd, (etc / "group").open("a") as group:
        for uid, user in enumerate(USERS, 20001):
            passwd.write(f"{user}:x:{uid}:{uid}::/tmp:/bin/sh\n")
            group.write(f"{user}:x:{uid}:\n")
    for gpu in ("a0", "a1", "a2", "a3", "h0", "h1"):
        (root / "opt/gpu").mkdir(parents=True, exist_ok=True)
        (root / "opt/gpu" / gpu).touch()


def _span(ports: range) -> str:
    return f"{ports[0]}-{ports[-1]}"


def _write_secret(file: Path, content: bytes) -> None:
    file.touch(mode=0o600)
    file.write_bytes(content)


def _cgroup_conf(release: Release) -> str:
    # slurmd 22.05 always opens one of the two plugins, and does without its hierarchy.
    if release == tree.OLDEST:
        return "CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n"
    return "CgroupPlugin=disabled\n"
