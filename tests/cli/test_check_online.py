"""``mailrules check --online`` tells what the rules ask of a server that it cannot do, and changes nothing there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mailrules.testing.capabilities import without
from mailrules.testing.server_faults import AtCommand, Refuse
from tests.cli.conftest import account_text

if TYPE_CHECKING:
    from mailrules.testing.imap_server import ImapServer
    from mailrules.testing.mail_state import MailAccount
    from tests.cli.conftest import Program

RULES = """\
rules:
  - name: bills
    if: {subject: {contains: bill}}
    do:
      - move: Bils
  - name: lists
    if: {subject: {contains: list}}
    do:
      - move: {to: Lists, create: true}
"""


def configure(served: Program, server: ImapServer, rules: str) -> None:
    served.config.write_text(account_text(server.port, password_file=served.folder / "password") + rules, "utf-8")


def findings(served: Program) -> list[tuple[int, str, str, str]]:
    document = json.loads(served.run("check", "--online", "--json").stdout)
    return [(one["line"], one["severity"], one["message"], one["cure"]) for one in document["findings"]]


def test_a_target_that_is_missing_is_told_with_its_place_and_the_nearest_name(
    served: Program, server: ImapServer, mail: MailAccount
) -> None:
    mail.create("Bills")
    configure(served, server, RULES)

    told = findings(served)

    assert [one[1:] for one in told] == [("warning", 'there is no mailbox "Bils" in home', 'did you mean "Bills"?')]
    lines = served.config.read_text("utf-8").splitlines()
    assert "move: Bils" in lines[told[0][0] - 1]


def test_nothing_is_opened_and_nothing_written(served: Program, server: ImapServer) -> None:
    configure(served, server, RULES)

    served.run("check", "--online")

    assert "LIST" in server.commands_seen
    assert {"SELECT", "EXAMINE", "CREATE", "STATUS"}.isdisjoint(server.commands_seen)


def test_without_online_no_server_is_asked(served: Program, server: ImapServer) -> None:
    configure(served, server, RULES)

    assert served.run("check").exit_code == 0
    assert not server.commands_seen


def test_a_source_that_is_missing_is_told(served: Program, server: ImapServer) -> None:
    configure(served, server, RULES.replace("name: lists\n", "name: lists\n    in: [home/Inbax]\n"))

    assert ("warning", 'there is no mailbox "Inbax" in home', 'did you mean "INBOX"?') in [
        one[1:] for one in findings(served)
    ]


def test_what_a_move_is_without_its_extensions_is_a_notice(served: Program, server: ImapServer) -> None:
    server.capabilities = without("MOVE", "UIDPLUS")
    configure(served, server, RULES)

    notices = [message for _, severity, message, _ in findings(served) if severity == "notice"]

    assert len(notices) == 2
    assert all("move is best effort in home" in one for one in notices)


def test_a_policy_that_the_server_cannot_keep_is_told(served: Program, server: ImapServer) -> None:
    configure(served, server, RULES + 'mailboxes:\n  home/INBOX: {metadata: {/private/comment: "in"}}\n')

    assert any("metadata cannot be set: the server has no METADATA" in one[2] for one in findings(served))


def test_a_login_that_is_refused_has_its_exit_status(served: Program, server: ImapServer) -> None:
    configure(served, server, RULES)
    (served.folder / "password").write_text("wrong", encoding="utf-8")

    told = served.run("check", "--online")

    assert told.exit_code == 4
    assert "home: not asked:" in told.stdout


def test_a_server_that_is_not_there_has_its_exit_status(served: Program) -> None:
    served.config.write_text(account_text(1, password_file=served.folder / "password") + RULES, "utf-8")

    assert served.run("check", "--online").exit_code == 5


def test_rights_that_a_move_lacks_at_either_end_are_told(
    served: Program, server: ImapServer, mail: MailAccount
) -> None:
    mail.create("Bils").rights["ann"] = "lr"
    mail["INBOX"].rights["ann"] = "lrs"
    configure(served, server, RULES.partition("  - name: lists")[0])

    messages = {message for _, _, message, _ in findings(served)}

    assert messages == {
        'we may not mark messages in it as deleted: no right t on "INBOX" of home',
        'we may not expunge messages of it: no right e on "INBOX" of home',
        'we may not put messages into it: no right i on "Bils" of home',
    }


def test_archive_without_a_mailbox_for_it_is_told(served: Program, server: ImapServer, mail: MailAccount) -> None:
    mail["Archive"].special_use = ""
    configure(served, server, "rules:\n  - name: old\n    if: {subject: {contains: x}}\n    do: [archive]\n")

    assert any("home has no mailbox for archive" in message for _, _, message, _ in findings(served))


def test_of_an_account_that_does_not_answer_nothing_is_said_to_be_missing(served: Program, server: ImapServer) -> None:
    other = "  work: {host: 127.0.0.1, port: 1, user: me, security: none, secret: {env: HOME}}\n"
    configure(served, server, RULES.replace("move: Bils", "move: work/Bills"))
    text = served.config.read_text("utf-8")
    served.config.write_text(text.replace("accounts:\n", "accounts:\n" + other), "utf-8")

    document = json.loads(served.run("check", "--online", "--json").stdout)

    assert list(document["not_asked"]) == ["work"]
    assert document["findings"] == []


def test_a_name_that_a_rule_gives_a_mailbox_is_not_missing(
    served: Program, server: ImapServer, mail: MailAccount
) -> None:
    mail.create("Old")
    rename = "  - name: names\n    if: always\n    do: [{rename: {mailbox: Old, to: Bils}}]\n"
    configure(served, server, RULES.replace("rules:\n", "rules:\n" + rename))

    assert [one for one in findings(served) if "there is no mailbox" in one[2]] == []


def test_rights_that_are_not_told_are_said_to_be_so(served: Program, server: ImapServer, mail: MailAccount) -> None:
    server.faults.append(AtCommand(command="MYRIGHTS", reaction=Refuse(text="not yours to ask"), nth=1))
    mail.create("Bills")
    configure(served, server, RULES.replace("Bils", "Bills"))

    told = [message for _, severity, message, _ in findings(served) if severity == "notice"]

    assert any("are not told" in message and "not yours to ask" in message for message in told)


def test_a_condition_that_the_server_cannot_answer_is_told_once_for_each_place(
    served: Program, server: ImapServer
) -> None:
    rule = "  - name: {0}\n    if: {1}\n    do: [keep]\n"
    conditions = ("{saved: {older_than: 1d}}", "{quota: {percent: {over: 90}}}", "{search: 'SEEN'}")
    configure(served, server, "rules:\n" + "".join(rule.format(one[1:4], one) for one in conditions))

    told = [(severity, message) for _, severity, message, _ in findings(served)]

    assert told == [
        ("warning", "`saved` cannot be known in home: the server has no SAVEDATE (RFC 8514)"),
        ("warning", "`quota` cannot be known in home: the server has no QUOTA (RFC 9208)"),
    ]


def test_a_mailbox_that_is_marked_already_needs_no_extension_for_it(
    served: Program, server: ImapServer, mail: MailAccount
) -> None:
    mail.create("Old")
    configure(
        served, server, "mailboxes:\n  home/Archive: {special_use: archive}\n  home/Old: {special_use: archive}\n"
    )

    told = [message for _, _, message, _ in findings(served)]

    assert told == ["special_use cannot be set: the server has no CREATE-SPECIAL-USE (RFC 6154)"]
