"""Which connection watches which mailboxes, within the number of connections an account allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.daemon.watch import Assignment

if TYPE_CHECKING:
    from mailrules.rules.loader import LoadedConfiguration
    from mailrules.rules.rule import MailboxRef, RuleSet


def assignments(configuration: LoadedConfiguration) -> tuple[Assignment, ...]:
    """A connection for each mailbox with rules for new mail, in file order, while there are connections.

    The surplus, and mailboxes with scheduled rules only, are visited in turn on the account's last one. The first one
    also keeps the account's policies, and is there for them where no rule names a mailbox.
    """
    found: list[Assignment] = []
    groups: list[tuple[MailboxRef, ...]]
    for account in configuration.accounts.values():
        refs = [ref for ref in configuration.rules.mailboxes if ref.account == account.name]
        prompt = [ref for ref in refs if _awaits_new_mail(configuration.rules, ref)]
        others = [ref for ref in refs if ref not in prompt]
        own = prompt
        if others or len(prompt) > account.connections:
            own, others = prompt[: account.connections - 1], prompt[account.connections - 1 :] + others
        groups = [(ref,) for ref in own] + ([tuple(others)] if others else [])
        keeps = any(policy.account == account.name for policy in configuration.rules.policies)
        for number, mailboxes in enumerate(groups or [()] * keeps):
            found.append(Assignment(account=account, mailboxes=mailboxes, keeps_policies=keeps and number == 0))
    return tuple(found)


def _awaits_new_mail(rules: RuleSet, ref: MailboxRef) -> bool:
    return any(event.kind == "new" for rule in rules.for_mailbox(ref) for event in rule.events)
