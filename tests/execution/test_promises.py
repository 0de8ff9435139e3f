"""What is promised of each kind of step follows from the capabilities."""

from __future__ import annotations

import pytest

from mailrules.execution.promises import Sureness, promises
from mailrules.plan.plan import StepKind
from mailrules.testing.capabilities import EVERY_CAPABILITY, without


def sureness(capabilities: frozenset[str]) -> dict[str, str]:
    return {str(kind): str(one.sureness) for kind, one in promises(capabilities).items()}


def test_every_kind_of_step_has_a_promise_and_a_reason() -> None:
    matrix = promises(EVERY_CAPABILITY)

    assert set(matrix) == set(StepKind)
    assert all(one.reason for one in matrix.values())


def test_a_server_with_everything_but_metadata_and_quotas() -> None:
    assert sureness(EVERY_CAPABILITY) == {
        "add_flags": "exact",
        "remove_flags": "exact",
        "copy": "exact when quiet",
        "move": "exact when quiet",
        "delete": "exact",
        "append": "exact when quiet",
        "create": "exact",
        "rename": "exact when quiet",
        "subscribe": "exact",
        "setacl": "best effort",
        "effect": "at most once",
        "delete_mailbox": "exact when quiet",
        "unsubscribe": "exact",
        "setmetadata": "refused",
        "setquota": "refused",
    }


@pytest.mark.parametrize(
    ("lacking", "changed"),
    [
        (
            ["CONDSTORE"],
            {"add_flags": "exact when quiet", "remove_flags": "exact when quiet", "delete": "exact when quiet"},
        ),
        (["ACL"], {"setacl": "refused"}),
        (["MOVE"], {}),
        (["UIDPLUS"], {"move": "best effort", "delete": "best effort"}),
        (["MOVE", "UIDPLUS"], {"move": "best effort", "delete": "best effort"}),
    ],
)
def test_what_lacks_makes_some_less_sure_and_nothing_else(lacking: list[str], changed: dict[str, str]) -> None:
    everything = sureness(EVERY_CAPABILITY)

    assert sureness(without(*lacking)) == everything | changed


def test_imap4rev2_has_move_and_uidplus_in_it() -> None:
    assert promises(frozenset({"IMAP4REV2"}))[StepKind.MOVE].sureness is Sureness.EXACT_WHEN_QUIET
