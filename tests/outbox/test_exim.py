"""A real mail server: what it takes it takes once, and what it refuses is known to be refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.settings import Security, SmtpSettings
from tests.outbox.world import ME, forward, move, reply

if TYPE_CHECKING:
    from tests.outbox.world import World
    from tests.servers.exim import Exim


@pytest.fixture
def exim(exim_server: Exim, world: World) -> Exim:
    """The run's Exim, to which the world hands in its mail."""
    world.smtp = SmtpSettings(host="127.0.0.1", port=exim_server.port, sender=ME, security=Security.NONE)
    return exim_server


async def test_a_forward_is_taken_once_and_the_message_moves_on(world: World, exim: Exim) -> None:
    before = len(exim.accepted())
    world.deliver(subject="Forward me")

    await world.run(forward(), move())

    assert (await world.states(), world.mailboxes_with_mail()) == (["applied"], ["Done"])
    (identity,) = exim.accepted()[before:]
    assert identity.endswith("@example.org")


@pytest.mark.parametrize(
    ("to", "subject", "state"),
    [
        ("later@friends.example", "Hello", "waiting"),
        ("never@friends.example", "Hello", "given_up"),
        ("bo@friends.example", "later after the dot", "waiting"),
        ("bo@friends.example", "never after the dot", "given_up"),
    ],
)
async def test_what_it_refuses_was_not_sent(world: World, exim: Exim, to: str, subject: str, state: str) -> None:
    before = len(exim.accepted())
    world.deliver(subject=subject)

    await world.run(forward(to), move())

    assert (await world.states(), len(exim.accepted()) - before) == ([state], 0)
    assert world.mailboxes_with_mail() == ["INBOX"]


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
@pytest.mark.parametrize("form", ["attachment", "resent"])
async def test_a_dot_on_a_line_of_its_own_smuggles_no_second_mail(
    world: World, exim: Exim, line_end: bytes, form: str
) -> None:
    before = len(exim.accepted())
    smuggled = b"MAIL FROM:<evil@evil.example>\nRCPT TO:<bo@friends.example>\nDATA\nSubject: smuggled\n\nHa\n.\n"
    content = (
        b"From: Al <al@elsewhere.example>\nTo: me@example.org\nMessage-ID: <a@b.example>\n\n.\n" + smuggled
    ).replace(b"\n", line_end)
    world.deliver(content=content)

    await world.run(forward(form=form), move())

    assert (await world.states(), len(exim.accepted()) - before) == (["applied"], 1)


async def test_an_answer_goes_out_with_the_null_sender(world: World, exim: Exim) -> None:
    before = exim.log.count("<= <>")
    world.deliver()

    await world.run(reply(), move())

    assert (await world.states(), exim.log.count("<= <>") - before) == (["applied"], 1)


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
async def test_a_certificate_that_nobody_vouches_for_stops_it_before_anything_is_said(
    world: World, exim: Exim, security: Security
) -> None:
    before = len(exim.accepted())
    world.smtp = SmtpSettings(host="127.0.0.1", port=exim.port, sender=ME, security=security, timeout_seconds=60.0)
    world.deliver()

    await world.run(forward(), move())

    assert (await world.states(), len(exim.accepted()) - before) == (["waiting"], 0)
