"""Real Slurm on loopback: slurmctld, munged, some slurmd and slurmdbd in namespaces of their own.

The machine is an overlay of a tree from ``tests.slurm.tree`` and a tmpfs; the network is the
host's, and every daemon binds to 127.0.0.1 only.  Its PID 1 reads a pipe that we hold open: when
we close it, or die in whatever way, the kernel ends every process and every mount of the machine.
"""

from __future__ import annotations

import contextlib
import http.client
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

from tests.slurm import accounting, conf, tree
from tests.slurm.host import NAMESPACES, ClusterError, eventually, free_ports

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from tests.slurm.tree import Release

REAL_NODES = ("n1", "n2", "n3", "n4")
"""The nodes that can have a slurmd; ``old[1-2]`` never answer, ``cloud[1-2]`` are powered down."""

MORE_REAL_NODES = ("g1", "g2", "r1", "r2", "r3", "r4")
"""The same of a rich cluster; ``spare[1-6]`` never answer, ``later1`` is for later."""

HERE = Path(__file__).parent
PID_FILE = "run/slurm/slurmctld.pid"
ENVIRONMENT = ("PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=/tmp")
CLEAN = ("env", "--ignore-environment", "--chdir=/tmp", *ENVIRONMENT)
"""Prefix of a command that inherits nothing from the tests."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What slurmctld answered to one GET: status, headers in the order sent, body as sent."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@final
class SlurmCluster:
    """One booted cluster, from ``with`` to the end of its block.

    Eight nodes (``n[1-4]``, ``old[1-2]``, ``cloud[1-2]``), the partitions of ``slurm.conf.in``, and
    the users of ``conf.USERS``.  Without accounting, slurmctld takes any account name from anybody.

    Attributes:
        release: which Slurm it is.
        url: slurmctld's base URL, such as ``http://127.0.0.1:20001``.
        init: the process id of the machine's PID 1 as seen from outside.
    """

    def __init__(
        self,
        *,
        metrics: bool = True,
        slurmd: Sequence[str] = REAL_NODES,
        users: Sequence[str] = (),
        more: Sequence[str] = (),
        release: Release = tree.NEWEST,
        with_accounting: bool = False,
        rich: bool = False,
    ) -> None:
        """Prepare, without starting anything.

        Args:
            metrics: whether slurm.conf sets MetricsType, which only the newest Slurm knows.
            slurmd: which of ``REAL_NODES`` get a slurmd.
            users: who may see the metrics, by a token of theirs; nobody named is everybody.
            more: more lines of slurm.conf.
            release: which Slurm it is.
            with_accounting: whether there is a slurmdbd, with GPUs among what it counts.
            rich: whether there are GPUs and more nodes and partitions, as ``rich.conf.in`` has it.
        """
        self.release = release
        self._ports = free_ports(conf.PORTS)
        self._conf = [conf.METRICS] if metrics and release == tree.NEWEST else []
        self._conf += [conf.SHOW_CLOUD] if release == tree.OLDEST else []
        self._conf += more
        self._conf += [conf.JWT, f"MetricsAuthUsers={','.join(users)}"] if users else []
        self._with_accounting = with_accounting
        self._conf += [conf.accounting(self._ports)] if with_accounting else []
        self._rich = rich
        self._slurmd = (*slurmd, *(MORE_REAL_NODES if rich else ()))
        self.url = f"http://127.0.0.1:{self._ports[0]}"
        self._machine: subprocess.Popen[str] | None = None
        self.init = 0

    def __enter__(self) -> SlurmCluster:
        try:
            self._boot()
            self._configure()
            self.run(["munged"], user="munge")
            if self._with_accounting:
                accounting.start(self)
            self.start()
            self._start_nodes()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every process and mount of the machine; nothing of it is left on return."""
        if self._machine is not None:
            self._machine.communicate()
            self._machine = None

    @property
    def version(self) -> str:
        """Slurm's version, such as ``26.05.5``."""
        return self.run(["slurmctld", "-V"]).split()[-1]

    @property
    def root(self) -> Path:
        """The machine's root directory as seen from outside."""
        return Path(f"/proc/{self.init}/root")

    @property
    def enter(self) -> list[str]:
        """Prefix of a command that runs inside, with the environment of whoever runs it."""
        return ["nsenter", f"--target={self.init}", "--mount", "--uts", "--pid", "--root"]

    def command(self, argv: Sequence[str], *, user: str = "root") -> list[str]:
        """Return the command that runs another one inside, for whoever is root outside."""
        return [*self._inside(user), *argv]

    def run(self, argv: Sequence[str], *, user: str = "root", timeout: float = 60.0) -> str:
        """Run a command inside and return what it printed.

        Raises:
            ClusterError: when it fails; the message holds what it said on stderr and stdout.
        """
        done = subprocess.run(
            self.command(argv, user=user),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            said = f"{done.stderr}{done.stdout}".strip()
            raise ClusterError(f"{argv[0]} as {user} ended with {done.returncode}: {said}")
        return done.stdout

    def sbatch(self, *options: str, user: str, script: str = "sleep 86400") -> int:
        """Submit a job as ``user`` and return its id."""
        quiet = ("--parsable", "--chdir=/tmp", "--output=/dev/null")
        printed = self.run(["sbatch", *quiet, *options, f"--wrap={script}"], user=user)
        return int(printed.split(";")[0])

    def get(self, path: str, *, timeout: float = 30.0) -> Answer:
        """GET a path straight from slurmctld, without the exporter between."""
        connection = http.client.HTTPConnection("127.0.0.1", self._ports[0], timeout=timeout)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return Answer(answer.status, tuple(answer.getheaders()), answer.read())

    def start(self) -> None:
        """Start slurmctld, or resume it where it was paused, and wait until it answers."""
        if self._is_running():
            self.resume()
        else:
            self.run(["slurmctld"])
        eventually(self._is_up, "slurmctld to answer")

    def stop(self) -> None:
        """Ask slurmctld to end, as an administrator would, and wait until it has."""
        self._signal("TERM")
        eventually(lambda: not self._is_running(), "slurmctld to end")

    def kill(self) -> None:
        """Kill slurmctld with SIGKILL."""
        self._signal("KILL")
        eventually(lambda: not self._is_running(), "slurmctld to be gone")

    def pause(self) -> None:
        """SIGSTOP: slurmctld's socket still accepts, and nobody answers."""
        self._signal("STOP")

    def resume(self) -> None:
        """SIGCONT, the end of ``pause``."""
        self._signal("CONT")

    def _boot(self) -> None:
        self._machine = subprocess.Popen(
            [*NAMESPACES, "bash", str(HERE / "boot.sh")],
            cwd=tree.ensure(self.release),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Ctrl-C is for the tests; the machine ends with its pipe, when they are done with it.
            start_new_session=True,
        )
        assert self._machine.stdout is not None
        said = self._machine.stdout.readline()
        if not said.startswith("ready "):
            raise ClusterError(f"the machine did not boot: {said}{self._machine.stdout.read()}")
        self.init = int(said.split()[1])

    def _configure(self) -> None:
        text = conf.slurm_conf(self._ports, self._conf, rich=self._rich)
        conf.write(self.root, self.release, text, self._ports)

    def _start_nodes(self) -> None:
        for node in self._slurmd:
            self.run(["slurmd", "-N", node])
        if self._slurmd:
            eventually(self._nodes_are_idle, "slurmd to register")

    def _nodes_are_idle(self) -> bool:
        listed = self.run(["sinfo", "--Node", "--noheader", "--format=%N %t"])
        return {f"{node} idle" for node in self._slurmd} <= set(listed.splitlines())

    def _inside(self, user: str) -> list[str]:
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        return [*self.enter, *CLEAN, *(become if user != "root" else [])]

    def _pid(self) -> int:
        """The process id of slurmctld inside the machine, 0 if it never started."""
        try:
            return int((self.root / PID_FILE).read_text(encoding="ascii"))
        except FileNotFoundError:
            return 0

    def _is_running(self) -> bool:
        pid = self._pid()
        return pid > 0 and (self.root / "proc" / str(pid)).is_dir()

    def _is_up(self) -> bool:
        try:
            return "is UP" in self.run(["scontrol", "ping"])
        except ClusterError:
            return False

    def _signal(self, name: str) -> None:
        self.run(["bash", "-c", f"kill -s {name} {self._pid()}"])
