"""Which mailboxes get another name, and what keeps one from getting it; a name that is so already needs no step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.plan.actions import RenameMailbox
from mailrules.plan.plan import MailboxStep, StepKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailrules.plan.directory import Directory
    from mailrules.plan.verdicts import Acting


def rename_steps(acting: Sequence[Acting], *, directory: Directory) -> tuple[tuple[MailboxStep, ...], tuple[str, ...]]:
    """RENAME steps with the subscriptions that go along, and warnings for what cannot be."""
    steps: dict[MailboxStep, None] = {}
    warnings: dict[str, None] = {}
    for one in acting:
        for use in one.branch.actions:
            if not isinstance(use.value, RenameMailbox) or not one.rows:
                continue
            old, new = (directory.server_name(name) for name in (use.value.mailbox, use.value.to))
            is_there, is_taken = (name in directory.mailboxes for name in (old, new))
            if is_there and is_taken:
                warnings[f"{old!r} keeps its name: there is a mailbox {new!r} already"] = None
            elif is_there:
                step = MailboxStep(
                    account=directory.account, mailbox=old, kind=StepKind.RENAME, rule=one.rule.name, to=new
                )
                steps.update(dict.fromkeys([step, *_subscriptions(step, directory)]))
            elif not is_taken and not directory.is_imagined:
                warnings[f"there is no mailbox {old!r} that could be renamed to {new!r}"] = None
    return tuple(steps), tuple(warnings)


def name_after(step: MailboxStep, name: str, *, delimiter: str) -> str:
    """What a mailbox is called once ``step`` has renamed it, or one above it; its own name for any other."""
    below = step.mailbox + delimiter
    if name == step.mailbox:
        return step.to
    return step.to + delimiter + name.removeprefix(below) if delimiter and name.startswith(below) else name


def _subscriptions(step: MailboxStep, directory: Directory) -> Iterator[MailboxStep]:
    """RENAME leaves subscriptions under the old names (RFC 9051 section 6.3.6), of the mailboxes below it too."""
    for name, info in sorted(directory.mailboxes.items()):
        new = name_after(step, name, delimiter=directory.delimiter)
        if info.subscribed and new != name:
            for kind, mailbox in ((StepKind.SUBSCRIBE, new), (StepKind.UNSUBSCRIBE, name)):
                yield MailboxStep(account=step.account, mailbox=mailbox, kind=kind, rule=step.rule)
