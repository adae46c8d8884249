"""Certificates for tests, made by the command ``openssl``."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from slurm_exporter.config import Tls
from tests.needs import need

if TYPE_CHECKING:
    from pathlib import Path

_REQUEST = (
    *("req", "-x509", "-days", "2"),
    *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
)


class Authority:
    """An authority whose certificates live two days."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._key = directory / f"{name}.key"
        self.file = directory / f"{name}.pem"
        self._request(
            *(name, "-nodes", "-addext", "keyUsage=critical,keyCertSign"),
            *("-keyout", str(self._key), "-out", str(self.file)),
        )

    def issue(
        self, name: str, passphrase: str | None = None, *, names: str = "IP:127.0.0.1"
    ) -> Tls:
        """Issue a certificate for 127.0.0.1 or other names, good for servers and for clients."""
        files = Tls(str(self._directory / f"{name}.crt"), str(self._directory / f"{name}.key"))
        self._request(
            name,
            *(("-nodes",) if passphrase is None else ("-passout", f"pass:{passphrase}")),
            *("-CA", str(self.file), "-CAkey", str(self._key)),
            *("-addext", f"subjectAltName={names}", "-addext", "basicConstraints=CA:FALSE"),
            *("-keyout", files.key_file, "-out", files.cert_file),
        )
        return files

    @staticmethod
    def _request(name: str, *arguments: str) -> None:
        need("openssl", None if shutil.which("openssl") else "openssl is not installed")
        subprocess.run(
            ["openssl", *_REQUEST, "-subj", f"/CN={name}", *arguments],
            capture_output=True,
            check=True,
        )
