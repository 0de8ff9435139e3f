"""The conditions on addresses: ``from to cc bcc reply_to sender any_recipient participants``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mailrules.hookspecs import hookimpl
from mailrules.rules.address_tests import (
    ADDRESS_FIELDS,
    AddressMatch,
    AddressPart,
    AddressTest,
    PartMatch,
    bare_match,
    part_match,
    part_presence,
    subdomains_of,
)
from mailrules.rules.operator_schemas import TEXTS, either, mapping, text_field
from mailrules.rules.operators import (
    TEXT_KEYS,
    TEXT_OPERATORS,
    check_keys,
    read_case,
    read_flag,
    read_list,
    read_match,
    read_text_options,
    read_texts,
)
from mailrules.rules.pitfalls import warn_of_globs_in_addresses
from mailrules.rules.registry import ConditionSpec
from mailrules.rules.text_match import TextOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.rules.registry import CompileContext, SourceValue

PARTS = {
    "address": TextOperator.EQUALS,
    "local": TextOperator.EQUALS,
    "domain": TextOperator.EQUALS,
    "detail": TextOperator.EQUALS,
    "name": TextOperator.CONTAINS,
}
"""The parts of an address, with what a bare value under each means."""

ADDRESS_KEYS = (*TEXT_KEYS, *PARTS, "subdomain_of")

_SUMMARIES = {
    "from": "The authors of the message.",
    "to": "The recipients named under To.",
    "cc": "The recipients named under Cc.",
    "bcc": "The recipients named under Bcc.",
    "reply_to": "Where replies should go.",
    "sender": "Who handed the message in, where that is not the author.",
    "any_recipient": "The recipients named under To, Cc or Bcc.",
    "participants": "Everybody named: From, Sender, Reply-To, To, Cc or Bcc.",
}


@hookimpl
def mailrules_conditions() -> Sequence[ConditionSpec]:
    schema = text_field(subdomain_of=either(TEXTS, mapping({"in": TEXTS})), **{part: text_field() for part in PARTS})
    return [
        ConditionSpec(name=name, compile=partial(_compile, name), summary=summary, schema=schema)
        for name, summary in _SUMMARIES.items()
    ]


def _compile(word: str, source: SourceValue, context: CompileContext) -> AddressTest | None:
    fields = ADDRESS_FIELDS[word]
    if not source.is_mapping:
        values = read_texts(source, context)
        warn_of_globs_in_addresses(source, context)
        return None if values is None else AddressTest(fields=fields, matches=(bare_match(values),))
    is_good = check_keys(source, ADDRESS_KEYS, word=word, context=context)
    match_case = read_case(source, context)
    matches: list[AddressMatch] = []
    for key, value in source.mapping.items():
        found = _matches(key, value, context, match_case=match_case)
        if found is None:
            is_good = False
        else:
            matches += found
    exists, empty = read_flag(source, "exists", context), read_flag(source, "empty", context)
    return AddressTest(fields=fields, matches=tuple(matches), exists=exists, empty=empty) if is_good else None


def _matches(
    key: str, source: SourceValue, context: CompileContext, *, match_case: bool
) -> Sequence[AddressMatch] | None:
    """What one key asks of an address; None after a mistake, nothing for keys that are read elsewhere."""
    if key in PARTS:
        return _part_matches(AddressPart(key), source, context, match_case=match_case)
    if key == "subdomain_of":
        domains = read_list(source.mapping["in"], context) if "in" in source.mapping else read_texts(source, context)
        return None if domains is None else [subdomains_of(domains)]
    if key == "in":
        values = read_list(source, context)
        return None if values is None else [bare_match(values)]
    if key in TEXT_OPERATORS:
        match = read_match(source, context, operator=TextOperator(key), match_case=match_case)
        return None if match is None else [PartMatch(part=AddressPart.ANY, match=match)]
    return []


def _part_matches(
    part: AddressPart, source: SourceValue, context: CompileContext, *, match_case: bool
) -> Sequence[AddressMatch] | None:
    options = read_text_options(source, context, word=part, bare=PARTS[part])
    if options is None:
        return None
    asked = [
        part_match(part, match.operator, match.values, match_case=match_case or match.match_case)
        for match in options.matches
    ]
    wanted = (options.exists, None if options.empty is None else not options.empty)
    return asked + [part_presence(part, is_there=one) for one in wanted if one is not None]
