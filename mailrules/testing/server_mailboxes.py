"""What does the in-memory server answer to commands about mailboxes and their names?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.imap.mailbox_name import encode_mailbox_name
from mailrules.testing.mail_state import MailboxExists
from mailrules.testing.selected_view import SelectedView
from mailrules.testing.server_arguments import ArgumentList, Arguments, Atom, BadCommand
from mailrules.testing.server_calls import LOGGED_IN, OPEN, Done, Entry, Refused
from mailrules.testing.server_names import shown_name
from mailrules.testing.server_resync import parse_resync, tell_changes

if TYPE_CHECKING:
    from mailrules.testing.mail_state import StoredMailbox
    from mailrules.testing.server_calls import Call
    from mailrules.testing.server_session import Session

_USES = ("\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash")


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
        session.untagged(list_line(b"LIST", attributes, name))
        items = (returned or {}).get("STATUS")
        if items is not None and name in session.mail:
            session.untagged(status_line(session, session.mail[name], items))
    return Done(text="List completed.")


async def _lsub(session: Session, call: Call) -> Done:
    reference, pattern = call.arguments.mailbox(), call.arguments.astring()
    call.arguments.end()
    for name in _matching(session, reference, [pattern], names=sorted(session.mail.subscriptions)):
        attributes = [] if name in session.mail else ["\\NonExistent"]
        if name in session.mail and session.mail[name].special_use and session.offers("SPECIAL-USE"):
            attributes.append(session.mail[name].special_use)
        session.untagged(list_line(b"LSUB", attributes, name))
    return Done(text="Lsub completed.")


async def _namespace(session: Session, call: Call) -> Done:
    call.arguments.end()
    session.untagged(b'NAMESPACE (("" "/")) NIL NIL')
    return Done(text="Namespace completed.")


async def _status(session: Session, call: Call) -> Done:
    mailbox = session.mailbox(call.arguments.mailbox(), right="r")
    items = call.arguments.list()
    call.arguments.end()
    session.untagged(status_line(session, mailbox, items))
    return Done(text="Status completed.")


async def _select(session: Session, call: Call) -> Done:
    name = call.arguments.mailbox()
    parameters = call.arguments.list() if call.arguments else ArgumentList()
    call.arguments.end()
    resync = parse_resync(session, parameters)
    was_open = session.view is not None
    session.leave_mailbox()
    mailbox = session.mailbox(name, right="r")
    if parameters and session.offers("CONDSTORE"):
        session.enable_condstore()
    may_write = any(right in mailbox.rights.get(session.mail.user, "") for right in "swte")
    view = session.view = SelectedView(
        mailbox, read_only=call.name == "EXAMINE" or not may_write, uid_only=session.uid_only, has_news=session.has_news
    )
    if was_open:
        session.untagged(b"OK [CLOSED] Previous mailbox closed.")
    session.wire.write(view.flag_lines())
    session.untagged(b"%d EXISTS" % len(view.uids))
    session.untagged(b"%d RECENT" % len(view.recent))
    unseen = next((uid for uid in view.uids if "\\Seen" not in mailbox.messages[uid].flags), None)
    if unseen is not None and not view.uid_only:
        session.untagged(b"OK [UNSEEN %d] First unseen." % view.number_of(unseen))
    session.untagged(b"OK [UIDVALIDITY %d] UIDs valid" % mailbox.uidvalidity)
    session.untagged(b"OK [UIDNEXT %d] Predicted next UID" % mailbox.uidnext)
    if session.offers("OBJECTID"):
        session.untagged(b"OK [MAILBOXID (%b)] Ok" % mailbox.object_id.encode())
    if "CONDSTORE" in session.enabled:  # as Dovecot, which tells only those who have asked
        session.untagged(b"OK [HIGHESTMODSEQ %d] Highest" % mailbox.highest_modseq)
    if resync is not None and resync.uidvalidity == mailbox.uidvalidity:
        await tell_changes(session, resync)
    return Done(text=f"{call.name.title()} completed.", code="READ-ONLY" if view.read_only else "READ-WRITE")


async def _unselect(session: Session, call: Call) -> Done:
    call.arguments.end()
    session.leave_mailbox()
    return Done(text="Unselect completed.")


async def _create(session: Session, call: Call) -> Done:
    name = call.arguments.mailbox().removesuffix(session.mail.delimiter)
    use = _special_use(session, call.arguments.list()) if call.arguments else ""
    call.arguments.end()
    if not name or "//" in name or name.startswith("/"):
        raise Refused("Invalid mailbox name", code="CANNOT")
    try:
        created = session.mail.create(name)
    except MailboxExists:
        raise Refused("Mailbox already exists", code="ALREADYEXISTS") from None
    created.special_use = use
    code = f"MAILBOXID ({created.object_id})" if session.offers("OBJECTID") else ""
    return Done(text="Create completed.", code=code)


def _special_use(session: Session, parameters: ArgumentList) -> str:
    """The one use of ``(USE (\\Sent))`` (RFC 6154 section 3)."""
    words = Arguments(parameters)
    if not session.offers("CREATE-SPECIAL-USE") or not words.next_is(b"USE"):
        raise BadCommand("Invalid arguments")
    named = [word.decode("ascii", "replace") for word in words.list() if isinstance(word, Atom)]
    words.end()
    use = next((use for use in _USES if named and use.lower() == named[0].lower()), "")
    if len(named) != 1 or not use or any(one.special_use == use for one in session.mail.mailboxes.values()):
        raise Refused("Not this use here", code="USEATTR")
    return use


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
    session.mail.subscribe(session.mailbox(name).name)
    return Done(text="Subscribe completed.")


async def _unsubscribe(session: Session, call: Call) -> Done:
    name = call.arguments.mailbox()
    call.arguments.end()
    session.mail.subscribe(name, subscribed=False)
    return Done(text="Unsubscribe completed.")


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


def list_line(word: bytes, attributes: list[str], name: str) -> bytes:
    """LIST or LSUB of one mailbox, without ``* ``."""
    return word + b" (" + " ".join(attributes).encode() + b') "/" ' + shown_name(name)


def status_line(session: Session, mailbox: StoredMailbox, items: ArgumentList) -> bytes:
    """STATUS with these items, without ``* ``. Raises BadCommand for what it does not know."""
    if not items:
        raise BadCommand("STATUS: Empty status list")
    values = [b"%b %b" % (item.upper(), _status_value(session, mailbox, item)) for item in _words(items)]
    return b"STATUS " + shown_name(mailbox.name) + b" (" + b" ".join(values) + b")"


def _status_value(session: Session, mailbox: StoredMailbox, item: bytes) -> bytes:
    if item.upper() == b"MAILBOXID" and session.offers("OBJECTID"):
        return b"(%b)" % mailbox.object_id.encode()
    return b"%d" % _status_number(session, mailbox, item)


def _status_number(session: Session, mailbox: StoredMailbox, item: bytes) -> int:
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
        case b"SIZE" if session.offers("STATUS=SIZE"):
            return mailbox.size_bytes
        case b"HIGHESTMODSEQ" if session.offers("CONDSTORE"):
            session.enable_condstore()
            return mailbox.highest_modseq
    raise BadCommand(f"STATUS: Invalid status item {item.upper().decode('ascii', 'replace')}")


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
}
