"""What do the parameters of a MIME field say: charsets, file names, plain or encoded (RFC 2231, RFC 2047)?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from mailrules.mailbox.headers import decode_words
from mailrules.mailbox.text import clean_text, decode_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

_EXTENDED = re.compile(r"(?P<name>[^*]+)\*(?:(?P<section>[0-9]{1,3})(?P<encoded>\*)?)?")
"""``name*``, ``name*0`` and ``name*0*`` (RFC 2231): encoded, continued, or both."""


def decoded_parameters(raw: Mapping[str, bytes]) -> dict[str, str]:
    """Parameters as text; where a name comes both plain and as RFC 2231 has it, the latter counts. Never raises."""
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


def file_name_of(parameters: Mapping[str, str], disposition_parameters: Mapping[str, bytes]) -> str:
    """The file name of a part, cleaned, "" where it has none; ``parameters`` are those of its type, decoded."""
    name = decoded_parameters(disposition_parameters).get("filename", "") or parameters.get("name", "")
    # RFC 2047 section 5 forbids encoded words here, and many mailers write them.
    return clean_text(decode_words(name)) if name else ""


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
