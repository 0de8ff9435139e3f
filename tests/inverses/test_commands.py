"""Every command is read by an independent reader as the words it was made of."""

from __future__ import annotations

import re
from functools import singledispatch

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from mailrules.errors import LocalProtocolError
from mailrules.imap.mailbox_name import decode_mailbox_name, encode_mailbox_name
from mailrules.imap.writer import (
    AString,
    Atom,
    BinaryLiteral,
    BinarySection,
    BinarySize,
    BodySection,
    Charset,
    Flag,
    Gap,
    Literal,
    LiteralSupport,
    MailboxNode,
    Number,
    ParenthesisedList,
    Quoted,
    SequenceSetNode,
    StreamedLiteral,
    write_command,
)
from mailrules.testing.server_arguments import ArgumentList, parse_arguments
from tests.inverses.command_values import values_of
from tests.inverses.kinds import COMMANDS

CAPABILITIES = frozenset({"IMAP4REV1", "SASL-IR", "LIST-EXTENDED", "SPECIAL-USE", "CONDSTORE", "QRESYNC", "BINARY"})
_ANNOUNCEMENT = re.compile(rb"~?\{([0-9]+)\+?\}\r\n\Z")


@pytest.mark.parametrize("name", COMMANDS)
@given(data=st.data())
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_a_command_is_read_as_what_it_says(name, data):
    command = data.draw(values_of(COMMANDS[name]))
    support = data.draw(st.sampled_from(LiteralSupport))
    offered = data.draw(st.sampled_from([frozenset({"IMAP4REV1"}), CAPABILITIES]))
    try:
        nodes = (*(Atom(word) for word in command.name.split()), *command.arguments(offered))
        fragments = write_command("A1", nodes, literals=support)
    except LocalProtocolError:
        reject()

    assert plain(parse_arguments(pieces(fragments))) == ["A1", *words(nodes)]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_can_be_written_at_all(name):
    """So that no strategy makes only what the writer refuses."""
    written = 0

    @given(command=values_of(COMMANDS[name]))
    @settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def write(command):
        nonlocal written
        try:
            write_command("A1", (*map(Atom, command.name.split()), *command.arguments(CAPABILITIES)))
        except LocalProtocolError:
            return
        written += 1

    write()
    assert written


def pieces(fragments) -> list[bytes]:
    """A command as text, literal, text, ...: what the in-memory server's session makes of it."""
    stream = b"".join(b"\1" * one.size_bytes if isinstance(one, Gap) else one for one in fragments)
    found: list[bytes] = []
    while True:
        line, end, stream = stream.partition(b"\r\n")
        match = _ANNOUNCEMENT.search(line + end)
        if match is None:
            return [*found, line]
        size = int(match[1])
        found += [line[: match.start()], stream[:size]]
        stream = stream[size:]


def plain(argument) -> object:
    """Atoms and strings as their bytes: which of the two was written is the writer's to choose."""
    if isinstance(argument, ArgumentList):
        return [plain(one) for one in argument]
    return bytes(argument).decode("latin-1")


def words(nodes) -> list[object]:
    """What an honest reader finds in these nodes; a section with spaces is several words."""
    return [word for node in nodes for word in meaning(node)]


@singledispatch
def meaning(node) -> list[object]:
    raise TypeError(f"no reading for {node!r}; add one to tests/inverses/test_commands.py")


@meaning.register
def _(node: Atom) -> list[object]:
    return [node.text]


@meaning.register
def _(node: Number) -> list[object]:
    return [str(node.value)]


@meaning.register(AString)
@meaning.register(Quoted)
def _(node) -> list[object]:
    value = node.value.encode() if isinstance(node.value, str) else node.value
    return [value.decode("latin-1")]


@meaning.register(Literal)
@meaning.register(BinaryLiteral)
def _(node) -> list[object]:
    return [node.data.decode("latin-1")]


@meaning.register
def _(node: StreamedLiteral) -> list[object]:
    return ["\1" * node.size_bytes]


@meaning.register
def _(node: MailboxNode) -> list[object]:
    raw = encode_mailbox_name(node.name)
    assert decode_mailbox_name(raw) in (node.name, "INBOX") or encode_mailbox_name(decode_mailbox_name(raw)) == raw
    return [raw.decode("latin-1")]


@meaning.register
def _(node: Charset) -> list[object]:
    return ["CHARSET", node.name]


@meaning.register
def _(node: Flag) -> list[object]:
    return [node.name]


@meaning.register
def _(node: SequenceSetNode) -> list[object]:
    return [node.numbers.to_bytes().decode()]


@meaning.register
def _(node: ParenthesisedList) -> list[object]:
    return [words(node.items)]


def _section(start: str, inside: list[object], partial) -> list[object]:
    end = "]" + (f"<{partial.first}.{partial.count}>" if partial else "")
    if len(inside) == 1:
        return [f"{start}[{inside[0]}{end}"]
    return [f"{start}[{inside[0]}", inside[1], end]


@meaning.register
def _(node: BodySection) -> list[object]:
    start = "BODY" if node.sets_seen else "BODY.PEEK"
    dot = f"{node.part}." if node.part else ""
    fields = node.header_fields or node.other_than
    if fields:
        kind = "HEADER.FIELDS" if node.header_fields else "HEADER.FIELDS.NOT"
        return _section(start, [dot + kind, words(tuple(AString(field) for field in fields))], node.partial)
    text = "" if node.text is None else node.text.value
    return _section(start, [(dot + text).removesuffix(".") if not text else dot + text], node.partial)


@meaning.register
def _(node: BinarySection) -> list[object]:
    return _section("BINARY" if node.sets_seen else "BINARY.PEEK", [node.part], node.partial)


@meaning.register
def _(node: BinarySize) -> list[object]:
    return [f"BINARY.SIZE[{node.part}]"]
