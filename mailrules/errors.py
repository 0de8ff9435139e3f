"""Which errors can leave a module, and what each carries for the caller.

Messages say what happened, with numbers, and what to do about it. What a person wrote wrong in
a file is a list of diagnostics (``RuleError.diagnostics``), all of them at once.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mailrules.diagnostics import Diagnostic


class MailrulesError(Exception):
    """The root of every error that mailrules raises on purpose. Copied or sent to another process, it is the same."""

    def __reduce__(self) -> tuple[Callable[..., MailrulesError], tuple[object, ...], dict[str, object]]:
        # Python would call the class with the words alone, and what an error carries beside them is required.
        return _same_error, (type(self), *self.args), self.__dict__


class MailFileError(MailrulesError):
    """A file with mail that cannot be read, or is none."""


class IMAPError(MailrulesError):
    """Anything that went wrong between us and an IMAP server."""


class LocalProtocolError(IMAPError):
    """We were asked to send what IMAP does not allow (a bug, or CR, LF or NUL in an argument)."""


class RemoteProtocolError(IMAPError):
    """The server sent what IMAP does not allow, beyond what one ``Malformed`` value can carry.

    ``what`` is wrong, ``sent`` what the server sent, shortened and without secrets, "" where it sent nothing, and
    ``rfc`` names the section that speaks of it. A command that ends in this leaves the connection usable. What makes
    a connection unusable closes it, and reaches its commands as ConnectionLost with these words.
    """

    def __init__(self, what: str, *, sent: str, rfc: str) -> None:
        self.what, self.sent, self.rfc = what, sent, rfc
        super().__init__(f"{what}: {sent} ({rfc})" if sent else f"{what} ({rfc})")


class MessagesUnreadable(RemoteProtocolError):
    """The server told of messages that were asked for what cannot be read. They are there; nothing is known of them.

    ``uids`` are those that are known by name, ``has_nameless`` tells whether there are others; ``result`` is what the
    command gave but for them. ``reasons`` tells of each UID why, in words for people.
    """

    def __init__(
        self,
        what: str,
        *,
        sent: str,
        rfc: str,
        reasons: Mapping[int, str],
        result: object,
        has_nameless: bool = False,
    ) -> None:
        self.reasons, self.result, self.has_nameless = reasons, result, has_nameless
        self.uids = tuple(sorted(reasons))
        super().__init__(what, sent=sent, rfc=rfc)


class CommandRefused(IMAPError):
    """A tagged NO or BAD (RFC 9051 section 7.1).

    ``command`` is the command's name, ``status`` is ``"NO"`` or ``"BAD"``, ``code`` the response
    code's name in upper case (``"TRYCREATE"``) or ``""``, ``text`` the server's words. ``detail`` is the
    code as ``mailrules.imap.response_codes`` types it, with its arguments.
    """

    def __init__(self, command: str, *, status: str, code: str = "", text: str = "", detail: object = None) -> None:
        self.command, self.status, self.code, self.text, self.detail = command, status, code, text, detail
        bracket = f" [{code}]" if code else ""
        super().__init__(f"{command} refused: {status}{bracket} {text}".rstrip())


class CharsetRefused(CommandRefused):
    """The server takes no search in UTF-8, and what was asked could be matched by nobody else.

    ``asked`` is the kind of search key. The other parts are those of the server's refusal.
    """

    def __init__(self, refusal: CommandRefused, *, asked: str) -> None:
        self.asked = asked
        super().__init__(
            refusal.command, status=refusal.status, code=refusal.code, text=refusal.text, detail=refusal.detail
        )

    def __str__(self) -> str:
        return (
            f"{super().__str__()}; {self.asked} with a text that is not ASCII can only be matched by the server, "
            "which refuses UTF-8 (BADCHARSET, RFC 9051 section 6.4.4): search for ASCII instead"
        )


class MessageLimitReached(IMAPError):
    """The server did only a part of a command, and said OK (MESSAGELIMIT, RFC 9738).

    ``result`` is that of the part: the messages from the highest UID down to ``lowest_uid``. ``limit`` is how
    many messages one command may touch.
    """

    def __init__(self, command: str, *, limit: int, lowest_uid: int, result: object) -> None:
        self.command, self.limit, self.lowest_uid, self.result = command, limit, lowest_uid, result
        super().__init__(
            f"{command} stopped at UID {lowest_uid}: the server takes {limit} messages in one command (RFC 9738); "
            f"ask again for what is below that UID"
        )


class StoppedHalfway(IMAPError):
    """A goal of several commands was refused after some of them had been done, and those stay done.

    ``done`` is what they gave, ``refusal`` the CommandRefused that stopped it.
    """

    def __init__(self, goal: str, *, done: object, refusal: CommandRefused) -> None:
        self.goal, self.done, self.refusal = goal, done, refusal
        super().__init__(f"{goal} has stopped halfway: {refusal}; what was done before stays done")


class MissingCapability(IMAPError):
    """The server lacks an extension that the command needs; names the extension and its RFC."""

    def __init__(self, command: str, *, capability: str, rfc: str) -> None:
        self.command, self.capability, self.rfc = command, capability, rfc
        super().__init__(f"{command} needs {capability} ({rfc}), which this server does not offer")


class ConnectionLost(IMAPError):
    """The connection ended, or a deadline passed.

    ``may_have_run`` tells of the command that got this error whether the server may have carried it out; False
    where it was not sent, or not sent to its end.
    """

    def __init__(self, reason: str, *, may_have_run: bool = True) -> None:
        self.may_have_run = may_have_run
        super().__init__(reason)


class MailboxReset(IMAPError):
    """The open mailbox is not the one that a command rests on: nothing was sent. Open it anew and start over.

    After a reconnection it could not be opened, or has another UIDVALIDITY, so that its UIDs mean other messages
    (RFC 9051 section 2.3.1.1); or another task opened another one.
    """


class SearchResultLost(IMAPError):
    """A command names by ``$`` what a search saved on a connection that is gone (RFC 5182).

    Nothing was sent. The same search may find other messages now, so it is for the caller to run it again.
    """


class ConnectionFailed(IMAPError):
    """No usable connection came about (name, route, TLS, greeting); nothing was sent to act on.

    ``wait_seconds`` is how long the server wants to be left alone, None where it did not say so.
    ``is_out_of_connections`` where it has as many connections of ours as it allows.
    """

    def __init__(self, reason: str, *, wait_seconds: float | None = None, is_out_of_connections: bool = False) -> None:
        self.wait_seconds, self.is_out_of_connections = wait_seconds, is_out_of_connections
        super().__init__(reason)


class AuthenticationFailed(IMAPError):
    """The server refused the login, or no login was possible in a safe way."""


class RuleError(MailrulesError):
    """A configuration or rule file is invalid; ``diagnostics`` holds every mistake found."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(str(diagnostic) for diagnostic in self.diagnostics))


class PlanRefused(MailrulesError):
    """A plan is stale, incomplete, in conflict or not ours; nothing of it was carried out."""


class ReadOnlyMode(PlanRefused):
    """The kill switch is on, so nothing (more) is changed; previews go on."""


class LeaseHeld(PlanRefused):
    """Another mailrules, on another machine, holds the account's lease."""


class LeaseLost(ReadOnlyMode):
    """The lease went to another one while we were at work, so nothing more is changed there."""


class JournalError(MailrulesError):
    """The journal could not be read or written, so nothing further is sent to a server."""


class PluginError(MailrulesError):
    """A plugin raised, or returned what its hook does not allow; names the plugin and the hook."""


class SecretError(MailrulesError):
    """A secret reference could not be resolved (variable unset, file unreadable, command failed)."""


def _same_error(kind: type[MailrulesError], *args: object) -> MailrulesError:
    return kind.__new__(kind, *args)


@contextmanager
def first_error() -> Iterator[None]:
    """Let the first error of a TaskGroup inside out as itself, since callers know its type."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None
