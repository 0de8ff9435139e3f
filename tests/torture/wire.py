"""What was said on the wire, command by command, and which commands may be said at all."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.servers.proxy import Passage

_WRITING = re.compile(
    r"(UID )?(STORE|COPY|MOVE|EXPUNGE)\b|(APPEND|CREATE|DELETE|RENAME|SUBSCRIBE|UNSUBSCRIBE|SETACL|DELETEACL"
    r"|SETMETADATA|SETQUOTA|CLOSE|EXPUNGE|REPLACE)\b",
    re.IGNORECASE,
)
_READING = re.compile(
    r"(CAPABILITY|NOOP|LOGOUT|LOGIN|AUTHENTICATE|STARTTLS|COMPRESS|ID|ENABLE|LIST|LSUB|NAMESPACE|EXAMINE|UNSELECT"
    r"|GETACL|MYRIGHTS|LISTRIGHTS|GETQUOTA|GETQUOTAROOT|IDLE|CHECK)\b"
    r"|STATUS |UID SEARCH |UID FETCH ",
    re.IGNORECASE,
)
"""What a preview may send."""

_TAGGED = re.compile(r"[A-Za-z]+\d+ [A-Z]")
"""How our commands begin, and no turn of a login does."""

_TAGGED = re.compile(r"[A-Za-z]+\d+ [A-Z]")
"""How our commands begin, and no turn of a login does."""

_BODY = re.compile(r"\bBODY\[|\bRFC822(?!\.SIZE)|\bBINARY\[", re.IGNORECASE)


@dataclass(slots=True, kw_only=True)
class WireLine:
    """One command as it came in; ``is_intended`` says whether the journal knew of it then, None if it had not to."""

    connection: int
    text: str
    is_intended: bool | None = None
    note: str = ""
    """What a fault did at it."""

    @property
    def is_writing(self) -> bool:
        return bool(_WRITING.match(self.text))

    @property
    def may_preview(self) -> bool:
        """Whether a preview may say it: it reads, and marks nothing as seen."""
        return bool(_READING.match(self.text)) and not _BODY.search(self.text)

    def __str__(self) -> str:
        unknown = "  <- not in the journal" if self.is_intended is False else ""
        return f"{self.connection}> {self.text}{f'  ({self.note})' if self.note else ''}{unknown}"


@dataclass(slots=True)
class WireLog:
    """All commands of all our connections, in order."""

    lines: list[WireLine] = field(default_factory=list)
    connections: int = 0

    def say(self, connection: int, text: str) -> WireLine:
        line = WireLine(connection=connection, text=text)
        self.lines.append(line)
        return line

    def excerpt(self, most: int = 60) -> str:
        """The end of it, for people."""
        shown = self.lines[-most:]
        head = [f"... {len(self.lines) - most} lines before"] if len(self.lines) > most else []
        return "\n".join([*head, *map(str, shown)])


def log_of_passages(passages: Iterable[Passage]) -> WireLog:
    """What a proxy recorded, as commands: tags taken off, literals in place, LOGIN without its words."""
    streams: dict[int, bytearray] = {}
    for one in passages:
        if one.direction == ">":
            streams.setdefault(one.connection, bytearray()).extend(one.data)
    log = WireLog(connections=len(streams))
    for connection, data in streams.items():
        for text in _commands(bytes(data)):
            log.say(connection, text)
    return log


def _commands(data: bytes) -> list[str]:
    """The commands in what a client sent."""
    commands, rest = [], data
    while rest:
        line, _, rest = rest.partition(b"\r\n")
        whole = line
        while (literal := re.search(rb"\{(\d+)\+?\}$", line)) is not None:
            size = int(literal[1])
            content, rest = rest[:size], rest[size:]
            line, _, rest = rest.partition(b"\r\n")
            whole += b" " + content + line
        text = whole.decode("utf-8", "replace")
        is_turn = bool(commands) and commands[-1].startswith("AUTHENTICATE") and not _TAGGED.match(text)
        commands.append("AUTHENTICATE, and on" if is_turn else text.partition(" ")[2] or text)
    return commands
