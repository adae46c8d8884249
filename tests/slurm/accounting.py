"""slurmdbd and its database inside a cluster's machine, with accounts and who belongs to them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.slurm import tree
from tests.slurm.host import ClusterError, eventually

if TYPE_CHECKING:
    from tests.slurm.cluster import SlurmCluster

ACCOUNTS = {
    "physics": ("alice", "bob"),
    "chem": ("carol", "dave", "alice"),
    "bio": ("erin",),
}
"""Accounts and their users; mallory belongs to none, so that any account's name will do for him."""

# Without a network, and without the client's package, which has the program that reads defaults.
_MARIADB = """
set -e
cd /var/lib/mysql
ln -s /bin/true /usr/bin/my_print_defaults
options="--no-defaults --datadir=$PWD --user=root"
mariadb-install-db $options --skip-test-db --auth-root-authentication-method=normal \
    >/var/log/mariadb-install.log 2>&1
mkdir -p /run/mysqld
setsid mariadbd $options --socket=/run/mysqld/mysqld.sock --skip-networking \
    --innodb-lock-wait-timeout=900 --innodb-flush-log-at-trx-commit=0 --skip-log-bin \
    >/var/log/mariadb.log 2>&1 </dev/null &
"""
_LIBRARY = "opt/mariadb"


def start(cluster: SlurmCluster) -> None:
    """Start the database and slurmdbd, and register the cluster and ``ACCOUNTS``."""
    (cluster.root / "var/lib/mysql").mkdir(parents=True, exist_ok=True)
    cluster.run(["bash", "-c", _MARIADB])
    socket = cluster.root / "run/mysqld/mysqld.sock"
    eventually(socket.is_socket, "mariadbd to listen")
    cluster.run([*_library(cluster), "slurmdbd"])
    eventually(lambda: _answers(cluster), "slurmdbd to answer")
    _sacctmgr(cluster, "add", "cluster", "test")
    for account, users in ACCOUNTS.items():
        _sacctmgr(cluster, "add", "account", account, "fairshare=10")
        _sacctmgr(cluster, "add", "user", ",".join(users), f"account={account}", "fairshare=5")


def _library(cluster: SlurmCluster) -> list[str]:
    """Return what has to stand before slurmdbd.

    The client library 11.8.9 of Debian forky answers no query of slurmdbd's ("Number of columns in
    result (=1)"); that of the suite before does.
    """
    if cluster.release != tree.NEWEST:
        return []
    other = tree.ensure(tree.MIDDLE) / "root/usr/lib"
    place = cluster.root / _LIBRARY
    place.mkdir(parents=True, exist_ok=True)
    shutil.copy(next(other.glob("*/libmariadb.so.3")), place)
    return ["env", f"LD_LIBRARY_PATH=/{_LIBRARY}"]


def _answers(cluster: SlurmCluster) -> bool:
    try:
        cluster.run(["sacctmgr", "--noheader", "list", "cluster"])
    except ClusterError:
        return False
    return True


def _sacctmgr(cluster: SlurmCluster, *words: str) -> None:
    cluster.run(["sacctmgr", "--immediate", *words])
