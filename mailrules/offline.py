"""How is mail in files previewed and explained: by the same judgement, without a server or a journal?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.plan.directory import imagined_directory
from mailrules.plan.filters import only_once, only_rule
from mailrules.plan.guards import hold_deletions
from mailrules.plan.history import History
from mailrules.plan.plan import Plan
from mailrules.plan.planner import DISPLAY_FIELDS
from mailrules.plan.shadow import rules_in_shadow
from mailrules.rules.conditions import Environment
from mailrules.survey import Selection, Surroundings, explain_mail, survey_mailbox

if TYPE_CHECKING:
    from datetime import datetime

    from mailrules.mail_on_disk import MailOnDisk
    from mailrules.mailbox.message import UID
    from mailrules.plan.explanation import MessageExplanation
    from mailrules.plugin_manager import PluginManager
    from mailrules.rules.loader import LoadedConfiguration
    from mailrules.rules.rule import MailboxRef
    from mailrules.session import Scope


async def preview_files(
    configuration: LoadedConfiguration,
    plugins: PluginManager,
    reader: MailOnDisk,
    *,
    ref: MailboxRef,
    scope: Scope,
    now: datetime,
) -> Plan:
    """What a run would do with the messages, were they the mail in ``ref``. Nothing was done before."""
    rules = configuration.rules
    planner = await survey_mailbox(
        reader,
        await reader.open(ref.mailbox),
        rules.for_mailbox(ref),
        surroundings=_surroundings(configuration, plugins, ref, now=now),
        selection=Selection(newest=scope.newest, since=scope.since),
    )
    plan = planner.finish()
    told = (
        f"mail in files, judged as if it lay in {ref}: its flags are those that the files tell, nothing was done"
        " with it before, and what only a server can tell is unknowable"
    )
    return Plan(
        created=now,
        rules_hash=rules.hash,
        mailboxes=hold_deletions(
            only_once([only_rule(plan, scope.rule) if scope.rule else plan]), configuration.deletion, now=now
        ),
        warnings=(told,),
        shadow_rules=rules_in_shadow(rules.for_mailbox(ref), {}, now=now),
    )


async def explain_file(
    configuration: LoadedConfiguration,
    plugins: PluginManager,
    reader: MailOnDisk,
    uid: UID,
    *,
    ref: MailboxRef,
    now: datetime,
    remedies_for: str = "",
) -> MessageExplanation | None:
    """What every rule of ``ref`` makes of one message of the files; None where there is none of this number."""
    return await explain_mail(
        reader,
        await reader.open(ref.mailbox),
        configuration.rules.for_mailbox(ref),
        uid=uid,
        surroundings=_surroundings(configuration, plugins, ref, now=now),
        remedies_for=remedies_for,
    )


def _surroundings(
    configuration: LoadedConfiguration, plugins: PluginManager, ref: MailboxRef, *, now: datetime
) -> Surroundings:
    settings = configuration.accounts[ref.account]
    return Surroundings(
        directory=imagined_directory(ref.account, settings, others=configuration.accounts),
        environment=Environment(now=now, authserv_ids=settings.authserv_ids, own_addresses=settings.own_addresses),
        history=History(),
        enrichers=plugins.enrichers(),
        describe_fields=DISPLAY_FIELDS,
    )
