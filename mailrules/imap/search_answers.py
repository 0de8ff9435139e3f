"""Which response answers a search, and what if it cannot be read?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.errors import RemoteProtocolError
from mailrules.imap.responses import Malformed
from mailrules.imap.search_data import ESearchData
from mailrules.imap.sections import ANY_RESPONSE
from mailrules.imap.shown import shown

if TYPE_CHECKING:
    from mailrules.imap.command import Answer
    from mailrules.imap.parser import Untagged


def answers_search(response: Untagged, *, tag: str) -> bool:
    """Whether this is the ESEARCH of the command sent as ``tag``, readable or not."""
    if isinstance(response, ESearchData):
        return response.tag == tag and not response.updates
    return is_malformed(response, b"* ESEARCH", naming=f'"{tag}"'.encode())


def one_result(answer: Answer, *, command: str) -> ESearchData:
    """The ESEARCH of the answer. Raises RemoteProtocolError where it lacks or cannot be read."""
    require_readable(answer, command=command)
    for response in answer.claimed:
        if isinstance(response, ESearchData):
            return response
    # "it still MUST send the ESEARCH response" (RFC 4731 section 3.1), also where nothing was found.
    raise RemoteProtocolError(
        f"the server answered {command} without an ESEARCH response",
        sent=shown(answer.reply.text),
        rfc="RFC 4731 section 3.1",
    )


def require_readable(answer: Answer, *, command: str) -> None:
    """Raises RemoteProtocolError where a part of the answer cannot be read."""
    for response in answer.claimed:
        if isinstance(response, Malformed):
            raise RemoteProtocolError(
                f"the server's answer to {command} cannot be read, {response.reason}",
                sent=shown(response.raw),
                rfc=response.rfc or ANY_RESPONSE,
            )


def is_malformed(response: Untagged, start: bytes, *, naming: bytes = b"") -> bool:
    """Whether this begins as such an answer, names the command, and cannot be read."""
    return isinstance(response, Malformed) and response.raw[: len(start)].upper() == start and naming in response.raw
