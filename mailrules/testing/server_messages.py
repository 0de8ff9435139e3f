"""What does the in-memory server answer to commands about messages: SEARCH, FETCH, STORE, COPY, MOVE, APPEND?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mailrules.testing.server_arguments import (
    ArgumentList,
    Arguments,
    Atom,
    BadCommand,
    String,
    parse_flags,
    parse_internal_date,
)
from mailrules.testing.server_fetch import FetchItem, parse_fetch_items
from mailrules.testing.server_search import Search
from mailrules.testing.server_session import LOGGED_IN, OPEN, Done, Entry, Refused
from mailrules.testing.server_wire import WireEnded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.testing.mail_state import StoredMailbox
    from mailrules.testing.selected_view import SelectedView
    from mailrules.testing.server_session import Call, Session

_RETURNS = {b"MIN", b"MAX", b"ALL", b"COUNT"}


async def _search(session: Session, call: Call) -> Done:
    returned = _return_options(session, call) if call.arguments.next_is(b"RETURN") else None
    view = session.selected
    search = Search(view)
    uids = search.run(call.arguments)
    numbers = uids if call.by_uid else [view.number_of(uid) for uid in uids]
    modseq = b""
    if search.uses_modseq:
        session.enable_condstore()
        modseq = b"MODSEQ %d" % max((view.mailbox.messages[uid].modseq for uid in uids), default=0)
    if returned is None:
        tail = [b"(" + modseq + b")"] if modseq and numbers else []
        session.untagged(b" ".join([b"SEARCH", *(b"%d" % number for number in numbers), *tail]))
        return Done(text="Search completed.")
    words = [b"ESEARCH (TAG " + f'"{call.tag}"'.encode() + b")", *([b"UID"] if call.by_uid else [])]
    if numbers:
        words += [b"MIN %d" % numbers[0]] if b"MIN" in returned else []
        words += [b"MAX %d" % numbers[-1]] if b"MAX" in returned else []
        words += [b"ALL " + format_set(numbers)] if b"ALL" in returned else []
    words += [b"COUNT %d" % len(numbers)] if b"COUNT" in returned else []
    session.untagged(b" ".join([*words, *([modseq] if modseq and numbers else [])]))
    return Done(text="Search completed.")


async def _fetch(session: Session, call: Call) -> Done:
    view = session.selected
    uids = view.chosen(call.arguments.sequence_set(), by_uid=call.by_uid)
    words = _rest(call)
    since = _modifier(session, words, b"CHANGEDSINCE") if len(words) > 1 else None
    items = parse_fetch_items(words, by_uid=call.by_uid)
    if any(item.is_modseq for item in items):
        _enable_condstore(session)
    elif since is not None:
        items.append(parse_fetch_items([Atom(b"MODSEQ")], by_uid=False)[0])
    marks_seen = any(item.marks_seen for item in items) and not view.read_only
    missing = False
    for uid in uids:
        stored = view.stored(uid)
        if stored is None:
            missing = True
            continue
        if since is not None and stored.modseq <= since:
            continue
        shown = items
        if marks_seen and "\\Seen" not in stored.flags:
            view.mailbox.set_flags(uid, stored.flags | {"\\Seen"})
            view.own_changes_are_told([uid])
            shown = items if any(item.is_flags for item in items) else [*items, _FLAGS_ITEM]
        rendered = b" ".join([item.render(view, stored) for item in shown])
        session.untagged(b"%d FETCH (%s)" % (view.number_of(uid), rendered))
        await session.flush_when_large()
    if missing:
        raise Refused("Some of the requested messages no longer exist.", code="EXPUNGEISSUED")
    return Done(text="Fetch completed.")


async def _store(session: Session, call: Call) -> Done:
    view = session.selected
    uids = view.chosen(call.arguments.sequence_set(), by_uid=call.by_uid)
    words = _rest(call)
    unchanged_since = _store_modifier(session, words)
    if len(words) < 2 or not isinstance(words[0], Atom):
        raise BadCommand("Invalid arguments")
    kind, silent, _ = words[0].upper().partition(b".SILENT")
    if kind not in {b"FLAGS", b"+FLAGS", b"-FLAGS"} or words[0].upper() != kind + silent:
        raise BadCommand("Invalid arguments")
    flags = parse_flags(words[1] if isinstance(words[1], ArgumentList) else ArgumentList(words[1:]))
    if view.read_only:
        return Done(text="Store ignored with read-only mailbox.")
    stored_uids: list[int] = []
    modified: list[int] = []
    for uid in uids:
        stored = view.stored(uid)
        if stored is None:
            continue
        if unchanged_since is not None and stored.modseq > unchanged_since:
            modified.append(uid)
            continue
        before, changes = stored.flags, view.mailbox.spelled(flags)
        after = changes if kind == b"FLAGS" else before | changes if kind == b"+FLAGS" else before - changes
        view.mailbox.set_flags(uid, after)
        if after != before:  # Dovecot answers for no others, not even under UNCHANGEDSINCE
            stored_uids.append(uid)
    session.wire.write(view.new_keyword_lines())
    await _echo(session, call, stored_uids, silent=bool(silent))
    if modified:
        numbers = modified if call.by_uid else [view.number_of(uid) for uid in modified]
        return Done(text="Conditional store failed.", code=f"MODIFIED {format_set(numbers).decode()}")
    return Done(text="Store completed.")


async def _echo(session: Session, call: Call, uids: Sequence[int], *, silent: bool) -> None:
    view = session.selected
    view.own_changes_are_told(uids)
    with_modseq = "CONDSTORE" in session.enabled
    if silent and not with_modseq:
        return
    for uid in uids:
        stored = view.mailbox.messages[uid]
        words = [b"UID %d" % uid] if call.by_uid else []
        words += [] if silent else [b"FLAGS (" + view.flags_text(stored) + b")"]
        words += [b"MODSEQ (%d)" % stored.modseq] if with_modseq else []
        session.untagged(b"%d FETCH (%s)" % (view.number_of(uid), b" ".join(words)))
        await session.flush_when_large()


async def _copy(session: Session, call: Call) -> Done:
    source, uids, target = _transfer(session, call)
    if not uids:
        return Done(text="No messages found.")
    copied = _copy_all(session, source.mailbox, uids[: _two_thirds(call, uids)], target)
    if call.is_cut_halfway:
        raise WireEnded
    return Done(text="Copy completed.", code=session.confirming(call, _copyuid(target, copied)))


async def _move(session: Session, call: Call) -> Done:
    source, uids, target = _transfer(session, call)
    if source.read_only:
        raise Refused("Mailbox is read-only", code="NOPERM")
    if not uids:
        return Done(text="No messages found.")
    copied = _copy_all(session, source.mailbox, uids[: _two_thirds(call, uids)], target)
    for uid in uids[: len(uids) // 3] if call.is_cut_halfway else uids:
        source.mailbox.remove(uid)
    if call.is_cut_halfway:
        raise WireEnded
    if code := session.confirming(call, _copyuid(target, copied)):
        session.untagged(f"OK [{code}] Moved UIDs.".encode())
    return Done(text="Move completed.")


async def _expunge(session: Session, call: Call) -> Done:
    view = session.selected
    uids = view.chosen(call.arguments.sequence_set(), by_uid=True) if call.by_uid else list(view.uids)
    call.arguments.end()
    _expunge_deleted(view, uids)
    return Done(text="Expunge completed.")


async def _close(session: Session, call: Call) -> Done:
    call.arguments.end()
    _expunge_deleted(session.selected, list(session.selected.uids))
    session.leave_mailbox()
    return Done(text="Close completed.")


async def _append(session: Session, call: Call) -> Done:
    name = call.arguments.mailbox()
    flags = parse_flags(call.arguments.list()) if isinstance(call.arguments.peek(), ArgumentList) else frozenset()
    first = call.arguments.any()
    received = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - a server's clock is its own
    if call.arguments and not isinstance(first, ArgumentList):
        received = parse_internal_date(first)
        first = call.arguments.any()
    call.arguments.end()
    if not isinstance(first, String):
        raise BadCommand("Invalid arguments")
    target = session.mailbox(name, code="TRYCREATE", right="i")
    stored = session.mail.add(target.name, bytes(first), flags=flags, received=received)
    code = session.confirming(call, f"APPENDUID {target.uidvalidity} {stored.uid}")
    return Done(text="Append completed.", code=code)


def format_set(numbers: Sequence[int]) -> bytes:
    """Ascending numbers as a sequence set."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return b",".join(b"%d" % first if first == last else b"%d:%d" % (first, last) for first, last in ranges)


def _return_options(session: Session, call: Call) -> set[bytes]:
    if not session.offers("ESEARCH"):
        raise BadCommand("Unknown argument RETURN")
    options = {word.upper() for word in call.arguments.list() if isinstance(word, Atom)}
    if unknown := options - _RETURNS:
        raise BadCommand(f"Unknown SEARCH RETURN option {unknown.pop().decode('ascii', 'replace')}")
    return options or {b"ALL"}


def _rest(call: Call) -> ArgumentList:
    words = ArgumentList()
    while call.arguments:
        words.append(call.arguments.any())
    return words


def _modifier(session: Session, words: ArgumentList, name: bytes) -> int | None:
    """Take ``(NAME number)`` off the end of the words, where it stands there."""
    last = words[-1]
    if not isinstance(last, ArgumentList) or not last or not isinstance(last[0], Atom) or last[0].upper() != name:
        return None
    words.pop()
    arguments = Arguments(ArgumentList(last[1:]))
    value = arguments.number()
    arguments.end()
    _enable_condstore(session)
    return value


def _store_modifier(session: Session, words: ArgumentList) -> int | None:
    if not words or not isinstance(words[0], ArgumentList):
        return None
    value = _modifier(session, ArgumentList([words.pop(0)]), b"UNCHANGEDSINCE")
    if value is None:
        raise BadCommand("Unknown STORE modifier")
    return value


def _enable_condstore(session: Session) -> None:
    if not session.offers("CONDSTORE"):
        raise BadCommand("Unknown parameter: MODSEQ")
    session.enable_condstore()


def _transfer(session: Session, call: Call) -> tuple[SelectedView, list[int], StoredMailbox]:
    view = session.selected
    uids = view.chosen(call.arguments.sequence_set(), by_uid=call.by_uid)
    name = call.arguments.mailbox()
    call.arguments.end()
    there = [uid for uid in uids if view.stored(uid) is not None]
    return view, there, session.mailbox(name, code="TRYCREATE", right="i")


def _two_thirds(call: Call, uids: Sequence[int]) -> int:
    return -(-len(uids) * 2 // 3) if call.is_cut_halfway else len(uids)


def _copy_all(session: Session, source: StoredMailbox, uids: Sequence[int], target: StoredMailbox) -> dict[int, int]:
    return {uid: session.mail.copy(source, uid, target).uid for uid in uids}


def _copyuid(target: StoredMailbox, copied: dict[int, int]) -> str:
    sets = format_set(list(copied)), format_set(list(copied.values()))
    return f"COPYUID {target.uidvalidity} {sets[0].decode()} {sets[1].decode()}"


def _expunge_deleted(view: SelectedView, uids: Sequence[int]) -> None:
    if view.read_only:
        return
    for uid in uids:
        stored = view.stored(uid)
        if stored is not None and "\\Deleted" in stored.flags:
            view.mailbox.remove(uid)


_FLAGS_ITEM: FetchItem = parse_fetch_items([Atom(b"FLAGS")], by_uid=False)[0]

MESSAGE_COMMANDS = {
    "SEARCH": Entry(handler=_search, states=OPEN, announces_expunges=False),
    "UID SEARCH": Entry(handler=_search, states=OPEN),
    "FETCH": Entry(handler=_fetch, states=OPEN, announces_expunges=False),
    "UID FETCH": Entry(handler=_fetch, states=OPEN),
    "STORE": Entry(handler=_store, states=OPEN, announces_expunges=False),
    "UID STORE": Entry(handler=_store, states=OPEN),
    "COPY": Entry(handler=_copy, states=OPEN),
    "UID COPY": Entry(handler=_copy, states=OPEN),
    "MOVE": Entry(handler=_move, states=OPEN, capability="MOVE"),
    "UID MOVE": Entry(handler=_move, states=OPEN, capability="MOVE"),
    "EXPUNGE": Entry(handler=_expunge, states=OPEN),
    "UID EXPUNGE": Entry(handler=_expunge, states=OPEN, capability="UIDPLUS"),
    "CLOSE": Entry(handler=_close, states=OPEN),
    "APPEND": Entry(handler=_append, states=LOGGED_IN),
}
