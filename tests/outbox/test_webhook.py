"""An endpoint that fails at every point: nothing is called twice but where its owner allows it, and nowhere else."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from mailrules.delivery import webhook as calling
from mailrules.execution.effects import EffectRefused
from mailrules.settings import OutboxSettings, SecretReference, WebhookSettings
from tests.outbox.web_sink import WebSink, answer, web_sink
from tests.outbox.world import move, notify, webhook

if TYPE_CHECKING:
    from pathlib import Path

    from tests.outbox.world import World


def calls_go_to(world: World, sink: WebSink, *, idempotent: bool = False, **more: object) -> None:
    values = {"url": f"http://127.0.0.1:{sink.port}/hook?a=1", "allow_private": True, "timeout_seconds": 15.0}
    world.webhooks = {"hook": WebhookSettings(name="hook", is_idempotent=idempotent, **(values | more))}


async def test_an_endpoint_is_told_of_the_message_with_a_constant_key(world: World) -> None:
    world.deliver(subject="Grüße", message_id="<one@example.org>")
    async with web_sink(WebSink()) as sink:
        calls_go_to(world, sink)

        await world.run(webhook(), move())

    (call,) = sink.calls
    assert (call.line, await world.states()) == ("POST /hook?a=1 HTTP/1.1", ["applied"])
    assert call.document["subject"] == "Grüße"
    assert call.headers["idempotency-key"] == call.document["key"]
    assert call.headers["host"] == f"127.0.0.1:{sink.port}"
    assert world.mailboxes_with_mail() == ["Done"]


@pytest.mark.parametrize("idempotent", [False, True])
@pytest.mark.parametrize("point", ["accepted", "in_request", "after_request", "in_status", "in_headers"])
async def test_after_the_first_byte_only_a_declared_receiver_is_called_again(
    world: World, point: str, idempotent: bool
) -> None:
    world.deliver()
    async with web_sink(WebSink(cut_at=point)) as sink:
        calls_go_to(world, sink, idempotent=idempotent)

        await world.run(webhook(), move())
        first = (await world.states(), world.mailboxes_with_mail())
        sink.cut_at = ""
        calls_before = len(sink.calls)
        for _ in range(2):
            await world.kill()
            world.pass_time(days=1)
            await world.work()

    assert first == (["waiting" if idempotent else "unknown"], ["INBOX"])
    assert await world.states() == ["applied" if idempotent else "unknown"]
    assert len(sink.calls) - calls_before == int(idempotent)
    assert len({call.headers["idempotency-key"] for call in sink.calls}) <= 1


async def test_a_port_that_nobody_listens_on_is_tried_again_for_any_receiver(world: World) -> None:
    world.deliver()
    async with web_sink(WebSink()) as sink:
        calls_go_to(world, sink)
    await world.run(webhook(), move())
    assert await world.states() == ["waiting"]

    async with web_sink(sink):
        world.pass_time(minutes=2)
        await world.work()

    assert (await world.states(), len(sink.calls)) == (["applied"], 1)


@pytest.mark.parametrize(
    ("status", "plain", "declared"),
    [
        (200, "applied", "applied"),
        (302, "given_up", "given_up"),
        (404, "given_up", "given_up"),
        (429, "given_up", "waiting"),
        (500, "unknown", "waiting"),
        (503, "unknown", "waiting"),
    ],
)
@pytest.mark.parametrize("idempotent", [False, True])
async def test_each_status_has_its_state(
    world: World, status: int, plain: str, declared: str, idempotent: bool
) -> None:
    world.deliver()
    async with web_sink(WebSink(answers=[answer(status, headers={"Location": "http://127.0.0.1:1/"})])) as sink:
        calls_go_to(world, sink, idempotent=idempotent)

        await world.run(webhook(), move())

    assert await world.states() == [declared if idempotent else plain]
    assert sink.connections == 1, "no redirect is followed, and nothing is repeated behind our back"


async def test_it_is_not_called_again_before_it_wants_to_be(world: World) -> None:
    world.deliver()
    async with web_sink(WebSink(answers=[answer(429, headers={"Retry-After": "7200"}), answer(200)])) as sink:
        calls_go_to(world, sink, idempotent=True)
        await world.run(webhook(), move())
        (waiting,) = await world.waiting()
        assert (waiting.due - world.clock).total_seconds() == 7200
        world.pass_time(seconds=7199)
        assert await world.work() == ()

        world.pass_time(seconds=1)
        await world.work()

    assert (await world.states(), len(sink.calls)) == (["applied"], 2)


async def test_an_endpoint_that_never_answers_is_left_in_bounded_time(world: World) -> None:
    world.deliver()
    async with web_sink(WebSink(is_silent=True)) as sink:
        calls_go_to(world, sink, timeout_seconds=3.0)

        await world.run(webhook(), move())

    assert (await world.states(), len(sink.calls)) == (["unknown"], 1)


async def test_of_an_endless_answer_only_a_little_is_read(world: World) -> None:
    world.deliver()
    huge = answer(200, headers={"Content-Length": str(1 << 40)}, body=b"x" * (8 << 20))
    async with web_sink(WebSink(answers=[huge])) as sink:
        calls_go_to(world, sink)

        await world.run(webhook(), move())

    assert await world.states() == ["applied"]


async def test_retries_end_at_the_cap(world: World) -> None:
    world.deliver()
    world.limits = OutboxSettings(attempts=3)
    async with web_sink(WebSink(answers=[answer(503)])) as sink:
        calls_go_to(world, sink, idempotent=True)
        await world.run(webhook(), move())
        for _ in range(5):
            world.pass_time(days=1)
            await world.work()

    assert (await world.states(), len(sink.calls)) == (["given_up"], 3)


async def test_the_secret_is_sent_in_its_header_and_shown_nowhere(world: World, tmp_path: Path) -> None:
    world.deliver()
    secret = tmp_path / "token"
    secret.write_text("Bearer planted-secret\n")
    secret.chmod(0o600)
    async with web_sink(WebSink(answers=[answer(403, body=b"Bearer planted-secret")])) as sink:
        calls_go_to(world, sink, secret=SecretReference(kind="file", value=str(secret)))

        report = await world.run(webhook(), move())

    assert sink.calls[0].headers["authorization"] == "Bearer planted-secret"
    assert "planted-secret" not in f"{report} {await world.details()}"
    files = [path for path in world.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if b"planted-secret" in path.read_bytes()]


async def test_https_is_verified_for_the_name_and_goes_to_the_address_that_was_looked_up(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hook.example").configure_cert(context)
    asked = []

    async def look_up(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    async def begin() -> None:
        asked.append("begin")

    async def call(host: str, *, ca_file: str) -> bool:
        settings = WebhookSettings(
            name="hook", url=f"https://{host}:{sink.port}/", allow_private=True, ca_file=ca_file, timeout_seconds=60.0
        )
        return (await calling.call(settings, b"{}", key="k", begin=begin, look_up=look_up)).done

    async with web_sink(WebSink(), tls=context) as sink:
        assert await call("hook.example", ca_file=str(tmp_path / "ca.pem"))
        assert asked == ["hook.example", "begin"]
        assert not await call("other.example", ca_file=str(tmp_path / "ca.pem"))
        assert not await call("hook.example", ca_file="")

    assert len(sink.calls) == 1
    assert asked.count("begin") == 1, "where the certificate is not good, nothing was begun"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
async def test_a_private_address_is_not_called_unless_it_is_meant(address: str) -> None:
    async def look_up(host: str, port: int) -> list[str]:
        return ["1.1.1.1", address] if address == "10.1.2.3" else [address]

    async def begin() -> None:
        pytest.fail("nothing may be sent")

    settings = WebhookSettings(name="hook", url="https://hook.example/")

    with pytest.raises(EffectRefused, match=r"allow_private: true under webhooks\.hook"):
        await calling.call(settings, b"{}", key="k", begin=begin, look_up=look_up)


def test_a_public_address_is_no_private_one() -> None:
    assert not calling.is_private("1.1.1.1")
    assert not calling.is_private("2606:4700:4700::1111")


async def test_a_notice_goes_through_an_endpoint_too(world: World) -> None:
    world.deliver(subject="Fire")
    async with web_sink(WebSink()) as sink:
        calls_go_to(world, sink)

        step = notify("hook", text="{from.name}: {subject}")
        object.__setattr__(step, "options", {**step.options, "via": "hook"})
        await world.run(step, move())

    assert json.loads(sink.calls[0].body)["text"] == "Al: Fire"
    assert await world.states() == ["applied"]
