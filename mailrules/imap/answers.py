"""Which of the responses that a command claimed is the one it asked for?"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from mailrules.errors import RemoteProtocolError
from mailrules.imap.sections import section_of_response
from mailrules.imap.shown import shown

if TYPE_CHECKING:
    from mailrules.imap.command import Answer

T = TypeVar("T")


def newest(kind: type[T], answer: Answer, *, command: str, about: str = "") -> T:
    """The last claimed response of this kind. Raises RemoteProtocolError for an OK that tells none.

    ``about`` is the mailbox or other thing that was asked about, for the error.
    """
    told = [response for response in answer.claimed if isinstance(response, kind)]
    if not told:
        subject = f" for {about!r}" if about else ""
        name = kind.__name__.removesuffix("Data").upper()
        raise RemoteProtocolError(
            f"the server answered {command} without a response{subject}",
            sent=shown(answer.reply.text),
            rfc=section_of_response(name),
        )
    return told[-1]


def every(kind: type[T], answer: Answer) -> tuple[T, ...]:
    """All claimed responses of this kind, in the server's order."""
    return tuple(response for response in answer.claimed if isinstance(response, kind))
