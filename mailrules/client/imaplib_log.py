"""What does a connection of the drop-in for ``imaplib`` say when it is being debugged, without the password?"""

from __future__ import annotations

import sys
import time
from collections import deque
from typing import TYPE_CHECKING

from mailrules.imap.shown import without_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

HIDDEN = b"***"
_KEPT_LINES = 10
_TRACE_LEVEL = 4
_SECRET_COMMANDS = frozenset({b"LOGIN", b"AUTHENTICATE"})


class DebugLog:
    """Keeps the last lines of both sides for ``print_log``, and writes them as they pass from ``debug`` 4 on.

    Arguments of LOGIN and AUTHENTICATE never get here, and a password that the server repeats is covered.
    """

    debug: int

    def __init__(self) -> None:
        self._cmd_log_len = _KEPT_LINES
        self._cmd_log: deque[tuple[str, float]] = deque(maxlen=self._cmd_log_len)
        self._hidden: tuple[bytes, ...] = ()

    def print_log(self) -> None:
        """Write the last lines to standard error, oldest first."""
        self._mesg(f"last {len(self._cmd_log)} IMAP4 interactions:")
        for line, seconds in tuple(self._cmd_log):
            self._mesg(line, seconds)

    def _mesg(self, s: str, secs: float | None = None) -> None:
        """Write a line with the time; programs put a logger in place of this."""
        moment = time.time() if secs is None else secs
        clock = time.strftime("%M:%S", time.localtime(moment))
        sys.stderr.write(f"  {clock}.{int(moment * 100) % 100:02d} {s}\n")
        sys.stderr.flush()

    def _dump_ur(self, untagged_resp_dict: Mapping[str, object]) -> None:
        """Write all untagged responses that wait to be taken."""
        if untagged_resp_dict:
            items = (f"{name}: {data!r}" for name, data in untagged_resp_dict.items())
            self._mesg("untagged responses dump:" + "\n\t\t".join(items))

    def _note_sent(self, tag: bytes, name: bytes, line: bytes) -> None:
        is_secret = name.upper() in _SECRET_COMMANDS
        self._note(">", b"%b %b %b" % (tag, name, HIDDEN) if is_secret else line)

    def _note_received(self, line: bytes) -> None:
        self._note("<", line)

    def _hide(self, password: bytes) -> None:
        """Cover this wherever it appears from now on, as it is and as a quoted string has it."""
        escaped = password.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        self._hidden = tuple(sorted({password, escaped} - {b""}, key=len, reverse=True))

    def _note(self, side: str, line: bytes) -> None:
        line = without_tokens(line)
        for secret in self._hidden:
            line = line.replace(secret, HIDDEN)
        text = f"{side} {line!r}"
        if self.debug >= _TRACE_LEVEL:
            self._mesg(text)
        else:
            self._cmd_log.append((text, time.time()))
