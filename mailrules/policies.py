"""How the state that mailbox policies declare is compared with a server's, in a turn or two for all mailboxes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mailrules.declared import or_words
from mailrules.imap.access_commands import ACL
from mailrules.imap.mailbox_commands import CREATE_SPECIAL_USE
from mailrules.imap.metadata_commands import METADATA
from mailrules.imap.quota_commands import QUOTA, QUOTA_SET
from mailrules.mailbox.settings_of_mailbox import text_of_value
from mailrules.plan.policies import Observed, PolicyOutcome, PolicyPlanner
from mailrules.rules.policies import Subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mailrules.imap.command import Extension
    from mailrules.mailbox.store import MailReader, Particulars, QuotaRoot
    from mailrules.plan.directory import Directory
    from mailrules.rules.policies import Policy
    from mailrules.session import Scope

_NEEDED: Mapping[Subject, tuple[Extension, ...]] = {
    Subject.RIGHTS: (ACL,),
    Subject.OTHERS: (ACL,),
    Subject.METADATA: (METADATA,),
    Subject.QUOTA: (QUOTA, QUOTA_SET),
}


def policies_in(policies: Iterable[Policy], scope: Scope) -> tuple[Policy, ...]:
    """The policies of the scope's account and mailbox; what of them concerns one rule is told by their names."""
    return tuple(
        one
        for one in policies
        if scope.account in {"", one.account} and (not scope.mailbox or one.means(scope.mailbox))
    )


async def survey_policies(reader: MailReader, policies: Sequence[Policy], *, directory: Directory) -> PolicyOutcome:
    """What has to be done so that the account is as its policies say. Raises ConnectionLost.

    What the server cannot tell or do is left out with the reason, and the rest goes on.
    """
    mine = [one for one in policies if one.account == reader.account]
    if not mine:
        return PolicyOutcome()
    offered = reader.capabilities
    planner = PolicyPlanner(mine, directory=directory, lacking=lacking(offered))
    rights, particulars, quotas = await asyncio.gather(
        _rights(reader, planner),
        _metadata_and_own_rights(reader, planner),
        _quotas(reader, planner),
    )
    observed = Observed(rights=rights, own_rights=particulars[1], metadata=particulars[0], quotas=quotas)
    return planner.finish(
        observed,
        can_create_with_use=CREATE_SPECIAL_USE.is_offered(offered),
        # Dovecot has METADATA and refuses this entry; servers that let a client choose at all say so by CREATE.
        can_set_use=METADATA.is_offered(offered) and CREATE_SPECIAL_USE.is_offered(offered),
    )


def lacking(offered: frozenset[str]) -> dict[Subject, str]:
    """What a server with these capabilities knows nothing of, with the extension that it lacks."""
    missing = {
        subject: next((one for one in extensions if not one.is_offered(offered)), None)
        for subject, extensions in _NEEDED.items()
    }
    found = {subject: one for subject, one in missing.items() if one is not None}
    return {subject: f"the server has no {one.capability} ({one.rfc})" for subject, one in found.items()}


async def _rights(reader: MailReader, planner: PolicyPlanner) -> dict[str, Mapping[str, str] | str]:
    subjects = (Subject.RIGHTS, Subject.OTHERS)
    if not ACL.is_offered(reader.capabilities):
        return {}
    names = tuple(dict.fromkeys(name for subject in subjects for name in planner.mailboxes(subject)))
    answers = await asyncio.gather(*(or_words(reader.get_rights(name)) for name in names))
    return {
        name: answer if isinstance(answer, str) else answer.entries for name, answer in zip(names, answers, strict=True)
    }


async def _metadata_and_own_rights(
    reader: MailReader, planner: PolicyPlanner
) -> tuple[dict[str, Mapping[str, str] | str], dict[str, str]]:
    offered = reader.capabilities
    of_metadata = planner.mailboxes(Subject.METADATA) if METADATA.is_offered(offered) else ()
    of_rights = planner.mailboxes(Subject.OTHERS) if ACL.is_offered(offered) else ()
    told, own = await asyncio.gather(
        _particulars(reader, of_metadata, entries=planner.entries()),
        _particulars(reader, of_rights, own_rights=True),
    )
    metadata: dict[str, Mapping[str, str] | str] = {
        name: one.refusal or {entry: text_of_value(value) for entry, value in one.metadata.items()}
        for name, one in told.items()
    }
    return metadata, {name: one.own_rights for name, one in own.items()}


async def _particulars(
    reader: MailReader, names: Sequence[str], *, entries: Sequence[str] = (), own_rights: bool = False
) -> Mapping[str, Particulars]:
    return await reader.particulars(names, entries=entries, own_rights=own_rights) if names else {}


async def _quotas(reader: MailReader, planner: PolicyPlanner) -> dict[str, Sequence[QuotaRoot] | str]:
    if not QUOTA.is_offered(reader.capabilities):
        return {}
    names = planner.mailboxes(Subject.QUOTA)
    answers = await asyncio.gather(*(or_words(reader.quota_roots(name)) for name in names))
    return dict(zip(names, answers, strict=True))
