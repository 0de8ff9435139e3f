"""Which tests are begun first, so that in the end no worker is left alone with a long one?

``make test`` hands out modules in this order, each to the next worker that is free (pytest-xdist's ``loadscope``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

LONG = (
    "tests/torture/test_catalogue.py",
    "tests/end_to_end/test_interruptions.py",
    "tests/end_to_end/test_large_mailbox.py",
    "tests/execution/test_crashes.py",
    "tests/execution/test_each_server.py",
    "tests/torture/test_the_judge.py",
    "tests/hostile_mail/test_bounds.py",
    "tests/imaplib/test_cpython.py",
    "tests/end_to_end/test_bad_input.py",
    "tests/torture/test_real_servers.py",
    "tests/torture/test_full_disks.py",
    "tests/hostile_mail/test_whole_path.py",
    "tests/inverses/test_commands.py",
    "tests/probes/test_facts.py",
    "tests/soak/test_losses.py",
    "tests/end_to_end/test_moved_on.py",
    "tests/cli/test_bad_luck.py",
)
"""What takes longest, the longest first; the rest follows as it is collected."""


def put_long_first(items: list[pytest.Item]) -> None:
    """Sort what is collected; the order within a module stays."""
    rank = {name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.nodeid.partition("::")[0], len(rank)))
