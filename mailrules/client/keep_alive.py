"""How soon is it noticed that the other side of a silent connection is gone?"""

from __future__ import annotations

import socket

_OPTIONS = {"TCP_KEEPIDLE": 60, "TCP_KEEPALIVE": 60, "TCP_KEEPINTVL": 20, "TCP_KEEPCNT": 4}
"""A dead peer is noticed after about two minutes; macOS says TCP_KEEPALIVE for TCP_KEEPIDLE."""


def keep_alive(connection: socket.socket) -> None:
    """Have the system ask the peer now and then; where it has no say in how often, as often as it does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _OPTIONS.items():
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
