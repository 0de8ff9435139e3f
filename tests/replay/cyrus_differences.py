"""Where does Cyrus 3 answer otherwise than Dovecot and the in-memory server, and why are both right?

What is otherwise everywhere is taken out of the answers of both before they are compared. What is otherwise at single
commands is named here with its reason; a test holds that none is named for nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_LISTS: Final = (b"LIST", b"LSUB")
# Cyrus tells children and special uses whether or not RETURN asks (RFC 5258 section 3 lets it tell more than asked).
_UNASKED: Final = {b"\\HASCHILDREN", b"\\HASNOCHILDREN", b"\\ARCHIVE", b"\\JUNK", b"\\TRASH"}
# It makes the mailboxes above a new one as well, which RFC 9051 section 6.3.4 allows.
_PLACEHOLDERS: Final = {b"\\NOSELECT", b"\\NONEXISTENT"}
# The account's other mailboxes come subscribed, as the test server is configured.
_SUBSCRIBED_FROM_THE_START: Final = {b"INBOX", b"Archive", b"Junk", b"Trash"}
# Refusals carry fewer codes, which RFC 5530 leaves to the server.
_CODES_LEFT_OUT: Final = {b"ALREADYEXISTS", b"NONEXISTENT"}
# "n" is the right to annotate (RFC 5257), the digits are rights without a meaning (RFC 4314 section 2.1).
_OTHER_RIGHTS: Final = frozenset(b"N0123456789")
_DAY: Final = re.compile(rb" (\d-[A-Z][a-z]{2}-\d{4} )")


def without_differences(answer: object) -> object:
    """An answer, as ``comparable`` gives it, without what Cyrus tells in another way at any command."""
    assert isinstance(answer, tuple)
    listed, ordered = answer
    kept = [line for line in map(_line, ordered) if line is not None]
    return sorted(filter(None, map(_listing, listed)), key=repr), kept


def _listing(line: tuple[object, ...]) -> tuple[object, ...] | None:
    if line[0] not in _LISTS:
        return line
    kind, attributes, delimiter, name = line
    assert isinstance(attributes, tuple)
    if name in _SUBSCRIBED_FROM_THE_START:
        if kind == b"LSUB":
            return None
        attributes = tuple(one for one in attributes if one != b"\\SUBSCRIBED")
    told = {one for one in attributes if one not in _UNASKED | _PLACEHOLDERS}
    return kind, tuple(sorted(told)), delimiter, name


def _line(line: tuple[object, ...]) -> tuple[object, ...] | None:
    if line[:2] == (b"OK", b"HIGHESTMODSEQ"):
        return None  # told at each opening, not only to those who have asked for MODSEQ
    if line[:3] == (b"tagged", b"OK", b"HIGHESTMODSEQ"):
        return b"tagged", b"OK", b""  # and after each EXPUNGE
    if line[:2] == (b"tagged", b"NO") and line[2] in _CODES_LEFT_OUT:
        return b"tagged", b"NO", b""
    if line[0] == b"ESEARCH":
        return b"ESEARCH", *sorted(line[1:], key=repr)  # results in an order of its own
    if line[0] == b"MYRIGHTS":
        return *line[:2], _rights(line[2])
    if line[0] == b"ACL":
        entries = line[2]
        assert isinstance(entries, frozenset)
        return *line[:2], frozenset((who, _rights(rights)) for who, rights in entries)
    if line[0] == b"LISTRIGHTS":
        optional = line[4]
        assert isinstance(optional, frozenset)
        return *line[:4], frozenset(one for one in optional if not _OTHER_RIGHTS.issuperset(one))
    if line[0] == b"METADATA":
        entries = line[2]
        assert isinstance(entries, frozenset)
        # Entries that are not there are told as NIL at any DEPTH.
        return *line[:2], frozenset(entry for entry in entries if entry[1] != ("Atom", b"NIL"))
    if line[1:2] == (b"FETCH",):
        return *line[:2], *(_fetched(pair) for pair in line[2:])
    return line


def _rights(rights: object) -> frozenset[int]:
    assert isinstance(rights, frozenset)
    return rights - _OTHER_RIGHTS


def _fetched(pair: object) -> object:
    """Names of header fields are told back as they were asked for, days under 10 with a space, MIME words in capitals,
    a part that is not there is NIL instead of empty, and a fold by a tab leaves the tab (RFC 5322 section 2.2.3)."""
    assert isinstance(pair, tuple)
    name, value = pair
    if name in {b"BODY", b"BODYSTRUCTURE"}:
        return name, repr(value).upper()
    if name == b"ENVELOPE":
        subject = value[1]
        value = value[0], (subject[0], subject[1].replace(b"\t", b" ")), *value[2:]
    if value == ("Atom", b"NIL"):
        value = ("String", b"")
    if name == b"INTERNALDATE":
        value = (value[0], _DAY.sub(rb"0\1", value[1]))
    return name.upper(), value


_NUMBERS: Final = "a sequence number that no message has is a NO or an empty OK, where Dovecot says BAD"
_SILENT: Final = "the first use of a keyword, or a .SILENT STORE, is told of with FLAGS all the same"
_SUBSCRIBED: Final = "the mailboxes that come with the account are subscribed from the start"
_ABOVE: Final = "the mailboxes above a new one are made too, so they are there to be listed or removed"
_BROADER: Final = "a reply that Cyrus words as NO and Dovecot as BAD or OK"

AT_COMMANDS: Final[Mapping[tuple[str, str], str]] = {
    ("a new account", "NAMESPACE"): "Cyrus has namespaces of other users and of shared mailboxes",
    ("listing", 'LIST (SUBSCRIBED) "" *'): _SUBSCRIBED,
    ("listing", 'LIST (SUBSCRIBED) "" "*" RETURN (CHILDREN SPECIAL-USE)'): _SUBSCRIBED,
    ("listing", 'LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT))'): _ABOVE,
    ("listing", 'LIST "" inbox'): "INBOX is matched in any case as a name only, not as a pattern",
    ("names", 'CREATE "quote\\"d"'): "a name with a quotation mark is refused",
    ("names", 'LIST "" *'): "so it is not listed",
    ("making and removing mailboxes", 'LIST "" *'): _ABOVE,
    ("fetching", "FETCH 9 FLAGS"): _NUMBERS,
    ("fetching", "FETCH 0 UID"): _NUMBERS,
    ("flags", "STORE 1:2 +FLAGS.SILENT (quiet)"): _SILENT,
    ("flags", "STORE 9 +FLAGS (x)"): _NUMBERS,
    ("flags", "STORE 1 +FLAGS (\\Draft)"): "STORE after EXAMINE is refused, where Dovecot says OK and does nothing",
    ("modification sequences", "UID STORE 1:2 +FLAGS.SILENT (b)"): _SILENT,
    ("searching", "SEARCH SENTON 04-Mar-2025"): "a message without a Date counts as sent when it arrived",
    ("searching", "SEARCH CHARSET NONSENSE SUBJECT two"): _BROADER,
    ("copying and moving", "COPY 9 Archive"): _NUMBERS,
    ("expunging", "UID STORE 5 +FLAGS.SILENT (\\Deleted)"): _SILENT,
    ("expunging", "EXPUNGE"): "EXPUNGE after EXAMINE is refused, where Dovecot says OK and does nothing",
    ("coming back", "ENABLE QRESYNC"): "that CONDSTORE is enabled with it is told",
    ("coming back", "UID STORE 2 +FLAGS.SILENT (\\Deleted)"): _SILENT,
    ("quota", "GETQUOTAROOT INBOX"): "the quota root is named after INBOX",
    ("two clients", "UID STORE 1 +FLAGS.SILENT (\\Deleted)"): _SILENT,
}
