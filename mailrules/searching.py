"""By which searches may this run's accounts be narrowed, and what has a person to be told of it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.imap.search_keys import Contains, HeaderContains
from mailrules.imap.search_text import parse_search_text
from mailrules.narrowing import SearchTrust, Sweep
from mailrules.rules.bounds import keys_in
from mailrules.settings import SearchUse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.journal.reader import JournalReader
    from mailrules.mailbox.store import MailboxStatus
    from mailrules.plan.plan import MailboxPlan
    from mailrules.session import ReadingSession


async def trust_of(session: ReadingSession, account: str) -> SearchTrust:
    """What the settings allow for an account, without the keys that its server has answered wrongly before."""
    use = session.configuration.accounts[account].search
    known = await session.journal.untruths(account)
    return SearchTrust(
        account=account,
        is_used=use is not SearchUse.NONE,
        trusts_text=use is SearchUse.TRUSTED,
        refused={one.key for one in known},
    )


async def sweep_of(journal: JournalReader, trust: SearchTrust, status: MailboxStatus, *, rule: str = "") -> Sweep:
    """How all mail of a mailbox may be swept; ``rule`` names the only one that counts, "" for all."""
    position = await journal.position(trust.account, status.mailbox)
    return Sweep(trust=trust, position=position, rule=rule)


def told_of_searches(plans: Sequence[MailboxPlan], trust: SearchTrust) -> list[str]:
    """What was found to be wrong with a server's answers, and where what was left out rests on its search for text."""
    told = [
        f"{one.account}: the server answers SEARCH wrongly ({one}); {one.key} is not used for this account any more"
        for one in trust.learned
    ]
    return told + [
        f"{one.account}/{one.mailbox}: {one.left_out} messages were left out by the server's own search for text"
        " (search: trusted), so old mail may be missing here"
        for one in plans
        if one.account == trust.account and one.search and _looks_for_text(one.search)
    ]


def _looks_for_text(search: str) -> bool:
    return any(isinstance(key, Contains | HeaderContains) for key in keys_in(parse_search_text(search)))
