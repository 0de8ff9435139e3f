"""The verb ``explain``: what each rule sees in one message, and decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mailrules.cli.explain_view import explanation_document, show_explanation
from mailrules.cli.invocation import Invocation, Verb, pass_invocation
from mailrules.cli.session import open_reading_session, run_until_done, scope_of
from mailrules.engine import explain as explain_message
from mailrules.engine import find_message
from mailrules.errors import PlanRefused
from mailrules.mailbox.message import UID

if TYPE_CHECKING:
    from mailrules.plan.explanation import MessageExplanation
    from mailrules.rules.rule import MailboxRef
    from mailrules.session import ReadingSession


@click.command(cls=Verb, name="explain")
@click.argument("message")
@click.option("--rule", default="", metavar="NAME", help="Only this rule.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
@pass_invocation
def explain(invocation: Invocation, *, message: str, rule: str, as_json: bool) -> None:
    """Tell for one message what each rule sees and decides.

    Shows every condition, the value that it read, whether it was true, false or not needed, the first that fails,
    and what would make the rule match. MESSAGE is account/mailbox:UID (home/INBOX:4711) or a Message-ID. Nothing
    is changed.
    """
    invocation.start_logging()

    async def read() -> tuple[tuple[MailboxRef, UID, MessageExplanation], ...]:
        async with open_reading_session(invocation) as session:
            scope_of(session.configuration, account="", mailbox="", rule=rule, newest=None, only_new=False)
            places = await _places(session, message)
            return tuple([(ref, uid, await explain_message(session, ref, uid)) for ref, uid in places])

    with invocation.output.activity("Reading mail"):
        found = run_until_done(read())
    if as_json:
        messages = [
            explanation_document(explanation, account=ref.account, mailbox=ref.mailbox, uid=uid, rule=rule)
            for ref, uid, explanation in found
        ]
        invocation.output.json({"version": 1, "messages": messages})
        return
    for ref, uid, explanation in found:
        show_explanation(invocation.output, f"{ref}:{uid}", explanation, rule=rule)


async def _places(session: ReadingSession, message: str) -> tuple[tuple[MailboxRef, UID], ...]:
    mailbox, _, uid = message.rpartition(":")
    references = [ref for ref in session.configuration.rules.mailboxes if str(ref) == mailbox]
    if references and uid.isdecimal():
        return ((references[0], UID(int(uid))),)
    if "@" not in message:
        known = ", ".join(str(ref) for ref in session.configuration.rules.mailboxes)
        raise click.UsageError(
            f"{message!r} is neither account/mailbox:UID nor a Message-ID; the rules' mailboxes are: {known}"
        )
    places = await find_message(session, message)
    if not places:
        raise PlanRefused(f"no message with Message-ID {message} in the rules' mailboxes")
    return places
