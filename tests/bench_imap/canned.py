"""How does a section get a canned server, and a client in a process of its own that it measures?"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mailrules.settings import AccountSettings, SecretReference, Security
from tests.servers.dovecot import HOST, PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]


@contextlib.contextmanager
def canned_server(messages: int, certificate: str = "") -> Iterator[str]:
    """The port of a server that runs meanwhile; see ``canned_server.py``."""
    command = [sys.executable, "-m", "tests.bench_imap.canned_server", str(messages), *filter(None, [certificate])]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:  # the end of the block closes its input, which ends it
        if server.stdout is None or not (port := server.stdout.readline().strip()):
            raise RuntimeError("the canned server did not start")
        yield port


def figures_of(module: str, *arguments: str) -> list[float]:
    """What a module, run as a program of its own, prints on its one line."""
    command = [sys.executable, "-m", f"tests.bench_imap.{module}", *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


@contextlib.contextmanager
def canned_account(port: int, ca_file: str = "") -> Iterator[AccountSettings]:
    """Leads to a canned server, by TLS where there is an authority's file to trust."""
    with tempfile.NamedTemporaryFile("w") as secret:
        Path(secret.name).write_text(PASSWORD)
        yield AccountSettings(
            name="canned",
            user="somebody",
            secret=SecretReference(kind="file", value=secret.name),
            host=HOST,
            port=port,
            security=Security.TLS if ca_file else Security.NONE,
            ca_file=ca_file,
        )
