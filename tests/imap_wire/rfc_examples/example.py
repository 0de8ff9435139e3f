"""What does each side say in an example of an RFC, taken from its text as it stands there?"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from textwrap import dedent
from typing import TYPE_CHECKING

from mailrules.imap.events import CommandCompleted, CommandFailed
from tests.imap_connection.exchange import selected, sent
from tests.imap_wire.reading import responses_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailrules.imap.command import Command
    from mailrules.imap.connection import Connection
    from mailrules.imap.parser import Response

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[()]|[^\s()"]+(?:"[^"]*")?')
_NEGATED = re.compile(r"UN(DELETED|SEEN|FLAGGED|ANSWERED|DRAFT|KEYWORD)")
_TAG_OF_REPLY = re.compile(rb"(?m)^([A-Za-z0-9.]+) (?=OK|NO|BAD)")
_TAG_IN_QUOTES = re.compile(rb'(?<=")([A-Za-z0-9.]+)(?=")')


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One example; ``text`` is copied from the RFC, with its ``C:`` and ``S:``.

    Comments (``//``), times (``[13 seconds later]``) and lines of dots are left out. A line without a prefix goes on
    with the one before, after ``joint``. ``elided`` gives what to put in the place of the dots inside of a line, and
    of what the RFC is known to have wrong.
    """

    section: str
    text: str
    joint: str = " "
    elided: Mapping[str, str] = field(default_factory=dict)

    def client(self) -> list[str]:
        """The lines of the client, without the tags."""
        return [line.partition(" ")[2] for line in self._lines("C:")]

    def client_tags(self) -> list[bytes]:
        return [line.partition(" ")[0].encode() for line in self._lines("C:")]

    def server(self) -> bytes:
        """What the server sends, as on the wire."""
        return b"".join(line.encode() + b"\r\n" for line in self._lines("S:"))

    def responses(self) -> list[Response]:
        """What the server's bytes are read as."""
        return responses_of(self.server())

    def _lines(self, prefix: str) -> list[str]:
        lines: list[tuple[str, str]] = []
        for raw in dedent(self.text).strip("\n").splitlines():
            line = raw.strip()
            if not line or line.startswith(("//", "[", "...")):
                continue
            if line[:2] in ("C:", "S:"):
                lines.append((line[:2], line[3:]))
            else:
                side, begun = lines.pop()
                lines.append((side, begun.removesuffix("\\").rstrip() + self.joint + line))
        told = [line for side, line in lines if side == prefix and not line.startswith("...")]
        return [self._whole(line) for line in told]

    def _whole(self, line: str) -> str:
        for dots, meant in self.elided.items():
            line = line.replace(dots, meant)
        return line


def words_of(line: str) -> list[str]:
    """The words of a command as what they mean, so that two spellings of one command are equal.

    We name messages by UID, so UID before the command says nothing new. Strings are equal quoted or not, words in
    upper or lower case, and UNSEEN is NOT SEEN (RFC 9051 section 6.4.4).
    """
    words = [_meaning(word) for word in _WORD.findall(line.removeprefix("UID "))]
    return [part for word in words for part in word]


def written(command: Command[object], connection: Connection) -> str:
    """What goes out for this command, without the tag."""
    connection.submit(command)
    return sent(connection).decode().partition(" ")[2].removesuffix("\r\n")


def play(
    example: Example,
    *commands: Command[object],
    on: Connection | None = None,
    offers: str = "",
    instead: Mapping[str, str] | None = None,
) -> list[object]:
    """Say the client's lines and hear the server's; what each command has come to, an error where it was refused.

    ``instead`` names what we write otherwise than the RFC, each with a reason where it is given.
    """
    connection = selected(offers, exists=30_000) if on is None else on
    lines = example.client()
    assert len(lines) == len(commands), lines
    tags = {}
    for theirs, line, command in zip(example.client_tags(), lines, commands, strict=True):
        for theirs_word, our_word in (instead or {}).items():
            line = line.replace(theirs_word, our_word)  # noqa: PLW2901 -- one replacement after the other
        tag = connection.submit(command)
        wire = sent(connection).decode().removesuffix("\r\n")
        assert wire.startswith(f"{tag} "), f"{wire!r} is held"
        assert words_of(wire.partition(" ")[2]) == words_of(line)
        tags[theirs] = tag

    def ours(match: re.Match[bytes]) -> bytes:
        tag = tags.get(match[1])
        return match[0] if tag is None else match[0].replace(match[1], tag.encode())

    events = connection.receive_data(_TAG_IN_QUOTES.sub(ours, _TAG_OF_REPLY.sub(ours, example.server())))
    outcomes: dict[str, object] = {}
    for event in events:
        if isinstance(event, CommandCompleted):
            outcomes[event.tag] = event.result
        elif isinstance(event, CommandFailed):
            outcomes[event.tag] = event.error
    return [outcomes[tag] for tag in tags.values()]


def _meaning(word: str) -> tuple[str, ...]:
    if word.startswith('"'):
        return (re.sub(r"\\(.)", r"\1", word[1:-1]).upper(),)
    if (negated := _NEGATED.fullmatch(word.upper())) is not None:
        return ("NOT", negated[1])
    return (word.upper(),)
