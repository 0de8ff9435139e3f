"""``mailrules doctor`` tells for each account how sure each effect is there, and whether its SEARCH tells the truth."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mailrules.testing.capabilities import without
from mailrules.testing.server_faults import AtCommand, Refuse
from tests.narrowing.liars import ONE_KEY

if TYPE_CHECKING:
    from mailrules.testing.imap_server import ImapServer
    from mailrules.testing.mail_state import MailAccount
    from tests.cli.conftest import Program


def test_a_matrix_of_effects_and_promises_is_printed_for_an_account(served: Program, server: ImapServer) -> None:
    server.capabilities = without("UIDPLUS")

    told = served.run("doctor")

    assert told.exit_code == 0, told.output
    assert "home" in told.stdout
    (line,) = [line for line in told.stdout.splitlines() if line.strip().startswith("delete ")]
    assert "best effort" in line
    assert "UIDPLUS" in line


def test_nothing_is_opened_but_inbox_to_read(served: Program, server: ImapServer) -> None:
    served.run("doctor")

    assert {"SELECT", "STATUS", "UID STORE"}.isdisjoint(server.commands_seen)
    assert server.commands_seen.count("EXAMINE") == 1


def test_search_that_tells_the_truth_is_told(served: Program) -> None:
    told = served.run("doctor")
    document = json.loads(served.run("doctor", "--json").stdout)

    assert "SEARCH tells the truth (tried SEEN, FLAGGED" in told.stdout
    (home,) = document["accounts"]
    assert home["search"] == {
        "tried": ["SEEN", "FLAGGED", "ANSWERED", "DELETED", "DRAFT", "BEFORE", "SINCE", "LARGER", "SMALLER"],
        "messages": 5,
        "wrong": [],
    }


def test_a_key_that_lies_is_named_and_stays_named_until_it_is_tried_again(served: Program, server: ImapServer) -> None:
    lie = next(lie for lie in ONE_KEY if lie.key == "LARGER")
    server.faults.append(lie.fault)

    told = served.run("doctor")
    server.faults.clear()
    later = served.run("doctor")
    again = served.run("doctor", "--search-again")

    assert "SEARCH answers wrongly: LARGER" in told.stdout
    assert "LARGER is not asked: SEARCH LARGER" in later.stdout
    assert "SEARCH tells the truth" in later.stdout
    assert "is not asked" not in again.stdout


def test_a_server_that_refuses_to_search_is_told(served: Program, server: ImapServer) -> None:
    server.faults.append(AtCommand(command="UID SEARCH", nth=None, reaction=Refuse()))

    assert "SEARCH was refused" in served.run("doctor").stdout


def test_an_empty_inbox_is_told(served: Program, mail: MailAccount) -> None:
    for uid in list(mail["INBOX"].messages):
        mail["INBOX"].remove(uid)

    assert "INBOX has no messages" in served.run("doctor").stdout


def test_the_document_holds_capabilities_and_promises(served: Program) -> None:
    document = json.loads(served.run("doctor", "--json").stdout)

    assert document["version"] == 1
    (home,) = document["accounts"]
    assert "MOVE" in home["capabilities"]
    assert home["promises"]["add_flags"]["sureness"] == "exact"


def test_an_account_that_cannot_be_reached_is_told_and_decides_the_status(served: Program) -> None:
    text = served.config.read_text(encoding="utf-8")
    served.config.write_text(text.replace("user: ann", "user: nobody"), encoding="utf-8")

    told = served.run("doctor", "--json")

    assert told.exit_code == 4
    assert "error" in json.loads(told.stdout)["accounts"][0]


def test_an_account_that_the_configuration_lacks_is_refused(served: Program) -> None:
    assert served.run("doctor", "--account", "work").exit_code == 2
