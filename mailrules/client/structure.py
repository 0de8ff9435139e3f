"""How does the body structure that a server tells become the parts that rules see?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from mailrules.mailbox.headers import decode_words
from mailrules.mailbox.message import Part
from mailrules.mailbox.text import clean_text, decode_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mailrules.imap.body_structure import BodyPart

_EXTENDED = re.compile(r"(?P<name>[^*]+)\*(?:(?P<section>[0-9]{1,3})(?P<encoded>\*)?)?")
"""``name*``, ``name*0`` and ``name*0*`` (RFC 2231): encoded, continued, or both."""


def parts_of(body: Iterable[BodyPart]) -> tuple[Part, ...]:
    """The parts in the server's order, with decoded parameters and file names; never raises."""
    return tuple(_part(one) for one in body)


def readable_texts(parts: Iterable[Part]) -> tuple[Part, ...]:
    """The parts that hold a message's text: the plain ones, else the HTML ones; attachments are none."""
    texts = [part for part in parts if part.type == "text" and part.disposition != "attachment"]
    plain = tuple(part for part in texts if part.subtype == "plain")
    return plain or tuple(part for part in texts if part.subtype == "html")


def _part(body: BodyPart) -> Part:
    parameters = _decoded(body.parameters)
    file_name = _decoded(body.disposition_parameters).get("filename", "") or parameters.get("name", "")
    return Part(
        number=body.number,
        type=body.type,
        subtype=body.subtype,
        parameters=parameters,
        encoding=body.encoding,
        disposition=body.disposition,
        # RFC 2047 section 5 forbids encoded words here, and many mailers write them.
        file_name=clean_text(decode_words(file_name)) if file_name else "",
        size_bytes=body.size_bytes,
    )


def _decoded(raw: Mapping[str, bytes]) -> dict[str, str]:
    """Parameters as text; where a name comes both plain and as RFC 2231 has it, the latter counts."""
    decoded = {name: decode_bytes(value) for name, value in raw.items() if "*" not in name}
    sections: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for name, value in raw.items():
        if match := _EXTENDED.fullmatch(name):
            is_encoded = match["section"] is None or match["encoded"] is not None
            sections.setdefault(match["name"], {})[int(match["section"] or 0)] = (value, is_encoded)
    for name, pieces in sections.items():
        if 0 in pieces:
            decoded[name] = _joined(pieces)
    return decoded


def _joined(pieces: Mapping[int, tuple[bytes, bool]]) -> str:
    charset, content = "", b""
    for section in range(len(pieces)):
        if section not in pieces:
            break
        value, is_encoded = pieces[section]
        if is_encoded and section == 0 and value.count(b"'") >= 2:
            raw_charset, _, value = value.split(b"'", 2)
            charset = raw_charset.decode("ascii", "replace")
        content += unquote_to_bytes(value) if is_encoded else value
    return decode_bytes(content, charset)
