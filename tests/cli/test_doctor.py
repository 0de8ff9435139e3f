"""``mailrules doctor`` tells for each account how sure each effect is there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mailrules.testing.capabilities import without

if TYPE_CHECKING:
    from mailrules.testing.imap_server import ImapServer
    from tests.cli.conftest import Program


def test_a_matrix_of_effects_and_promises_is_printed_for_an_account(served: Program, server: ImapServer) -> None:
    server.capabilities = without("UIDPLUS")

    told = served.run("doctor")

    assert told.exit_code == 0, told.output
    assert "home" in told.stdout
    (line,) = [line for line in told.stdout.splitlines() if line.strip().startswith("delete ")]
    assert "best effort" in line
    assert "UIDPLUS" in line


def test_nothing_is_opened(served: Program, server: ImapServer) -> None:
    served.run("doctor")

    assert {"SELECT", "EXAMINE", "STATUS"}.isdisjoint(server.commands_seen)


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
