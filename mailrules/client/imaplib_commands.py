"""Which commands does the drop-in for ``imaplib`` have, and what do they take and give?

Each method gives ``(type, [data, ...])``, ``type`` usually ``"OK"`` or ``"NO"``; data is ``bytes``, or
``(bytes, bytes)`` where a literal came. The shapes of arguments are in ``imaplib_arguments``.
"""

from __future__ import annotations

import hmac
import sys
from typing import TYPE_CHECKING, Any

from mailrules.client import imaplib_arguments as arguments
from mailrules.client.imaplib_exchange import Exchange
from mailrules.client.imaplib_idle import Idler
from mailrules.client.imaplib_sasl import _Authenticator
from mailrules.client.imaplib_values import CRLF, Commands, MapCRLF, Time2Internaldate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mailrules.client.imaplib_arguments import Argument, MessageSet, Parameter, Text, Words
    from mailrules.client.imaplib_exchange import CommandResult
    from mailrules.client.imaplib_values import TimeLike

# Earlier ones put "UTF8 (" and ")" into the message itself, and their own tests hold them to it. So it is done
# there too as long as the server, against RFC 5161, has not told that UTF8=ACCEPT is enabled.
_FIXED_UTF8_APPEND = sys.version_info >= (3, 13, 15)


class CommandMethods(Exchange):
    """One method for each command, as the documentation of ``imaplib`` lists them."""

    user: str
    password: str | bytes
    capabilities: tuple[str, ...]

    # -- the session ----------------------------------------------------------------------------

    def capability(self) -> CommandResult:
        """CAPABILITY."""
        return self._answered("CAPABILITY")

    def noop(self) -> CommandResult:
        """NOOP."""
        if self.debug >= 3:
            self._dump_ur(self.untagged_responses)
        return self._simple_command("NOOP")

    def id(self, fields: Mapping[str, str | None] | None = None) -> CommandResult:
        """ID (RFC 2971): tell these fields, or none, and get what the server tells of itself."""
        return self._answered("ID", arguments.pairs(fields) if fields else "NIL")

    def enable(self, capability: str) -> CommandResult:
        """ENABLE (RFC 5161). Raises ``error`` where the server does not offer it."""
        if "ENABLE" not in self.capabilities:
            raise self.error("Server does not support ENABLE")
        self.untagged_responses.pop("ENABLED", None)
        typ, data = self._simple_command("ENABLE", capability)
        if typ == "OK" and "UTF8=ACCEPT" in capability.upper():
            self.utf8_enabled, self._encoding = True, "utf-8"
            enabled = b" ".join(self.untagged_responses.get("ENABLED", [])).upper().split()
            self._wraps_append = _FIXED_UTF8_APPEND or b"UTF8=ACCEPT" in enabled
        return typ, data

    def login(self, user: Text, password: Text) -> CommandResult:
        """LOGIN. Raises ``error`` where it is refused."""
        self._hide(password.encode() if isinstance(password, str) else password)
        typ, data = self._simple_command("LOGIN", self._astring(user), arguments.quoted(password))
        return self._logged_in(typ, data)

    def login_plain(self, user: str, password: str) -> CommandResult:
        """AUTHENTICATE PLAIN (RFC 4616), which takes any user and password."""
        self._hide(password.encode())
        return self.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())

    def login_cram_md5(self, user: str, password: Text) -> CommandResult:
        """AUTHENTICATE CRAM-MD5 (RFC 2195)."""
        self.user, self.password = user, password
        return self.authenticate("CRAM-MD5", self._CRAM_MD5_AUTH)

    def _CRAM_MD5_AUTH(self, challenge: bytes) -> str:
        secret = self.password.encode() if isinstance(self.password, str) else self.password
        return f"{self.user} {hmac.new(secret, challenge, 'md5').hexdigest()}"

    def authenticate(self, mechanism: str, authobject: Callable[[bytes], Text | None]) -> CommandResult:
        """AUTHENTICATE; ``authobject`` answers each challenge, None gives up. Raises ``error`` where it is refused."""
        self.literal = _Authenticator(authobject).process
        return self._logged_in(*self._simple_command("AUTHENTICATE", mechanism.upper()))

    def proxyauth(self, user: Text) -> CommandResult:
        """PROXYAUTH, of Netscape and its successors: act as another user."""
        return self._simple_command("PROXYAUTH", self._astring(user))

    def recent(self) -> CommandResult:
        """The RECENT responses that have come, else what NOOP brings; [None] where there is none."""
        typ, data = self._untagged_response("OK", [None], "RECENT")
        return (typ, data) if data[-1] else self._untagged_response(*self.noop(), "RECENT")

    def response(self, code: str) -> CommandResult:
        """Take what has come under this name, or this response code; [None] where nothing has."""
        return self._untagged_response(code, [None], code.upper())

    def xatom(self, name: str, *args: Argument) -> CommandResult:
        """Any command. It is taken to be allowed in the current state; the arguments go as they are."""
        Commands.setdefault(name.upper(), (self.state,))
        return self._simple_command(name.upper(), *args)

    # -- mailboxes ------------------------------------------------------------------------------

    def select(self, mailbox: Text = "INBOX", readonly: bool = False) -> CommandResult:  # noqa: FBT001, FBT002 - the standard library's signature
        """SELECT, or EXAMINE; the data is the count of messages. Raises ``readonly`` where it may not be written."""
        self.untagged_responses = {}
        self.is_readonly = readonly
        typ, data = self._simple_command("EXAMINE" if readonly else "SELECT", self._mailbox(mailbox))
        if typ != "OK":
            self.state = "AUTH"
            return typ, data
        self.state = "SELECTED"
        if "READ-ONLY" in self.untagged_responses and not readonly:
            if self.debug >= 1:
                self._dump_ur(self.untagged_responses)
            raise self.readonly(f"{mailbox!r} is not writable")
        return typ, self.untagged_responses.get("EXISTS", [None])

    def close(self) -> CommandResult:
        """CLOSE: leave the mailbox and remove what is marked as deleted."""
        return self._leave("CLOSE")

    def unselect(self) -> CommandResult:
        """UNSELECT (RFC 3691): leave the mailbox and remove nothing."""
        return self._leave("UNSELECT")

    def check(self) -> CommandResult:
        """CHECK."""
        return self._simple_command("CHECK")

    def create(self, mailbox: Text) -> CommandResult:
        """CREATE."""
        return self._simple_command("CREATE", self._mailbox(mailbox))

    def delete(self, mailbox: Text) -> CommandResult:
        """DELETE."""
        return self._simple_command("DELETE", self._mailbox(mailbox))

    def rename(self, oldmailbox: Text, newmailbox: Text) -> CommandResult:
        """RENAME."""
        return self._simple_command("RENAME", self._mailbox(oldmailbox), self._mailbox(newmailbox))

    def subscribe(self, mailbox: Text) -> CommandResult:
        """SUBSCRIBE."""
        return self._simple_command("SUBSCRIBE", self._mailbox(mailbox))

    def unsubscribe(self, mailbox: Text) -> CommandResult:
        """UNSUBSCRIBE."""
        return self._simple_command("UNSUBSCRIBE", self._mailbox(mailbox))

    def list(self, directory: Text = '""', pattern: Text = "*") -> CommandResult:
        """LIST."""
        return self._answered("LIST", self._mailbox(directory), self._pattern(pattern))

    def lsub(self, directory: Text = '""', pattern: Text = "*") -> CommandResult:
        """LSUB."""
        return self._answered("LSUB", self._mailbox(directory), self._pattern(pattern))

    def namespace(self) -> CommandResult:
        """NAMESPACE (RFC 2342)."""
        return self._answered("NAMESPACE")

    def status(self, mailbox: Text, names: Words) -> CommandResult:
        """STATUS; ``names`` as in ``"(MESSAGES UNSEEN)"``."""
        return self._answered("STATUS", self._mailbox(mailbox), arguments.parenthesised(names))

    def getacl(self, mailbox: Text) -> CommandResult:
        """GETACL (RFC 4314)."""
        return self._answered("GETACL", self._mailbox(mailbox), under="ACL")

    def setacl(self, mailbox: Text, who: Text, what: Text) -> CommandResult:
        """SETACL (RFC 4314)."""
        return self._simple_command("SETACL", self._mailbox(mailbox), self._astring(who), self._astring(what))

    def deleteacl(self, mailbox: Text, who: Text) -> CommandResult:
        """DELETEACL (RFC 4314)."""
        return self._simple_command("DELETEACL", self._mailbox(mailbox), self._astring(who))

    def myrights(self, mailbox: Text) -> CommandResult:
        """MYRIGHTS (RFC 4314)."""
        return self._answered("MYRIGHTS", self._mailbox(mailbox))

    def getannotation(self, mailbox: Text, entry: Text, attribute: Text) -> CommandResult:
        """GETANNOTATION, of Cyrus before METADATA."""
        return self._answered("GETANNOTATION", self._mailbox(mailbox), entry, attribute, under="ANNOTATION")

    def setannotation(self, *args: Text) -> CommandResult:
        """SETANNOTATION: a mailbox, then entries and attributes by turns."""
        mailbox, *rest = args
        return self._answered("SETANNOTATION", self._mailbox(mailbox), *rest, under="ANNOTATION")

    def getquota(self, root: Text) -> CommandResult:
        """GETQUOTA (RFC 9208)."""
        return self._answered("GETQUOTA", self._astring(root), under="QUOTA")

    def getquotaroot(self, mailbox: Text) -> CommandResult:
        """GETQUOTAROOT; the data is [QUOTAROOT responses, QUOTA responses]."""
        typ, data = self._simple_command("GETQUOTAROOT", self._mailbox(mailbox))
        _, quota = self._untagged_response(typ, data, "QUOTA")
        _, roots = self._untagged_response(typ, data, "QUOTAROOT")
        return typ, [roots, quota]

    def setquota(self, root: Text, limits: Words) -> CommandResult:
        """SETQUOTA; ``limits`` as in ``"(STORAGE 512)"``."""
        return self._answered("SETQUOTA", self._astring(root), arguments.parenthesised(limits), under="QUOTA")

    # -- messages -------------------------------------------------------------------------------

    def append(
        self, mailbox: Text | None, flags: Words | None, date_time: TimeLike | None, message: bytes
    ) -> CommandResult:
        """APPEND; line ends in the message become CRLF. Without a mailbox it goes to INBOX."""
        literal = MapCRLF.sub(CRLF, message)
        if self.utf8_enabled and not self._wraps_append:
            literal = b"UTF8 (" + literal + b")"
        words = (
            self._mailbox(mailbox or "INBOX"),
            arguments.parenthesised(flags) if flags else None,
            Time2Internaldate(date_time) if date_time else None,
        )
        self.literal = literal
        return self._simple_command("APPEND", *words)

    def fetch(
        self, message_set: MessageSet, message_parts: Words, *, uid: bool = False, params: Sequence[Parameter] = ()
    ) -> CommandResult:
        """FETCH; ``message_parts`` as in ``"(UID BODY[TEXT])"``."""
        parts = self._filled((arguments.fetch_parts(message_parts),), params)
        return self._numbered("FETCH", arguments.message_set(message_set), *parts, uid=uid, under="FETCH")

    def partial(self, message_num: Text, message_part: Text, start: Text, length: Text) -> CommandResult:
        """PARTIAL of RFC 1730, which servers of today no longer have."""
        return self._answered("PARTIAL", message_num, message_part, start, length, under="FETCH")

    def store(self, message_set: MessageSet, command: Text, flags: Words, *, uid: bool = False) -> CommandResult:
        """STORE; ``command`` is FLAGS, +FLAGS or -FLAGS, with .SILENT or without."""
        words = (arguments.message_set(message_set), command, arguments.parenthesised(flags))
        return self._numbered("STORE", *words, uid=uid, under="FETCH")

    def copy(self, message_set: MessageSet, new_mailbox: Text, *, uid: bool = False) -> CommandResult:
        """COPY."""
        words = (arguments.message_set(message_set), self._mailbox(new_mailbox))
        return self._simple_command(*_by_uid("COPY", uid=uid), *words)

    def move(self, message_set: MessageSet, new_mailbox: Text, *, uid: bool = False) -> CommandResult:
        """MOVE (RFC 6851). There is no fallback; ``mailrules.client`` has one."""
        words = (arguments.message_set(message_set), self._mailbox(new_mailbox))
        return self._simple_command(*_by_uid("MOVE", uid=uid), *words)

    def expunge(self, message_set: MessageSet | None = None, *, uid: bool = False) -> CommandResult:
        """EXPUNGE, or UID EXPUNGE of a set (RFC 4315); the data is the numbers that went, in their order."""
        if uid != (message_set is not None):
            raise ValueError("UID EXPUNGE takes a set of messages, EXPUNGE takes none")
        words = () if message_set is None else (arguments.message_set(message_set),)
        return self._numbered("EXPUNGE", *words, uid=uid, under="EXPUNGE")

    def search(
        self, charset: Text | None, *criteria: Text, uid: bool = False, params: Sequence[Parameter] = ()
    ) -> CommandResult:
        """SEARCH; the data is the numbers, with spaces between.

        Each ``?`` in a criterion stands for the next of ``params``, which is quoted as it needs.
        """
        if charset and self.utf8_enabled:
            raise self.error("Non-None charset not valid in UTF8 mode")
        words = ("CHARSET", self._astring(charset)) if charset else ()
        return self._numbered("SEARCH", *words, *self._filled(criteria, params, charset), uid=uid, under="SEARCH")

    def sort(
        self,
        sort_criteria: Words,
        charset: Text,
        *search_criteria: Text,
        uid: bool = False,
        params: Sequence[Parameter] = (),
    ) -> CommandResult:
        """SORT (RFC 5256); ``sort_criteria`` as in ``"(REVERSE DATE)"``."""
        words = (arguments.parenthesised(sort_criteria), self._astring(charset))
        found = self._filled(search_criteria, params, charset)
        return self._numbered("SORT", *words, *found, uid=uid, under="SORT")

    def thread(
        self,
        threading_algorithm: Text,
        charset: Text,
        *search_criteria: Text,
        uid: bool = False,
        params: Sequence[Parameter] = (),
    ) -> CommandResult:
        """THREAD (RFC 5256)."""
        found = self._filled(search_criteria, params, charset)
        words = (threading_algorithm, self._astring(charset), *found)
        return self._numbered("THREAD", *words, uid=uid, under="THREAD")

    def uid(
        self, command: str, *args: Any, params: Sequence[Parameter] = ()
    ) -> CommandResult:  # Any: what the named command takes
        """UID and a command, which takes what its own method takes."""
        name = command.upper()
        if name not in Commands:
            raise self.error(f"Unknown IMAP4 UID command: {name}")
        self._require_state(name)
        under = name if name in {"SEARCH", "SORT", "THREAD", "EXPUNGE"} else "FETCH"
        return self._answered("UID", name, *self._uid_words(name, args, params), under=under)

    def idle(self, duration: float | None = None) -> Idler:
        """IDLE (RFC 2177): use it in ``with``, and iterate over what comes, for at most ``duration`` seconds."""
        return Idler(self, duration)

    # -- what they share ------------------------------------------------------------------------

    def _get_capabilities(self) -> None:
        _, data = self.capability()
        if data == [None]:
            raise self.error("no CAPABILITY response from server")
        self._take_capabilities(data)

    def _take_capabilities(self, data: Sequence[bytes]) -> None:
        self.capabilities = tuple(data[-1].decode("ascii", "replace").upper().split())

    def _logged_in(self, typ: str, data: Sequence[bytes]) -> CommandResult:
        """Take the state after a login, and the capabilities as they are now (RFC 9051 section 6.2.3)."""
        if typ != "OK":
            raise self.error(data[-1].decode("utf-8", "replace"))
        self.state = "AUTH"
        told = self.untagged_responses.pop("CAPABILITY", None)
        if told:
            self._take_capabilities(told)
        else:
            self._get_capabilities()
        return typ, [*data]

    def _leave(self, name: str) -> CommandResult:
        try:
            return self._simple_command(name)
        finally:
            self.state = "AUTH"

    def _answered(self, name: str, *args: Argument, under: str = "") -> CommandResult:
        """Run a command and take the untagged responses that answer it."""
        typ, data = self._simple_command(name, *args)
        return self._untagged_response(typ, data, under or name)

    def _numbered(self, name: str, *args: Argument, uid: bool, under: str) -> CommandResult:
        first, *rest = _by_uid(name, uid=uid)
        return self._answered(first, *rest, *args, under=under)

    def _uid_words(
        self, name: str, args: Sequence[Any], params: Sequence[Parameter]
    ) -> Sequence[Argument]:  # Any: as in uid()
        """The arguments as the command's own method would send them; an unusual number of them goes as it is."""
        match name, args:
            case "FETCH", (numbers, parts):
                return (arguments.message_set(numbers), *self._filled((arguments.fetch_parts(parts),), params))
            case "STORE", (numbers, command, flags):
                return (arguments.message_set(numbers), command, arguments.parenthesised(flags))
            case (("COPY" | "MOVE"), (numbers, name_of_target)):
                return (arguments.message_set(numbers), self._mailbox(name_of_target))
            case "EXPUNGE", (numbers,):
                return (arguments.message_set(numbers),)
            case "SORT", (order, charset, *criteria) if criteria:
                return (arguments.parenthesised(order), charset, *self._filled(criteria, params, charset))
            case "THREAD", (algorithm, charset, *criteria) if criteria:
                return (algorithm, charset, *self._filled(criteria, params, charset))
            case "SEARCH", ("CHARSET", charset, *criteria):
                return ("CHARSET", charset, *self._filled(criteria, params, charset))
            case _:
                return self._filled([one for one in args if one is not None], params)

    def _filled(
        self, texts: Sequence[Text], params: Sequence[Parameter], charset: Text | None = None
    ) -> Sequence[Argument]:
        """Search criteria and the like in the encoding that the command declares."""
        encoding = self._encoding
        if charset:
            encoding = charset if isinstance(charset, str) else charset.decode("ascii")
        encoding = encoding.strip('"')
        if params:
            return arguments.with_parameters(texts, params, encoding=encoding)
        return [arguments.search_text(text, encoding=encoding) for text in texts]

    def _astring(self, value: Text) -> Argument:
        return arguments.astring(value, utf8=self.utf8_enabled)

    def _mailbox(self, name: Text) -> Argument:
        return arguments.mailbox(name, utf8=self.utf8_enabled)

    def _pattern(self, pattern: Text) -> Argument:
        return arguments.list_pattern(pattern, utf8=self.utf8_enabled)


def _by_uid(name: str, *, uid: bool) -> tuple[str, ...]:
    return ("UID", name) if uid else (name,)
