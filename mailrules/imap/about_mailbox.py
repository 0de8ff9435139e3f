"""What do commands share that ask something about one mailbox, by its name alone?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from mailrules.imap.command import Command
from mailrules.imap.mailbox_name import is_same_mailbox
from mailrules.imap.writer import MailboxNode, Node
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

R_co = TypeVar("R_co", covariant=True)


class NamesMailbox(Protocol):
    """A command, or a response, about a mailbox."""

    @property
    def mailbox(self) -> str: ...


@dataclass(frozen=True, slots=True)
class OneMailbox(Command[R_co], Generic[R_co]):
    """A command whose only argument is a mailbox."""

    mailbox: str

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (MailboxNode(self.mailbox),)


def is_about(response: NamesMailbox, command: NamesMailbox) -> bool:
    """Whether a response speaks of the mailbox that the command names, however either spells INBOX."""
    return is_same_mailbox(response.mailbox, command.mailbox)
