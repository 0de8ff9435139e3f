"""How does the in-memory server carry one client from greeting to goodbye?"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.errors import first_error
from mailrules.testing.mail_state import NoSuchMailbox
from mailrules.testing.selected_view import Told
from mailrules.testing.server_arguments import Arguments, Atom, BadCommand, NeedsUids, parse_arguments
from mailrules.testing.server_calls import OPEN, Call, Entry, Refused, State
from mailrules.testing.server_faults import (
    Bye,
    ByeForEver,
    Drop,
    DropBeforeTagged,
    Interject,
    Misread,
    Refuse,
    Rewrite,
    Say,
    Silence,
    StallInLiteral,
    WithoutCode,
)
from mailrules.testing.server_wire import LineTooLong, WireEnded

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailrules.testing.imap_server import ImapServer
    from mailrules.testing.mail_state import MailAccount, StoredMailbox
    from mailrules.testing.selected_view import SelectedView
    from mailrules.testing.server_arguments import ArgumentList
    from mailrules.testing.server_notify import Notifications
    from mailrules.testing.server_wire import ServerWire

LARGEST_LITERAL = 64 * 1024 * 1024
LARGEST_LITERAL_BEFORE_LOGIN = 4_096
FLUSH_AT = 65_536
_MOST_PIECES = 2_000
_TAG = re.compile(rb"[!-\[\]-z|}~]{1,64}")  # no "{", which would start a literal
_LITERAL = re.compile(rb"\{(\d{1,19})\}$")
_LITERAL_PLUS = re.compile(rb"\{(\d{1,19})(\+?)\}$")


class Session:
    """One connection: who is logged in, what is open, what was enabled."""

    def __init__(self, server: ImapServer, wire: ServerWire, *, commands: dict[str, Entry]) -> None:
        self.server, self.wire = server, wire
        self.account: MailAccount | None = None
        self.view: SelectedView | None = None
        self.enabled: set[str] = set()
        self.notifications: Notifications | None = None
        """What NOTIFY has said to tell; None before the first one."""
        self.has_news = asyncio.Event()
        self.saved: frozenset[int] = frozenset()
        """The UIDs that ``$`` stands for (RFC 5182)."""
        self.is_ending = False
        self.starts_tls = self.starts_compression = False
        self._commands = commands
        self._said: set[str] = set()

    async def run(self) -> None:
        """Serve until the client leaves or a fault ends the connection."""
        try:
            self.untagged(self.server.greeting.format(capabilities=f"[{self.capability_text()}]").encode())
            await self.wire.flush()
            while not self.is_ending:
                await self._serve_one()
        except WireEnded:
            pass  # the client left, or a fault cut the connection
        except LineTooLong:
            self.wire.write(b"* BYE Line too long\r\n")
            await self.wire.flush()
        finally:
            self.leave_mailbox()
            if self.notifications is not None:
                self.notifications.close()

    @property
    def state(self) -> State:
        if self.account is None:
            return State.NOT_AUTHENTICATED
        return State.AUTHENTICATED if self.view is None else State.SELECTED

    @property
    def mail(self) -> MailAccount:
        """The account that is logged in."""
        if self.account is None:
            raise BadCommand("Log in first")
        return self.account

    @property
    def selected(self) -> SelectedView:
        """The mailbox that is open."""
        if self.view is None:
            raise BadCommand("No mailbox selected")
        return self.view

    @property
    def uid_only(self) -> bool:
        """Whether messages are named by their UIDs alone from here on (RFC 9586)."""
        return "UIDONLY" in self.enabled

    def offers(self, capability: str) -> bool:
        return capability in self.server.capabilities

    def capability_text(self) -> str:
        """``CAPABILITY ...`` for the state and the protection of this connection."""
        return "CAPABILITY " + " ".join(
            self.server.announced(is_logged_in=self.account is not None, is_tls=self.wire.is_tls)
        )

    def mailbox(self, name: str, *, code: str = "", right: str = "") -> StoredMailbox:
        """A mailbox of the account; refused with ``code`` where missing, with NOPERM without ``right``."""
        try:
            mailbox = self.mail[name]
        except NoSuchMailbox:
            raise Refused(f"Mailbox doesn't exist: {name}", code=code) from None
        if right and right not in mailbox.rights.get(self.mail.user, ""):
            raise Refused("Permission denied", code="NOPERM")
        return mailbox

    def chosen(self, call: Call) -> list[int]:
        """The UIDs of the command's set, which ``$`` may be where the server has SEARCHRES."""
        self.require_uids(call)
        if self.offers("SEARCHRES") and call.arguments.next_is(b"$"):
            return [uid for uid in self.selected.uids if uid in self.saved]
        return self.selected.chosen(call.arguments.sequence_set(), by_uid=call.by_uid)

    def require_uids(self, call: Call) -> None:
        """Refuse a command that names or answers message numbers where they are not allowed."""
        if self.uid_only and not call.by_uid:
            raise NeedsUids

    def notify(self, notifications: Notifications) -> Notifications:
        """Tell these from here on, and no others."""
        if self.notifications is not None:
            self.notifications.close()
        self.notifications = notifications
        return notifications

    def leave_mailbox(self) -> None:
        if self.view is not None:
            self.view.close()
            self.view = None
        self.saved = frozenset()

    def untagged(self, line: bytes) -> None:
        self.wire.write(b"* " + line + b"\r\n")

    async def flush_when_large(self) -> None:
        """Let a long answer out while it is being made, at the pace at which the client reads."""
        if self.wire.queued >= FLUSH_AT:
            await self.wire.flush()

    async def line_or_news(self, tell: Callable[[], None]) -> bytes:
        """The next line from the client; until it comes, ``tell`` queues what has happened. Raises as ``read_line``."""
        with first_error():
            async with asyncio.TaskGroup() as tasks:
                line = tasks.create_task(self.wire.read_line())
                while not line.done():
                    self.has_news.clear()
                    tell()
                    await self.wire.flush()
                    news = tasks.create_task(self.has_news.wait())
                    await asyncio.wait([line, news], return_when=asyncio.FIRST_COMPLETED)
                    news.cancel()
        return line.result()

    async def _first_line(self) -> bytes:
        """The line that a command begins with; after NOTIFY the client is told things while it says nothing."""
        if self.notifications is None or self.notifications.tells_nothing or self.wire.is_silent:
            return await self.wire.read_line()
        return await self.line_or_news(lambda: self.tell_news(by_uid=True, expunges=False))

    async def _serve_one(self) -> None:
        pieces = await self._read_pieces()
        if pieces is None or self.wire.is_silent:
            return
        first, _, rest = pieces[0].partition(b" ")
        if not _TAG.fullmatch(first):
            self.untagged(b"BAD Invalid tag")
            await self.wire.flush()
            return
        tag = first.decode("ascii")
        try:
            answer = await self._answer(self._read_call(tag, [rest, *pieces[1:]]))
        except BadCommand as error:
            answer = _tagged(tag, "BAD", f"Error in IMAP command: {error}", code=error.code)
        self.wire.write(answer)
        await self.wire.flush()
        self.wire.distort()
        if self.starts_tls and self.server.tls is not None:
            self.starts_tls = False
            await self.wire.start_tls(self.server.tls)
        if self.starts_compression and not self.wire.is_compressed:
            self.wire.start_compression()

    def _read_call(self, tag: str, pieces: list[bytes]) -> Call:
        """The command, and the fault that is due at it; read anew where the fault is that it is misread."""
        words = parse_arguments(pieces)
        name = _command_name(words)
        reaction = self.server.take_reaction(name, text=b"".join(pieces), said=frozenset(self._said))
        self._said.add(name)
        if isinstance(reaction, Misread):
            texts = [re.sub(reaction.pattern, reaction.replacement, text) for text in pieces[::2]]
            pieces[::2] = texts
            words = parse_arguments(pieces)
            name = _command_name(words)
        return Call(tag=tag, name=name, arguments=Arguments(words), reaction=reaction)

    async def _read_pieces(self) -> list[bytes] | None:
        """A command as text, literal, text, ...; None where it was refused while being read."""
        announcement = _LITERAL_PLUS if self.offers("LITERAL+") else _LITERAL
        limit = LARGEST_LITERAL if self.account else LARGEST_LITERAL_BEFORE_LOGIN
        pieces: list[bytes] = []
        while True:
            line = await (self.wire.read_line() if pieces else self._first_line())
            match = announcement.search(line)
            if match is None:
                return [*pieces, line]
            size, waits = int(match.group(1)), match.lastindex == 1 or not match.group(2)
            if size > limit or len(pieces) > _MOST_PIECES:
                if not waits:  # what follows cannot be told from commands
                    self.wire.write(b"* BYE Literal too large\r\n")
                    await self.wire.flush()
                    raise WireEnded
                tag = (pieces or [line])[0].split(b" ")[0][:64]
                self.wire.write(tag + b" BAD [TOOBIG] Literal too large\r\n")
                await self.wire.flush()
                return None
            if waits and not self.wire.is_silent:
                self.wire.write(b"+ OK\r\n")
                await self.wire.flush()
            pieces += [line[: match.start()], await self.wire.read_exactly(size)]

    async def _answer(self, call: Call) -> bytes:
        """The command's tagged line, unless a fault has another answer."""
        match call.reaction:
            case Bye(text=text):
                self.untagged(b"BYE " + text.encode())
                self.is_ending = True
                return b""
            case ByeForEver(text=text):
                while True:
                    self.untagged(b"BYE " + text.encode())
                    await self.wire.flush()
                    await asyncio.sleep(0)  # or a client in the same loop could not answer before all buffers are full
            case Drop():
                raise WireEnded
            case Silence():
                self.wire.is_silent = True
                return b""
            case Refuse(status=status, code=code, text=text):
                return _tagged(call.tag, status, text, code=code)
            case Say(data=data, instead=instead):
                said = data.replace(b"{tag}", call.tag.encode())
                if instead:
                    return said
                self.wire.write(said)
            case StallInLiteral(byte_count=byte_count):
                self.wire.stall_in_literal(byte_count)
            case Interject():
                self.wire.distort(interjection=call.reaction)
            case Rewrite():
                self.wire.distort(rewriting=call.reaction)
        answer = await self._carry_out(call)
        if isinstance(call.reaction, DropBeforeTagged):
            if not call.reaction.untagged:
                self.wire.drop_queued()
            await self.wire.flush()
            raise WireEnded
        return answer

    async def _carry_out(self, call: Call) -> bytes:
        entry = self._commands.get(call.name)
        if entry is None or (entry.capability and not self.offers(entry.capability)):
            raise BadCommand(f"{call.name}: Unknown command")
        if self.state not in entry.states:
            raise BadCommand("No mailbox selected" if entry.states is OPEN else f"{call.name}: not in this state")
        try:
            done = await entry.handler(self, call)
            answer = _tagged(call.tag, "OK", done.text, code=done.code)
        except Refused as refusal:
            answer = _tagged(call.tag, "NO", refusal.text, code=refusal.code)
        self.tell_news(by_uid=call.by_uid, expunges=entry.announces_expunges, removed=entry.removes_messages)
        return answer

    def tell_news(self, *, by_uid: bool, expunges: bool = True, removed: bool = False) -> None:
        """Queue the lines that tell of changes; ``by_uid`` names UIDs in them.

        What a command ``removed`` itself is told whatever NOTIFY says: it is the command's result.
        """
        told = Told(
            expunges=expunges,
            with_uid=by_uid,
            with_modseq="CONDSTORE" in self.enabled,
            as_vanished="QRESYNC" in self.enabled,
        )
        if self.notifications is not None:
            told = self.notifications.restricted(told)
            told = replace(told, expunges=told.expunges or (removed and expunges))
        if self.view is not None:
            for line in self.view.news(told):
                self.wire.write(line)
        if self.notifications is not None:
            for line in self.notifications.lines():
                self.untagged(line)

    def enable_condstore(self) -> None:
        """From here on MODSEQ is told unasked (RFC 7162 section 3.1)."""
        if "CONDSTORE" not in self.enabled and self.view is not None:
            self.untagged(b"OK [HIGHESTMODSEQ %d] Highest" % self.view.mailbox.highest_modseq)
        self.enabled.add("CONDSTORE")

    def confirming(self, call: Call, code: str) -> str:
        """A COPYUID or APPENDUID code, "" where the server has no UIDPLUS or a fault withholds it."""
        return code if self.offers("UIDPLUS") and not isinstance(call.reaction, WithoutCode) else ""


def _command_name(words: ArgumentList) -> str:
    """Take the command's name off its words, ``UID`` or ``NOTIFY`` and the word after it as one."""
    name: list[bytes] = []
    while words and isinstance(words[0], Atom) and name in ([], [b"UID"], [b"NOTIFY"]):
        name.append(words[0].upper())
        del words[0]
    if not name:
        raise BadCommand("Invalid command name")
    return b" ".join(name).decode("ascii", "replace")


def _tagged(tag: str, status: str, text: str, *, code: str = "") -> bytes:
    bracket = f"[{code}] " if code else ""
    return f"{tag} {status} {bracket}{text}\r\n".encode("utf-8", "replace")
