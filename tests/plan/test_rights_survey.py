"""Rights that rules declare, compared with what the server shows (rule-language, meaning 13)."""

from __future__ import annotations

from mailrules.declared import survey_rights
from mailrules.mailbox.store import MailboxInfo
from mailrules.plan.directory import directory_of
from mailrules.plan.mailbox_steps import WantedRights
from mailrules.testing.memory_faults import MemoryFault, Moment
from mailrules.testing.memory_reader import MemoryReader
from tests.plan.planned import mail

DIRECTORY = directory_of(
    [MailboxInfo(name=name, delimiter="/") for name in ("A", "B")], account="home", user="me@example.org"
)


def _wanted(mailbox: str) -> WantedRights:
    return WantedRights(mailbox=mailbox, identifier="bob", rights="lr", rule="share")


async def test_a_mailbox_whose_rights_are_not_shown_is_left_with_a_warning_and_others_go_on() -> None:
    reader = MemoryReader(
        mail(mailboxes=["A", "B"]),
        account="home",
        faults=[MemoryFault(call="get_rights", moment=Moment.REFUSED, nth=1, code="NOPERM")],
    )

    steps, warnings = await survey_rights(reader, [_wanted("A"), _wanted("B")], directory=DIRECTORY)

    assert [(step.mailbox, step.rights) for step in steps] == [("B", "lr")]
    assert len(warnings) == 1
    assert "'A' are left as they are" in warnings[0]
    assert "NOPERM" in warnings[0]
