"""The scores of the common spam filters, as their fields look in real mail."""

import pytest

from mailrules.mailbox.spam_score import MAX_SCORE_BYTES, spam_score


@pytest.mark.parametrize(
    ("field", "raw", "score"),
    [
        ("x-spam-score", b"5.3", 5.3),
        ("x-spam-score", b" -1.9 points", -1.9),
        ("x-spam-score", b"12 (++++++++++++)", 12.0),
        ("x-spam-score", b"", None),
        ("x-spam-score", b"high", None),
        ("x-spam-score", b"12345678901", None),
        ("x-rspamd-score", b"+0.25", 0.25),
        ("x-spam-status", b"Yes, score=7.1 required=5.0 tests=BAYES_99,\r\n\tHTML_MESSAGE autolearn=no", 7.1),
        ("x-spam-status", b"No, hits=-2.6 required=5.0", -2.6),
        ("x-spam-status", b"No, subscore=9 score=1", 1.0),
        ("x-spam-status", b"No", None),
        ("x-spamd-result", b"default: False [5.30 / 15.00];\r\n\tMID_RHS_NOT_FQDN(0.50)[]", 5.3),
        ("x-spamd-result", b"default: False", None),
        ("x-spam-level", b"*****", 5.0),
        ("x-spam-level", b"", 0.0),
        ("x-spam-level", b"five", None),
        ("x-spam-status", b"a" * MAX_SCORE_BYTES + b" score=9", None),
    ],
)
def test_the_score_of_a_field_is_read(field: str, raw: bytes, score: float | None) -> None:
    assert spam_score(field, raw) == score
