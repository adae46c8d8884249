"""A second slurmctld for a cluster: its backup, on 127.0.0.2 and the same port."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

from tests.slurm import tree
from tests.slurm.cluster import CLEAN
from tests.slurm.host import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.slurm.cluster import SlurmCluster

CONF = ("SlurmctldHost=ctl2(127.0.0.2)", "SlurmctldTimeout=3")
"""What slurm.conf says of it; it takes over after these seconds."""

# A host name and a pid file of its own, since slurmctld kills whom the pid file names.  The tree
# has no mount, so this begins outside it, in the machine's namespaces.
_SCRIPT = """
set -e
hostname ctl2
mount -t tmpfs tmpfs "$0/run/slurm"
exec chroot "$0" "$@" slurmctld -D -L /var/log/slurm/backup.log
"""


@contextlib.contextmanager
def backup_of(cluster: SlurmCluster) -> Iterator[str]:
    """Start the backup of a cluster that was made with ``CONF``, and give its base URL.

    The backup ends with the cluster, as everything in there does.
    """
    enter = ["nsenter", f"--target={cluster.init}", "--mount", "--uts", "--pid"]
    root = tree.place(cluster.release) / "mnt/root"
    process = subprocess.Popen(
        [*enter, "unshare", "--mount", "--uts", "bash", "-c", _SCRIPT, str(root), *CLEAN],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        ping = ["scontrol", "ping"]
        eventually(lambda: "(backup) at ctl2 is UP" in cluster.run(ping), "the backup to stand by")
        yield cluster.url.replace("127.0.0.1", "127.0.0.2")
    finally:
        process.kill()
        process.wait()
