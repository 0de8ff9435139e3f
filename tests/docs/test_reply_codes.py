"""The page of reply codes says what the table does."""

from __future__ import annotations

import re

import pytest

from mailrules.errors import CommandRefused
from mailrules.execution.reply_codes import BAD, OTHER, REPLIES, Handling, Reply, explain, reply_for
from mailrules.imap.response_codes import Code
from tests.docs.pages import read_page

ROWS = {
    cells[0].strip("`"): cells[1:]
    for cells in (
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in read_page("docs/reference/reply-codes.md").splitlines()
        if line.startswith("| ") and not line.startswith(("| ---", "| code"))
    )
}
OF_THE_FAILURE_MODEL = [
    *("TRYCREATE", "OVERQUOTA", "NOPERM", "INUSE", "LIMIT", "UNAVAILABLE", "EXPUNGEISSUED", "CORRUPTION"),
    *("CONTACTADMIN", "SERVERBUG", "ALREADYEXISTS", "NONEXISTENT", "CLIENTBUG", "CANNOT"),
    *("AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "PRIVACYREQUIRED"),
]


def cells_of(reply: Reply) -> list[str]:
    return [str(reply.handling), reply.when, "yes" if reply.nothing_done else "no", reply.advice]


def test_every_row_of_the_table_is_on_the_page_and_no_other() -> None:
    rows = {code: cells_of(reply) for code, reply in REPLIES.items()}

    assert rows | {"any other, or none": cells_of(OTHER), "any with BAD": cells_of(BAD)} == ROWS


def test_every_code_is_one_that_the_client_knows() -> None:
    assert set(REPLIES) <= {str(code) for code in Code}


@pytest.mark.parametrize("code", OF_THE_FAILURE_MODEL)
def test_every_code_of_rfc_5530_that_refuses_has_a_row(code: str) -> None:
    assert code in REPLIES


def test_a_bad_is_a_fault_whatever_its_code() -> None:
    assert reply_for(CommandRefused("MOVE", status="BAD", code="OVERQUOTA")) is BAD


def test_a_refusal_is_explained_with_the_servers_words_and_the_cure() -> None:
    words = explain(CommandRefused("MOVE", status="NO", code="OVERQUOTA", text="Full"))

    assert words == "MOVE refused: NO [OVERQUOTA] Full; free space in the account, then run again"


def test_what_is_held_or_retried_is_tried_again() -> None:
    waiting = {code for code, reply in REPLIES.items() if reply.handling is not Handling.REPORT}

    assert {code for code in waiting if re.match("never", REPLIES[code].when)} == set()
