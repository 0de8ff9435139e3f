"""What a person reads of an HTML part: its text, in linear time and without building a tree.

Tree parsers take minutes on 100 kB of hostile nesting. This is one walk from tag to tag: text
between tags is kept, elements that are never shown are skipped, block elements end a line.
"""

from __future__ import annotations

import html
import re

# Their content is no markup and is not shown: it ends at the first matching end tag.
_RAW_ELEMENTS = frozenset({"script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"})
# Their content is markup that is not shown.
_HIDDEN_ELEMENTS = frozenset({"template"})
_BLOCKS = frozenset(
    {"p", "div", "br", "tr", "td", "th", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "dl", "dt"}
    | {"dd", "blockquote", "hr", "section", "article", "header", "footer", "pre"}
)
_NAME = re.compile(r"[a-zA-Z][^\s/>]*")
_MARKUP = re.compile(r"<(?=[!?/a-zA-Z])")


def html_text(source: str) -> str:
    """The text of an HTML document, words apart where tags part them; white space is not collapsed."""
    return html.unescape("".join(_Walk(source).pieces))


class _Walk:
    """One pass. Every search that found nothing is remembered, so none is repeated in vain."""

    def __init__(self, source: str) -> None:
        self.pieces: list[str] = []
        self._source = source
        self._lower = ""
        self._hidden_depth = 0
        self._absent: set[str] = set()
        position = 0
        while position < len(source):
            markup = _MARKUP.search(source, position)
            if markup is None:
                self._show(source[position:])
                return
            self._show(source[position : markup.start()])
            position = self._after_markup(markup.start())

    def _show(self, text: str) -> None:
        if text and not self._hidden_depth:
            self.pieces.append(text)

    def _after_markup(self, tag: int) -> int:
        """Take in the markup that starts at ``tag``; answers where the text after it starts."""
        source = self._source
        if source.startswith("<!--", tag):
            return self._after("-->", tag + 2) or self._after(">", tag) or len(source)
        if source[tag + 1 : tag + 2] in ("!", "?"):
            return self._after(">", tag) or len(source)
        is_end = source.startswith("/", tag + 1)
        name_match = _NAME.match(source, tag + 1 + is_end)
        if name_match is None:
            self._show(source[tag : tag + 1])
            return tag + 1
        after = self._after(">", name_match.end())
        if not after:
            return len(source)
        name = name_match[0].lower()
        if name in _HIDDEN_ELEMENTS:
            self._hide(is_end=is_end, is_empty=source[after - 2] == "/")
        elif name in _RAW_ELEMENTS and not is_end:
            return self._after_raw(name, after)
        if name in _BLOCKS:
            self._show("\n")
        return after

    def _hide(self, *, is_end: bool, is_empty: bool) -> None:
        if is_end:
            self._hidden_depth = max(0, self._hidden_depth - 1)
        elif not is_empty:
            self._hidden_depth += 1

    def _after_raw(self, name: str, start: int) -> int:
        """Skip the content of a raw element; one that is never closed hides nothing."""
        # Lower-casing can change the length of text outside ASCII, hence not str.lower.
        if not self._lower:
            self._lower = self._source.translate(_ASCII_LOWER)
        end = self._find(self._lower, "</" + name, start)
        return start if end < 0 else end

    def _after(self, mark: str, start: int) -> int:
        """The position after the next ``mark``, 0 where there is none."""
        found = self._find(self._source, mark, start)
        return found + len(mark) if found >= 0 else 0

    def _find(self, text: str, mark: str, start: int) -> int:
        if mark in self._absent:
            return -1
        found = text.find(mark, start)
        if found < 0:
            self._absent.add(mark)
        return found


_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
