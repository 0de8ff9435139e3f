"""Mail in files is judged as the same mail on a server is."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from mailrules.errors import MailFileError, MissingCapability, RemoteProtocolError
from mailrules.mail_on_disk import MailOnDisk
from mailrules.mailbox.message import UID, FactRequest, Unreadable
from mailrules.plan.directory import imagined_directory
from mailrules.plan.history import History
from mailrules.plan.planner import DISPLAY_FIELDS
from mailrules.rules.conditions import Environment
from mailrules.survey import Surroundings, survey_mailbox
from mailrules.testing.builders import message
from mailrules.testing.memory_reader import MemoryReader
from tests.hostile_mail.corpus import MAILS
from tests.hostile_mail.judging import RULES
from tests.plan.planned import NOW, load, mail

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mailrules.mailbox.store import MailReader
    from mailrules.plan.plan import MailboxPlan

EVERYTHING = FactRequest(
    flags=True,
    size=True,
    received=True,
    saved=True,
    labels=True,
    header_fields=("subject", "from"),
    structure=True,
    text=True,
    whole=True,
)
SEPARATOR = b"From someone@example.org Tue Mar  4 09:30:00 2025\n"


def mbox(path: Path, *contents: bytes) -> Path:
    """An mbox as RFC 4155 has it, with lines that end in LF, and ``From `` quoted as mboxrd has it."""
    with path.open("wb") as file:
        for content in contents:
            lines = content.replace(b"\r\n", b"\n")
            file.write(SEPARATOR + re.sub(rb"^(>*From )", rb">\1", lines, flags=re.MULTILINE) + b"\n\n")
    return path


def disk(*, mails: Sequence[Path] = (), mboxes: Sequence[Path] = ()) -> MailOnDisk:
    return MailOnDisk.of_files(mails=mails, mboxes=mboxes, account="home", mailbox="INBOX")


async def planned(reader: MailReader) -> MailboxPlan:
    surroundings = Surroundings(
        directory=imagined_directory("home", None),
        environment=Environment(now=NOW),
        history=History(),
        describe_fields=DISPLAY_FIELDS,
    )
    rules = load(RULES).rules.rules
    return (await survey_mailbox(reader, await reader.open("INBOX"), rules, surroundings=surroundings)).finish()


# What ends its lines otherwise than in CRLF cannot come back out of an mbox as it went in.
ALIKE = [
    make()
    for name, make in MAILS.items()
    if name not in {"bare CR and LF", "40,000 times From", "5 MB on one line", "empty"} and len(make()) < 50_000
]


@pytest.mark.parametrize("kind", ["eml", "mbox"])
async def test_every_hostile_mail_gets_the_same_steps_as_on_a_server(kind: str, tmp_path: Path) -> None:
    if kind == "mbox":
        reader = disk(mboxes=[mbox(tmp_path / "all.mbox", *ALIKE)])
    else:
        paths = [tmp_path / f"{number}.eml" for number in range(len(ALIKE))]
        for path, content in zip(paths, ALIKE, strict=True):
            path.write_bytes(content)
        reader = disk(mails=paths)
    server = MemoryReader(mail(*ALIKE), account="home")

    on_disk, on_server = await planned(reader), await planned(server)

    assert on_disk.judged == len(ALIKE)
    outlines = [
        {one.uid: [(step.kind, step.to, step.flags, step.rule) for step in one.steps] for one in made.messages}
        for made in (on_disk, on_server)
    ]
    complex_ = {one.uid for made in (on_disk, on_server) for one in made.findings if one.kind == "too_complex"}
    assert {uid: steps for uid, steps in outlines[0].items() if uid not in complex_} == {
        uid: steps for uid, steps in outlines[1].items() if uid not in complex_
    }


async def test_an_mbox_tells_flags_and_when_each_message_came(tmp_path: Path) -> None:
    first = b"Subject: one\nStatus: RO\nX-Status: AF\n\n>From here\nFrom there, no separator\n"
    path = tmp_path / "a.mbox"
    path.write_bytes(SEPARATOR + first + b"\nFrom x@y Wed Mar  5 10:00:00 2025\nSubject: two\n\nhi\n")

    one, two = await disk(mboxes=[path]).fetch(EVERYTHING)

    assert one.flags == {"\\Seen", "\\Answered", "\\Flagged"}
    assert (one.received, two.received) == (
        datetime(2025, 3, 4, 9, 30, tzinfo=UTC),
        datetime(2025, 3, 5, 10, 0, tzinfo=UTC),
    )
    assert one.header == b"subject: one\r\n"
    assert one.whole is not None
    assert one.whole.endswith(b"\r\n\r\nFrom here\r\nFrom there, no separator\r\n")
    assert (two.flags, two.whole) == (frozenset(), b"Subject: two\r\n\r\nhi\r\n")
    assert isinstance(one.saved, Unreadable)
    assert isinstance(one.labels, Unreadable)


async def test_a_maildir_file_tells_its_flags_and_a_header_alone_is_read_alone(tmp_path: Path) -> None:
    path = tmp_path / "1700000000.M1P2.host:2,FS"
    path.write_bytes(message(subject="Hello").replace(b"\r\n", b"\n"))
    reader = disk(mails=[path])

    (asked,) = await reader.fetch(FactRequest(flags=True, header_fields=("subject",)))
    async with reader.read_message(UID(1)) as content:
        whole = b"".join([piece async for piece in content])

    assert asked.flags == {"\\Seen", "\\Flagged"}
    assert asked.header == b"subject: Hello\r\n"
    assert whole == message(subject="Hello")
    assert content.size_bytes == len(whole)


async def test_only_messages_that_are_there_are_told_of(tmp_path: Path) -> None:
    reader = disk(mboxes=[mbox(tmp_path / "a", *[message(subject=f"{number}") for number in range(3)])])
    request = FactRequest(size=True)

    assert [one.uid for one in await reader.fetch(request, [UID(9), UID(3), UID(0)])] == [3]
    assert [one.uid for one in await reader.fetch_from(request, UID(2))] == [2, 3]
    assert (reader.opened.messages, reader.opened.uidnext) == (3, 4)
    with pytest.raises(RemoteProtocolError):
        async with reader.read_message(UID(4)):
            pass


async def test_what_only_a_server_can_tell_is_refused_in_words(tmp_path: Path) -> None:
    reader = disk(mboxes=[mbox(tmp_path / "a")])

    for ask in (
        reader.search_as_written("UNSEEN"),
        reader.quota_roots("INBOX"),
        reader.get_rights("INBOX"),
        reader.my_rights("INBOX"),
        reader.metadata("INBOX", entries=["/private/comment"]),
        reader.particulars(["INBOX"], own_rights=True),
        reader.fetch_changed(FactRequest(), since=1, below=UID(9)),
    ):
        with pytest.raises(MissingCapability, match=r": only a server can tell, and the message is in a file$"):
            await ask


@pytest.mark.parametrize("content", [b"Subject: no mbox\n\nx\n", b"\nFrom a@b Tue Mar  4 09:30:00 2025\n"])
def test_what_is_no_mbox_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)

    with pytest.raises(MailFileError, match="does not begin as an mbox does"):
        disk(mboxes=[path])


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MailFileError, match="No such file"):
        disk(mails=[tmp_path / "none"])
    with pytest.raises(MailFileError, match="No such file"):
        disk(mboxes=[tmp_path / "none"])
