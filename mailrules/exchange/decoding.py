"""Which text is in a file of another tool, and what is told of one that is none?"""

from __future__ import annotations

import codecs
from typing import Final

from mailrules.exchange.imported import ExchangeError

MAX_FILE_BYTES: Final = 4 << 20
_WIDE: Final = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


def utf8_text(content: bytes, *, format_name: str) -> str:
    """The text of a file in UTF-8, without a byte order mark.

    Raises ExchangeError for a file that is too long or in another encoding, with its line.
    """
    if len(content) > MAX_FILE_BYTES:
        raise ExchangeError(f"over {MAX_FILE_BYTES:,} bytes, which is no file of {format_name}; divide it", line=1)
    for mark, encoding in _WIDE.items():
        if content.startswith(mark):
            raise ExchangeError(f"this is {encoding}; save it as UTF-8, which {format_name} files are in", line=1)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        cure = "save it as UTF-8"
        raise ExchangeError(f"this is not UTF-8, as {format_name} files are; {cure}", line=line) from error
    return text
