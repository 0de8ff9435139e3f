"""What our own mail looks like on the wire, whatever the mail that caused it looks like."""

from __future__ import annotations

import asyncio
import tracemalloc
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import compat32
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.delivery.canonical import CanonicalLines, NotCanonical, dots_stuffed, header_and_rest
from mailrules.delivery.header_writing import address_field, date_field, text_field, token_field
from mailrules.delivery.marks import LOOP_FIELD, carries_our_mark, derived_id, message_id
from mailrules.execution.spool import Spool
from mailrules.mailbox.headers import header_text
from mailrules.mailbox.strict_address import strict_address
from tests.outbox.mail_sink import MailSink, mail_sink
from tests.outbox.world import BO, ME, forward, move, notify, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from email.message import Message

    from tests.outbox.mail_sink import Taken
    from tests.outbox.world import World


WRITTEN = {
    *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", LOOP_FIELD),
    *("MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
}
"""The fields of a mail of ours."""


async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sizes: list[int]) -> None:
    """An SMTP server that keeps nothing of a message but its size."""
    writer.write(b"220 sink.example\r\n")
    while (command := (await reader.readline())[:4].upper()) != b"QUIT":
        writer.write(b"354 go on\r\n" if command == b"DATA" else b"250 sink.example\r\n")
        if command == b"DATA":
            size, end = 0, b""
            while not end.endswith(b"\r\n.\r\n"):
                piece = await reader.read(1 << 16)
                size, end = size + len(piece), (end + piece)[-5:]
            sizes.append(size)
            writer.write(b"250 taken\r\n")
    writer.write(b"221 bye\r\n")
    writer.close()


async def sent(world: World, *steps: object) -> list[Taken]:
    async with mail_sink(MailSink()) as sink:
        world.mail_goes_to(sink)
        await world.run(*steps, move())
    return sink.taken


def parsed(taken: Taken) -> Message:
    return message_from_bytes(taken.content, policy=compat32)


async def test_a_forward_holds_the_original_untouched_in_a_mail_of_ours(world: World) -> None:
    original = (
        b"Return-Path: <al@elsewhere.example>\r\nFrom: Al <al@elsewhere.example>\r\nTo: me@example.org\r\n"
        b"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <a@b.example>\r\n\r\n.\r\n..dots\r\n-- \r\nBye\r\n"
    )
    world.deliver(content=original)

    (taken,) = await sent(world, forward())

    outer = parsed(taken)
    note, attached = outer.get_payload()
    assert (taken.sender, taken.recipients) == (ME, (BO,))
    assert (outer["From"], outer["To"]) == (ME, BO)
    assert header_text(outer["Subject"].encode()) == "Fwd: Grüße"
    assert outer["Auto-Submitted"] == "auto-generated"
    assert carries_our_mark([outer[LOOP_FIELD]], key=Spool(world.folder).loop_key())
    assert b"Forwarded by the rule forwarder." in note.get_payload(decode=True)
    assert attached.get_content_type() == "message/rfc822"
    assert attached["Content-Transfer-Encoding"] == outer["Content-Transfer-Encoding"] == "7bit"
    assert original in taken.content


async def test_a_resent_message_is_as_it_was_with_resent_fields_before_it(world: World) -> None:
    original = (
        b"Return-Path: <al@elsewhere.example>\r\nReceived: from x\r\nReturn-Path:\r\n <b@b.example>\r\n"
        b"From: al@elsewhere.example\r\nSubject: Hello\r\n\r\nReturn-Path: stays\r\n"
    )
    world.deliver(content=original)

    (taken,) = await sent(world, forward(form="resent"))

    assert taken.content.endswith(
        b"Received: from x\r\nFrom: al@elsewhere.example\r\nSubject: Hello\r\n\r\nReturn-Path: stays\r\n"
    )
    head = parsed(taken)
    assert (head["Resent-From"], head["Resent-To"], head["Return-Path"]) == (ME, BO, None)


async def test_8_bit_text_is_sent_as_what_it_is(world: World) -> None:
    world.deliver(content="From: al@elsewhere.example\r\n\r\nGrüße\r\n".encode())
    async with mail_sink(MailSink()) as sink:
        world.mail_goes_to(sink)
        await world.run(forward(), move())

    assert "BODY=8BITMIME" in next(line for line in sink.commands if line.startswith("mail"))
    assert parsed(sink.taken[0])["Content-Transfer-Encoding"] == "8bit"


async def test_an_answer_is_built_anew_from_a_hostile_mail(world: World) -> None:
    content = (
        b'Return-Path: <al@elsewhere.example>\r\nFrom: "x" <al@elsewhere.example>\r\nTo: me@example.org\r\n'
        b"Message-ID: <a@b.example>\r\n"
        b"Subject: =?utf-8?Q?Hi=0D=0ABcc:_victim@example.net=0D=0A=0D=0Abody_=E2=80=AE=00_end?=\r\n\r\nx\r\n"
    )
    world.deliver(content=content)

    (taken,) = await sent(world, reply("About {subject} from {from.address}: away."))

    answer = parsed(taken)
    assert (taken.sender, taken.recipients) == ("", ("al@elsewhere.example",))
    assert set(answer.keys()) == {*WRITTEN, "In-Reply-To", "References"}
    assert (answer["To"], answer["Auto-Submitted"]) == ("al@elsewhere.example", "auto-replied")
    assert answer["In-Reply-To"] == "<a@b.example>"
    assert answer["Subject"] == "Auto: Hi Bcc: victim@example.net body  end"
    text = answer.get_payload(decode=True).decode()
    assert text == "About Hi Bcc: victim@example.net body  end from al@elsewhere.example: away."


@pytest.mark.parametrize(
    "odd", ["<a@b.example>\r\n x", "a@b", "<a b@c.example>", f"<{'a' * 500}@b.example>", "<ä@b.example>"]
)
async def test_an_odd_message_id_is_not_repeated(world: World, odd: str) -> None:
    content = f"Return-Path: <al@elsewhere.example>\r\nTo: {ME}\r\nMessage-ID: {odd}\r\n\r\nx\r\n"
    world.deliver(content=content.encode())

    (taken,) = await sent(world, reply())

    assert "In-Reply-To" not in parsed(taken)


async def test_a_notice_says_what_it_is_told_to(world: World) -> None:
    world.deliver(subject="Fire")

    (taken,) = await sent(world, notify(text="Look: {subject}"))

    assert parsed(taken).get_payload(decode=True) == b"Look: Fire"
    assert (taken.recipients, parsed(taken)["Subject"]) == ((BO,), "Mail: Fire")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"From: a@b.example\r\n\r\na\rb\r\n", "bare CR"),
        (b"From: a@b.example\r\n\r\nab\r", "bare CR"),
        (b"From: a@b.example\r\nX: \r.\r\n\r\n", "bare CR"),
        (b"From: a@b.example\r\n\r\na\x00b\r\n", "NUL"),
        (b"From: a@b.example\r\nX: " + b"y" * 300_000 + b"\r\n\r\n", "over 256 KiB"),
    ],
)
async def test_what_smtp_must_not_carry_is_not_forwarded(world: World, content: bytes, words: str) -> None:
    world.deliver(content=content)
    async with mail_sink(MailSink()) as sink:
        world.mail_goes_to(sink)

        report = await world.run(forward(), move())

    assert (sink.taken, await world.states(), world.spooled()) == ([], ["given_up"], [])
    assert words in report.shortfalls[0].reason
    assert world.mailboxes_with_mail() == ["INBOX"]


async def test_a_large_message_is_forwarded_in_flat_memory(world: World) -> None:
    size = 40 << 20
    world.deliver(content=b"From: a@b.example\r\n\r\n" + (b"x" * 70 + b"\r\n") * (size // 72))
    sizes: list[int] = []
    server = await asyncio.start_server(lambda reader, writer: swallow(reader, writer, sizes), "127.0.0.1", 0)
    async with server:
        world.mail_goes_to(MailSink(port=server.sockets[0].getsockname()[1]))
        tracemalloc.start()
        try:
            # Resent: the store in memory copies a message to read one field of it.
            await world.run(forward(form="resent"), move())
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert (await world.states(), sizes[0] > size) == (["applied"], True)
    assert peak < 8 << 20


def test_the_same_effect_has_the_same_message_id_and_others_have_another() -> None:
    one = message_id(derived_id("key", "rule", "forward", BO), sender=ME)
    assert one == message_id(derived_id("key", "rule", "forward", BO), sender=ME)
    assert one.endswith("@example.org>")
    assert one != message_id(derived_id("key", "rule", "forward", "cy@friends.example"), sender=ME)


@given(st.text(max_size=300))
def test_no_text_breaks_out_of_its_field(text: str) -> None:
    field = text_field("Subject", text)

    lines = field.split(b"\r\n")
    assert lines[-1] == b""
    assert lines[0].startswith(b"Subject: ")
    assert all(line.startswith(b" ") for line in lines[1:-1])
    assert all(len(line) <= 998 for line in lines)
    assert b"\r" not in field.replace(b"\r\n", b"")
    assert b"\n" not in field.replace(b"\r\n", b"")
    assert field.isascii()


@pytest.mark.parametrize("text", ["Grüße aus Köln " * 8, "日本語" * 40, "plain", "=?utf-8?Q?x?=", "🎉" * 30])
def test_a_text_reads_back_as_it_was(text: str) -> None:
    value = text_field("Subject", text).partition(b":")[2]

    assert header_text(value.strip()) == text.strip()


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example\r\nBcc: x@x.example",
        "a\nb@c.example",
        "a\0@c.example",
        "a b@c.example",
        '"a"@c.example',
        "a@[127.0.0.1]",
        "a@b..example",
        "a@-b.example",
        "@b.example",
        "a@",
        "a",
        "a@b@c.example>",
        "<a@b.example>",
        "a.@b.example",
        f"{'a' * 65}@b.example",
        f"a@{'b.' * 130}example",
        "ä@b.example",
    ],
)
def test_an_address_that_is_not_plain_is_never_written(address: str) -> None:
    with pytest.raises(ValueError, match=r"it|what"):
        strict_address(address)
    with pytest.raises(ValueError, match=r"it|what"):
        address_field("To", address)


def test_plain_addresses_pass_and_domains_get_their_ascii_form() -> None:
    assert strict_address("a.b+c@Example.ORG") == "a.b+c@example.org"
    assert strict_address("a@bücher.example") == "a@xn--bcher-kva.example"
    assert date_field("Date", datetime(2026, 11, 22, 12, tzinfo=UTC)) == b"Date: Sun, 22 Nov 2026 12:00:00 +0000\r\n"
    with pytest.raises(ValueError, match="not one line of ASCII"):
        token_field("X", "a\r\nb")


@given(
    st.lists(st.sampled_from([b"\r\n", b"\n", b".", b"a", b"..", b"\r\n.\r\n", b"\n.\n", "ü".encode()])),
    st.integers(1, 7),
)
def test_any_cut_gives_the_same_canonical_lines_and_no_dot_ends_them_early(tokens: list[bytes], size: int) -> None:
    content = b"".join(tokens)
    pieces = [content[start : start + size] for start in range(0, len(content), size)]

    whole, cut = CanonicalLines(), CanonicalLines()
    one = whole.feed(content) + whole.finish()
    many = b"".join(map(cut.feed, pieces)) + cut.finish()

    assert one == many
    assert b"\n" not in one.replace(b"\r\n", b"")
    stuffed = b"".join(dots_stuffed([one[start : start + size] for start in range(0, len(one), size)]))
    assert b"\r\n.\r\n" not in b"\r\n" + stuffed
    lines = stuffed.split(b"\r\n")
    assert b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines) == one


@given(st.binary(max_size=60), st.integers(1, 5))
async def test_header_and_rest_are_the_message_again(content: bytes, size: int) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(content), size):
            yield content[start : start + size]

    reference = CanonicalLines()
    try:
        wanted = reference.feed(content) + reference.finish()
    except NotCanonical:
        wanted = None
    try:
        header, rest = await header_and_rest(pieces(), CanonicalLines())
        found = header + b"".join([piece async for piece in rest])
    except NotCanonical:
        found = None

    assert found == wanted
