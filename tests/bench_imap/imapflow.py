"""ImapFlow as a contender: where Node and npm are, it is installed for one run into a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench_imap.apart import PATIENCE_SECONDS, measured
from tests.bench_imap.contenders import HOST, NAMES

if TYPE_CHECKING:
    from mailrules.settings import AccountSettings

PACKAGE = "imapflow@2.10.2"
_SCRIPT = Path(__file__).with_name("rival_imapflow.cjs")


class NodeMissing(Exception):
    """ImapFlow cannot be run here; the message says what is missing."""


class ImapFlow:
    """Raises NodeMissing if Node, npm or the package cannot be had; nothing is installed outside ``folder``."""

    def __init__(self, folder: Path) -> None:
        if missing := [name for name in ("node", "npm") if shutil.which(name) is None]:
            raise NodeMissing(f"no {' and no '.join(missing)} here (Debian: apt-get install nodejs npm)")
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder), PACKAGE]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
        if done.returncode:
            raise NodeMissing(f"npm could not install {PACKAGE} ({done.stderr.strip()[-200:]})")
        self._environment = os.environ | {"NODE_PATH": str(folder / "node_modules")}

    def imapflow_envelope(self, account: AccountSettings, password: str) -> tuple[float, int]:
        """ImapFlow's objects, each response as it arrives."""
        return self._run(account, password, "envelope")

    def imapflow_header(self, account: AccountSettings, password: str) -> tuple[float, int]:
        """ImapFlow's bytes of the fields, as ours are."""
        return self._run(account, password, "header", *NAMES)

    def _run(self, account: AccountSettings, password: str, *job: str) -> tuple[float, int]:
        command = ["node", str(_SCRIPT), HOST, str(account.port), account.user, password, *job]
        return measured(command, self._environment)
