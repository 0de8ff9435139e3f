"""How does a test get a real SOCKS 5 or HTTP proxy of its own on loopback?

microsocks and tinyproxy, from Debian: small, and nobody of ours wrote them.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mailrules.settings import ProxyKind, ProxySettings, SecretReference

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
USER, PASSWORD = "proxy-user", "proxy-pass"
SECRET = SecretReference(kind="env", value="MAILRULES_PROXY_SECRET")
INSTALL_COMMAND = "sudo apt-get install --yes --no-install-recommends microsocks tinyproxy"

_ATTEMPTS = 3_000
_ATTEMPT_SECONDS = 0.02
_TINYPROXY = """
Port {port}
Listen 127.0.0.1
Timeout 60
MaxClients 20
LogLevel Info
LogFile "{folder}/log"
PidFile "{folder}/pid"
BasicAuth {user} {password}
"""


class ProxyMissing(Exception):
    """The proxy's program is not installed; the message holds the command that installs it."""


@contextmanager
def microsocks() -> Iterator[ProxySettings]:
    """SOCKS 5 with USER and PASSWORD."""
    port = _free_port()
    command = [_program("microsocks"), "-i", HOST, "-p", str(port), "-u", USER, "-P", PASSWORD]
    with _running(command, port):
        yield ProxySettings(kind=ProxyKind.SOCKS5, host=HOST, port=port, user=USER, secret=SECRET)


@contextmanager
def tinyproxy() -> Iterator[ProxySettings]:
    """HTTP with CONNECT to any port, and Basic authentication with USER and PASSWORD."""
    port = _free_port()
    with ExitStack() as resources:
        folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="mailrules-proxy-")))
        configuration = folder / "tinyproxy.conf"
        configuration.write_text(_TINYPROXY.format(port=port, folder=folder, user=USER, password=PASSWORD))
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            for path in (folder, configuration):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        resources.enter_context(_running([_program("tinyproxy"), "-d", "-c", str(configuration)], port))
        yield ProxySettings(kind=ProxyKind.HTTP, host=HOST, port=port, user=USER, secret=SECRET)


def _program(name: str) -> str:
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin")
    if path is None:
        raise ProxyMissing(f"{name} is not installed; run: {INSTALL_COMMAND}")
    return path


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    as_root = os.geteuid() == 0
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user="nobody" if as_root else None,
        extra_groups=[] if as_root else None,
    )
    try:
        _wait_until_it_listens(process, port)
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(_ATTEMPTS):
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        try:
            process.wait(timeout=_ATTEMPT_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        break
    raise RuntimeError(f"{process.args!r} does not listen on {HOST}:{port}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        port: int = free.getsockname()[1]
        return port
