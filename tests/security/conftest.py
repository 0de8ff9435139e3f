"""What the security tests ask for: the program on a server in memory, and a daemon, as the tests of those have them."""

from __future__ import annotations

from tests.cli.conftest import mail, program, served, server
from tests.daemon.conftest import daemon, log
from tests.execution.conftest import world

__all__ = ["daemon", "log", "mail", "program", "served", "server", "world"]
