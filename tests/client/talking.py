"""How does a server in a thread say what a test lays down, beside code that blocks?"""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def talking(script: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server of one connection, in a thread; ``script`` ends when the client hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(60)
                script(connection)

        thread = threading.Thread(target=serve, name="scripted server")
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def read_until_the_end(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass
