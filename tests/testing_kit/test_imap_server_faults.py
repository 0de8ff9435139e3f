"""The in-memory server's scripted faults: what the client sees, and what the mailboxes hold afterwards."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from mailrules.testing.builders import message
from mailrules.testing.server_faults import (
    AtCommand,
    Bye,
    ByeForEver,
    CutAfterReceived,
    CutAfterSent,
    Drop,
    DropBeforeTagged,
    DropHalfway,
    Ending,
    Interject,
    Misread,
    Reaction,
    Refuse,
    Rewrite,
    Say,
    Silence,
    StallInLiteral,
    Trickle,
    WithoutCode,
)
from tests.replay.conversation import RawClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mailrules.testing.imap_server import ImapServer
    from mailrules.testing.mail_state import MailAccount


@pytest.fixture
def connect(imap_server: ImapServer, mail_account: MailAccount) -> Iterator[Callable[[], RawClient]]:
    """Makes a client that is logged in and has an INBOX of three messages open."""
    for number in (1, 2, 3):
        mail_account.add("INBOX", message(subject=f"number {number}"))
    clients: list[RawClient] = []

    def make() -> RawClient:
        client = RawClient(imap_server.port)
        clients.append(client)
        client.ask(b"LOGIN ann pass")
        client.ask(b"SELECT INBOX")
        return client

    yield make
    for client in clients:
        client.close()


def sizes(mail: MailAccount) -> tuple[int, int]:
    return len(mail["INBOX"].messages), len(mail["Archive"].messages)


def at_move(reaction: Reaction) -> AtCommand:
    return AtCommand(command="UID MOVE", reaction=reaction)


def test_a_command_is_refused_with_a_code_and_not_carried_out(
    imap_server: ImapServer, mail_account: MailAccount, connect: Callable[[], RawClient]
) -> None:
    imap_server.faults.append(AtCommand(command="UID MOVE", nth=2, reaction=Refuse(code="OVERQUOTA", text="full")))
    client = connect()

    client.ask(b"UID MOVE 1 Archive")
    refused = client.ask(b"UID MOVE 2 Archive")
    client.ask(b"UID MOVE 3 Archive")

    assert refused == [b"t4 NO [OVERQUOTA] full\r\n"]
    assert sizes(mail_account) == (1, 2)


@pytest.mark.parametrize(
    ("reaction", "left_over", "in_inbox", "in_archive"),
    [
        (Bye(text="gone"), b"* BYE gone\r\n", 3, 0),
        (Drop(), b"", 3, 0),
        (DropBeforeTagged(untagged=False), b"", 0, 3),
        (DropHalfway(), b"", 2, 2),
    ],
)
def test_a_connection_ends_in_the_middle_of_a_move(
    imap_server: ImapServer,
    mail_account: MailAccount,
    connect: Callable[[], RawClient],
    reaction: Reaction,
    left_over: bytes,
    in_inbox: int,
    in_archive: int,
) -> None:
    imap_server.faults.append(at_move(reaction))
    client = connect()

    client.send(b"x UID MOVE 1:3 Archive\r\n")

    assert client.read() == left_over
    assert sizes(mail_account) == (in_inbox, in_archive)


def test_the_untagged_answers_may_come_through_before_the_end(
    imap_server: ImapServer, connect: Callable[[], RawClient]
) -> None:
    imap_server.faults.append(at_move(DropBeforeTagged()))
    client = connect()

    client.send(b"x UID MOVE 1:3 Archive\r\n")
    left_over = client.read()

    assert left_over.startswith(b"* OK [COPYUID ")
    assert left_over.count(b"EXPUNGE\r\n") == 3
    assert b"x OK" not in left_over


def test_a_move_is_done_without_a_word_of_where_to(
    imap_server: ImapServer, mail_account: MailAccount, connect: Callable[[], RawClient]
) -> None:
    imap_server.faults.append(at_move(WithoutCode()))
    client = connect()

    answers = client.ask(b"UID MOVE 1:2 Archive")

    assert not any(b"COPYUID" in answer for answer in answers)
    assert answers[-1].startswith(b"t3 OK")
    assert sizes(mail_account) == (1, 2)


def test_a_literal_stalls(imap_server: ImapServer, connect: Callable[[], RawClient]) -> None:
    imap_server.faults.append(AtCommand(command="UID FETCH", reaction=StallInLiteral(byte_count=4)))
    client = connect()

    client.send(b"x UID FETCH 1 BODY.PEEK[]\r\ny NOOP\r\n")

    size = len(message(subject="number 1"))
    assert client.read_some(200) == b"* 1 FETCH (UID 1 BODY[] {%d}\r\nFrom" % size
    assert client.is_silent()


def test_a_command_is_never_answered_nor_what_follows_it(
    imap_server: ImapServer, connect: Callable[[], RawClient]
) -> None:
    imap_server.faults.append(AtCommand(command="NOOP", reaction=Silence()))
    client = connect()

    client.send(b"x NOOP\r\ny LOGOUT\r\n")

    assert client.is_silent()


def test_any_bytes_can_be_said_before_or_instead_of_an_answer(
    imap_server: ImapServer, connect: Callable[[], RawClient]
) -> None:
    imap_server.faults += [
        AtCommand(command="NOOP", reaction=Say(data=b"* 9 NONSENSE\r\n", instead=False)),
        AtCommand(command="NOOP", nth=2, reaction=Say(data=b"* 3 EXPUNGE\r\n{tag} OK said\r\n")),
    ]
    client = connect()

    assert client.ask(b"NOOP") == [b"* 9 NONSENSE\r\n", b"t3 OK NOOP completed.\r\n"]
    assert client.ask(b"NOOP") == [b"* 3 EXPUNGE\r\n", b"t4 OK said\r\n"]


@pytest.mark.parametrize("count", [1, 17, 60])
def test_exactly_so_many_bytes_come_before_the_cut(imap_server: ImapServer, count: int) -> None:
    imap_server.faults.append(CutAfterSent(byte_count=count))

    with socket.create_connection(("127.0.0.1", imap_server.port), timeout=10) as connection:
        received = connection.makefile("rb").read()

    assert len(received) == count


def test_only_whole_commands_within_the_bytes_that_came_in_are_carried_out(
    imap_server: ImapServer, mail_account: MailAccount, connect: Callable[[], RawClient]
) -> None:
    before = b"t1 LOGIN ann pass\r\nt2 SELECT INBOX\r\n"
    first, second = b"x UID MOVE 1 Archive\r\n", b"y UID MOVE 2 Archive\r\n"
    imap_server.faults.append(CutAfterReceived(byte_count=len(before + first + second) - 1))
    client = connect()

    client.send(first + second)
    left_over = client.read()

    assert b"x OK" in left_over
    assert b"y OK" not in left_over
    assert sizes(mail_account) == (2, 1)


def test_a_fault_of_one_connection_leaves_the_others_alone(
    imap_server: ImapServer, connect: Callable[[], RawClient]
) -> None:
    imap_server.faults.append(CutAfterSent(byte_count=1, connection=2))
    first = connect()

    with socket.create_connection(("127.0.0.1", imap_server.port), timeout=10) as second:
        assert len(second.makefile("rb").read()) == 1

    assert first.ask(b"NOOP") == [b"t3 OK NOOP completed.\r\n"]


def test_a_connection_may_be_reset_after_so_many_bytes(imap_server: ImapServer) -> None:
    imap_server.faults.append(CutAfterReceived(byte_count=6, ending=Ending.RESET))

    with socket.create_connection(("127.0.0.1", imap_server.port), timeout=10) as connection:
        connection.sendall(b"a NOOP")
        with pytest.raises(ConnectionResetError):
            connection.makefile("rb").read()


@pytest.mark.parametrize("fault", [CutAfterSent, CutAfterReceived])
def test_a_connection_may_stay_open_and_be_dead(imap_server: ImapServer, fault: type[CutAfterSent]) -> None:
    count = 10 if fault is CutAfterSent else len(b"a NOOP\r\n") - 1
    imap_server.faults.append(fault(byte_count=count, ending=Ending.STALL))

    with socket.create_connection(("127.0.0.1", imap_server.port), timeout=10) as connection:
        connection.sendall(b"a NOOP\r\nb NOOP\r\n")
        received = connection.recv(1000)
        connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.recv(1000)

    assert received == (b"* OK [CAPA" if fault is CutAfterSent else received.partition(b"\n")[0] + b"\n")


def test_a_server_may_close_its_own_side_only(imap_server: ImapServer, mail_account: MailAccount) -> None:
    login = b"t1 LOGIN ann pass\r\n"
    imap_server.faults.append(CutAfterReceived(byte_count=len(login), ending=Ending.HALF_CLOSE))

    with socket.create_connection(("127.0.0.1", imap_server.port), timeout=10) as connection:
        connection.sendall(login)
        assert connection.makefile("rb").read().endswith(b"Logged in\r\n")
        connection.sendall(b"a SUBSCRIBE Archive\r\n")
        with closing(RawClient(imap_server.port)) as second:
            asked = 0
            while not mail_account.subscriptions and asked < 1000:
                second.ask(b"NOOP")
                asked += 1

    assert mail_account.subscriptions == {"Archive"}


@pytest.mark.parametrize("count", [1, 7])
def test_bytes_may_come_a_few_at_a_time(imap_server: ImapServer, count: int) -> None:
    imap_server.faults.append(Trickle(byte_count=count, pause_seconds=0.001))

    with closing(RawClient(imap_server.port)) as client:
        assert client.ask(b"NOOP") == [b"t1 OK NOOP completed.\r\n"]


def test_a_reaction_may_come_each_time_until_another_command_was_said(
    imap_server: ImapServer, connect: Callable[[], RawClient]
) -> None:
    imap_server.faults.append(AtCommand(command="NOOP", nth=None, reaction=Refuse(text="not yet"), until="CHECK"))
    client = connect()

    assert client.ask(b"NOOP") == [b"t3 NO not yet\r\n"]
    assert client.ask(b"NOOP") == [b"t4 NO not yet\r\n"]
    client.ask(b"CHECK")
    assert client.ask(b"NOOP") == [b"t6 OK NOOP completed.\r\n"]


def test_a_reaction_may_depend_on_what_the_command_holds(
    imap_server: ImapServer, connect: Callable[[], RawClient]
) -> None:
    imap_server.faults.append(
        AtCommand(command="*", nth=None, reaction=Refuse(status="BAD", text="no"), when=lambda text: b"2" in text)
    )
    client = connect()

    assert client.ask(b"UID FETCH 1 UID")[-1].startswith(b"t3 OK")
    assert client.ask(b"UID FETCH 2 UID") == [b"t4 BAD no\r\n"]


def test_unsolicited_data_may_come_amid_an_answer(imap_server: ImapServer, connect: Callable[[], RawClient]) -> None:
    imap_server.faults.append(AtCommand(command="UID FETCH", reaction=Interject(data=b"* 9 EXISTS\r\n", after=2)))
    client = connect()

    assert client.ask(b"UID FETCH 1:* UID") == [
        b"* 1 FETCH (UID 1)\r\n",
        b"* 2 FETCH (UID 2)\r\n",
        b"* 9 EXISTS\r\n",
        b"* 3 FETCH (UID 3)\r\n",
        b"t3 OK Fetch completed.\r\n",
    ]
    assert b"* 9 EXISTS\r\n" not in client.ask(b"UID FETCH 1:* UID")


def test_an_answer_may_be_rewritten_and_a_command_misread(
    imap_server: ImapServer, connect: Callable[[], RawClient]
) -> None:
    imap_server.faults += [
        AtCommand(command="SELECT", nth=2, reaction=Rewrite(pattern=rb"\d+ EXISTS", replacement=b"7 EXISTS")),
        AtCommand(command="UID FETCH", reaction=Misread(pattern=rb"FLAGS", replacement=b"UID")),
    ]
    client = connect()

    assert b"* 7 EXISTS\r\n" in client.ask(b"SELECT INBOX")
    assert client.ask(b"UID FETCH 1 FLAGS")[0] == b"* 1 FETCH (UID 1)\r\n"
    assert client.ask(b"UID FETCH 1 FLAGS")[0] == b"* 1 FETCH (UID 1 FLAGS ())\r\n"


def test_bye_may_come_for_ever(imap_server: ImapServer, connect: Callable[[], RawClient]) -> None:
    imap_server.faults.append(AtCommand(command="NOOP", reaction=ByeForEver()))
    client = connect()

    client.send(b"x NOOP\r\n")

    said = b"".join(client.read_some(10_000) for _ in range(3))
    assert set(said.splitlines()[:-1]) == {b"* BYE Autologout; idle for too long"}
