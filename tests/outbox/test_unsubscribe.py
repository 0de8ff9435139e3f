"""A list is left by the way that RFC 8058 made for machines, or by the mail that it offers; by no other."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from mailrules.default_plugins.unsubscribe_action import Unsubscribe
from mailrules.delivery.automatic import MailHeader
from mailrules.delivery.unsubscription import MAX_URL_CHARACTERS, WayOut, list_name, way_out
from mailrules.execution.effects import Attempt, EffectCall, OutsideSettings
from mailrules.mailbox.message import UID
from mailrules.plan.plan import Step, StepKind
from tests.outbox.mail_sink import MailSink, mail_sink
from tests.outbox.web_sink import WebSink, web_sink
from tests.outbox.world import NOON
from tests.rules.loading import HEAD, load

if TYPE_CHECKING:
    from pathlib import Path

    from tests.outbox.world import World

POST = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\n"
STEP = Step(kind=StepKind.EFFECT, rule="leave", effect="unsubscribe", reversible=False)


def _way(header: str) -> WayOut | str:
    return way_out(MailHeader.of(header.encode()))


@pytest.mark.parametrize(
    ("header", "way"),
    [
        (f"List-Unsubscribe: <https://l.example/u?t=1>\n{POST}", WayOut(url="https://l.example/u?t=1")),
        (f"List-Unsubscribe: <mailto:l@l.example>, <https://l.example/u>\n{POST}", WayOut(url="https://l.example/u")),
        (f"List-Unsubscribe: <https://l.example/\n a b>\n{POST}", WayOut(url="https://l.example/ab")),
        ("List-Unsubscribe: <https://l.example/u>, <mailto:l@l.example>\n", WayOut(address="l@l.example")),
        (
            "List-Unsubscribe: <mailto:l-request@l.example?subject=leave%20me&body=now%0D%0ABcc:x@y.z&cc=a@b.c>\n",
            WayOut(address="l-request@l.example", subject="leave me", text="now Bcc:x@y.z"),
        ),
        ("Subject: x\n", "it has no List-Unsubscribe field"),
        ("List-Unsubscribe: <https://a.b>\nList-Unsubscribe: <https://c.d>\n", "2 List-Unsubscribe fields"),
        ("List-Unsubscribe: <https://l.example/u>\n", "it offers neither One-Click (RFC 8058) nor a mail address"),
        (f"List-Unsubscribe: <http://l.example/u>\n{POST}", "it offers neither One-Click"),
        (f"List-Unsubscribe: <https://me:pw@l.example/u>\n{POST}", "it offers neither One-Click"),
        (f"List-Unsubscribe: <https://l.example:x/u>\n{POST}", "it offers neither One-Click"),
        (f"List-Unsubscribe: <https://l.example/{'x' * MAX_URL_CHARACTERS}>\n{POST}", "it offers neither One-Click"),
        ("List-Unsubscribe: <mailto:a@b.c,d@e.f>\n", "it offers neither One-Click"),
        ("List-Unsubscribe: <mailto:a%0D%0Ab@c.d>\n", "it offers neither One-Click"),
        (f"List-Unsubscribe: {'<x>' * 3000}\n{POST}", "its List-Unsubscribe field is too long"),
    ],
)
def test_the_way_out_is_one_that_a_machine_may_go(header: str, way: WayOut | str) -> None:
    found = _way(header)

    assert found.startswith(way) if isinstance(way, str) and isinstance(found, str) else found == way


def test_a_list_is_known_by_its_name_or_its_host() -> None:
    way = WayOut(url="https://L.example/u")

    assert list_name(MailHeader.of(b"List-Id: News <news.l.example>"), way) == "news <news.l.example>"
    assert list_name(MailHeader.of(b""), way) == "l.example"


class _OneMessage:
    """A message whose header is known."""

    def __init__(self, header: bytes) -> None:
        self._header = header

    async def header(self, fields: tuple[str, ...]) -> bytes:
        assert "list-unsubscribe" in fields
        return self._header


async def test_one_click_is_one_post_without_anything_of_ours(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    handler = Unsubscribe(ca_file=str(tmp_path / "ca.pem"), allow_private=True)
    call = EffectCall(effect="unsubscribe", rule="r", account="home", mailbox="INBOX", uid=UID(1), idempotency_key="k")
    settings = OutsideSettings(
        allow=frozenset(), smtp=None, webhooks={}, own_addresses=frozenset(), loop_key=b"k", now=lambda: NOON
    )
    begun = []

    async def begin() -> None:
        begun.append(True)

    async with web_sink(WebSink(), tls=context) as sink:
        header = f"List-Unsubscribe: <https://localhost:{sink.port}/u?t=1>\n{POST}".encode()
        with (tmp_path / "spool").open("wb") as spool:
            prepared = await handler.prepare(call, _OneMessage(header), spool, settings)
        attempt = Attempt(
            call=call, recipient=prepared.recipient, spool=tmp_path / "spool", settings=settings, begin=begin
        )
        outcome = await handler.attempt(attempt)

    (made,) = sink.calls
    assert (outcome.done, prepared.recipient, begun) == (True, "localhost", [True])
    assert made.line.startswith("POST /u?t=1 ")
    assert made.body == b"List-Unsubscribe=One-Click"
    assert made.headers["content-type"] == "application/x-www-form-urlencoded"
    assert not {"cookie", "authorization", "idempotency-key"} & {name.lower() for name in made.headers}


async def test_an_address_of_this_machine_is_not_called(world: World) -> None:
    world.allow |= {"unsubscribe"}
    async with web_sink(WebSink()) as sink:
        headers = {
            "List-Unsubscribe": f"<https://127.0.0.1:{sink.port}/u>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
        world.deliver(headers=headers)
        await world.run(STEP)

    assert sink.connections == 0
    assert await world.states() == ["given_up"]


async def test_a_mail_leaves_a_list_once(world: World) -> None:
    world.allow |= {"unsubscribe"}
    async with mail_sink(MailSink()) as sink:
        world.mail_goes_to(sink)
        for _ in range(2):
            world.deliver(headers={"List-Unsubscribe": "<mailto:leave@l.example?subject=bye>"})
        await world.run(STEP, uid=1)
        await world.run(STEP, uid=2)

    (letter,) = sink.taken
    assert letter.recipients == ("leave@l.example",)
    assert b"Subject: bye\r\n" in letter.content


def test_the_permission_stands_in_the_main_file() -> None:
    rule = "rules: [{name: r, if: always, do: [%s]}]\n"

    with pytest.raises(Exception, match="unsubscribe goes out of the mailbox, and this file does not allow it"):
        load(HEAD + rule % "unsubscribe")
    with pytest.raises(Exception, match="unsubscribe takes true, not text"):
        load(HEAD + "allow: unsubscribe\n" + rule % "{unsubscribe: now}")
    assert load(HEAD + "allow: unsubscribe\n" + rule % "unsubscribe").rules.rules
