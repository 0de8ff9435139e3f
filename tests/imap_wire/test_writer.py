"""Commands become bytes that can mean nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.errors import LocalProtocolError
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.writer import (
    AString,
    Atom,
    BodySection,
    Flag,
    Literal,
    LiteralSupport,
    MailboxNode,
    Number,
    ParenthesisedList,
    Quoted,
    SectionText,
    SequenceSetNode,
    write_command,
    write_line,
)


def written(*nodes, **options) -> tuple[bytes, ...]:
    return write_command("A1", nodes, **options)


def test_a_command_is_its_nodes_between_spaces():
    fetched = ParenthesisedList((Atom("UID"), Atom("FLAGS"), BodySection(header_fields=("From", "List-Id"))))

    fragments = written(Atom("UID"), Atom("FETCH"), SequenceSetNode(SequenceSet.of([1, 2, 5])), fetched)

    assert fragments == (b"A1 UID FETCH 1:2,5 (UID FLAGS BODY.PEEK[HEADER.FIELDS (From List-Id)])\r\n",)


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (BodySection(), b"BODY.PEEK[]"),
        (BodySection(part="1.2"), b"BODY.PEEK[1.2]"),
        (BodySection(part="2", text=SectionText.MIME), b"BODY.PEEK[2.MIME]"),
        (BodySection(text=SectionText.HEADER), b"BODY.PEEK[HEADER]"),
        (BodySection(part="3", header_fields=("Subject",)), b"BODY.PEEK[3.HEADER.FIELDS (Subject)]"),
    ],
)
def test_sections_are_peeked_at(section, expected):
    assert written(section) == (b"A1 " + expected + b"\r\n",)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (AString("plain"), b"plain"),
        (AString("a]b"), b"a]b"),
        (AString(""), b'""'),
        (AString("NIL"), b'"NIL"'),
        (AString("two words"), b'"two words"'),
        (AString('a"b\\c'), b'"a\\"b\\\\c"'),
        (AString("(x) {5} %*"), b'"(x) {5} %*"'),
        (Quoted("plain"), b'"plain"'),
        (Flag("\\Seen"), b"\\Seen"),
        (Flag("$Forwarded"), b"$Forwarded"),
        (Flag("foo]bar"), b"foo]bar"),
        (Number(0), b"0"),
        (Number(2**63 - 1), b"9223372036854775807"),
        (MailboxNode("Entwürfe"), b"Entw&APw-rfe"),
        (MailboxNode("R&D"), b"R&-D"),
        (MailboxNode("Sent Items"), b'"Sent Items"'),
        (ParenthesisedList(()), b"()"),
    ],
)
def test_each_node_has_one_safe_form(node, expected):
    assert written(node) == (b"A1 " + expected + b"\r\n",)


def test_eight_bit_strings_wait_as_literals():
    assert written(Atom("LOGIN"), AString("jürgen"), AString("pw")) == (b"A1 LOGIN {7}\r\n", b"j\xc3\xbcrgen pw\r\n")


def test_utf8_strings_are_quoted_where_that_is_enabled():
    assert written(AString("jürgen"), utf8=True) == ('A1 "jürgen"\r\n'.encode(),)
    assert written(AString(b"\xff"), utf8=True) == (b"A1 {1}\r\n", b"\xff\r\n")


def test_a_name_with_an_ampersand_is_never_quoted():
    # Some servers do not answer the quoted form.
    assert written(Atom("SELECT"), MailboxNode("Tom & Jerry")) == (b"A1 SELECT {12}\r\n", b"Tom &- Jerry\r\n")


def test_a_server_sees_its_own_odd_name_again():
    assert written(MailboxNode("Entw\ueffcrfe")) == (b"A1 {8}\r\n", b"Entw\xfcrfe\r\n")


@pytest.mark.parametrize(
    ("size_bytes", "support", "fragments"),
    [
        (4096, LiteralSupport.SYNCHRONISING, 2),
        (4096, LiteralSupport.MINUS, 1),
        (4097, LiteralSupport.MINUS, 2),
        (4097, LiteralSupport.PLUS, 1),
    ],
)
def test_literals_wait_unless_the_server_said_otherwise(size_bytes, support, fragments):
    data = b"x" * size_bytes

    command = written(Atom("APPEND"), MailboxNode("INBOX"), Literal(data), literals=support)

    assert len(command) == fragments
    mark = b"+" if fragments == 1 else b""
    assert b"".join(command) == b"A1 APPEND INBOX {%d%b}\r\n%b\r\n" % (size_bytes, mark, data)


def test_a_string_of_a_thousand_bytes_is_quoted_and_a_longer_one_is_not():
    assert len(written(Quoted("x" * 1024))) == 1
    assert len(written(Quoted("x" * 1025))) == 2


@pytest.mark.parametrize("bad", ["a\r\nA2 DELETE INBOX", "a\nb", "a\rb", "a\0b"])
@pytest.mark.parametrize(
    "node", [AString, Quoted, Atom, Flag, MailboxNode, lambda text: BodySection(header_fields=(text,))]
)
def test_line_ends_and_nul_never_pass(node, bad):
    if node is MailboxNode:
        bad = bad.replace("\r", "\uef0d").replace("\n", "\uef0a").replace("\0", "\uef00")
    with pytest.raises(LocalProtocolError):
        written(node(bad))


@pytest.mark.parametrize(
    "node",
    [
        Atom(""),
        Atom("two words"),
        Atom("ü"),
        Atom("a]"),
        Flag(""),
        Flag("\\"),
        Flag("a b"),
        Flag("\\*"),
        Flag("ü"),
        Number(-1),
        Number(2**63),
        Literal(b"a\0b"),
        BodySection(part="1.0"),
        BodySection(part="1]"),
        AString("\ud800"),
        SequenceSetNode(SequenceSet()),
    ],
)
def test_what_has_no_form_is_refused(node):
    with pytest.raises(LocalProtocolError):
        written(node)


@given(st.text() | st.binary())
def test_no_string_adds_a_line_or_an_argument(value):
    try:
        command = b"".join(written(Atom("X"), AString(value), Atom("END"), literals=LiteralSupport.PLUS))
    except LocalProtocolError:
        return
    if b"+}\r\n" not in command:
        assert command.count(b"\r") == command.count(b"\n") == 1
    assert command.endswith(b" END\r\n")


def test_a_line_of_its_own_holds_no_other():
    assert write_line(b"DONE") == b"DONE\r\n"
    with pytest.raises(LocalProtocolError, match="byte 1 of 3"):
        write_line(b"a\nb")
