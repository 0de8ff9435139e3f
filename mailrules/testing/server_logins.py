"""What does the in-memory server answer to commands about the session: login, TLS, capabilities, IDLE?"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import TYPE_CHECKING

from mailrules.testing.server_arguments import BadCommand
from mailrules.testing.server_calls import ANY, LOGGED_IN, LOGGED_OUT, OPEN, Done, Entry, Refused

if TYPE_CHECKING:
    from mailrules.testing.server_calls import Call
    from mailrules.testing.server_session import Session


async def _capability(session: Session, call: Call) -> Done:
    call.arguments.end()
    session.untagged(session.capability_text().encode())
    return Done(text="Capability completed.")


async def _id(session: Session, call: Call) -> Done:
    call.arguments.any()
    call.arguments.end()
    words = [f'"{word}"' for pair in session.server.identity for word in pair]
    session.untagged(f"ID ({' '.join(words)})".encode() if words else b"ID NIL")
    return Done(text="ID completed.")


async def _noop(session: Session, call: Call) -> Done:  # noqa: ARG001 - a Handler's signature
    call.arguments.end()
    return Done(text="NOOP completed.")


async def _logout(session: Session, call: Call) -> Done:
    call.arguments.end()
    session.leave_mailbox()
    session.untagged(b"BYE Logging out")
    session.is_ending = True
    return Done(text="Logout completed.")


async def _enable(session: Session, call: Call) -> Done:
    enabled = []
    while call.arguments:
        name = call.arguments.atom().decode("ascii", "replace").upper()
        if name == "CONDSTORE" and session.offers(name):
            session.enable_condstore()
            enabled.append(name)
        if name == "QRESYNC" and session.offers(name):
            session.enable_condstore()
            session.enabled.add(name)
            enabled.append(name)
        if name == "UIDONLY" and session.offers(name):
            session.enabled.add(name)
            enabled.append(name)
            if session.view is not None:
                session.view.uid_only = True
    if enabled:
        session.untagged(("ENABLED " + " ".join(enabled)).encode())
    return Done(text="Enabled.")


async def _start_tls(session: Session, call: Call) -> Done:
    call.arguments.end()
    if session.server.tls is None or session.wire.is_tls:
        raise BadCommand("STARTTLS: Unknown command")
    session.starts_tls = True
    return Done(text="Begin TLS negotiation now.")


async def _compress(session: Session, call: Call) -> Done:
    if not call.arguments.next_is(b"DEFLATE"):
        raise BadCommand("Unknown compression mechanism")
    call.arguments.end()
    if session.wire.is_compressed:
        raise Refused("COMPRESSION already active", code="COMPRESSIONACTIVE")
    session.starts_compression = True
    return Done(text="Begin compression.")


async def _login(session: Session, call: Call) -> Done:
    user, password = call.arguments.astring(), call.arguments.astring()
    call.arguments.end()
    _require_protection(session)
    return _log_in(session, user=user, password=password)


async def _authenticate(session: Session, call: Call) -> Done:
    mechanism = call.arguments.atom().decode("ascii", "replace").upper()
    _require_protection(session)
    if mechanism not in session.server.mechanisms:
        raise Refused("Unsupported authentication mechanism.", code="CANNOT")
    if call.arguments and session.offers("SASL-IR"):
        encoded = call.arguments.atom()
        call.arguments.end()
    else:
        call.arguments.end()
        encoded = await _ask(session, b"")
    response = _decode(encoded)
    if mechanism == "PLAIN":
        _, _, credentials = response.partition(b"\0")
        user, _, password = credentials.partition(b"\0")
        return _log_in(session, user=user, password=password)
    return await _log_in_with_token(session, response)


async def _log_in_with_token(session: Session, response: bytes) -> Done:
    """XOAUTH2: ``user=...^Aauth=Bearer ...^A^A``; a refusal is told in a continuation first."""
    fields = dict(field.partition(b"=")[::2] for field in response.split(b"\1") if field)
    scheme, _, token = fields.get(b"auth", b"").partition(b" ")
    try:
        return _log_in(session, user=fields.get(b"user", b""), password=token if scheme == b"Bearer" else b"")
    except Refused:
        await _ask(session, b64encode(json.dumps({"status": "400", "schemes": "bearer"}).encode()))
        raise


async def _idle(session: Session, call: Call) -> Done:
    call.arguments.end()
    session.wire.write(b"+ idling\r\n")
    line = await session.line_or_news(lambda: session.tell_news(by_uid=False))
    if line.upper() != b"DONE":
        raise BadCommand("Expected DONE.")
    return Done(text="Idle completed.")


def _require_protection(session: Session) -> None:
    if session.server.requires_tls and not session.wire.is_tls:
        raise Refused("Plaintext authentication disallowed on non-secure connections.", code="PRIVACYREQUIRED")


def _log_in(session: Session, *, user: bytes, password: bytes) -> Done:
    account = session.server.accounts.get(user.decode("utf-8", "replace"))
    if account is None or account.password.encode() != password:
        raise Refused("Authentication failed.", code="AUTHENTICATIONFAILED")
    session.account = account
    return Done(text="Logged in", code=session.capability_text())


async def _ask(session: Session, challenge: bytes) -> bytes:
    session.wire.write(b"+ " + challenge + b"\r\n")
    await session.wire.flush()
    return await session.wire.read_line()


def _decode(encoded: bytes) -> bytes:
    if encoded == b"*":
        raise BadCommand("Authentication aborted by client.")
    try:
        return b"" if encoded == b"=" else b64decode(encoded, validate=True)
    except Base64Error:
        raise BadCommand("Invalid base64 data") from None


SESSION_COMMANDS = {
    "CAPABILITY": Entry(handler=_capability, states=ANY),
    "ID": Entry(handler=_id, states=ANY, capability="ID"),
    "NOOP": Entry(handler=_noop, states=ANY),
    "CHECK": Entry(handler=_noop, states=OPEN),
    "LOGOUT": Entry(handler=_logout, states=ANY),
    "STARTTLS": Entry(handler=_start_tls, states=LOGGED_OUT),
    "LOGIN": Entry(handler=_login, states=LOGGED_OUT),
    "AUTHENTICATE": Entry(handler=_authenticate, states=LOGGED_OUT),
    "ENABLE": Entry(handler=_enable, states=LOGGED_IN, capability="ENABLE"),
    "COMPRESS": Entry(handler=_compress, states=LOGGED_IN, capability="COMPRESS=DEFLATE"),
    "IDLE": Entry(handler=_idle, states=LOGGED_IN, capability="IDLE"),
}
