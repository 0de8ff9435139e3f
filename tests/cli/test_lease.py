"""``lease: true``: a second machine's run is refused while the first one's lease stands."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailrules.testing.mail_state import MailAccount
    from tests.cli.conftest import Program


def with_lease(program: Program) -> None:
    text = program.config.read_text("utf-8")
    program.config.write_text(re.sub("user: ann", "user: ann, lease: true", text), "utf-8")


def test_a_run_takes_the_lease_and_gives_it_back(served: Program, mail: MailAccount) -> None:
    with_lease(served)

    ended = served.run("run", "--once", "--yes")

    assert ended.exit_code == 0, ended.output
    assert len(mail["Lists/gardening"].messages) == 3
    assert not any(name.startswith("mailrules-lease") for name in mail.mailboxes)


def test_a_run_is_refused_while_another_machine_is_heard_of(served: Program, mail: MailAccount) -> None:
    with_lease(served)
    mail.create("mailrules-lease-1")
    mail.add(
        "mailrules-lease-1",
        f"X-Mailrules-Lease: held {'e' * 32}\r\n\r\n".encode(),
        received=datetime(2100, 1, 1, tzinfo=UTC),
    )

    ended = served.run("run", "--once", "--yes")

    assert ended.exit_code == 6, ended.output
    assert "another mailrules holds the lease" in ended.output
    assert len(mail["INBOX"].messages) == 5


def test_a_preview_needs_no_lease(served: Program, mail: MailAccount) -> None:
    with_lease(served)
    mail.create("mailrules-lease-1")

    assert served.run("dry-run").exit_code == 0
    assert "mailrules-lease-1" in mail.mailboxes
