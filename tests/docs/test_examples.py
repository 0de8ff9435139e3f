"""Every Python example of the pages runs, and prints what the page says it prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.imap import pipelining, states
from mailrules.testing.builders import message
from tests.docs.pages import Example, examples, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailrules.settings import AccountSettings
    from mailrules.testing.mail_state import MailAccount


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keeps what the page adds, a variable and the rows of a verb, from other tests."""
    monkeypatch.setenv("MAIL_PASSWORD", "")
    known = set(states.TRANSITIONS)
    yield
    for verb in set(states.TRANSITIONS) - known:
        del states.TRANSITIONS[verb], pipelining.USES[verb]


@pytest.mark.usefixtures("tables")
async def test_the_clients_page_runs_from_top_to_bottom() -> None:
    names: dict[str, object] = {"__name__": "page"}

    for example in examples("docs/reference/client.md"):
        assert (example.line, await run(example, names)) == (example.line, example.output)


async def test_the_readmes_client_shows_subjects(mail_account: MailAccount, imap_settings: AccountSettings) -> None:
    mail_account.add("INBOX", message(subject="Hello"))
    (shown,) = examples("README.md")
    names: dict[str, object] = {"account": imap_settings}

    await run(shown, names)

    call = Example(page="README.md", line=shown.line, code="await show_subjects(account)", output="")
    assert await run(call, names) == "1 b'Hello'\n"
