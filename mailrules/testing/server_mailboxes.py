"""What does the in-memory server answer to commands about mailboxes, their names and their rights?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailrules.imap.mailbox_name import encode_mailbox_name
from mailrules.testing.mail_state import ALL_RIGHTS, MailboxExists
from mailrules.testing.selected_view import SelectedView
from mailrules.testing.server_arguments import ArgumentList, Atom, BadCommand
from mailrules.testing.server_session import LOGGED_IN, OPEN, Done, Entry, Refused

if TYPE_CHECKING:
    from mailrules.testing.mail_state import StoredMailbox
    from mailrules.testing.server_session import Call, Session

_PLAIN_NAME = re.compile(rb"[A-Za-z0-9!#$&'+,./:;<=>?@^_`|}~-]+")


async def _list(session: Session, call: Call) -> Done:
    """LIST, with the selection and return options of RFC 5258, 5819 and 6154."""
    chosen = _options(call.arguments.list()) if isinstance(call.arguments.peek(), ArgumentList) else {}
    reference = call.arguments.mailbox()
    found = call.arguments.any()
    patterns = _words(found if isinstance(found, ArgumentList) else ArgumentList([found]))
    returned = _options(call.arguments.list()) if call.arguments.next_is(b"RETURN") else None
    call.arguments.end()
    if (chosen or returned is not None) and not session.offers("LIST-EXTENDED"):
        raise BadCommand("Invalid arguments")
    if patterns == [b""]:
        session.untagged(b'LIST (\\Noselect) "/" ""')
        return Done(text="List completed.")
    plain = not chosen and returned is None and not isinstance(found, ArgumentList)
    wanted = (returned or {}).keys() | chosen.keys()
    for name in _matching(session, reference, patterns):
        if "SUBSCRIBED" in chosen and name not in session.mail.subscriptions:
            continue
        attributes = [] if name in session.mail else ["\\Noselect" if plain else "\\NonExistent"]
        if (plain or "CHILDREN" in wanted) and session.offers("CHILDREN"):
            attributes.append("\\HasChildren" if session.mail.has_children(name) else "\\HasNoChildren")
        use = session.mail[name].special_use if name in session.mail and session.offers("SPECIAL-USE") else ""
        if "SPECIAL-USE" in chosen and not use:
            continue
        if "SUBSCRIBED" in wanted and name in session.mail.subscriptions:
            attributes.append("\\Subscribed")
        if use and (plain or "SPECIAL-USE" in wanted):
            attributes.append(use)
        session.untagged(_list_line(b"LIST", attributes, name))
        items = (returned or {}).get("STATUS")
        if items is not None and name in session.mail:
            session.untagged(_status_line(session, session.mail[name], items))
    return Done(text="List completed.")


async def _lsub(session: Session, call: Call) -> Done:
    reference, pattern = call.arguments.mailbox(), call.arguments.astring()
    call.arguments.end()
    for name in _matching(session, reference, [pattern], names=sorted(session.mail.subscriptions)):
        attributes = [] if name in session.mail else ["\\NonExistent"]
        if name in session.mail and session.mail[name].special_use and session.offers("SPECIAL-USE"):
            attributes.append(session.mail[name].special_use)
        session.untagged(_list_line(b"LSUB", attributes, name))
    return Done(text="Lsub completed.")


async def _namespace(session: Session, call: Call) -> Done:
    call.arguments.end()
    session.untagged(b'NAMESPACE (("" "/")) NIL NIL')
    return Done(text="Namespace completed.")


async def _status(session: Session, call: Call) -> Done:
    mailbox = session.mailbox(call.arguments.mailbox(), right="r")
    items = call.arguments.list()
    call.arguments.end()
    session.untagged(_status_line(session, mailbox, items))
    return Done(text="Status completed.")


async def _select(session: Session, call: Call) -> Done:
    name = call.arguments.mailbox()
    parameters = call.arguments.list() if call.arguments else ArgumentList()
    call.arguments.end()
    if [word for word in parameters if not _is(word, b"CONDSTORE")]:
        raise BadCommand("Unknown parameter")
    was_open = session.view is not None
    session.leave_mailbox()
    mailbox = session.mailbox(name, right="r")
    if parameters and session.offers("CONDSTORE"):
        session.enable_condstore()
    may_write = any(right in mailbox.rights.get(session.mail.user, "") for right in "swte")
    view = session.view = SelectedView(mailbox, read_only=call.name == "EXAMINE" or not may_write)
    if was_open:
        session.untagged(b"OK [CLOSED] Previous mailbox closed.")
    session.wire.write(view.flag_lines())
    session.untagged(b"%d EXISTS" % len(view.uids))
    session.untagged(b"%d RECENT" % len(view.recent))
    unseen = next((uid for uid in view.uids if "\\Seen" not in mailbox.messages[uid].flags), None)
    if unseen is not None:
        session.untagged(b"OK [UNSEEN %d] First unseen." % view.number_of(unseen))
    session.untagged(b"OK [UIDVALIDITY %d] UIDs valid" % mailbox.uidvalidity)
    session.untagged(b"OK [UIDNEXT %d] Predicted next UID" % mailbox.uidnext)
    if "CONDSTORE" in session.enabled:  # as Dovecot, which tells only those who have asked
        session.untagged(b"OK [HIGHESTMODSEQ %d] Highest" % mailbox.highest_modseq)
    return Done(text=f"{call.name.title()} completed.", code="READ-ONLY" if view.read_only else "READ-WRITE")


async def _unselect(session: Session, call: Call) -> Done:
    call.arguments.end()
    session.leave_mailbox()
    return Done(text="Unselect completed.")


async def _create(session: Session, call: Call) -> Done:
    name = call.arguments.mailbox().removesuffix(session.mail.delimiter)
    call.arguments.end()
    if not name or "//" in name or name.startswith("/"):
        raise Refused("Invalid mailbox name", code="CANNOT")
    try:
        session.mail.create(name)
    except MailboxExists:
        raise Refused("Mailbox already exists", code="ALREADYEXISTS") from None
    return Done(text="Create completed.")


async def _delete(session: Session, call: Call) -> Done:
    name = call.arguments.mailbox()
    call.arguments.end()
    if name == "INBOX":
        raise Refused("INBOX can't be deleted")
    session.mailbox(name, code="NONEXISTENT", right="x")
    session.mail.delete(name)
    return Done(text="Delete completed.")


async def _rename(session: Session, call: Call) -> Done:
    name, new_name = call.arguments.mailbox(), call.arguments.mailbox()
    call.arguments.end()
    session.mailbox(name, code="NONEXISTENT", right="x")
    try:
        session.mail.rename(name, new_name)
    except MailboxExists:
        raise Refused("Target mailbox already exists", code="ALREADYEXISTS") from None
    return Done(text="Rename completed.")


async def _subscribe(session: Session, call: Call) -> Done:
    name = call.arguments.mailbox()
    call.arguments.end()
    session.mail.subscriptions.add(session.mailbox(name).name)
    return Done(text="Subscribe completed.")


async def _unsubscribe(session: Session, call: Call) -> Done:
    session.mail.subscriptions.discard(call.arguments.mailbox())
    call.arguments.end()
    return Done(text="Unsubscribe completed.")


async def _get_acl(session: Session, call: Call) -> Done:
    mailbox = session.mailbox(call.arguments.mailbox(), code="NONEXISTENT", right="a")
    call.arguments.end()
    entries = [_astring(identifier.encode()) + b" " + rights.encode() for identifier, rights in mailbox.rights.items()]
    session.untagged(b" ".join([b"ACL", _name(mailbox.name), *entries]))
    return Done(text="Getacl completed.")


async def _set_acl(session: Session, call: Call) -> Done:
    mailbox = session.mailbox(call.arguments.mailbox(), code="NONEXISTENT", right="a")
    identifier, change = (call.arguments.astring().decode("utf-8", "replace") for _ in range(2))
    call.arguments.end()
    letters = change.removeprefix("+").removeprefix("-")
    if unknown := [letter for letter in letters if letter not in ALL_RIGHTS]:
        raise BadCommand(f"Invalid ACL right: {unknown[0]}")
    before = mailbox.rights.get(identifier, "")
    if change.startswith("+"):
        after = set(before) | set(letters)
    elif change.startswith("-"):
        after = set(before) - set(letters)
    else:
        after = set(letters)
    if identifier == session.mail.user:
        after.add("a")  # the owner keeps the right to give rights, as in Dovecot
    mailbox.rights[identifier] = "".join(letter for letter in ALL_RIGHTS if letter in after)
    return Done(text="Setacl complete.")


async def _delete_acl(session: Session, call: Call) -> Done:
    mailbox = session.mailbox(call.arguments.mailbox(), code="NONEXISTENT", right="a")
    mailbox.rights.pop(call.arguments.astring().decode("utf-8", "replace"), None)
    call.arguments.end()
    return Done(text="Deleteacl complete.")


async def _my_rights(session: Session, call: Call) -> Done:
    mailbox = session.mailbox(call.arguments.mailbox(), code="NONEXISTENT")
    call.arguments.end()
    rights = mailbox.rights.get(session.mail.user, "")
    session.untagged(b"MYRIGHTS " + _name(mailbox.name) + b" " + (rights.encode() or b'""'))
    return Done(text="Myrights completed.")


async def _list_rights(session: Session, call: Call) -> Done:
    mailbox = session.mailbox(call.arguments.mailbox(), code="NONEXISTENT", right="a")
    identifier = call.arguments.astring()
    call.arguments.end()
    # Every right can be given alone, and nobody has one for good, as in Dovecot.
    letters = b" ".join(letter.encode() for letter in ALL_RIGHTS)
    session.untagged(b" ".join([b"LISTRIGHTS", _name(mailbox.name), _astring(identifier), b'""', letters]))
    return Done(text="Listrights completed.")


def _options(words: ArgumentList) -> dict[str, ArgumentList | None]:
    """LIST's options in capitals, each with the list that follows it (STATUS has one)."""
    options: dict[str, ArgumentList | None] = {}
    for word in words:
        if isinstance(word, ArgumentList):
            if not options:
                raise BadCommand("Invalid arguments")
            options[next(reversed(options))] = word
        else:
            options[word.decode("ascii", "replace").upper()] = None
    return options


def _matching(session: Session, reference: str, patterns: list[bytes], *, names: list[str] | None = None) -> list[str]:
    """The names that one of the patterns matches: ``*`` is anything, ``%`` stays within a level."""
    if names is None:
        names = sorted([*session.mail.mailboxes, *session.mail.parents()])
    prefix = encode_mailbox_name(reference)
    full = [prefix + pattern for pattern in patterns]
    full = [b"INBOX" if pattern.upper() == b"INBOX" else pattern for pattern in full]
    return [name for name in names if any(_is_matched(encode_mailbox_name(name), pattern) for pattern in full)]


def _is_matched(name: bytes, pattern: bytes) -> bool:
    """Whether the pattern matches, by following all its places at once: linear whatever it holds."""
    places = _past_wildcards({0}, pattern)
    for byte in name:
        reached = set()
        for place in places:
            wanted = pattern[place : place + 1]
            if wanted == b"*" or (wanted == b"%" and byte != ord("/")):
                reached.add(place)
            elif wanted == bytes([byte]):
                reached.add(place + 1)
        places = _past_wildcards(reached, pattern)
    return len(pattern) in places


def _past_wildcards(places: set[int], pattern: bytes) -> set[int]:
    """These places and those after wildcards that match nothing."""
    found = set(places)
    for place in places:
        end = place
        while pattern[end : end + 1] in {b"*", b"%"}:
            end += 1
            found.add(end)
    return found


def _list_line(word: bytes, attributes: list[str], name: str) -> bytes:
    return word + b" (" + " ".join(attributes).encode() + b') "/" ' + _name(name)


def _status_line(session: Session, mailbox: StoredMailbox, items: ArgumentList) -> bytes:
    if not items:
        raise BadCommand("STATUS: Empty status list")
    values = [b"%s %d" % (item.upper(), _status_value(session, mailbox, item)) for item in _words(items)]
    return b"STATUS " + _name(mailbox.name) + b" (" + b" ".join(values) + b")"


def _status_value(session: Session, mailbox: StoredMailbox, item: bytes) -> int:
    match item.upper():
        case b"MESSAGES":
            return len(mailbox.messages)
        case b"RECENT":
            return len(mailbox.recent)
        case b"UIDNEXT":
            return mailbox.uidnext
        case b"UIDVALIDITY":
            return mailbox.uidvalidity
        case b"UNSEEN":
            return sum("\\Seen" not in stored.flags for stored in mailbox.messages.values())
        case b"HIGHESTMODSEQ" if session.offers("CONDSTORE"):
            session.enable_condstore()
            return mailbox.highest_modseq
    raise BadCommand(f"STATUS: Invalid status item {item.upper().decode('ascii', 'replace')}")


def _name(name: str) -> bytes:
    return _astring(encode_mailbox_name(name))


def _astring(raw: bytes) -> bytes:
    if _PLAIN_NAME.fullmatch(raw):
        return raw
    return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _is(word: object, name: bytes) -> bool:
    return isinstance(word, Atom) and word.upper() == name


def _words(items: ArgumentList) -> list[bytes]:
    """A list that holds no list."""
    words = [item for item in items if not isinstance(item, ArgumentList)]
    if len(words) != len(items):
        raise BadCommand("Invalid arguments")
    return [bytes(word) for word in words]


MAILBOX_COMMANDS = {
    "LIST": Entry(handler=_list, states=LOGGED_IN),
    "LSUB": Entry(handler=_lsub, states=LOGGED_IN),
    "NAMESPACE": Entry(handler=_namespace, states=LOGGED_IN, capability="NAMESPACE"),
    "STATUS": Entry(handler=_status, states=LOGGED_IN),
    "SELECT": Entry(handler=_select, states=LOGGED_IN),
    "EXAMINE": Entry(handler=_select, states=LOGGED_IN),
    "UNSELECT": Entry(handler=_unselect, states=OPEN, capability="UNSELECT"),
    "CREATE": Entry(handler=_create, states=LOGGED_IN),
    "DELETE": Entry(handler=_delete, states=LOGGED_IN),
    "RENAME": Entry(handler=_rename, states=LOGGED_IN),
    "SUBSCRIBE": Entry(handler=_subscribe, states=LOGGED_IN),
    "UNSUBSCRIBE": Entry(handler=_unsubscribe, states=LOGGED_IN),
    "GETACL": Entry(handler=_get_acl, states=LOGGED_IN, capability="ACL"),
    "SETACL": Entry(handler=_set_acl, states=LOGGED_IN, capability="ACL"),
    "DELETEACL": Entry(handler=_delete_acl, states=LOGGED_IN, capability="ACL"),
    "MYRIGHTS": Entry(handler=_my_rights, states=LOGGED_IN, capability="ACL"),
    "LISTRIGHTS": Entry(handler=_list_rights, states=LOGGED_IN, capability="ACL"),
}
