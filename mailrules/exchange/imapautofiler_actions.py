"""What does an action of imapautofiler do, in the words of our rules?

Its mailbox names are Jinja templates over the headers; of those, parts of the date can be said exactly.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mailrules.exchange.imapautofiler_conditions import RuleRefused
from mailrules.rules.patterns import PatternError, compile_pattern
from mailrules.rules.templates import DATE_DIRECTIVES, TemplateError, parse_template
from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.exchange.imported import Plain
    from mailrules.exchange.sourced import Sourced

MAX_CHARACTERS: Final = 1_000
"""Of a mailbox's name or a regular expression in it."""
_SORTED = "sorted_into"
_FLAGS: Final[dict[str, Plain]] = {
    "flag": {"flag": "flagged"},
    "unflag": {"unflag": "flagged"},
    "mark_read": {"flag": "seen"},
    "mark_unread": {"unflag": "seen"},
}
_SORTS: Final = {"sort": ("to", r"([\w+-]+)@"), "sort-mailing-list": ("list-id", r"<?([^.]+)\..*>?")}
_KEYS: Final = {
    "move": {"dest-mailbox"},
    "trash": {"dest-mailbox"},
    "sort": {"header", "dest-mailbox-base", "dest-mailbox-regex", "dest-mailbox-regex-group"},
    "sort-mailing-list": {"header", "dest-mailbox-base", "dest-mailbox-regex", "dest-mailbox-regex-group"},
    "sort-by-year": {"dest-mailbox-base"},
}
_JINJA: Final = re.compile(r"\{\{(.*?)\}\}|\{[%#].*?[%#]\}", re.DOTALL)
_STRFTIME: Final = re.compile(r"date\.strftime\(\s*(['\"])(?P<format>[^'\"{}|]*)\1\s*\)")
_FIELD_NAME: Final = re.compile(r"[!-9;-~]{1,76}")
_TEXTS: Final = {"subject": "subject", "list_id": "list_id"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """An action; ``condition`` is a part of the rule's condition that captures what the name needs.

    ``how`` tells how it differs, "" where it is exact.
    """

    action: Plain
    disposes: bool = True
    condition: Plain | None = None
    how: str = ""


def read_action(source: Sourced, *, trash: str) -> Translated:
    """The ``action`` of a rule; ``trash`` is the file's ``trash-mailbox``. Raises RuleRefused."""
    name = source.entries["name"].text if "name" in source.entries else ""
    for key, one in source.entries.items():
        if key != "name" and key not in _KEYS.get(name, ()) and (name in _KEYS or name in _FLAGS or name == "delete"):
            raise RuleRefused(key, f"the action {name} has no such option", line=one.line)
    if name in _FLAGS:
        return Translated(action=_FLAGS[name], disposes=False)
    match name:
        case "move":
            return _move(_option(source, "dest-mailbox"))
        case "trash":
            to = source.entries["dest-mailbox"].text if "dest-mailbox" in source.entries else trash
            if not to:
                raise RuleRefused(
                    "trash", "neither `dest-mailbox` nor `trash-mailbox` names the trash", line=source.line
                )
            return Translated(action={"move": {"to": _literal(to), "create": True}})
        case "delete":
            how = "the message goes to the trash; to delete for ever write `delete`, and allow it in the main file"
            return Translated(action="trash", how=how)
        case "sort-by-year":
            return _move(_option(source, "dest-mailbox-base"), suffix="{sent:%Y}")
        case "sort" | "sort-mailing-list":
            return _sort(name, source)
        case _:
            raise RuleRefused("action", f"imapautofiler knows no action {name!r}", line=source.line)


def _option(source: Sourced, key: str) -> Sourced:
    if key not in source.entries or not source.entries[key].text.strip():
        raise RuleRefused("action", f"it needs `{key}`", line=source.line)
    return source.entries[key]


def _move(source: Sourced, *, suffix: str = "") -> Translated:
    to, how = _template(source.text, line=source.line)
    _check_template(to + suffix, line=source.line)
    return Translated(action={"move": {"to": to + suffix, "create": True}}, how=how)


def _sort(name: str, source: Sourced) -> Translated:
    """The mailbox is named by a group of a regex; where it is not found, imapautofiler leaves the message."""
    header, regex = _SORTS[name]
    entries = source.entries
    header = entries["header"].text if "header" in entries else header
    regex = entries["dest-mailbox-regex"].text if "dest-mailbox-regex" in entries else regex
    group = entries["dest-mailbox-regex-group"].value if "dest-mailbox-regex-group" in entries else 0
    if not _FIELD_NAME.fullmatch(header):
        raise RuleRefused("header", f"{header!r} is no name of a header field", line=source.line)
    named = _with_named_group(regex, group, line=source.line)
    base = _option(source, "dest-mailbox-base")
    to, how = _template(base.text, line=base.line)
    _check_template(f"{to}{{{_SORTED}}}", line=base.line)
    differences = [one for one in (how, "what the field gives is cleaned, and regular expressions are RE2's") if one]
    words = {"subject": "subject", "list-id": "list_id"}
    operators: dict[str, Plain] = {"regex": named, "case": "match"}
    word = words.get(header.lower())
    condition: Plain = {word: operators} if word else {"header": {"name": header, **operators}}
    return Translated(
        action={"move": {"to": f"{to}{{{_SORTED}}}", "create": True}}, condition=condition, how="; ".join(differences)
    )


def _with_named_group(regex: str, group: object, *, line: int) -> str:
    """The regex with a name for the group that names the mailbox; ``group`` counts from 0."""
    if len(regex) > MAX_CHARACTERS:
        why = f"a regular expression of {len(regex):,} characters, over {MAX_CHARACTERS:,}"
        raise RuleRefused("dest-mailbox-regex", why, line=line)
    try:
        groups = re.compile(regex).groups
    except (re.error, RecursionError, OverflowError) as error:
        raise RuleRefused(
            "dest-mailbox-regex", f"this regular expression cannot be used: {error}", line=line
        ) from error
    if not isinstance(group, int) or isinstance(group, bool) or not 0 <= group < groups:
        raise RuleRefused(
            "dest-mailbox-regex-group", f"the regex has {groups} groups, and {group!r} is asked for", line=line
        )
    count = -1
    for match in re.finditer(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?!\?)|\(\?P<", regex, re.DOTALL):
        if match[0] not in {"(", "(?P<"}:
            continue
        count += 1
        if count == group:
            rest = regex[match.end() :]
            rest = rest.partition(">")[2] if match[0] == "(?P<" else rest
            named = f"{regex[: match.start()]}(?P<{_SORTED}>{rest}"
            try:
                compile_pattern(named, ignore_case=False)
            except PatternError as error:
                why = f"this regular expression cannot be used: {error}"
                raise RuleRefused("dest-mailbox-regex", why, line=line) from error
            return named
    raise RuleRefused("dest-mailbox-regex", "its group cannot be named", line=line)


def _template(text: str, *, line: int) -> tuple[str, str]:
    """A Jinja template as one of ours, and how it differs."""
    if len(text) > MAX_CHARACTERS:
        raise RuleRefused("dest-mailbox", f"a name of {len(text):,} characters, over {MAX_CHARACTERS:,}", line=line)
    pieces: list[str] = []
    how = ""
    position = 0
    for match in _JINJA.finditer(text):
        pieces.append(_literal(text[position : match.start()]))
        position = match.end()
        expression = (match[1] or "").strip()
        strftime = _STRFTIME.fullmatch(expression)
        directives = re.findall(r"%(.?)", strftime["format"]) if strftime else []
        if expression == "date.year":
            pieces.append("{sent:%Y}")
        elif strftime and directives and all(one and one in DATE_DIRECTIVES for one in directives):
            pieces.append(f"{{sent:{strftime['format']}}}")
        elif expression in _TEXTS:
            pieces.append(f"{{{_TEXTS[expression]}}}")
            how = "what the field gives is cleaned before it names a mailbox"
        else:
            raise RuleRefused("template", f"{match[0]} cannot be said; write the name by hand", line=line)
    pieces.append(_literal(text[position:]))
    return "".join(pieces), how


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _check_template(text: str, *, line: int) -> None:
    try:
        template = parse_template(text)
    except TemplateError as error:
        raise RuleRefused("dest-mailbox", str(error), line=line) from error
    if not template.literal_prefix.strip("/ "):
        why = "the name begins with a part of the message, so that any message could choose any mailbox"
        raise RuleRefused("dest-mailbox", why, line=line)
    if not text.isprintable() or any(not level.strip() for level in template.text.split("/")):
        raise RuleRefused("dest-mailbox", f"{text!r} is no name of a mailbox", line=line)
