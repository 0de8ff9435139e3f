"""How is a compiled test written in the rule language, on one line?

For the built-in words. What has no spelling of its own is answered with None.
"""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from mailrules.rules.address_tests import AddressPart, AddressTest, PartMatch, SubdomainMatch, part_presence
from mailrules.rules.ambiguity_tests import AmbiguousTest
from mailrules.rules.auth_tests import AuthTest
from mailrules.rules.flags import SYSTEM_FLAGS
from mailrules.rules.related_tests import DuplicateTest, FirstSeenTest, ThreadTest
from mailrules.rules.score_tests import SpamScoreTest
from mailrules.rules.server_tests import QuotaTest
from mailrules.rules.structure_tests import AttachmentTest
from mailrules.rules.surrounding_tests import WEEKDAYS, AccountTest, EventTest, NowTest, SpecialUseTest
from mailrules.rules.text_match import TextOperator
from mailrules.rules.text_tests import AnywhereTest, BodyTest, TextTest
from mailrules.rules.value_tests import FlagTest, LabelTest, MailboxTest, NumberBounds, SizeTest, TimeTest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mailrules.rules.address_tests import AddressMatch
    from mailrules.rules.conditions import LeafTest
    from mailrules.rules.text_match import TextMatch

_PLAIN = re.compile(r"[A-Za-z$/][A-Za-z0-9$_./@+-]*(?: [A-Za-z0-9_./@+-]+)*")
_WORDS_OF_YAML = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_DURATIONS = (
    ("w", timedelta(weeks=1)),
    ("d", timedelta(days=1)),
    ("h", timedelta(hours=1)),
    ("m", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
)
_SIZES = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))


class NotSpelled(Exception):
    """The language has no way to write it in one mapping."""


def spelled(name: str, test: LeafTest) -> str | None:
    """``subject: {contains: invoice}``; ``name`` is the condition's word. None where it cannot be written so."""
    try:
        value = _header(test) if name == "header" and isinstance(test, TextTest) else _value(test)
    except NotSpelled:
        return None
    return None if value is None else f"{name}: {value}"


def scalar(text: str) -> str:
    """A text as a YAML scalar within a flow collection, quoted where it has to be; printable whatever it is."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML:
        return text
    if text.isprintable() and "'" not in text:
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=not text.isprintable())


def duration(span: timedelta) -> str:
    """``30d``: in the largest unit that is exact."""
    unit, size = next((one for one in _DURATIONS if span >= one[1] and not span % one[1]), _DURATIONS[-1])
    return f"{span // size}{unit}"


def size(size_bytes: float) -> str:
    """``20MiB``, or the bytes where no unit is exact."""
    whole = int(size_bytes)
    unit, factor = next((one for one in _SIZES if whole >= one[1] and not whole % one[1]), ("", 1))
    return f"{whole // factor}{unit}"


def number(value: float) -> str:
    """Digits only, with a point for fractions."""
    return str(int(value)) if value == int(value) else f"{value:.6f}".rstrip("0")


def _value(test: LeafTest) -> str | None:
    match test:
        case TextTest() | BodyTest():
            return _flow({**_texts(test.matches), **_presence(test.exists, test.empty)})
        case AnywhereTest(matches=matches):
            return _flow(_texts(matches))
        case AddressTest():
            return _address(test)
        case SizeTest(bounds=bounds):
            return _flow(_bounds(bounds, is_size=True))
        case SpamScoreTest(bounds=bounds):
            return _flow(_bounds(bounds))
        case TimeTest():
            return _flow(_times(test))
        case FlagTest(flags=flags):
            return _list(_flag_word(flag) for flag in flags)
        case LabelTest(labels=labels):
            return _list(sorted(labels))
        case MailboxTest(match=match) | AccountTest(match=match):
            return _flow(_texts((match,)))
        case _:
            return _further_value(test)


def _header(test: TextTest) -> str:
    return _flow({"name": scalar(test.field), **_texts(test.matches), **_presence(test.exists, test.empty)})


def _further_value(test: LeafTest) -> str | None:
    match test:
        case SpecialUseTest(uses=uses):
            return _list(sorted(uses))
        case NowTest():
            return _now(test)
        case EventTest(causes=causes, from_mailbox=from_mailbox):
            entries = {} if causes is None else {"cause": _list(sorted(causes))}
            return _flow(
                entries if from_mailbox is None else {**entries, "from_mailbox": _flow(_texts((from_mailbox,)))}
            )
        case AuthTest(wanted=wanted):
            return _flow({method: _list(sorted(results)) for method, results in wanted})
        case DuplicateTest(wanted=wanted) | FirstSeenTest(wanted=wanted) | AmbiguousTest(wanted=wanted):
            return _truth(wanted)
        case ThreadTest():
            return _flow(_thread(test))
        case QuotaTest(percent=percent, free=free):
            entries = {} if percent is None else {"percent": _flow(_bounds(percent))}
            return _flow(entries if free is None else {**entries, "free": _flow(_bounds(free, is_size=True))})
        case AttachmentTest():
            return _flow(_attachment(test))
        case _:
            return None


def _texts(matches: Sequence[TextMatch]) -> dict[str, str]:
    """The operators of a mapping, and its ``case``; each operator stands there once."""
    entries: dict[str, str] = {}
    for match in matches:
        if match.operator in entries or match.match_case is not matches[0].match_case:
            raise NotSpelled
        entries[match.operator] = _list(match.values)
    if any(match.match_case for match in matches):
        entries["case"] = "match"
    return entries


def _address(test: AddressTest) -> str:
    entries: dict[str, str] = {}
    parts = [one for one in test.matches if isinstance(one, PartMatch)]
    cases = {one.match.match_case for one in parts}
    if len(cases) > 1:
        raise NotSpelled
    for match in test.matches:
        key, value = _address_entry(match)
        if key in entries:
            raise NotSpelled
        entries[key] = value
    if True in cases:
        entries["case"] = "match"
    entries |= _presence(test.exists, test.empty)
    if entries.keys() == {"address"} and "@" in entries["address"] and not entries["address"].startswith(("{", "[")):
        return entries["address"]
    return _flow(entries)


def _address_entry(match: AddressMatch) -> tuple[str, str]:
    match match:
        case PartMatch(part=AddressPart.ANY, match=text):
            return text.operator, _list(text.values)
        case PartMatch(part=part) if match == part_presence(part, is_there=False):
            return part, _flow({"exists": "false"})
        case PartMatch(part=part, match=text):
            usual = TextOperator.CONTAINS if part is AddressPart.NAME else TextOperator.EQUALS
            return part, _list(text.values) if text.operator is usual else _flow({text.operator: _list(text.values)})
        case SubdomainMatch(domains=domains):
            return "subdomain_of", _list(sorted(domains))
        case _:
            raise NotSpelled


def _presence(exists: bool | None, empty: bool | None) -> dict[str, str]:  # noqa: FBT001 -- as in the rule
    entries = {} if exists is None else {"exists": _truth(exists)}
    return entries if empty is None else {**entries, "empty": _truth(empty)}


def _bounds(bounds: NumberBounds, *, is_size: bool = False) -> dict[str, str]:
    numbers = {key: getattr(bounds, key) for key in ("at_least", "at_most", "over", "under", "equals")}
    return {key: size(one) if is_size else number(one) for key, one in numbers.items() if one is not None}


def _times(test: TimeTest) -> dict[str, str]:
    spans = {"older_than": test.older_than, "newer_than": test.newer_than}
    moments = {"before": test.before, "after": test.after, "on": test.on}
    return {
        **{key: duration(span) for key, span in spans.items() if span is not None},
        **{key: _moment(moment) for key, moment in moments.items() if moment is not None},
    }


def _moment(moment: date | datetime) -> str:
    return f"'{moment.isoformat()}'" if isinstance(moment, datetime) else moment.isoformat()


def _now(test: NowTest) -> str:
    entries: dict[str, str] = {}
    if len(test.weekdays) < len(WEEKDAYS) or test.start is None:
        entries["weekday"] = _list(WEEKDAYS[number] for number in sorted(test.weekdays))
    if test.start is not None and test.end is not None:
        entries["between"] = f"['{test.start:%H:%M}', '{test.end:%H:%M}']"
    if test.zone is not None:
        entries["zone"] = scalar(str(test.zone))
    return _flow(entries)


def _thread(test: ThreadTest) -> dict[str, str]:
    entries: dict[str, str] = {}
    if test.flags is not None:
        are_flags = all(flag.startswith("\\") for flag in test.flags)
        entries["flag" if are_flags else "keyword"] = _list(map(_flag_word, test.flags))
    if test.participated is not None:
        entries["participated"] = _truth(test.participated)
    if test.count is not None:
        entries["count"] = _flow(_bounds(test.count))
    return entries


def _attachment(test: AttachmentTest) -> dict[str, str]:
    entries: dict[str, str] = {}
    texts: Mapping[str, TextMatch | None] = {"name": test.name, "type": test.type, "charset": test.charset}
    entries |= {key: _flow(_texts((match,))) for key, match in texts.items() if match is not None}
    if test.size is not None:
        entries["size"] = _flow(_bounds(test.size, is_size=True))
    if test.count is not None:
        entries["count"] = _flow(_bounds(test.count))
    if not test.exists or not entries:
        entries["exists"] = _truth(test.exists)
    return entries


def _flag_word(flag: str) -> str:
    return flag.removeprefix("\\").lower() if flag in SYSTEM_FLAGS.values() else flag


def _list(values: Iterable[str]) -> str:
    written = [scalar(value) for value in values]
    return written[0] if len(written) == 1 else f"[{', '.join(written)}]"


def _flow(entries: Mapping[str, str]) -> str:
    if not entries:
        raise NotSpelled
    return "{" + ", ".join(f"{key}: {value}" for key, value in entries.items()) + "}"


def _truth(value: bool) -> str:  # noqa: FBT001 -- the value itself
    return "true" if value else "false"
