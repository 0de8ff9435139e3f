"""The facts at the top of the failure model, by their numbers: each server is asked whether it still behaves so.

What a server does is reported; asserted is only what recovery rests on. Fact 7 takes a mailbox of a million
messages and is not asked here.
"""

from __future__ import annotations

import imaplib
import os
import re
import signal
import socket
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

from mailrules.testing.builders import SampleMessage
from tests.probes.facts import PROPERTY, fact_lines
from tests.probes.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.dovecot import DovecotAccount
    from tests.servers.server_account import ServerAccount

    Account: TypeAlias = DovecotAccount | ServerAccount
    Tell: TypeAlias = Callable[[int, str], None]

MOVING = ["dovecot", "dovecot_sdbox", "dovecot_mdbox", "cyrus"]
ALL = [*MOVING, "courier"]
WITH_MODSEQ = MOVING
TRIALS = 4
MESSAGES = 60


@pytest.fixture
def account(request: pytest.FixtureRequest) -> Account:
    found: Account = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def tell(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Tell:
    """Report what a server did, to be printed at the end of the run."""
    server = request.node.callspec.params.get("account", "") if hasattr(request.node, "callspec") else ""

    def say(number: int, what: str) -> None:
        record_property(PROPERTY, f"fact {number}  {server or 'here'}: {what}")

    return say


def prefix(account: Account) -> str:
    return getattr(account, "prefix", "")


def in_both(wire: Wire, source: str, target: str) -> Counter[str]:
    return Counter(wire.ids(source)) + Counter(wire.ids(target))


@pytest.mark.parametrize("account", MOVING, indirect=True)
def test_1_the_old_connections_command_runs_on_so_a_repetition_may_double(account: Account, tell: Tell) -> None:
    doubled = 0
    for trial in range(TRIALS):
        with Wire(account) as watching:
            ids = watching.fill(f"From{trial}", MESSAGES)
            watching.ok(f"CREATE To{trial}")
            old = Wire(account)
            old.ok(f"SELECT From{trial}")
            old.send(f"UID MOVE 1:{MESSAGES} To{trial}")
            old.reset()
            with Wire(account) as new:
                new.ok(f"SELECT From{trial}")
                new.ask(f"UID MOVE 1:{MESSAGES} To{trial}")
            found = in_both(watching, f"From{trial}", f"To{trial}")

        assert set(found) == set(ids), "a message was lost"
        doubled += any(count > 1 for count in found.values())
    tell(1, f"repeating a MOVE right after a reset doubled mail in {doubled} of {TRIALS} trials")


@pytest.mark.parametrize("account", MOVING, indirect=True)
def test_2_two_clients_that_move_the_same_at_once_double_and_lose_nothing(account: Account, tell: Tell) -> None:
    doubled = 0
    for trial in range(TRIALS):
        with Wire(account) as one, Wire(account) as other:
            ids = one.fill(f"From{trial}", MESSAGES)
            one.ok(f"CREATE To{trial}")
            for wire in (one, other):
                wire.ok(f"SELECT From{trial}")
            tags = [(wire, wire.send(f"UID MOVE 1:{MESSAGES} To{trial}")) for wire in (one, other)]
            for wire, tag in tags:
                wire.answer(tag)
            found = in_both(one, f"From{trial}", f"To{trial}")

        assert set(found) == set(ids), "a message was lost"
        doubled += any(count > 1 for count in found.values())
    tell(2, f"two clients that moved the same at once doubled mail in {doubled} of {TRIALS} rounds")


@pytest.mark.parametrize("account", ["dovecot"], indirect=True)
def test_3_a_server_killed_in_a_move_leaves_messages_in_both_and_loses_none(
    account: DovecotAccount, tell: Tell
) -> None:
    home = account.server.maildir(account.user)
    account.fill("INBOX", [SampleMessage(content=f"Message-ID: <{n}@k>\r\n\r\nx\r\n".encode()) for n in range(2_000)])
    with Wire(account) as wire:
        wire.ok("CREATE To")
        wire.ok("SELECT INBOX")
        wire.send("UID MOVE 1:2000 To")
        for _ in range(100_000):  # until the first copies are there
            if any(any((home / ".To" / folder).iterdir()) for folder in ("tmp", "cur", "new")):
                break
        for process_id in _sessions_in(home):
            os.kill(process_id, signal.SIGKILL)
    for lock in home.rglob("*.lock"):  # Dovecot waits two minutes before it takes them for abandoned
        lock.unlink()
    with Wire(account) as wire:
        found = in_both(wire, "INBOX", "To")

    assert len(found) == 2_000, "a message was lost"
    tell(3, f"killed in a MOVE of 2,000 it left {sum(count > 1 for count in found.values())} in both mailboxes")


def _sessions_in(home: Path) -> list[int]:
    """The processes that have files of this folder open."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(one.readlink()).startswith(str(home)) for one in (process / "fd").iterdir()):
                found.append(int(process.name))
        except OSError:  # it has ended meanwhile, or is not ours to look into
            continue
    return found


@pytest.mark.parametrize("account", ALL, indirect=True)
def test_4_an_ok_proves_nothing(account: Account, tell: Tell) -> None:
    with Wire(account) as wire:
        name = f"{prefix(account)}Looked"
        wire.fill(name, 1)
        wire.ok(f"EXAMINE {name}")
        stored = wire.ask("UID STORE 1 +FLAGS (\\Flagged)")[-1].split()[1].decode()
        wire.ok(f"SELECT {name}")
        flags = b" ".join(wire.ok("UID FETCH 1 (FLAGS)"))
        absent = wire.ask("UID STORE 4711 +FLAGS (\\Flagged)")[-1].split()[1].decode()
        copied = wire.ask(f"UID COPY 4711 {name}")[-1].split()[1].decode()

    effect = "changes the flags all the same" if b"Flagged" in flags else "does nothing"
    tell(4, f"STORE under EXAMINE answers {stored} and {effect}; on an absent UID STORE {absent}, COPY {copied}")


@pytest.mark.parametrize("account", WITH_MODSEQ, indirect=True)
def test_5_unchangedsince_below_highestmodseq_has_one_winner(account: Account, tell: Tell) -> None:
    both = {"equal to": 0, "below": 0}
    rounds = 6
    for number in range(rounds):
        for how in both:
            with Wire(account) as one, Wire(account) as other:
                name = f"Race{number}{how[0]}"
                one.fill(name, 2)
                for wire in (one, other):
                    wire.ok(f"SELECT {name} (CONDSTORE)")
                if how == "below":  # the second message is newer than the one that is fought for
                    one.ok("UID STORE 2 +FLAGS (\\Seen)")
                    other.ok("NOOP")
                modseq = _modseq_of(one) if how == "below" else one.status(name, "HIGHESTMODSEQ")
                sent = [
                    (wire, wire.send(f"UID STORE 1 (UNCHANGEDSINCE {modseq}) +FLAGS (${mark})"))
                    for wire, mark in ((one, "one"), (other, "other"))
                ]
                wins = sum(b"MODIFIED" not in wire.answer(tag)[-1] for wire, tag in sent)
                assert wins >= 1
                both[how] += wins == 2

    assert both["below"] == 0
    tell(
        5, f"UNCHANGEDSINCE equal to HIGHESTMODSEQ let both of two clients win in {both['equal to']} of {rounds} rounds"
    )


def _modseq_of(wire: Wire) -> int:
    found = re.search(rb"MODSEQ \((\d+)\)", b" ".join(wire.ok("UID FETCH 1 (MODSEQ)")))
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize("account", ALL, indirect=True)
def test_5_create_has_exactly_one_winner(account: Account, tell: Tell) -> None:
    rounds = 10
    with Wire(account) as one, Wire(account) as other:
        for number in range(rounds):
            name = f"{prefix(account)}Mutex{number}"
            sent = [(wire, wire.send(f"CREATE {name}")) for wire in (one, other)]
            answers = [wire.answer(tag)[-1].split()[1] for wire, tag in sent]
            assert sorted(answers) == [b"NO", b"OK"]
    tell(5, f"CREATE had exactly one winner in {rounds} of {rounds} rounds")


@pytest.mark.parametrize("account", ALL, indirect=True)
def test_6_expunge_takes_other_peoples_mail_and_examine_changes_nothing(account: Account, tell: Tell) -> None:
    name = f"{prefix(account)}Shared"
    with Wire(account) as ours, Wire(account) as theirs:
        ours.fill(name, 2)
        recent = ours.status(name, "RECENT")
        with Wire(account) as looking:
            looking.ok(f"EXAMINE {name}")
            looking.ok("UID FETCH 1:* (BODY.PEEK[])")
        unchanged = ours.status(name, "RECENT")
        theirs.ok(f"SELECT {name}")
        selected = ours.status(name, "RECENT")
        theirs.ok("UID STORE 1 +FLAGS (\\Deleted)")
        ours.ok(f"SELECT {name}")
        ours.ok("EXPUNGE")
        left = len(ours.ids(name))

    assert unchanged == recent
    tell(6, f"EXPUNGE left {left} of 2 though another client had marked one; SELECT made RECENT {selected} of {recent}")


@pytest.mark.parametrize("account", ALL, indirect=True)
def test_8_what_a_rename_does_to_uidvalidity(account: Account, tell: Tell) -> None:
    before, after = f"{prefix(account)}Before", f"{prefix(account)}After"
    with Wire(account) as wire:
        wire.fill(before, 1)
        uidvalidity = wire.status(before, "UIDVALIDITY")
        wire.ok(f"RENAME {before} {after}")
        has_changed = wire.status(after, "UIDVALIDITY") != uidvalidity
        assert len(wire.ids(after)) == 1
    tell(8, f"RENAME {'changes' if has_changed else 'keeps'} UIDVALIDITY")


@pytest.mark.parametrize("account", MOVING, indirect=True)
def test_8_the_servers_own_name_of_a_message_survives_copy_and_move(account: Account, tell: Tell) -> None:
    with Wire(account) as wire:
        wire.fill("From", 2)
        wire.ok("CREATE To")
        wire.ok("SELECT From")
        is_dovecot = wire.ask("UID FETCH 1 (EMAILID)")[-1].split()[1] != b"OK"
        item = "X-GUID" if is_dovecot else "EMAILID"
        names = _names(wire, item)
        wire.ok("UID COPY 1 To")
        wire.ok("UID MOVE 2 To")
        wire.ok("SELECT To")

        assert _names(wire, item) == names
    tell(8, f"{item} survives COPY and MOVE")


def _names(wire: Wire, item: str) -> list[str]:
    lines = wire.ok(f"UID FETCH 1:* ({item})")
    found = [re.search(rf"{item} \(?([^ )]+)".encode(), line) for line in lines]
    return sorted(one[1].decode() for one in found if one is not None)


def test_9_whether_the_standard_librarys_client_lets_a_line_break_through(tell: Tell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken: list[bytes] = []

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as lines:
                connection.sendall(b"* PREAUTH [CAPABILITY IMAP4REV1] here\r\n")
                for line in lines:
                    taken.append(line)
                    tag = line.split()[0]
                    if b"SELECT" in line:
                        connection.sendall(b"* 1 EXISTS\r\n")
                    connection.sendall(b"* CAPABILITY IMAP4REV1\r\n" + tag + b" OK done\r\n")

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        client = imaplib.IMAP4("127.0.0.1", listener.getsockname()[1], timeout=60)
        try:
            client.select("INBOX")
            client.search(None, "HEADER", "Message-ID", '"<x>\r\nX1 DELETE INBOX"')
            is_split = any(line.startswith(b"X1 DELETE") for line in taken)
        except (imaplib.IMAP4.error, ValueError):
            is_split = False
        finally:
            client.shutdown()
        serving.join(60)
    version = ".".join(str(part) for part in sys.version_info[:3])
    tell(
        9, f"imaplib of Python {version} {'lets' if is_split else 'does not let'} CR and LF of a value become commands"
    )


def test_the_lines_are_told_once_and_in_order() -> None:
    class Report:
        when = "call"
        user_properties = ((PROPERTY, "fact 2  b"), (PROPERTY, "fact 1  a"), (PROPERTY, "fact 1  a"), ("other", "x"))

    assert fact_lines([Report()]) == ["fact 1  a", "fact 2  b"]
