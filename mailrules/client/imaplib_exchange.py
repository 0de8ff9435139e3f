"""How does one command of ``imaplib`` go out, and how do responses become ``(type, [data, ...])``?

Where responses end and how they begin is told by ``mailrules.imap``. This hands them out as they came, in
the shapes and under the names that programs written for the standard library rely on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from mailrules.client.imaplib_arguments import Argument, as_parts
from mailrules.client.imaplib_log import DebugLog
from mailrules.client.imaplib_values import CRLF, Commands
from mailrules.errors import RemoteProtocolError
from mailrules.imap.framing import Framer
from mailrules.imap.limits import Limits
from mailrules.imap.parser import split_status_text, split_tagged, split_untagged
from mailrules.imap.responses import Status
from mailrules.imap.tokens import Unreadable

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

Data: TypeAlias = "bytes | tuple[bytes, bytes]"
CommandResult: TypeAlias = tuple[str, list[Any]]
"""Any: bytes, (bytes, bytes), None or a list, by command; so typeshed has it."""

# Lines are bounded by _MAXLINE where they are read. What a literal may hold is the caller's decision, by what it
# fetches; memory is taken as it arrives.
_BOUNDLESS = 2**62
_LIMITS = Limits(
    line_bytes=_BOUNDLESS, data_line_bytes=_BOUNDLESS, literal_bytes=_BOUNDLESS, response_bytes=2 * _BOUNDLESS
)
_LITERAL_END = re.compile(rb"\{0*([0-9]{1,19})\+?\}\Z")
_READ_BYTES = 1 << 20
_STATUSES = frozenset({"OK", "NO", "BAD"})
_FLAG_CODE = re.compile(rb" *+\[PERMANENTFLAGS (.*)\]", re.DOTALL | re.IGNORECASE)


class Exchange(DebugLog):
    """Commands one at a time, by overridable ``send``, ``readline`` and ``read``.

    After an error that leaves a reply outstanding (a timeout, an interrupt) the connection is given up:
    every later command raises ``abort``, so that no answer is taken for another command's.
    """

    error: type[Exception]
    abort: type[Exception]
    readonly: type[Exception]
    sock: socket.socket | None

    def __init__(self) -> None:
        super().__init__()
        self.state = "LOGOUT"
        self.literal: bytes | Callable[[bytes], bytes] | None = None
        self.tagged_commands: dict[bytes, Any] = {}  # Any: None, then (type, [data])
        self.untagged_responses: dict[str, list[Any]] = {}  # Any: Data, as in CommandResult
        self.continuation_response = b""
        self.is_readonly = False
        self.tagnum = 0
        self.tagpre = b""
        self.utf8_enabled = False
        self._wraps_append = False  # whether messages go as RFC 9755 wants them
        self._encoding = "ascii"
        self._framer = Framer(_LIMITS)
        self._literals: list[tuple[int, int]] = []  # of the response being read: where each begins, and its bytes
        self._fed_bytes = 0  # of it
        self._last_line = b""
        self._idle_responses: list[tuple[str, list[Data]]] | None = None  # a list while IDLE hands them out
        self._lost = ""  # why the connection was given up

    def read(self, size: int) -> bytes:
        raise NotImplementedError  # the class that has the socket gives it, and programs override it there

    def readline(self) -> bytes:
        raise NotImplementedError  # the class that has the socket gives it, and programs override it there

    def send(self, data: bytes) -> None:
        raise NotImplementedError  # the class that has the socket gives it, and programs override it there

    # -- sending --------------------------------------------------------------------------------

    def _simple_command(self, name: str, *args: Argument) -> CommandResult:
        return self._command_complete(name, self._command(name, *args))

    def _command(self, name: str, *args: Argument) -> bytes:
        """Send a command, its literals included, and give its tag; the reply is still to come.

        Raises ValueError for CR, LF and NUL in an argument, ``error`` in a state that does not allow the command.
        """
        literal, self.literal = self.literal, None
        self._require_state(name)
        for status in _STATUSES:
            self.untagged_responses.pop(status, None)
        if "READ-ONLY" in self.untagged_responses and not self.is_readonly and name != "LOGOUT":
            raise self.readonly("mailbox status changed to READ-ONLY")
        fragments = [name.encode("ascii")]
        for argument in args:
            if argument is not None:
                first, *rest = as_parts(argument, encoding=self._encoding)
                fragments[-1] += b" " + first
                fragments += rest
        tag = self._new_tag()
        fragments[0] = tag + b" " + fragments[0]
        with _GivingUp(self):
            self._send_command(tag, name, fragments, literal)
        return tag

    def _require_state(self, name: str) -> None:
        if self.state not in Commands[name]:
            states = ", ".join(Commands[name])
            raise self.error(f"command {name} illegal in state {self.state}, only allowed in states {states}")
        if self._lost:
            raise self.abort(f"the connection was given up: {self._lost}")

    def _send_command(
        self, tag: bytes, name: str, fragments: list[bytes], literal: bytes | Callable[[bytes], bytes] | None
    ) -> None:
        if literal is not None and not callable(literal):
            # RFC 9755 section 4; what UTF8=ACCEPT wants around a message in UTF-8.
            before, after = (b" UTF8 (~", b")") if self._wraps_append and name == "APPEND" else (b" ", b"")
            fragments[-1] += before + b"{%d}\r\n" % len(literal)
            fragments.append(literal + after)
        self._note_sent(tag, name.encode("ascii"), fragments[0].removesuffix(CRLF))
        *before_last, last = fragments
        for fragment in before_last:
            self._send(fragment)
            if not self._may_go_on(tag):
                return
        self._send(last + CRLF)
        if callable(literal):
            while self._may_go_on(tag):
                self._send(literal(self.continuation_response) + CRLF)

    def _may_go_on(self, tag: bytes) -> bool:
        """Wait for ``+``; False where the command's reply has come instead."""
        while self._get_response() is not None:
            if self.tagged_commands[tag]:
                return False
        return True

    def _send(self, data: bytes) -> None:
        try:
            self.send(data)
        except OSError as error:
            raise self.abort(f"socket error: {error}") from error

    def _new_tag(self) -> bytes:
        tag = self.tagpre + b"%d" % self.tagnum
        self.tagnum += 1
        self.tagged_commands[tag] = None
        return tag

    # -- waiting for the reply ------------------------------------------------------------------

    def _command_complete(self, name: str, tag: bytes) -> CommandResult:
        """Wait for the reply. Raises ``error`` for BAD and ``abort`` for BYE, LOGOUT's excepted."""
        is_logout = name == "LOGOUT"
        if not is_logout:
            self._check_bye()
        try:
            with _GivingUp(self):
                typ, data = self._get_tagged_response(tag, expect_bye=is_logout)
        except self.abort as error:
            raise self.abort(f"command: {name} => {error}") from error
        except self.error as error:
            raise self.error(f"command: {name} => {error}") from error
        if not is_logout:
            self._check_bye()
        if typ == "BAD":
            raise self.error(f"{name} command error: {typ} {data}")
        return typ, data

    def _get_tagged_response(self, tag: bytes, expect_bye: bool = False) -> CommandResult:  # noqa: FBT001, FBT002 - the standard library's signature
        while True:
            reply: CommandResult | None = self.tagged_commands[tag]
            if reply is not None:
                del self.tagged_commands[tag]
                return reply
            if expect_bye and (bye := self.untagged_responses.pop("BYE", None)) is not None:
                return "BYE", bye
            self._check_bye()
            try:
                self._get_response()
            except self.abort:
                if self.debug >= 1:
                    self.print_log()
                raise

    def _check_bye(self) -> None:
        if bye := self.untagged_responses.get("BYE"):
            raise self.abort(bye[-1].decode("utf-8", "replace"))

    def _untagged_response(self, typ: str, dat: list[Any], name: str) -> CommandResult:
        """Take the untagged responses ``name``; a NO keeps its own words."""
        if typ == "NO":
            return typ, dat
        return typ, self.untagged_responses.pop(name, [None])

    # -- IDLE -----------------------------------------------------------------------------------

    def _begin_idle(self) -> bytes:
        """Send IDLE and wait for ``+``; from now on responses are kept for ``_captured_response``."""
        self._idle_responses = []
        try:
            tag = self._command("IDLE")
            with _GivingUp(self):
                consents = self._may_go_on(tag)
        except BaseException:
            self._release_responses()
            raise
        if consents:
            return tag
        self._release_responses()
        typ, data = self.tagged_commands.pop(tag)
        raise self.error(f"idle denied: {typ} {data}")

    def _captured_response(self, seconds: float | None) -> tuple[str, list[Data]] | None:
        """The next response, None when the time is over before it or the server has ended IDLE."""
        responses = self._idle_responses
        while responses is not None and not responses:
            if (seconds is not None and seconds <= 0) or not self._has_read_within(seconds):
                return None
            if any(self.tagged_commands.values()):
                return None
        return responses.pop(0) if responses else None

    def _has_read_within(self, seconds: float | None) -> bool:
        if not self.sock:
            self._get_response()
            return True
        usual = self.sock.gettimeout()
        self.sock.settimeout(seconds)
        try:
            self._get_response()
        except TimeoutError as error:
            if error.errno is not None:  # the network's own, which ends the connection
                raise
            return False
        finally:
            self.sock.settimeout(usual)
        return True

    def _finish_idle(self, tag: bytes) -> CommandResult:
        self._release_responses()
        with _GivingUp(self):
            if self.tagged_commands[tag] is None:
                self._send(b"DONE" + CRLF)
        return self._command_complete("IDLE", tag)

    def _release_responses(self) -> None:
        """Keep what nobody took under its names, as after any other command."""
        left, self._idle_responses = self._idle_responses, None
        for name, pieces in left or []:
            for piece in pieces:
                self._append_untagged(name, piece)

    # -- receiving ------------------------------------------------------------------------------

    def _get_response(self) -> bytes | None:
        """Read one response and keep it under its name; its first line, None for ``+``."""
        try:
            frame, literals = self._read_frame()
            end = frame.find(CRLF)
            if frame.startswith(b"+"):
                self.continuation_response = frame[1:].removeprefix(b" ")
                return None
            if frame.startswith(b"*"):
                self._keep_untagged(frame, literals)
            else:
                self._keep_tagged(frame)
        except (RemoteProtocolError, Unreadable) as error:
            raise self.abort(f"unexpected response: {error}") from error
        return frame if end < 0 else frame[:end]

    def _keep_tagged(self, frame: bytes) -> None:
        tag, status, text = split_tagged(frame)
        if tag.encode("latin-1") not in self.tagged_commands:
            raise self.abort(f"unexpected tagged response: {frame[:200]!r}")
        self.tagged_commands[tag.encode("latin-1")] = (status.value, [text])
        self._keep_code(text)
        if self.debug >= 1 and status is not Status.OK:
            self._mesg(f"{status} response: {text!r}")

    def _keep_untagged(self, frame: bytes, literals: Sequence[tuple[int, int]]) -> None:
        pieces = _cut_at_literals(frame, literals)
        first = pieces[0]
        number, name, rest = split_untagged(first if isinstance(first, bytes) else first[0])
        head = rest if number is None else b"%d %b" % (number, rest) if rest else b"%d" % number
        pieces[0] = head if isinstance(first, bytes) else (head, first[1])
        for piece in pieces:
            self._append_untagged(name, piece)
        if name in _STATUSES:
            self._keep_code(rest)
        if self.debug >= 1 and name in {"NO", "BAD", "BYE"}:
            self._mesg(f"{name} response: {rest!r}")

    def _keep_code(self, text: bytes) -> None:
        """Keep ``[CODE data]`` under its own name. Servers let ``]`` into flags, so those go on to the last one."""
        flags = _FLAG_CODE.match(text)
        code = b"PERMANENTFLAGS " + flags[1] if flags else split_status_text(text)[0]
        if code:
            name, _, data = code.partition(b" ")
            self._append_untagged(name.decode("latin-1").upper(), data)

    def _append_untagged(self, typ: str, dat: Data | None) -> None:
        kept = b"" if dat is None else dat
        if self._idle_responses is None:
            self.untagged_responses.setdefault(typ, []).append(kept)
        elif self._idle_responses and isinstance(self._idle_responses[-1][1][-1], tuple):
            self._idle_responses[-1][1].append(kept)  # what follows a literal belongs to the same response
        else:
            self._idle_responses.append((typ, [kept]))

    def _read_frame(self) -> tuple[bytes, Sequence[tuple[int, int]]]:
        """Read until one response is whole, and where its literals are.

        What a timeout interrupts, the next call goes on with.
        """
        while True:
            frame = self._framer.next_response()
            if isinstance(frame, bytes):
                return frame, self._take_literals()
            missing_bytes = sum(self._literals[-1]) - self._fed_bytes if self._literals else 0
            if missing_bytes > 0:
                self._feed(self._read_some(missing_bytes))
            elif (line := self._get_line()) or self._fed_bytes:  # a blank line between responses says nothing
                self._last_line = line
                self._feed(line + CRLF)
                self._note_literal()

    def _take_literals(self) -> Sequence[tuple[int, int]]:
        literals, self._literals = self._literals, []
        # One line more than the response had to be read where only the next one tells that it is over.
        self._fed_bytes = self._framer.buffered_bytes
        if self._fed_bytes:
            self._note_literal()
        return literals

    def _feed(self, data: bytes) -> None:
        self._framer.feed(data)
        self._fed_bytes += len(data)

    def _note_literal(self) -> None:
        announced = _LITERAL_END.search(self._last_line)
        if announced:
            self._literals.append((self._fed_bytes, int(announced[1])))

    def _read_some(self, missing: int) -> bytes:
        data = self.read(min(missing, _READ_BYTES))
        if not data:
            raise self.abort("socket error: EOF")
        return data

    def _get_line(self) -> bytes:
        """The next line without its end."""
        line = self.readline()
        if not line:
            raise self.abort("socket error: EOF")
        if not line.endswith(CRLF):
            raise self.abort(f"socket error: unterminated line: {line[:200]!r}")
        line = line.removesuffix(CRLF)
        self._note_received(line)
        return line


class _GivingUp:
    """Whatever ends the block early leaves a reply outstanding, so no command may follow."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is not None:
            self._exchange._lost = str(error) or kind.__name__


def _cut_at_literals(frame: bytes, literals: Sequence[tuple[int, int]]) -> list[Data]:
    pieces: list[Data] = []
    position = 0
    for start, size in literals:
        # Text for people may end as if it announced a literal; nothing of that length follows then.
        if start + size <= len(frame):
            pieces.append((frame[position : start - len(CRLF)], frame[start : start + size]))
            position = start + size
    # Some servers put a blank line after a literal.
    pieces.append(frame[position:].removeprefix(CRLF))
    return pieces
