"""What a rule file may say of going out, and each mistake with its place and its cure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mailrules.errors import RuleError
from mailrules.plan.actions import Effect
from mailrules.rules.loader import load_configuration
from mailrules.settings import OutboxSettings, SecretReference, Security, SmtpSettings, WebhookSettings
from tests.rules.loading import BUILT_IN, HEAD, load

if TYPE_CHECKING:
    from pathlib import Path

    from mailrules.rules.loader import LoadedConfiguration

WAYS = """\
smtp: {host: localhost, security: none, from: me@example.org}
webhooks: {hook: {url: "https://hook.example.org/"}}
allow: [forward, reply, notify, webhook, pipe]
"""


def with_action(action: str, *, ways: str = WAYS) -> LoadedConfiguration:
    return load(f"{HEAD}{ways}rules: [{{name: r, if: always, do: [{action}]}}]\n")


def effects(action: str) -> list[Effect]:
    (rule,) = with_action(action).rules.rules
    return [use.value for branch in rule.branches for use in branch.actions if isinstance(use.value, Effect)]


def mistakes(text: str, *, others: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(RuleError) as caught:
        load(text, others=others)
    return [str(one) for one in caught.value.diagnostics]


def test_each_address_of_a_forward_is_an_effect_of_its_own() -> None:
    found = effects("{forward: {to: [bo@example.org, cy@Example.org, bo@example.org], form: resent}}")

    assert [(one.name, one.target, one.options) for one in found] == [
        ("forward", "bo@example.org", {"form": "resent"}),
        ("forward", "cy@example.org", {"form": "resent"}),
    ]


@pytest.mark.parametrize(
    ("action", "target", "options"),
    [
        ("{reply: Away}", "", {"text": "Away", "subject": "", "every_seconds": 604800.0}),
        ("{reply: {text: Away, every: 1d}}", "", {"text": "Away", "subject": "", "every_seconds": 86400.0}),
        ("{notify: {to: a@b.example, text: x}}", "a@b.example", {"text": "x", "subject": ""}),
        ("{notify: {via: hook, text: x}}", "hook", {"text": "x", "subject": "", "via": "hook"}),
        ("{webhook: hook}", "hook", {}),
        ("{webhook: {url: hook}}", "hook", {}),
        ("{webhook: 'https://a.example/x'}", "https://a.example/x", {}),
        ("{pipe: [/bin/cat, -n]}", "/bin/cat", {"command": ["/bin/cat", "-n"], "seconds": 60.0}),
        ("{pipe: {command: [/bin/cat], timeout: 5s}}", "/bin/cat", {"command": ["/bin/cat"], "seconds": 5.0}),
    ],
)
def test_each_action_becomes_an_effect(action: str, target: str, options: dict[str, object]) -> None:
    (effect,) = effects(action)

    assert (effect.target, effect.options) == (target, options)


@pytest.mark.parametrize("word", ["forward", "reply", "notify", "webhook", "pipe"])
def test_each_action_has_to_be_allowed_by_its_name_in_the_main_file(word: str) -> None:
    allowed = [other for other in ("delete", "forward", "reply", "notify", "webhook", "pipe") if other != word]
    ways = f"smtp: {{host: localhost, security: none, from: me@example.org}}\nallow: [{', '.join(allowed)}]\n"

    (found,) = mistakes(f"{HEAD}{ways}rules: [{{name: r, if: always, do: [{{{word}: x}}]}}]\n")

    assert f"{word} goes out of the mailbox, and this file does not allow it" in found
    assert found.endswith(f"add allow: [{word}] to the main file, or remove the action")
    assert found.startswith("main.yaml:8:")


@pytest.mark.parametrize(
    "key", ["allow: [forward]", "smtp: {host: a.example, from: a@b.example}", "webhooks: {}", "outbox: {}"]
)
def test_an_included_file_grants_no_way_out(key: str) -> None:
    found = mistakes(f"{HEAD}include: [more.yaml]\n", others={"more.yaml": f"version: 1\n{key}\n"})

    assert f'"{key.partition(":")[0]}" may not stand in an included file' in found[0]


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("{pipe: [/bin/cat]}", "a program may only be named in the main file"),
        ("{webhook: 'https://evil.example/'}", "an included file calls endpoints by name only"),
        ("{notify: {via: 'https://evil.example/', text: x}}", "an included file calls endpoints by name only"),
    ],
)
def test_an_included_file_names_no_program_and_no_url(action: str, words: str) -> None:
    included = f"version: 1\nrules: [{{name: r, if: always, do: [{action}]}}]\n"

    (found,) = mistakes(f"{HEAD}{WAYS}include: [more.yaml]\n", others={"more.yaml": included})

    assert words in found
    assert found.startswith("more.yaml:2:")


def test_a_rule_pack_sends_nothing_even_where_the_main_file_allows_it(tmp_path: Path) -> None:
    pack = tmp_path / "pack.yaml"
    files = {
        "main.yaml": f"{HEAD}{WAYS}include: ['pack:stranger']\n",
        str(pack): "version: 1\nrules: [{name: r, if: always, do: [{forward: evil@evil.example}]}]\n",
    }

    with pytest.raises(RuleError, match="a rule pack does not forward; copy the rule into a file of your own"):
        load_configuration(
            "main.yaml", read=lambda path: files[path].encode(), registry=BUILT_IN, expand=lambda _: [str(pack)]
        )


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("{forward: '{from}'}", "is no plain address"),
        ("{forward: 'a@b.example\\nBcc: c@d.example'}", "is no plain address"),
        ("{forward: {form: attachment}}", "forward lacks its address"),
        ("{forward: {to: a@b.example, form: inline}}", 'form is attachment or resent, not "inline"'),
        ("{forward: {to: a@b.example, cc: x}}", 'unknown operator "cc" under forward'),
        ("{forward: true}", "text is expected here"),
        ("{reply: true}", "reply takes its text, not"),
        ("{reply: {subject: x}}", "reply lacks its text"),
        ("{reply: {text: '{body}'}}", 'this text has no field "body"'),
        ("{reply: {text: 'a { b'}}", 'a single "{"'),
        ("{reply: {text: x, every: soon}}", "soon"),
        ("{notify: hello}", "notify takes to or via, and text"),
        ("{notify: {text: x}}", "notify needs a text, and either to or via"),
        ("{notify: {to: a@b.example, via: hook, text: x}}", "notify needs a text, and either to or via"),
        ("{notify: {to: a@b.example}}", "notify needs a text, and either to or via"),
        ("{webhook: hok}", 'there is no webhook "hok"; did you mean "hook"?'),
        ("{webhook: 'http://a.example/'}", "only https may be called"),
        ("{webhook: 'https://me:pw@a.example/'}", "a URL holds no user or password here"),
        ("{webhook: 'https:///x'}", "the URL lacks its host"),
        ("{webhook: 'https://a.example:99999/'}", "this is no URL"),
        ("{pipe: cat}", "a command is a list of words"),
        ("{pipe: [cat]}", '"cat" is no path of a program'),
        ("{pipe: {timeout: 5s}}", "pipe lacks its command"),
        ("{pipe: []}", "this list is empty"),
    ],
)
def test_a_mistake_has_its_sentence(action: str, words: str) -> None:
    (found,) = mistakes(f"{HEAD}{WAYS}rules: [{{name: r, if: always, do: [{action}]}}]\n")

    assert words in found


@pytest.mark.parametrize("action", ["{forward: a@b.example}", "{reply: x}", "{notify: {to: a@b.example, text: x}}"])
def test_mail_needs_a_server_to_be_handed_in_at(action: str) -> None:
    ways = "allow: [forward, reply, notify]\n"

    (found,) = mistakes(f"{HEAD}{ways}rules: [{{name: r, if: always, do: [{action}]}}]\n")

    assert 'needs smtp, and the account "home" has none; add smtp:' in found


def test_the_ways_out_become_settings() -> None:
    found = load(
        f"""\
{HEAD}
smtp: {{host: smtp.example.org, user: me, secret: {{env: SMTP}}, from: me@example.org, timeout: 9s, ca_file: ca.pem}}
webhooks:
  a: {{url: "https://a.example/", secret: {{file: t}}, header: X-Token, idempotent: true, timeout: 3s}}
  b: {{url: "http://10.0.0.1:8080/x", allow_private: true}}
outbox: {{per_rule: 1, per_recipient: 2, in_all: 3, per: 5m, attempts: 4}}
"""
    )

    assert found.smtp == SmtpSettings(
        host="smtp.example.org",
        port=465,
        sender="me@example.org",
        security=Security.TLS,
        user="me",
        secret=SecretReference(kind="env", value="SMTP"),
        ca_file="ca.pem",
        timeout_seconds=9.0,
    )
    assert found.webhooks == {
        "a": WebhookSettings(
            name="a",
            url="https://a.example/",
            header="X-Token",
            secret=SecretReference(kind="file", value="t"),
            is_idempotent=True,
            timeout_seconds=3.0,
        ),
        "b": WebhookSettings(name="b", url="http://10.0.0.1:8080/x", allow_private=True),
    }
    assert found.outbox == OutboxSettings(per_rule=1, per_recipient=2, in_all=3, per=timedelta(minutes=5), attempts=4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("smtp: {host: smtp.example.org, from: nobody}", '"nobody" is no plain address'),
        ("smtp: {host: smtp.example.org, from: a@b.example, user: me}", "smtp has user and secret, or neither"),
        (
            "smtp: {host: a.example, from: a@b.example, user: me, secret: hunter2}",
            "a secret does not belong in this file",
        ),
        (
            "smtp: {host: a.example, from: a@b.example, user: me, password: hunter2}",
            "a password does not belong in this file",
        ),
        (
            "smtp: {host: a.example, from: a@b.example, security: none}",
            "would cross the network to a.example unprotected",
        ),
        (
            "webhooks: {a: {url: 'http://a.example/'}}",
            "only https may be called (http where allow_private: true stands)",
        ),
        ("webhooks: {a: {url: 'ftp://a.example/', allow_private: true}}", "only https may be called"),
        ("webhooks: {a: {url: 'https://a.example/', secret: hunter2}}", "a secret does not belong in this file"),
        ("outbox: {per_rule: 0}", "greater than or equal to 1"),
    ],
)
def test_a_mistake_in_a_way_out_has_its_sentence_and_repeats_no_secret(text: str, words: str) -> None:
    found = mistakes(HEAD + text + "\n")

    assert words in found[0]
    assert "hunter2" not in " ".join(found)
