"""How does the drop-in for ``imaplib`` wait in IDLE (RFC 2177), and for how long?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Generator

    from mailrules.client.imaplib_commands import CommandMethods

Response = tuple[str, Any]
"""``(type, [data, ...])``. Any: as in CommandResult."""


class Idler:
    """Sends IDLE when its ``with`` begins and DONE when it ends; in between it gives what the server tells.

    Made by ``IMAP4.idle``. Responses that are not taken can be had from ``response`` afterwards. A duration
    needs a socket, whose timeout is changed while a response is waited for.
    """

    def __init__(self, imap: CommandMethods, duration: float | None = None) -> None:
        if "IDLE" not in imap.capabilities:
            raise imap.error("Server does not support IMAP4 IDLE")
        if duration is not None and not imap.sock:
            raise imap.error("duration requires a socket connection")
        self._imap, self._duration = imap, duration
        self._ends: float | None = None
        self._tag = b""
        self._state = ""

    def __enter__(self) -> Self:
        imap = self._imap
        self._tag = imap._begin_idle()
        if self._duration is not None:
            self._ends = time.monotonic() + self._duration
        self._state, imap.state = imap.state, "IDLING"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> Literal[False]:
        imap = self._imap
        imap.state = self._state
        try:
            imap._finish_idle(self._tag)
        except OSError:
            if kind is None:
                raise
        return False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Response:
        left = None if self._ends is None else self._ends - time.monotonic()
        response = self._next_within(left)
        if response is None:
            raise StopIteration
        return response

    def burst(self, interval: float = 0.1) -> Generator[Response]:
        """The next response and those that follow it, each within ``interval`` seconds of the one before."""
        if not self._imap.sock:
            raise self._imap.error("burst() requires a socket connection")
        response = next(self, None)
        while response is not None:
            yield response
            response = self._next_within(interval)

    def _next_within(self, seconds: float | None) -> Response | None:
        """The next response, None when the time is over before it."""
        if self._imap.state != "IDLING":
            raise self._imap.error("responses can be taken only while the with block of idle() runs")
        return self._imap._captured_response(seconds)
