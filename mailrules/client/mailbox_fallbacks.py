"""How are mailboxes listed, with what is asked of each, on a server that cannot tell it all in one LIST?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from mailrules.client.fallbacks import Procedure, run, run_all
from mailrules.errors import CommandRefused, MissingCapability
from mailrules.imap.access_commands import MyRights
from mailrules.imap.list_commands import (
    LIST_EXTENDED,
    LIST_METADATA,
    LIST_MY_RIGHTS,
    LIST_PATTERNS,
    LIST_STATUS,
    SPECIAL_USE,
    List,
    ListedMailbox,
    ListReturn,
    ListSelection,
    Lsub,
    join_listed,
)
from mailrules.imap.mailbox_commands import Status
from mailrules.imap.metadata_commands import GetMetadata
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mailrules.client.fallbacks import Steps
    from mailrules.imap.list_commands import ListExtended
    from mailrules.imap.mailbox_data import ListData

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ListAnywhere(Procedure[tuple[ListedMailbox, ...]]):
    """What ``wanted`` asks for, on any server; where it has all the extensions this is one LIST.

    Else one LIST goes out for each pattern, LSUB tells the subscriptions (RFC 3501), and STATUS, MYRIGHTS and
    GETMETADATA are asked of each mailbox, many in one round trip. A mailbox that refuses such a question stays
    without the answer, as it would in LIST. Special uses are picked out of what plain LIST tells unasked.

    Raises MissingCapability where there is no other way: REMOTE without LIST-EXTENDED, rights without ACL, entries
    without METADATA, and items of STATUS that the server does not have.
    """

    wanted: ListExtended

    def steps(self, offered: frozenset[str]) -> Steps[tuple[ListedMailbox, ...]]:
        wanted = self.wanted
        if all(extension.is_offered(offered) for extension in wanted.extensions()):
            return (yield from run(wanted))
        asked = _what_list_can_tell(wanted, offered)
        if LIST_EXTENDED.is_offered(offered):
            told = yield from self._list_each_pattern(asked, offered)
        else:
            told = yield from self._list_plainly()
        return (yield from _ask_of_each(told, wanted, asked))

    def _list_each_pattern(self, asked: ListExtended, offered: frozenset[str]) -> Steps[tuple[ListedMailbox, ...]]:
        several = LIST_PATTERNS.is_offered(offered)
        commands = [asked] if several else [replace(asked, patterns=(pattern,)) for pattern in asked.patterns]
        found = _all_or_refusal((yield from run_all(commands)))
        return _only_wanted((one for answer in found for one in answer), self.wanted)

    def _list_plainly(self) -> Steps[tuple[ListedMailbox, ...]]:
        wanted = self.wanted
        if ListSelection.REMOTE in wanted.select:
            raise MissingCapability("LIST", capability=LIST_EXTENDED.capability, rfc=LIST_EXTENDED.rfc)
        patterns, reference = wanted.patterns, wanted.reference
        subscribed: tuple[ListData, ...] = ()
        if ListSelection.SUBSCRIBED in wanted.select or ListReturn.SUBSCRIBED in wanted.returns:
            told = _all_or_refusal((yield from run_all(Lsub(pattern, reference) for pattern in patterns)))
            subscribed = tuple(one for answer in told for one in answer)
        answers = yield from run_all(List(pattern, reference, is_plain=True) for pattern in patterns)
        listed = _with_subscriptions([one for answer in _all_or_refusal(answers) for one in answer], subscribed)
        if ListSelection.SUBSCRIBED in wanted.select:
            listed += _subscribed_but_gone(listed, subscribed)
            recursive = ListSelection.RECURSIVE_MATCH in wanted.select
            listed = [one for one in listed if "\\subscribed" in one.attributes or (recursive and one.child_info)]
        return _only_wanted(join_listed(listed), wanted)


def _what_list_can_tell(wanted: ListExtended, offered: frozenset[str]) -> ListExtended:
    """``wanted`` without what this server's LIST cannot tell."""
    has_uses = SPECIAL_USE.is_offered(offered)
    has_rights = LIST_MY_RIGHTS.is_offered(offered)
    missing = {ListReturn.SPECIAL_USE} if not has_uses else set()
    missing |= {ListReturn.MY_RIGHTS} if not has_rights else set()
    return replace(
        wanted,
        select=tuple(one for one in wanted.select if has_uses or one is not ListSelection.SPECIAL_USE),
        returns=tuple(one for one in wanted.returns if one not in missing),
        status=wanted.status if LIST_STATUS.is_offered(offered) else (),
        metadata=wanted.metadata if LIST_METADATA.is_offered(offered) else (),
    )


def _with_subscriptions(listed: Sequence[ListData], subscribed: Sequence[ListData]) -> list[ListData]:
    """LIST's mailboxes with \\Subscribed and CHILDINFO as RFC 5258 has them."""
    names = {one.mailbox for one in subscribed if _is_subscribed(one)}
    above = {one.mailbox for one in subscribed} - names
    return [
        replace(
            one,
            attributes=one.attributes | ({"\\subscribed"} if one.mailbox in names else set()),
            child_info=frozenset({"SUBSCRIBED"} if one.mailbox in above else ()),
        )
        for one in listed
    ]


def _subscribed_but_gone(listed: Sequence[ListData], subscribed: Sequence[ListData]) -> list[ListData]:
    """What LSUB tells of and LIST does not."""
    known = {one.mailbox for one in listed}
    return [
        replace(
            one,
            is_lsub=False,
            attributes=frozenset({"\\nonexistent"} | ({"\\subscribed"} if _is_subscribed(one) else set())),
            child_info=frozenset(() if _is_subscribed(one) else {"SUBSCRIBED"}),
        )
        for one in subscribed
        if one.mailbox not in known
    ]


def _is_subscribed(told_by_lsub: ListData) -> bool:
    # In LSUB, \Noselect says: not subscribed to itself, but something below is (RFC 3501 section 6.3.9).
    return "\\noselect" not in told_by_lsub.attributes


def _only_wanted(found: Iterable[ListedMailbox], wanted: ListExtended) -> tuple[ListedMailbox, ...]:
    """Each mailbox once, and where special uses are selected, only those that have one."""
    by_use = ListSelection.SPECIAL_USE in wanted.select
    return tuple({one.mailbox: one for one in found if not by_use or one.listed.special_uses}.values())


def _ask_of_each(
    told: tuple[ListedMailbox, ...], wanted: ListExtended, asked: ListExtended
) -> Steps[tuple[ListedMailbox, ...]]:
    """Ask each mailbox what LIST was not asked."""
    names = [one.mailbox for one in told if one.listed.can_be_opened]
    result = {one.mailbox: one for one in told}
    if wanted.status and not asked.status:
        statuses = yield from run_all(Status(name, wanted.status) for name in names)
        for name, status in zip(names, statuses, strict=True):
            if not isinstance(status, CommandRefused):
                result[name] = replace(result[name], status=status)
    if ListReturn.MY_RIGHTS in wanted.returns and ListReturn.MY_RIGHTS not in asked.returns:
        rights = yield from run_all(MyRights(name) for name in names)
        for name, letters in zip(names, rights, strict=True):
            if not isinstance(letters, CommandRefused):
                result[name] = replace(result[name], rights=letters)
    if wanted.metadata and not asked.metadata:
        entries = yield from run_all(GetMetadata(name, wanted.metadata) for name in names)
        for name, found in zip(names, entries, strict=True):
            if not isinstance(found, CommandRefused):
                result[name] = replace(result[name], metadata=found.entries)
    return tuple(result.values())


def _all_or_refusal(outcomes: Iterable[tuple[T, ...] | CommandRefused]) -> list[tuple[T, ...]]:
    """The answers. Raises the first refusal: a part of the mailboxes would look like all of them."""
    answers: list[tuple[T, ...]] = []
    for outcome in outcomes:
        if isinstance(outcome, CommandRefused):
            raise outcome
        answers.append(outcome)
    return answers
