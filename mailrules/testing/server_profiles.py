"""How do the servers of the world differ from the RFCs, so that the in-memory server can do as they do?

A profile is what a client sees of a server: its greeting, what ID tells, its capabilities as far as the
in-memory server has them, and its habits, which are faults that happen each time. Greetings, texts and
identities are as the servers sent them, in the issues of the clients that met them.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mailrules.testing.server_faults import AtCommand, Drop, Misread, Reaction, Refuse, Rewrite, Say
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerProfile:
    """One server of the world. ``sentence`` says what is odd about it."""

    name: str
    sentence: str
    greeting: str
    """What follows ``* ``; ``{capabilities}`` stands for the response code."""
    capabilities: frozenset[str]
    """After the login; before it the server announces those of them that make sense there."""
    identity: tuple[tuple[str, str], ...] = ()
    mechanisms: tuple[str, ...] = ("PLAIN",)
    habits: tuple[AtCommand, ...] = ()


def profile_named(name: str) -> ServerProfile:
    """The profile of this name. Raises ValueError, which lists the names there are."""
    try:
        return PROFILES[name]
    except KeyError:
        raise ValueError(f"no profile is called {name!r}; there are {', '.join(PROFILES)}") from None


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _each(
    command: str, reaction: Reaction, *, when: Callable[[bytes], bool] | None = None, until: str = ""
) -> AtCommand:
    return AtCommand(command=command, reaction=reaction, nth=None, when=when, until=until)


def _fetches(reaction: Reaction) -> tuple[AtCommand, ...]:
    return _each("FETCH", reaction), _each("UID FETCH", reaction)


def _takes_lines_of(line_bytes: int, *, text: str) -> AtCommand:
    """Longer command lines, tag included, are answered with BAD."""
    return _each("*", Refuse(status="BAD", text=text), when=lambda line: len(line) > line_bytes)


def _tells_capabilities_before_the_ok(text: str) -> tuple[AtCommand, ...]:
    moved = Rewrite(
        pattern=rb"([^ ]+ OK) \[(CAPABILITY [^]]*)\][^\r]*", replacement=rb"* \2" + b"\r\n" + rb"\1 " + text.encode()
    )
    return _each("LOGIN", moved), _each("AUTHENTICATE", moved)


def _tells_no_capabilities_at_login(text: str) -> tuple[AtCommand, ...]:
    left_out = Rewrite(pattern=rb"OK \[CAPABILITY [^]]*\][^\r]*", replacement=b"OK " + text.encode())
    return _each("LOGIN", left_out), _each("AUTHENTICATE", left_out)


def _has_descending_range(line: bytes) -> bool:
    pairs = re.findall(rb"(?<![^ ,])([0-9]{1,10}):([0-9]{1,10})(?![^ ,])", line)
    return any(int(first) > int(last) for first, last in pairs)


def _as_float(match: re.Match[bytes]) -> bytes:
    return match[1] + f"{float(match[2]):g}".encode()


_RFC822 = rb"(?i)\bRFC822\b(?!\.)"
_UNSAFE = "{} Unsafe Login. Please contact kefu@188.com for help"

PROFILES: Final[Mapping[str, ServerProfile]] = MappingProxyType(
    {
        one.name: one
        for one in (
            ServerProfile(
                name="gmail",
                sentence="Capabilities change at the login and come untagged before its OK; lines end at 16,000 bytes.",
                greeting="OK Gimap ready for requests from 192.0.2.1 t133mb268923674vkb",
                capabilities=_names(
                    "IMAP4REV1 UNSELECT IDLE NAMESPACE ID CHILDREN UIDPLUS ENABLE MOVE"
                    " CONDSTORE ESEARCH LIST-EXTENDED LIST-STATUS SASL-IR SPECIAL-USE"
                ),
                identity=(("name", "GImap"), ("vendor", "Google, Inc.")),
                mechanisms=("XOAUTH2", "PLAIN"),
                habits=(
                    *_tells_capabilities_before_the_ok("ann@example.org authenticated (Success)"),
                    _takes_lines_of(16_000, text="Could not parse command"),
                ),
            ),
            ServerProfile(
                name="icloud",
                sentence="ENABLE is answered without ENABLED, and FETCH of RFC822 with nothing for it.",
                greeting="OK {capabilities} (2109B29-d3afe4d5aba6) pv33p00im-iscream021.me.com",
                capabilities=_names(
                    "IMAP4REV1 CONDSTORE ENABLE NAMESPACE UIDPLUS CHILDREN UNSELECT ESEARCH SASL-IR ID IDLE LIST-STATUS"
                ),
                identity=(("name", "iCloud"),),
                habits=(
                    *_tells_no_capabilities_at_login("user ann authenticated"),
                    _each("ENABLE", Rewrite(pattern=rb"\* ENABLED[^\r]*\r\n", replacement=b"")),
                    *_fetches(Misread(pattern=_RFC822, replacement=b"UID")),
                ),
            ),
            ServerProfile(
                name="yandex",
                sentence="Nothing at all stands where the content of an empty part should.",
                greeting="OK Yandex IMAP4rev1 at sas8-bccc92f57f23.qloud-c.yandex.net:993 ready to talk with, "
                "2019-Oct-18 07:41:00, 0fHtH613ZiE1",
                capabilities=_names("IMAP4REV1 CHILDREN UNSELECT LITERAL+ NAMESPACE UIDPLUS ENABLE ID IDLE MOVE"),
                identity=(("name", "Yandex Mail"),),
                habits=(
                    *_tells_capabilities_before_the_ok("LOGIN Completed."),
                    *_fetches(Rewrite(pattern=rb"(BODY\[[^]]*\]) \{0\}\r\n", replacement=rb"\1 ")),
                ),
            ),
            ServerProfile(
                name="mail.ru",
                sentence="Sizes from a million on are written in floating point.",
                greeting="OK Welcome",
                capabilities=_names("IMAP4REV1 ID UIDPLUS UNSELECT MOVE LIST-STATUS SASL-IR"),
                habits=(
                    *_tells_capabilities_before_the_ok("Authentication successful"),
                    *_fetches(Rewrite(pattern=rb"(RFC822\.SIZE )([0-9]{7,})", replacement=_as_float)),
                ),
            ),
            ServerProfile(
                name="courier",
                sentence="Command lines end at 16,384 bytes.",
                greeting="OK {capabilities} Courier-IMAP ready. Copyright 1998-2024 Double Precision, Inc.  "
                "See COPYING for distribution information.",
                capabilities=_names("IMAP4REV1 UIDPLUS CHILDREN NAMESPACE IDLE ACL"),
                habits=(_takes_lines_of(16_384, text="Error in IMAP command received by server."),),
            ),
            ServerProfile(
                name="uw",
                sentence="Command lines end at 1,000 bytes.",
                greeting="OK {capabilities} mail.example.org IMAP4rev1 2007e.404 at "
                "Mon, 1 Jan 2024 00:00:00 +0000 (CET)",
                capabilities=_names("IMAP4REV1 IDLE UIDPLUS NAMESPACE CHILDREN UNSELECT SASL-IR ESEARCH"),
                habits=(_takes_lines_of(1_000, text="Command line too long"),),
            ),
            ServerProfile(
                name="yahoo",
                sentence="Command lines end at 1,000 bytes.",
                greeting="OK {capabilities} IMAP4rev1 imapgate-0.7.65_11_1.473218 imap.mail.yahoo.com",
                capabilities=_names("IMAP4REV1 ID NAMESPACE UIDPLUS MOVE CHILDREN UNSELECT IDLE SASL-IR"),
                identity=(("name", "Yahoo! Mail"),),
                habits=(_takes_lines_of(1_000, text="Command line too long"),),
            ),
            ServerProfile(
                name="exchange",
                sentence="STATUS ends in a space, UTF-8 in SEARCH is refused by BADCHARSET, lines end at 10,000 bytes.",
                greeting="OK The Microsoft Exchange IMAP4 service is ready.",
                capabilities=_names("IMAP4REV1 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+"),
                identity=(("name", "Microsoft.Exchange.Imap4.Imap4Server"), ("version", "15.20")),
                mechanisms=("PLAIN", "XOAUTH2"),
                habits=(
                    *_tells_no_capabilities_at_login("AUTHENTICATE completed."),
                    _takes_lines_of(10_000, text="Command Error. 10"),
                    _each("STATUS", Rewrite(pattern=rb"\)\r\n", replacement=b") \r\n")),
                    *(
                        _each(
                            command,
                            Refuse(code="BADCHARSET (US-ASCII)", text="The specified charset is not supported."),
                            when=lambda line: b"CHARSET UTF-8" in line.upper(),
                        )
                        for command in ("SEARCH", "UID SEARCH")
                    ),
                ),
            ),
            ServerProfile(
                name="exchange-2003",
                sentence="It announces NAMESPACE and drops the connection at it.",
                greeting="OK Microsoft Exchange Server 2003 IMAP4rev1 server version 6.5.7638.1 (example.org) ready.",
                capabilities=_names("IMAP4REV1 IDLE CHILDREN NAMESPACE"),
                habits=(*_tells_no_capabilities_at_login("LOGIN completed."), _each("NAMESPACE", Drop())),
            ),
            ServerProfile(
                name="hmailserver",
                sentence="A range whose first number is the larger one is refused.",
                greeting="OK IMAPrev1",
                capabilities=_names("IMAP4REV1 CHILDREN IDLE ACL NAMESPACE"),
                habits=(
                    *_tells_no_capabilities_at_login("LOGIN completed"),
                    _each("*", Refuse(status="BAD", text="Invalid sequence"), when=_has_descending_range),
                ),
            ),
            ServerProfile(
                name="strato",
                sentence="It announces LIST-EXTENDED and lists nothing where RETURN asks for subscriptions.",
                greeting="OK {capabilities} imap.strato.de ready",
                capabilities=_names("IMAP4REV1 ID IDLE SASL-IR UIDPLUS CHILDREN NAMESPACE LIST-EXTENDED UNSELECT"),
                identity=(("name", "RZimapd"), ("vendor", "Strato GmbH")),
                habits=(
                    *_tells_no_capabilities_at_login("User logged in (337)"),
                    _each("LIST", Say(data=b"{tag} OK LIST completed\r\n"), when=lambda line: b"RETURN (" in line),
                ),
            ),
            ServerProfile(
                name="163.com",
                sentence="No mailbox opens until ID has told who the client is.",
                greeting="OK Coremail System IMap Server Ready(163com[726cd87d72d896a1ac393507346040fa])",
                capabilities=_names("IMAP4REV1 ID LITERAL+ UIDPLUS SASL-IR SPECIAL-USE"),
                identity=(("name", "Coremail Imap"), ("vendor", "Mailtech")),
                habits=(
                    *_tells_no_capabilities_at_login("LOGIN completed"),
                    *(_each(name, Refuse(text=_UNSAFE.format(name)), until="ID") for name in ("SELECT", "EXAMINE")),
                ),
            ),
        )
    }
)
"""The profiles by name."""
