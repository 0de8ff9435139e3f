"""Which address would all operators under a field hold for: one that is near to an address that is there?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailrules.mailbox.address import Address
from mailrules.rules.address_tests import AddressPart, AnyAddressMatch, PartMatch, SubdomainMatch
from mailrules.rules.sample_text import text_holding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.rules.address_tests import AddressMatch

_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+")


def address_line(matches: Sequence[AddressMatch], address: Address | None) -> str | None:
    """An address as it stands in a header, for which all of these hold; None where none is found."""
    found = address or Address(local="someone", domain="example.invalid")
    for match in matches:
        if not match.holds(found):
            found = _bent(match, found)
    if not all(match.holds(found) for match in matches):
        return None
    return _line(found)


def _bent(match: AddressMatch, address: Address) -> Address:
    """The address with as little changed as makes the operator hold, where that is found."""
    match match:
        case AnyAddressMatch(alternatives=alternatives):
            return _bent(alternatives[0], address)
        case SubdomainMatch(domains=domains):
            return Address(name=address.name, local=address.local or "someone", domain=min(domains))
        case PartMatch(part=AddressPart.ADDRESS, match=text):
            whole = text_holding((text,), "") or text_holding((text,), address.address) or ""
            local, at, domain = whole.rpartition("@")
            if not at:
                return Address(name=address.name, local=whole)
            return Address(name=address.name, local=local or "someone", domain=domain or "example.invalid")
        case PartMatch(part=AddressPart.LOCAL, match=text):
            local = text_holding((text,), "") or address.local
            return Address(name=address.name, local=local, domain=address.domain or "example.invalid")
        case PartMatch(part=AddressPart.DETAIL, match=text):
            base = address.local.partition("+")[0] or "someone"
            detail = text_holding((text,), "") or ""
            domain = address.domain or "example.invalid"
            return Address(name=address.name, local=f"{base}+{detail}" if detail else base, domain=domain)
        case PartMatch(part=AddressPart.DOMAIN, match=text):
            domain = text_holding((text,), "") or address.domain
            return Address(name=address.name, local=address.local or "someone", domain=domain)
        case PartMatch(match=text):
            name = text_holding((text,), address.name) or text_holding((text,), "") or ""
            return Address(name=name, local=address.local or "someone", domain=address.domain or "example.invalid")


def _line(address: Address) -> str:
    local = address.local if _ATOM.fullmatch(address.local) else _quoted(address.local)
    plain = f"{local}@{address.domain}" if address.domain else local
    return f"{_quoted(address.name)} <{plain}>" if address.name else plain


def _quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
