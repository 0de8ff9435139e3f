"""How does the body structure that a server tells become the parts that rules see?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.mailbox.message import Part
from mailrules.mailbox.parameters import decoded_parameters, file_name_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailrules.imap.body_structure import BodyPart


def parts_of(body: Iterable[BodyPart]) -> tuple[Part, ...]:
    """The parts in the server's order, with decoded parameters and file names; never raises."""
    return tuple(_part(one) for one in body)


def _part(body: BodyPart) -> Part:
    parameters = decoded_parameters(body.parameters)
    return Part(
        number=body.number,
        type=body.type,
        subtype=body.subtype,
        parameters=parameters,
        encoding=body.encoding,
        disposition=body.disposition,
        file_name=file_name_of(parameters, body.disposition_parameters),
        size_bytes=body.size_bytes,
    )
