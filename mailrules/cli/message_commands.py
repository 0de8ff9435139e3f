"""The verb ``explain``: what each rule sees in one message, and decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mailrules.cli.explain_view import explanation_document, show_explanation
from mailrules.cli.invocation import Invocation, Verb, pass_invocation
from mailrules.cli.mail_files import files_as_mail, mail_file_options
from mailrules.cli.session import local_now, open_reading_session, run_until_done, scope_of
from mailrules.engine import explain as explain_message
from mailrules.engine import find_message
from mailrules.errors import PlanRefused
from mailrules.mailbox.message import UID, FactRequest
from mailrules.offline import explain_file

if TYPE_CHECKING:
    from pathlib import Path

    from mailrules.mail_on_disk import MailOnDisk
    from mailrules.plan.explanation import MessageExplanation
    from mailrules.rules.rule import MailboxRef
    from mailrules.session import ReadingSession


@click.command(cls=Verb, name="explain")
@click.argument("message", required=False, default="")
@click.option("--rule", default="", metavar="NAME", help="Only this rule.")
@mail_file_options
@click.option("--mailbox", default="", metavar="NAME", help="Judge mail in files as mail in this mailbox of the rules.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
@pass_invocation
def explain(
    invocation: Invocation,
    *,
    message: str,
    rule: str,
    mails: tuple[Path, ...],
    mboxes: tuple[Path, ...],
    mailbox: str,
    as_json: bool,
) -> None:
    """Tell for one message what each rule sees and decides.

    Shows every condition, the value that it read, whether it was true, false or not needed, the first that fails,
    and what would make the rule match. MESSAGE is account/mailbox:UID (home/INBOX:4711) or a Message-ID. With `--eml`
    and `--mbox` mail on disk is explained, and no server is asked: all of it, or where MESSAGE is its place in the
    files (1 is the first) or its Message-ID, that one. Nothing is changed.
    """
    invocation.start_logging()
    if mailbox and not (mails or mboxes):
        raise click.UsageError("--mailbox goes with mail in files")
    if not message and not (mails or mboxes):
        raise click.UsageError("name a message: account/mailbox:UID or a Message-ID, or a file with --eml")

    async def read() -> tuple[tuple[MailboxRef, UID, MessageExplanation], ...]:
        async with open_reading_session(invocation) as session:
            scope_of(session.configuration, account="", mailbox="", rule=rule, newest=None, only_new=False)
            places = await _places(session, message)
            return tuple(
                [(ref, uid, await explain_message(session, ref, uid, remedies_for=rule)) for ref, uid in places]
            )

    async def read_files() -> tuple[tuple[MailboxRef, UID, MessageExplanation], ...]:
        files = files_as_mail(invocation, mails=mails, mboxes=mboxes, mailbox=mailbox)
        scope_of(files.loaded.configuration, account="", mailbox="", rule=rule, newest=None, only_new=False)
        configuration, plugins = files.loaded
        uids = await _places_in_files(files.reader, message)
        now = local_now()
        told = [
            (
                uid,
                await explain_file(
                    configuration, plugins, files.reader, uid, ref=files.ref, now=now, remedies_for=rule
                ),
            )
            for uid in uids
        ]
        return tuple((files.ref, uid, one) for uid, one in told if one is not None)

    with invocation.output.activity("Reading mail"):
        found = run_until_done(read_files() if mails or mboxes else read())
    if as_json:
        messages = [
            explanation_document(explanation, account=ref.account, mailbox=ref.mailbox, uid=uid, rule=rule)
            for ref, uid, explanation in found
        ]
        invocation.output.json({"version": 1, "messages": messages})
        return
    for ref, uid, explanation in found:
        show_explanation(invocation.output, f"{ref}:{uid}", explanation, rule=rule)


async def _places_in_files(reader: MailOnDisk, message: str) -> tuple[UID, ...]:
    """The numbers of the messages that are meant: by number, by Message-ID, or all."""
    facts = await reader.fetch(FactRequest(header_fields=("message-id",)))
    wanted = message.strip().strip("<>").encode()
    found = tuple(
        one.uid
        for one in facts
        if not message
        or (message.isdecimal() and one.uid == int(message))
        or ("@" in message and isinstance(one.header, bytes) and wanted in one.header)
    )
    if not found:
        raise PlanRefused(f"the files have no message {message!r}; they have {len(facts)}, numbered from 1")
    return found


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
