"""Which spelling of a name or password do client and server agree on (SASLprep, RFC 4013)?"""

from __future__ import annotations

import stringprep
import unicodedata

from mailrules.errors import LocalProtocolError

_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
    stringprep.in_table_a1,
)


def saslprep(text: str, *, what: str) -> str:
    """The prepared string. Raises LocalProtocolError for one that may not be; it names ``what``, never the text."""
    mapped = "".join(" " if stringprep.in_table_c12(one) else one for one in text if not stringprep.in_table_b1(one))
    prepared = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if any(prohibits(one) for one in prepared for prohibits in _PROHIBITED):
        raise LocalProtocolError(f"the {what} holds a character that SASLprep does not allow (RFC 4013 section 2.3)")
    if not _has_clear_direction(prepared):
        raise LocalProtocolError(f"the {what} mixes directions of writing (RFC 4013 section 2.4)")
    return prepared


def _has_clear_direction(text: str) -> bool:
    if not any(stringprep.in_table_d1(one) for one in text):
        return True
    is_framed = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    return is_framed and not any(stringprep.in_table_d2(one) for one in text)
