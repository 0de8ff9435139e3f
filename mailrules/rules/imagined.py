"""Which accounts does a rule file speak of that names none itself? For mail in files they are made up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.rules.source import SourceValue

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGINED_ACCOUNT = "files"
"""The account of rules that name no mailbox."""


def with_imagined_accounts(source: SourceValue) -> SourceValue:
    """The file with an account for each that its rules look at, and a mailbox for rules that name none."""
    at = source.at

    def value(of: object) -> SourceValue:
        if isinstance(of, dict):
            return SourceValue(value={key: value(one) for key, one in of.items()}, at=at)
        return SourceValue(value=str(of), at=at, text=str(of))

    names = dict.fromkeys(_accounts_named(source))
    added = {}
    defaults = source.mapping["defaults"] if "defaults" in source.mapping else value({})
    if "in" not in defaults.mapping:
        names[IMAGINED_ACCOUNT] = None
        added["defaults"] = replace(defaults, value={**defaults.mapping, "in": value(f"{IMAGINED_ACCOUNT}/INBOX")})
    account = {"host": "files.invalid", "user": "nobody", "secret": {"env": "NOT_ASKED_FOR"}}
    added["accounts"] = value(dict.fromkeys(names, account))
    return replace(source, value={**source.mapping, **added})


def _holders(source: SourceValue) -> Iterator[SourceValue]:
    """What may say ``in``."""
    if "defaults" in source.mapping:
        yield source.mapping["defaults"]
    if "rules" in source.mapping:
        yield from source.mapping["rules"].items


def _accounts_named(source: SourceValue) -> Iterator[str]:
    for holder in _holders(source):
        for item in holder.mapping["in"].items if "in" in holder.mapping else ():
            account, slash, _ = item.text.partition("/")
            if slash and account:
                yield account
