"""Which text is an address that may be written into an envelope or a header: no more than RFC 5321 allows, and less."""

from __future__ import annotations

import re

MAX_ADDRESS_CHARACTERS = 254

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def strict_address(text: str) -> str:
    """``local@domain`` in ASCII, the domain in lower case; a domain in Unicode is given its ASCII form.

    Quoted local parts, address literals and anything outside the plain grammar are refused, control
    characters and line breaks with them. Raises ValueError that says why.
    """
    local, at, domain = text.rpartition("@")
    if not at:
        raise ValueError("it has no @")
    if not _LOCAL.fullmatch(local) or len(local) > 64:
        raise ValueError("what stands before the @ is not plain")
    try:
        ascii_domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise ValueError("its domain cannot be written in ASCII") from None
    labels = ascii_domain.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("its domain is not a host name")
    address = f"{local}@{ascii_domain}"
    if len(address) > MAX_ADDRESS_CHARACTERS:
        raise ValueError(f"it is longer than {MAX_ADDRESS_CHARACTERS} characters")
    return address
