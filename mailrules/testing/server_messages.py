"""What does the in-memory server answer to commands about messages: SEARCH, FETCH, STORE, COPY, MOVE?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.testing.server_append import now, require_room
from mailrules.testing.server_arguments import (
    ArgumentList,
    Arguments,
    Atom,
    BadCommand,
    parse_flags,
)
from mailrules.testing.server_calls import OPEN, Done, Entry, Refused
from mailrules.testing.server_fetch import FetchItem, parse_fetch_items
from mailrules.testing.server_names import format_set
from mailrules.testing.server_resync import vanished_since
from mailrules.testing.server_returns import parse_page, return_options
from mailrules.testing.server_search import Search
from mailrules.testing.server_wire import WireEnded
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.testing.mail_state import StoredMailbox
    from mailrules.testing.selected_view import SelectedView
    from mailrules.testing.server_calls import Call
    from mailrules.testing.server_returns import Page
    from mailrules.testing.server_session import Session


async def _search(session: Session, call: Call) -> Done:
    options = return_options(session, call) if call.arguments.next_is(b"RETURN") else None
    returned = None if options is None else options.names
    view = session.selected
    session.require_uids(call)
    search = Search(view, offers=session.offers, saved=session.saved)
    try:
        uids = search.run(call.arguments)
    except Refused:
        if options is not None and options.saves:  # RFC 5182 section 2.1
            session.saved = frozenset()
        raise
    if options is not None and options.saves:
        session.saved = frozenset(_saved(uids, options.names))
    numbers = uids if call.by_uid else [view.number_of(uid) for uid in uids]
    modseq = b""
    if search.uses_modseq:
        session.enable_condstore()
        modseq = b"MODSEQ %d" % max((view.mailbox.messages[uid].modseq for uid in uids), default=0)
    if returned is None:
        tail = [b"(" + modseq + b")"] if modseq and numbers else []
        session.untagged(b" ".join([b"SEARCH", *(b"%d" % number for number in numbers), *tail]))
        return Done(text="Search completed.")
    if options is not None and options.saves and not options.names and options.part is None:
        return Done(text="Search completed.")
    words = [b"ESEARCH (TAG " + f'"{call.tag}"'.encode() + b")", *([b"UID"] if call.by_uid else [])]
    if options is not None and options.part is not None:
        page = format_set(sorted(options.part.of(numbers))) or b"NIL"
        words.append(b"PARTIAL (%b %b)" % (options.part.text, page))
    if numbers:
        words += [b"MIN %d" % numbers[0]] if b"MIN" in returned else []
        words += [b"MAX %d" % numbers[-1]] if b"MAX" in returned else []
        words += [b"ALL " + format_set(numbers)] if b"ALL" in returned else []
    words += [b"COUNT %d" % len(numbers)] if b"COUNT" in returned else []
    session.untagged(b" ".join([*words, *([modseq] if modseq and numbers else [])]))
    return Done(text="Search completed.")


async def _fetch(session: Session, call: Call) -> Done:
    view = session.selected
    names_all = call.arguments.peek() == Atom(b"1:*")
    wanted = call.arguments.peek()
    uids = session.chosen(call)
    words = _rest(call)
    modifiers = _fetch_modifiers(session, call, words)
    since = modifiers.since
    if modifiers.part is not None:
        uids = sorted(modifiers.part.of([uid for uid in uids if view.stored(uid) is not None]))
    items = parse_fetch_items(words, by_uid=call.by_uid and not view.uid_only, offers=session.offers)
    if any(item.is_modseq for item in items):
        _enable_condstore(session)
    elif since is not None:
        items.append(parse_fetch_items([Atom(b"MODSEQ")], by_uid=False)[0])
    if modifiers.tells_vanished and since is not None and isinstance(wanted, Atom):
        gone = vanished_since(view.mailbox, since, known=None if names_all else wanted)
        if gone:
            session.untagged(b"VANISHED (EARLIER) " + format_set(gone))
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
        session.untagged(view.fetch_line(uid, rendered))
        await session.flush_when_large()
    if missing:
        raise Refused("Some of the requested messages no longer exist.", code="EXPUNGEISSUED")
    return Done(text="Fetch completed.")


async def _store(session: Session, call: Call) -> Done:
    view = session.selected
    uids = session.chosen(call)
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
        words = [b"UID %d" % uid] if call.by_uid and not view.uid_only else []
        words += [] if silent else [b"FLAGS (" + view.flags_text(stored) + b")"]
        words += [b"MODSEQ (%d)" % stored.modseq] if with_modseq else []
        session.untagged(view.fetch_line(uid, b" ".join(words)))
        await session.flush_when_large()


async def _copy(session: Session, call: Call) -> Done:
    source, uids, target = _transfer(session, call)
    if not uids:
        return Done(text="No messages found.")
    require_room(session, sum(len(source.mailbox.messages[uid].content) for uid in uids))
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
    uids = session.chosen(call) if call.by_uid else list(view.uids)
    call.arguments.end()
    before = view.mailbox.highest_modseq
    _expunge_deleted(view, uids)
    has_changed = "QRESYNC" in session.enabled and view.mailbox.highest_modseq > before
    return Done(text="Expunge completed.", code=f"HIGHESTMODSEQ {view.mailbox.highest_modseq}" if has_changed else "")


async def _close(session: Session, call: Call) -> Done:
    call.arguments.end()
    _expunge_deleted(session.selected, list(session.selected.uids))
    session.leave_mailbox()
    return Done(text="Close completed.")


def _saved(uids: Sequence[int], names: frozenset[bytes]) -> Sequence[int]:
    """What SAVE keeps: MIN and MAX alone keep only those (RFC 5182 section 2.4)."""
    if not uids or names & {b"ALL", b"COUNT"} or not names & {b"MIN", b"MAX"}:
        return uids
    return [*(uids[:1] if b"MIN" in names else []), *(uids[-1:] if b"MAX" in names else [])]


@dataclass(frozen=True, slots=True, kw_only=True)
class _FetchModifiers:
    since: int | None = None
    tells_vanished: bool = False
    part: Page | None = None


def _fetch_modifiers(session: Session, call: Call, words: ArgumentList) -> _FetchModifiers:
    """Take ``(CHANGEDSINCE 7 VANISHED)`` or ``(PARTIAL 1:10)`` off the end of the words, where it stands there."""
    last = words[-1] if len(words) > 1 else None
    if not isinstance(last, ArgumentList) or not last or not isinstance(last[0], Atom):
        return _FetchModifiers()
    left = Arguments(last)
    since, tells_vanished, part = None, False, None
    while left:
        if left.next_is(b"CHANGEDSINCE"):
            _enable_condstore(session)
            since = left.number()
        elif call.by_uid and "QRESYNC" in session.enabled and left.next_is(b"VANISHED"):
            tells_vanished = True
        elif session.offers("PARTIAL") and call.by_uid and left.next_is(b"PARTIAL"):
            part = parse_page(left.any())
        elif since is None and not tells_vanished and part is None:
            return _FetchModifiers()  # a list of items
        else:
            raise BadCommand("Unknown FETCH modifier")
    words.pop()
    if tells_vanished and since is None:
        raise BadCommand("VANISHED needs CHANGEDSINCE")
    return _FetchModifiers(since=since, tells_vanished=tells_vanished, part=part)


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
    uids = session.chosen(call)
    name = call.arguments.mailbox()
    call.arguments.end()
    there = [uid for uid in uids if view.stored(uid) is not None]
    return view, there, session.mailbox(name, code="TRYCREATE", right="i")


def _two_thirds(call: Call, uids: Sequence[int]) -> int:
    return -(-len(uids) * 2 // 3) if call.is_cut_halfway else len(uids)


def _copy_all(session: Session, source: StoredMailbox, uids: Sequence[int], target: StoredMailbox) -> dict[int, int]:
    return {uid: session.mail.copy(source, uid, target, saved=now()).uid for uid in uids}


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
    "MOVE": Entry(handler=_move, states=OPEN, capability="MOVE", removes_messages=True),
    "UID MOVE": Entry(handler=_move, states=OPEN, capability="MOVE", removes_messages=True),
    "EXPUNGE": Entry(handler=_expunge, states=OPEN, removes_messages=True),
    "UID EXPUNGE": Entry(handler=_expunge, states=OPEN, capability="UIDPLUS", removes_messages=True),
    "CLOSE": Entry(handler=_close, states=OPEN),
}
