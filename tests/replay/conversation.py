"""How is a script of raw commands played to a server, and what of the answers is compared?

Answers are read here without the product's parser. What may differ between two right servers is
taken out: texts for people, UIDVALIDITY and MODSEQ numbers, the order of untagged lines that
have none, attributes and rights that are written in any order.
"""

from __future__ import annotations

import re
import select
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailrules.testing.server_arguments import ArgumentList, parse_arguments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mailrules.testing.server_arguments import Argument

_SILENCE_SECONDS = 0.1
_LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")
_EXPUNGE = re.compile(rb"\* \d+ EXPUNGE\r\n")
_CODE = re.compile(rb"\[([A-Z0-9-]+)(?: ([^\]]*))?\]")
_UNORDERED = (b"LIST", b"LSUB", b"STATUS")
_SHOWN_CODES = {
    b"ALREADYEXISTS", b"APPENDUID", b"BADCHARSET", b"CLOSED", b"COPYUID", b"MODIFIED", b"NONEXISTENT", b"READ-ONLY",
    b"READ-WRITE", b"TRYCREATE", b"UIDNEXT", b"UNSEEN", b"UIDVALIDITY", b"HIGHESTMODSEQ", b"AUTHENTICATIONFAILED",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command of a script, without its tag; ``client`` is who says it.

    ``continued`` are the lines or literals to send, one after each ``+``.
    """

    command: bytes
    client: int = 1
    continued: tuple[bytes, ...] = ()


class RawClient:
    """A connection that sends bytes and reads whole responses, and no more."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._file = self._socket.makefile("rb")
        self._count = 0
        self._read_response()

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def ask(self, command: bytes) -> list[bytes]:
        """Say one command without literals."""
        return self.say(Step(command=command))

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def read(self) -> bytes:
        """All that comes until the server closes."""
        return self._file.read()

    def read_some(self, count: int) -> bytes:
        """At most so many bytes, as soon as there are any."""
        return self._file.read1(count)

    def is_silent(self) -> bool:
        """Whether nothing more has come in a short while."""
        return not select.select([self._socket], [], [], _SILENCE_SECONDS)[0]

    def say(self, step: Step) -> list[bytes]:
        """Send the step's command, and return its responses, tagged one last."""
        self._count += 1
        tag = b"t%d" % self._count
        self._socket.sendall(tag + b" " + step.command + b"\r\n")
        continued = list(step.continued)
        responses: list[bytes] = []
        while not responses or not responses[-1].startswith(tag + b" "):
            responses.append(self._read_response())
            if responses[-1].startswith(b"+") and continued:
                self._socket.sendall(continued.pop(0))
        return responses

    def _read_response(self) -> bytes:
        response = self._file.readline()
        assert response, "the server closed the connection"
        while match := _LITERAL.search(response):
            response += self._file.read(int(match.group(1))) + self._file.readline()
        return response


def play(script: Iterable[Step], *, port: int, user: str, password: str) -> Iterator[tuple[Step, object]]:
    """Play a script with as many logged-in clients as it names, and yield each step's comparable answer."""
    clients: dict[int, RawClient] = {}
    try:
        for step in script:
            if step.client not in clients:
                clients[step.client] = RawClient(port)
                clients[step.client].say(Step(command=f"LOGIN {user} {password}".encode()))
            yield step, comparable(clients[step.client].say(step))
    finally:
        for client in clients.values():
            client.close()


def comparable(responses: list[bytes]) -> object:
    """The responses of one command, as far as two right servers must agree on them."""
    shown = [line for line in (_comparable(response) for response in _with_original_numbers(responses)) if line]
    if not any(b"UIDVALIDITY" in response for response in responses):
        # RECENT is told whenever a server likes; opening a mailbox must tell it.
        shown = [line for line in shown if line[-1:] != (("Atom", b"RECENT"),)]
    ordered = [line for line in shown if line[0] not in _UNORDERED]
    return sorted((line for line in shown if line[0] in _UNORDERED), key=repr), ordered


def _with_original_numbers(responses: list[bytes]) -> list[bytes]:
    """EXPUNGE lines with the numbers before the first of them, ascending: servers choose the order."""
    places = [place for place, line in enumerate(responses) if _EXPUNGE.fullmatch(line)]
    gone: list[int] = []
    for place in places:
        number = int(responses[place].split()[1])
        for earlier in sorted(gone):
            number += earlier <= number
        gone.append(number)
    replaced = list(responses)
    for place, number in zip(places, sorted(gone), strict=True):
        replaced[place] = b"* %d EXPUNGE\r\n" % number
    return replaced


def _comparable(response: bytes) -> tuple[object, ...] | None:
    if response.startswith(b"+"):
        return (b"+",)
    tag, _, rest = response.partition(b" ")
    status = rest.split(None, 1)[0].upper()
    if status in {b"OK", b"NO", b"BAD", b"BYE"}:
        code = _code(rest)
        if status == b"BAD":
            return (b"tagged", b"BAD")
        if tag == b"*":
            return None if code == (b"",) else (status, *code)
        return (b"tagged", status, *code)
    return _data(_words(rest))


def _code(rest: bytes) -> tuple[object, ...]:
    match = _CODE.match(rest.partition(b" ")[2])
    if match is None or match.group(1) not in _SHOWN_CODES:
        return (b"",)
    name, arguments = match.group(1), match.group(2) or b""
    if name in {b"COPYUID", b"APPENDUID"}:
        return name, *arguments.split()[1:]
    if name in {b"UIDVALIDITY", b"HIGHESTMODSEQ", b"BADCHARSET"}:
        return (name,)
    return name, arguments


def _words(rest: bytes) -> ArgumentList:
    pieces: list[bytes] = []
    while match := re.search(rb"\{(\d+)\}\r\n", rest):
        end = match.end() + int(match.group(1))
        pieces += [rest[: match.start()], rest[match.end() : end]]
        rest = rest[end:]
    return parse_arguments([*pieces, rest.rstrip(b"\r\n")])


def _data(words: ArgumentList) -> tuple[object, ...] | None:
    name = _word(words[0])
    if name.isdigit() and len(words) == 3:
        return name, b"FETCH", *_fetch(words[2])
    if name in {b"CAPABILITY", b"ID", b"FLAGS"}:
        return None  # FLAGS: Dovecot keeps keywords of copied mail that no message here carries
    if name == b"METADATA":
        entries = words[2]
        assert isinstance(entries, ArgumentList)
        return name, words[1], frozenset(zip(map(_word, entries[::2]), map(_frozen, entries[1::2]), strict=True))
    if name == b"ACL":
        entries = words[2:]
        return name, words[1], frozenset(zip(entries[::2], map(_rights, entries[1::2]), strict=True))
    if name == b"LISTRIGHTS":
        return name, words[1], words[2], _frozen(words[3]), frozenset(_word(word) for word in words[4:])
    if name == b"MYRIGHTS":
        return name, words[1], _rights(words[2])
    if name in _UNORDERED:
        return name, *(_unordered(word) for word in words[1:])
    if name == b"ESEARCH":
        return name, *_without_tag(words[1:])
    if name == b"SEARCH":
        return name, *(word for word in words[1:] if not isinstance(word, ArgumentList))
    return tuple(map(_frozen, words))


def _fetch(found: Argument) -> Iterator[object]:
    """A FETCH as pairs in one order. ``BODY[HEADER.FIELDS (..)]`` comes as three words before its value."""
    assert isinstance(found, ArgumentList)
    pairs: list[tuple[bytes, object]] = []
    left = iter(found)
    for word in left:
        name = _word(word)
        if name.startswith(b"BODY[HEADER.FIELDS"):
            name += repr(_frozen(next(left))).encode() + _word(next(left))
        value = next(left)
        if name == b"FLAGS":
            pairs.append((name, _unordered(value)))
        elif name == b"MODSEQ":
            pairs.append((name, b"a number"))
        else:
            pairs.append((name, _frozen(value)))
    yield from sorted(pairs, key=lambda pair: pair[0])


def _rights(word: Argument) -> frozenset[int]:
    # RFC 4314 section 2.1.1: "c" and "d" only repeat other rights for old clients.
    return frozenset(_word(word)) - frozenset(b"CD")


def _without_tag(words: list[Argument]) -> list[object]:
    return [_frozen(word) for word in words if not isinstance(word, ArgumentList)]


def _unordered(word: Argument) -> object:
    if not isinstance(word, ArgumentList):
        return bytes(word)
    names = [_word(each) for each in word]
    if names and names[0] in {b"MESSAGES", b"UIDNEXT", b"UIDVALIDITY", b"HIGHESTMODSEQ", b"RECENT", b"UNSEEN"}:
        pairs = zip(names[::2], names[1::2], strict=True)
        hidden = {b"UIDVALIDITY", b"HIGHESTMODSEQ"}
        return tuple(sorted((name, b"a number" if name in hidden else value) for name, value in pairs))
    return tuple(sorted(names))


def _word(word: Argument) -> bytes:
    assert not isinstance(word, ArgumentList)
    return bytes(word).upper()


def _frozen(word: Argument) -> object:
    """Lists as tuples, at the depth that test messages have; NIL and quoted NIL stay apart."""
    if isinstance(word, ArgumentList):
        return tuple(map(_frozen, word))
    return type(word).__name__, bytes(word)
