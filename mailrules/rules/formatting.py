"""How would a rule file look with even indentation, its comments, order and quotes as they are?

Two blanks for each level, list items two further in, no blanks at the ends of lines, one empty line at most,
a line's end at the end. What comes out says what the file said, or nothing comes out.
"""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from mailrules.rules.reporter import Reporter
from mailrules.rules.yaml_source import read_yaml

if TYPE_CHECKING:
    from mailrules.rules.source import SourceValue

_ANY_WIDTH = 1 << 20
_BLANKS_AT_THE_END = re.compile(r"[ \t]+$", re.MULTILINE)
_EMPTY_LINES = re.compile(r"\n{3,}")


class NotFormatted(Exception):
    """The file is left as it is; the text says why."""


def formatted(text: str, source: SourceValue) -> str:
    """The file's ``text``, read before as ``source``, in even form, with the line ends it has. Raises NotFormatted."""
    end = "\r\n" if "\r\n" in text else "\n"
    once = _round_trip(text.replace("\r\n", "\n"))
    again = read_yaml(once, file=source.at.file, reporter=Reporter())
    if again is None or again.plain() != source.plain():
        raise NotFormatted("it would not say the same afterwards")
    if _comments(once) != _comments(text):
        raise NotFormatted("a comment would be lost or stand elsewhere")
    if _round_trip(once) != once:
        raise NotFormatted("its form does not settle")
    return once.replace("\n", end)


def _round_trip(text: str) -> str:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = _ANY_WIDTH
    yaml.brace_single_entry_mapping_in_flow_sequence = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    try:
        yaml.dump(yaml.load(text), out)
    except YAMLError as error:
        raise NotFormatted(f"it cannot be read with its comments: {str(error).splitlines()[0]}") from error
    if _has_block_text(text):  # whose lines are their own
        return out.getvalue()
    return _EMPTY_LINES.sub("\n\n", _BLANKS_AT_THE_END.sub("", out.getvalue()))


def _has_block_text(text: str) -> bool:
    return re.search(r"[:-] +[|>][-+0-9]*\s*(#.*)?$", text, re.MULTILINE) is not None


def _comments(text: str) -> list[str]:
    """What looks like a comment, in order; a text with a # in it looks like one before and after."""
    return [found.rstrip() for found in re.findall(r"(?:^|\s)(#.*)", text)]
